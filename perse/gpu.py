"""Where a GPU comes from: owned, lent for seconds (ZeroGPU), or none. Import this before torch: on ZeroGPU `spaces` has to come first.

On ZeroGPU a GPU exists only inside functions that `gpu` decorates. They run in a process forked from the app, so their arguments and
results are pickled and have to be CPU values, and numba's OpenMP kernels, which do not survive a fork, must not run in them. Models are
placed on "cuda" outside, at start; `spaces` moves them over with each loan. https://huggingface.co/docs/hub/spaces-zerogpu
"""

import os
from collections.abc import Callable
from contextvars import ContextVar

LIMIT = 60.0  # seconds of GPU that one build may ask for in all: a visitor has two to five minutes a day


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


def new_build() -> None:
    """From here on this thread's loans belong to one build."""
    _asked.set([])


def left() -> float:
    """Seconds that this build may still ask for."""
    return LIMIT - sum(_asked.get([]))


def gpu(duration: Callable[..., float]) -> Callable:
    """Decorate a module-level function or generator that needs the GPU; on a machine of our own it stays as it is.

    duration: called with the function's own arguments, returns the seconds to ask for; never more than are `left`.
    """
    if not ON_ZERO:
        return lambda function: function

    def ask(*args, **kwargs) -> int:
        seconds = max(1, round(min(left(), duration(*args, **kwargs))))
        if (book := _asked.get(None)) is not None:
            book.append(seconds)
        return seconds

    return spaces.GPU(duration=ask)
