"""Lifting a portrait: where the first Gaussians sit and how large they are.

What the portrait shows gets Gaussians on a pixel grid, finer where the picture has detail; what it hides gets them
evenly over the surface, coloured from the completed texture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ..portrait import Portrait
from ..render.mesh import rasterize_ids
from ..rig.mouth import mouth_opening
from ..rig.pose_fit import CAMERA_DISTANCE
from ..rig.rig import PART, PARTS, Rig
from ..synthesis.atlas import ATLAS, Texture, sample
from ..synthesis.fill import diffuse
from ..synthesis.regions import to_lab
from .behind import across, put_behind_jaw

FINE = 1.45  # side of the smallest grid cell, in pixels of a 512-pixel crop
CLOSED_MOUTH = 0.12  # lip gap over mouth width
FRINGE = 3  # pixels of a 512-pixel crop over which cloth's edge is mixed with what lies beside it
BACKING = 0.03  # eye distances under the face at which what the photo cannot teach lies
SLANTED, AWAY = 0.5, -0.5  # cosines to the view below which the sides of the face, the back of the head are not the photo's to teach
UNLIKE = 10.0  # CIE Lab distance of a pixel from the surface at which it shows something else
SEEN = 0.35  # how well the portrait must show a texel for its own Gaussians to cover it
HEAD = [PART["face"], PART["shell"]]
MOUTH_PARTS = [PART[name] for name in ("cavity", "upper_teeth", "lower_teeth", "tongue")]
# Distance between Gaussians on hidden surfaces, eye distances.
SPACING = {"face": 0.026, "shell": 0.031, "body": 0.060, "eye_right": 0.0110, "eye_left": 0.0110, "cavity": 0.022,
           "upper_teeth": 0.010, "lower_teeth": 0.010, "tongue": 0.018}


@dataclass
class Lifted:
    """N Gaussians at rest: face (N,), bary (N, 3), offset (N, 3), normal (N, 3), tangent (N, 3), scales (N, 3)
    along tangent, its perpendicular, normal; color (N, 3), opacity (N,); uv (N, 2) atlas position; outside (N,) bool:
    pixels beyond the mesh's outline, which no re-rendered clip shows; fixed (N,) bool: right as they are; held (N,) bool: whose colours may
    change but little: the photo shows them from their edge or translucent, and from the side they are seen openly."""

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
    fixed: np.ndarray
    held: np.ndarray

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


def _beyond(depth: np.ndarray, known: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A depth picture (S, S) carried on smoothly from where it is known (S, S) bool; read at xy (M, 2)."""
    sheet = diffuse(depth[..., None].astype(np.float32), known.astype(np.float32))[..., 0]
    return sample(cv2.GaussianBlur(sheet, (0, 0), 2 * len(depth) / 512), xy[None])[0]


def _visible(portrait: Portrait, rig: Rig, texture: Texture, count: int) -> Lifted:
    size = portrait.image.shape[0]
    camera = rig.camera
    ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    between = np.isin(rig.face_part[ids], MOUTH_PARTS) & (ids >= 0) & (mouth_opening(rig.vertices) < CLOSED_MOUTH)
    # Between closed lips one looks at lip, not at the teeth behind: they must not carry the lip line along.
    ids[between] = -1
    dressed = portrait.masks["clothes"] > 0.3 * np.maximum(portrait.alpha, 0.1)
    put_behind_jaw(rig, dressed, ids, bary)
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
    color = np.empty((len(xy), 3))
    for s in np.unique(side):
        rows = side == s
        color[rows] = sample(cv2.blur(portrait.foreground, (max(1, int(round(s))),) * 2), xy[rows][None])[0]
    px = np.clip(xy.astype(int), 0, size - 1)
    outside = ids[px[:, 1], px[:, 0]] < 0
    # A translucent pixel's colour is a guess, which may be the background's: there what is solid goes on.
    solid = diffuse(portrait.foreground, np.clip((portrait.alpha - 0.9) / 0.1, 0, 1))
    color[outside] = sample(solid, xy[outside][None])[0]
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
    rotation, shift = camera.viewmat[:3, :3].astype(np.float64), camera.viewmat[:3, 3].astype(np.float64)
    origin = -rotation.T @ shift
    front = (np.einsum("hwk,hwkc->hwc", bary, rig.vertices[rig.faces[np.maximum(ids, 0)]]) @ rotation.T + shift)[..., 2]
    # What the photo shows badly is covered by hidden Gaussians, in the colours that are right for it. A pixel unlike them shows what
    # is behind, or the background; and beyond the outline, where no hair is, it would be a speck to whoever looks from the side.
    def surface(pixels):
        """Part and atlas position (1, N, 2) of what is at pixels (N, 2), and how unlike the photo it is."""
        on = ids[pixels[:, 1], pixels[:, 0]]
        at = np.einsum("nk,nkc->nc", bary[pixels[:, 1], pixels[:, 0]], rig.uvs[on])[None] * ATLAS
        return rig.face_part[on], at, np.linalg.norm(to_lab(color) - to_lab(sample(texture.color, at)[0]), axis=-1)

    part, at, difference = surface(hit)
    on_head = np.isin(part, HEAD)
    slanted = (sample(texture.seen, at)[0] < SEEN) & ~outside
    behind, there = across(np.where(ids < 0, np.inf, front), px, camera.K[0, 0] / CAMERA_DISTANCE)
    part, _, farther = surface(behind)
    strange = slanted & on_head & (difference > UNLIKE)
    there &= strange & (part != PART["face"]) & (farther < 0.5 * difference)
    bare = outside & ~between[px[:, 1], px[:, 0]] & (portrait.masks["hair"] < 0.5 * portrait.alpha)[px[:, 1], px[:, 0]]
    lost = strange & ~there | bare & on_head & (difference > 2 * UNLIKE)
    hit[there] = behind[there]
    face, b = ids[hit[:, 1], hit[:, 0]], bary[hit[:, 1], hit[:, 0]].astype(np.float64)
    corners = rig.vertices[rig.faces[face]].astype(np.float64)
    point = np.einsum("nk,nkc->nc", b, corners)
    depth = front[hit[:, 1], hit[:, 0]]
    # Beyond the outline the nearest triangle's depth jumps from pixel to pixel; a smooth continuation does not.
    # Head and bust each for itself: between the two there is air, and what floated there would be a comb from the side.
    of_body = rig.face_part[face] == PART["body"]
    for part, chosen in ((body, of_body), ((ids >= 0) & ~body, ~of_body)):
        if part.any():
            depth = np.where(outside & chosen, _beyond(front, part, xy), depth)
    outside |= there
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
    # Its own Gaussians must not be drawn out over the hidden ones.
    stretch = np.where(slanted, 1.0, 1 / np.clip(facing, 0.3, 1))
    scales = np.stack([0.60 * world * stretch, 0.60 * world, 0.12 * world], 1)
    opacity = np.clip(sample(portrait.alpha, xy[None])[0], 0.05, 0.98)
    held = np.where(outside, on_head & ~there, slanted & (rig.face_part[face] == PART["face"]))
    fixed = np.zeros(len(face), bool)
    return Lifted(face, b, target - point, normal, tangent, scales, color, opacity, uv, outside, fixed, held).take(~lost)


def _hidden(rig: Rig, texture: Texture, rng: np.random.Generator) -> Lifted:
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
    part = rig.face_part[face]
    view = -rig.camera.viewmat[:3, :3].T @ rig.camera.viewmat[:3, 3] - np.einsum("nk,nkc->nc", bary, corners[face])
    facing = (normal[face] * view).sum(1) / np.linalg.norm(view, axis=1)
    slanted = (part == PART["face"]) & (facing < SLANTED)
    fixed = slanted | (part == PART["shell"]) & (facing < AWAY)
    # Nothing teaches what lies inside the mouth, nor the bust's back, to close its own gaps.
    wide = np.where(np.isin(part, [*MOUTH_PARTS, PART["body"]]) | fixed, 0.80, 0.62) * sigma
    scales = np.stack([wide, wide, 0.12 * sigma], 1)
    color = sample(texture.color, uv[None] * ATLAS)[0]
    # The photo's outline cuts through the sides of the cheeks: skin there lies too deep to show beside the outline, and the photo,
    # which shows it from its edge, teaches it nothing.
    offset = np.where(slanted[:, None], -BACKING * normal[face], 0)
    none = np.zeros(len(face), bool)
    top = Lifted(face, bary, offset, normal[face], tangent, scales, color, 0.95 * alpha[keep], uv, none, fixed, none)
    under = top.take((part == PART["face"]) & ~slanted)
    under.offset, under.fixed = -BACKING * under.normal, np.ones(len(under.face), bool)
    return Lifted.concat([top, under])


def lift(portrait: Portrait, rig: Rig, texture: Texture, count: int, seed: int = 0) -> Lifted:
    """Initial Gaussians of a portrait: about `count` on what it shows, plus what hidden surfaces need."""
    return Lifted.concat([_visible(portrait, rig, texture, count), _hidden(rig, texture, np.random.default_rng(seed))])
