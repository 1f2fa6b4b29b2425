"""The portrait unrolled: one texture atlas for the whole rig, seen parts from the photo, hidden parts completed."""

import cv2
import numpy as np

from ..face.landmarks import OVAL
from ..portrait import Portrait
from ..ramps import smooth_step
from ..render.camera import Camera
from ..render.mesh import rasterize_ids
from ..rig.build import face_chart
from ..rig.mouth import crown_share
from ..rig.pose_fit import CAMERA_DISTANCE
from ..rig.rig import Rig
from ..rig.skeleton import PART
from .atlas import ATLAS, REGIONS, Texture, chart_slice, sample
from .fill import diffuse, from_twin
from .lab import to_lab
from .mouth_and_eyes import colourfulness, faded, paint_cavity, paint_eye, paint_teeth, paint_tongue, white_light
from .scalp import complete_scalp
from .torso import complete_torso

CONTOUR_STEP = 0.06  # eye distances by which depth jumps at a contour of the face
CONTOUR_WIDTH = 0.09  # eye distances beside a contour where the photo is not to be trusted
BESIDE = 4  # texels behind the face's outline where the head is asked for its colour
HIDDEN_MARGIN = 12  # texels
AT_CONTOUR = 0.15  # what it is worth on the contour itself
CHEEK_SIDE = 0.25  # eye distances beside a contour where ears and hair may lie before the cheek, as the landmarks have it
DARKER, OTHER_HUE = 18.0, 14.0  # CIE Lab: what differs by more from the cheek beside it is none of it
SHOWN = 3.0  # times as well seen as it is a texel of the cheek's edge is worth its own shade
BELOW_EYES = 0.15  # eye distances under the eye line, where crow's feet end
EAR = 121  # texels: gaps in an ear are lower than this
BESIDE_MOUTH = 0.5  # half the width of what is surely cheek or mouth, of the face's chart
NOSE = 0.35  # half the width of what is between the cheeks, of the face's chart


def bake(portrait: Portrait, rig: Rig) -> Texture:
    """Unroll the portrait over the rig and complete what it hides."""
    flat = np.concatenate([rig.uvs.reshape(-1, 2) * ATLAS, np.ones((len(rig.faces) * 3, 1))], 1).astype(np.float32)
    plane = Camera(np.eye(4), np.eye(3), ATLAS, ATLAS)
    ids, bary = rasterize_ids(flat, np.arange(len(rig.faces) * 3, dtype=np.int32).reshape(-1, 3), plane)
    covered = ids >= 0
    corners = rig.vertices[rig.faces]

    where = np.maximum(ids, 0)
    points = np.einsum("hwk,hwkc->hwc", bary, corners[where])
    camera = rig.camera
    xy, depth = camera.project(points.reshape(-1, 3))
    xy, depth = xy.reshape(ATLAS, ATLAS, 2), depth.reshape(ATLAS, ATLAS)
    origin = -camera.viewmat[:3, :3].T @ camera.viewmat[:3, 3]
    toward = origin - points
    toward /= np.linalg.norm(toward, axis=-1, keepdims=True)
    normal = np.einsum("hwk,hwkc->hwc", bary, vertex_normals(rig.vertices, rig.faces)[rig.faces][where])
    facing = (normal * toward).sum(-1) / (np.linalg.norm(normal, axis=-1) + 1e-9)

    front_id, front_bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    front_points = np.einsum("hwk,hwkc->hwc", front_bary, corners[np.maximum(front_id, 0)])
    zbuffer = camera.to_camera(front_points.reshape(-1, 3))[:, 2].reshape(front_id.shape)
    zbuffer[front_id < 0] = np.inf
    pixels = CONTOUR_WIDTH * camera.K[0, 0] / CAMERA_DISTANCE
    contour = contours(zbuffer, np.isin(front_id, rig.part_faces("face")))
    side = sample(nearness(contour, CHEEK_SIDE / CONTOUR_WIDTH * pixels), xy) > 0
    contour, outline = (sample(nearness(mask, pixels), xy) for mask in (contour, portrait.alpha < 0.5))
    # The farthest of the neighbouring depths: a texel must be clearly behind to count as hidden.
    zbuffer = cv2.dilate(np.where(np.isfinite(zbuffer), zbuffer, 0).astype(np.float32), np.ones((3, 3)))
    nearest = sample(zbuffer, xy)
    size = portrait.image.shape[0]
    inside = ((xy > 0) & (xy < size)).all(-1)
    visible = covered & inside & (depth < nearest + 0.035) & (facing > 0.05)

    color = sample(portrait.foreground, xy)
    alpha = sample(portrait.alpha, xy)
    regions = {name: sample(portrait.masks[name], xy) * visible for name in REGIONS}
    seen = np.clip((facing - 0.08) / 0.35, 0, 1) * visible * np.clip((alpha - 0.5) / 0.4, 0, 1)
    # What turns away is solid: the matte's softness there belongs to the outline, and would be a hole from the side.
    soft = np.where(visible, np.maximum(alpha, np.clip((0.40 - facing) / 0.15, 0, 1)), 1.0).astype(np.float32)

    texture = Texture(color, soft, seen.astype(np.float32), regions, ids, bary)
    texture.extra["points"] = points
    # Where rig and photo disagree about what is in front, a collar would be painted on the jaw, or the jaw on a collar.
    texture.seen[chart_slice("shell")] *= 1 - np.clip(2 * regions["clothes"][chart_slice("shell")] - 0.5, 0, 1)
    texture.seen[chart_slice("body")] *= 1 - np.clip(2 * regions["skin"][chart_slice("body")] - 0.5, 0, 1)
    known = _face(texture, contour, outline, side)
    complete_scalp(texture)
    _join(texture, known)
    complete_torso(texture)
    light = white_light(portrait.foreground, portrait.masks["skin"], portrait.masks["eyes"] * (1 - portrait.masks["iris"]))
    masks = sample(portrait.masks["eyes"], xy)
    for side in ("right", "left"):
        _eye(texture, f"eye_{side}", masks, visible, rig, light, rig.eye_closed(side))
    shown = rig.mouth_open
    _mouth(texture, np.clip(sample(portrait.masks["mouth"], xy) * 2 - 1, 0, 1) * visible * shown, light, rig)
    colourful = colourfulness(portrait.foreground, portrait.masks["skin"])
    for part in ("eye_right", "eye_left", "upper_teeth", "lower_teeth", "cavity", "tongue"):
        texture.color[chart_slice(part)] = faded(texture.color[chart_slice(part)], colourful)
    nearest = texture.nearest
    texture.color = np.clip(texture.color, 0, 1)[nearest]
    texture.alpha = texture.alpha[nearest]
    for name in REGIONS:
        texture.regions[name] = texture.regions[name][nearest]
    return texture


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3): the mean of the triangles around a vertex, weighted by area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], normal)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-12)


def contours(depth: np.ndarray, of_face: np.ndarray) -> np.ndarray:
    """(S, S) bool: pixels where the face ends in front of something farther, itself included.

    Args:
        depth: (S, S) eye distances, inf where nothing is; of_face: (S, S) bool, pixels that show the face.
    """
    depth = np.minimum(depth, 1e3).astype(np.float32)
    around = np.ones((3, 3))
    front = cv2.erode(depth, around)
    return (cv2.dilate(depth, around) - front > CONTOUR_STEP) & (front == cv2.erode(np.where(of_face, depth, np.float32(1e3)), around))


def nearness(mask: np.ndarray, width: float) -> np.ndarray:
    """(H, W): 1 on a mask (H, W), falling to 0 at `width` pixels from it."""
    return np.clip(1 - cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, 5) / width, 0, 1)


def _beside_cheek(texture: Texture, side: np.ndarray) -> np.ndarray:
    """(H, W) bool: texels of the face where the photo shows an ear, or what hangs beside it: below the eyes, from the first texel that
    is unlike the cheek outwards.

    Args:
        side: (H, W) bool, texels near a contour of the face.
    """
    area = chart_slice("face")
    points, seen, skin = texture.extra["points"][area], texture.seen[area], texture.regions["skin"][area]
    aside = side & (points[..., 1] > BELOW_EYES) & (np.abs(np.linspace(-1, 1, side.shape[1])) > BESIDE_MOUTH) & (seen > 0)
    lab = to_lab(cv2.GaussianBlur(texture.color[area], (0, 0), 1.5))
    away = lab - diffuse(lab, (seen > 0.5) * skin * ~side)
    unlike = aside & ((away[..., 0] < -DARKER) | (np.hypot(away[..., 1], away[..., 2]) > OTHER_HUE))
    unlike = cv2.morphologyEx(unlike.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    half = side.shape[1] // 2
    outwards = np.concatenate([np.maximum.accumulate(unlike[:, :half][:, ::-1], 1)[:, ::-1], np.maximum.accumulate(unlike[:, half:], 1)], 1)
    # An ear is one thing, with light and dark in it.
    return cv2.dilate(cv2.morphologyEx(outwards, cv2.MORPH_CLOSE, np.ones((EAR, 1))), np.ones((9, 9))) > 0


def _face(texture: Texture, contour: np.ndarray, outline: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Complete the face. Landmarks are off by a pixel or two: a nose's own contour may show the cheek behind it, the cheek
    the nose, and the person's outline what is behind.

    Args:
        contour, outline: (ATLAS, ATLAS) how near a texel is to a contour of the face, to the outline of the person.
        side: (ATLAS, ATLAS) bool, a wider neighbourhood of the contours.

    Returns:
        (H, W) how well its texels are known now.
    """
    area = chart_slice("face")
    covered = texture.faces[area] >= 0
    hidden = nearness(covered & (texture.seen[area] == 0), HIDDEN_MARGIN)
    # A contour on both sides, a nose seen from the front, is nothing to be mended by the other side.
    trust = 1 - (1 - AT_CONTOUR) * contour[area]
    middle = np.abs(np.linspace(-1, 1, trust.shape[1])) < NOSE
    trust = np.where(middle, trust / np.maximum(trust, trust[:, ::-1]), trust)
    of_cheek = 1 - cv2.GaussianBlur(_beside_cheek(texture, side[area]).astype(np.float32), (0, 0), 3)
    shown = np.clip(SHOWN * texture.seen[area], 0, 1) * of_cheek * (1 - hidden)
    texture.seen[area] *= trust * (1 - (1 - AT_CONTOUR) * outline[area]) * (1 - hidden) * of_cheek
    values, seen = _stacked(texture, area), texture.seen[area]
    completed, known = from_twin(values, seen, covered)
    completed = diffuse(completed, known)
    # What is there nearly as expected is the cheek's own shade after all; with another one its edge would be a seam.
    away = to_lab(cv2.GaussianBlur(values[..., :3], (0, 0), 2)) - to_lab(completed[..., :3])
    own = shown * smooth_step(np.maximum(np.abs(away[..., 0]) / DARKER, np.hypot(away[..., 1], away[..., 2]) / OTHER_HUE), 1.0, 0.6)
    own = np.maximum(cv2.GaussianBlur(own, (0, 0), 2), seen)[..., None]
    _unstack(texture, area, completed + own * (values - completed))
    texture.alpha[area] = 1.0
    return known


def _stacked(texture: Texture, area: tuple[slice, slice]) -> np.ndarray:
    """(H, W, 3 + len(REGIONS)): colour and regions of a chart."""
    return np.concatenate([texture.color[area], *(texture.regions[name][area][..., None] for name in REGIONS)], -1)


def _unstack(texture: Texture, area: tuple[slice, slice], values: np.ndarray) -> None:
    """Write back what `_stacked` gave."""
    texture.color[area] = values[..., :3]
    for k, name in enumerate(REGIONS):
        texture.regions[name][area] = np.clip(values[..., 3 + k], 0, 1)


def _join(texture: Texture, known: np.ndarray) -> None:
    """Where the face's sides are made up they meet the head's: hair there runs on over the temple, and no edge shows.

    Args:
        known: (H, W) how well the face's texels are known.
    """
    area = chart_slice("face")
    height, width = known.shape
    # Along the oval, landmark by landmark: a place in the face's chart and the one beside it in the shell's.
    along = np.arange(0, len(OVAL), 1 / 64)
    oval = np.concatenate([face_chart()[OVAL], face_chart()[OVAL[:1]]])
    place = np.stack([np.interp(along, np.arange(len(OVAL) + 1), oval[:, k]) for k in (0, 1)], -1)
    inwards = [0.5, 0.5] + (place - [0.5, 0.5]) * (1 - 3 / width)
    column, row = np.clip((inwards * [width, height]).astype(int), 1, [width - 2, height - 2]).T
    shell = chart_slice("shell")
    beside = _stacked(texture, shell)[BESIDE, (along / len(OVAL) * (shell[1].stop - shell[1].start)).astype(int)]
    values = _stacked(texture, area)
    border, ring = np.zeros_like(values), np.zeros((height, width), np.float32)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            border[row + down, column + right], ring[row + down, column + right] = beside, 1
    own, ring = known[..., None], (ring * (1 - known))[..., None]
    mixed = (values * own + border * ring) / np.maximum(own + ring, 1e-6)
    _unstack(texture, area, values * own + diffuse(mixed, (own + ring)[..., 0]) * (1 - own))


def _eye(texture: Texture, part: str, mask: np.ndarray, visible: np.ndarray, rig: Rig, light: np.ndarray, closed: bool) -> None:
    """Iris and sclera beyond the lids: rings of the iris that are seen complete those that are not. An eye that is closed
    gets a painted one in this light (3,)."""
    area = chart_slice(part)
    color = texture.color[area]
    inner = cv2.erode((mask[area] * visible[area]).astype(np.float32), np.ones((3, 3)))
    known = np.clip(inner * 2 - 1, 0, 1)
    size = color.shape[0]
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    radius = np.hypot(grid[None], grid[:, None])
    iris = eye_iris_radius(rig, part)
    if closed:
        color[:] = paint_eye(radius / iris, light)
        known = np.ones_like(known)
    in_iris = radius < iris * 1.05
    best, weight = color.copy(), known.copy()
    for twin, twin_weight in ((color[:, ::-1], known[:, ::-1]), (color[::-1], known[::-1]), (color[::-1, ::-1], known[::-1, ::-1])):
        take = in_iris & (weight < 0.5) & (twin_weight > 0.5)
        best[take], weight[take] = twin[take], 0.9
    rings = np.clip((radius / iris * 14).astype(int), 0, 14)
    for ring in range(15):
        of_ring = rings == ring
        have = of_ring & (weight > 0.5)
        if ring < 14 and have.sum() >= 3:
            lack = of_ring & (weight <= 0.5)
            best[lack], weight[lack] = color[have & (known > 0.5)].mean(0) if (have & (known > 0.5)).any() else best[have].mean(0), 0.9
    white = (~in_iris) & (known > 0.5)
    if white.sum() > 20:
        bright = np.percentile(color[white].mean(-1), 70)
        brightest = white & (color.mean(-1) >= 0.8 * bright)
        base = color[brightest if brightest.any() else white].mean(0)
    else:
        base = np.array([0.72, 0.70, 0.68])
    sclera_weight = np.where(in_iris, weight, known)
    prior = np.broadcast_to(base * 0.93, color.shape)
    far = (radius > iris * 1.05) & (known < 0.5)
    near = cv2.distanceTransform((known < 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    filled = diffuse(np.where(in_iris[..., None], best, color), np.clip(sclera_weight, 0, 1))
    blend = np.clip(near / (0.15 * size), 0, 1) * far
    texture.color[area] = filled * (1 - blend[..., None]) + prior * blend[..., None]
    texture.alpha[area] = 1.0
    texture.extra[part] = dict(iris=iris)
    for name in REGIONS:
        texture.regions[name][area] = 0.0


def eye_iris_radius(rig: Rig, part: str) -> float:
    """Iris radius in chart units (1 = the cap's edge)."""
    return float(rig.iris[0 if part == "eye_right" else 1])


def _mouth(texture: Texture, seen: np.ndarray, light: np.ndarray, rig: Rig) -> None:
    """Teeth, tongue and cavity; seen (ATLAS, ATLAS): what of them the photo shows. What it shows of something else, a lip that
    landmarks missed or a tongue before the teeth, counts as not seen."""
    for row in ("upper", "lower"):
        area = chart_slice(f"{row}_teeth")
        crown = crown_share(rig.vertices, rig.vertices[rig.vertex_part == PART[f"{row}_teeth"]])
        texture.color[area], texture.alpha[area], texture.seen[area] = paint_teeth(row, texture.color[area], seen[area], light, crown)
    area = chart_slice("cavity")
    texture.color[area], texture.seen[area] = paint_cavity(texture.color[area], seen[area], light)
    area = chart_slice("tongue")
    texture.color[area], texture.seen[area] = paint_tongue(texture.alpha[area].shape, light), 0.0
    for part in ("cavity", "tongue"):
        texture.alpha[chart_slice(part)] = 1.0
    for part in ("upper_teeth", "lower_teeth", "cavity", "tongue"):
        for name in REGIONS:
            texture.regions[name][chart_slice(part)] = 0.0
