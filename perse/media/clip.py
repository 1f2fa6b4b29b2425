"""Clips: frames with their time stamps."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import BuildCancelled
from . import limits
from .source import Source


class Frame(NamedTuple):
    """seconds since the first frame, growing; pixels (H, W, 3) uint8 RGB, upright."""

    seconds: float
    pixels: np.ndarray


class Clip:
    """A clip being read: an iterator over its frames, all of one size.

        with Clip(path) as clip:
            for seconds, pixels in clip:
                ...

    width, height: of the upright frames. fps, duration: what the file says of frames a second and seconds, 0 if nothing; only the
    frames' own time stamps are to be believed. begins: the file's time of the first frame; heard: whether there is sound beside it (see
    `read_sound`); more: when all is read, whether the clip goes on where it was cut.

    Decoding runs ahead in a process of its own, which ends with the iteration, with `close` or with this object. A clip that breaks off in
    the middle ends there; a frame of another size than the first is scaled to it.

    Args:
        path: a regular file of one of `kinds.KINDS`.
        rate: frames a second that are wanted at most; of a faster clip some are skipped.
        seconds, frames: how much is wanted at most.
        cancelled: asked with every frame, and while waiting; BuildCancelled is raised when it says so.

    Raises:
        PerseError: the file is no readable video, or beyond `limits`; while iterating, too.
    """

    def __init__(
        self,
        path: str | Path,
        rate: float = limits.RATE,
        seconds: float = limits.SECONDS,
        frames: int = limits.FRAMES,
        cancelled: Callable[[], bool] = lambda: False,
    ):
        self._seconds, self._left, self._last, self._cancelled = min(seconds, limits.SECONDS), min(frames, limits.FRAMES), -1.0, cancelled
        self._open, self.more = True, False
        self._source = Source(
            path,
            "film",
            "video",
            lambda kind: kind.pictures,
            {"seconds": self._seconds, "frames": self._left, "gap": limits.GAP / min(rate, limits.RATE)},
            cancelled,
        )
        head, _ = self._source.read(0) or ({}, None)
        size = width, height = head.get("width"), head.get("height")
        fps, duration, begins, heard = (head.get(name) for name in ("fps", "duration", "begins", "heard"))
        if not (
            all(type(n) is int and 1 <= n <= limits.SIDE for n in size)
            and width * height <= limits.PIXELS
            and head.get("turns") in (-2, -1, 0, 1, 2)
            and type(head.get("mirrored")) is bool
            and type(fps) is type(duration) is type(begins) is float
            and math.isfinite(begins)
            and type(heard) is bool
        ):
            raise self._source.unreadable()
        self._shape, self._turns, self._mirrored = (height, width, 3), int(head["turns"]), head["mirrored"]
        self.height, self.width = (height, width) if self._turns % 2 == 0 else (width, height)
        self.begins, self.heard = begins, heard
        self.fps, self.duration = (n if math.isfinite(n) and n > 0 else 0.0 for n in (fps, duration))

    def __iter__(self) -> "Clip":
        return self

    def __next__(self) -> Frame:
        if self._cancelled():
            self.close()
            raise BuildCancelled()
        message = self._source.read(math.prod(self._shape)) if self._open else None
        if message is None or message[0].get("more") is True:
            self.more = message is not None
            self.close()
            raise StopIteration
        (head, pixels), self._left = message, self._left - 1
        time = head.get("time")
        if len(pixels) != math.prod(self._shape) or self._left < 0 or type(time) is not float or not self._last < time < self._seconds:
            self.close()
            raise self._source.unreadable()
        self._last = time
        upright = np.rot90(np.frombuffer(pixels, np.uint8).reshape(self._shape), self._turns)
        return Frame(time, np.ascontiguousarray(upright[:, ::-1] if self._mirrored else upright))

    def __enter__(self) -> "Clip":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding; closing twice does nothing."""
        self._open = False
        self._source.close()
