"""Eyeballs beyond the lids: what is seen of iris and white goes on under them; an eye that is closed gets a painted one."""

import cv2
import numpy as np

from ...rig.rig import Rig
from ..atlas import REGIONS, Texture, chart_slice
from ..belief.texels import Texels, between_the_lids
from ..fill_holes import diffuse

IRIS, SCLERA = np.array([0.44, 0.29, 0.18]), np.array([0.86, 0.80, 0.77])  # RGB in white light
USUAL_WHITE = np.array([0.72, 0.70, 0.68])  # RGB of an eye's white where the photo shows next to none
RINGS = 14  # of equal width from the iris' centre to its edge: what is seen of one tells the rest of it
COPIED = 0.9  # how well a texel of the iris is known that is copied from its twin or from its ring, 0 to 1
FEW_WHITE, FEW_OF_RING = 20, 3  # texels that tell the white's colour, a ring's
UNDER_LID = 0.15  # of the chart's side, over which what is seen of the white passes into the usual white


def complete_eyes(texture: Texture, texels: Texels, rig: Rig, light: np.ndarray) -> None:
    """Iris and white of both eyes; light (3,): see `light.white_light`."""
    for side in ("right", "left"):
        part = f"eye_{side}"
        area, radius = chart_slice(part), distance_from_iris(rig, part)
        color, known = texture.color[area], between_the_lids(texels.chart(part))
        if rig.eye_closed(side):
            color, known = paint_eye(radius, light), np.ones_like(known)
        texture.color[area] = carried_on(color, known, radius)
        texture.alpha[area] = 1.0
        for name in REGIONS:
            texture.regions[name][area] = 0.0


def distance_from_iris(rig: Rig, part: str) -> np.ndarray:
    """Distance (H, W) from the iris' centre over the chart of an eye, 1 at the iris' edge."""
    area = chart_slice(part)
    size = area[0].stop - area[0].start
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    return np.hypot(grid[None], grid[:, None]) / float(rig.iris[0 if part == "eye_right" else 1])


def carried_on(color: np.ndarray, known: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """An eye's colours (H, W, 3) carried on from where they are known (H, W): the iris from its twin halves and along its rings, the
    white to all sides, and far under the lids to the usual white."""
    size = color.shape[0]
    in_iris = radius < 1.05
    iris, weight = _whole_iris(color, known, radius, in_iris)
    filled = diffuse(np.where(in_iris[..., None], iris, color), np.clip(np.where(in_iris, weight, known), 0, 1))
    usual = np.broadcast_to(_white(color, ~in_iris & (known > 0.5)) * 0.93, color.shape)
    under_lid = cv2.distanceTransform((known < 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    share = (np.clip(under_lid / (UNDER_LID * size), 0, 1) * ((radius > 1.05) & (known < 0.5)))[..., None]
    return filled * (1 - share) + usual * share


def _whole_iris(color: np.ndarray, known: np.ndarray, radius: np.ndarray, in_iris: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours (H, W, 3) in which what is seen of the iris completes what is not, and how well they are known (H, W)."""
    best, weight = color.copy(), known.copy()
    for flip in (np.s_[:, ::-1], np.s_[::-1], np.s_[::-1, ::-1]):
        take = in_iris & (weight < 0.5) & (known[flip] > 0.5)
        best[take], weight[take] = color[flip][take], COPIED
    rings = np.clip((radius * RINGS).astype(int), 0, RINGS)
    for ring in range(RINGS):
        of_ring = rings == ring
        have = of_ring & (weight > 0.5)
        if have.sum() >= FEW_OF_RING:
            own, lack = have & (known > 0.5), of_ring & (weight <= 0.5)
            best[lack], weight[lack] = color[own].mean(0) if own.any() else best[have].mean(0), COPIED
    return best, weight


def _white(color: np.ndarray, white: np.ndarray) -> np.ndarray:
    """The colour (3,) of an eye's white where it is seen (H, W) bool, but for its shaded and reddish corners."""
    if white.sum() <= FEW_WHITE:
        return USUAL_WHITE
    bright = np.percentile(color[white].mean(-1), 70)
    brightest = white & (color.mean(-1) >= 0.8 * bright)
    return color[brightest if brightest.any() else white].mean(0)


def paint_eye(radius: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(H, W, 3): a brown iris with its pupil, dark at the rim, in a white that reddens towards the corners.

    Args:
        radius: (H, W) distance from the iris' centre, 1 at its edge.
    """
    iris = IRIS * (0.75 + 0.5 * np.clip(1.2 - radius, 0, 1))[..., None] * (1 - 0.5 * np.clip((radius - 0.8) / 0.2, 0, 1))[..., None]
    pupil = np.clip((0.34 - radius) / 0.06 + 0.5, 0, 1)[..., None]
    white = SCLERA * (1 - 0.12 * np.clip(radius - 1, 0, 1.5))[..., None]
    outside = np.clip((radius - 1) / 0.08 + 0.5, 0, 1)[..., None]
    return np.clip(light * (((1 - pupil) * iris + pupil * 0.03) * (1 - outside) + white * outside), 0, 1)
