"""Curls: locks that wind down over the head, and the small coils of an afro. They hang on the hair that they grow from."""

import numpy as np

from ..attributes.edit_vocabulary import Locks
from ..render.geometry import interpolated, triangle_normals, unit
from ..rig.skeleton import PART
from ..texture.atlas import ATLAS, sample
from .bound_mesh import LATEST_START, BoundMesh
from .hair_tones import shaded, tones
from .head_measures import Head
from .strands import ribbons

DOWN, UP = np.array([0.0, 1.0, 0.0]), np.array([0.0, -1.0, 0.0])
LENGTH = (0.45, 0.95)  # eye distances, of a curl that hangs
WINDING = (0.035, 0.06)  # its radius, eye distances
TURNS = (1.6, 2.6)  # of a curl
COIL = (0.04, 0.085)  # radius of an afro's coils, eye distances
STANDS = ((-0.03, 0.02), (0.03, 0.09))  # eye distances over the hair at which they lie, below, in the shade of the others, and above
BELOW, IN_SHADE = 0.45, (0.46, 0.7)  # share of those below; how bright they are
COILS_DIFFER = 0.16  # standard deviation of the brightness of those above
FRONT = 0.35  # eye distances behind the eyes, before which hair is seen from the front
CLEAR, BEFORE = 0.62, 0.5  # eye distances to either side, and behind the eyes, within which no curl hangs over the face


def _roots(
    head: Head, count: int, rng: np.random.Generator, inside: float = 1.3, over_brows: float = 0.3, front: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Triangles (S,), barycentric coordinates (S, 3), points (S, 3) and normals (S, 3) of roots all over the hair; inside: 1.3 keeps off its
    edge, 1 less so; over_brows: eye distances down to which they stand in a fringe; front: how much denser they stand before the eyes."""
    rig = head.rig
    parts = rig.part_faces("face", "shell")
    corners = rig.vertices[rig.faces[parts]].astype(np.float64)
    weight = sample(head.regions("upper_hair"), rig.uvs[parts].mean(1)[None] * ATLAS)[0]
    share = np.linalg.norm(triangle_normals(corners), axis=1) * np.clip(2.5 * weight - inside, 0, 1)
    share *= corners.mean(1)[:, 1] < np.where(rig.face_part[parts] == PART["face"], head.brow - over_brows, np.inf)
    share *= np.where(corners.mean(1)[:, 2] < FRONT, front, 1.0)
    if share.sum() <= 0:  # a bald head grows them on its crown
        share = np.linalg.norm(triangle_normals(corners), axis=1) * (corners.mean(1)[:, 1] < -0.5)
    chosen = rng.choice(len(parts), count, p=share / share.sum())
    bary = rng.dirichlet([1.0, 1.0, 1.0], count)
    face = parts[chosen]
    normal = unit(interpolated(rig.vertex_normals[rig.faces[face]].astype(np.float64), bary))
    return face, bary, interpolated(corners[chosen], bary), normal


def _bound(
    head: Head,
    roots: tuple,
    paths: np.ndarray,
    across: np.ndarray,
    step: Locks,
    shade: np.ndarray,
    start: np.ndarray,
    color: np.ndarray,
    rng: np.random.Generator,
) -> BoundMesh:
    """Strands (S, K + 1, 3) that hang on their roots."""
    face, bary, root, _ = roots
    points = paths.shape[1]
    tone = tones(head, head.rig.uvs_on(face, bary) * ATLAS, color, rng)

    def along(x):
        return np.repeat(x[:, None], points, 1)

    width = step.width * rng.uniform(0.7, 1.3, len(root))
    return ribbons(paths, across, width, shaded(tone, shade), along(face), along(bary), along(root), "hair", start, 0.5)


def curls(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """Locks that wind down over the hair, to neck and shoulders."""
    rng = np.random.default_rng(seed)
    count, pieces = 2 * step.count, 8  # half of them would hang before the face
    face, bary, root, normal = _roots(head, count, rng)
    # The line around which a lock winds: it falls over the head, never into it.
    length, lies = rng.uniform(*LENGTH, count)[:, None], rng.uniform(0.02, 0.09, count)[:, None]
    line, at = [], root + 0.01 * normal
    for _ in range(pieces + 1):
        line.append(at)
        way = np.tile(DOWN, (count, 1)) + 0.45 * normal * (len(line) < 4)
        azimuth, elevation, distance = head.aim(at := at + length / pieces * unit(way))
        surface = head.radius(azimuth[:, None], elevation[:, None], "own") + lies
        out = np.maximum(distance[:, None], surface * (elevation[:, None] > np.radians(-28)))
        at = head.middle + out * head.direction(azimuth, elevation)
    middle = np.stack(line, 1)
    before = (middle[..., 2] < BEFORE) & (np.abs(middle[..., 0]) < CLEAR) & (middle[..., 1] > head.brow - 0.25)
    kept = np.flatnonzero(~before.any(1))[: step.count]
    count = len(kept)
    roots = face, bary, root, normal = face[kept], bary[kept], root[kept], normal[kept]
    middle, lies = middle[kept], lies[kept]
    t = np.linspace(0, 1, pieces + 1)
    heading = unit(np.gradient(middle, axis=1).reshape(-1, 3)).reshape(middle.shape)
    one = unit(np.cross(heading.reshape(-1, 3), np.repeat(normal, pieces + 1, 0) + [1e-3, 0, 2e-3])).reshape(middle.shape)
    other = np.cross(heading, one)
    sense = np.where(rng.random((count, 1)) < 0.5, -1, 1)
    turn = rng.uniform(0, 2 * np.pi, (count, 1)) + sense * 2 * np.pi * rng.uniform(*TURNS, (count, 1)) * t
    wide = rng.uniform(*WINDING, (count, 1)) * np.interp(t, [0, 0.25, 1], [0.2, 1.0, 0.9])
    radial = np.cos(turn)[..., None] * one + np.sin(turn)[..., None] * other
    paths = middle + wide[..., None] * radial
    # The near side of a winding is lit, its far side lies in its own shade.
    outward = (radial * normal[:, None]).sum(-1)
    shade = (0.84 + 0.30 * outward) * np.interp(lies, [0.02, 0.09], [0.8, 1.1]) * (1 + 0.1 * radial @ UP)
    start = np.minimum(0.20 * rng.random((count, 1)) + 0.55 * t, LATEST_START)
    return _bound(head, roots, paths, np.cross(heading, radial), step, shade, start, color, rng)


def afro(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """Small coils all over the hair, without a direction."""
    rng = np.random.default_rng(seed)
    count, pieces = step.count, 3
    roots = face, bary, root, normal = _roots(head, count, rng, 1.0, front=2.2)
    t = np.linspace(0, 1, pieces + 1)
    one = unit(np.cross(normal, unit(rng.standard_normal((count, 3)))))
    # The plane of a coil stands more or less upright.
    other = unit(np.cross(normal, one) + rng.uniform(0.2, 2.0, (count, 1)) * normal)
    turn = rng.uniform(0, 2 * np.pi, (count, 1)) + np.pi * rng.uniform(1.2, 1.9, (count, 1)) * t
    below = rng.random((count, 1)) < BELOW
    wide, stands = rng.uniform(*COIL, (count, 1)), np.where(below, *(rng.uniform(*at, (count, 1)) for at in STANDS))
    radial = np.cos(turn)[..., None] * one[:, None] + np.sin(turn)[..., None] * other[:, None]
    paths = (root + stands * normal)[:, None] + wide[..., None] * radial
    height = stands + wide * (radial * normal[:, None]).sum(-1)
    lit = np.interp(height, [-0.02, 0.14], [0.75, 1.25]) * (1 + COILS_DIFFER * rng.standard_normal((count, 1)).clip(-2, 2))
    shade = np.where(below, rng.uniform(*IN_SHADE, (count, 1)), lit) * (1 + 0.16 * radial @ UP)
    start = np.minimum(0.5 * rng.random((count, 1)) + 0.2 * t, LATEST_START)
    heading = unit(np.gradient(paths, axis=1).reshape(-1, 3)).reshape(paths.shape)
    return _bound(head, roots, paths, np.cross(heading, unit(radial.reshape(-1, 3)).reshape(radial.shape)), step, shade, start, color, rng)
