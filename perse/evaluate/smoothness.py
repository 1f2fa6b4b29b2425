"""How evenly a picture changes along a way through the latent space. Pure numbers: no avatar, no rendering."""

from itertools import pairwise

import cv2
import numpy as np

LEVELS = 4


def pyramid(pictures: list[np.ndarray], finest: int = 0) -> np.ndarray:
    """One vector for some pictures (H, W, 3) of the same moment: their values at `LEVELS` scales from 2^finest pixels up, each
    scale weighted alike.

    The mean absolute difference of two such vectors is L1 averaged over scales. It stands in for the feature pyramid of a
    perceptual network (LPIPS, Zhang et al. 2018), which would have to be downloaded.
    """
    parts = []
    for picture in pictures:
        level = np.asarray(picture, np.float32)
        for k in range(finest + LEVELS):
            if k >= finest:
                # Coarse levels have fewer values: weighted so that every scale counts the same.
                parts.append(level.ravel() * np.float32(1 / (level.size * LEVELS * len(pictures))))
            level = cv2.pyrDown(level)
    return np.concatenate(parts)


def finest_level(travel: float) -> int:
    """The scale at which to begin where a surface travels this many pixels: that of half the way.

    L1 can follow a moved line only for its own width: thinner ones have gone all the way that L1 knows after one step, and
    every straight glide of a textured surface would look like a detour. Colour edits (travel 0) are judged at all scales.
    """
    return int(np.clip(np.ceil(np.log2(max(travel, 1e-9) / 2)), 0, 4))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """L1 between two `pyramid` vectors, in the pictures' unit."""
    return float(np.abs(a - b).sum(dtype=np.float64))


def smoothness(points: list[np.ndarray]) -> dict[str, float]:
    """How straight and even a path is.

    Args:
        points: n + 1 vectors (`pyramid`), in order.

    Returns:
        variation: coefficient of variation (standard deviation ÷ mean) of the n step sizes. detour: path length ÷ distance of
        the ends. reversals: steps whose scalar product with the way from the first to the last point is negative. length: the
        path length, in L1 (PERSE's PPL sums LPIPS along such a path); spread: the step sizes' standard deviation (its PDV).
        A path that goes nowhere has variation 0, detour 1.
    """
    steps = np.array([distance(a, b) for a, b in pairwise(points)])
    whole = points[-1] - points[0]
    ends = distance(points[0], points[-1])
    length = float(steps.sum())
    if length < 1e-9:
        return {"variation": 0.0, "detour": 1.0, "reversals": 0, "length": 0.0, "spread": 0.0}
    along = [float((b - a) @ whole) for a, b in pairwise(points)]
    return {
        "variation": float(steps.std() / steps.mean()),
        "detour": length / max(ends, 1e-9),
        "reversals": int(sum(x < 0 for x in along)),
        "length": length,
        "spread": float(steps.std()),
    }
