"""Pictures of a stranger's camera as they come, decoded in one child process for all of them: none is ever written anywhere."""

import os
import time
from pathlib import Path

import numpy as np

from ..child import Broken, Child, Limits
from ..errors import BuildCancelled, PerseError

WORKER = Path(__file__).with_name("picture_worker.py")
# Bytes of a picture, fewer than an empty pipe holds, so that nobody waits who writes one; its longer side.
MAX_BYTES, MAX_SIDE = 60_000, 384
LIMITS = Limits(memory=1 << 30, cpu=300)  # a picture takes 1 to 3 ms
PATIENCE = 2.0  # seconds for one
START = 10.0  # seconds for the first of all, with the start of the process: 0.3 on a machine at rest, some on one with much else to do
UNREADABLE = f"This picture of the camera cannot be read: JPEG of at most {MAX_SIDE} pixels a side and {MAX_BYTES:,} bytes is expected."


class Pictures:
    """A decoder that stays: `decode` one picture at a time. PerseError if the machine has no room for another process."""

    def __init__(self):
        read, self._to = os.pipe()
        self._late, self._patience = float("inf"), START
        try:
            with open(read, "rb") as given:
                self._child = Child(WORKER, {"side": MAX_SIDE}, given, LIMITS, lambda: time.monotonic() > self._late)
        except BaseException:
            os.close(self._to)
            self._to = -1
            raise

    def decode(self, data: bytes) -> np.ndarray:
        """(H, W, 3) uint8 of a JPEG.

        Raises:
            PerseError: it is none, or too large.
            Broken: the process is gone, or takes too long: from now on this decoder decodes nothing.
        """
        if not 0 < len(data) <= MAX_BYTES:
            raise PerseError(UNREADABLE)
        self._late, self._patience = time.monotonic() + self._patience, PATIENCE
        try:
            os.write(self._to, len(data).to_bytes(4, "little") + data)
            head, pixels = self._child.read(3 * MAX_SIDE**2) or ({}, b"")
            if "size" not in head:
                raise PerseError(UNREADABLE)
            width, height = head["size"]
            if len(pixels) != 3 * width * height:
                raise Broken("it sends too little")
            return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
        except PerseError:
            raise
        except (OSError, AttributeError, BuildCancelled, TypeError, ValueError) as error:
            raise Broken("it is gone") from error

    def close(self) -> None:
        """End the process."""
        self._child.close()
        if self._to >= 0:
            os.close(self._to)
            self._to = -1

    def __del__(self) -> None:
        if hasattr(self, "_child"):
            self.close()
