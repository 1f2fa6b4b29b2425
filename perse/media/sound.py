"""Sound, of a recording or of a clip."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import limits
from .source import Source


def read_sound(
    path: str | Path,
    rate: int = 16_000,
    seconds: float = limits.SECONDS,
    cancelled: Callable[[], bool] = lambda: False,
    begins: float | None = None,
) -> np.ndarray:
    """The first sound of a file, mixed down and resampled: (N,) float32 in [-1, 1], `rate` samples a second.

    A sound that breaks off in the middle ends there.

    Args:
        path: a regular file of one of `kinds.KINDS`, a clip too.
        rate: samples a second, within `limits.SAMPLE_RATES`.
        seconds: how much is wanted at most.
        cancelled: asked while waiting; BuildCancelled is raised when it says so.
        begins: of a clip, the file's time of its first frame (`Clip.begins`): the first sample is what is heard with it, and all others
            lie where their time stamps say. The first sample of all, and one after the other, if None.

    Raises:
        PerseError: the file holds no readable sound, or is beyond `limits`.
    """
    low, high = limits.SAMPLE_RATES
    if not low <= rate <= high:
        raise ValueError(f"rate must lie between {low} and {high}, not {rate}")
    left = int(min(seconds, limits.SECONDS) * rate)
    more = {"rate": int(rate), "samples": left, "rates": limits.SAMPLE_RATES, "begins": begins}
    source = Source(path, "listen", "sound", lambda kind: True, more, cancelled)
    pieces = [np.zeros(0, np.float32)]
    try:
        while (message := source.read(4 * left)) is not None:
            piece = message[1]
            if not piece or len(piece) % 4:
                raise source.unreadable()
            pieces.append(np.frombuffer(piece, np.float32))
            left -= len(piece) // 4
    finally:
        source.close()
    return np.clip(np.nan_to_num(np.concatenate(pieces), copy=False, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)
