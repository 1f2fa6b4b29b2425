"""Gaussians at rest, as a portrait gives them before anything is fitted."""

from dataclasses import dataclass

import numpy as np

from ...rig.skeleton import PART
from ...texture.view import MOUTH

GRID_SCALE = 0.6  # standard deviation of a Gaussian over the side of its grid cell
FLATNESS = 0.12  # standard deviation along the normal over the side of a cell, or over the distance between Gaussians
MOUTH_PARTS = [PART[name] for name in MOUTH]


@dataclass
class Seeds:
    """N Gaussians at rest: face (N,), bary (N, 3), offset (N, 3), normal (N, 3), tangent (N, 3), scales (N, 3)
    along tangent, its perpendicular, normal; color (N, 3), opacity (N,); uv (N, 2) atlas position; outside (N,) bool:
    pixels beyond the mesh's outline, which no re-rendered clip shows; fixed (N,) bool: right as they are; held (N,) bool: whose colours may
    change but little: the photo shows them from their edge, translucent or in the line between lips, and from the side, or
    when lips part, they are seen openly."""

    face: np.ndarray
    bary: np.ndarray
    offset: np.ndarray
    normal: np.ndarray
    tangent: np.ndarray
    scales: np.ndarray
    color: np.ndarray
    opacity: np.ndarray
    uv: np.ndarray
    outside: np.ndarray
    fixed: np.ndarray
    held: np.ndarray

    def take(self, rows: np.ndarray) -> "Seeds":
        """Some of them: rows (N,) bool, or indices."""
        return Seeds(*(getattr(self, name)[rows] for name in Seeds.__dataclass_fields__))

    @staticmethod
    def concat(parts: list["Seeds"]) -> "Seeds":
        """All of them, in this order."""
        return Seeds(*(np.concatenate([getattr(p, name) for p in parts]) for name in Seeds.__dataclass_fields__))
