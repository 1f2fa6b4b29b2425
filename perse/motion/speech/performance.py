"""Speech as a performance for any face: what mouth, head and eyes do in each frame, in arrays."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ...controls import Controls
from ...rig.expressions import NAMES
from ...sound import Sound
from .coarticulation import movement
from .lips import Meeting
from .loudness import Loudness
from .manner import gestures
from .mouth import mouth_weights
from .phones import Phone

DECIMALS = 4  # of weights and degrees that are kept
FAINTEST = 5e-4  # weights up to this are none


@dataclass(frozen=True)
class Performance:
    """T frames: weights (T, E) of the blendshapes in the order of expressions.NAMES; head (T, 3) yaw, pitch, roll and gaze (T, 2) yaw,
    pitch, degrees; lips, bite (T,): how far the lips meet, and the lower one the upper teeth."""

    weights: np.ndarray
    head: np.ndarray
    gaze: np.ndarray
    lips: np.ndarray
    bite: np.ndarray

    def __len__(self) -> int:
        return len(self.weights)

    def eased(self, share: np.ndarray) -> "Performance":
        """The same with so much (T,) of what head and eyes do."""
        return replace(self, head=self.head * share[:, None], gaze=self.gaze * share[:, None])

    def at(self, place: float, missing: Meeting | None = None) -> Controls:
        """The frame at a place in [0, T - 1], mixed of its neighbours where it lies between two. missing: what a rig's lips lack to meet;
        None to go by blendshapes alone."""
        first, share = divmod(place, 1.0)
        rows = [series[int(first)] for series in vars(self).values()]
        if share:
            rows = [(1 - share) * row + share * series[int(first) + 1] for row, series in zip(rows, vars(self).values())]
        weights, head, gaze, lips, bite = rows
        weights, head, gaze = np.round(weights, DECIMALS), np.round(head, DECIMALS).tolist(), np.round(gaze, DECIMALS).tolist()
        return Controls(
            expression={NAMES[k]: float(weights[k]) for k in np.flatnonzero(weights > FAINTEST)},
            head_yaw=head[0],
            head_pitch=head[1],
            head_roll=head[2],
            gaze_yaw=gaze[0],
            gaze_pitch=gaze[1],
            detail=() if missing is None else missing.detail(float(lips), float(bite), weights),
            neutralise=1.0,
        )


def perform(
    phones: Iterable[Phone], sound: Sound, fps: float, seed: int = 0, strength: float = 1.0, liveliness: float = 0.5
) -> Performance:
    """What a face does that says these phones, as long as the sound lasts. A frame shows the middle of the time for which it is seen.

    seed: of glances, blinks and the head's wandering. strength: of mouth and gestures, 1 as usual; lips meet at any. liveliness: from 0,
    calm, to 1, lively.
    """
    phones, loudness = list(phones), Loudness.of(sound)
    times = (np.arange(max(2, int(np.ceil(sound.seconds * fps)))) + 0.5) / fps
    moved = movement(phones, loudness, times)
    besides = gestures(phones, loudness, times, seed, liveliness, strength)
    weights = np.clip(mouth_weights(moved, strength) + besides.weights * (1 - 0.8 * moved.lips[:, None] * _SMILE), 0, 1)
    return Performance(weights, besides.head, besides.gaze, moved.lips, moved.bite)


_SMILE = np.array([name.startswith("mouth_smile") for name in NAMES])  # which gives way to lips that meet
