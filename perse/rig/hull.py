"""Nothing of a person stands out from the cone that her outline makes with the camera (the visual hull, Laurentini 1994)."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from ..render.camera import Camera

NO_PERSON = 0.3  # alpha of the portrait below which a point is none of the person
SOLID = 0.5  # and from which it surely is
WITHIN = 0.003  # of the portrait's side: how far within the outline a point is put


def inside_hull(points: np.ndarray, camera: Camera, alpha: np.ndarray, within: float = 0.0) -> np.ndarray:
    """Points (N, 3), moved across the line of sight onto the person (alpha (S, S)) where the portrait shows that there is none.

    within: eye distances from the outline that they keep, as far as WITHIN lets them be nearer.
    """
    size = len(alpha)
    xy, depth = camera.project(points)
    column, row = np.clip(xy.astype(int), 0, size - 1).T
    inner = _inner(alpha)
    margin = max(WITHIN * size, within * float(camera.K[0, 0] / np.median(depth))) if len(depth) else 0.0
    beside = ((xy >= 0) & (xy < size)).all(1) & ((alpha[row, column] < NO_PERSON) | (inner[row, column] < margin) & (within > 0))
    deep = inner > margin
    if not deep.any() or not beside.any():
        return points
    _, (y, x) = distance_transform_edt(~deep, return_indices=True)
    move = (np.stack([x[row, column], y[row, column]], 1) + 0.5 - xy) * depth[:, None] / float(camera.K[0, 0])
    return points + beside[:, None] * (np.column_stack([move, np.zeros(len(move))]) @ camera.viewmat[:3, :3])


def clearance(points: np.ndarray, camera: Camera, alpha: np.ndarray) -> np.ndarray:
    """How far points (N, 3) are within the outline of the person (alpha (S, S)) as the camera sees it (N,), eye distances; 0 outside."""
    size = len(alpha)
    xy, depth = camera.project(points)
    column, row = np.clip(xy.astype(int), 0, size - 1).T
    return _inner(alpha)[row, column] * depth / float(camera.K[0, 0])


def _inner(alpha: np.ndarray) -> np.ndarray:
    """Pixels (S, S) to the outline of a person (alpha (S, S)), whom the picture's edge does not end; 0 outside."""
    return distance_transform_edt(np.pad(alpha > SOLID, 1, mode="edge"))[1:-1, 1:-1]
