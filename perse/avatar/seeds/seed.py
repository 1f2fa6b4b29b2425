"""Gaussians at rest, as a portrait gives them before anything is fitted."""

from dataclasses import dataclass

import numpy as np

GRID_SCALE = 0.6  # standard deviation of a Gaussian over the side of its grid cell
FLATNESS = 0.12  # standard deviation along the normal over the side of a cell, or over the distance between Gaussians


@dataclass
class Seeds:
    """N Gaussians at rest.

    Attributes:
        face: (N,) triangle of the rig on which each is bound; bary: (N, 3) where on it.
        offset: (N, 3) from there, head frame, eye distances.
        normal, tangent: (N, 3) unit vectors, head frame; scales: (N, 3) standard deviations along tangent, across it and along normal.
        color: (N, 3) RGB; opacity: (N,); uv: (N, 2) atlas position.
        outside: (N,) bool, shown by a pixel beyond the mesh's outline, which no re-rendered clip shows.
        fixed: (N,) bool, right as they are.
        held: (N,) bool, of doubtful colour: the photo shows them from their edge, translucent or in the line between lips, and from the
            side, or when lips part, they are seen openly.
    """

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
