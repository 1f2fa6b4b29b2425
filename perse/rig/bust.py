"""Neck, shoulders and chest of one person: the likely ones, as wide as the portrait shows them, and the hair that hangs over them.

The surface is a grid: columns around the neck, rows down from the line at which the head ends. In every row the anatomical bust is
widened or narrowed to the outline that the matte shows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..face.landmarks import CHIN
from ..render.camera import Camera
from ..render.geometry import grid_on
from ..smooth_ramps import smooth_step
from .anatomy.prior import LikelyHead, upright
from .anatomy.template import head_template
from .hair_fall import Fall

ROWS = 28
ANGLES = 40
AROUND, STEP = 80, 0.05  # cells around the neck, and the height of one, eye distances, in which the anatomical bust is measured
LEVELS = 120  # heights at which its width is compared with the portrait's
SAMPLES = 6  # points along a triangle's side that are measured
EXTRA = 0.35  # eye distances of bust added below what the portrait shows
LEAST = 1.0  # eye distances from the chin to the end of any bust
REACH = 2.6  # eye distances from the neck to the end of the widest shoulders
CLOTHED = 0.35  # of what clothes add to the width, how much they add to the depth
WIDER = (1.25, 1.85)  # times as wide as the neck, over which a bust is no neck any more and stays when the head turns
JOINS = 0.12  # share of the way down over which a bust takes on the shape that the head ends with


@dataclass
class Bust:
    """Vertices (ROWS * ANGLES, 3) in the head frame, column 0 in front; faces; head (ROWS * ANGLES,): how far they follow the head."""

    vertices: np.ndarray
    faces: np.ndarray
    head: np.ndarray


@dataclass
class Sections:
    """An anatomical bust by height and angle: radius (H, AROUND) from its axis, and follows (H, AROUND), how far it follows the head.

    top: y of the first row of cells; axis (H, 2): x and z of the axis.
    """

    top: float
    axis: np.ndarray
    radius: np.ndarray
    follows: np.ndarray

    def at(self, sheet: np.ndarray, angle: np.ndarray, y: np.ndarray) -> np.ndarray:
        """What a sheet (H, AROUND) holds at angles and heights (...)."""
        x = (np.asarray(angle) / (2 * np.pi) % 1) * AROUND + AROUND
        row = np.clip((np.asarray(y) - self.top) / STEP, 0, len(sheet) - 1)
        x, row = np.broadcast_arrays(x, row)
        shape = x.shape
        flat = cv2.remap(
            np.tile(sheet, (1, 3)).astype(np.float32),
            x.reshape(shape[0], -1).astype(np.float32),
            row.reshape(shape[0], -1).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return flat.reshape(shape).astype(np.float64)

    def centre(self, y: np.ndarray) -> np.ndarray:
        """x and z (..., 2) of the axis at heights (...)."""
        row = np.clip((np.asarray(y) - self.top) / STEP, 0, len(self.axis) - 1)
        return np.stack([np.interp(row, np.arange(len(self.axis)), self.axis[:, k]) for k in (0, 1)], -1)


def sections(bust: np.ndarray) -> Sections:
    """Measure an anatomical bust (W, 3) around its axis."""
    template = head_template()
    corners = bust[template.bust_faces]
    points = grid_on(corners, SAMPLES).reshape(-1, 3)
    follows = grid_on(np.repeat(template.bust_follows[template.bust_faces][..., None], 3, 2), SAMPLES).reshape(-1, 3)[:, 0]
    top = float(points[:, 1].min())
    height = int(np.ceil((points[:, 1].max() - top) / STEP))
    row = np.minimum(((points[:, 1] - top) / STEP).astype(int), height - 1)
    # The axis runs through the middle of the neck, and straight down from where shoulders begin.
    axis = np.zeros((height, 2))
    for r in range(height):
        level = points[np.abs(row - r) <= 2]
        near = level[np.abs(level[:, 0]) < 1.0]
        axis[r] = (near[:, [0, 2]].min(0) + near[:, [0, 2]].max(0)) / 2 if len(near) > 8 else axis[max(r - 1, 0)]
    axis[:, 0] = np.median(axis[:, 0])
    axis = gaussian_filter1d(axis, 3, axis=0, mode="nearest")
    away = points[:, [0, 2]] - axis[row]
    column = ((np.arctan2(away[:, 0], -away[:, 1]) / (2 * np.pi)) % 1 * AROUND).astype(int) % AROUND
    radius, carried = np.zeros((height, AROUND)), np.zeros((height, AROUND))
    distance = np.hypot(*away.T)
    np.maximum.at(radius, (row, column), distance)
    at_surface = distance > 0.9 * radius[row, column]
    total = np.zeros_like(radius)
    np.add.at(carried, (row[at_surface], column[at_surface]), follows[at_surface])
    np.add.at(total, (row[at_surface], column[at_surface]), 1)
    known = radius > 0
    for sheet in (radius, carried):
        if sheet is carried:
            sheet /= np.maximum(total, 1)
        for c in range(AROUND):
            rows = np.flatnonzero(known[:, c])
            sheet[:, c] = np.interp(np.arange(height), rows, sheet[rows, c]) if len(rows) else 0
    radius = np.minimum(radius, REACH)
    smooth = [gaussian_filter1d(gaussian_filter1d(s, 0.8, axis=0, mode="nearest"), 0.7, axis=1, mode="wrap") for s in (radius, carried)]
    return Sections(top + STEP / 2, axis, *smooth)


def build_bust(face: np.ndarray, likely: LikelyHead, ring: np.ndarray, ring_follows: np.ndarray, camera: Camera, masks: dict) -> Bust:
    """Wrap rows around the person below the head.

    Args:
        face: (468+, 3) head frame.
        likely: the anatomical head of the person.
        ring: (L, 3) where the head ends, in any order; ring_follows (L,): how far that follows the head's turns.
        camera: the portrait's.
        masks: (S, S) by name: person, clothes, hair.
    """
    turn = camera.viewmat[:3, :3].astype(np.float64)
    measured = sections(upright(likely.bust, head_template().bust_follows, turn))
    ring, chin = ring @ turn.T, face[CHIN] @ turn.T
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
    neck = np.array([*measured.centre(np.array(chin[1] + 0.4)), chin[1] + 0.4])[[0, 2, 1]]
    unit = camera.K[0, 0] / float(neck[2] + camera.viewmat[2, 3])  # pixels per eye distance at the neck
    middle = camera.project((neck @ turn)[None])[0][0]
    chin_pixel = np.array([middle[0], middle[1] - 0.4 * unit])  # as if it were as far away as the neck
    fall = Fall.of(masks["person"], masks["clothes"], masks["hair"], chin=chin_pixel, centre=float(middle[0]), unit=unit)
    shown = np.flatnonzero((masks["person"] > 0.5).any(1))
    lowest = float(shown[-1]) if len(shown) else chin_pixel[1]
    end = chin[1] + max((lowest - chin_pixel[1]) / unit + EXTRA, LEAST)

    # Row 0 is where the head ends.
    centre = measured.centre(ring[:, 1])
    around = np.arctan2(ring[:, 0] - centre[:, 0], -(ring[:, 2] - centre[:, 1])) % (2 * np.pi)
    order = np.argsort(around)

    def along(values: np.ndarray) -> np.ndarray:
        return np.interp(angle, around[order], values[order], period=2 * np.pi)

    top = np.stack([along(ring[:, k]) for k in range(3)], -1)
    share = _spaced(measured, top[:, 1], end)
    y = top[None, :, 1] + share[:, None] * (end - top[None, :, 1])
    radius = measured.at(measured.radius, np.broadcast_to(angle, y.shape), y)
    x, z = radius * np.sin(angle), -radius * np.cos(angle)

    # As wide as the portrait shows it, on both sides.
    levels = np.linspace(top[:, 1].min(), end, LEVELS)
    half = np.stack([measured.at(measured.radius, np.full((1, LEVELS), side), levels[None])[0] for side in (-np.pi / 2, np.pi / 2)], -1)
    width = fall.widths(half, levels - chin[1])
    left, right = (np.interp(y, levels, width[:, k] / half[:, k]) for k in (0, 1))
    wide = 1 + (np.where(np.sin(angle) < 0, left, right) - 1) * np.sqrt(np.abs(np.sin(angle)))
    x, z = fall.over(x * wide, z * (1 + CLOTHED * np.maximum(wide - 1, 0)), y - chin[1])
    axis = measured.centre(y)
    points = np.stack([x + axis[..., 0], y, z + axis[..., 1]], -1)
    joined = smooth_step(share, 0, JOINS)[:, None]
    points = points + (1 - joined[..., None]) * (top - points[0])
    # What lies below a collar stays, even where the bust is narrow again.
    thick = np.interp(y.mean(1), levels, width.max(1)) / np.median(half[: LEVELS // 5])
    narrow = np.minimum.accumulate(1 - smooth_step(thick, *WIDER))[:, None]
    follows = measured.at(measured.follows, np.broadcast_to(angle, y.shape), y) * narrow
    follows = np.minimum.accumulate(joined * follows + (1 - joined) * along(ring_follows), axis=0)
    return Bust(points.reshape(-1, 3) @ turn, _faces(), follows.ravel())


def _spaced(measured: Sections, top: np.ndarray, end: float) -> np.ndarray:
    """Shares (ROWS,) of the way down at which rows lie: at equal steps along the outline, so that a flat shoulder gets as many as a neck."""
    t = np.linspace(0, 1, 200)
    y = top.mean() + t * (end - top.mean())
    reach = measured.at(measured.radius, np.full((1, len(t)), np.pi / 2), y[None])[0]
    arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(reach), np.diff(y)))])
    return np.interp(np.linspace(0, arc[-1], ROWS), arc, t)


def _faces() -> np.ndarray:
    faces = []
    for r in range(ROWS - 1):
        a = r * ANGLES + np.arange(ANGLES)
        b = r * ANGLES + (np.arange(ANGLES) + 1) % ANGLES
        faces += [np.stack([a, b, a + ANGLES], 1), np.stack([b, b + ANGLES, a + ANGLES], 1)]
    return np.concatenate(faces)
