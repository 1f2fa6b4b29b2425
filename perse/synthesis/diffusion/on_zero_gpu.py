"""The editor on a GPU that is lent for seconds (ZeroGPU): few loans, each for as many pictures as possible."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ...gpu import LIMIT, gpu, left
from .editor import Between, Editor, EditorGone, Request, Tick

MOVE, PICTURE = 10.0, 0.8  # seconds to move 16 GB to the card, and for a picture (generous; nothing was measured there)
FIT = 20.0  # of the seconds that a build may ask for, which are kept for its fit

_editors: dict[str, Editor] = {}  # at module level: a loan's process is a fork of this one and finds them here


class LentEditor:
    """An `Editor` that borrows a GPU for each call. The models of `inner` have been placed on "cuda" outside of any loan."""

    def __init__(self, inner: Editor):
        self.inner, self.name = inner, inner.name
        self.batch = max(inner.batch, math.floor((LIMIT - FIT - MOVE) / PICTURE))
        _editors[inner.name] = inner

    def edit(self, requests: Sequence[Request], tick: Tick) -> list[np.ndarray]:
        """See `Editor.edit`; `tick` is called between batches of the inner editor."""
        _afford(len(requests))
        return _gather(_edit(self.name, list(requests)), tick)

    def interpolate(self, steps: Sequence[Between], tick: Tick) -> list[np.ndarray]:
        """See `Editor.interpolate`."""
        _afford(len(steps))
        return _gather(_interpolate(self.name, list(steps)), tick)


def _afford(pictures: int) -> None:
    if seconds(pictures) > left() - FIT:
        raise EditorGone("The GPU time of this build is used up: no more pictures were generated.")


def _gather(batches: Iterator[list[np.ndarray]], tick: Tick) -> list[np.ndarray]:
    pictures: list[np.ndarray] = []
    try:
        while (batch := _next(batches)) is not None:
            tick()
            pictures += batch
    finally:
        batches.close()  # gives the GPU back, also when `tick` cancels
    return pictures


def _next(batches: Iterator[list[np.ndarray]]) -> list[np.ndarray] | None:
    try:
        return next(batches, None)
    except Exception as error:  # noqa: BLE001  (Gradio's own errors, which this package knows nothing of: no quota, no card, a time-out)
        raise EditorGone(f"No GPU was lent for the pictures ({error}).") from None


def seconds(pictures: int) -> float:
    """GPU seconds to ask for."""
    return MOVE + PICTURE * pictures


@gpu(duration=lambda name, requests: seconds(len(requests)))
def _edit(name: str, requests: list[Request]) -> Iterator[list[np.ndarray]]:
    editor = _editors[name]
    for start in range(0, len(requests), editor.batch):
        yield editor.edit(requests[start : start + editor.batch], lambda: None)


@gpu(duration=lambda name, steps: seconds(len(steps)))
def _interpolate(name: str, steps: list[Between]) -> Iterator[list[np.ndarray]]:
    editor = _editors[name]
    for start in range(0, len(steps), editor.batch):
        yield editor.interpolate(steps[start : start + editor.batch], lambda: None)
