"""Interpolated 2D faces: the morph between two edited pictures of the same pose.

Both pictures are warped to the mean of their landmarks (the rig's projected vertices are landmarks that we know exactly)
and cross-dissolved (Beier & Neely 1992; Wolberg 1998, "Image morphing: a survey"). They supervise the latent points
between two styles, which keeps the space smooth, as PERSE does with its interpolated faces.
"""

from dataclasses import replace

import numpy as np

from ..render.camera import Camera
from ..render.mesh import render_mesh
from .base import Frame, Unedited
from .rerender import packed


def morph(
    first: Frame, second: Frame, first_points: np.ndarray, second_points: np.ndarray, faces: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """The picture `share` of the way from `first` to `second`, premultiplied (H, W, 3) and alpha (H, W) float32.

    Args:
        first_points, second_points: (V, 3) pixel x, y and depth of the same landmarks in both pictures.
        faces: (F, 3) triangles over them.
        share: 0 gives the first picture, 1 the second.
    """
    height, width = first.alpha.shape
    mean = (1 - share) * first_points + share * second_points
    plane = Camera(np.eye(4), np.eye(3), width, height)
    # Under the identity camera a vertex (x z, y z, z) lands on pixel (x, y) and keeps its depth.
    flat = np.stack([mean[:, 0] * mean[:, 2], mean[:, 1] * mean[:, 2], mean[:, 2]], 1).astype(np.float32)
    out = 0.0
    for frame, points, weight in ((first, first_points, 1 - share), (second, second_points, share)):
        picture = np.concatenate([frame.image, frame.alpha[..., None]], -1).astype(np.float32) / 255
        uvs = (points[faces][..., :2] / [width, height]).astype(np.float32)
        warped, cover, _ = render_mesh(flat, faces.astype(np.int32), uvs, picture, plane, 1)
        # Outside the mesh (strands, frames) nothing needs to move.
        warped = warped + (1 - cover[..., None]) * picture
        out = out + weight * warped
    return out[..., :3], out[..., 3]


def between(first: Unedited, second: Unedited, share: float) -> Unedited:
    """What is still seen of one unedited picture in the morph of two edits of it, and where in it that is."""
    kept = packed(((1 - share) * first.kept + share * second.kept) / 255)
    places = [before.came_from for before in (first, second)]
    if all(place is None for place in places):
        return replace(first, kept=kept)
    height, width = first.alpha.shape
    still = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32) + 0.5
    one, other = (still if place is None else place for place in places)
    return replace(first, kept=kept, came_from=(1 - share) * one + share * other)
