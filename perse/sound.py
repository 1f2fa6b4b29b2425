"""Sound as a plain value: what a recording holds, a motion carries and a video file plays."""

import io
import wave
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sound:
    """One channel: samples (N,) float32 in [-1, 1], `rate` of them a second."""

    samples: np.ndarray
    rate: int

    def __post_init__(self):
        if self.samples.ndim != 1 or self.samples.dtype != np.float32 or self.rate < 1:
            raise ValueError(f"a sound is one float32 channel at a rate, not {self.samples.dtype} {self.samples.shape} at {self.rate}")

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate

    def wav(self) -> bytes:
        """It as a WAV file of 16 bits; what is louder than 1 is cut off."""
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes((self.samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())
        return out.getvalue()
