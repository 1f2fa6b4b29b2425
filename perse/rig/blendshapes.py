"""How the moves of an expression (`expressions`) become displacements of one person's mesh, and how far the skin follows the jaw.

A move says what a few landmarks do, in proportions that are common to all; here it is fitted to this mouth and these lids, and spread
over the surface.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..face.landmarks import BROW, CHIN_SKIN, EYE, FACE, LID_FOLD, LIPS, LOWER_LIP, MOUTH_CORNERS, UPPER_LIP, flip_side, lid_edges
from ..face.measures import distance
from ..face.triangles import canonical
from ..smooth_ramps import smooth_step
from .expressions import LEFT_SHAPES, LETS_GO, NAMES, SHAPES, Shape
from .eyes import clear_of_ball
from .sculpt import Surface

# Profiles over u: -1 at the right mouth corner, 0 in the middle, 1 at the left corner.
PROFILES = {
    "all": lambda u: np.ones_like(u),
    "centre": lambda u: np.clip(1 - u * u, 0, 1),
    "corner_left": lambda u: np.clip(u, 0, 1) ** 1.7,
    # Left and right together lift the whole lip evenly, without a notch in the middle.
    "half_left": lambda u: smooth_step((u + 0.45) / 0.9) * np.clip((1 - np.abs(u)) / 0.4, 0, 1) ** 0.7,
}
ONE_SIDED = ("corner_left", "half_left")
MOUTH_WIDTH, WIDEST = 0.56, 0.88  # eye distances, of a mouth at rest; beyond which no smile draws it
FOLD_FOLLOWS = 0.42  # of an upper lid's travel, by the fold above it
CORNER, LENS = 0.42, 0.75  # how far the mouth's corners travel with an opening jaw, of the lower lip's middle; how sharp they are
STILL_NOSE = [1, 4, 5, 195, 197, 6, 168, 2, 94, 98, 327, 64, 294]  # which does not follow the jaw
STILL_CHEEKS = [50, 280, 116, 345, 101, 330, 36, 266]
JAW_OF_OUTLINE = {234: 0.0, 93: 0.0, 132: 0.12, 58: 0.34, 172: 0.6, 136: 0.8, 150: 0.92, 149: 0.98}  # on the right; the left mirrors it
JAW_FADES_OVER = 2.4  # eye distances

Move = tuple[int, np.ndarray]  # a landmark and its displacement (3,)


@dataclass(frozen=True)
class Mouth:
    """What moves of the lips are fitted to: face (478, 3) head frame; size: of the mouth against a usual one; room: what is left of a
    corner's way, since a mouth that is wide already, in a smile, has less to go."""

    face: np.ndarray
    size: float
    room: float

    @staticmethod
    def of(face: np.ndarray) -> "Mouth":
        """The mouth of a face (478, 3)."""
        width = distance(face, *MOUTH_CORNERS)
        size = width / MOUTH_WIDTH
        return Mouth(face, size, np.clip((WIDEST - width) / (WIDEST - MOUTH_WIDTH), 0.3, 1.0) / max(size, 1.0))

    def rows(self, which: str, profile: str, vector: tuple) -> Iterable[Move]:
        """The rows of the upper, the lower or both lips move by a vector, along them as the profile says."""
        touched = set()
        for name in ("upper_outer", "upper_inner", "lower_outer", "lower_inner"):
            if which not in ("both", name[:5]):
                continue
            row = LIPS[name]
            for index, weight in zip(row, PROFILES[profile](np.linspace(-1, 1, len(row)))):
                # A corner belongs to both lips: moving one lip's middle must not drag it.
                if index not in touched:
                    touched.add(index)
                    yield index, self.size * weight * np.asarray(vector) * (self.room if profile in ONE_SIDED else 1.0)

    def scaled(self, wider: float, fuller: float) -> Iterable[Move]:
        """Lips drawn in or out about their middle, and made fuller."""
        return self._along(lambda across: wider * across, fuller, only_forwards=True)

    def slid(self, sideways: float) -> Iterable[Move]:
        """Lips slid sideways."""
        return self._along(lambda across: np.full(len(across), sideways * self.size * self.room), 0.0, only_forwards=False)

    def _along(self, shift_of, fuller: float, only_forwards: bool) -> Iterable[Move]:
        """Lips slide along the curve they lie on, around the teeth, not through them; shift_of: (N,) across the middle -> (N,)."""
        centre = self.face[[UPPER_LIP, LOWER_LIP, *MOUTH_CORNERS]].mean(0)
        moved = set()
        for outer, inner in (("upper_outer", "upper_inner"), ("upper_inner", None), ("lower_outer", "lower_inner"), ("lower_inner", None)):
            line = self.face[LIPS[outer]]
            across = line[:, 0] - centre[0]
            shift = shift_of(across)
            ahead = _on_curve(across, line[:, 2], across + shift)
            ahead = np.minimum(ahead, 0) if only_forwards else ahead
            swell = fuller * (line - self.face[LIPS[inner]])[:, 1] if inner else np.zeros(len(line))
            for index, vector in zip(LIPS[outer], np.stack([shift, swell, ahead], 1)):
                if index not in moved:
                    moved.add(index)
                    yield index, vector

    def parted(self, share: float) -> Iterable[Move]:
        """The gap between open lips grows by a share of itself."""
        for up, low, above, below in zip(*(LIPS[row][1:-1] for row in ("upper_inner", "lower_inner", "upper_outer", "lower_outer"))):
            travel = share * (self.face[low] - self.face[up]) / 2
            for index, side in ((up, -1), (above, -1), (low, 1), (below, 1)):
                yield index, side * travel


def _lids(face: np.ndarray, upper: float, lower: float) -> Iterable[Move]:
    """The left eye's lid edges travel by shares of the gap between them."""
    eye = EYE["left"]
    for up, low in zip(eye["upper"], eye["lower"]):
        gap = face[low] - face[up]
        yield up, upper * gap
        yield low, -lower * gap
    # The fold above follows by less, so the lid's skin unrolls from under it.
    for fold, up, low in zip(LID_FOLD["left"], eye["upper"][1:6], eye["lower"][1:6]):
        yield fold, FOLD_FOLLOWS * upper * (face[low] - face[up])


def _on_curve(x: np.ndarray, z: np.ndarray, there: np.ndarray) -> np.ndarray:
    """How much (N,) the curve z(x) of a row of lip landmarks differs at `there` from where they are; level beyond the corners."""
    order = np.argsort(x)
    return np.interp(there, x[order], z[order]) - z


def _handles(shape: Shape, face: np.ndarray) -> dict[int, np.ndarray]:
    """Landmark -> displacement (3,) of a shape as written (left side), on this person's proportions."""
    mouth = Mouth.of(face)
    moves: dict[str, Callable[..., Iterable[Move]]] = {
        "points": lambda given: given.items(),
        "lips": mouth.rows,
        "scale_lips": mouth.scaled,
        "slide_lips": mouth.slid,
        "part_lips": mouth.parted,
        "lids": lambda upper, lower: _lids(face, upper, lower),
    }
    handles: dict[int, np.ndarray] = {}
    for kind, *arguments in shape.moves:
        for index, vector in moves[kind](*arguments):
            handles[index] = handles.get(index, 0) + np.asarray(vector, np.float64)
    return handles


def build_blendshapes(surface: Surface, face: np.ndarray, eyes: dict, serious: np.ndarray) -> np.ndarray:
    """Displacements (len(NAMES), V, 3) float32 of every shape on this person.

    Args:
        surface: the face and shell; its first 468 vertices are the landmarks.
        face: (468+, 3) head frame.
        eyes: side -> Eyeball, which lids must slide over.
        serious: (468, 3), see `neutral.Neutral`: what lets go of a smile is made for the mouth that then is.
    """
    mirror = canonical()[1]
    out = np.zeros((len(NAMES), len(surface.vertices), 3), np.float32)
    relaxed = face.copy()
    relaxed[:FACE] += serious
    for i, name in enumerate(NAMES):
        shape = SHAPES[name]
        right = name.endswith("_right") and name in SHAPES and flip_side(name) in LEFT_SHAPES
        own = relaxed if name in LETS_GO else face
        handles = _handles(shape, own[mirror] * [-1, 1, 1] if right else own)
        if not handles:
            continue
        pinned = [p for p in shape.pinned]
        if right:
            handles = {int(mirror[k]): v * [-1, 1, 1] for k, v in handles.items()}
            pinned = [int(mirror[k]) for k in pinned]
        if any(move[0] == "lids" for move in shape.moves):
            side = "right" if right else "left"
            for index in lid_edges(side):
                target = surface.vertices[index] + handles[index]
                handles[index] = clear_of_ball(target[None], eyes[side].centre, eyes[side].radius)[0] - surface.vertices[index]
            pinned += [EYE[side]["outer"], EYE[side]["inner"], *BROW[side]["lower"]]
        pinned = [p for p in pinned if p not in handles]
        out[i] = surface.spread(handles, shape.radius, pinned)
    return out


def jaw_weights(surface: Surface) -> np.ndarray:
    """How much each surface vertex follows the jaw joint, (V,) in [0, 1]."""
    handles = {i: 1.0 for i in CHIN_SKIN}
    handles.update({i: 0.0 for i in STILL_NOSE})
    # The opening is a lens, sharper at the corners than an ellipse; they travel half as far as the lower lip's middle.
    for row, ids in LIPS.items():
        arc = (1 - np.linspace(-1, 1, len(ids)) ** 2) ** LENS
        share = CORNER * (1 - arc) if row.startswith("upper") else CORNER + (1 - CORNER) * arc
        handles.update(dict(zip(ids, share)))
    mirror = canonical()[1]
    for index, weight in JAW_OF_OUTLINE.items():
        handles[index] = weight
        handles[int(mirror[index])] = weight
    for index in STILL_CHEEKS:
        handles[index] = 0.0
    field = surface.spread(
        {k: np.array([v]) for k, v in handles.items()},
        JAW_FADES_OVER,
        [i for i in range(FACE) if surface.vertices[i, 1] < 0.2],
        smooth=False,
    )[:, 0]
    return np.clip(field, 0, 1)
