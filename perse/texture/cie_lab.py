"""CIE Lab, in which colours differ as much as they look different."""

import cv2
import numpy as np


def to_lab(color: np.ndarray) -> np.ndarray:
    """RGB (..., 3) in [0, 1] -> CIE Lab float32; there may be none."""
    if not color.size:  # OpenCV refuses none
        return np.zeros(color.shape, np.float32)
    flat = np.ascontiguousarray(color, np.float32).reshape(-1, 1, 3)
    return cv2.cvtColor(flat, cv2.COLOR_RGB2Lab).reshape(color.shape)


def to_rgb(lab: np.ndarray) -> np.ndarray:
    """CIE Lab (..., 3) -> RGB float32 in [0, 1]; there may be none."""
    if not lab.size:
        return np.zeros(lab.shape, np.float32)
    flat = np.array(lab, np.float32).reshape(-1, 1, 3)
    flat[..., 0] = np.clip(flat[..., 0], 0, 100)
    out = cv2.cvtColor(flat, cv2.COLOR_Lab2RGB)
    return np.clip(out, 0, 1, out=out).reshape(lab.shape)
