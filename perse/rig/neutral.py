"""A portrait with an open mouth or closed eyes, neutralised: displacements that close the one and open the others."""

from dataclasses import dataclass

import numpy as np

from ..face.landmarks import BROW, EYE, FACE, LIPS, LOWER_LIP, UPPER_LIP
from ..face.measures import eye_width
from ..face.triangles import canonical
from .expressions import INDEX, NOSE_ANCHORS
from .eyes import clear_of_ball
from .person_facts import eye_to_open, mouth_to_close
from .sculpt import Surface
from .skeleton import JAW_ANGLE, JAW_GLIDE, JAW_HINGE, PART

UPPER_SHARE = 0.3  # of what is left between the lips is closed by the upper one
OPENING = 0.85  # of the mean face's, which is a young one's
UPPER_LID = 0.85  # of an eye's opening is the upper lid's
MAX_CLOSING = np.radians(28.0)


@dataclass
class Neutral:
    """Displacements (468, 3) of the landmarks at rest, in the head frame: `mouth` closes it, `eyes` by side open them;
    zero where nothing is to do."""

    mouth: np.ndarray
    eyes: dict[str, np.ndarray]

    @property
    def does_something(self) -> bool:
        """Whether the portrait's mouth is open or an eye closed."""
        return bool(self.mouth.any() or any(e.any() for e in self.eyes.values()))

    def detail(self, weights: np.ndarray) -> np.ndarray | None:
        """(468, 3) at blendshape weights (E,), or None if nothing is to do. An eye that was closed in the portrait blinks
        by giving up its opening."""
        if not self.does_something:
            return None
        return self.mouth + sum((1 - weights[INDEX[f"eye_blink_{side}"]]) * move for side, move in self.eyes.items())


def neutral(rig) -> Neutral:
    """What neutralises a rig's portrait (about 50 ms when there is something to do)."""
    face = rig.vertices[:FACE].astype(np.float64)
    mouth = np.zeros((FACE, 3))
    eyes = {side: np.zeros((FACE, 3)) for side in EYE}
    open_ = mouth_to_close(face, rig.vertices[rig.vertex_part == PART["upper_teeth"]])
    closed = {side: eye_to_open(face, side) for side in EYE}
    closed = {side: amount for side, amount in closed.items() if amount > 0}
    if not open_ and not closed:
        return Neutral(mouth, eyes)
    count = int((rig.vertex_part <= PART["shell"]).sum())
    surface = Surface(rig.vertices[:count], rig.faces[(rig.faces < count).all(1)])
    if open_:
        mouth = _close(face, rig.jaw[:FACE].astype(np.float64), surface, open_)
    for side, amount in closed.items():
        eyes[side] = amount * _open(face, rig, surface, side)
    return Neutral(mouth, eyes)


def swing(points: np.ndarray, weight: np.ndarray, angle: float) -> np.ndarray:
    """Points (N, 3) turned by the jaw joint, which glides as it does when a mouth opens, by their weights (N,)."""
    arm = points - JAW_HINGE
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([arm[:, 0], cos * arm[:, 1] - sin * arm[:, 2], sin * arm[:, 1] + cos * arm[:, 2]], 1) + JAW_HINGE
    turned[:, 2] -= JAW_GLIDE * angle / JAW_ANGLE
    return points + weight[:, None] * (turned - points)


def _close(face: np.ndarray, weight: np.ndarray, surface: Surface, amount: float) -> np.ndarray:
    """(468, 3): the jaw turns until the lips' middles meet, then lip meets lip all along."""
    low, high = -MAX_CLOSING, 0.0
    for _ in range(30):
        middle = (low + high) / 2
        moved = swing(face[[LOWER_LIP]], weight[[LOWER_LIP]], middle)[0, 1]
        low, high = (middle, high) if moved < face[UPPER_LIP, 1] else (low, middle)
    shut = swing(face, weight, amount * high)
    handles: dict[int, np.ndarray] = {}
    for upper, lower in zip(LIPS["upper_inner"][1:-1], LIPS["lower_inner"][1:-1]):
        gap = amount * (shut[lower] - shut[upper])
        handles[upper], handles[lower] = UPPER_SHARE * gap, -(1 - UPPER_SHARE) * gap
    # The red of the lips was stretched: its outer edge follows by half.
    for inner, outer in (("upper_inner", "upper_outer"), ("lower_inner", "lower_outer")):
        for a, b in zip(LIPS[inner][1:-1], LIPS[outer][1:-1]):
            handles[b] = 0.5 * handles[a]
    return shut - face + surface.spread(handles, 0.45, [p for p in NOSE_ANCHORS if p not in handles])[:FACE]


def _open(face: np.ndarray, rig, surface: Surface, side: str) -> np.ndarray:
    """(468, 3): the lids of a closed eye part as far as the mean face's."""
    mean, eye = canonical()[0], EYE[side]
    scale = eye_width(face, side) / eye_width(mean, side)
    centre = rig.eye_centres[0 if side == "right" else 1].astype(np.float64)
    ball = rig.vertices[rig.vertex_part == PART[f"eye_{side}"]]
    radius = float(np.linalg.norm(ball - centre, axis=1).max())
    handles: dict[int, np.ndarray] = {}
    for up, low in zip(eye["upper"], eye["lower"]):
        missing = OPENING * scale * (mean[low] - mean[up]) - (face[low] - face[up])
        handles[up], handles[low] = -UPPER_LID * missing, (1 - UPPER_LID) * missing
    for vertex, move in handles.items():
        handles[vertex] = clear_of_ball((face[vertex] + move)[None], centre, radius)[0] - face[vertex]
    pinned = [eye["outer"], eye["inner"], *BROW[side]["lower"]]
    return surface.spread(handles, 0.3, pinned)[:FACE]
