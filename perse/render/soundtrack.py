"""The sound of a video file while it is being written: as far as the picture has come, and no farther."""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from ..sound import Sound

RATE = 48_000  # samples a second in files: the one that Opus knows, and all players of AAC do
BITS = {"aac": 128_000, "libopus": 64_000}  # a second, for one channel of speech or music


class Soundtrack:
    """Encodes a sound into an open container, in step with its picture; cut, or continued in silence, to the picture's length.

    container: of PyAV, open for writing, nothing written yet. codec: a key of BITS. sound: its first sample is heard with the first frame.
    """

    def __init__(self, container, codec: str, sound: Sound):
        self._sound, self._given = sound, 0
        self._stream = container.add_stream(codec, rate=RATE, options={"b": str(BITS[codec])})
        self._stream.layout = "mono"

    def until(self, seconds: Fraction) -> Iterator[av.Packet]:
        """Packets of what is heard up to that time of the picture and was not given yet."""
        end = round(seconds * self._sound.rate)
        piece = self._sound.samples[self._given : end]
        piece = np.pad(np.clip(piece, -1, 1), (0, end - self._given - len(piece)))
        if len(piece):
            frame = av.AudioFrame.from_ndarray(piece[None], format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._sound.rate, self._given, Fraction(1, self._sound.rate)
            self._given = end
            yield from self._stream.encode(frame)

    def rest(self) -> Iterator[av.Packet]:
        """Packets of what the encoder holds back; nothing can be added afterwards."""
        yield from self._stream.encode(None)
