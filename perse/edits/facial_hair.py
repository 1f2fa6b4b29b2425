"""Facial hair: roots spread over a region, each strand a few short ribbons that bend down with gravity."""

import numpy as np

from ..attributes.edit_vocabulary import Strands
from ..render.geometry import interpolated, triangle_normals, unit
from ..rig.rig import Rig
from ..texture.atlas import ATLAS, Texture, sample
from .bound_mesh import LATEST_START, BoundMesh
from .strands import ribbons

MOST_STRANDS = 7000
DOWN = np.array([0.0, 1.0, 0.0])


def grow(rig: Rig, texture: Texture, edit: Strands, region: np.ndarray, color: np.ndarray, seed: int) -> BoundMesh:
    """Strands on one region.

    Args:
        region: (ATLAS, ATLAS) weight of the region.
        color: (3,) RGB of the hair.
    """
    rng = np.random.default_rng(seed)
    corners = rig.vertices[rig.faces].astype(np.float64)
    area = 0.5 * np.linalg.norm(triangle_normals(corners), axis=1)
    centre_weight = sample(region, rig.uvs.mean(1)[None] * ATLAS)[0]
    corner_weight = sample(region, rig.uvs.reshape(1, -1, 2) * ATLAS)[0].reshape(-1, 3).max(1)
    face_weight = np.maximum(centre_weight, corner_weight)
    expected = area * edit.density * (face_weight > 0.02)
    expected *= min(1.0, MOST_STRANDS / max(expected.sum(), 1))
    count = np.floor(expected + rng.random(len(expected))).astype(int)
    face = np.repeat(np.arange(len(area)), count)
    a, b = rng.random(len(face)), rng.random(len(face))
    fold = a + b > 1
    a[fold], b[fold] = 1 - a[fold], 1 - b[fold]
    bary = np.stack([1 - a - b, a, b], 1)
    weight = sample(region, rig.uvs_on(face, bary)[None] * ATLAS)[0]
    keep = rng.random(len(face)) < weight
    face, bary, weight = face[keep], bary[keep], weight[keep]
    root = interpolated(corners[face], bary)
    normal = unit(interpolated(rig.vertex_normals[rig.faces[face]], bary))

    # Hair grows downwards and a little away from the midline, leaning off the skin by `lift`; a long beard hangs together.
    spread = 0.25 if edit.pieces == 2 else -0.10
    down = np.stack([spread * np.sign(root[:, 0]) * np.minimum(np.abs(root[:, 0]) * 3, 1), np.ones(len(root)), np.zeros(len(root))], 1)
    down += 0.35 * rng.standard_normal(down.shape) * [1, 0.5, 0.6]
    along = down - (down * normal).sum(1, keepdims=True) * normal
    along = unit(along)
    length = edit.length * weight**0.5 * rng.uniform(0.6, 1.15, len(root))
    if edit.pieces > 2:  # longest in the middle
        length *= np.clip(1.15 - 0.9 * np.abs(root[:, 0]), 0.4, 1)
    first = along * (1 - edit.lift) + normal * edit.lift
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    path = [root - 0.15 * length[:, None] * normal * edit.lift]
    base = root
    sway = 0.10 * rng.standard_normal((len(root), 3)) * [1, 0, 1]
    for k in range(edit.pieces):
        # Past the jaw's edge strands hang instead of curling under, the more so the longer they are.
        heavy = 0.45 if edit.pieces == 2 else min(1.0, 0.5 + 0.3 * k)
        hang = (1 - heavy) * along + heavy * DOWN + 0.12 * normal * (k < 3)
        if edit.pieces > 2:
            hang = hang + np.stack([-0.35 * base[:, 0], 0 * base[:, 0], -0.10 + 0 * base[:, 0]], 1) + sway
        hang /= np.linalg.norm(hang, axis=1, keepdims=True)
        base = base + length[:, None] / edit.pieces * (first if k == 0 else hang)
        path.append(base)
    paths = np.stack(path, 1)
    tone = np.clip(color[None] * rng.uniform(0.55, 1.45, (len(root), 1)) + 0.02 * rng.standard_normal((len(root), 3)), 0, 1)
    shade = np.interp(np.linspace(0, 1, edit.pieces + 1), [0, 0.5, 1], [0.7, 1.0, 1.2])
    t = np.linspace(0, 1, edit.pieces + 1)
    # Roots come one by one, then every strand grows; stubble is short and half transparent, and fades in.
    start = (
        None
        if edit.opacity < 0.6
        else np.minimum(0.25 * rng.random((len(root), 1)) + 0.5 * t * edit.pieces / (edit.pieces - 1), LATEST_START)
    )
    steps = (1, edit.pieces + 1, 1)
    return ribbons(
        paths,
        np.cross(along, normal),
        edit.width,
        tone[:, None] * shade[None, :, None],
        np.repeat(face[:, None], edit.pieces + 1, 1),
        np.tile(bary[:, None], steps),
        np.tile(root[:, None], steps),
        "beard",
        start,
    )
