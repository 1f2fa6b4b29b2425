"""The avatar before training: lifted Gaussians, extras that rest invisible, and bases started from the edits."""

import numpy as np
import torch

from ..attributes.edits import Axis, Category
from ..avatar.avatar import Avatar
from ..avatar.binding import Binding, matrix_to_quaternion
from ..avatar.lift import lift
from ..avatar.space import AxisBasis, LatentSpace
from ..portrait import Portrait
from ..rig.rig import Rig
from ..synthesis.bound import BoundMesh
from ..synthesis.editing import Edit, Workshop
from ..synthesis.texture import ATLAS, Texture, sample

REGION_CUT = 0.02


def _frame_quats(tangent: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Quaternions (N, 4) of frames whose columns are tangent, normal x tangent, normal."""
    tangent = tangent - (tangent * normal).sum(1, keepdims=True) * normal
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    matrix = np.stack([tangent, np.cross(normal, tangent), normal], -1)
    return matrix_to_quaternion(torch.from_numpy(matrix)).numpy()


def _perpendicular(v: np.ndarray) -> np.ndarray:
    axis = np.where(np.abs(v[:, [1]]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    out = np.cross(v, axis)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-12)


def extra_gaussians(overlay: BoundMesh) -> dict[str, np.ndarray]:
    """An overlay as Gaussians: one per strand piece, or one per triangle of a solid object."""
    if len(overlay.segments):
        segments = overlay.segments
        # The ribbon's two edges: their middle is the strand.
        start = (overlay.offset[segments[:, 0]] + overlay.offset[segments[:, 0] + 1]) / 2
        end = (overlay.offset[segments[:, 1]] + overlay.offset[segments[:, 1] + 1]) / 2
        along = end - start
        length = np.linalg.norm(along, axis=1)
        if np.median(length) < 0.02:  # stubble: one Gaussian a strand
            half = len(segments) // 2
            end, segments, start = end[half:], segments[:half], start[:half]
            along = end - start
            length = np.linalg.norm(along, axis=1)
        along /= length[:, None] + 1e-12
        first = segments[:, 0]
        thin = np.full(len(first), 0.5 * overlay.width)
        return dict(face=overlay.face[first], bary=overlay.bary[first], offset=(start + end) / 2,
                    quats=_frame_quats(along, _perpendicular(along)), scales=np.stack([0.45 * length, thin, thin], 1),
                    color=(overlay.color[segments[:, 0]] + overlay.color[segments[:, 1]]) / 2)
    t = overlay.triangles
    a, b, c = overlay.offset[t[:, 0]], overlay.offset[t[:, 1]], overlay.offset[t[:, 2]]
    edges = np.stack([b - a, c - b, a - c], 1)
    length = np.linalg.norm(edges, axis=2)
    longest = edges[np.arange(len(t)), length.argmax(1)]
    along = longest / (np.linalg.norm(longest, axis=1, keepdims=True) + 1e-12)
    normal = np.cross(b - a, c - a)
    area = 0.5 * np.linalg.norm(normal, axis=1)
    normal /= 2 * area[:, None] + 1e-12
    across = 2 * area / (length.max(1) + 1e-12)
    scales = np.stack([0.30 * length.max(1), 0.45 * across, 0.25 * across], 1)
    return dict(face=overlay.face[t[:, 0]], bary=overlay.bary[t[:, 0]], offset=(a + b + c) / 3,
                quats=_frame_quats(along, normal), scales=scales, color=overlay.color[t].mean(1))


def initial_avatar(portrait: Portrait, rig: Rig, texture: Texture, categories: list[Category], count: int,
                   seed: int = 0) -> Avatar:
    """Lift the portrait and start every axis from its edit.

    Args:
        count: Gaussians wanted on what the portrait shows.
    """
    workshop = Workshop.shared(rig, texture, seed)
    lifted = lift(portrait, rig, texture, count, seed)
    parts = [dict(face=lifted.face, bary=lifted.bary, offset=lifted.offset, scales=lifted.scales, color=lifted.color,
                  opacity=lifted.opacity, quats=_frame_quats(lifted.tangent, lifted.normal))]
    total = len(lifted.face)
    plans: list[tuple[Axis, dict[int, Edit], np.ndarray]] = []
    for category in categories:
        for axis in category.axes:
            edits = {sign: workshop.edit(axis, sign) for sign in ((1, -1) if axis.low < 0 else (1,))}
            extras = np.zeros(0, int)
            if edits[1].overlay is not None:
                extra = extra_gaussians(edits[1].overlay)
                extra["opacity"] = np.zeros(len(extra["face"]))
                parts.append(extra)
                extras = total + np.arange(len(extra["face"]))
                total += len(extras)
            plans.append((axis, edits, extras))

    def joined(name):
        return torch.from_numpy(np.concatenate([p[name] for p in parts])).float()

    binding = Binding(torch.from_numpy(np.concatenate([p["face"] for p in parts])).long(), joined("bary"))
    gaussians = dict(offset=joined("offset"), quats=joined("quats"), log_scales=joined("scales").clamp_min(1e-5).log(),
                     colors=joined("color").clamp(0, 1), opacities=joined("opacity"))
    space = LatentSpace(categories, total, len(rig.vertices))
    uv = lifted.uv[None] * ATLAS
    for axis, edits, extras in plans:
        weight = sample(workshop.owned(axis), uv)[0]
        index = np.flatnonzero(weight > REGION_CUT)
        moved = np.zeros(len(rig.vertices), bool)
        for edit in edits.values():
            if edit.shape is not None:
                moved |= np.linalg.norm(edit.shape, axis=1) > 1e-4
        vertices = np.flatnonzero(moved)
        weights = np.concatenate([np.clip(weight[index] * 3, 0, 1), np.ones(len(extras))])
        basis = AxisBasis(torch.from_numpy(np.concatenate([index, extras])), torch.from_numpy(weights),
                          torch.from_numpy(vertices), 2 if axis.low < 0 or len(extras) else 1)
        ends = {}
        for sign, edit in edits.items():
            color = np.zeros((len(index) + len(extras), 3), np.float32)
            opacity = np.zeros(len(color), np.float32)
            if edit.color is not None and len(index):
                delta = sample(edit.color, uv[:, index])[0] - sample(texture.color, uv[:, index])[0]
                # The basis is multiplied by the region's weight, which the edit has already in it.
                color[:len(index)] = delta / np.maximum(weights[:len(index), None], 0.2)
            opacity[len(index):] = edit.opacity
            shape = np.zeros((len(vertices), 3)) if edit.shape is None else edit.shape[vertices]
            ends[sign] = [torch.from_numpy(np.asarray(x, np.float32)) for x in (color, opacity, shape)]
        for k, name in enumerate(("color", "opacity", "shape")):
            # Strands and tubes lie several deep: if each grew linearly, a quarter of the amount would show three
            # quarters of the beard. Their opacity starts quadratic instead.
            minus = ends[-1][k] if -1 in ends else ends[1][k] if name == "opacity" else None
            basis.start(ends[1][k], minus, name)
        space.add(axis.name, basis)
    avatar = Avatar(rig, binding, gaussians, space)
    # A mouth line or a strand beside the mesh is taught by the photo alone: the clips do not show it.
    avatar.photo_only = torch.zeros(total, dtype=torch.bool)
    avatar.photo_only[:len(lifted.face)] = torch.from_numpy(lifted.outside)
    return avatar
