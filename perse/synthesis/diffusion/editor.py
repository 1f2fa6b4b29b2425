"""What the synthesizer asks of an image editor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import PerseError

Tick = Callable[[], None]  # called between steps; may raise BuildCancelled


class EditorGone(PerseError):
    """The editor cannot make any more pictures now, because no GPU is lent, say, or its memory does not suffice; a build goes on without it.

    made: the pictures that it did make, of the first of those that were asked for.
    """

    def __init__(self, message: str, made: Sequence[np.ndarray] = ()):
        super().__init__(message)
        self.made = list(made)


@dataclass(frozen=True)
class Request:
    """One edit.

    image (S, S, 3) float32; prompt: the instruction; mask (S, S) float32, 1 where the picture may change, None: everywhere;
    seed: decides the noise, whatever else is in the batch.
    """

    image: np.ndarray
    prompt: str
    mask: np.ndarray | None
    seed: int


@dataclass(frozen=True)
class Between:
    """A face between two edits of one image: share 0 is the first, 1 the second."""

    first: Request
    second: Request
    share: float


class Editor(Protocol):
    """Edits pictures by instruction. `batch`: how many requests it likes at once."""

    name: str
    batch: int

    def edit(self, requests: Sequence[Request], tick: Tick) -> list[np.ndarray]:
        """One picture (S, S, 3) float32 per request; all requests have pictures of one size."""
        ...

    def interpolate(self, steps: Sequence[Between], tick: Tick) -> list[np.ndarray]:
        """One picture (S, S, 3) per step, made in the editor's own latent space."""
        ...
