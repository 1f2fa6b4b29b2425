"""The portrait unrolled: one texture atlas for the whole rig, seen parts from the photo, hidden parts completed."""

import cv2
import numpy as np

from ..portrait import Portrait
from ..render.camera import Camera
from ..render.mesh import rasterize_ids
from ..rig.eyes import CLOSED_EYE, lid_opening
from ..rig.mouth import OPEN_MOUTH, mouth_opening
from ..rig.rig import Rig
from .atlas import ATLAS, REGIONS, Texture, chart_slice, sample
from .fill import diffuse, mirror_fill, nearest_covered
from .inside import paint_cavity, paint_eye, paint_teeth, paint_tongue, white_light
from .scalp import complete_scalp
from .torso import complete_torso


def bake(portrait: Portrait, rig: Rig) -> Texture:
    """Unroll the portrait over the rig and complete what it hides."""
    flat = np.concatenate([rig.uvs.reshape(-1, 2) * ATLAS, np.ones((len(rig.faces) * 3, 1))], 1).astype(np.float32)
    plane = Camera(np.eye(4), np.eye(3), ATLAS, ATLAS)
    ids, bary = rasterize_ids(flat, np.arange(len(rig.faces) * 3, dtype=np.int32).reshape(-1, 3), plane)
    covered = ids >= 0
    corners = rig.vertices[rig.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9

    where = np.maximum(ids, 0)
    points = np.einsum("hwk,hwkc->hwc", bary, corners[where])
    camera = rig.camera
    xy, depth = camera.project(points.reshape(-1, 3))
    xy, depth = xy.reshape(ATLAS, ATLAS, 2), depth.reshape(ATLAS, ATLAS)
    origin = -camera.viewmat[:3, :3].T @ camera.viewmat[:3, 3]
    toward = origin - points
    toward /= np.linalg.norm(toward, axis=-1, keepdims=True)
    facing = (normal[where] * toward).sum(-1)

    front_id, front_bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    front_points = np.einsum("hwk,hwkc->hwc", front_bary, corners[np.maximum(front_id, 0)])
    zbuffer = camera.to_camera(front_points.reshape(-1, 3))[:, 2].reshape(front_id.shape)
    zbuffer[front_id < 0] = np.inf
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
    _face(texture)
    complete_scalp(texture)
    complete_torso(texture)
    light = white_light(portrait.foreground, portrait.masks["skin"], portrait.masks["eyes"] * (1 - portrait.masks["iris"]))
    masks = sample(portrait.masks["eyes"], xy)
    for side in ("right", "left"):
        _eye(texture, f"eye_{side}", masks, visible, rig, light, lid_opening(rig.vertices, side) < CLOSED_EYE)
    shown = mouth_opening(rig.vertices) > OPEN_MOUTH
    _mouth(texture, np.clip(sample(portrait.masks["mouth"], xy) * 2 - 1, 0, 1) * visible * shown, light)
    nearest = nearest_covered(covered)
    texture.color = np.clip(texture.color, 0, 1)[nearest]
    texture.alpha = texture.alpha[nearest]
    for name in REGIONS:
        texture.regions[name] = texture.regions[name][nearest]
    return texture


def _face(texture: Texture) -> None:
    area = chart_slice("face")
    seen = texture.seen[area]
    # Fringe over the forehead is seen, but must not be mirrored onto a bare temple.
    covered = texture.faces[area] >= 0
    texture.color[area] = mirror_fill(texture.color[area], seen, covered)
    texture.alpha[area] = 1.0
    for name, mask in texture.regions.items():
        mask[area] = mirror_fill(mask[area][..., None].repeat(3, -1), seen, covered)[..., 0]


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
        base = color[white & (color.mean(-1) >= 0.8 * bright)].mean(0) if (white & (color.mean(-1) >= 0.8 * bright)).any() else color[white].mean(0)
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


def _mouth(texture: Texture, seen: np.ndarray, light: np.ndarray) -> None:
    """Teeth, tongue and cavity; seen (ATLAS, ATLAS): what of them the photo shows."""
    for row in ("upper", "lower"):
        area = chart_slice(f"{row}_teeth")
        texture.color[area], texture.alpha[area] = paint_teeth(row, texture.color[area], seen[area], light)
    area = chart_slice("cavity")
    texture.color[area] = paint_cavity(texture.color[area], seen[area], light)
    area = chart_slice("tongue")
    texture.color[area] = paint_tongue(texture.alpha[area].shape, light)
    for part in ("cavity", "tongue"):
        texture.alpha[chart_slice(part)] = 1.0
    for part in ("upper_teeth", "lower_teeth", "cavity", "tongue"):
        for name in REGIONS:
            texture.regions[name][chart_slice(part)] = 0.0
