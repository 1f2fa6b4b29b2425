"""Gaussians of what the portrait hides: evenly over the surface, drawn out along the hair."""

import numpy as np

from ...face.landmarks import CHIN, EYE, LIPS
from ...face.measures import eye_distance
from ...portrait import Portrait
from ...portrait.outline import HALF, hair_outline, roughness
from ...render.geometry import triangle_normals, unit
from ...rig.ears import ears_of
from ...rig.hull import clearance, inside_hull
from ...rig.rig import Rig
from ...rig.skeleton import MOUTH_PARTS, PART, PARTS
from ...smooth_ramps import smooth_step
from ...texture.atlas import ATLAS, Texture, sample
from ...texture.belief.texels import WELL_SEEN
from ...texture.completion.face import OPENLY
from ...texture.completion.hair_grain import grain_at, strand_coordinates
from ...texture.completion.hair_strands import LOCK
from .lid_corners import behind_lid_corners
from .seed import FLATNESS, Seeds
from .strands import strands

# Distance between Gaussians on hidden surfaces, eye distances.
SPACING = {
    "face": 0.026,
    "shell": 0.031,
    "body": 0.060,
    "eye_right": 0.0110,
    "eye_left": 0.0110,
    "cavity": 0.022,
    "upper_teeth": 0.010,
    "lower_teeth": 0.010,
    "tongue": 0.018,
}
# Shares of that distance at the head's back, which is seldom looked at, and at its sides, beside what the photo shows; and the cosines to the
# view over which one passes into the other.
AT_BACK, AT_SIDE, BEHIND = 1.5, 0.9, (-0.7, -0.35)
IN_EARS = 0.5  # share of that distance on ears, which are thin
WIDTH, WIDTH_UNTAUGHT = 0.62, 0.80  # standard deviation over that distance; and where nothing teaches them to close their own gaps
# Square root of length over width: of curls and of parallel strands on the head (1.2 to 2.6), and elsewhere.
HAIR_DRAWN_OUT, OTHER_DRAWN_OUT = (1.2, 2.4), 1.3
OPACITY = 0.95  # of a solid surface
UNDER_FACE = 0.03  # eye distances under the face at which what the photo cannot teach lies
# Eye distances under what is seen of a chest at which its back lies: at .03 it comes out between folds (1 dB of two men's own views), at .25 it
# is as good as here.
UNDER_CHEST = 0.10
LIP_CORNERS = 0.12  # eye distances from the lips' corners within which what lies under lips would come out beside them
BEHIND_OWN = 0.012  # eye distances behind the photo's own Gaussians in the mouth, where painted ones close their gaps
ROUND = 0.75  # share of the way to the smooth surface (Boubekeur and Alexa's choice)
LOCKS, LOCK_LENGTH, LOCK_SEED = (
    0.022,
    0.45,
    21,
)  # eye distances by which locks stand out or lie deep (.01 to .04), how long they are; a seed
USUAL_OUTLINE, LOCKS_DIFFER = (
    0.0045,
    (0.6, 1.8),
)  # eye distances of roughness of hair that they fit (.002 sleek, .008 curls); least and most of them
OF_CLEARANCE = 0.7  # of the way to the portrait's outline: the standard deviation of what is drawn out along hair at most (.5 to 1)
KEEPS_OFF = 0.025  # eye distances from the portrait's outline: nearer, they would show beside it
BARE = 0.5  # share of hair below which what the photo is not believed to show is skin, which keeps the colour that is continued there
FACE_SIDE, HEAD_BACK = 0.5, -0.5  # cosines to the view below which the face's sides, the back of the head are not the photo's to teach


def hidden(portrait: Portrait, rig: Rig, texture: Texture, rng: np.random.Generator) -> Seeds:
    """Gaussians all over the surfaces of a rig that the portrait does not show, coloured from the completed texture."""
    normals = triangle_normals(rig.vertices[rig.faces].astype(np.float64))
    area, normals = 0.5 * np.linalg.norm(normals, axis=1), unit(normals)
    spacing = np.array([SPACING[name] for name in PARTS])[rig.face_part]
    spacing = spacing * (1 - (1 - IN_EARS) * ears_of(rig)[rig.faces].mean(1))
    away = rig.camera.centre - rig.vertices[rig.faces].mean(1)
    beside = smooth_step((normals * away).sum(1) / np.linalg.norm(away, axis=1), *BEHIND)
    spacing = np.where(rig.face_part == PART["shell"], spacing * (AT_BACK + (AT_SIDE - AT_BACK) * beside), spacing)
    face, bary = evenly(area / spacing**2, rng)
    uv, point = rig.uvs_on(face, bary), rig.points_on(face, bary)
    seen, alpha = (sample(values, uv[None] * ATLAS)[0] for values in (texture.seen, texture.alpha))
    part = rig.face_part[face]
    # Lids and lips uncover more of eyeballs, teeth and throat, and stretch the last.
    uncovered = np.isin(part, [PART["eye_right"], PART["eye_left"], *MOUTH_PARTS])
    backed = (seen >= WELL_SEEN) & ((part == PART["face"]) & _away_from_lip_corners(rig, point) | (part == PART["body"]))
    keep = ((seen < WELL_SEEN) | uncovered | backed) & (alpha > np.where(part == PART["body"], 0.05, 0.5))
    face, bary, uv, point, part, seen, alpha, backed = (x[keep] for x in (face, bary, uv, point, part, seen, alpha, backed))
    normal, sigma = normals[face], spacing[face]

    view = rig.camera.centre - point
    facing = (normal * view).sum(1) / np.linalg.norm(view, axis=1)
    side = (part == PART["face"]) & (facing < FACE_SIDE) & ~backed
    shell, own = part == PART["shell"], np.isin(part, MOUTH_PARTS) & (seen >= WELL_SEEN)
    fixed = side | shell & (facing < HEAD_BACK)
    untaught = np.isin(part, [*MOUTH_PARTS, PART["body"]]) | fixed
    of_hair = sample(texture.regions["hair"], uv[None] * ATLAS)[0]
    # The photo's outline cuts through the sides of the cheeks: skin there lies too deep to show beside the outline, and the photo,
    # which shows it from its edge, teaches it nothing.
    offset = np.where(side[:, None], -UNDER_FACE * normal, 0)
    offset[own] = [0.0, 0.0, BEHIND_OWN]
    outer = shell | (part == PART["body"])
    round_ = point + roundness(rig.vertices[rig.faces[face]], rig.vertex_normals[rig.faces[face]], bary) * shell[:, None]
    round_ += (_locks(portrait) * of_hair * shell * grain_at(strand_coordinates(point), LOCK, LOCK_LENGTH, LOCK_SEED))[:, None] * normal
    offset[outer] = inside_hull(round_[outer], rig.camera, portrait.alpha, KEEPS_OFF) - point[outer]
    along, parallel = downwards(normal), np.zeros(len(face))
    along[shell], parallel[shell] = strands(texture, uv[shell], point[shell], normal[shell])
    wide = np.where(untaught, WIDTH_UNTAUGHT, WIDTH) * sigma
    # What is long and lies across the outline would show beside it.
    longest = np.maximum(OF_CLEARANCE * clearance(point + offset, rig.camera, portrait.alpha) / wide, HAIR_DRAWN_OUT[0])
    scales = _sizes(wide, sigma, shell, of_hair, parallel, longest)
    color = sample(texture.color, uv[None] * ATLAS)[0]
    doubtful = side | ~fixed & (of_hair < BARE) & ~backed & (shell | (part == PART["face"]) & (facing < OPENLY))
    top = Seeds(face, bary, offset, normal, along, scales, color, OPACITY * alpha, uv, np.zeros(len(face), bool), fixed | own, doubtful)
    # A face stretches as it moves, most at the lips, and throat and skull would show between its Gaussians as beads: it has a back. So has
    # a chest, whose own cover it for the photo's camera alone: from above one would see through them.
    under = top.take((part == PART["face"]) & ~side | backed)
    deep = np.where(rig.face_part[under.face] == PART["body"], UNDER_CHEST, UNDER_FACE)[:, None]
    under.offset, under.fixed = under.offset - deep * under.normal, np.ones(len(under.face), bool)
    under.held = np.zeros(len(under.face), bool)
    return Seeds.concat([top.take(~backed), under, *(behind_lid_corners(rig, texture, eye) for eye in EYE)])


def _locks(portrait: Portrait) -> float:
    """How far locks stand out of hidden hair, eye distances: as much more or less than usual as the portrait's own outline is rough."""
    marks, opaque = portrait.landmarks, (portrait.alpha > HALF).any(1)
    line = hair_outline(portrait.alpha, portrait.masks["hair"], float(marks[CHIN, 1]), float(marks[CHIN, 1] - np.argmax(opaque)))
    if not line:
        return LOCKS
    return LOCKS * float(np.clip(roughness(line) / eye_distance(marks[:, :2]) / USUAL_OUTLINE, *LOCKS_DIFFER))


def roundness(corners: np.ndarray, normals: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """Displacements (N, 3) of points bary (N, 3) on flat triangles with these corners (N, 3, 3) to the smooth surface that the corners'
    normals (N, 3, 3) describe (Boubekeur and Alexa 2008, "Phong tessellation"): the head's outline has no corners from the side."""
    corners = corners.astype(np.float64)
    point = (bary[..., None] * corners).sum(1)
    above = ((point[:, None] - corners) * normals).sum(-1)
    return -ROUND * (bary[..., None] * above[..., None] * normals).sum(1)


def evenly(expected: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Triangle (N,) and barycentric coordinates (N, 3) of points that cover triangles evenly, as many as expected of each (F,)."""
    count = np.floor(expected + rng.random(len(expected))).astype(int)
    face = np.repeat(np.arange(len(expected)), count)
    # Low-discrepancy points (R2 sequence, Roberts 2018) folded into the triangle.
    n = np.arange(len(face)) + 1
    a, b = (0.5 + n * 0.7548776662466927) % 1, (0.5 + n * 0.5698402909980532) % 1
    fold = a + b > 1
    a[fold], b[fold] = 1 - a[fold], 1 - b[fold]
    return face, np.stack([1 - a - b, a, b], 1)


def _away_from_lip_corners(rig: Rig, point: np.ndarray) -> np.ndarray:
    """(N,) bool, of points (N, 3)."""
    ends = rig.vertices[[LIPS["upper_inner"][0], LIPS["upper_inner"][-1]]]
    return np.linalg.norm(point[:, None] - ends, axis=2).min(1) > LIP_CORNERS


def _sizes(
    wide: np.ndarray, sigma: np.ndarray, shell: np.ndarray, hair: np.ndarray, parallel: np.ndarray, longest: np.ndarray
) -> np.ndarray:
    """Standard deviations (N, 3): along a strand neighbours are alike, across it they are not. hair, parallel (N,): how much it is hair, and
    how much its strands are parallel there; longest (N,): what they are drawn out at most."""
    most = np.where(shell, HAIR_DRAWN_OUT[0] + (HAIR_DRAWN_OUT[1] - HAIR_DRAWN_OUT[0]) * parallel, OTHER_DRAWN_OUT)
    most = np.where(shell, np.minimum(most, longest), most)
    longer = 1 + (most - 1) * np.clip(2 * hair - 0.5, 0, 1)
    return np.stack([wide * longer, wide / longer, FLATNESS * sigma], 1)


def downwards(normal: np.ndarray) -> np.ndarray:
    """Unit tangents (N, 3) of surfaces with these normals (N, 3), the way that hair falls: down, or where it lies flat, backwards."""
    fall = np.broadcast_to([0.0, 1.0, 0.15], normal.shape)
    tangent = fall - (fall * normal).sum(1, keepdims=True) * normal
    return unit(tangent)
