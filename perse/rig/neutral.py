"""A portrait with an open mouth, a smile or closed eyes, neutralised: displacements that close the first, let go of the second, open the last."""

from dataclasses import dataclass

import numpy as np

from ..face.landmarks import BROW, EYE, FACE, LIPS, LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from ..face.measures import distance, eye_width, mouth_opening
from ..face.triangles import canonical
from ..smooth_ramps import smooth_step
from .blendshapes import MOUTH_WIDTH, PROFILES
from .expressions import INDEX, NOSE_ANCHORS
from .eyes import clear_of_ball
from .person_facts import eye_to_open, mouth_to_close
from .sculpt import Surface
from .skeleton import JAW_ANGLE, JAW_GLIDE, JAW_HINGE, PART

UPPER_SHARE = 0.3  # of what is left between the lips is closed by the upper one
OPENING = 0.85  # of the mean face's, which is a young one's
UPPER_LID = 0.85  # of an eye's opening is the upper lid's
MAX_CLOSING = np.radians(28.0)
# Eye distances by which the corners stand above where lips meet: from which a mouth smiles, and from which all of that is let go of.
SMILE = (0.02, 0.06)
SMILING_UPPER_SHARE = 0.55  # of the gap of a smile is closed by the upper lip, which a smile has drawn up from its teeth
SMILE_REACH = 0.62  # eye distances over which cheeks follow, as they do in `expressions.SHAPES`
FORWARD = 0.6  # of its way inwards that a corner comes forward, around the teeth
CHEEK = {425: 0.5, 427: 0.5, 432: 0.45, 411: 0.5, 280: 0.35}  # how much of the corner's way down the left cheek goes along
MEETING = 0.35  # of the gap below the upper lip where lips meet
PARTED = 0.02  # gap over width up to which lips are closed


@dataclass
class Neutral:
    """Displacements (468, 3) of the landmarks at rest, in the head frame: `mouth` closes it, `eyes` by side open them, `serious` closes the
    mouth and lets go of its smile; zero where nothing is to do."""

    mouth: np.ndarray
    eyes: dict[str, np.ndarray]
    serious: np.ndarray

    @property
    def does_something(self) -> bool:
        """Whether the portrait's mouth is open or an eye closed."""
        return bool(self.mouth.any() or any(e.any() for e in self.eyes.values()))

    def detail(self, weights: np.ndarray, share: float = 1.0, let_go: float = 0.0) -> np.ndarray | None:
        """(468, 3) at blendshape weights (E,), or None if nothing is to do. An eye that was closed in the portrait blinks
        by giving up its opening.

        share: how far the portrait is neutralised, 0..1; let_go: how much of its smile an expression asks it to let go of, 0..1.
        """
        out = (1 - let_go) * share * self.mouth + let_go * self.serious
        for side, move in self.eyes.items():
            out = out + share * (1 - weights[INDEX[f"eye_blink_{side}"]]) * move
        return out if out.any() else None


def neutral(rig) -> Neutral:
    """What neutralises a rig's portrait (about 50 ms when there is something to do)."""
    face = rig.vertices[:FACE].astype(np.float64)
    nothing = np.zeros((FACE, 3))
    teeth = rig.vertices[rig.vertex_part == PART["upper_teeth"]]
    open_ = mouth_to_close(face, teeth)
    closed = {side: amount for side in EYE if (amount := eye_to_open(face, side)) > 0}
    if not (open_ or closed or smile_of(face) or mouth_opening(face) > PARTED):
        return Neutral(nothing, {side: nothing for side in EYE}, nothing)
    count = int((rig.vertex_part <= PART["shell"]).sum())
    surface = Surface(rig.vertices[:count], rig.faces[(rig.faces < count).all(1)])
    jaw = rig.jaw[:FACE].astype(np.float64)
    mouth = _close(face, jaw, surface, open_, open_, UPPER_SHARE) if open_ else nothing
    eyes = {side: closed[side] * _open(face, rig, surface, side) if side in closed else nothing for side in EYE}
    return Neutral(mouth, eyes, serious_mouth(face, jaw, surface, teeth))


def serious_mouth(face: np.ndarray, jaw: np.ndarray, surface: Surface, upper_teeth: np.ndarray) -> np.ndarray:
    """Displacements (468, 3) that close a mouth and let go of its smile; zero if it is closed and serious.

    Args:
        face: (468+, 3) head frame; jaw: (468,), how far each landmark follows the jaw; surface: face and head; upper_teeth: (V, 3).
    """
    face = face[:FACE]
    out, smiles = np.zeros((FACE, 3)), smile_of(face)
    if smiles or mouth_opening(face) > PARTED:
        upper_share = UPPER_SHARE + smiles * (SMILING_UPPER_SHARE - UPPER_SHARE)
        out = out + _close(face, jaw, surface, mouth_to_close(face, upper_teeth), 1.0, upper_share)
    return out + _unsmile(face, surface, smiles) if smiles else out


def _lift(face: np.ndarray) -> float:
    """How high the mouth's corners stand above where the lips would meet."""
    meet = face[UPPER_LIP, 1] + MEETING * (face[LOWER_LIP, 1] - face[UPPER_LIP, 1])
    return float(meet - face[list(MOUTH_CORNERS), 1].mean())


def smile_of(face: np.ndarray) -> float:
    """How much the mouth of a face (468+, 3) smiles, 0..1: by its corners, since some mouths are wide at rest."""
    return float(smooth_step(np.asarray(_lift(face) - _lift(canonical()[0])), *SMILE))


def _unsmile(face: np.ndarray, surface: Surface, amount: float) -> np.ndarray:
    """(468, 3): the corners go back inwards and down, around the teeth, the lips grow fuller, the cheeks sink."""
    width = distance(face, *MOUTH_CORNERS)
    inwards = amount * max(width - MOUTH_WIDTH, 0.0) / 2
    down = amount * (_lift(face) - _lift(canonical()[0]))
    fuller = amount * (np.sqrt(max(width / MOUTH_WIDTH, 1.0)) - 1)
    handles: dict[int, np.ndarray] = {}
    for outer, inner in (("upper_outer", "upper_inner"), ("lower_outer", "lower_inner"), ("upper_inner", None), ("lower_inner", None)):
        u = np.linspace(-1, 1, len(LIPS[outer]))
        share = PROFILES["corner_left"](np.abs(u))
        # Lips shrink evenly along their length; only what the corners had been lifted by comes down at the corners alone.
        move = np.stack([-np.sign(u) * np.abs(u) * inwards, share * down, -FORWARD * share * inwards], 1)
        if inner:
            move[:, 1] += fuller * (face[LIPS[outer]] - face[LIPS[inner]])[:, 1]
        for index, vector in zip(LIPS[outer], move):
            handles.setdefault(index, vector)
    mirror = canonical()[1]
    for index, share in CHEEK.items():
        vector = share * np.array([-inwards, down, -FORWARD * inwards])
        handles[index], handles[int(mirror[index])] = vector, vector * [-1, 1, 1]
    eyes = [EYE[side][end] for side in EYE for end in ("outer", "inner")]
    return surface.spread(handles, SMILE_REACH, [p for p in [*NOSE_ANCHORS, *eyes] if p not in handles])[:FACE]


def swing(points: np.ndarray, weight: np.ndarray, angle: float) -> np.ndarray:
    """Points (N, 3) turned by the jaw joint, which glides as it does when a mouth opens, by their weights (N,)."""
    arm = points - JAW_HINGE
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([arm[:, 0], cos * arm[:, 1] - sin * arm[:, 2], sin * arm[:, 1] + cos * arm[:, 2]], 1) + JAW_HINGE
    turned[:, 2] -= JAW_GLIDE * angle / JAW_ANGLE
    return points + weight[:, None] * (turned - points)


def _close(face: np.ndarray, weight: np.ndarray, surface: Surface, by_jaw: float, by_lips: float, upper_share: float) -> np.ndarray:
    """(468, 3): the jaw turns, by a share of what brings the lips' middles together, then lip meets lip all along, by a share of the rest."""
    low, high = -MAX_CLOSING, 0.0
    for _ in range(30):
        middle = (low + high) / 2
        moved = swing(face[[LOWER_LIP]], weight[[LOWER_LIP]], middle)[0, 1]
        low, high = (middle, high) if moved < face[UPPER_LIP, 1] else (low, middle)
    shut = swing(face, weight, by_jaw * high)
    handles: dict[int, np.ndarray] = {}
    for upper, lower in zip(LIPS["upper_inner"][1:-1], LIPS["lower_inner"][1:-1]):
        gap = by_lips * (shut[lower] - shut[upper])
        handles[upper], handles[lower] = upper_share * gap, -(1 - upper_share) * gap
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
