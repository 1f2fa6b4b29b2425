"""Triangles, written once: points on them, their normals."""

import numpy as np

NO_LENGTH = 1e-12  # added to lengths that are divided by


def interpolated(corners: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """What lies at barycentric coordinates (..., 3) of triangles whose corners have values (..., 3, C): (..., C).

    With the places of corners these are points on a surface; with their atlas coordinates, where those points are in the atlas.
    """
    return np.einsum("...k,...kc->...c", bary, corners)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) at length 1; those without a length stay without."""
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + NO_LENGTH)


def triangle_normals(corners: np.ndarray) -> np.ndarray:
    """Normals (F, 3) of triangles with corners (F, 3, 3), as long as the triangle has area, twice; out of the side on which the corners run
    counterclockwise in a frame whose axes are right-handed."""
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def triangle_frames(corners: np.ndarray) -> np.ndarray:
    """Orthonormal frames (F, 3, 3) of triangles with corners (F, 3, 3); columns: first edge, across it in the plane, normal."""
    first = unit(corners[:, 1] - corners[:, 0])
    normal = unit(triangle_normals(corners))
    return np.stack([first, np.cross(normal, first), normal], -1)


def grid_on(corners: np.ndarray, steps: int) -> np.ndarray:
    """Points (F, (steps + 1) (steps + 2) / 2, 3) spread evenly over each of the triangles with corners (F, 3, 3), edges included."""
    weights = np.array([(i, j, steps - i - j) for i in range(steps + 1) for j in range(steps + 1 - i)]) / steps
    return np.einsum("wk,fkc->fwc", weights, corners)


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3) of vertices (V, 3): the mean of those of their triangles (F, 3), by area."""
    normals = triangle_normals(vertices[faces])
    out = np.zeros(vertices.shape, normals.dtype)
    for corner in range(3):
        np.add.at(out, faces[:, corner], normals)
    return unit(out)
