"""The square head-and-shoulders crop of an upright photo."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import PerseError
from ..face.alignment import for_opencv
from ..face.landmarks import CHIN, UPPER_LIP

# All in heights of the landmark box (forehead line to chin).
USUAL_SIDE = 2.25
LARGEST_SIDE = 3.4
# How much of the crop must stay below the chin, for the neck and the upper shoulders.
BELOW_CHIN = 0.58
HAIR_MARGIN = 0.06  # of the side
MAX_ENLARGEMENT = 2.0
# Pixels by which a picture is continued for the filters, which reach 4 sigma, at most 300; beyond that all is as it is there. Otherwise a
# face that fills a large photo would need a canvas of several times its size.
BORDER = 512


@dataclass(frozen=True)
class Crop:
    """A square of `side` pixels of the photo, top left corner at (x0, y0); it may reach beyond the photo."""

    x0: float
    y0: float
    side: float


def head_square(landmarks: np.ndarray, person: np.ndarray) -> Crop:
    """Choose the square around the head.

    Args:
        landmarks: (478,3) in photo pixels.
        person: (H,W) float32 coarse person mask of the photo.
    """
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    face = float(high[1] - low[1])
    middle = float(low[0] + high[0]) / 2
    top, left, right = _hair_bounds(landmarks, person)
    width = max(middle - left, right - middle) * 2
    # A photo that ends under the chin has no shoulders to make room for.
    below = float(np.clip(person.shape[0] - high[1], 0.2 * face, BELOW_CHIN * face))
    tall = (high[1] - top) + below
    smallest = (USUAL_SIDE - BELOW_CHIN) * face + below
    side = np.clip(max(tall / (1 - HAIR_MARGIN), width / (1 - 2 * HAIR_MARGIN)), smallest, LARGEST_SIDE * face)
    y0 = min(top - HAIR_MARGIN * side, low[1] - 2 * HAIR_MARGIN * side)
    # Very tall hair or a hat gives way to the neck.
    y0 = max(y0, high[1] + below - side)
    centre = np.clip((left + right) / 2, middle - 0.15 * side, middle + 0.15 * side)
    return Crop(float(centre - side / 2), float(y0), float(side))


def _hair_bounds(landmarks: np.ndarray, person: np.ndarray) -> tuple[float, float, float]:
    """Top, left and right edge of the head with its hair, in photo pixels."""
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    face = float(high[1] - low[1])
    height, width = person.shape
    x0, x1 = int(max(low[0] - face, 0)), int(min(high[0] + face, width))
    y0, y1 = int(max(low[1] - 1.5 * face, 0)), int(np.clip(landmarks[CHIN, 1], 1, height))
    head = person[y0:y1, x0:x1] > 0.5
    rows = np.flatnonzero(head[:, int(max(low[0] - x0, 0)) : int(max(high[0] - x0, 1))].any(1))
    top = float(rows[0] + y0) if len(rows) else low[1] - 0.35 * face
    # Above the mouth only, where shoulders do not yet widen the person.
    mouth = int(np.clip(landmarks[UPPER_LIP, 1] - y0, 1, max(y1 - y0, 1)))
    columns = np.flatnonzero(head[:mouth].mean(0) > 0.04)
    left = float(min(columns[0] + x0, low[0])) if len(columns) else low[0]
    right = float(max(columns[-1] + 1 + x0, high[0])) if len(columns) else high[0]
    # A hand or another person beside the head is no reason to shrink it.
    return min(top, float(low[1])), max(left, low[0] - 0.6 * face), min(right, high[0] + 0.6 * face)


def crop_size(crop: Crop, size: int, scale: float = 1.0) -> int:
    """Pixels of the resampled crop: at most `size`, at most MAX_ENLARGEMENT times the source pixels (`scale` of them
    to a photo pixel), a multiple of 16."""
    enough = int(crop.side * scale * MAX_ENLARGEMENT)
    return max(64, min(size, enough) // 16 * 16)


def resample(picture: np.ndarray, crop: Crop, size: int, outside: float | None = None) -> np.ndarray:
    """Resample a square of a picture (H,W[,C]), float32 or uint8, to (size,size[,C]) float32 in [0, 1] with an
    anti-aliasing filter.

    Args:
        outside: value beyond the picture; None repeats its edge.
    """
    height, width = picture.shape[:2]
    x0, y0 = int(np.floor(crop.x0)) - 2, int(np.floor(crop.y0)) - 2
    x1, y1 = int(np.ceil(crop.x0 + crop.side)) + 2, int(np.ceil(crop.y0 + crop.side)) + 2
    inner = picture[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    if inner.size == 0:
        raise PerseError("The face lies outside the photo: please upload one that shows the whole face.")
    if inner.dtype == np.uint8:
        inner = inner.astype(np.float32) / 255
    scale = crop.side / size
    left, top, right, bottom = (min(max(beyond, 0), BORDER) for beyond in (-x0, -y0, x1 - width, y1 - height))
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    inner = cv2.copyMakeBorder(inner, top, bottom, left, right, border, value=[outside or 0.0] * 4)
    if scale > 1:
        # A Gaussian of the usual half-band width, then exact bicubic sampling at the wanted positions.
        inner = cv2.GaussianBlur(inner, (0, 0), 0.45 * np.sqrt(scale**2 - 1) + 1e-3)
    matrix = np.array([[scale, 0, crop.x0 - max(x0, -left)], [0, scale, crop.y0 - max(y0, -top)]], np.float64)
    out = cv2.warpAffine(
        inner, for_opencv(matrix), (size, size), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return np.clip(out, 0, 1)


def to_crop(landmarks: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """Landmarks (N,3) from photo pixels to crop pixels."""
    return ((landmarks - (crop.x0, crop.y0, 0)) * (size / crop.side)).astype(np.float32)
