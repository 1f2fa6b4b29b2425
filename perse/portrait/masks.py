"""Soft region masks of a portrait: outlines for the parts of the face; hair, neck and clothes as the person divides into them."""

import cv2
import numpy as np

from ..face.landmarks import BROW_OUTLINE, EYE, EYE_OUTLINE, FACE_OUTLINE, LIPS_OUTLINE, MOUTH_OUTLINE
from ..face.measures import face_height
from ..face.polygons import iris_disc, polygon
from .glasses import glasses_mask
from .hair_skin_cloth import divide
from .headwear import headwear


def region_masks(foreground: np.ndarray, alpha: np.ndarray, landmarks: np.ndarray, seen: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Divide the person into regions.

    Args:
        foreground: (S,S,3) float32, free of background colour.
        alpha: (S,S) float32.
        landmarks: (478,3) in pixels.
        seen: (3,S,S), hair, bare skin and clothes as a network sees them, or None.

    Returns:
        The masks described at `Portrait.masks`, each (S,S) float32 in [0, 1].
    """
    hair, neck, clothes = divide(foreground, alpha, landmarks, seen)
    soft = max(0.7, face_height(landmarks[:, :2]) / 300)

    def filled(outline: list[int], sigma: float) -> np.ndarray:
        return cv2.GaussianBlur(polygon(landmarks, outline, len(alpha)), (0, 0), sigma)

    face = filled(FACE_OUTLINE, 2 * soft)
    glasses = glasses_mask(foreground, landmarks)
    # Dark frames have the colour of hair, but hang in front of skin.
    hair = hair * (1 - glasses * face)
    mouth = filled(MOUTH_OUTLINE, soft)
    lips = np.clip(filled(LIPS_OUTLINE, soft) - mouth, 0, 1)
    eyes = sum(filled(outline, soft) for outline in EYE_OUTLINE.values())
    iris = sum(iris_disc(landmarks, eye["iris"], len(alpha)) for eye in EYE.values())
    brows = sum(filled(outline, 1.5 * soft) for outline in BROW_OUTLINE.values())
    # A fringe lies over the brows; eyes, then brows, then lips keep what they overlap.
    eyes = np.clip(eyes, 0, 1)
    brows = np.clip(brows, 0, 1) * (1 - hair) * (1 - eyes)
    mouth = np.minimum(mouth, 1 - eyes - brows)
    lips = np.minimum(lips, 1 - eyes - brows - mouth)
    rest = alpha * (1 - eyes - brows - mouth - lips)
    masks = {
        "face": face * alpha,
        "skin": rest * (1 - hair - neck - clothes),
        "hair": rest * hair,
        "brows": brows * alpha,
        "eyes": eyes * alpha,
        "iris": np.clip(iris, 0, 1) * eyes * alpha,
        "lips": lips * alpha,
        "mouth": mouth * alpha,
        "neck": rest * neck,
        "clothes": rest * clothes,
        "glasses": glasses * alpha,
    }
    masks["worn"] = headwear(foreground, masks["hair"], masks["skin"], landmarks)
    return {name: np.clip(mask, 0, 1).astype(np.float32) for name, mask in masks.items()}
