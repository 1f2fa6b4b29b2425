"""Outlines of the face's parts in MediaPipe's 478 landmarks, and polygons drawn from them."""

import cv2
import numpy as np

FACE_OUTLINE = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
                148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
LIPS_OUTER = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
LIPS_INNER = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]
RIGHT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
LEFT_EYE = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
RIGHT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
LEFT_BROW = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]
# Centre and four points on the rim, for the subject's right and left eye.
RIGHT_IRIS = [468, 469, 470, 471, 472]
LEFT_IRIS = [473, 474, 475, 476, 477]

_SUBPIXEL_BITS = 4


def polygon(landmarks: np.ndarray, indices: list[int], size: int, scale: float = 1.0) -> np.ndarray:
    """Filled outline (size,size) float32 in [0, 1], antialiased, enlarged about its middle by `scale`."""
    points = landmarks[indices, :2]
    middle = points.mean(0)
    points = middle + (points - middle) * scale - 0.5  # OpenCV counts from pixel centres
    mask = np.zeros((size, size), np.uint8)
    fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return mask.astype(np.float32) / 255


def iris_disc(landmarks: np.ndarray, indices: list[int], size: int) -> np.ndarray:
    """Disc (size,size) float32 through the iris' rim points, antialiased."""
    centre = landmarks[indices[0], :2]
    radius = np.linalg.norm(landmarks[indices[1:], :2] - centre, axis=1).mean()
    x = np.arange(size, dtype=np.float32) + 0.5
    return np.clip(radius + 0.5 - np.hypot(x[None] - centre[0], x[:, None] - centre[1]), 0, 1).astype(np.float32)
