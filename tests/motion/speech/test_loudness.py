"""Loudness: the same at any level and any rate, in time, and silent where there is nothing."""

import numpy as np
import pytest

from perse.motion.speech.loudness import RATE, Loudness
from perse.sound import Sound

RNG = np.random.default_rng(0)


def syllables(rate=16_000, level=0.3, noise=0.0, starts=(0.5, 1.0, 2.0), length=0.3, seconds=3.0):
    """Bursts of a tone in silence, or in noise of so much."""
    times = np.arange(int(seconds * rate)) / rate
    on = sum(((times >= s) & (times < s + length)) for s in starts)
    sound = level * on * np.sin(2 * np.pi * 200 * times) + noise * RNG.standard_normal(len(times))
    return Sound(sound.astype(np.float32), rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("level", [0.003, 0.3, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_bursts_are_found_where_they_are_at_any_level(rate, level, noise):
    loud = Loudness.of(syllables(rate, level, noise * level))
    assert loud.at(np.array([0.65, 1.15, 2.15])).min() > 0.8 and loud.at(np.array([0.2, 0.9, 1.7, 2.8])).max() < 0.3
    pauses = loud.pauses()
    np.testing.assert_allclose(pauses, [(0, 0.5), (0.8, 1.0), (1.3, 2.0), (2.3, 3.0)], atol=0.03)
    assert not loud.silent


def test_silence_is_silent_and_the_ends_are_quiet():
    loud = Loudness.of(Sound(np.zeros(48_000, np.float32), 48_000))
    assert loud.silent and loud.values.max() == 0 and loud.pauses() == [(0.0, 1.0)]
    assert Loudness.of(Sound(np.zeros(0, np.float32), 48_000)).silent
    assert Loudness.of(syllables()).at(np.array([-1.0, 99.0])).max() == 0


def test_smoothing_shifts_nothing():
    loud = Loudness(np.r_[np.zeros(50), np.ones(21), np.zeros(50)], 0.1)
    smooth = loud.smoothed(0.11).values
    assert smooth.argmax() == pytest.approx(60, abs=5) and smooth.sum() == pytest.approx(21)
    np.testing.assert_allclose(smooth, smooth[::-1])
    assert len(smooth) / RATE == pytest.approx(1.21)
