"""The matte between hair and skin: of each texel of the head how much is hair, and which colour that hair has by itself.

At the hairline a texel shows both. With the colour H of the hair beside it and S of the skin beside it, what it shows is
C = a H' + (1 - a) S, where a is the share of hair and H' the colour of just this hair (the compositing equation; Levin, Lischinski and
Weiss 2008, "A Closed-Form Solution to Natural Image Matting", start from it too). A dye changes H' alone. Beside is meant on the head: the
hairline crosses from one chart of the atlas to another, and what is measured along charts would show there as a seam.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..smooth_ramps import smooth_step
from ..texture.atlas import Texture, chart_slice

BAND = 0.045  # eye distances to either side of the hair mask's edge in which the photo decides
DEEP = 2.4  # bands into the hair, over which it lets less and less skin through
SURE = 0.85  # of a mask, from which a texel is surely hair, or skin
NEAR = 24  # texels around the mask's edge, and along the charts' common border, that are looked at
BORDER = 12  # rows of the head's chart beside the face's
SAMPLES = 12  # sure texels that say what hair or skin is beside a texel
APART = 3  # every third texel of a chart is a sample
SOFT = 0.012  # eye distances: what is sure farther off counts less
# Distance of hair from skin, RGB in [0, 1], up to which colours tell nothing and the mask is believed, and from which they tell all.
TELLING = (0.10, 0.22)
BELIEVED = (0.15, 0.45)  # belief in the photo from which it begins to decide, and from which it does alone
THIN = 0.2  # share of hair below which its own colour is taken from the hair beside it
PLAY = 0.12  # RGB by which a strand at the hairline may differ from the hair beside it


@dataclass
class HairMatte:
    """share (ATLAS, ATLAS): how much of a texel is hair; color (ATLAS, ATLAS, 3): what this hair's own RGB is, wherever there is some."""

    share: np.ndarray
    color: np.ndarray


def hair_matte(hair: np.ndarray, texture: Texture) -> HairMatte:
    """The matte of a portrait's hair.

    Args:
        hair: (ATLAS, ATLAS) mask of hair, soft at its edge and right to within `BAND`.
    """
    share, color = hair.astype(np.float32), texture.color.astype(np.float32)
    near, grid = np.zeros(hair.shape, bool), np.zeros(hair.shape, bool)
    for part in ("face", "shell"):
        block = chart_slice(part)
        near[block] = _near_edge(hair[block], texture.faces[block] >= 0, part)
        grid[block][::APART, ::APART] = True
    known = grid & (texture.faces >= 0)
    rows = np.flatnonzero(near)
    of_hair, of_skin = (np.flatnonzero(known & mask) for mask in (hair > 0.5, hair <= 0.5))
    if not len(rows) or min(len(of_hair), len(of_skin)) < SAMPLES:
        return HairMatte(share, color)
    points, flat = texture.points.reshape(-1, 3), color.reshape(-1, 3)
    inside = _signed_distance(points, hair.ravel(), rows, of_hair, of_skin)
    sure = [
        _sure(points, hair.ravel(), of_hair, cKDTree(points[of_skin]), 1.6 * BAND),
        _sure(points, texture.regions["skin"].ravel(), of_skin, cKDTree(points[of_hair]), BAND),
    ]
    if min(map(len, sure)) < SAMPLES:
        return HairMatte(share, color)
    rows, inside = rows[np.abs(inside) < DEEP * BAND], inside[np.abs(inside) < DEEP * BAND]
    shown, mask = flat[rows], hair.ravel()[rows]
    beside, skin = (_beside(points, flat, rows, samples) for samples in sure)
    apart = beside - skin
    length = np.linalg.norm(apart, axis=-1)
    along = ((shown - skin) * apart).sum(-1) / np.maximum(length, 1e-3) ** 2
    told = smooth_step(length, *TELLING)
    # What the photo does not show is made up, and made up of both.
    shows = smooth_step(texture.seen.ravel()[rows], *BELIEVED)
    # A strand darker than the hair beside it is as surely hair; farther from the edge the mask knows better: a mole is none, a highlight is.
    # Where the mask itself is in doubt, far from any edge, so is the matte: a shadow beside the neck is dyed by as much as it may be hair.
    least, most = smooth_step(inside, 0.5 * BAND, DEEP * BAND), 1 - smooth_step(-inside, 0.3 * BAND, 1.5 * BAND)
    part = np.clip(told * along + (1 - told) * mask, least, np.maximum(most, mask))
    own = np.clip((shown - (1 - part[:, None]) * skin) / np.maximum(part, THIN)[:, None], beside - PLAY, beside + PLAY)
    whole = smooth_step(inside, BAND, DEEP * BAND)[:, None]
    part, whole = shows * part + (1 - shows) * mask, np.maximum(whole, 1 - shows[:, None])
    share.reshape(-1)[rows] = part
    flat[rows] = np.clip(own * (1 - whole) + shown * whole, 0, 1)
    return HairMatte(share, color)


def _near_edge(hair: np.ndarray, covered: np.ndarray, part: str) -> np.ndarray:
    """(h, w) bool: texels of a chart near the edge of the mask, and near the other chart."""
    wide = np.pad(hair, ((0, 0), (NEAR, NEAR)), mode="wrap" if part == "shell" else "edge")
    kernel = np.ones((NEAR, NEAR), np.uint8)
    solid = (wide > 0.5).astype(np.uint8)
    near = (cv2.dilate(solid, kernel) > cv2.erode(solid, kernel))[:, NEAR:-NEAR]
    if part == "shell":
        near[:BORDER] = True
    else:
        near |= cv2.erode(covered.astype(np.uint8), np.ones((BORDER, BORDER), np.uint8), borderValue=0) < covered
    return near & covered


def _signed_distance(points: np.ndarray, hair: np.ndarray, rows: np.ndarray, of_hair: np.ndarray, of_skin: np.ndarray) -> np.ndarray:
    """How far (n,) texels lie from the edge of the mask, eye distances, positive in hair."""
    out, is_hair = np.empty(len(rows)), hair[rows] > 0.5
    for mine, other in ((is_hair, of_skin), (~is_hair, of_hair)):
        if mine.any():
            out[mine] = cKDTree(points[other]).query(points[rows[mine]], distance_upper_bound=3 * BAND, workers=-1)[0]
    return np.where(is_hair, 1, -1) * np.minimum(out, 3 * BAND)


def _sure(points: np.ndarray, mask: np.ndarray, samples: np.ndarray, others: cKDTree, beyond: float) -> np.ndarray:
    """Those of the sampled texels (k,) that are surely what the mask says: so far beyond the other kind, eye distances."""
    samples = samples[mask[samples] > SURE]
    return samples[others.query(points[samples], distance_upper_bound=beyond, workers=-1)[0] > beyond]


def _beside(points: np.ndarray, color: np.ndarray, rows: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """RGB (n, 3) of the sure texels around each texel."""
    distance, index = cKDTree(points[samples]).query(points[rows], k=SAMPLES, workers=-1)
    weight = 1 / (distance - distance[:, :1] + SOFT)
    return (color[samples[index]] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True)
