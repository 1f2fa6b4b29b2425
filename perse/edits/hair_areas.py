"""Parts of a person's hair that a barber knows: what hangs, what is pinned up, what an undercut shaves, where a hairline recedes."""

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..face.landmarks import OVAL
from ..face.triangles import canonical
from ..render.geometry import interpolated
from ..rig.anatomy.template import head_template
from ..rig.ears import ears_of
from ..rig.rig import Rig
from ..smooth_ramps import smooth_step
from ..texture.atlas import Texture, chart_slice

RECEDES = 0.09  # eye distances behind the face's outline of one step in the table of temples
# How low hair grows, eye distances below the eyes, at these depths behind them: before the ears, behind them, at the nape.
DEPTHS, LINE = (0.2, 0.5, 0.7, 1.2), (0.0, 0.25, 0.45, 0.95)
RAGGED = 0.1  # eye distances over which hair ends at that line
HID = (
    0.35,
    0.15,
    11,
    4,
)  # eye distances from hair up to which, and within which wholly, it hid the bust; every which texel is looked at, of both
UNSEEN = (25.0, 70.0)  # texels of the bust from what the photo shows of it, within which that stays, and beyond which all goes
NAPE = -0.3  # eye distances below the line to which hair grows, from which it may have hidden the neck
EAR = (0.5, 0.8)  # weight of an ear from which, and from which wholly, it comes out of the hair
HAIRLINE = (0.01, 0.09)  # eye distances inside the face's outline from which, and from which wholly, hair is a fringe
UNEVEN = (0.008, ((23.0, 0.4), (47.0, 2.1), (90.0, 4.0)))  # eye distances by which that varies, and waves (an eye distance, phase) along it
OVER_EYES = (0.45, 0.20)  # eye distances below the eyes of the mean face between which what hangs before the ears begins to stay
THINS = 0.09  # eye distances to either side of a receded line over which hair thins out
PUFFED = (0.0, -0.7)  # eye distances below the line to which hair grows at which an afro begins, and is full
HIDDEN_EAR = 0.3  # share of an ear that is hair in the portrait, from which the ear under it comes out
SHAVED = -0.42  # eye distances below the eyes, above which an undercut leaves hair, on the level over the middle of the head
SHAVED_RISE = 0.25  # eye distances by which that line climbs from the back to the temples, for each that it comes forward
SHAVED_FROM = (0.55, 0.60)  # eye distances from the middle of the face from which its hair is shaved
SHAVED_EDGE = 0.08  # eye distances over which the long hair begins
PRESSED = (0.0, -0.55)  # eye distances below that line between which the hair over it lies ever less flat


class Known(Protocol):
    """What is asked of a person: other regions by name, and where texels lie (`atlas_regions.Regions`)."""

    rig: Rig
    texture: Texture
    points: np.ndarray
    face_xy: np.ndarray

    def __call__(self, name: str) -> np.ndarray: ...

    def behind_outline(self) -> np.ndarray: ...


def below_hair(points: np.ndarray) -> np.ndarray:
    """How far points (..., 3) lie below the line to which hair grows, eye distances."""
    return points[..., 1] - np.interp(points[..., 2], DEPTHS, LINE)


def covered_ears(regions: Known) -> np.ndarray:
    """Weight (ATLAS, ATLAS) of the ears that hair covers in the portrait."""
    shell = chart_slice("shell")
    faces = regions.texture.faces[shell]
    ears = interpolated(ears_of(regions.rig)[regions.rig.faces[np.maximum(faces, 0)]][..., None], regions.texture.bary[shell])[..., 0]
    area, hair = np.zeros_like(regions("hair")), regions("hair")
    area[shell] = smooth_step(ears * (faces >= 0), *EAR)
    out = np.zeros_like(area)
    for side in (-1, 1):
        mine = area * (side * regions.points[..., 0] > 0)
        if mine.any() and (hair * mine).sum() > HIDDEN_EAR * mine.sum():
            out = np.maximum(out, mine)
    out[shell] = cv2.GaussianBlur(out[shell], (0, 0), 2.0)
    return out


def hanging(regions: Known) -> np.ndarray:
    """Hair below the line to which it grows: over neck and shoulders, but not that over ears."""
    hair, weight = np.clip(1.5 * regions("hair"), 0, 1), np.zeros_like(regions("hair"))
    for part in ("face", "shell"):
        block = chart_slice(part)
        weight[block] = hair[block] * smooth_step(below_hair(regions.points[block]), -RAGGED / 2, RAGGED / 2)
    body = chart_slice("body")
    weight[body] = np.maximum(hair[body], _hid(regions, weight))
    return weight * (1 - regions("covered_ears"))


def _hid(regions: Known, hair: np.ndarray) -> np.ndarray:
    """Weight (h, w) on the bust's chart of what this hair (ATLAS, ATLAS) hid: next to it, and seen in no photo, it is as wide as that hair was."""
    shell, body = chart_slice("shell"), chart_slice("body")
    points = regions.points[shell][hair[shell] > 0.5]
    if not len(points):
        return np.zeros_like(hair[body])
    away = cKDTree(points[:: HID[2]]).query(regions.points[body][:: HID[3], :: HID[3]])[0].astype(np.float32)
    away = cv2.resize(away, hair[body].shape[::-1], interpolation=cv2.INTER_LINEAR)
    behind = cv2.distanceTransform((regions.texture.seen[body] < 0.1).astype(np.uint8), cv2.DIST_L2, 5)
    return smooth_step(away, *HID[:2]) * smooth_step(behind, *UNSEEN)


def pinned(regions: Known) -> np.ndarray:
    """What is combed back: all but what hangs or lies over ears."""
    return regions("upper_hair") * (1 - regions("covered_ears"))


def upper_hair(regions: Known) -> np.ndarray:
    """All but what hangs."""
    weight = regions("hair") * (1 - regions("hanging"))
    weight[chart_slice("body")] = 0
    return weight


def puffed(regions: Known) -> np.ndarray:
    """What stands out in an afro, the more the higher."""
    return regions("upper_hair") * smooth_step(below_hair(regions.points), *PUFFED)


def own_fringe(regions: Known) -> np.ndarray:
    """Hair that falls from the hairline over the forehead and beside the cheeks; what lies next to the face's outline is hairline."""
    hair, weight = np.clip(1.5 * regions("hair"), 0, 1), np.zeros_like(regions("hair"))
    block, mean = chart_slice("face"), canonical()[0][:, :2]
    ring = np.stack([mean[OVAL], np.roll(mean[OVAL], -1, 0)], 1)
    t = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
    inside = cKDTree((ring[:, 0] * (1 - t) + ring[:, 1] * t).reshape(-1, 2)).query(regions.face_xy.reshape(-1, 2))[0]
    # No line: here and there hair begins farther in.
    uneven = sum(np.sin(waves * regions.face_xy[..., 0] + phase) for waves, phase in UNEVEN[1])
    weight[block] = hair[block] * smooth_step(inside.reshape(hair[block].shape) + UNEVEN[0] * uneven, *HAIRLINE)
    weight[block] *= 1 - smooth_step(below_hair(regions.points[block]), -RAGGED / 2, RAGGED / 2)  # what hangs lower is the ends'
    return weight


def bald_area(regions: Known) -> np.ndarray:
    """All hair, and ears and a neck that are under it."""
    weight = np.maximum(np.clip(1.5 * regions("hair"), 0, 1), regions("covered_ears"))
    body = chart_slice("body")
    weight[body] = np.maximum(weight[body], _hid(regions, weight * (below_hair(regions.points) > NAPE)))
    return weight


def _under_line(regions: Known) -> np.ndarray:
    """How far texels (ATLAS, ATLAS) lie below the line around the head at which an undercut ends, eye distances."""
    return regions.points[..., 1] - (SHAVED - SHAVED_RISE * np.clip(0.8 - regions.points[..., 2], -0.6, 0.6))


def over_undercut(regions: Known) -> np.ndarray:
    """The hair over an undercut, the more the nearer to it: it would stand over the shaved sides like a bowl."""
    return regions("pinned") * smooth_step(_under_line(regions), PRESSED[1], PRESSED[0]) * (1 - regions("undercut"))


def undercut(regions: Known) -> np.ndarray:
    """Sides and back of the hair, below a line around the head, and ears."""
    x, _, z = np.moveaxis(regions.points, -1, 0)
    below = _under_line(regions)
    weight = np.zeros_like(x)
    block = chart_slice("shell")
    side = smooth_step(np.abs(x) + np.maximum(z - 0.6, 0), 0.45, 0.6)
    weight[block] = (regions("pinned") * smooth_step(below, -SHAVED_EDGE / 2, SHAVED_EDGE / 2) * side)[block]
    block = chart_slice("face")
    weight[block] = (regions("pinned") * smooth_step(below, 0, SHAVED_EDGE) * smooth_step(np.abs(x), *SHAVED_FROM))[block]
    return weight


def temples(regions: Known) -> np.ndarray:
    """The front of the hair: an M over the forehead, deeper at the temples than in the middle, behind which hair is thinner at first."""
    hair = regions("hair")
    weight = np.zeros_like(hair)
    block = chart_slice("face")
    # What falls over the temples from behind the line goes with it.
    weight[block] = np.clip(1.5 * hair[block], 0, 1) * smooth_step(regions.face_xy[..., 1], *OVER_EYES)
    shell = chart_slice("shell")
    width = hair[shell].shape[1]
    place = head_template().around(np.arange(width) / width)
    column = np.minimum(place, len(OVAL) - place)  # landmarks of the outline away from the middle of the forehead
    deep = RECEDES * np.interp(column, [0, 1.2, 3.2, 5, 6.5, 8], [2.2, 2.9, 5.0, 4.6, 2.6, 0])
    deep = cv2.GaussianBlur(np.tile(deep, 3)[None].astype(np.float32), (0, 0), 6)[0, width : 2 * width]
    weight[shell] = np.clip(1.5 * hair[shell], 0, 1) * smooth_step(regions.behind_outline() - deep[None], THINS, -THINS)
    return weight


# By the name that a catalogue entry gives.
HAIR_AREAS: dict[str, Callable[[Known], np.ndarray]] = {
    "covered_ears": covered_ears,
    "hanging": hanging,
    "pinned": pinned,
    "upper_hair": upper_hair,
    "puffed": puffed,
    "own_fringe": own_fringe,
    "bald_area": bald_area,
    "undercut": undercut,
    "over_undercut": over_undercut,
    "temples": temples,
}
