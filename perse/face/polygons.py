"""Masks drawn from landmarks: filled outlines and discs, antialiased."""

import cv2
import numpy as np

_SUBPIXEL_BITS = 4


def polygon(landmarks: np.ndarray, outline: list[int], size: int, scale: float = 1.0) -> np.ndarray:
    """Filled outline (size,size) float32 in [0, 1], antialiased, enlarged about its middle by `scale`.

    Args:
        landmarks: (N, 2 or 3) in pixels; outline: their indices, all the way round (`landmarks.FACE_OUTLINE` and others).
    """
    points = landmarks[outline, :2]
    middle = points.mean(0)
    points = middle + (points - middle) * scale - 0.5  # OpenCV counts from pixel centres
    mask = np.zeros((size, size), np.uint8)
    fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
    return mask.astype(np.float32) / 255


def iris_disc(landmarks: np.ndarray, iris: list[int], size: int) -> np.ndarray:
    """Disc (size,size) float32 through an iris' rim points, antialiased; iris: indices of its centre and of its rim."""
    centre = landmarks[iris[0], :2]
    radius = np.linalg.norm(landmarks[iris[1:], :2] - centre, axis=1).mean()
    x = np.arange(size, dtype=np.float32) + 0.5
    return np.clip(radius + 0.5 - np.hypot(x[None] - centre[0], x[:, None] - centre[1]), 0, 1).astype(np.float32)
