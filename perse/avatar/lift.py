"""Lifting a portrait: where the first Gaussians sit and how large they are.

What the portrait shows gets Gaussians on a pixel grid, finer where the picture has detail; what it hides gets them
evenly over the surface, coloured from the completed texture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ..portrait import Portrait
from ..render.camera import Camera
from ..render.mesh import rasterize_ids
from ..rig.mouth import mouth_opening
from ..rig.rig import PART, PARTS, Rig
from ..synthesis.atlas import ATLAS, Texture, sample
from ..synthesis.fill import diffuse

FINE = 1.45  # side of the smallest grid cell, in pixels of a 512-pixel crop
CLOSED_MOUTH = 0.12  # lip gap over mouth width
FRINGE = 3  # pixels of a 512-pixel crop over which cloth's edge is mixed with what lies beside it
BACKING = 0.03  # eye distances under the side of a cheek, where a second layer lies
BESIDE = 0.3  # alpha of the portrait below which a point is none of the person
RIM = 0.003  # of the portrait's side: how far within the outline such a point is put
SEEN = 0.35  # how well the portrait must show a texel for its own Gaussians to cover it
MOUTH_PARTS = [PART[name] for name in ("cavity", "upper_teeth", "lower_teeth", "tongue")]
# Distance between Gaussians on hidden surfaces, eye distances.
SPACING = {"face": 0.026, "shell": 0.031, "body": 0.060, "eye_right": 0.0110, "eye_left": 0.0110, "cavity": 0.022,
           "upper_teeth": 0.010, "lower_teeth": 0.010, "tongue": 0.018}


@dataclass
class Lifted:
    """N Gaussians at rest: face (N,), bary (N, 3), offset (N, 3), normal (N, 3), tangent (N, 3), scales (N, 3)
    along tangent, its perpendicular, normal; color (N, 3), opacity (N,); uv (N, 2) atlas position; outside (N,) bool:
    pixels beyond the mesh's outline, which no re-rendered clip shows; backing (N,) bool: a layer under the surface."""

    face: np.ndarray
    bary: np.ndarray
    offset: np.ndarray
    normal: np.ndarray
    tangent: np.ndarray
    scales: np.ndarray
    color: np.ndarray
    opacity: np.ndarray
    uv: np.ndarray
    outside: np.ndarray
    backing: np.ndarray

    def take(self, rows: np.ndarray) -> "Lifted":
        """Some of them: rows (N,) bool, or indices."""
        return Lifted(*(getattr(self, name)[rows] for name in Lifted.__dataclass_fields__))

    @staticmethod
    def concat(parts: list["Lifted"]) -> "Lifted":
        return Lifted(*(np.concatenate([getattr(p, name) for p in parts]) for name in Lifted.__dataclass_fields__))


def _cells(detail: np.ndarray, wanted: np.ndarray, target: int, fine: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres (M, 2) and sides (M,) of grid cells: side 2 * fine, split in four where detail is highest.

    Args:
        detail: (S, S) importance; wanted: (S, S) bool, where cells may be; target: how many cells are wanted.
    """
    size = detail.shape[0]
    side = 2 * fine
    centres = np.stack(np.meshgrid(np.arange(side / 2, size, side), np.arange(side / 2, size, side)), -1).reshape(-1, 2)

    def at(image, xy):
        return image[np.clip(xy[:, 1].astype(int), 0, size - 1), np.clip(xy[:, 0].astype(int), 0, size - 1)]

    reach = cv2.dilate(wanted.astype(np.uint8), np.ones((int(np.ceil(fine)) * 2 + 1,) * 2)) > 0
    centres = centres[at(reach, centres)]
    importance = at(cv2.blur(detail.astype(np.float32), (int(np.ceil(side)),) * 2), centres)
    splits = int(np.clip((target - len(centres)) / 3, 0, len(centres)))
    order = np.argsort(-importance, kind="stable")
    split, whole = centres[order[:splits]], centres[order[splits:]]
    shift = fine / 2 * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])
    children = (split[:, None] + shift[None]).reshape(-1, 2)
    xy = np.concatenate([children, whole])
    sides = np.concatenate([np.full(len(children), fine), np.full(len(whole), side)])
    keep = at(wanted, xy)
    return xy[keep], sides[keep]


def _put_behind_jaw(rig: Rig, dressed: np.ndarray, ids: np.ndarray, bary: np.ndarray) -> None:
    """Where the photo shows clothes (S, S) and the rig its head, they hang on the bust behind it (ids, bary in place): a rim of collar
    on the jaw would turn with the head, and stand out from the side as a comb. Where no bust is behind, nothing is (id -1)."""
    bust = rig.part_faces("body")
    behind, behind_bary = rasterize_ids(rig.vertices, rig.faces[bust].astype(np.int32), rig.camera)
    swap = dressed & (ids >= 0) & np.isin(rig.face_part[ids], [PART["face"], PART["shell"]])
    ids[swap], bary[swap] = np.where(behind < 0, -1, bust[behind])[swap], behind_bary[swap]


def _beyond(depth: np.ndarray, known: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A depth picture (S, S) carried on smoothly from where it is known (S, S) bool; read at xy (M, 2)."""
    sheet = diffuse(depth[..., None].astype(np.float32), known.astype(np.float32))[..., 0]
    return sample(cv2.GaussianBlur(sheet, (0, 0), 2 * len(depth) / 512), xy[None])[0]


def _visible(portrait: Portrait, rig: Rig, texture: Texture, count: int) -> Lifted:
    size = portrait.image.shape[0]
    camera = rig.camera
    ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    if mouth_opening(rig.vertices) < CLOSED_MOUTH:
        # Between closed lips one looks at lip, not at the teeth behind: they must not carry the lip line along.
        ids[np.isin(rig.face_part[ids], MOUTH_PARTS) & (ids >= 0)] = -1
    dressed = portrait.masks["clothes"] > 0.3 * np.maximum(portrait.alpha, 0.1)
    _put_behind_jaw(rig, dressed, ids, bary)
    wanted = portrait.alpha > 0.12
    gray = cv2.GaussianBlur(portrait.foreground.mean(-1).astype(np.float32), (0, 0), 0.8 * size / 512)
    detail = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    inner = np.maximum.reduce([portrait.masks[m] for m in ("eyes", "lips", "mouth", "brows")])
    # Faces matter more than jackets; eyes and lips matter most.
    weight = 0.35 + 0.65 * np.clip(1 - portrait.masks["clothes"], 0, 1) + 1.5 * cv2.dilate(inner.astype(np.float32), np.ones((9, 9)))
    detail = np.minimum(detail, np.percentile(detail, 97)) * weight + 0.02 * weight
    # Fewer Gaussians are larger ones: a few fine cells among coarse ones would show as a pattern.
    fine = FINE * size / 512 * max(1.0, np.sqrt(36000 / count))
    xy, side = _cells(detail, wanted, count, fine)
    px = np.clip(xy.astype(int), 0, size - 1)
    face = ids[px[:, 1], px[:, 0]]
    # Strands beyond the mesh's outline hang on the nearest triangle.
    _, (ny, nx) = distance_transform_edt(ids < 0, return_indices=True)
    body = (ids >= 0) & (rig.face_part[ids] == PART["body"])
    if body.any():
        # And cloth beyond it on the bust, with the blurred edge that it has, not on the jaw beside it.
        fringe = cv2.dilate(dressed.astype(np.uint8), np.ones((2 * round(FRINGE * size / 512) + 1,) * 2)) > 0
        _, nearest = distance_transform_edt(~body, return_indices=True)
        on_bust = fringe & (ids < 0)
        ny[on_bust], nx[on_bust] = nearest[:, on_bust]
    hit = np.stack([nx[px[:, 1], px[:, 0]], ny[px[:, 1], px[:, 0]]], 1)
    outside = face < 0
    face = ids[hit[:, 1], hit[:, 0]]
    b = bary[hit[:, 1], hit[:, 0]].astype(np.float64)
    corners = rig.vertices[rig.faces[face]].astype(np.float64)
    point = np.einsum("nk,nkc->nc", b, corners)
    rotation, shift = camera.viewmat[:3, :3].astype(np.float64), camera.viewmat[:3, 3].astype(np.float64)
    origin = -rotation.T @ shift
    depth = (point @ rotation.T + shift)[:, 2]
    # Beyond the outline the nearest triangle's depth jumps from pixel to pixel; a smooth continuation does not.
    front = np.einsum("hwk,hwkc->hwc", bary, rig.vertices[rig.faces[np.maximum(ids, 0)]]) @ rotation.T + shift
    # Head and bust each for itself: between the two there is air, and what floated there would be a comb from the side.
    of_body = rig.face_part[face] == PART["body"]
    for part, chosen in ((body, of_body), ((ids >= 0) & ~body, ~of_body)):
        if part.any():
            depth = np.where(outside & chosen, _beyond(front[..., 2], part, xy), depth)
    ray = np.stack([(xy[:, 0] - camera.K[0, 2]) / camera.K[0, 0], (xy[:, 1] - camera.K[1, 2]) / camera.K[1, 1],
                    np.ones(len(xy))], 1)
    target = (ray * depth[:, None] - shift) @ rotation
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    view = origin - point
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    facing = (normal * view).sum(1)
    flip = facing < 0
    normal[flip], facing = -normal[flip], np.abs(facing)
    # Strands outside face the camera.
    normal[outside], facing[outside] = view[outside], 1.0
    slope = view - facing[:, None] * normal
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    any_tangent = np.cross(normal, [0.0, 1.0, 0.0])
    any_tangent /= np.linalg.norm(any_tangent, axis=1, keepdims=True) + 1e-12
    tangent = np.where(length > 1e-3, slope / np.maximum(length, 1e-3), any_tangent)
    world = side * depth / float(camera.K[0, 0])
    uv = np.einsum("nk,nkc->nc", b, rig.uvs[face])
    # What the photo shows badly is covered by hidden Gaussians too: its own ones must not be drawn out over them.
    seen = sample(texture.seen, uv[None] * ATLAS)[0]
    stretch = np.where((seen < SEEN) & ~outside, 1.0, 1 / np.clip(facing, 0.3, 1))
    scales = np.stack([0.60 * world * stretch, 0.60 * world, 0.12 * world], 1)
    blurred = {s: cv2.blur(portrait.foreground, (max(1, int(round(s))),) * 2) for s in np.unique(side)}
    color = np.empty((len(xy), 3))
    for s in np.unique(side):
        rows = side == s
        color[rows] = sample(blurred[s], xy[rows][None])[0]
    opacity = np.clip(sample(portrait.alpha, xy[None])[0], 0.05, 0.98)
    return Lifted(face, b, target - point, normal, tangent, scales, color, opacity, uv, outside, np.zeros(len(face), bool))


def _onto_person(points: np.ndarray, alpha: np.ndarray, camera: Camera) -> np.ndarray:
    """Points (N, 3), moved across the line of sight onto the person (alpha (S, S)) where the portrait shows that there is none.

    Nothing stands out from the cone of its outline (the visual hull, Laurentini 1994); a mesh of few profiles does, where hair
    leaves notches.
    """
    size = len(alpha)
    xy, depth = camera.project(points)
    column, row = np.clip(xy.astype(int), 0, size - 1).T
    beside = ((xy >= 0) & (xy < size)).all(1) & (alpha[row, column] < BESIDE)
    within = cv2.erode((alpha > 0.5).astype(np.uint8), np.ones((2 * round(RIM * size) + 1,) * 2)) > 0
    if not within.any():
        return points
    _, (y, x) = distance_transform_edt(~within, return_indices=True)
    move = (np.stack([x[row, column], y[row, column]], 1) + 0.5 - xy) * depth[:, None] / float(camera.K[0, 0])
    return points + beside[:, None] * (np.column_stack([move, np.zeros(len(move))]) @ camera.viewmat[:3, :3])


def _hidden(portrait: Portrait, rig: Rig, texture: Texture, rng: np.random.Generator) -> Lifted:
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
    eyes = np.isin(part, [PART["eye_right"], PART["eye_left"]])
    keep = ((seen < SEEN) | eyes) & (alpha > np.where(part == PART["body"], 0.05, 0.5))
    face, bary, uv = face[keep], bary[keep], uv[keep]
    tangent = corners[face, 1] - corners[face, 0]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    sigma = spacing[face]
    # Nothing teaches what lies inside the mouth, nor the bust's back, to close its own gaps.
    wide = np.where(np.isin(rig.face_part[face], [*MOUTH_PARTS, PART["body"]]), 0.80, 0.62) * sigma
    scales = np.stack([wide, wide, 0.12 * sigma], 1)
    color = sample(texture.color, uv[None] * ATLAS)[0]
    none = np.zeros(len(face), bool)
    top = Lifted(face, bary, np.zeros((len(face), 3)), normal[face], tangent, scales, color, 0.95 * alpha[keep], uv, none, none)
    shell = rig.face_part[face] == PART["shell"]
    points = np.einsum("nk,nkc->nc", bary, corners[face])[shell]
    top.offset[shell] = _onto_person(points, portrait.alpha, rig.camera) - points
    # The photo's outline cuts through the sides of the cheeks, and leaves pinholes there to be seen from the side. Behind them
    # there must be skin, too deep to show beside the outline.
    under = top.take(rig.face_part[face] == PART["face"])
    under.offset, under.backing = -BACKING * under.normal, np.ones(len(under.face), bool)
    return Lifted.concat([top, under])


def lift(portrait: Portrait, rig: Rig, texture: Texture, count: int, seed: int = 0) -> Lifted:
    """Initial Gaussians of a portrait: about `count` on what it shows, plus what hidden surfaces need."""
    return Lifted.concat([_visible(portrait, rig, texture, count), _hidden(portrait, rig, texture, np.random.default_rng(seed))])
