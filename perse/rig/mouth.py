"""The mouth's inside: a closed cavity sewn to the inner lips, two rows of teeth, a tongue."""

from dataclasses import dataclass

import numpy as np

from .topology import LIPS, MOUTH_RING

CAVITY_RINGS = 4
TOOTH_COLUMNS, TOOTH_ROWS = 24, 5
TONGUE_COLUMNS, TONGUE_ROWS = 10, 8


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
    for scale, back, rise in ((1.02, 0.10, 0.10), (0.95, 0.24, 0.16), (0.7, 0.40, 0.14)):
        points = centre + (ring - centre) * [scale, 1, 0.3]
        points = points + np.stack([0 * vertical, vertical * rise * width, np.full(count, back * width)], 1)
        rings.append(points)
    vertices = np.concatenate(rings + [(centre + [0, 0, 0.5 * width])[None]])
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


def build_teeth(face: np.ndarray, row: str) -> Patch:
    """One dental arch as a curved strip just behind the lips.

    Args:
        face: (468+, 3) head frame.
        row: "upper" (hangs from the skull) or "lower" (moves with the jaw).
    """
    width = np.linalg.norm(face[78] - face[308])
    left, right = face[308], face[78]
    upper, lower = face[13], face[14]
    opening = mouth_opening(face)
    u = np.linspace(-1, 1, TOOTH_COLUMNS)
    v = np.linspace(0, 1, TOOTH_ROWS)
    middle = (left + right) / 2
    x = middle[0] + u * 0.42 * width
    # Teeth stand behind the thinner part of the lips and follow the dental arch backwards at the sides.
    z = min(upper[2], lower[2]) + 0.085 + 0.42 * width * np.abs(u) ** 2
    line = upper[1] + (middle[1] - upper[1]) * np.abs(u) ** 2 * 0.35
    if row == "upper":
        reach = max(0.17 * width, lower[1] - upper[1] if opening > 0.06 else 0.0)
        top, bottom = line - 0.13 * width, line + np.minimum(reach, 0.24 * width) * (1 - 0.25 * np.abs(u) ** 2)
    else:
        z = z + 0.03
        line = lower[1] + (middle[1] - lower[1]) * np.abs(u) ** 2 * 0.35
        top, bottom = line + 0.0 * u + 0.012, line + 0.20 * width
    y = top + (bottom - top) * v[:, None]
    vertices = np.stack([np.broadcast_to(x, y.shape), y, np.broadcast_to(z, y.shape)], -1).reshape(-1, 3)
    chart = np.stack([np.broadcast_to((u + 1) / 2, y.shape), np.broadcast_to(v[:, None], y.shape)], -1).reshape(-1, 2)
    jaw = np.full(len(vertices), 0.0 if row == "upper" else 1.0)
    return Patch(vertices, _grid_faces(TOOTH_ROWS, TOOTH_COLUMNS), chart, jaw)


def build_tongue(face: np.ndarray) -> Patch:
    """The tongue's upper side, lying behind the lower teeth."""
    width = np.linalg.norm(face[78] - face[308])
    lower = face[14]
    u = np.linspace(-1, 1, TONGUE_COLUMNS)
    v = np.linspace(0, 1, TONGUE_ROWS)
    x = lower[0] + u[None] * 0.28 * width * np.sqrt(1 - 0.75 * (1 - v[:, None]) ** 2)
    y = lower[1] + 0.16 * width - 0.10 * width * np.sin(np.pi * (0.15 + 0.7 * v[:, None])) * (1 - 0.6 * u[None] ** 2)
    z = lower[2] + 0.15 + 0.45 * width * v[:, None] + 0 * u[None]
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    chart = np.stack(np.broadcast_arrays((u[None] + 1) / 2, v[:, None]), -1).reshape(-1, 2)
    return Patch(vertices, _grid_faces(TONGUE_ROWS, TONGUE_COLUMNS), chart, np.ones(len(vertices)))
