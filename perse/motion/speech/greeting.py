"""A greeting as a ready-made motion: made by the voice when it is first wanted, and the same ever after."""

import threading
from functools import lru_cache

import numpy as np

from ...controls import Controls
from ...rig.rig import Rig
from ...sound import Sound
from .lips import meeting_of
from .performance import Performance, perform
from .voice import spoken

TEXT = "Hello! It's a pleasure to meet you. Tell me, what shall we talk about?"
SECONDS = 6.0  # of the motion; the text takes less, at the end there is silence
_FPS = 50.0  # of the frames that are kept; others are mixed of them
_EASES = 0.5  # seconds at both ends in which head and eyes come from where they go to


@lru_cache(maxsize=1)
def _made() -> tuple[Performance, Sound]:
    speech = spoken(TEXT, seconds=SECONDS)
    padded = np.zeros(round(SECONDS * speech.sound.rate), np.float32)
    padded[: len(speech.sound.samples)] = speech.sound.samples
    sound = Sound(padded, speech.sound.rate)
    performance = perform(speech.phones, sound, _FPS, seed=3)
    times = (np.arange(len(performance)) + 0.5) / _FPS
    return performance.eased(np.clip(np.minimum(times, SECONDS - times) / _EASES, 0, 1)), sound


_making = threading.Lock()


def greeting() -> tuple[Performance, Sound]:
    """The performance, its frames 1 / 50 of a second apart, and the sound; about two seconds the first time."""
    with _making:
        return _made()


def greeting_frame(phase: float, rig: Rig | None = None) -> Controls:
    """The moment at a phase in [0, 1) of the greeting; rig: whose lips are to meet where its portrait keeps them apart."""
    performance, _ = greeting()
    missing = None if rig is None else meeting_of(rig)
    return performance.at(min(phase * SECONDS * _FPS, len(performance) - 1.0), missing)
