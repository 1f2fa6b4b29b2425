"""Lips that really meet: what is missing where a portrait's own mouth is open or smiles.

Speech has to close any mouth for p, b and m, and to lay any lower lip at the teeth for f and v. Blendshapes start from the portrait as it
is; what is left between its lips then is measured on the rig and taken away by moving the lips' landmarks.
"""

import weakref
from dataclasses import dataclass

import numpy as np

from ...face.landmarks import FACE
from ...face.landmarks import LIPS as EDGES
from ...rig.expressions import NOSE_ANCHORS
from ...rig.rig import Rig
from ...rig.sculpt import Surface
from ...rig.skeleton import PART
from ...tracking.solve import Face
from .mouth import PRESSED

LEAST = 0.006  # eye distances between the lips' middles from which something is missing
UPPER = 0.45  # share of a gap that the upper lip closes: it can come down less than the lower one can rise
OVER = 0.026  # eye distances by which lips press into one another: what was between them stays painted on their edges
OUTER = 0.6  # share of it by which the outer edge of a lip follows the inner one
REACH = 0.5  # eye distances over which the skin about them follows
AT_TEETH = 0.8  # share of the gap that a lower lip leaves behind on its way to the teeth
ALWAYS = 0.8  # share of what is missing that is made up for all the time: a mouth that speaks starts from lips that lie together


@dataclass(frozen=True)
class Meeting:
    """Displacements (468, 3) of the landmarks at rest, in the unit of the rig: lips, that make them meet; bite, that lay the lower one at
    the upper teeth. None where nothing is missing."""

    lips: np.ndarray | None
    bite: np.ndarray | None

    def detail(self, lips: float, bite: float) -> tuple[float, ...]:
        """For `Controls.detail`, when the lips meet, and the lower one is at the teeth, so far; empty for none."""
        if self.lips is None or self.bite is None:
            return ()
        share = max(ALWAYS * (1 - bite), lips)
        return tuple(np.round(share * self.lips + bite * self.bite, 5).ravel().tolist())


_known: dict[int, Meeting] = {}  # by the identity of rigs that are alive


def meeting_of(rig: Rig) -> Meeting:
    """What `meeting` says of a rig, found out once for as long as the rig lives."""
    found = _known.get(id(rig))
    if found is None:
        found = meeting(rig)
        weakref.finalize(rig, _known.pop, id(rig), None)
        _known[id(rig)] = found
    return found


def meeting(rig: Rig, weights: np.ndarray = PRESSED, neutralise: float = 1.0) -> Meeting:
    """What is missing when a rig presses its lips together.

    weights: (E,) of the blendshapes then; neutralise: as in `Controls`.
    """
    face = Face.of(rig)
    neutral = rig.neutral.detail(weights)
    still = np.zeros((FACE, 3)) if neutral is None else neutralise * neutral
    posed = face.pose(weights[None], still[None])[0]
    gaps = {pair: posed[pair[1]] - posed[pair[0]] for pair in zip(EDGES["upper_inner"][1:-1], EDGES["lower_inner"][1:-1])}
    if max(gap[1] for gap in gaps.values()) < LEAST:
        return Meeting(None, None)
    count = int((rig.vertex_part <= PART["shell"]).sum())
    surface = Surface(rig.vertices[:count] + np.pad(still, ((0, count - FACE), (0, 0))), rig.faces[(rig.faces < count).all(1)])
    follow = dict(zip(EDGES["upper_inner"], EDGES["upper_outer"])) | dict(zip(EDGES["lower_inner"], EDGES["lower_outer"]))

    def field(upper: float, lower: float, over: float) -> np.ndarray:
        handles: dict[int, np.ndarray] = {}
        for (top, bottom), gap in gaps.items():
            gap = np.maximum(gap, 0) * (0, 1, 1) + np.minimum(gap, 0) * (0, 0, 1)
            press = over * np.array([0.0, 1.0, 0.0]) * (gap[1] > 0)
            handles[top], handles[bottom] = upper * gap + press, -lower * gap - press
            handles[follow[top]], handles[follow[bottom]] = OUTER * handles[top], OUTER * handles[bottom]
        return surface.spread(handles, REACH, [p for p in NOSE_ANCHORS if p not in handles])[:FACE]

    return Meeting(field(UPPER, 1 - UPPER, OVER), field(0.0, AT_TEETH, 0.0))
