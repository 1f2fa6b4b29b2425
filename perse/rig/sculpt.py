"""Sculpting: smooth displacement fields over the head surface from a few moved landmarks.

Expressions and face-shape edits are both written as moves of a handful of landmarks. A bi-Laplacian solve spreads
them over the surface (Botsch & Sorkine 2008, "On linear variational surface deformation methods"), so that a move
follows the person's own proportions, goes around the mouth and eye openings instead of across them, and ends
smoothly where its radius ends.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import splu


class Surface:
    """A mesh prepared for repeated solves.

    Args:
        vertices: (V, 3) rest positions, eye-distance units.
        faces: (F, 3) triangles.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray):
        self.vertices = np.asarray(vertices, np.float64)
        edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        edges = np.unique(np.sort(np.concatenate([edges, edges[:, ::-1]]), axis=1), axis=0)
        edges = edges[edges[:, 0] != edges[:, 1]]
        length = np.linalg.norm(self.vertices[edges[:, 0]] - self.vertices[edges[:, 1]], axis=1)
        count = len(self.vertices)
        both = np.concatenate([edges, edges[:, ::-1]])
        weight = np.concatenate([1 / (length + 1e-3)] * 2)
        adjacency = coo_matrix((weight, (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()
        degree = np.asarray(adjacency.sum(1)).ravel()
        degree[degree == 0] = 1
        laplacian = (
            csr_matrix((np.ones(count), (range(count), range(count))), shape=(count, count))
            - csr_matrix((1 / degree, (range(count), range(count))), shape=(count, count)) @ adjacency
        )
        self.laplacian = laplacian.tocsr()
        # Membrane energy: differences along edges, unit weights.
        ones = coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()
        self.stiffness = (diags(np.asarray(ones.sum(1)).ravel()) - ones).tocsr()
        self.energy = (laplacian.T @ laplacian).tocsr()
        self.graph = coo_matrix((np.concatenate([length] * 2) + 1e-9, (both[:, 0], both[:, 1])), shape=(count, count)).tocsr()

    def distance(self, sources: Sequence[int] | np.ndarray) -> np.ndarray:
        """Length (V,) of the shortest way along edges to the nearest of `sources`."""
        return dijkstra(self.graph, directed=False, indices=list(sources), min_only=True)

    def spread(self, handles: dict[int, np.ndarray], radius: float, pinned=(), smooth: bool = True) -> np.ndarray:
        """Displacements (V, C) that equal `handles` at their vertices and vanish beyond `radius`.

        Args:
            handles: vertex -> value (C,).
            radius: geodesic distance from the nearest handle at which the field is zero.
            pinned: vertices that must not move.
            smooth: bi-harmonic (no crease at handles) or plain harmonic (no overshoot: right for weights).
        """
        keys = list(handles)
        values = np.array([handles[k] for k in keys], np.float64)
        if values.ndim == 1:
            values = values[:, None]
        far = self.distance(keys) > radius
        fixed = far.copy()
        fixed[list(pinned)] = True
        fixed[keys] = True
        field = np.zeros((len(self.vertices), values.shape[1]))
        field[keys] = values
        free = np.flatnonzero(~fixed)
        if len(free):
            matrix = self.energy if smooth else self.laplacian
            rows = matrix[free]
            field[free] = splu(rows[:, free].tocsc()).solve(-(rows[:, np.flatnonzero(fixed)] @ field[fixed]))
        return field
