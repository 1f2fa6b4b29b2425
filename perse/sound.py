"""Sound as a plain value: what a recording holds, a motion carries and a video file plays."""

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
