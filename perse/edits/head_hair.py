"""Hair of the head as strands that hang: a fringe over the forehead, lengths down to the shoulders.

What hangs beside the neck is bound to the neck and the shoulders, which follow the head by less the lower they are:
when the head turns, hair drapes instead of swinging like a helmet.
"""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

from ..attributes.edit_vocabulary import Locks
from ..face.landmarks import BROW_PEAKS, CHIN, FOREHEAD_TOP
from ..render.geometry import grid_on
from .bound_mesh import LATEST_START, BoundMesh
from .curls import afro, curls
from .hair_tones import shaded, tones
from .head_measures import Head
from .strands import ribbons
from .tied_hair import bun, combed, hairline, ponytail, swept

AXIS_DEPTH = 0.72  # eye distances behind the eyes, of the vertical line that hair hangs around
ANGLES, HEIGHTS = 72, 80  # cells around that line and down it, in which the head's outermost surface is measured
HIGHEST, LOWEST = -1.2, 2.4  # eye distances below the eyes between which it is
ON_SHOULDERS = 0.85  # eye distances below the eyes from which hair rests on neck and shoulders
OFF_EARS = 0.02  # of the ears' weight, below which the shell stays where it is when they are edited
CLOSES = 0.34  # of the way down, by which lengths close in on the neck below the widest point
LOCKS, FRINGE_LOCKS = 56, 19  # that long hair falls in, around the head, and a fringe
FRINGE_GATHERS = 0.45  # of the way to its lock's middle that a strand of a fringe goes; a fork from 0.7 on
GATHERS = (0.8, 2.0)  # of the way to its lock's middle that a strand goes to its tip, and the exponent by which it does so late
LOCK_LIGHT, STRAND_LIGHT = 0.10, 0.10  # standard deviations of the brightness of locks, and of the strands in one
SHINE = (
    (0, 0.1, 0.24, 0.42, 0.7, 1),
    (0.88, 0.98, 1.16, 0.97, 0.9, 1.02),
)  # how bright strands are down their length: light falls on their bend
FACE_SIDE = np.radians(59)  # from straight ahead, within which no long strand hangs: it would lie over the cheek
FRAMES = (0.0, 0.3, 0.14)  # radians by which locks hang farther back than that: at least, as they differ, and as they bend
SHORTEST = 0.5  # eye distances that a strand of long hair is long at least
LAYERS = 0.55  # eye distances by which locks beside the face are shorter at most
DRAPES = (0.45, 0.16)  # of its fall that a strand keeps on a shoulder, and radians by which it turns to chest or back there


def _envelope(head: Head) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """(angle, y) -> distance of the outermost surface (head, neck, shoulders) from the vertical axis. Angle 0 = front."""
    rig = head.rig
    corners = rig.vertices.astype(np.float64)[rig.faces[rig.part_faces("face", "shell", "body")]]
    p = grid_on(corners, 4).reshape(-1, 3) - [0, 0, AXIS_DEPTH]
    column = ((np.arctan2(p[:, 0], -p[:, 2]) / (2 * np.pi) + 0.5) * ANGLES).astype(int) % ANGLES
    row = ((p[:, 1] - HIGHEST) / (LOWEST - HIGHEST) * HEIGHTS).astype(int)
    keep = (row >= 0) & (row < HEIGHTS)
    grid = np.zeros((HEIGHTS, ANGLES))
    np.maximum.at(grid, (row[keep], column[keep]), np.hypot(p[keep, 0], p[keep, 2]))
    grid = np.where(grid > 0, grid, maximum_filter(grid, (3, 3), mode=("nearest", "wrap")))
    grid = gaussian_filter(grid, (0.8, 0.8), mode=("nearest", "wrap"))

    def at(angle, y):
        r = np.clip((y - HIGHEST) / (LOWEST - HIGHEST) * HEIGHTS - 0.5, 0, HEIGHTS - 1.001)
        c = (angle / (2 * np.pi) + 0.5) * ANGLES - 0.5
        r0, c0 = np.floor(r).astype(int), np.floor(c).astype(int)
        fr, fc = r - r0, c - c0
        g = [[grid[np.minimum(r0 + i, HEIGHTS - 1), (c0 + j) % ANGLES] for j in (0, 1)] for i in (0, 1)]
        return (1 - fr) * ((1 - fc) * g[0][0] + fc * g[0][1]) + fr * ((1 - fc) * g[1][0] + fc * g[1][1])

    return at


def long(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """Strands from the sides and the back of the head down to the shoulders."""
    rng = np.random.default_rng(seed)
    rig, count, pieces = head.rig, step.count, 7
    envelope = _envelope(head)
    angle = rng.uniform(np.radians(64), np.radians(296), count)
    angle = np.where(angle > np.pi, angle - 2 * np.pi, angle)
    front = np.clip((np.radians(110) - np.abs(angle)) / np.radians(46), 0, 1)
    first = rng.uniform(-0.50, 0.35, count) + 0.1 * front
    chin = float(rig.vertices[CHIN, 1])
    guide = np.sort(rng.uniform(angle.min(), angle.max(), LOCKS))
    lock = np.abs(angle[:, None] - guide).argmin(1)
    # Locks end where they have grown to, and each in a point.
    off = (angle - guide[lock]) / (np.ptp(angle) / LOCKS)
    last = (
        chin
        + 0.6
        + rng.normal(0, 0.11, LOCKS)[lock]
        + rng.normal(0, 0.03, count)
        - 0.22 * np.minimum(off**2, 1)
        - LAYERS * front * rng.random(LOCKS)[lock]
    )
    last = np.maximum(last, first + SHORTEST)
    t = np.linspace(0, 1, pieces + 1)
    gathers = GATHERS[0] * t ** GATHERS[1]
    y = first[:, None] + (last - first)[:, None] * t
    depth = rng.uniform(0.015, 0.075, count)
    swing = 0.045 * rng.standard_normal((LOCKS, 1)) * np.sin(5 * t + rng.uniform(0, 6, (LOCKS, 1))) * (0.2 + t)
    wave = swing[lock] + 0.012 * rng.standard_normal((count, 1)) * np.sin(7 * t + rng.uniform(0, 6, (count, 1)))
    r = np.empty_like(y)
    r[:, 0] = envelope(angle, y[:, 0]) - 0.05
    lying, turn = np.zeros(count, bool), angle[:, None] + (guide[lock] - angle)[:, None] * gathers + wave
    # Next to the face locks fall behind the cheek, not over it, and no two alike.
    least, differ, bend = FRAMES
    aside = FACE_SIDE + least + differ * np.abs(rng.standard_normal((LOCKS, 1))) + bend * np.sin(3 * t + rng.uniform(0, 6, (LOCKS, 1)))
    turn = np.sign(turn) * np.maximum(np.abs(turn), np.maximum(aside[lock], FACE_SIDE) + 0.03 * rng.random((count, 1)))
    for k in range(1, pieces + 1):
        fall = y[:, k] - y[:, k - 1]
        surface = envelope(turn[:, k], y[:, k]) + depth
        # Below the widest point lengths close in on the neck.
        hang = np.maximum(r[:, k - 1], surface if k == 1 else 0) - CLOSES * fall * (r[:, k - 1] > 0.62)
        lying |= surface > hang + 0.14  # a shoulder: the strand slides off it, to the chest or the back
        y[:, k] = np.where(lying, y[:, k - 1] + DRAPES[0] * fall, y[:, k])
        slides = DRAPES[1] * np.sign(turn[:, k]) * np.where(np.abs(turn[:, k]) < np.pi / 2, -1, 1)
        turn[:, k:] += (lying * slides)[:, None]
        over = np.minimum(envelope(turn[:, k], y[:, k]) + depth, r[:, k - 1] + 0.5 * fall)
        r[:, k] = np.where(lying, over, np.maximum(surface, hang))
    paths = np.stack([(r + wave) * np.sin(turn), y, AXIS_DEPTH - (r + wave) * np.cos(turn)], -1)
    shell, body = rig.part_faces("shell"), rig.part_faces("body")
    # Hair falls over the ears, and stays where it is when they grow or stick out.
    moved = np.zeros(len(rig.vertices))
    moved[head.shaper.shell] = head.shaper.on_shell(head.regions("ear_area"))
    shell = shell[moved[rig.faces[shell]].max(1) < OFF_EARS]
    low = y > ON_SHOULDERS
    root_face = shell[cKDTree(rig.vertices[rig.faces[shell]].mean(1)).query(paths[:, 0])[1]]
    centres = rig.vertices[rig.faces[body]].mean(1)
    # On the neck the height counts: it says how far the head is followed.
    _, nearest = cKDTree(centres * [1.0, 3.0, 1.0]).query(paths.reshape(-1, 3) * [1.0, 3.0, 1.0])
    face = np.where(low, body[nearest].reshape(low.shape), root_face[:, None])
    bary = np.full((*face.shape, 3), 1 / 3)
    anchor = rig.vertices[rig.faces[face]].mean(2).astype(np.float64)
    uv = head.shaper.at[rig.faces[root_face, 0]]
    tone = tones(head, uv, color, rng)
    # Inner strands lie in the shadow of outer ones, and all darken below the jaw.
    shade = (0.66 + 0.44 * (depth - 0.015) / 0.06)[:, None] * (1.05 - 0.22 * np.clip((y - 0.7) / 0.8, 0, 1)) * np.interp(t, *SHINE)
    lit = 1 + LOCK_LIGHT * rng.standard_normal(LOCKS)[lock] + STRAND_LIGHT * rng.standard_normal(count)
    shade = shade * np.clip(lit, 0.6, 1.45)[:, None]
    across = np.stack([np.cos(turn), 0 * turn, np.sin(turn)], -1)
    start = np.minimum(
        0.04 * rng.random((count, 1))
        + 0.08 * rng.random(LOCKS)[lock][:, None]
        + 0.75 * np.clip((y - first.min()) / (chin + 0.6 - first.min()), 0, 1),
        LATEST_START,
    )
    return ribbons(paths, across, step.width, shaded(tone, shade), face, bary, anchor, "hair", start, 0.35)


def fringe(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """Strands from the hairline down over the forehead, to just above the brows."""
    rng = np.random.default_rng(seed)
    rig, count, pieces = head.rig, step.count, 4
    v = rig.vertices.astype(np.float64)
    front = np.flatnonzero((v[:, 2] < 0.75) & (v[:, 1] < 0.4) & (np.arange(len(v)) < head.shaper.shell[-1] + 1))
    depth_at = LinearNDInterpolator(v[front, :2], v[front, 2])
    near = NearestNDInterpolator(v[front, :2], v[front, 2])
    side = rng.uniform(-1, 1, count)
    brow = 0.5 * (v[BROW_PEAKS[1], 1] + v[BROW_PEAKS[0], 1])
    hairline = v[FOREHEAD_TOP, 1] - 0.16
    # It falls in locks: each gathers in a point of its own, is as long as it has grown and as light as it lies.
    guide = np.linspace(-1, 1, FRINGE_LOCKS) + rng.normal(0, 0.4 / FRINGE_LOCKS, FRINGE_LOCKS)
    lock = np.abs(side[:, None] - guide).argmin(1)
    x0 = 0.56 * side
    y0 = hairline + 0.30 * np.abs(side) ** 2.5 + rng.uniform(-0.16, 0.06, count)
    off = np.minimum(np.abs(side - guide[lock]) * FRINGE_LOCKS / 2, 1)
    y1 = brow - 0.02 + 0.10 * np.abs(side) ** 2 + rng.normal(0, 0.045, FRINGE_LOCKS)[lock] - 0.09 * off**2 + rng.normal(0, 0.02, count)
    t = np.linspace(0, 1, pieces + 1)
    y = y0[:, None] + (y1 - y0)[:, None] * t
    sweeps = rng.normal(0, 0.045, FRINGE_LOCKS)[lock] + rng.normal(0, 0.015, count)
    gathered = x0[:, None] + 0.56 * (guide[lock] - side)[:, None] * FRINGE_GATHERS * t ** GATHERS[1]
    x = gathered * (1 + 0.10 * t) + sweeps[:, None] * t**1.5
    z = depth_at(x, y)
    z = np.where(np.isfinite(z), z, near(x, y))
    height = rng.uniform(0.012, 0.055, count)
    # Roots lie in the hair that is there: no line where it begins.
    stand = np.interp(t, [0, 0.2, 0.6, 1.0], [-0.05, 0.35, 1.0, 0.55])
    paths = np.stack([x, y, z - height[:, None] * stand - 0.012 * (t > 0)], -1)
    paths[:, 0, 2] += 0.03
    shell = rig.part_faces("shell")
    root_face = shell[cKDTree(v[rig.faces[shell]].mean(1)).query(paths[:, 0])[1]]
    face = np.repeat(root_face[:, None], pieces + 1, 1)
    bary = np.full((*face.shape, 3), 1 / 3)
    anchor = v[rig.faces[face]].mean(2)
    tone = tones(head, head.shaper.at[rig.faces[root_face, 0]], color, rng)
    shade = (0.84 + 0.22 * (height - 0.012) / 0.043)[:, None] * np.interp(t, [0, 0.35, 0.6, 1], [0.95, 1.12, 1.0, 0.88])
    lit = 1 + LOCK_LIGHT * rng.standard_normal(FRINGE_LOCKS)[lock] + STRAND_LIGHT * rng.standard_normal(count)
    shade = shade * np.clip(lit, 0.6, 1.45)[:, None]
    start = np.minimum(0.15 * rng.random((count, 1)) + 0.75 * t, LATEST_START)
    return ribbons(
        paths, np.tile([1.0, 0.0, 0.0], (count, 1)), step.width, tone[:, None] * shade[..., None], face, bary, anchor, "hair", start, 0.35
    )


# Cuts by the name that a catalogue entry gives.
CUTS: dict[str, Callable[[Head, Locks, np.ndarray, int], BoundMesh | None]] = {
    "long": long,
    "fringe": fringe,
    "combed": combed,
    "swept": swept,
    "hairline": hairline,
    "ponytail": ponytail,
    "bun": bun,
    "curls": curls,
    "afro": afro,
}
