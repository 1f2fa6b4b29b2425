"""What one face does by itself, with no other picture of the person to compare it with: identity and expression, told apart.

Landmarks = the anatomical head's mean + what makes this person, with its spread of one (`rig.anatomy.prior`), + blendshapes with weights in
[0, 1] that are kept small: the least squares of a morphable model with both (Blanz et al. 2003, "Reanimating faces in images and video").
Measured on portraits and clips: a smile with teeth comes as .7 to .9, a slight one as .4, and a still face as up to .2 of some shape.
"""

import numpy as np

from ..face.alignment import procrustes
from ..face.landmarks import FACE
from ..rig.anatomy.prior import NOISE
from ..rig.anatomy.template import BASIS, head_template
from ..rig.expressions import INDEX, NAMES
from .solve import ACTIVE, Face, bounded, landmark_weights

ROUNDS = 8  # of the shapes and of the similarity in turns
COST = 0.02  # of a weight of one against a person who is one spread off the mean in one direction (that costs 1 / 468); .01 to .05 work
MOST_UNUSUAL = 5.0  # spreads by which a person may differ from the mean
SEEN = 0.15  # weight up to which an expression is no expression: still faces reach it


def expression_of(points: np.ndarray, face: Face) -> np.ndarray:
    """Weights (E,) in [0, 1] of the blendshapes in the order of expressions.NAMES, the eyes' turns excepted (about 15 ms).

    Args:
        points: (468+, 3) landmarks in the head frame, eye distances.
        face: whose blendshapes are meant, in proportions that fit.
    """
    template = head_template()
    goal = points[:FACE].astype(np.float64)
    shapes = face.basis.copy()
    shapes[INDEX["jaw_open"]] = face.jaw_tangent(np.zeros((1, len(NAMES))))[0]
    shapes = shapes[ACTIVE]
    person = template.landmark_basis.reshape(BASIS, -1).T
    trust = np.tile(1 / NOISE**2, FACE) / FACE * np.repeat(landmark_weights(), 3)
    cost = np.concatenate([np.full(BASIS, 1 / FACE), np.full(len(ACTIVE), COST)])
    low = np.concatenate([np.full(BASIS, -MOST_UNUSUAL), np.zeros(len(ACTIVE))])
    high = np.concatenate([np.full(BASIS, MOST_UNUSUAL), np.ones(len(ACTIVE))])
    found = np.zeros(BASIS + len(ACTIVE))
    for _ in range(ROUNDS):
        likely = template.landmarks + (person @ found[:BASIS]).reshape(FACE, 3)
        scale, turn, shift = procrustes(likely, goal - np.tensordot(found[BASIS:], shapes, 1))
        moves = np.column_stack([person, (shapes @ turn / scale).reshape(len(ACTIVE), -1).T])
        missing = ((goal - shift) @ turn / scale - template.landmarks).ravel()
        weighted = moves * trust[:, None]
        found = bounded(*((x[None]) for x in (weighted.T @ moves + np.diag(cost), weighted.T @ missing, low, high)))[0]
    weights = np.zeros(len(NAMES))
    weights[ACTIVE] = found[BASIS:]
    return weights


def plain(weights: np.ndarray) -> np.ndarray:
    """The same weights without what a still face shows, too: 0 up to SEEN, and stretched above."""
    return np.clip((weights - SEEN) / (1 - SEEN), 0, 1)
