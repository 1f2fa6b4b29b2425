"""Lifting a portrait: where the first Gaussians sit and how large they are.

What the portrait shows gets Gaussians on a pixel grid, finer where the picture has detail; what it hides gets them
evenly over the surface, coloured from the completed texture.
"""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ...face.landmarks import MOUTH_OUTLINE
from ...portrait import Portrait
from ...render.mesh import rasterize_ids
from ...rig.pose_fit import CAMERA_DISTANCE
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ...texture.atlas import ATLAS, Texture, sample
from ...texture.fill import diffuse
from ...texture.lab import to_lab
from .occluders import across, put_behind_jaw
from .seed import GRID_SCALE, HEAD, MOUTH_PARTS, SEEN, Lifted
from .unseen import hidden

FINE, USUAL = 1.45, 39000  # side of the smallest grid cell, in pixels of a 512-pixel crop, at this many wanted Gaussians
SHARP, SOFT = 0.15, 0.38  # shares of its Laplacian's energy that a picture keeps when blurred: sharp to the last pixel, and not
MOST = 2.9  # times as many Gaussians for the sharpest portraits
RIM = 3  # pixels of a 512-pixel crop by which landmarks may miss a lip's edge
TOOTH, DARK = (1.1, 0.75), 0.55  # brighter and how much paler than lips a tooth is; how dark a gap is beside them
PAINTED = -2  # instead of a triangle: what the photo shows there is painted, not lifted
NOTCH = 0.15, 0.4  # eye distances beside the outline, and from it to the mesh's, over which hair is put farther back
LIP_LINE = 2  # pixels of a 512-pixel crop beside the line between lips where colours are held
FRINGE = 3  # pixels of a 512-pixel crop over which cloth's edge is mixed with what lies beside it
FIRM = 0.4  # cosine to the view from which a triangle holds what hangs beside the outline
HARDLY = 0.1  # how well seen, below which it is not the photo that shows a cheek's side
UNLIKE = 10.0  # CIE Lab distance of a pixel from the surface at which it shows something else


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


def richness(portrait: Portrait) -> float:
    """How many times as many Gaussians a portrait is worth, 1 to MOST: detail of single pixels needs finer cells, a soft photo does not.

    Measured is what share of the energy of its Laplacian the person keeps under a slight blur, in a 512-pixel crop.
    """
    def energy(picture: np.ndarray) -> float:
        return float((cv2.Laplacian(picture, cv2.CV_32F)[person] ** 2).mean())

    crop = cv2.resize(portrait.foreground.astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA)
    head = portrait.alpha * (1 - portrait.masks["clothes"])
    person = cv2.erode(cv2.resize(head.astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA), np.ones((7, 7))) > 0.95
    if person.sum() < 1000:
        return 1.0
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    kept = energy(cv2.GaussianBlur(grey, (0, 0), 0.7)) / max(energy(grey), 1e-9)
    return 1 + (MOST - 1) * float(np.clip((SOFT - kept) / (SOFT - SHARP), 0, 1))


def _leave_painted(portrait: Portrait, rig: Rig, texture: Texture, ids: np.ndarray, bary: np.ndarray) -> np.ndarray:
    """What the photo shows between the lips and is not the rig's own teeth or throat (ids in place).

    Between closed lips one looks at lip, not at the teeth behind: no triangle is there (id -1), or they would carry the lip line along.
    In an open mouth it is `PAINTED`: a lip that landmarks missed by a pixel, or a tongue, would hang on the teeth as specks; and
    teeth, or the dark between them, on the lips' rim would be drawn apart with it to a string of beads.

    Returns:
        (S, S) bool: between closed lips.
    """
    inside = (ids >= 0) & np.isin(rig.face_part[ids], MOUTH_PARTS)
    uv = np.einsum("nk,nkc->nc", bary[inside], rig.uvs[ids[inside]])
    strange = np.zeros_like(inside)
    strange[inside] = sample(texture.seen, uv[None] * ATLAS)[0] < SEEN
    if not rig.mouth_open:
        ids[strange] = -1
        return strange
    lips = portrait.foreground[portrait.masks["lips"] > 0.9]
    if len(lips):
        bright, dull = portrait.foreground.max(-1), portrait.foreground.min(-1)
        usual = np.median(lips.max(-1))
        colourful = np.median((lips.max(-1) - lips.min(-1)) / np.maximum(lips.max(-1), 0.05))
        tooth = (bright > TOOTH[0] * usual) & (bright - dull < TOOTH[1] * colourful * bright)
        rim = ~inside & (distance_transform_edt(~inside) <= RIM * len(ids) / 512)
        strange |= rim & (ids >= 0) & (tooth | (bright < DARK * usual))
    ids[strange] = PAINTED
    return np.zeros_like(strange)


def _lip_line(portrait: Portrait) -> np.ndarray:
    """(S, S) bool: the line between closed lips."""
    size = len(portrait.alpha)
    line = np.zeros((size, size), np.uint8)
    cv2.polylines(line, [np.round(portrait.landmarks[MOUTH_OUTLINE, :2]).astype(np.int32)], True, 1, 2 * round(LIP_LINE * size / 512) + 1)
    return line > 0


def _facing(rig: Rig, eye: np.ndarray) -> np.ndarray:
    """(F,) cosine between each triangle's normal, whichever way it is wound, and the way to an eye (3,)."""
    a, b, c = (rig.vertices[rig.faces[:, k]].astype(np.float64) for k in range(3))
    normal, view = np.cross(b - a, c - a), eye - (a + b + c) / 3
    return np.abs((normal * view).sum(1)) / np.maximum(np.linalg.norm(normal, axis=1) * np.linalg.norm(view, axis=1), 1e-12)


def _beyond(depth: np.ndarray, known: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A depth picture (S, S) carried on smoothly from where it is known (S, S) bool; read at xy (M, 2)."""
    sheet = diffuse(depth[..., None].astype(np.float32), known.astype(np.float32))[..., 0]
    return sample(cv2.GaussianBlur(sheet, (0, 0), 2 * len(depth) / 512), xy[None])[0]


def _to_outline(depth: np.ndarray, alpha: np.ndarray, shell: np.ndarray, eye: float) -> np.ndarray:
    """A depth picture (S, S) in which the head's hair goes as far back at the portrait's outline as it does at the mesh's.

    A mesh of few profiles does not follow the notch between head and pigtail; what sits in it, a clip, say, would be too far in front.

    Args:
        alpha: (S, S); shell: (S, S) bool, where one looks at the mesh's hair; eye: eye distance in pixels.
    """
    within, (row, column) = distance_transform_edt(shell, return_indices=True)
    short = within - distance_transform_edt(alpha > 0.5)
    share = shell * np.clip(2 - 2 * (within - short) / (NOTCH[0] * eye), 0, 1) * (short > 1) * (short < NOTCH[1] * eye)
    y, x = np.indices(depth.shape)
    out = (np.clip(short, 0, within - 1) / np.maximum(within, 1))[..., None] * np.stack([row - y, column - x], -1)
    there = np.stack([y, x], -1) + np.round(out).astype(int)
    there = np.where((share > 0)[..., None], there, 0)
    return depth + share * np.maximum(depth[there[..., 0], there[..., 1]] - depth, 0)


def _visible(portrait: Portrait, rig: Rig, texture: Texture, count: int) -> Lifted:
    size = portrait.image.shape[0]
    camera = rig.camera
    ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    between = _leave_painted(portrait, rig, texture, ids, bary)
    dressed = portrait.masks["clothes"] > 0.3 * np.maximum(portrait.alpha, 0.1)
    put_behind_jaw(rig, dressed, ids, bary)
    wanted = (portrait.alpha > 0.12) & (ids != PAINTED)
    gray = cv2.GaussianBlur(portrait.foreground.mean(-1).astype(np.float32), (0, 0), 0.8 * size / 512)
    detail = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    inner = np.maximum.reduce([portrait.masks[m] for m in ("eyes", "lips", "mouth", "brows")])
    # Faces matter more than jackets; eyes and lips matter most.
    weight = 0.35 + 0.65 * np.clip(1 - portrait.masks["clothes"], 0, 1) + 1.5 * cv2.dilate(inner.astype(np.float32), np.ones((9, 9)))
    detail = np.minimum(detail, np.percentile(detail, 97)) * weight + 0.02 * weight
    # Fewer Gaussians are larger ones: a few fine cells among coarse ones would show as a pattern.
    fine = FINE * size / 512 * np.sqrt(USUAL / count)
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
    rotation, shift = camera.viewmat[:3, :3].astype(np.float64), camera.viewmat[:3, 3].astype(np.float64)
    origin = -rotation.T @ shift
    firm = (ids >= 0) & ~body & (_facing(rig, origin)[ids] > FIRM)
    if firm.any():
        # Skin beyond it hangs on a triangle that is seen well: those on the outline turn this way and that with every expression.
        beside = (ids < 0) & ~between & (portrait.masks["hair"] < 0.5 * portrait.alpha) & ~body[ny, nx]
        _, nearest = distance_transform_edt(~firm, return_indices=True)
        ny[beside], nx[beside] = nearest[:, beside]
    hit = np.stack([nx[px[:, 1], px[:, 0]], ny[px[:, 1], px[:, 0]]], 1)
    front = (np.einsum("hwk,hwkc->hwc", bary, rig.vertices[rig.faces[np.maximum(ids, 0)]]) @ rotation.T + shift)[..., 2]
    # What the photo shows badly is covered by hidden Gaussians, in the colours that are right for it. A pixel unlike them shows what
    # is behind, or the background; and beyond the outline, where no hair is, it would be a speck to whoever looks from the side.
    def surface(pixels):
        """Part and atlas position (1, N, 2) of what is at pixels (N, 2), and how unlike the photo it is."""
        on = ids[pixels[:, 1], pixels[:, 0]]
        at = np.einsum("nk,nkc->nc", bary[pixels[:, 1], pixels[:, 0]], rig.uvs[on])[None] * ATLAS
        return rig.face_part[on], at, np.linalg.norm(to_lab(color) - to_lab(sample(texture.color, at)[0]), axis=-1)

    own_part, at, difference = surface(hit)
    on_head = np.isin(own_part, HEAD)
    slanted = (sample(texture.seen, at)[0] < SEEN) & ~outside
    behind, there = across(np.where(ids < 0, np.inf, front), px, camera.K[0, 0] / CAMERA_DISTANCE)
    part, _, farther = surface(behind)
    strange = slanted & on_head & (difference > UNLIKE)
    there &= strange & (part != PART["face"]) & (farther < 0.5 * difference)
    bare = outside & ~between[px[:, 1], px[:, 0]] & (portrait.masks["hair"] < 0.5 * portrait.alpha)[px[:, 1], px[:, 0]]
    lost = (strange & ~there | bare & on_head) & (difference > 2 * UNLIKE)
    # Of a cheek's side what is hardly seen, or unlike it, would be dots before the hidden ones to whoever looks from there.
    cheek = slanted & ~there & (own_part == PART["face"])
    lost |= cheek & ((sample(texture.seen, at)[0] < HARDLY) | (difference > UNLIKE))
    hit[there] = behind[there]
    face, b = ids[hit[:, 1], hit[:, 0]], bary[hit[:, 1], hit[:, 0]].astype(np.float64)
    corners = rig.vertices[rig.faces[face]].astype(np.float64)
    point = np.einsum("nk,nkc->nc", b, corners)
    shell = (ids >= 0) & (rig.face_part[ids] == PART["shell"])
    depth = _to_outline(front, portrait.alpha, shell, camera.K[0, 0] / CAMERA_DISTANCE)[hit[:, 1], hit[:, 0]]
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
    stretch = np.where(slanted & ~cheek, 1.0, 1 / np.clip(facing, 0.25, 1))
    scales = world[:, None] * np.stack([GRID_SCALE * stretch, np.full(len(stretch), GRID_SCALE), np.full(len(stretch), 0.12)], 1)
    opacity = np.clip(sample(portrait.alpha, xy[None])[0], 0.05, 0.98)
    held = outside & on_head & ~there | cheek
    if not rig.mouth_open:
        # When lips part, light and dark pixels of the line between them would come out as a row of beads.
        held |= (rig.face_part[face] == PART["face"]) & _lip_line(portrait)[px[:, 1], px[:, 0]]
    fixed = np.zeros(len(face), bool)
    return Lifted(face, b, target - point, normal, tangent, scales, color, opacity, uv, outside, fixed, held).take(~lost)


def lift(portrait: Portrait, rig: Rig, texture: Texture, count: int, seed: int = 0) -> Lifted:
    """Initial Gaussians of a portrait: about `count` on what it shows, more if it is rich in detail, plus what hidden surfaces need."""
    return Lifted.concat([_visible(portrait, rig, texture, round(count * richness(portrait))),
                          hidden(portrait, rig, texture, np.random.default_rng(seed))])
