"""How loud a sound is over time, as far as a mouth cares."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from ...sound import Sound

RATE = 100  # values a second
WINDOW = 0.025  # seconds over which power is averaged
RANGE = 36.0  # decibels between the loudest syllables and what counts as nothing
LOUDEST = 95.0  # percentile of the power of what is not silent that counts as full voice
ABOVE_NOISE = 8.0  # decibels over what is always there, from which somebody speaks
NOISE = 10.0  # percentile of the power that is always there
SILENT = 1e-4  # root mean square below which a whole recording is silence: -80 decibels of full scale
SPOKEN = 0.3  # loudness from which on somebody speaks
PAUSE = 0.16  # seconds; shorter ones are closures of stops, not pauses


@dataclass(frozen=True)
class Loudness:
    """values (N,) in [0, 1], RATE a second: 0 silence, 1 full voice, even steps in decibels between. peak: root mean square of full voice."""

    values: np.ndarray
    peak: float

    @staticmethod
    def of(sound: Sound) -> "Loudness":
        """Of a sound, whatever its level and its steady noise."""
        samples = sound.samples.astype(np.float64)
        power = uniform_filter1d(samples**2, max(1, round(WINDOW * sound.rate)), mode="constant")
        times = np.arange(max(1, int(np.ceil(sound.seconds * RATE)))) / RATE
        level = power[np.minimum((times * sound.rate).astype(int), len(power) - 1)] if len(power) else np.zeros(1)
        decibels = 10 * np.log10(level + 1e-12)
        audible = decibels[decibels > 20 * np.log10(SILENT)]
        if not len(audible):
            return Loudness(np.zeros(len(times)), 0.0)
        full = float(np.percentile(audible, LOUDEST))
        bottom = max(full - RANGE, min(float(np.percentile(decibels, NOISE)) + ABOVE_NOISE, full - RANGE / 2))
        return Loudness(np.clip((decibels - bottom) / (full - bottom), 0, 1), float(10 ** (full / 20)))

    @property
    def silent(self) -> bool:
        """Whether there is nothing to be heard at all."""
        return self.peak < SILENT

    def at(self, times: np.ndarray) -> np.ndarray:
        """At seconds (T,); 0 before and after the sound."""
        return np.interp(times, np.arange(len(self.values)) / RATE, self.values, left=0, right=0)

    def smoothed(self, seconds: float) -> "Loudness":
        """The same averaged over so long, without being shifted."""
        return Loudness(uniform_filter1d(self.values, max(1, round(seconds * RATE)), mode="constant"), self.peak)

    def widened(self, seconds: float) -> "Loudness":
        """At every time the loudest within so long about it."""
        return Loudness(maximum_filter1d(self.values, max(1, round(seconds * RATE)), mode="constant"), self.peak)

    def pauses(self) -> list[tuple[float, float]]:
        """Start and end, seconds, of every stretch of at least PAUSE in which nobody speaks, those at the ends included."""
        quiet = np.r_[False, self.values < SPOKEN, False].astype(np.int8)
        edges = np.flatnonzero(np.diff(quiet))
        return [(a / RATE, b / RATE) for a, b in edges.reshape(-1, 2).tolist() if (b - a) / RATE >= PAUSE]
