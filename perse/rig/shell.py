"""The head behind the face: skull, hair volume, ears' sides and the underside of the jaw as one closed shell.

36 profiles start at the face-oval landmarks, swell to the outline that the portrait shows (hair included), and close
at a pole behind the head. Seen from the front every profile is a straight ray, so the shell is a height field around
the head's axis: no folds, no holes, a clean texture chart (profile number x position along the profile).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates, median_filter

from ..face.landmarks import OVAL
from ..render.camera import Camera
from ..smooth_ramps import smooth_step

RINGS = 16  # rings of vertices behind the oval, the pole not counted
OUTLINE_RING = 8  # the ring that lies on the portrait's outline
AXIS = np.array([0.0, 0.12])  # x, y of the head's axis
OUTLINE_DEPTH, CROWN_DEPTH = 0.8, 0.35  # of the outline beside and on top of the head: which of its points stay on it while the head nods
BACK_DEPTH = 1.75
CROWN = 1.1  # eye line to crown of a bald head
HALF_WIDTH = 0.82
EAR = (0.88, 0.20, 0.66)  # the middle of the left one on the shell, eye distances; the right one is its mirror image
LAG = 0.9  # share of the head's turns that the ends of hanging hair do not follow
BELOW_EYES, BESIDE_JAW = (0.2, 0.9), (0.65, 0.90)  # eye distances over which that sets in: downwards, and outwards from the middle


@dataclass
class Shell:
    """Shell vertices (36 * RINGS + 1, 3), faces over [oval vertices, shell vertices], outline radius (36,), head (36 * RINGS + 1,):
    how far the vertices follow the head's turns; hair that hangs beside the jaw lags behind."""

    vertices: np.ndarray
    faces: np.ndarray
    outline: np.ndarray
    head: np.ndarray


def _outline(face: np.ndarray, camera: Camera, head_mask: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Radius (36,) at which each profile meets the outline of the head mask (S, S)."""
    rays = face[OVAL, :2] - AXIS
    start = np.linalg.norm(rays, axis=1)
    rays = rays / start[:, None]
    steps = np.arange(0.0, 2.2, 0.01)
    radius = np.empty(len(OVAL))
    size = head_mask.shape[0]
    for i in range(len(OVAL)):
        r = start[i] - 0.03 + steps
        points = np.column_stack([AXIS + rays[i] * r[:, None], np.full(len(r), depth[i])])
        xy, _ = camera.project(points)
        value = map_coordinates(head_mask, [xy[:, 1] - 0.5, xy[:, 0] - 0.5], order=1, mode="nearest")
        inside = (xy > 1).all(1) & (xy < size - 1).all(1)
        open_run = np.convolve(value < 0.3, np.ones(6), "full")[: len(value)] >= 6
        end = np.argmax(open_run) if open_run.any() else len(value)
        if not inside[:end].all():
            end = np.argmin(inside)
        covered = np.flatnonzero(value[:end] >= 0.3)
        radius[i] = r[covered[-1]] if len(covered) else start[i]
    return radius


def build_shell(face: np.ndarray, camera: Camera, head_mask: np.ndarray, hair_mask: np.ndarray) -> Shell:
    """Grow the shell around one person's face.

    Args:
        face: (468+, 3) head frame.
        camera: the portrait's.
        head_mask: (S, S) hair and bare skin of the head, neck and clothes excluded.
        hair_mask: (S, S) hair alone.
    """
    oval = face[OVAL]
    rays = oval[:, :2] - AXIS
    start = np.linalg.norm(rays, axis=1)
    direction = rays / start[:, None]
    from_chin = np.degrees(np.arccos(np.clip(direction[:, 1], -1, 1)))
    upper = smooth_step(from_chin, 35, 70)  # 0 under the chin, 1 from the ears up
    top = smooth_step(from_chin, 115, 155)
    depth = (1 - upper) * (oval[:, 2] + 0.08) + upper * (OUTLINE_DEPTH + (CROWN_DEPTH - OUTLINE_DEPTH) * top)

    measured = _outline(face, camera, head_mask, depth)
    skull = 1 / np.sqrt((direction[:, 0] / HALF_WIDTH) ** 2 + (direction[:, 1] / np.where(direction[:, 1] < 0, CROWN + AXIS[1], 1.3)) ** 2)
    jaw = start + 0.015
    radius = np.where(upper > 0, np.maximum(measured, jaw), jaw)
    radius = (1 - upper) * jaw + upper * np.maximum(radius, np.minimum(skull, start + 0.25))
    # Hair that hangs beside the jaw is part of the shell too, though skin there is not.
    curtain_depth = np.maximum(depth, oval[:, 2] + 0.25)
    curtain = _outline(face, camera, hair_mask, curtain_depth)
    hangs = (from_chin > 22) & (from_chin < 75) & (curtain > np.maximum(radius, start) + 0.05)
    radius = np.where(hangs, np.minimum(curtain, 1.9), radius)
    depth = np.where(hangs, curtain_depth, depth)
    radius = median_filter(radius, 3, mode="wrap")
    radius = np.maximum(gaussian_filter1d(radius, 0.7, mode="wrap"), jaw)

    # Long hair falls straight from the back of the head: below the ears the shell is boxier, for the curtain to go on without a waist.
    falls = gaussian_filter1d(hangs.astype(np.float64), 1.0, mode="wrap")

    volume = max(0.0, radius[np.argmin(direction[:, 1])] - (CROWN + AXIS[1]))
    back = BACK_DEPTH + 0.6 * min(volume, 0.6)
    pole = np.array([0.0, 0.02, back])
    rings = []
    for k in range(1, RINGS + 1):
        if k <= OUTLINE_RING:
            t = k / OUTLINE_RING
            # Quadratic Bezier: leaves the forehead outwards, reaches the outline heading straight back.
            control = oval[:, 2] + 0.3 * (depth - oval[:, 2])
            r = (1 - t) ** 2 * start + 2 * t * (1 - t) * (0.75 * radius + 0.25 * start) + t * t * radius
            z = (1 - t) ** 2 * oval[:, 2] + 2 * t * (1 - t) * control + t * t * depth
            centre = np.broadcast_to(AXIS, (len(OVAL), 2))
        else:
            angle = (k - OUTLINE_RING) / (RINGS + 1 - OUTLINE_RING) * np.pi / 2
            r = radius * np.cos(angle) ** (0.85 - 0.25 * top - 0.45 * falls)
            z = depth + (back - depth) * np.sin(angle) ** (0.95 - 0.35 * falls)
            centre = AXIS + (pole[:2] - AXIS) * np.sin(angle) ** 2
            centre = np.broadcast_to(centre, (len(OVAL), 2))
        rings.append(np.column_stack([centre + direction * r[:, None], z]))
    vertices = np.concatenate(rings + [pole[None]])
    hanging = np.append(np.tile(falls, RINGS), 0) * smooth_step(np.abs(vertices[:, 0]), *BESIDE_JAW)
    return Shell(vertices, _faces(), radius, 1 - LAG * hanging * smooth_step(vertices[:, 1], *BELOW_EYES))


def _faces() -> np.ndarray:
    """Triangles (F, 3) over ring-major vertices, ring 0 being the oval, wound like the face's (outwards)."""
    n = len(OVAL)
    column = np.arange(n)
    following = (column + 1) % n
    faces = []
    for k in range(RINGS):
        a, b = k * n + column, k * n + following
        c, d = a + n, b + n
        faces += [np.stack([a, b, c], 1), np.stack([b, d, c], 1)]
    last = RINGS * n
    pole = np.full(n, (RINGS + 1) * n)
    faces.append(np.stack([last + column, last + following, pole], 1))
    return np.concatenate(faces)
