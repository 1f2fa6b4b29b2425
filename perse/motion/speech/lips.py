"""Lips that really meet: what is missing where a portrait's own mouth is open or smiles.

Speech has to close any mouth for p, b and m, and to lay any lower lip at the teeth for f and v. Blendshapes start from the portrait as it
is. A rig knows what makes its mouth a closed and serious one (`rig.neutral`); who speaks is most of the way there all the time, and all of
it where lips meet, which then press into one another as far as hides what was between them.
"""

import weakref
from dataclasses import dataclass

import numpy as np

from ...face.landmarks import FACE
from ...face.landmarks import LIPS as EDGES
from ...rig.expressions import NOSE_ANCHORS, lets_go
from ...rig.rig import Rig
from ...rig.sculpt import Surface
from ...rig.skeleton import PART
from ...tracking.solve import Face
from .mouth import PRESSED

LEAST = 0.006  # eye distances between the lips of a portrait from which something is missing
UPPER = 0.45  # share of a gap that the upper lip closes: it can come down less than the lower one can rise
OVER = 0.026  # eye distances by which lips press into one another: what was between them stays painted on their edges
OUTER = 0.6  # share of it by which the outer edge of a lip follows the inner one
REACH = 0.5  # eye distances over which the skin about them follows
ALWAYS = 0.8  # share of the way to a closed, serious mouth that who speaks has gone: a broad smile says no word
AT_TEETH = 0.85  # the same, when the lower lip lies at the upper teeth


@dataclass(frozen=True)
class Meeting:
    """Displacements (468, 3) of the landmarks at rest, in the unit of the rig: serious, from a mouth that is neutralised to one that is
    closed and does not smile; press, that make its lips meet in the picture. None where nothing is missing."""

    serious: np.ndarray | None
    press: np.ndarray | None

    def detail(self, lips: float, bite: float, weights: np.ndarray) -> tuple[float, ...]:
        """For `Controls.detail` with `neutralise` 1, when the lips meet, and the lower one is at the teeth, so far; empty for none.

        weights: (E,) of the blendshapes, some of which no smiling mouth can do.
        """
        if self.serious is None or self.press is None:
            return ()
        share = max(ALWAYS, lips, AT_TEETH * bite, float(lets_go(weights)))
        return tuple(np.round(share * self.serious + lips * self.press, 5).ravel().tolist())


_known: dict[int, Meeting] = {}  # by the identity of rigs that are alive


def meeting_of(rig: Rig) -> Meeting:
    """What `meeting` says of a rig, found out once for as long as the rig lives."""
    found = _known.get(id(rig))
    if found is None:
        found = meeting(rig)
        weakref.finalize(rig, _known.pop, id(rig), None)
        _known[id(rig)] = found
    return found


def meeting(rig: Rig) -> Meeting:
    """What is missing when a rig presses its lips together."""
    face, own = Face.of(rig), rig.neutral
    serious = own.serious - own.mouth
    pairs = list(zip(EDGES["upper_inner"][1:-1], EDGES["lower_inner"][1:-1]))
    apart = np.array([face.neutral[low, 1] - face.neutral[up, 1] for up, low in pairs]) > LEAST
    if not (serious.any() or apart.any()):
        return Meeting(None, None)
    posed = face.pose(PRESSED[None], own.serious[None])[0]
    count = int((rig.vertex_part <= PART["shell"]).sum())
    surface = Surface(rig.vertices[:count] + np.pad(own.serious, ((0, count - FACE), (0, 0))), rig.faces[(rig.faces < count).all(1)])
    follow = dict(zip(EDGES["upper_inner"], EDGES["upper_outer"])) | dict(zip(EDGES["lower_inner"], EDGES["lower_outer"]))
    handles: dict[int, np.ndarray] = {}
    for (up, low), was_apart in zip(pairs, apart):
        down = (max(posed[low, 1] - posed[up, 1], 0.0) + 2 * OVER) * was_apart
        for lip, share in ((up, UPPER), (low, UPPER - 1)):
            handles[lip] = np.array([0.0, share * down, 0.0])
            handles[follow[lip]] = OUTER * handles[lip]
    return Meeting(serious, surface.spread(handles, REACH, [p for p in NOSE_ANCHORS if p not in handles])[:FACE])
