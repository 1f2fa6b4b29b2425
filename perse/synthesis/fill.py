"""Filling the parts of a texture that the portrait does not show."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt


def diffuse(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Push-pull completion (Gortler et al. 1996, "The Lumigraph"): known texels stay, unknown ones get a smooth blend.

    Args:
        image: (H, W, C) float32.
        weight: (H, W) confidence in [0, 1]; 0 is unknown.

    Returns:
        (H, W, C) float32.
    """
    image, weight = np.ascontiguousarray(image, np.float32), np.ascontiguousarray(weight, np.float32)
    if min(image.shape[:2]) <= 2 or weight.min() > 0.999:
        total = max(float(weight.sum()), 1e-6)
        mean = (image * weight[..., None]).sum((0, 1)) / total
        return image * weight[..., None] + mean * (1 - weight[..., None])
    height, width = image.shape[:2]
    half = ((width + 1) // 2, (height + 1) // 2)
    low_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    low = cv2.resize(image * weight[..., None], half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1)
    low = low / np.maximum(low_weight, 1e-6)[..., None]
    filled = diffuse(low, np.minimum(1, 2 * low_weight))
    up = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    return image * weight[..., None] + up * (1 - weight[..., None])


def soften(mask: np.ndarray, covered: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a mask (H, W) inside a chart, as if the texels that the chart does not cover were not there."""
    inside = covered.astype(np.float32)
    blurred = cv2.GaussianBlur(mask.astype(np.float32) * inside, (0, 0), sigma)
    return blurred / np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-3) * inside


def mirror_fill(image: np.ndarray, weight: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Complete one half of a left-right symmetric chart from the other, with the light matched.

    The difference between the halves is measured where both are known, smoothed, and added to what is copied.

    Args:
        image: (H, W, 3); weight: (H, W) confidence; covered: (H, W) bool, texels of the chart.
    """
    twin, twin_weight = image[:, ::-1], weight[:, ::-1]
    both = np.minimum(weight, twin_weight)
    offset = diffuse(cv2.GaussianBlur((image - twin) * both[..., None], (0, 0), 12) /
                     np.maximum(cv2.GaussianBlur(both, (0, 0), 12), 1e-3)[..., None], (both > 0.3).astype(np.float32))
    copied = np.clip(twin + offset, 0, 1)
    # Prefer the own texel unless its twin is seen much better.
    own = weight / np.maximum(weight + np.maximum(twin_weight - weight, 0) * 1.5, 1e-6)
    own = soften(own, covered, 2) * (weight > 0)
    known = np.maximum(weight, twin_weight)
    mixed = image * own[..., None] + copied * (1 - own[..., None])
    return diffuse(mixed, np.clip(known * 4, 0, 1))


def nearest_covered(covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column (H, W) of the covered texel nearest to each texel: texels outside every triangle read from there,
    so that bilinear look-ups at a chart's border stay clean."""
    _, (y, x) = distance_transform_edt(~covered, return_indices=True)
    return y, x
