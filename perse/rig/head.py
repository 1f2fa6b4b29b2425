"""The head behind the face, of one person: skull, ears and the jaw's underside as her landmarks make them likely, and the hair on them.

The anatomical head is joined to the landmarks of the face's outline. Where the portrait shows the head's outline, hair lies between it
and the skull; its thickness is continued smoothly around the head.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.sparse import diags
from scipy.sparse.linalg import splu

from ..face.landmarks import OVAL
from ..render.camera import Camera
from ..render.geometry import unit
from ..render.mesh import rasterize_ids
from ..smooth_ramps import smooth_step
from .anatomy.prior import LikelyHead, fit_outline, likely_head, outline_of, upright
from .anatomy.template import head_template
from .ears import EAR_ROOT, OF_EAR, flat_under_hair, hidden_ears
from .pose_fit import CAMERA_DISTANCE, fit_portrait
from .sculpt import Surface

JOIN = 1.1  # eye distances from the face's outline over which the likely head is drawn to it
CENTRE = np.array([0.0, 0.25, 0.75])  # from which hair stands off the head; below it, from the vertical line through it
SEARCH = np.arange(-0.25, 2.2, 0.01)  # eye distances from the skull at which hair's edge is looked for
GAP = 6  # steps without hair or skin behind which what follows is none of the head
CROWN = 1.2  # eye line to crown of a bald head
COVERED = 0.3  # alpha from which a pixel shows the head
STRETCH, BEND = 0.02, 1.0  # weights of an even and of a smooth thickness against the outline; a fifth and five times of both work
SURE, SURELY_BARE, NOTHING_TOLD = 1.0, 50.0, 1e-4  # weights of what the outline tells, of bare skin, and of none where nothing tells of any
DEEPEST = 0.15  # eye distances by which a skull may lie within the likely one
THICK = 0.12  # eye distances of hair from which it hangs beside a jaw
BARE_EAR = 0.4  # share of hair at the outline beside an ear from which the outline is the hair's
DRAWINGS = 2  # times that bare skin is drawn to the person's outline, which changes what lies at it
EAR_LOBE, BEHIND_JAW, NAPE = 0.45, 0.5, 1.1  # y below which hair hangs, z from which and up to which it does beside the neck
HAIRLINE = (0.45, 0.95)  # y below which there is no short hair behind the ears, and at the nape
THICKEST = 0.9  # eye distances; what stands off farther is left to what hangs on the nearest triangle


@dataclass
class GrownHead:
    """vertices (V, 3) in the order of the template's; skull (V, 3): without hair; thickness (V,): of the hair, eye distances, negative
    where the head is narrower than is likely; hidden_ears: whether hair hides the subject's right and left one, which then are flat."""

    vertices: np.ndarray
    skull: np.ndarray
    thickness: np.ndarray
    hidden_ears: tuple[bool, bool]


def head_surface(face: np.ndarray, head: np.ndarray) -> Surface:
    """A face's outline and a head (V, 3) behind it as one mesh, whose first vertices are the outline's."""
    return Surface(np.concatenate([face[OVAL], head]), head_template().head_faces)


def bare_head(face: np.ndarray, camera: Camera, likely: LikelyHead) -> np.ndarray:
    """Skull, ears and jaw (V, 3) of the likely head, joined to a face (468+, 3) as a camera sees it, without hair."""
    surface = head_surface(likely.landmarks, likely.head)
    missing = face[OVAL] - likely.landmarks[OVAL]
    moved = surface.spread(dict(enumerate(missing)), JOIN)[len(OVAL) :]
    turn = camera.viewmat[:3, :3].astype(np.float64)
    return upright(likely.head + moved, head_template().head_follows, turn) @ turn


def fit_head(landmarks: np.ndarray, masks: dict[str, np.ndarray], distance: float | None = None) -> tuple[Camera, np.ndarray, LikelyHead]:
    """The portrait's camera, the landmarks (478, 3) in the head frame, and the head that they and the person's outline make likely.

    Args:
        landmarks: (478, 3) pixels of the crop.
        masks: (S, S) by name: person, clothes, hair.
        distance: from the camera to the eyes, eye distances; the outline tells it if None.
    """
    size = len(masks["person"])
    other = np.maximum(masks["hair"], masks["clothes"])
    camera, face = fit_portrait(landmarks, size, distance or CAMERA_DISTANCE)
    likely = likely_head(face)
    if not likely.explains:  # a drawing, a statue: its outline would only lead astray
        return camera, face, likely
    if distance is None:
        _, nearness = fit_outline(likely, face, camera, masks["person"], other)
        camera, face = fit_portrait(landmarks, size, 1 / nearness)
    likely, _ = fit_outline(likely_head(face), face, camera, masks["person"], other)
    return camera, face, likely


def build_head(face: np.ndarray, camera: Camera, masks: dict[str, np.ndarray], likely: LikelyHead) -> GrownHead:
    """Grow the head behind one person's face.

    Args:
        face: (468+, 3) head frame.
        camera: the portrait's.
        masks: (S, S) by name: person, neck, clothes, hair.
        likely: the anatomical head of the person.
    """
    hair_mask = masks["hair"]
    head_mask = np.clip(masks["person"] * (1 - masks["clothes"]) * (1 - masks["neck"]), 0, 1)
    skull = bare_head(face, camera, likely)
    template, pose = head_template(), camera.viewmat[:3, :3].astype(np.float64)
    bust = upright(likely.bust, template.bust_follows, pose) @ pose
    bare = _drawn_to_outline(head_surface(face, skull), face, bust, camera, masks["person"], np.maximum(hair_mask, masks["clothes"]))
    surface = head_surface(face, bare[len(OVAL) :])
    points, away = surface.vertices, outwards(surface.vertices)
    ears = np.concatenate([np.zeros(len(OVAL)), head_template().ears])
    hidden = hidden_ears(points, ears, face, camera, hair_mask)
    covered = np.where(points[:, 0] < 0, *hidden)
    points = flat_under_hair(surface, points, ears, covered)
    edge, hairy, known = _outline(points, away, camera, head_mask, hair_mask)
    told = _rim(points, camera) & known
    # Beside the jaw, hair alone stands off, and what hangs there hangs behind it.
    below, behind = points[:, 1] > EAR_LOBE, points[:, 2] > BEHIND_JAW
    fall, _, fall_known = _outline(points, away, camera, hair_mask, hair_mask)
    told = np.where(below, fall_known & behind & (points[:, 2] < NAPE) & (fall > THICK), told & ((ears < EAR_ROOT) | (hairy > BARE_EAR)))
    thickness = np.clip(np.where(below, fall, edge), -DEEPEST, THICKEST)
    bare = below & ~behind | (ears > OF_EAR) & ~covered  # an ear that is seen stays where the outline has put it
    if not (told & below).any():
        # Short hair ends at the nape.
        line = HAIRLINE[0] + (HAIRLINE[1] - HAIRLINE[0]) * smooth_step(points[:, 2], 0.7, 1.2)
        bare |= points[:, 1] > line
    grown = _continued(surface, thickness, told, bare)
    vertices = points + grown[:, None] * away
    count = len(OVAL)
    return GrownHead(vertices[count:], skull, grown[count:], hidden)


def outwards(points: np.ndarray) -> np.ndarray:
    """Unit vectors (N, 3) in which hair stands off at points (N, 3): away from the head's middle, and below it from the vertical line."""
    middle = np.tile(CENTRE, (len(points), 1))
    middle[:, 1] = np.maximum(middle[:, 1], points[:, 1])
    return unit(points - middle)


def _rim(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Which of the surface's vertices (N,) bool lie at the outline that the camera sees of it."""
    faces = head_template().head_faces
    size = camera.width
    ids, _ = rasterize_ids(points.astype(np.float32), faces.astype(np.int32), camera)
    # A vertex lies at the outline if a little farther out there is nothing of the head.
    out, _ = camera.project(points + 0.06 * outwards(points))
    xy, _ = camera.project(points)
    step = unit(out - xy) * (0.05 * camera.K[0, 0] / camera.to_camera(points)[:, 2:3])
    there = np.clip((xy + step).astype(int), 0, size - 1)
    return ids[there[:, 1], there[:, 0]] < 0


def _outline(
    points: np.ndarray, away: np.ndarray, camera: Camera, mask: np.ndarray, hair: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far from points (N, 3) along their ways out (N, 3) a mask (S, S) ends, eye distances (N,); how much of what lies at the edge is
    hair (N,); and whether the picture shows it (N,)."""
    size = mask.shape[0]
    reach = points[:, None] + SEARCH[None, :, None] * away[:, None]
    xy, _ = camera.project(reach.reshape(-1, 3))
    xy = xy.reshape(*reach.shape[:2], 2)
    value = map_coordinates(mask, [xy[..., 1] - 0.5, xy[..., 0] - 0.5], order=1, mode="nearest")
    inside = ((xy > 1) & (xy < size - 1)).all(-1)
    uncovered = value < COVERED
    start = int(np.argmin(np.abs(SEARCH)))
    run = np.stack([np.convolve(u, np.ones(GAP), "full")[GAP - 1 :] >= GAP for u in uncovered])
    run[:, :start] = False
    end = np.where(run.any(1), run.argmax(1), len(SEARCH))
    leaves = np.where(inside.all(1), len(SEARCH), inside.argmin(1))
    last = np.minimum(end, leaves)
    steps = np.arange(len(SEARCH))[None]
    seen = ~uncovered & (steps < last[:, None])
    final = np.where(seen.any(1), len(SEARCH) - 1 - seen[:, ::-1].argmax(1), 0)
    hair_there = map_coordinates(hair, [xy[..., 1] - 0.5, xy[..., 0] - 0.5], order=1, mode="nearest")
    at = np.clip(final - 4, 0, None)
    share = hair_there[np.arange(len(points)), at] / np.maximum(value[np.arange(len(points)), at], COVERED)
    edge = np.where(seen.any(1), SEARCH[final], SEARCH[0])
    return edge, np.clip(share, 0, 1), leaves >= np.minimum(end, len(SEARCH))


def _drawn_to_outline(
    surface: Surface, face: np.ndarray, bust: np.ndarray, camera: Camera, person: np.ndarray, other: np.ndarray
) -> np.ndarray:
    """The surface's points (N, 3) with ears, jaw and bare skull moved across the line of sight to where the person ends, evenly in between.

    Args:
        face: (468+, 3); bust: (W, 3) of the template; person: (S, S) alpha; other: (S, S) hair and cloth.
    """
    points, count = surface.vertices.copy(), len(OVAL)
    pose = camera.viewmat[:3, :3].astype(np.float64)
    for _ in range(DRAWINGS):
        seen = outline_of(face, np.concatenate([points[count:], bust]), camera, person, other)
        mine = seen.index < len(points) - count
        rows = seen.index[mine] + count
        target = np.zeros_like(points)
        target[rows] = -(seen.distance[mine, None] * seen.slope[mine]) @ np.eye(2, 3) @ pose
        weight = np.full(len(points), NOTHING_TOLD)
        weight[rows], weight[:count] = SURE, SURELY_BARE
        points += _even(surface, weight, target)
    return points


def _even(surface: Surface, weight: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Values (N, ...) as near to these as their weights (N,) say, and as even and smooth as can be in between."""
    bending = surface.laplacian.T @ surface.laplacian
    solve = splu((diags(weight) + STRETCH * surface.stiffness + BEND * bending).tocsc()).solve
    return solve(weight.reshape(-1, *[1] * (value.ndim - 1)) * value)


def _continued(surface: Surface, thickness: np.ndarray, told: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Thickness (N,) all over the surface: as told (N,) bool, as even as can be in between, and none at the face's outline, where it is
    bare (N,) bool, and, a little, where nothing tells of any."""
    weight = np.where(told, SURE, NOTHING_TOLD)
    value = np.where(told, thickness, 0)
    bare = bare | (np.arange(len(value)) < len(OVAL))
    weight[bare], value[bare] = SURELY_BARE, 0
    return _even(surface, weight, value)
