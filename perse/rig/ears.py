"""Ears: where a head has them, whether hair hides them, and the head without them, which is what lies under such hair."""

import numpy as np
from scipy.sparse.linalg import spsolve

from ..face.landmarks import OVAL
from ..face.triangles import canonical
from ..render.camera import Camera
from ..render.mesh import rasterize_ids
from ..smooth_ramps import smooth_step
from .anatomy.template import head_template
from .sculpt import Surface
from .skeleton import PART

OF_EAR = 0.5  # weight from which a vertex is the ear's
EAR_ROOT = 0.05  # of an ear's weight, beyond which the outline is the ear's
WHOLLY = 0.995  # weight of what is nothing but an ear's
AROUND_FLAPS = (0.03, 0.08)  # eye distances of bare skin above and behind an ear, and over which it becomes the ear
# Eye distances around an ear from which skin is drawn straight with it where hair covers it, and within which fully.
AROUND_EARS = (0.22, 0.10)
# Share of what is seen of an ear that is hair, from which hair hides it (.68 to .78 of seven people: shaded ears pass for hair).
HIDDEN = 0.7
# Of the face's area in the picture: a smaller ear is as the other one (whole ones have .03 to .04 of a face from the front).
LEAST_SHOWN = 0.015


def ears_of(rig) -> np.ndarray:
    """How much each vertex (V,) of a rig is an ear's, 0 to 1."""
    out = np.zeros(len(rig.vertices))
    out[rig.vertex_part == PART["shell"]] = head_template().ears
    return out


def ear_flaps(rig) -> np.ndarray:
    """How much each vertex (V,) of a rig is an ear's itself, 0 to 1: `ears_of` without the skin above and behind, up to which hair grows."""
    out, shell = np.zeros(len(rig.vertices)), rig.vertex_part == PART["shell"]
    points = np.concatenate([rig.vertices[OVAL], rig.vertices[shell]]).astype(np.float64)
    ears = np.concatenate([np.zeros(len(OVAL)), head_template().ears])
    beside = np.zeros(len(points), bool)
    for side in (-1, 1):
        mine = side * points[:, 0] > 0
        middle = points[mine & (ears >= WHOLLY)].mean(0)
        beside |= mine & (ears < WHOLLY) & ((points[:, 1] < middle[1]) | (points[:, 2] > middle[2]))
    away = Surface(points, head_template().head_faces).distance(np.flatnonzero(beside))
    out[shell] = (smooth_step(away, *AROUND_FLAPS) * ears)[len(OVAL) :]
    return out


def hidden_ears(points: np.ndarray, ears: np.ndarray, face: np.ndarray, camera: Camera, hair: np.ndarray) -> tuple[bool, bool]:
    """Whether hair hides the subject's right and left ear where the picture shows them.

    Args:
        points: (N, 3) of the head's surface with its ears, the face's outline first; ears: (N,) their weights; face: (468+, 3) head frame;
        hair: (S, S) in [0, 1].
    """
    of_head, of_face = head_template().head_faces, canonical()[2] + len(points)
    triangles = np.concatenate([of_head, of_face]).astype(np.int32)
    ids, _ = rasterize_ids(np.concatenate([points, face]).astype(np.float32), triangles, camera)
    least = LEAST_SHOWN * (ids >= len(of_head)).sum()
    middle = points[of_head].mean(1)
    found: list[bool | None] = []
    for side in (-1, 1):
        mine = np.append((ears[of_head].mean(1) > OF_EAR) & (side * middle[:, 0] > 0), np.zeros(len(of_face) + 1, bool))
        shown = mine[ids]  # nothing is -1, the last
        found.append(bool(hair[shown].mean() > HIDDEN) if shown.sum() > least else None)
    right, left = found
    either = bool(right or left)
    return either if right is None else right, either if left is None else left


def flat_under_hair(surface: Surface, points: np.ndarray, ears: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Points (N, 3) with the skin drawn straight over ears that hair hides: of weights (N,), on the side of one (N,) bool."""
    around = smooth_step(surface.distance(np.flatnonzero(ears > OF_EAR)), *AROUND_EARS)
    return points + (around * covered)[:, None] * (_flattened(surface, points, around) - points) if covered.any() else points


def _flattened(surface: Surface, points: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """The same points (N, 3) with the skin drawn straight over where ears are."""
    free, fixed = np.flatnonzero(ears > EAR_ROOT), np.flatnonzero(ears <= EAR_ROOT)
    rows = surface.stiffness[free]
    out = points.copy()
    # Sideways alone: drawn together in all directions an ear's many triangles would shrink to nothing.
    out[free, 0] = spsolve(rows[:, free].tocsc(), -(rows[:, fixed] @ points[fixed, 0]))
    return out
