"""Facial hair as strands: roots spread over a region, each strand two short ribbons bending down with gravity."""

import numpy as np

from ..attributes.edits import Strands
from ..rig.rig import Rig
from .bound import BoundMesh, smooth_normals
from .texture import ATLAS, Texture, sample

LIMIT = 7000  # strands at most


def grow(rig: Rig, texture: Texture, edit: Strands, region: np.ndarray, color: np.ndarray, seed: int) -> BoundMesh:
    """Strands on one region.

    Args:
        region: (ATLAS, ATLAS) weight of the region.
        color: (3,) RGB of the hair.
    """
    rng = np.random.default_rng(seed)
    corners = rig.vertices[rig.faces].astype(np.float64)
    area = 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    centre_weight = sample(region, rig.uvs.mean(1)[None] * ATLAS)[0]
    corner_weight = sample(region, rig.uvs.reshape(1, -1, 2) * ATLAS)[0].reshape(-1, 3).max(1)
    face_weight = np.maximum(centre_weight, corner_weight)
    expected = area * edit.density * (face_weight > 0.02)
    expected *= min(1.0, LIMIT / max(expected.sum(), 1))
    count = np.floor(expected + rng.random(len(expected))).astype(int)
    face = np.repeat(np.arange(len(area)), count)
    a, b = rng.random(len(face)), rng.random(len(face))
    fold = a + b > 1
    a[fold], b[fold] = 1 - a[fold], 1 - b[fold]
    bary = np.stack([1 - a - b, a, b], 1)
    weight = sample(region, np.einsum("nk,nkc->nc", bary, rig.uvs[face])[None] * ATLAS)[0]
    keep = rng.random(len(face)) < weight
    face, bary, weight = face[keep], bary[keep], weight[keep]
    root = np.einsum("nk,nkc->nc", bary, corners[face])
    normal = np.einsum("nk,nkc->nc", bary, smooth_normals(rig)[rig.faces[face]])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12

    # Hair grows downwards and a little away from the midline, leaning off the skin by `lift`.
    down = np.stack([0.25 * np.sign(root[:, 0]) * np.minimum(np.abs(root[:, 0]) * 3, 1), np.ones(len(root)), np.zeros(len(root))], 1)
    down += 0.35 * rng.standard_normal(down.shape) * [1, 0.5, 0.6]
    along = down - (down * normal).sum(1, keepdims=True) * normal
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-12
    length = edit.length * weight ** 0.5 * rng.uniform(0.6, 1.15, len(root))
    first = along * (1 - edit.lift) + normal * edit.lift
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    # Past the jaw's edge strands hang instead of curling under.
    second = 0.55 * along + 0.45 * np.array([0.0, 1.0, 0.0]) + 0.12 * normal
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    sunk = root - 0.15 * length[:, None] * normal * edit.lift
    middle = root + 0.5 * length[:, None] * first
    tip = middle + 0.5 * length[:, None] * second
    across = np.cross(along, normal)
    half = 0.5 * edit.width
    points = np.stack([sunk - across * half, sunk + across * half, middle - across * half, middle + across * half,
                       tip - across * half * 0.3, tip + across * half * 0.3], 1)
    tone = np.clip(color[None] * rng.uniform(0.55, 1.45, (len(root), 1)) + 0.02 * rng.standard_normal((len(root), 3)), 0, 1)
    shade = np.array([0.7, 0.7, 1.0, 1.0, 1.2, 1.2])
    colors = np.clip(tone[:, None] * shade[None, :, None], 0, 1)
    base = np.arange(len(root))[:, None] * 6
    triangles = np.concatenate([base + q for q in ([0, 1, 2], [1, 3, 2], [2, 3, 4], [3, 5, 4])])
    segments = np.concatenate([base + [0, 2], base + [2, 4]])
    offset = points - root[:, None]
    return BoundMesh(np.repeat(face, 6), np.repeat(bary, 6, 0), offset.reshape(-1, 3), triangles.astype(np.int64),
                     colors.reshape(-1, 3), segments.astype(np.int64), edit.width)
