"""A performance as time series: what each frame of a clip makes a rig do, in arrays. Frames become `Controls` when they leave."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...controls import BANDS, RANGES, Controls
from ...face.landmarks import FACE
from ...rig.expressions import INDEX, NAMES, lids_follow, restrained

HEAD = ("head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z")
BODY = ("body_yaw", "body_pitch", "body_roll", "body_x", "body_y", "body_z")
GAZE = ("gaze_yaw", "gaze_pitch")
# Decimals that are kept of weights, angles and shifts; of displacements; of logarithms of light. A detector sees no finer ones.
POSE_DECIMALS, DETAIL_DECIMALS, LIGHT_DECIMALS = 4, 5, 3


@dataclass(frozen=True)
class Curves:
    """T frames. All arrays float64, in the units of `Controls`.

    weights: (T, E) of the blendshapes in the order of expressions.NAMES; head: (T, 6) yaw, pitch and roll in degrees, x, y and z in eye
    distances; body: (T, 6) the same of the shoulders; gaze: (T, 2) yaw and pitch in degrees; detail: (T, 468, 3) displacement of the
    landmarks; light: (T, 468, 3); mouth_light: (T, BANDS).
    """

    weights: np.ndarray
    head: np.ndarray
    body: np.ndarray
    gaze: np.ndarray
    detail: np.ndarray
    light: np.ndarray
    mouth_light: np.ndarray

    @staticmethod
    def still(count: int) -> "Curves":
        """`count` frames of the portrait as it is."""
        return Curves(
            np.zeros((count, len(NAMES))),
            np.zeros((count, len(HEAD))),
            np.zeros((count, len(BODY))),
            np.zeros((count, len(GAZE))),
            np.zeros((count, FACE, 3)),
            np.zeros((count, FACE, 3)),
            np.zeros((count, BANDS)),
        )

    def with_(self, **changes: np.ndarray) -> "Curves":
        """The same with some series replaced, all brought into the range and to the decimals that `Controls` are given."""
        new = replace(self, **changes)
        head, body, gaze = (
            np.round(np.clip(series, *np.transpose([RANGES[name] for name in names])), POSE_DECIMALS)
            for series, names in ((new.head, HEAD), (new.body, BODY), (new.gaze, GAZE))
        )
        return Curves(
            np.round(new.weights, POSE_DECIMALS),
            head,
            body,
            gaze,
            np.round(new.detail, DETAIL_DECIMALS),
            np.round(new.light, LIGHT_DECIMALS),
            np.round(new.mouth_light, LIGHT_DECIMALS),
        )

    def at_rest_in(self, frame: int) -> "Curves":
        """The same with nothing in one frame: smoothing in time may have moved what everything else is measured from."""
        fresh = [series.copy() for series in vars(self).values()]
        for series in fresh:
            series[frame] = 0
        return Curves(*fresh)

    def __len__(self) -> int:
        return len(self.weights)

    def __iter__(self) -> Iterator[Controls]:
        return (self.at(i) for i in range(len(self)))

    def at(self, place: float) -> Controls:
        """The frame at a place in [0, T - 1], mixed of its neighbours where it lies between two."""
        first, share = divmod(place, 1.0)
        rows = [series[int(first)] for series in vars(self).values()]
        if share:
            rows = [(1 - share) * row + share * series[int(first) + 1] for row, series in zip(rows, vars(self).values())]
        weights, head, body, gaze, *marks = (row.ravel().tolist() for row in rows)
        detail, light, mouth_light = (tuple(values) if any(values) else () for values in marks)
        return Controls(
            expression={name: weight for name, weight in zip(NAMES, weights) if weight},
            **dict(zip(HEAD + BODY + GAZE, head + body + gaze)),
            detail=detail,
            light=light,
            mouth_light=mouth_light,
        )


def shown_weights(weights: np.ndarray, gaze_pitch: np.ndarray) -> np.ndarray:
    """What a rig makes of weights (T, E) when its eyes look down by gaze_pitch (T,), degrees: lids follow, what cannot be at once is not."""
    shown = restrained(weights)
    lids_follow(shown, gaze_pitch)
    return shown.astype(np.float64)


def turned_apart(weights: np.ndarray, degrees: np.ndarray, per_weight: float) -> np.ndarray:
    """Weights (T, E) with each eye turned outwards by so much (T,) (negative: inwards) beyond their common gaze; per_weight: degrees."""
    out = weights.copy()
    amount = np.abs(degrees) / per_weight
    for side in ("left", "right"):
        out[:, INDEX[f"eye_look_out_{side}"]] = np.where(degrees > 0, amount, 0)
        out[:, INDEX[f"eye_look_in_{side}"]] = np.where(degrees > 0, 0, amount)
    return out
