"""A face that is seen now, picture by picture: what it makes an avatar do at once.

The same fit as of a clip, of one picture at a time and by landmarks alone. The first picture says where the head looks straight ahead; what
the face does there already, a smile say, counts as its expression.
"""

from dataclasses import dataclass

import numpy as np

from ... import cores
from ...avatar.avatar import Avatar
from ...controls import Controls
from ...face.landmarks import FACE
from ...portrait.landmarker import track_landmarks
from ...rig.expressions import NAMES
from ...tracking.expression import expression_of, plain
from ...tracking.solve import Fixed, solve
from .curves import Curves, shown_weights
from .performer import Driver, lay_over
from .reference import yaws

MOST_TURNED = 50.0  # degrees from the camera beyond which landmarks are guessed rather than seen
# What counts as jitter of one picture: weights; degrees and eye distances of the head; degrees of the gaze.
NOISE = np.concatenate([np.full(len(NAMES), 0.06), np.repeat([0.6, 0.012], 3), np.full(2, 2.0)])
# Of the filter: cycles a second that pass at rest, and more of them for each NOISE a second that something moves; those that pass of speed.
CALM, QUICK, SPEED = 1.0, 0.15, 1.0
# A moment to come, which hides half of the way that a picture takes until its head is seen: seconds ahead; the share of its pace that is
# believed to last, 0.4 to 0.6: with all of it a head that stops would swing on by half of its way; cycles a second of a pace that pass, 3 to
# 5; NOISE a second below which nothing is on its way.
AHEAD, LASTS, PACE, AT_REST = 0.1, 0.5, 4.0, 3.0
FORGOTTEN = 1.0  # seconds without a face after which what was before says nothing about now
NOTHING_FIXED = Fixed(np.zeros((0, 3)), np.zeros((1, 0, 2)), np.zeros((1, 0), bool))


class Steady:
    """Values that jitter at rest and move at once, as they come: the 1€ filter (Casiez, Roussel and Vogel 2012) with the same lag for all."""

    def __init__(self, noise: np.ndarray):
        self.noise = noise
        self._at: float | None = None

    def __call__(self, values: np.ndarray, now: float) -> np.ndarray:
        """values (N,) at `now`, seconds; the filtered ones."""
        if self._at is None or now - self._at > FORGOTTEN:
            self._at, self._values, self._speed, self._pace = now, values, np.zeros_like(values), np.zeros_like(values)
            return values
        step = max(now - self._at, 1e-3)
        self._at = now
        self._speed = self._speed + _share(SPEED, step) * ((values - self._values) / step - self._speed)
        moved = _share(CALM + QUICK * np.abs(self._speed) / self.noise, step) * (values - self._values)
        self._values = self._values + moved
        self._pace = self._pace + _share(PACE, step) * (moved / step - self._pace)
        return self._values

    def ahead(self, seconds: float) -> np.ndarray:
        """(N,) where they are likely to be so long after the last call. What is at rest stays."""
        certain = np.maximum(np.abs(self._pace) - AT_REST * self.noise, 0.0)
        return self._values + LASTS * seconds * np.copysign(certain, self._pace)


def _share(cycles, step: float):
    return 1 - np.exp(-2 * np.pi * cycles * step)


@dataclass(frozen=True)
class Seen:
    """What a face adds to an edit: now, and likely AHEAD seconds later."""

    now: Controls
    soon: Controls


class LiveDriver:
    """Who drives an avatar now. Remembers landmarks of two pictures, the first and the last, and no picture."""

    def __init__(self, avatar: Avatar):
        self.avatar = avatar
        self._last: np.ndarray | None = None
        self._driver: Driver | None = None

    def see(self, picture: np.ndarray, now: float, afresh: bool = False) -> Seen | None:
        """What the face in a picture (H, W, 3) uint8, seen at `now`, seconds, adds to an edit; None if there is none, or one from the side.

        afresh: it looks straight ahead in this one, as it did in the first.
        """
        found = self._last = track_landmarks(picture, self._last)
        if found is None:
            return None
        landmarks = found.astype(np.float64)
        if abs(float(yaws(landmarks[None])[0])) > MOST_TURNED:
            return None
        if afresh or self._driver is None:
            self._begin(landmarks)
        driver = self._driver
        assert driver is not None
        here = self._laid_over(landmarks)
        rotations, shifts = driver.poses(np.stack([self._first, here]))
        seen = here[None]

        def effective(weights, rotation, shift, frames):
            return shown_weights(weights, np.degrees(driver.gaze(seen, rotation, shift, weights))[:, 1])

        with cores.one():
            fit = solve(driver.face, seen[:, :FACE, :2], NOTHING_FIXED, driver.K, rotations[1:], shifts[1:], effective)
        gaze = np.degrees(driver.gaze(seen, fit.rotation, fit.shift, fit.weights))[0]
        values = np.concatenate([fit.weights[0] + self._there, driver.head(fit.rotation, fit.shift)[0], gaze])
        weights, head, gaze = np.split(np.stack([self._steady(values, now), self._steady.ahead(AHEAD)]), [len(NAMES), len(NAMES) + 6], 1)
        curves = Curves.still(2).with_(weights=weights.clip(0, 1), head=head, gaze=gaze)
        return Seen(*(curves.at(k).with_(neutralise=1.0) for k in range(2)))

    def _begin(self, landmarks: np.ndarray) -> None:
        self._scale, self._offset = lay_over(self.avatar, landmarks)
        self._first = self._laid_over(landmarks)
        self._driver = Driver.of(self.avatar, self._first)
        self._there = plain(expression_of(self._driver.points, self._driver.face))
        self._steady = Steady(NOISE)

    def _laid_over(self, landmarks: np.ndarray) -> np.ndarray:
        out = landmarks * self._scale
        out[:, :2] += self._offset
        return out
