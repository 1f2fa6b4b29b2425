"""Fine detail on top of the blendshapes: a displacement for each face landmark, carried on to the rest of the mesh.

No vocabulary of expressions holds everything that a real face does. A driving clip measures what is left, landmark by
landmark; the face vertices are the landmarks, so they move as measured, the skull's skin follows the outline and fades,
the mouth's bag follows the lips, and teeth and tongue of the jaw follow the chin.
"""

import numpy as np

from ..face.landmarks import FACE, JAW_SKIN, MOUTH_RING, OVAL
from .mouth import CAVITY_RINGS
from .sculpt import Surface
from .skeleton import PART

FADES_OVER = 0.7  # eye distances beyond the outline from which on the skin is still


def landmark_spread(rig) -> tuple[np.ndarray, np.ndarray]:
    """How other vertices follow the landmarks.

    Returns:
        vertices (M,) indices and weights (M, 468) float32: displacement of those vertices = weights @ landmark
        displacements (468, 3). The landmarks themselves are not among them.
    """
    surface_count = int((rig.vertex_part <= PART["shell"]).sum())
    faces = rig.faces[(rig.faces < surface_count).all(1)]
    surface = Surface(rig.vertices[:surface_count], faces)
    unit = np.eye(len(OVAL))
    inner = [i for i in range(FACE) if i not in set(OVAL)]
    field = surface.spread({v: unit[k] for k, v in enumerate(OVAL)}, FADES_OVER, inner, smooth=False)
    outside = np.flatnonzero(np.abs(field[FACE:]).max(1) > 1e-3) + FACE
    shell = np.zeros((len(outside), FACE), np.float32)
    shell[:, OVAL] = field[outside]
    start = int(np.flatnonzero(rig.vertex_part == PART["cavity"])[0])
    count = len(MOUTH_RING)
    bag = np.zeros((CAVITY_RINGS * count, FACE), np.float32)
    for k, share in enumerate((1.0, 0.7, 0.4, 0.15)):
        bag[k * count + np.arange(count), MOUTH_RING] = share
    # The lower teeth and the tongue sit in the jaw, which the chin shows.
    inside = np.flatnonzero(np.isin(rig.vertex_part, [PART["lower_teeth"], PART["tongue"]]))
    jaw = np.zeros((len(inside), FACE), np.float32)
    jaw[:, JAW_SKIN] = rig.jaw[inside, None] * _affine(rig.vertices[JAW_SKIN], rig.vertices[inside])
    return np.concatenate([outside, start + np.arange(len(bag)), inside]), np.concatenate([shell, bag, jaw])


def _affine(points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Weights (M, N) with which points (N, 3) reproduce places (M, 3), and so any affine movement of theirs, the jaw's
    swing among them; the smallest such weights."""
    rows, wanted = (np.concatenate([x, np.ones((len(x), 1))], 1).astype(np.float64) for x in (points, places))
    return wanted @ np.linalg.pinv(rows, rcond=1e-3)
