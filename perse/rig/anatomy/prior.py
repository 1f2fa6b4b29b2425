"""The anatomical head of one person: the likeliest shape of the template for what a portrait shows.

First the landmarks: ridge regression on the template's basis, whose coefficients have a spread of one (Blanz and Vetter 1999, "A morphable
model for the synthesis of 3D faces"), and a similarity, in turns. Then the outline of bare skin, ears, neck and a bald skull: Gauss–Newton
on the distances in the picture between the head's outline and the person's.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...face.alignment import procrustes
from ...face.landmarks import OVAL
from ...face.triangles import canonical
from ...render.camera import Camera
from ...render.geometry import unit, vertex_normals
from ...render.mesh import rasterize_ids
from ..skeleton import NECK_PIVOT
from .template import BASIS, head_template

ROUNDS = 8  # of shape and similarity in turns; they settle after five
NOISE = np.array([0.12, 0.12, 0.20])  # eye distances: what landmarks tell of a head is off by so much, their depth by more; .05 to .3 work
CANNOT_EXPLAIN = 0.16  # eye distances that landmarks lie off the likeliest head on the whole, from which it is not a head as people have
OUTLINE_ROUNDS = 4  # of Gauss–Newton
OUTLINE_SHARE = 0.03  # of what the landmarks tell that the outline does; .02 to .1 work
LEAST_TOLD = 12  # vertices at bare skin's outline that can tell something
MIXED = 6  # pixels of a 512-pixel picture beside hair or cloth in which skin's outline may be theirs
EDGE = 6  # pixels from the picture's edge within which a person is cut off by it
FEW = 100  # vertices at the outline from which on it tells all that it can
OUTLINE_NOISE = 0.06  # eye distances: what the outline tells of a head is off by so much
FARTHEST = 0.30  # eye distances between the head's outline and the person's from which they are not the same
NEARNESS = (0.11, 0.06)  # mean and spread of one over a portrait camera's distance, eye distances: a selfie's is .2, a studio's .05
NEAREST = (1 / 18, 1 / 5)  # the least and greatest that is believed
AT_OUTLINE = 0.35  # cosine to the view below which a vertex may lie at the outline
BESIDE = 3.0  # pixels of a 512-pixel picture beside which nothing of the head may lie
BARE = 0.3  # share of hair or cloth at the person's outline from which it is not the skin's


@dataclass(frozen=True)
class LikelyHead:
    """The likeliest head in the head frame, eye distances: landmarks (468, 3), head (V, 3) and bust (W, 3) of the template.

    coefficients (BASIS,): in standard deviations; scale, turn (3, 3), shift (3,): from the template's frame to the head's; residual: how far
    landmarks lie off it on the whole.
    """

    landmarks: np.ndarray
    head: np.ndarray
    bust: np.ndarray
    coefficients: np.ndarray
    scale: float
    turn: np.ndarray
    shift: np.ndarray
    residual: float

    @property
    def explains(self) -> bool:
        """Whether the person's landmarks are those of such a head; a cartoon's are not."""
        return self.residual < CANNOT_EXPLAIN

    def with_coefficients(self, coefficients: np.ndarray) -> "LikelyHead":
        """The same with another shape."""
        template = head_template()

        def placed(rest: np.ndarray, basis: np.ndarray) -> np.ndarray:
            return self.scale * (rest + np.tensordot(coefficients, basis, 1)) @ self.turn.T + self.shift

        return replace(
            self,
            landmarks=placed(template.landmarks, template.landmark_basis),
            head=placed(template.head, template.head_basis),
            bust=placed(template.bust, template.bust_basis),
            coefficients=coefficients,
        )


def _landmark_equations() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the landmarks: what the basis does to them (1404, BASIS), their trust (1404,), and the normal matrix with the prior."""
    template = head_template()
    count = len(template.landmarks)
    moves = template.landmark_basis.reshape(BASIS, -1).T
    trust = np.tile(1 / NOISE**2, count) / count  # all landmarks together tell as much as one place without noise would
    return moves, trust, moves.T @ (trust[:, None] * moves) + np.eye(BASIS) / count


def likely_head(face: np.ndarray) -> LikelyHead:
    """The head that a face (468+, 3) in the head frame most likely belongs to (about 30 ms)."""
    template = head_template()
    goal = face[: len(template.landmarks)].astype(np.float64)
    moves, trust, normal = _landmark_equations()
    weights = np.zeros(BASIS)
    for _ in range(ROUNDS):
        shape = template.landmarks + np.tensordot(weights, template.landmark_basis, 1)
        scale, turn, shift = procrustes(shape, goal)
        there = (goal - shift) @ turn / scale
        weights = np.linalg.solve(normal, moves.T @ (trust * (there - template.landmarks).ravel()))
    nothing = np.zeros(0)
    head = LikelyHead(nothing, nothing, nothing, weights, scale, turn, shift, 0.0).with_coefficients(weights)
    return replace(head, residual=float(np.linalg.norm(head.landmarks - goal, axis=1).mean()))


def upright(points: np.ndarray, follows: np.ndarray, turn: np.ndarray, directions: bool = False) -> np.ndarray:
    """Points (..., N, 3) of head and bust as the body's frame has them, whose axes are the camera's: a person who turns, nods or tilts her
    head for a portrait does not move her shoulders.

    Args:
        follows: (N,) how far points follow the head; turn: (3, 3) the head's pose; directions: whether points are displacements.
    """
    weight = follows[:, None]
    pivot = np.zeros(3) if directions else turn @ np.array(NECK_PIVOT) - NECK_PIVOT
    return weight * (points @ turn.T) + (1 - weight) * (points + pivot)


def fit_outline(likely: LikelyHead, face: np.ndarray, camera: Camera, person: np.ndarray, other: np.ndarray) -> tuple[LikelyHead, float]:
    """The likely head whose ears, neck and skull end where the person does, as far as bare skin shows (about 0.1 s).

    The farther away a camera is, the larger it shows ears, skull and neck beside the face before them: the outline tells its distance.

    Args:
        face: (468+, 3) head frame; camera: the portrait's.
        person: (S, S) alpha; other: (S, S) hair and cloth.

    Returns:
        the head, and one over the camera's distance, eye distances.
    """
    template = head_template()
    pose = camera.viewmat[:3, :3].astype(np.float64)
    follows = np.concatenate([template.head_follows, template.bust_follows])
    basis = likely.scale * np.concatenate([template.head_basis, template.bust_basis], 1) @ likely.turn.T
    basis = upright(basis, follows, pose, directions=True) @ pose
    moves, trust, normal = _landmark_equations()
    normal = np.pad(normal, (0, 1))
    normal[-1, -1] = 1 / len(template.landmarks)
    known = normal @ np.append(likely.coefficients, 0.0)  # so that landmarks alone would leave the shape as it is
    near, now = 1 / float(camera.viewmat[2, 3]), NEARNESS[0]
    eyes = camera.project(np.zeros((1, 3)))[0][0]
    for _ in range(OUTLINE_ROUNDS):
        points = upright(np.concatenate([likely.head, likely.bust]), follows, pose) @ pose

        def moved(index: np.ndarray, xy: np.ndarray, points: np.ndarray = points, now: float = now) -> np.ndarray:
            return xy + _closer(xy, points[index], eyes, camera) * (now - near)

        seen = outline_of(face, points, camera, person, other, moved)
        if len(seen.index) < LEAST_TOLD:
            break
        # What one coefficient moves a vertex across the person's outline, and what another distance of the camera does.
        across = np.einsum("knc,nc->nk", basis[:, seen.index], seen.slope @ np.eye(2, 3) @ pose)
        closer = (seen.slope * _closer(seen.xy, points[seen.index], eyes, camera)).sum(1) / seen.pixels
        rows = np.column_stack([across, closer * NEARNESS[1]])
        state = np.append(likely.coefficients, (now - NEARNESS[0]) / NEARNESS[1])
        goal = rows @ state - seen.distance
        # As much as one place without noise would, as the landmarks do; what lies far off counts less (Huber 1964).
        doubt = np.minimum(1, OUTLINE_NOISE / np.maximum(np.abs(seen.distance), 1e-6))[:, None]
        weight = doubt / OUTLINE_NOISE**2 / max(len(seen.index), FEW) * OUTLINE_SHARE
        state = np.linalg.solve(normal + rows.T @ (weight * rows), known + rows.T @ (weight[:, 0] * goal))
        likely = likely.with_coefficients(state[:-1])
        now = float(np.clip(NEARNESS[0] + NEARNESS[1] * state[-1], *NEAREST))
    return likely, now


def _closer(xy: np.ndarray, points: np.ndarray, eyes: np.ndarray, camera: Camera) -> np.ndarray:
    """How pixels (N, 2) of points (N, 3) would move if a camera were nearer, per one over its distance, and showed the eyes as it does."""
    near = 1 / float(camera.viewmat[2, 3])
    z = camera.to_camera(points)[:, 2] * near - 1
    return -(xy - eyes) * (z / near / (1 + z))[:, None]


@dataclass(frozen=True)
class Outline:
    """Vertices of head and bust at the outline that a camera sees of them, where the person's own is bare skin: their indices (M,), pixels
    xy (M, 2), how far outside of the person they lie, distance (M,), eye distances, which way that is in the picture, slope (M, 2), and
    pixels per eye distance (M,)."""

    index: np.ndarray
    xy: np.ndarray
    distance: np.ndarray
    slope: np.ndarray
    pixels: np.ndarray


def outline_of(
    face: np.ndarray,
    points: np.ndarray,
    camera: Camera,
    person: np.ndarray,
    other: np.ndarray,
    moved: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda index, xy: xy,
) -> Outline:
    """Compare the outline of a head with the person's.

    Args:
        face: (468+, 3); points: (N, 3) head and bust of the template; camera: the portrait's.
        person: (S, S) alpha; other: (S, S) hair and cloth.
        moved: of vertices' indices and pixels, the pixels at which they are to be looked for.
    """
    inside = (person > 0.5).astype(np.uint8)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) - cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    smooth = cv2.GaussianBlur(away, (0, 0), 2)
    slopes = np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)], -1)
    index, xy, pixels = _at_outline(face, points, camera)
    xy, last = moved(index, xy), camera.width - 1
    x, y = np.clip(xy.astype(int), 0, last).T
    distance, slope = away[y, x], unit(slopes[y, x].astype(np.float64) + 1e-9)
    u, v = np.round(xy - distance[:, None] * slope).astype(int).T
    # Nothing tells where the person ends beyond the picture's edge.
    shown = (np.minimum(u, v) > EDGE) & (np.maximum(u, v) < last - EDGE)
    near = 2 * round(MIXED * camera.width / 512) + 1
    other = cv2.dilate(np.ascontiguousarray(other, np.float32), np.ones((near, near)))
    told = shown & (np.abs(distance) < FARTHEST * pixels) & (other[np.clip(v, 0, last), np.clip(u, 0, last)] < BARE)
    return Outline(index[told], xy[told], (distance / pixels)[told], slope[told], pixels[told])


def _at_outline(face: np.ndarray, points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The vertices of head and bust (N, 3) at the outline that the camera sees: their indices (M,), pixels (M, 2) and pixels per eye distance
    (M,)."""
    template = head_template()
    count = len(template.landmarks)
    ring = np.concatenate([OVAL, count + np.arange(len(template.head))])
    vertices = np.concatenate([face[:count], points])
    faces = np.concatenate([canonical()[2], ring[template.head_faces], template.bust_faces + count + len(template.head)])
    ids, _ = rasterize_ids(vertices.astype(np.float32), faces.astype(np.int32), camera)
    normals = unit(vertex_normals(vertices, faces))[count:]
    view = unit(points - camera.centre)
    xy, depth = camera.project(points)
    flat = normals @ camera.viewmat[:3, :3].T.astype(np.float64)
    step = unit(flat[:, :2] + 1e-9) * BESIDE * camera.width / 512
    beside = (xy + step).astype(int)
    inside = ((beside >= 0) & (beside < camera.width)).all(1)
    beside = np.clip(beside, 0, camera.width - 1)
    index = np.flatnonzero((np.abs((normals * view).sum(1)) < AT_OUTLINE) & inside & (ids[beside[:, 1], beside[:, 0]] < 0))
    return index, xy[index], camera.K[0, 0] / depth[index]
