"""Re-rendering a textured rig: any expression, any view, with what an edit lays over it."""

from dataclasses import replace

import cv2
import numpy as np

from ..edits.bound_mesh import BoundMesh
from ..render.camera import Camera
from ..render.mesh import SeenMesh, render_mesh, see_mesh
from ..rig.rig import Rig
from .base import Frame, Unedited

SUPERSAMPLE = 2
UNMOVED = 0.3  # pixels
HIDDEN_BY = 0.06  # eye distances that a surface must lie behind another to be hidden by it; the mesh's own folds are thinner


def see(rig: Rig, vertices: np.ndarray, rgba: np.ndarray, camera: Camera) -> SeenMesh:
    """What a camera sees of a posed rig (V, 3) whose texture (A, A, 4) has these opacities."""
    return see_mesh(vertices, rig.faces.astype(np.int32), rig.uvs, rgba, camera, SUPERSAMPLE, alpha_channel=True)


def render_frame(rig: Rig, vertices: np.ndarray, rgba: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Picture of a posed rig (V, 3) with texture (A, A, 4), premultiplied (H, W, 3) and alpha (H, W), float32."""
    return see(rig, vertices, rgba, camera).shade(rgba, alpha_channel=True)[:2]


def lay_over(
    image: np.ndarray, alpha: np.ndarray, seen: SeenMesh, overlay: BoundMesh, placed: np.ndarray, strength: float, camera: Camera
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture (H, W, 3) and its alpha (H, W) with strands or a prop on top, and the share of each pixel that is theirs (H, W).

    Args:
        seen: the mesh in the picture, which hides what is behind it.
        placed: (N, 3) the overlay's posed vertices; strength: in [0, 1], by which it is faded in.
    """
    count = len(overlay.triangles)
    if not count or strength <= 0:
        return image, alpha, np.zeros_like(alpha)
    palette = overlay.color[overlay.triangles].mean(1)[None].astype(np.float32)
    uvs = np.full((count, 3, 2), 0.5, np.float32)
    uvs[..., 0] = ((np.arange(count) + 0.5) / count)[:, None]
    top, cover, _ = render_mesh(placed, overlay.triangles.astype(np.int32), uvs, palette, camera, SUPERSAMPLE, occlusion=seen.depth())
    over = cover * strength
    return image * (1 - over[..., None]) + top * strength, alpha + over * (1 - alpha), over


def moved(before: Unedited, plain: SeenMesh, seen: SeenMesh, still: np.ndarray, faces: np.ndarray, camera: Camera) -> Unedited:
    """`before`, of which an edit has moved the surface: where each point was, and whether it could be seen there.

    Args:
        plain, seen: the mesh without and with the edit; still (V, 3): its posed vertices without; faces (F, 3) int32.
    """
    (xy, depth) = camera.project(still)
    was, owner = seen.at_pixels(np.column_stack([xy, depth]), faces)
    was[..., :2] += 0.5 - 0.5 / seen.supersample  # from a pixel's first sample to its centre
    x, y = was[..., 0] - 0.5, was[..., 1] - 0.5
    at = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), -1).astype(np.float32) + 0.5
    near, first = plain.depth()[:: plain.supersample, :: plain.supersample], plain.owner[:: plain.supersample, :: plain.supersample]
    in_front = cv2.remap(near, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    stays = (owner == first) | (np.abs(was[..., :2] - at).max(-1) < UNMOVED)
    showed = (owner >= 0) & (stays | (was[..., 2] < in_front + HIDDEN_BY))
    kept = np.where(showed | ((owner < 0) & (first < 0)), before.kept, 0)
    return replace(before, kept=kept, came_from=np.where(showed[..., None], was[..., :2], at))


def to_frame(image: np.ndarray, alpha: np.ndarray, before: Unedited | None, camera: Camera, pose: dict) -> Frame:
    """Pack float pictures into a Frame."""
    return Frame(packed(image), packed(alpha), before, camera, **pose)


def packed(x: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1] as uint8."""
    return np.clip(x * 255 + 0.5, 0, 255).astype(np.uint8)
