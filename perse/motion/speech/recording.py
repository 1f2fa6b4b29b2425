"""A recording of somebody speaking, in any language."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from ...errors import PerseError
from ...media import read_sound
from ...sound import Sound
from . import recogniser, spectrum
from .loudness import RATE as STEPS
from .loudness import SPOKEN, Loudness
from .phones import HEARD, RECOGNISED, Phone, Speech

RATE = 48_000  # samples a second that are kept
SHORTEST = 0.3  # seconds
# From how sure phonemes are believed, and how many a second there must be while somebody speaks: noise and music give none or few.
SURE, OFTEN = 0.4, 4.0
STEADY = 0.2  # of loudness between the quietest and the loudest moments, below which nobody speaks
GAP = 0.3  # seconds of speech without a phoneme that the spectrum fills


def heard(path: str | Path, seconds: float = 60.0, cancelled: Callable[[], bool] = lambda: False) -> Speech:
    """The speech in a file of sound, or in the sound of a clip.

    Args:
        path: of a file of one of `media.kinds.KINDS`.
        seconds: how much of it is used at most; of a longer one the beginning.
        cancelled: asked while waiting; BuildCancelled is raised when it says so.

    Raises:
        PerseError: the file holds no readable sound, or nothing is to be heard.
    """
    samples = read_sound(path, RATE, seconds + 1 / STEPS, cancelled)
    most = round(seconds * RATE)
    return understood(Sound(samples[:most], RATE), len(samples) > most, cancelled)


def understood(sound: Sound, cut: bool = False, cancelled: Callable[[], bool] = lambda: False) -> Speech:
    """The speech in a sound; arguments and errors as of `heard`."""
    if sound.seconds < SHORTEST:
        raise PerseError(f"This recording is too short: please choose one of at least {SHORTEST:g} seconds.")
    loudness = Loudness.of(sound)
    if loudness.silent:
        raise PerseError("Nothing can be heard in this recording: please record it again, closer to the microphone.")
    common = np.gcd(recogniser.RATE, sound.rate)
    narrow = resample_poly(sound.samples, recogniser.RATE // common, sound.rate // common).astype(np.float32)
    by_spectrum = spectrum.heard_phones(narrow, loudness)
    recognised = recogniser.recognise(narrow, loudness, cancelled)
    if recognised is not None:
        phones, sure = recognised
        spoken = float((loudness.values >= SPOKEN).sum()) / STEPS
        if sure >= SURE and len(phones) >= OFTEN * spoken:
            return Speech(sound, tuple(_filled(phones, by_spectrum)), RECOGNISED, cut)
    if np.percentile(loudness.values, 95) - np.percentile(loudness.values, 5) < STEADY:
        raise PerseError("There is only a steady noise in this recording: please choose one in which somebody speaks.")
    return Speech(sound, tuple(by_spectrum), HEARD, cut)


def _filled(phones: list[Phone], others: list[Phone]) -> list[Phone]:
    """Phones, and where there are none for long those of `others`."""
    gaps = [(a.end, b.start) for a, b in zip([Phone("", 0, 0), *phones], [*phones, Phone("", np.inf, np.inf)]) if b.start - a.end > GAP]
    more = [p for p in others if any(a < p.start and p.end < b for a, b in gaps)]
    return sorted([*phones, *more], key=lambda phone: phone.start)
