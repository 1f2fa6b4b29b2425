"""Where an edit may change the photo, and the photo with nothing else changed."""

import cv2
import numpy as np

from ...attributes.edit_vocabulary import Axis, Category, Dye, HairVolume, Strands
from ...edits.workshop import Workshop
from ...face.landmarks import BROW, EYE_CORNERS, FACE_OUTLINE
from ...face.measures import eye_distance
from ...face.polygons import polygon
from ...portrait import Portrait
from ...render.mesh import render_mesh
from ...rig.rig import Rig

# How far beyond its region an edit may reach, in eye distances.
MARGIN, BEARD_MARGIN, HAIR_MARGIN = 0.07, 0.16, 0.40
FEATHER = 0.035
RING = 0.30  # width of the band around the region in which colours are matched
GAIN, SHIFT = 0.25, 0.12  # at most


def _grown(mask: np.ndarray, radius: float) -> np.ndarray:
    size = 2 * max(round(radius), 1) + 1
    return cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def project_region(weight: np.ndarray, rig: Rig) -> np.ndarray:
    """An atlas weight (ATLAS, ATLAS) as seen in the portrait: (S, S) float32."""
    image, _, _ = render_mesh(rig.vertices, rig.faces.astype(np.int32), rig.uvs, weight[..., None], rig.camera, 1)
    return image[..., 0]


def grows_hair(category: Category) -> bool:
    """Whether its edits may change the outline of the hair: the category has a volume."""
    return any(isinstance(e, HairVolume) for a in category.axes for e in a.edits)


def dyes_hair(category: Category) -> bool:
    """Whether its edits give hair another colour, all round the head."""
    return any(isinstance(e, Dye) for a in category.axes for e in a.edits)


def region_mask(category: Category, axis: Axis, workshop: Workshop, portrait: Portrait) -> np.ndarray:
    """Where the photo may change (S, S) in [0, 1]: the axis' own region in the picture, and a margin for what grows."""
    eye = eye_distance(portrait.landmarks[:, :2])
    region = (project_region(workshop.owned(axis), workshop.rig) > 0.15).astype(np.float32)
    if not grows_hair(category):
        beard = any(isinstance(e, Strands) for a in category.axes for e in a.edits)
        region = _grown(_without_islands(region), MARGIN * eye)
        person = _grown((portrait.alpha > 0.5).astype(np.float32), (BEARD_MARGIN if beard else 0.02) * eye)
        if beard:  # hangs down, and frames the mouth
            reach = max(int(BEARD_MARGIN * eye), 1)
            region = cv2.dilate(region, np.ones((reach, reach // 2), np.uint8), anchor=(reach // 4, reach - 1))
            region = region * (1 - np.maximum(portrait.masks["lips"], portrait.masks["mouth"]) > 0.5)
        return region * person
    face = polygon(portrait.landmarks, FACE_OUTLINE, len(region)) > 0.5
    # A bald head has room for hair where others have it.
    scalp = portrait.alpha * (1 - portrait.masks["clothes"]) * (1 - portrait.masks["neck"]) * ~face > 0.5
    scalp[int(portrait.landmarks[EYE_CORNERS[1], 1]) :] = False
    hair = (scalp | (portrait.masks["hair"] > 0.3)).astype(np.float32)
    region = _grown(np.maximum(region, hair), HAIR_MARGIN * eye)
    # Hair may fall over the forehead, not over brows, eyes, nose and mouth.
    brows = portrait.landmarks[[i for side in BROW.values() for i in side["upper"]], 1].min() - 0.06 * eye
    face[: max(int(brows), 0)] = False
    return region * (1 - _eroded(face, 0.04 * eye))


def _without_islands(mask: np.ndarray) -> np.ndarray:
    """Specks, where an atlas chart's seam shows, are no part of a region."""
    count, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 3:
        return mask
    area = stats[1:, cv2.CC_STAT_AREA]
    return np.isin(label, 1 + np.flatnonzero(area > 0.15 * area.max())).astype(np.float32)


def _eroded(mask: np.ndarray, radius: float) -> np.ndarray:
    size = 2 * max(round(radius), 1) + 1
    return cv2.erode(mask.astype(np.float32), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def match_colours(edited: np.ndarray, original: np.ndarray, where: np.ndarray) -> np.ndarray:
    """`edited` (S, S, 3) with each channel's spread and mean brought to those of `original` inside `where` (S, S) bool,
    by little: an editor's tint is undone, an edit is not."""
    if where.sum() < 200:
        return edited
    a, b = edited[where], original[where]
    spread = a.std(0)
    gain = np.where(spread > 0.02, np.clip(b.std(0) / np.maximum(spread, 1e-3), 1 - GAIN, 1 + GAIN), 1.0)
    # Where the pictures do not agree at all, a gain would be meaningless.
    alike = [np.corrcoef(a[:, c], b[:, c])[0, 1] if spread[c] > 0.02 and b[:, c].std() > 0.02 else 0.0 for c in range(3)]
    gain = np.where(np.array(alike) > 0.8, gain, 1.0)
    shift = (1 - gain) * a.mean(0) + np.clip(b.mean(0) - a.mean(0), -SHIFT, SHIFT)
    return np.clip(edited * gain + shift, 0, 1).astype(np.float32)


def ring_around(mask: np.ndarray, eye: float) -> np.ndarray:
    """(S, S) bool: just outside the mask, where original and edit ought to be alike."""
    return (_grown(mask, RING * eye) > 0.5) & (_grown(mask, 2 * FEATHER * eye) < 0.5)


def compose(original: np.ndarray, edited: np.ndarray, mask: np.ndarray, eye: float) -> tuple[np.ndarray, np.ndarray]:
    """The original with the edit inside the mask, colours matched around it, edge feathered inwards.

    Returns:
        picture (S, S, 3) and the blending weight (S, S), both float32; outside the mask the original is untouched.
    """
    matched = match_colours(edited, original, ring_around(mask, eye))
    sigma = FEATHER * eye
    soft = cv2.GaussianBlur(_eroded(mask, 1.5 * sigma), (0, 0), sigma) * (mask > 0)
    return (original + soft[..., None] * (matched - original)).astype(np.float32), soft
