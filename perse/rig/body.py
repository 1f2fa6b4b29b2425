"""Neck, shoulders and chest: a stack of elliptical rows whose widths are those of the portrait's outline."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..render.camera import Camera

ROWS = 28
ANGLES = 40
NECK_DEPTH = 0.80  # how far behind the eyes the neck's axis runs
LEAN = 1.6  # of the throat, backwards for every step upwards, above the chin
EXTRA = 0.9  # eye distances of bust added below the crop


@dataclass
class Body:
    """Vertices (ROWS * ANGLES, 3) in the head frame, faces, rows' height below the chin (ROWS,) in eye distances."""

    vertices: np.ndarray
    faces: np.ndarray
    below_chin: np.ndarray


def build_body(face: np.ndarray, camera: Camera, person: np.ndarray, neck: np.ndarray, clothes: np.ndarray) -> Body:
    """Wrap rows around the person below the jaw.

    Args:
        face: (468+, 3) head frame.
        camera: the portrait's.
        person: (S, S) alpha without hair that stands clear of the bust; neck, clothes: (S, S) masks.
    """
    size = person.shape[0]
    chin_xy, chin_z = camera.project(face[[152]])
    axis_z = float(camera.to_camera(np.array([[0.0, 0.9, NECK_DEPTH]]))[0, 2])
    unit = camera.K[0, 0] / axis_z  # pixels per eye distance at the neck's axis
    chin_y = float(chin_xy[0, 1])
    jaw, _ = camera.project(face[[172, 397]])
    default = 0.42 * np.linalg.norm(jaw[1] - jaw[0]) / unit
    centre_x = float(camera.project(np.array([[0.0, 1.15, 0.62]]))[0][0, 0])

    first, last = int(chin_y - 0.75 * unit), int(size - 1)
    ys = np.arange(first, max(last, first + 8))
    left, right = np.full(len(ys), np.nan), np.full(len(ys), np.nan)
    for n, y in enumerate(ys):
        if not chin_y - 0.1 * unit <= y < size:
            continue
        source = neck if y < chin_y + 0.12 * unit and neck[y].max() > 0.5 else person
        xs = np.flatnonzero(source[y] > 0.5)
        # Only the run of pixels around the neck's axis: a raised hand or a second person is not the bust.
        if len(xs):
            runs = np.split(xs, np.flatnonzero(np.diff(xs) > 0.08 * unit) + 1)
            run = min(runs, key=lambda q: max(q[0] - centre_x, centre_x - q[-1], 0))
            if run[0] - 0.3 * unit < centre_x < run[-1] + 0.3 * unit:
                left[n], right[n] = run[0], run[-1] + 1
    half, middle = (right - left) / 2 / unit, (right + left) / 2
    known = np.flatnonzero(np.isfinite(half))
    if len(known):
        neck_rows = known[ys[known] < chin_y + 0.25 * unit]
        width = float(np.clip(np.median(half[neck_rows]) if len(neck_rows) else default, 0.75 * default, 1.25 * default))
        half = np.interp(np.arange(len(ys)), known, half[known])
        middle = np.interp(np.arange(len(ys)), known, middle[known])
    else:
        width, half, middle = default, np.full(len(ys), default), np.full(len(ys), centre_x)
    hidden = ys < chin_y + 0.05 * unit
    half[hidden] = np.clip(half[hidden], 0, width)
    half[ys < chin_y - 0.05 * unit] = width
    half = np.maximum(half, 0.8 * width)
    middle[ys < chin_y] = np.interp(ys[ys < chin_y], [first, chin_y], [centre_x, middle[np.argmax(ys >= chin_y)]])
    _collars(ys, half, middle, clothes, chin_y + 0.05 * unit, unit, centre_x)

    extra = int(EXTRA * unit)
    grow = np.linspace(0, 1, extra)
    end = max(half[-max(4, len(half) // 20):].mean(), 1.35)
    half = np.concatenate([half, half[-1] + (max(end * 1.15, half[-1]) - half[-1]) * grow])
    middle = np.concatenate([middle, np.full(extra, middle[-1])])
    ys = np.concatenate([ys, ys[-1] + 1 + np.arange(extra)])
    half = gaussian_filter1d(half, 0.02 * unit, mode="nearest")
    middle = gaussian_filter1d(middle, 0.06 * unit, mode="nearest")

    # Rows at equal steps along the outline, so that a flat shoulder gets as many as a long neck.
    arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(half), np.diff(ys) / unit))])
    at = np.interp(np.linspace(0, arc[-1], ROWS), arc, np.arange(len(ys)))
    row_y = np.interp(at, np.arange(len(ys)), ys)
    row_w = np.interp(at, np.arange(len(ys)), half)
    row_x = np.interp(at, np.arange(len(ys)), middle)

    spread = np.clip((row_w - width) / (1.6 - 0.5), 0, 1)
    depth = np.minimum(row_w, width + (0.82 - width) * spread * (2 - spread))
    # Above the chin the throat leans back to the base of the skull: it must not stand in the open mouth. The nape stays.
    lean = np.minimum(LEAN * np.clip((chin_y - row_y) / unit, 0, None), 1.5 * depth)
    depth = depth - lean / 2
    axis = axis_z + 0.06 * spread + lean / 2
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)  # 0 = towards the camera, then to the picture's right
    x = (row_x[:, None] - camera.K[0, 2]) / unit + row_w[:, None] * np.sin(angle)
    # A little squarer than an ellipse: chests are flat in front.
    z = axis[:, None] - depth[:, None] * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8
    y = np.broadcast_to(((row_y - camera.K[1, 2]) / unit)[:, None], x.shape)
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    rotation, shift = camera.viewmat[:3, :3].astype(np.float64), camera.viewmat[:3, 3].astype(np.float64)
    vertices = (points - shift) @ rotation

    faces = []
    for r in range(ROWS - 1):
        a = r * ANGLES + np.arange(ANGLES)
        b = r * ANGLES + (np.arange(ANGLES) + 1) % ANGLES
        faces += [np.stack([a, b, a + ANGLES], 1), np.stack([b, b + ANGLES, a + ANGLES], 1)]
    return Body(vertices, np.concatenate(faces), (row_y - chin_y) / unit)


def _collars(ys: np.ndarray, half: np.ndarray, middle: np.ndarray, clothes: np.ndarray, until: float, unit: float,
             centre_x: float) -> None:
    """Widen the rows above the chin where a collar, a hood or high shoulders show beside the face (in place)."""
    for n in np.flatnonzero((ys >= 0) & (ys < min(until, len(clothes)))):
        xs = np.flatnonzero(clothes[ys[n]] > 0.5)
        xs = xs[np.abs(xs - centre_x) < 2.6 * unit]
        if len(xs) > 0.1 * unit:
            low = min(xs[0], middle[n] - half[n] * unit)
            high = max(xs[-1] + 1, middle[n] + half[n] * unit)
            half[n], middle[n] = (high - low) / 2 / unit, (high + low) / 2
