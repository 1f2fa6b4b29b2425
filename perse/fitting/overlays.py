"""What lies on top of a head, strands or a solid object, as Gaussians."""

import numpy as np
import torch

from ..avatar.binding import matrix_to_quaternion
from ..edits.bound_mesh import BoundMesh
from ..rig.rig import Rig

# Median length of strands, in eye distances, below which they are stubble: one Gaussian each is enough.
STUBBLE = 0.02
# Standard deviations of a solid object's Gaussian, of its triangle's longest side and of its height: at a sixth less hair shows through a
# hat as a grid of dots, at a sixth more its edges are soft.
ALONG, ACROSS = 0.36, 0.54


def frame_quats(tangent: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Quaternions (N, 4) of frames whose columns are tangent, normal x tangent, normal."""
    tangent = tangent - (tangent * normal).sum(1, keepdims=True) * normal
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    matrix = np.stack([tangent, np.cross(normal, tangent), normal], -1)
    return matrix_to_quaternion(torch.from_numpy(matrix)).numpy()


def overlay_gaussians(overlay: BoundMesh, rig: Rig) -> dict[str, np.ndarray]:
    """An overlay as Gaussians: one per strand piece, or one per triangle of a solid object."""
    rest = overlay.pose(rig, rig.vertices)
    anchor = rest - overlay.offset  # vertices of one piece may hang on different triangles
    if len(overlay.segments):
        segments = overlay.segments
        # The ribbon's two edges: their middle is the strand.
        start = (rest[segments[:, 0]] + rest[segments[:, 0] + 1]) / 2
        end = (rest[segments[:, 1]] + rest[segments[:, 1] + 1]) / 2
        along = end - start
        length = np.linalg.norm(along, axis=1)
        # As wide as the ribbon is there, less towards the tip.
        edges = rest[segments] - rest[segments + 1]
        thin = 0.25 * np.linalg.norm(edges, axis=-1).sum(1)
        if np.median(length) < STUBBLE:
            half = len(segments) // 2
            end, segments, start, thin = end[half:], segments[:half], start[:half], thin[:half]
            along = end - start
            length = np.linalg.norm(along, axis=1)
        along /= length[:, None] + 1e-12
        first = segments[:, 0]  # a strand's piece appears with its beginning
        return dict(
            vertex=first,
            face=overlay.face[first],
            bary=overlay.bary[first],
            offset=(start + end) / 2 - anchor[first],
            quats=frame_quats(along, _perpendicular(along)),
            scales=np.stack([0.45 * length, thin, thin], 1),
            color=(overlay.color[segments[:, 0]] + overlay.color[segments[:, 1]]) / 2,
        )
    t = overlay.triangles
    a, b, c = rest[t[:, 0]], rest[t[:, 1]], rest[t[:, 2]]
    edges = np.stack([b - a, c - b, a - c], 1)
    length = np.linalg.norm(edges, axis=2)
    longest = edges[np.arange(len(t)), length.argmax(1)]
    along = longest / (np.linalg.norm(longest, axis=1, keepdims=True) + 1e-12)
    normal = np.cross(b - a, c - a)
    area = 0.5 * np.linalg.norm(normal, axis=1)
    normal /= 2 * area[:, None] + 1e-12
    across = 2 * area / (length.max(1) + 1e-12)
    scales = np.stack([ALONG * length.max(1), ACROSS * across, 0.25 * across], 1)
    return dict(
        vertex=t[:, 0],
        face=overlay.face[t[:, 0]],
        bary=overlay.bary[t[:, 0]],
        offset=(a + b + c) / 3 - anchor[t[:, 0]],
        quats=frame_quats(along, normal),
        scales=scales,
        color=overlay.color[t].mean(1),
    )


def _perpendicular(v: np.ndarray) -> np.ndarray:
    axis = np.where(np.abs(v[:, [1]]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    out = np.cross(v, axis)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-12)
