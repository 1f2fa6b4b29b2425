"""Gaussians of what the portrait hides: evenly over the surface, drawn out along the hair, inside the person's outline."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ...face.landmarks import EYE, LIPS
from ...portrait import Portrait
from ...render.camera import Camera
from ...rig.rig import Rig
from ...rig.skeleton import PART, PARTS
from ...texture.atlas import ATLAS, Texture, chart_slice, sample
from .seed import MOUTH_PARTS, SEEN, Lifted

BACKING = 0.03  # eye distances under the face at which what the photo cannot teach lies
CORNER = 0.12  # eye distances from the lips' corners, where what lies under lips would come out beside them
BEHIND = 0.012  # eye distances behind the photo's own Gaussians in the mouth, where painted ones close their gaps
STRAND = 1.7  # square root of a strand's Gaussian's length over its width
SLANTED, AWAY = 0.5, -0.5  # cosines to the view below which the sides of the face, the back of the head are not the photo's to teach
BESIDE = 0.3  # alpha of the portrait below which a point is none of the person
WITHIN = 0.003  # of the portrait's side: how far within the outline such a point is put
SOCKET, SHALLOW, DIM = 0.012, 0.25, 0.75  # what lies behind the corners of the lids: its spacing, eye distances; depth, radii; its light
# Distance between Gaussians on hidden surfaces, eye distances.
SPACING = {"face": 0.026, "shell": 0.031, "body": 0.060, "eye_right": 0.0110, "eye_left": 0.0110, "cavity": 0.022,
           "upper_teeth": 0.010, "lower_teeth": 0.010, "tongue": 0.018}


def _downwards(normal: np.ndarray) -> np.ndarray:
    """Unit tangents (N, 3) of surfaces with these normals (N, 3), the way that hair falls: down, or where it lies flat, backwards."""
    fall = np.broadcast_to([0.0, 1.0, 0.15], normal.shape)
    tangent = fall - (fall * normal).sum(1, keepdims=True) * normal
    return tangent / (np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12)


def _onto_person(points: np.ndarray, alpha: np.ndarray, camera: Camera) -> np.ndarray:
    """Points (N, 3), moved across the line of sight onto the person (alpha (S, S)) where the portrait shows that there is none.

    Nothing stands out from the cone of its outline (the visual hull, Laurentini 1994); a mesh of few profiles does, where hair
    leaves notches.
    """
    size = len(alpha)
    xy, depth = camera.project(points)
    column, row = np.clip(xy.astype(int), 0, size - 1).T
    beside = ((xy >= 0) & (xy < size)).all(1) & (alpha[row, column] < BESIDE)
    within = cv2.erode((alpha > 0.5).astype(np.uint8), np.ones((2 * round(WITHIN * size) + 1,) * 2)) > 0
    if not within.any():
        return points
    _, (y, x) = distance_transform_edt(~within, return_indices=True)
    move = (np.stack([x[row, column], y[row, column]], 1) + 0.5 - xy) * depth[:, None] / float(camera.K[0, 0])
    return points + beside[:, None] * (np.column_stack([move, np.zeros(len(move))]) @ camera.viewmat[:3, :3])


def hidden(portrait: Portrait, rig: Rig, texture: Texture, rng: np.random.Generator) -> Lifted:
    """Gaussians all over the surfaces of a rig that the portrait does not show, coloured from the completed texture."""
    corners = rig.vertices[rig.faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = 0.5 * np.linalg.norm(normal, axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    spacing = np.array([SPACING[name] for name in PARTS])[rig.face_part]
    expected = area / spacing ** 2
    count = np.floor(expected + rng.random(len(expected))).astype(int)
    face = np.repeat(np.arange(len(area)), count)
    # Low-discrepancy points (R2 sequence, Roberts 2018) folded into the triangle cover it evenly.
    n = np.arange(len(face)) + 1
    a, b = (0.5 + n * 0.7548776662466927) % 1, (0.5 + n * 0.5698402909980532) % 1
    fold = a + b > 1
    a[fold], b[fold] = 1 - a[fold], 1 - b[fold]
    bary = np.stack([1 - a - b, a, b], 1)
    uv = np.einsum("nk,nkc->nc", bary, rig.uvs[face])
    seen = sample(texture.seen, uv[None] * ATLAS)[0]
    alpha = sample(texture.alpha, uv[None] * ATLAS)[0]
    part = rig.face_part[face]
    # Lids and lips uncover more of eyeballs, teeth and throat, and stretch the last.
    within = np.isin(part, [PART["eye_right"], PART["eye_left"], *MOUTH_PARTS])
    # And lips stretch: the throat would show through them as beads.
    corner = np.einsum("nk,nkc->nc", bary, corners[face])[:, None] - rig.vertices[[LIPS["upper_inner"][0], LIPS["upper_inner"][-1]]]
    lips = (part == PART["face"]) & (seen >= SEEN) & (np.linalg.norm(corner, axis=2).min(1) > CORNER)
    lips &= sample(texture.regions["lips"], uv[None] * ATLAS)[0] > 0.3
    keep = ((seen < SEEN) | within | lips) & (alpha > np.where(part == PART["body"], 0.05, 0.5))
    face, bary, uv, seen, lips = face[keep], bary[keep], uv[keep], seen[keep], lips[keep]
    sigma = spacing[face]
    part = rig.face_part[face]
    view = -rig.camera.viewmat[:3, :3].T @ rig.camera.viewmat[:3, 3] - np.einsum("nk,nkc->nc", bary, corners[face])
    facing = (normal[face] * view).sum(1) / np.linalg.norm(view, axis=1)
    slanted = (part == PART["face"]) & (facing < SLANTED) & ~lips
    fixed = slanted | (part == PART["shell"]) & (facing < AWAY)
    # Nothing teaches what lies inside the mouth, nor the bust's back, to close its own gaps.
    wide = np.where(np.isin(part, [*MOUTH_PARTS, PART["body"]]) | fixed, 0.80, 0.62) * sigma
    # Along a strand neighbours are alike, across it they are not.
    hair = sample(texture.regions["hair"], uv[None] * ATLAS)[0]
    longer = 1 + (np.where(part == PART["shell"], STRAND, 1.3) - 1) * np.clip(2 * hair - 0.5, 0, 1)
    tangent = _downwards(normal[face])
    scales = np.stack([wide * longer, wide / longer, 0.12 * sigma], 1)
    color = sample(texture.color, uv[None] * ATLAS)[0]
    # The photo's outline cuts through the sides of the cheeks: skin there lies too deep to show beside the outline, and the photo,
    # which shows it from its edge, teaches it nothing.
    offset = np.where(slanted[:, None], -BACKING * normal[face], 0)
    own = np.isin(part, MOUTH_PARTS) & (seen >= SEEN)
    offset[own] = [0.0, 0.0, BEHIND]
    none = np.zeros(len(face), bool)
    shell = part == PART["shell"]
    points = np.einsum("nk,nkc->nc", bary, corners[face])[shell]
    offset[shell] = _onto_person(points, portrait.alpha, rig.camera) - points
    top = Lifted(face, bary, offset, normal[face], tangent, scales, color, 0.95 * alpha[keep], uv, none, fixed | own, slanted)
    under = top.take((part == PART["face"]) & ~slanted)
    under.offset, under.fixed = -BACKING * under.normal, np.ones(len(under.face), bool)
    return Lifted.concat([top.take(~lips), under, *(_corners(rig, texture, side) for side in EYE)])


def _corners(rig: Rig, texture: Texture, side: str) -> Lifted:
    """What lies behind the corners of an eye's lids, where the ball does not reach when it turns: a sheet through the ball, fixed to
    the face, of a shade between the eye's white and the skin beside it."""
    eye, centre = EYE[side], rig.eye_centres[0 if side == "right" else 1].astype(np.float64)
    outer, inner = (rig.vertices[eye[end]].astype(np.float64) for end in ("outer", "inner"))
    ball = rig.vertices[rig.vertex_part == PART[f"eye_{side}"]]
    radius = np.linalg.norm(ball - centre, axis=1).max()
    gap = np.linalg.norm(rig.vertices[eye["upper"]] - rig.vertices[eye["lower"]], axis=1).max()
    wide = np.linalg.norm(inner - outer)
    along, across = np.meshgrid(np.arange(-0.06, 1.06, SOCKET / wide), np.arange(-0.5, 0.5, SOCKET / max(gap, SOCKET)))
    along, across = along.ravel(), across.ravel() * max(gap, SOCKET)
    points = outer + along[:, None] * (inner - outer)
    points[:, 1] += across
    points[:, 2] = centre[2] - SHALLOW * radius
    # On the nearer corner's triangle.
    triangles = rig.part_faces("face")
    ends = [next(f for f in triangles if eye[end] in rig.faces[f]) for end in ("outer", "inner")]
    face = np.where(along < 0.5, *ends)
    vertex = np.where(along < 0.5, eye["outer"], eye["inner"])
    bary = (rig.faces[face] == vertex[:, None]).astype(np.float64)
    chart = chart_slice(f"eye_{side}")
    grid = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, n) for n in texture.seen[chart].shape[::-1])))
    white = np.median(texture.color[chart][(grid > 0.35) & (grid < 0.6)], axis=0)
    beside = np.stack([rig.uvs[f][rig.faces[f] == eye[end]][0] for f, end in zip(ends, ("outer", "inner"))])
    skin = sample(texture.color, beside[None] * ATLAS)[0]
    color = DIM * (white + np.where(along[:, None] < 0.5, *skin)) / 2
    count = len(points)
    normal, tangent = np.tile([0.0, 0.0, -1.0], (count, 1)), np.tile([1.0, 0.0, 0.0], (count, 1))
    # Of the eye's chart, so that no edit of the skin reaches it.
    uv = np.tile(np.array([chart[1].stop - 2, chart[0].stop - 2]) / ATLAS, (count, 1))
    none, scales = np.zeros(count, bool), np.tile(SOCKET * np.array([0.7, 0.7, 0.1]), (count, 1))
    return Lifted(face, bary, points - rig.vertices[vertex], normal, tangent, scales, color,
                  np.full(count, 0.95), uv, none, ~none, none)
