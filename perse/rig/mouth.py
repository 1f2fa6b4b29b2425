"""The mouth's inside: a closed cavity sewn to the inner lips, two rows of teeth, a tongue.

Proportions are those of a grown-up's mouth (Wheeler's dental anatomy), in shares of the mouth's width of about 50 mm.
"""

from dataclasses import dataclass

import numpy as np

from .topology import LIPS, MOUTH_RING

CAVITY_RINGS = 4
TOOTH_COLUMNS, TOOTH_ROWS = 24, 5
TONGUE_COLUMNS, TONGUE_ROWS = 12, 10
BEHIND_LIPS = 0.085  # eye distances from the lips' edge back to the upper front teeth
OVERJET = 0.028  # how far the lower front teeth stand behind the upper ones
ARCH_WIDTH, ARCH_DEPTH = 0.47, 1.45  # half width at the molars; z = depth * x^2
SHOWING = 0.10  # how far the upper teeth reach below a resting upper lip
CROWN, GUM = 0.20, 0.08
JAW_ARM = 1.1  # eye distances from the jaw's joint to the lower lip
OPEN_MOUTH = 0.06  # gap over width from which a portrait shows what lies between its lips


@dataclass
class Patch:
    """Vertices (V, 3) head frame, faces (F, 3), chart (V, 2) in [0, 1], jaw (V,): 1 moves with the jaw, 0 with the skull."""

    vertices: np.ndarray
    faces: np.ndarray
    chart: np.ndarray
    jaw: np.ndarray


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (r * columns + c).ravel()
    return np.concatenate([np.stack([a, a + 1, a + columns], 1), np.stack([a + 1, a + columns + 1, a + columns], 1)])


def mouth_opening(face: np.ndarray) -> float:
    """Gap between the inner lips as a share of the mouth's width."""
    return float(np.linalg.norm(face[13] - face[14]) / np.linalg.norm(face[78] - face[308]))


def build_cavity(face: np.ndarray) -> Patch:
    """A bag behind the lips. Its first ring repeats the inner-lip landmarks (the rig moves it along with them)."""
    ring = face[MOUTH_RING]
    centre = ring.mean(0)
    width = np.linalg.norm(face[78] - face[308])
    rings, charts, jaws = [ring], [], []
    count = len(ring)
    lower = np.array([1.0 if i in LIPS["lower_inner"][1:-1] else (0.5 if i in (78, 308) else 0.0) for i in MOUTH_RING])
    vertical = np.where(np.isin(MOUTH_RING, LIPS["upper_inner"][1:-1]), -1.0, 1.0)
    vertical[np.isin(MOUTH_RING, [78, 308])] = 0
    for scale, back, rise, sink in ((1.04, 0.10, 0.10, 0.02), (1.08, 0.26, 0.20, 0.12), (0.9, 0.55, 0.22, 0.20)):
        points = centre + (ring - centre) * [scale, 1, 1]
        # Below the lower lip the skin draws in: there the bag goes back before it goes down.
        depth = np.where(vertical < 0, -rise, np.where(vertical > 0, sink, 0.0))
        points = points + np.stack([0 * vertical, depth * width, np.full(count, back * width)], 1)
        rings.append(points)
    vertices = np.concatenate(rings + [(centre + [0, 0, 0.75 * width])[None]])
    angle = 2 * np.pi * np.arange(count) / count
    for k in range(CAVITY_RINGS):
        rho = 1 - k / CAVITY_RINGS
        charts.append(0.5 + 0.5 * rho * np.stack([-np.cos(angle), -np.sin(angle)], 1))
        jaws.append(lower)
    faces = []
    i, n = np.arange(count), (np.arange(count) + 1) % count
    for k in range(CAVITY_RINGS - 1):
        a, b = k * count, (k + 1) * count
        faces += [np.stack([a + i, a + n, b + i], 1), np.stack([a + n, b + n, b + i], 1)]
    last = (CAVITY_RINGS - 1) * count
    faces.append(np.stack([last + i, last + n, np.full(count, CAVITY_RINGS * count)], 1))
    return Patch(vertices, np.concatenate(faces), np.concatenate(charts + [[[0.5, 0.5]]]), np.concatenate(jaws + [[0.5]]))


def build_teeth(face: np.ndarray, row: str, edge: float | None = None) -> Patch:
    """One dental arch as a curved strip just behind the lips, gums included.

    Args:
        face: (468+, 3) head frame.
        row: "upper" (hangs from the skull) or "lower" (moves with the jaw).
        edge: height (head-frame y) of the upper teeth's edge where the portrait shows it; guessed if None.
    """
    width = np.linalg.norm(face[78] - face[308])
    upper, lower = face[13], face[14]
    u = np.linspace(-1, 1, TOOTH_COLUMNS)
    v = np.linspace(0, 1, TOOTH_ROWS)
    across = u * ARCH_WIDTH
    x = (face[78, 0] + face[308, 0]) / 2 + across * width
    z = min(upper[2], lower[2]) + BEHIND_LIPS + ARCH_DEPTH * width * across ** 2
    if row == "upper":
        edge = upper[1] + SHOWING * width if edge is None else edge
        # The edges follow the lower lip's curve a little: a smile line.
        bottom = edge - 0.05 * width * u ** 2
        top = np.minimum(bottom - (CROWN + GUM) * width, upper[1] - 0.13 * width)
    else:
        z = z + OVERJET + max(lower[2] - upper[2], 0.0)
        top = lower[1] - 0.01 * width - 0.03 * width * u ** 2
        bottom = top + (0.85 * CROWN + GUM) * width
    y = top + (bottom - top) * v[:, None]
    if row == "lower":
        # They stand upright in a closed jaw: an open one has swung their roots back.
        z = z + (y - top) * np.tan(np.linalg.norm(upper - lower) / JAW_ARM)
    vertices = np.stack([np.broadcast_to(x, y.shape), y, np.broadcast_to(z, y.shape)], -1).reshape(-1, 3)
    chart = np.stack([np.broadcast_to((u + 1) / 2, y.shape), np.broadcast_to(v[:, None], y.shape)], -1).reshape(-1, 2)
    jaw = np.full(len(vertices), 0.0 if row == "upper" else 1.0)
    return Patch(vertices, _grid_faces(TOOTH_ROWS, TOOTH_COLUMNS), chart, jaw)


def build_tongue(face: np.ndarray) -> Patch:
    """The tongue's back and tip, filling the lower arch: its tip lies behind the lower teeth, its back rises."""
    width = np.linalg.norm(face[78] - face[308])
    lower = face[14]
    u = np.linspace(-1, 1, TONGUE_COLUMNS)
    v = np.linspace(0, 1, TONGUE_ROWS)[:, None]
    x = lower[0] + u * 0.40 * width * np.sqrt(1 - 0.8 * (1 - np.minimum(v / 0.7, 1)) ** 2)
    rise = 0.16 - 0.17 * np.sin(np.pi / 2 * np.minimum(v / 0.6, 1)) ** 1.2 + 0.60 * np.clip(v - 0.6, 0, 1)
    y = lower[1] + width * (rise + 0.07 * u ** 2)
    z = lower[2] + BEHIND_LIPS + OVERJET + 0.02 + 0.80 * width * v + 0 * u
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    chart = np.stack(np.broadcast_arrays((u[None] + 1) / 2, v), -1).reshape(-1, 2)
    # Its root stays nearer to the skull than its tip.
    jaw = np.broadcast_to(1 - 0.35 * v, y.shape).ravel().copy()
    return Patch(vertices, _grid_faces(TONGUE_ROWS, TONGUE_COLUMNS), chart, jaw)


def seen_edge(face: np.ndarray, picture: np.ndarray, between: np.ndarray, camera) -> float | None:
    """Where a portrait's upper teeth end: height in the head frame, or None if it shows none.

    Args:
        face: (468+, 3) head frame; picture: (S, S, 3); between: (S, S) mask of what lies between the lips; camera: the
            portrait's.
    """
    if mouth_opening(face) < OPEN_MOUTH:
        return None
    (top, bottom), _ = camera.project(face[[13, 14]].astype(np.float64))
    reach = int(0.10 * np.linalg.norm(camera.project(face[[78, 308]])[0].ptp(0))) + 1
    rows = np.arange(int(top[1]), int(bottom[1]) + 1)
    columns = slice(max(int(top[0]) - reach, 0), int(top[0]) + reach)
    block, inside = picture[rows, columns], between[rows, columns] > 0.5
    pale = tooth_like(block, float(np.percentile(picture[between > 0.5].max(-1), 95)) if (between > 0.5).any() else 1.0) & inside
    shown = pale.sum(1) > 0.35 * np.maximum(inside.sum(1), 1)
    # The run that hangs from the upper lip; its first rows are the lip's own shade.
    starts = np.flatnonzero(shown)
    if not len(starts) or starts[0] > 0.4 * len(rows):
        return None
    run = starts[0] + np.argmin(np.append(shown[starts[0]:], False))
    return float(face[13, 1] + (face[14, 1] - face[13, 1]) * min(run / max(len(rows) - 1, 1), 1))


def tooth_like(color: np.ndarray, light: float) -> np.ndarray:
    """(...) bool: colours (..., 3) as bright (against `light`) and as pale as a tooth; lips and tongues are not."""
    high = color.max(-1)
    return (high > 0.55 * light) & (high - color.min(-1) < 0.38 * high)
