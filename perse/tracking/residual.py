"""What a clip's landmarks do beyond the blendshapes, as displacements of the landmarks at rest."""

from functools import cache

import numpy as np

from ..face.landmarks import FACE, JAW_EDGE, OVAL
from ..face.triangles import face_laplacian
from .solve import Face, Fit

PASSES = 2  # the second one corrects for the jaw, which turns the displacements of the first
STIFFNESS = 0.02  # weight of a smooth field against one landmark
# The outline's landmarks, the jaw's edge excepted, slide along the silhouette: the skin hardly moves with them.
TRUST_OVAL = 0.1  # against 1 of every other landmark
LARGEST = 0.25  # eye distances that a landmark may be displaced


def residual_detail(face: Face, fit: Fit, observed: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Displacements (T, 468, 3) in the head's frame that bring a fit's projections onto the observed landmarks.

    Only movement across the line of sight is seen; it is smoothed over the face with the squared graph Laplacian.

    Args:
        face: the driver; fit: pose and the weights that the rig really uses; observed: (T, 468, 2) pixels of the
            camera K (3, 3).
    """
    detail = np.zeros((len(observed), FACE, 3))
    filter_ = surface_filter()
    for _ in range(PASSES):
        points = face.pose(fit.weights, detail) @ fit.rotation.transpose(0, 2, 1) + fit.shift[:, None]
        depth = points[..., 2:]
        missing = np.zeros_like(points)
        missing[..., :2] = (observed - K[:2, 2]) * depth / K[0, 0] - points[..., :2]
        detail = detail + np.einsum("mn,tnc->tmc", filter_, missing @ fit.rotation, optimize=True)
    return np.clip(detail, -LARGEST, LARGEST)


@cache
def surface_filter() -> np.ndarray:
    """(468, 468), not to be written to: least squares between trusting each landmark and a smooth field."""
    laplacian = face_laplacian()
    trust = np.ones(FACE)
    trust[[i for i in OVAL if i not in JAW_EDGE]] = TRUST_OVAL
    return np.linalg.solve(np.diag(trust) + STIFFNESS * laplacian @ laplacian, np.diag(trust))
