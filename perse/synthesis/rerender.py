"""Re-rendering a textured rig: any expression, any view, with overlays."""

import numpy as np

from ..edits.bound_mesh import BoundMesh
from ..render.camera import Camera
from ..render.mesh import render_mesh
from ..rig.rig import Rig
from .base import Frame

SUPERSAMPLE = 2


def render_frame(
    rig: Rig,
    vertices: np.ndarray,
    rgba: np.ndarray,
    camera: Camera,
    overlay: BoundMesh | None = None,
    strength: float = 1.0,
    placed: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Picture of a posed rig, premultiplied (H, W, 3) and alpha (H, W), float32.

    Args:
        vertices: (V, 3) posed.
        rgba: (A, A, 4) texture.
        overlay: strands or a prop, faded in by `strength` in [0, 1]; placed (N, 3): its posed vertices, where they are known.
    """
    depth = np.full((camera.height * SUPERSAMPLE, camera.width * SUPERSAMPLE), np.inf, np.float32)
    image, alpha, _ = render_mesh(
        vertices, rig.faces.astype(np.int32), rig.uvs, rgba, camera, SUPERSAMPLE, alpha_channel=True, depth_out=depth
    )
    if overlay is not None and strength > 0:
        count = len(overlay.triangles)
        palette = overlay.color[overlay.triangles].mean(1)[None].astype(np.float32)
        uvs = np.full((count, 3, 2), 0.5, np.float32)
        uvs[..., 0] = ((np.arange(count) + 0.5) / count)[:, None]
        placed = overlay.pose(rig, vertices).astype(np.float32) if placed is None else placed
        top, cover, _ = render_mesh(placed, overlay.triangles.astype(np.int32), uvs, palette, camera, SUPERSAMPLE, occlusion=depth)
        cover = cover * strength
        image = image * (1 - cover[..., None]) + top * strength
        alpha = alpha + cover * (1 - alpha)
    return image, alpha


def to_frame(image: np.ndarray, alpha: np.ndarray, owned: np.ndarray | None, camera: Camera, pose: dict) -> Frame:
    """Pack float pictures into a Frame."""

    def pack(x):
        return np.clip(x * 255 + 0.5, 0, 255).astype(np.uint8)

    return Frame(pack(image), pack(alpha), None if owned is None else pack(owned), camera, **pose)
