"""The editor on a GPU that is lent for seconds (ZeroGPU): few loans, each for as many pictures as possible."""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ...gpu import LIMIT, borrow, left, moving, placed
from .editor import Between, Editor, EditorGone, Request, Tick

MOVE, PICTURE = 10.0, 0.8  # seconds to move 16 GB to the card, and for a picture (generous; nothing was measured there)
FIT = 20.0  # of the seconds that a build may ask for, which are kept for its fit, beside those for moving

_editors: dict[str, Editor] = {}  # at module level: a loan's process is a fork of this one and finds them here


class LentEditor:
    """An `Editor` that borrows a GPU for each call. The models of `inner` have been placed on "cuda" outside of any loan."""

    def __init__(self, inner: Editor):
        self.inner, self.name = inner, inner.name
        placed(MOVE)  # every loan moves them, a fit's, too
        self.batch = max(inner.batch, math.floor((LIMIT - FIT - 2 * moving()) / PICTURE))
        _editors[inner.name] = inner

    def edit(self, requests: Sequence[Request], tick: Tick) -> list[np.ndarray]:
        """See `Editor.edit`; `tick` is called between batches of the inner editor."""
        return _made(_edit, self.name, list(requests), tick)

    def interpolate(self, steps: Sequence[Between], tick: Tick) -> list[np.ndarray]:
        """See `Editor.interpolate`."""
        return _made(_interpolate, self.name, list(steps), tick)


def _made(task, name: str, work: list, tick: Tick) -> list[np.ndarray]:
    if PICTURE * len(work) + 2 * moving() + FIT > left():
        raise EditorGone("The GPU time of this build is used up: no more pictures were generated.")
    batches = borrow(task, PICTURE * len(work), name, work)
    pictures: list[np.ndarray] = []
    try:
        while (batch := _next(batches, pictures)) is not None:
            tick()
            pictures += batch
    finally:
        batches.close()  # type: ignore[attr-defined]  # gives the GPU back, also when `tick` cancels
    if len(pictures) < len(work):
        raise EditorGone("The GPU was not lent for long enough: no more pictures were generated.", pictures)
    return pictures


def _next(batches: Iterator[list[np.ndarray]], made: list[np.ndarray]) -> list[np.ndarray] | None:
    try:
        return next(batches, None)
    except Exception as error:  # noqa: BLE001  (Gradio's own errors, which this package knows nothing of: no quota, no card, a time-out)
        raise EditorGone(f"No GPU was lent for the pictures ({error}).", made) from None


def _edit(until: float, name: str, requests: list[Request]) -> Iterator[list[np.ndarray]]:
    return _batches(until, _editors[name].batch, requests, _editors[name].edit)


def _interpolate(until: float, name: str, steps: list[Between]) -> Iterator[list[np.ndarray]]:
    return _batches(until, _editors[name].batch, steps, _editors[name].interpolate)


def _batches(until: float, size: int, work: list, make: Callable[[list, Tick], list[np.ndarray]]) -> Iterator[list[np.ndarray]]:
    """In the process that has the GPU: one batch after the other, none that would not be over when the loan is."""
    for start in range(0, len(work), size):
        some = work[start : start + size]
        if time.monotonic() + PICTURE * len(some) > until:
            return
        try:
            made = make(some, lambda: None)
        except EditorGone as gone:  # of the error only its name would reach the other side
            made = gone.made
        yield made
        if len(made) < len(some):
            return
