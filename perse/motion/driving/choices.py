"""What of a driving face is taken over, and how much of it."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from ...errors import PerseError, shown
from ...face.landmarks import FACE
from ...face.triangles import canonical
from ...rig.expressions import INDEX, NAMES
from ...smooth_ramps import smooth_step
from .curves import Curves

REGIONS = ("all", "expression", "head", "mouth", "eyes")
STRENGTHS = (0.0, 2.0)
# Of the blendshapes' names. A raised cheek and a wrinkled nose belong to a smile and a snarl.
MOUTH, EYES = ("mouth_", "jaw_", "tongue_", "cheek_", "nose_"), ("eye_", "brow_")
# Heights on the face, eye distances below the eyes, over which skin goes from the eyes' to the mouth's: the bridge and the tip of the nose.
BETWEEN = (0.12, 0.42)
MOST_DETAIL = 1.0  # eye distances, as `Controls` allow


@dataclass(frozen=True)
class Choices:
    """region: one of REGIONS; "expression" is all of the face and nothing of the head and the shoulders. strength: in STRENGTHS, 1 as the driver
    moves. absolute: the avatar takes on the driver's expression and pose themselves, not what changes in them. face: which of several
    drives, counted from the left where the clip begins; the largest if None. mirrored: left and right change places, as in a mirror.
    PerseError for others."""

    region: str = "all"
    strength: float = 1.0
    absolute: bool = False
    face: int | None = None
    mirrored: bool = False

    def __post_init__(self):
        if self.region not in REGIONS:
            raise PerseError(f"Unknown region {shown(self.region)}: use {', '.join(REGIONS[:-1])} or {REGIONS[-1]}.")
        if not STRENGTHS[0] <= self.strength <= STRENGTHS[1]:
            raise PerseError(f"The strength must lie between {STRENGTHS[0]:g} and {STRENGTHS[1]:g}, not {self.strength:g}.")
        if self.face is not None and self.face < 1:
            raise PerseError(f"Faces are counted from 1, from the left: there is none of number {self.face}.")


def chosen(curves: Curves, choices: Choices) -> Curves:
    """What these choices leave of a performance."""
    if choices.mirrored:
        curves = mirrored(curves)
    if choices.region != "all":
        curves = _only(curves, choices.region)
    if choices.strength != 1:
        curves = Curves(*(choices.strength * series for series in vars(curves).values()))
        curves = curves.with_(weights=np.clip(curves.weights, 0, 1), detail=np.clip(curves.detail, -MOST_DETAIL, MOST_DETAIL))
    return curves


def mirrored(curves: Curves) -> Curves:
    """The performance of somebody in a mirror."""
    other = [INDEX[_other_side(name)] for name in NAMES]
    twins = canonical()[1][:FACE]
    turned = np.array([-1, 1, -1, -1, 1, 1])  # yaw, pitch, roll, x, y, z
    return Curves(
        curves.weights[:, other],
        curves.head * turned,
        curves.body * turned,
        curves.gaze * [-1, 1],
        curves.detail[:, twins] * [-1, 1, 1],
        curves.light[:, twins],
        curves.mouth_light,
    )


def _other_side(name: str) -> str:
    for side, other in (("_left", "_right"), ("_right", "_left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def _only(curves: Curves, region: str) -> Curves:
    nothing = Curves.still(len(curves))
    if region == "head":
        return nothing.with_(head=curves.head, body=curves.body)
    if region == "expression":
        return curves.with_(head=nothing.head, body=nothing.body)
    names = MOUTH if region == "mouth" else EYES
    weights = np.where([name.startswith(names) for name in NAMES], curves.weights, 0.0)
    share = _share(region)[:, None]
    skin = {"detail": share * curves.detail, "light": share * curves.light}
    if region == "mouth":
        return nothing.with_(weights=weights, mouth_light=curves.mouth_light, **skin)
    return nothing.with_(weights=weights, gaze=curves.gaze, **skin)


@cache
def _share(region: str) -> np.ndarray:
    """(468,) how far each landmark belongs to the mouth or to the eyes."""
    below = smooth_step(canonical()[0][:FACE, 1], *BETWEEN)
    return below if region == "mouth" else 1 - below
