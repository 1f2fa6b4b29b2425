"""The mesh of the face: the mean face, its triangles, its mirror, its graph Laplacian.

`data/canonical.npz` was measured for this project: the detector's landmarks on a handful of portraits, aligned, averaged and made
symmetric; its triangles are the 3-cycles of the published landmark tessellation, oriented outwards.
"""

from functools import cache
from pathlib import Path

import numpy as np

from .landmarks import FACE


@cache
def canonical() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean face: vertices (478, 3) float64 in eye-distance units (iris centres included), mirror (478,) int, triangles (852, 3) int.

    Axes: x to the subject's left, y down, z backwards; origin midway between the outer eye corners.
    """
    data = np.load(Path(__file__).parent / "data" / "canonical.npz")
    return (data["vertices"].astype(np.float64), data["mirror"].astype(np.int64), data["triangles"].astype(np.int64))


def face_laplacian() -> np.ndarray:
    """(468, 468) graph Laplacian of the face mesh: each landmark's number of neighbours minus their sum."""
    triangles = canonical()[2]
    near = np.zeros((FACE, FACE))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        near[triangles[:, a], triangles[:, b]] = near[triangles[:, b], triangles[:, a]] = 1
    return np.diag(near.sum(1)) - near
