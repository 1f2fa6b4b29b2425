"""Where a GPU comes from: owned, lent for seconds (ZeroGPU), or none. Import this before torch: on ZeroGPU `spaces` has to come first.

On ZeroGPU a GPU exists only inside what `borrow` runs: in a process forked from the app, so that arguments and results are pickled and have
to be CPU values, and numba's OpenMP kernels, which do not survive a fork, must not run in it. All loans go through one decorated generator,
whose process is kept from loan to loan: every process of another one would move all models to the card once more. Models are placed on
"cuda" outside, at start, in the main thread, the only one in which `spaces` takes it for a card. The app's own process must never compute
a gradient: autograd counts the cards once, finds none there, and the forked process inherits that; nor may an optimiser step in it, which
asks a card that is not there. What learns without a loan does so `apart`. https://huggingface.co/docs/hub/spaces-zerogpu
"""

import os
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

LIMIT = 60.0  # seconds of GPU that one build may ask for in all: a visitor has two to five minutes a day
MARGIN = 1.25  # times what moving took in a loan, that is asked for in the next ones
MOST_MOVING = 15.0  # seconds that are believed: after one slow loan no build could afford another one, and none would tell better


def _spaces():
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in ("1", "t", "true"):
        return None
    try:
        import spaces
    except ImportError:
        return None
    return spaces


spaces = _spaces()
ON_ZERO = spaces is not None
_asked: ContextVar[list[float]] = ContextVar("seconds asked for")
_moving = 0.0  # seconds that a loan spends on moving models to the card, before anything is done
_forked: float | None = None  # in a loan's process: when it was forked, until it has served once


def new_build() -> None:
    """From here on this thread's loans belong to one build."""
    _asked.set([])


def left() -> float:
    """Seconds that this build may still ask for."""
    return LIMIT - sum(_asked.get([]))


def moving() -> float:
    """Seconds of every loan that go to moving models to the card: as `placed` says, until a loan has told what it took."""
    return _moving


def placed(seconds: float) -> None:
    """Models have been placed, which takes a loan about so many seconds to move."""
    global _moving
    _moving = max(_moving, seconds)


def borrow(task: Callable[..., Iterator], seconds: float, *args) -> Iterator:
    """What `task(until, *args)` yields, in the process that has the GPU; on a machine of our own, here.

    task: a module-level generator function; until: the monotonic moment at which the loan ends. seconds: what it needs, of which a build
    gets no more than is `left`; moving models comes on top. Closing the iterator gives the GPU back. Raises errors of `spaces` where no GPU is
    lent and in place of what the task raises there.
    """
    granted = max(1, round(min(left(), seconds + moving())))
    if (book := _asked.get(None)) is not None:
        book.append(granted)
    return _news(_on_loan(task, granted, args))


def _news(told: Iterator[tuple[str, Any]]) -> Iterator:
    global _moving
    try:
        for kind, value in told:
            if kind == "moved":
                _moving = min(MARGIN * value, MOST_MOVING) if value else _moving
            else:
                yield value
    finally:
        told.close()  # type: ignore[attr-defined]  # gives the GPU back


def _serve(task: Callable[..., Iterator], granted: float, args: tuple) -> Iterator[tuple[str, Any]]:
    """In the process that has the GPU. A new one was forked when the loan began, and has moved the models meanwhile; a kept one has them."""
    global _forked
    now = time.monotonic()
    began, _forked = _forked or now, None
    yield "moved", now - began
    for told in task(began + granted, *args):
        yield "told", told


def _note_fork() -> None:
    global _forked
    _forked = time.monotonic()


if ON_ZERO:
    os.register_at_fork(after_in_child=_note_fork)
    _on_loan = spaces.GPU(duration=lambda task, granted, args: granted)(_serve)
else:
    _on_loan = _serve
