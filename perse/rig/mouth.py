"""The mouth's inside: a closed cavity sewn to the inner lips, two rows of teeth, a tongue.

Proportions are those of a grown-up's mouth (Wheeler's dental anatomy), in shares of the mouth's width of about 50 mm.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..face.landmarks import CHEEKS, INNER_MOUTH_CORNERS, LIPS, LOWER_LIP, MOUTH_RING, UPPER_LIP
from ..face.measures import mouth_width
from .person_facts import mouth_is_open

CAVITY_RINGS = 4
BACK_WALL = 0.7  # of the cavity's chart, its radius: the part that one sees
TOOTH_COLUMNS, TOOTH_ROWS = 24, 5
TONGUE_COLUMNS, TONGUE_ROWS = 12, 10
BEHIND_LIPS = 0.085  # eye distances from the lips' edge back to the upper front teeth
OVERJET = 0.028  # how far the lower front teeth stand behind the upper ones
ARCH_WIDTH, ARCH_DEPTH = 0.47, 1.45  # half width at the molars; z = depth * x^2
SHOWING = 0.10  # how far the upper teeth reach below a resting upper lip
CROWN, GUM = 0.20, 0.08
MOUTH = 0.60  # eye distances: a mouth that is wider smiles, and its teeth have not grown
JAW_ARM = 1.1  # eye distances from the jaw's joint to the lower lip
SEEN_COLUMNS, SEEN_ROWS = 33, 32  # in which a portrait's mouth is searched for teeth
LIP_SHADE = 0.3  # of the gap between the lips: where teeth must begin that hang from one
TOUCHING = 0.15  # of the gap: teeth that end so close to the other lip are taken to end behind it
SHADED = 0.42  # of the brightest between the lips, which teeth in the upper lip's shade must reach
SHADE = 0.72  # of a column's teeth, by which one end is told from what is behind
COLOURLESS = 0.06  # spread of the channels, of a black-and-white picture
BEHIND_EDGE = 0.12  # of the gap: how far behind a lip the teeth end that it hides


@dataclass
class Patch:
    """Vertices (V, 3) head frame, faces (F, 3), chart (V, 2) in [0, 1], jaw (V,): 1 moves with the jaw, 0 with the skull."""

    vertices: np.ndarray
    faces: np.ndarray
    chart: np.ndarray
    jaw: np.ndarray


def cheeks_shade(across: np.ndarray) -> np.ndarray:
    """Light (...,) on teeth that the cheeks leave, 1 in the middle; across (...,): how far along the arch, 0 to 1 at its end."""
    return 1 - 0.72 * np.clip(across, 0, 1) ** 1.5


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (r * columns + c).ravel()
    return np.concatenate([np.stack([a, a + 1, a + columns], 1), np.stack([a + 1, a + columns + 1, a + columns], 1)])


def build_cavity(face: np.ndarray) -> Patch:
    """A bag behind the lips. Its first ring repeats the inner-lip landmarks (the rig moves it along with them)."""
    ring = face[MOUTH_RING]
    centre = ring.mean(0)
    width = mouth_width(face)
    rings, charts, jaws = [ring], [], []
    count = len(ring)
    lower = np.array([1.0 if i in LIPS["lower_inner"][1:-1] else (0.5 if i in INNER_MOUTH_CORNERS else 0.0) for i in MOUTH_RING])
    vertical = np.where(np.isin(MOUTH_RING, LIPS["upper_inner"][1:-1]), -1.0, 1.0)
    vertical[np.isin(MOUTH_RING, INNER_MOUTH_CORNERS)] = 0
    for scale, back, rise, sink in ((1.04, 0.10, 0.10, 0.02), (1.08, 0.26, 0.20, 0.12), (0.9, 0.55, 0.22, 0.20)):
        points = centre + (ring - centre) * [scale, 1, 1]
        # Below the lower lip the skin draws in: there the bag goes back before it goes down.
        depth = np.where(vertical < 0, -rise, np.where(vertical > 0, sink, 0.0))
        points = points + np.stack([0 * vertical, depth * width, np.full(count, back * width)], 1)
        rings.append(points)
    vertices = np.concatenate(rings + [(centre + [0, 0, 0.75 * width])[None]])
    angle = 2 * np.pi * np.arange(count) / count
    for k in range(CAVITY_RINGS):
        rho = 1 - k / (CAVITY_RINGS - 1) * (1 - BACK_WALL)
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


def build_teeth(face: np.ndarray, row: str, edge: np.ndarray | None = None) -> Patch:
    """One dental arch as a curved strip just behind the lips, gums included.

    Args:
        face: (468+, 3) head frame.
        row: "upper" (hangs from the skull) or "lower" (moves with the jaw).
        edge: (K, 2) x and y along the row's edge where the portrait tells it, see `Seen`; guessed if None.
    """
    width = mouth_width(face)
    upper, lower = face[UPPER_LIP], face[LOWER_LIP]
    u = np.linspace(-1, 1, TOOTH_COLUMNS)
    v = np.linspace(0, 1, TOOTH_ROWS)
    x = _middle_x(face) + u * ARCH_WIDTH * width
    z = arch_depth(face, x)
    told = None if edge is None else np.interp(x, edge[:, 0], edge[:, 1])
    height = (CROWN + GUM) * min(width, MOUTH)
    if row == "upper":
        # The edges follow the lower lip's curve a little: a smile line.
        bottom = upper[1] + SHOWING * width - 0.05 * width * u**2 if told is None else told
        top = np.minimum(bottom - height, upper[1] - 0.13 * width)
    else:
        z = z + OVERJET + max(lower[2] - upper[2], 0.0)
        top = lower[1] - 0.01 * width - 0.03 * width * u**2 if told is None else told
        # A lip that is drawn down bares gum, not a pit.
        bottom = np.maximum(top + (0.85 * CROWN + GUM) / (CROWN + GUM) * height, lower[1] + 0.25 * width)
    y = top + (bottom - top) * v[:, None]
    if row == "lower":
        # They stand upright in a closed jaw: an open one has swung their roots back.
        z = z + (y - top) * np.tan(np.linalg.norm(upper - lower) / JAW_ARM)
    vertices = np.stack([np.broadcast_to(x, y.shape), y, np.broadcast_to(z, y.shape)], -1).reshape(-1, 3)
    chart = np.stack([np.broadcast_to((u + 1) / 2, y.shape), np.broadcast_to(v[:, None], y.shape)], -1).reshape(-1, 2)
    jaw = np.full(len(vertices), 0.0 if row == "upper" else 1.0)
    return Patch(vertices, _grid_faces(TOOTH_ROWS, TOOTH_COLUMNS), chart, jaw)


def _middle_x(face: np.ndarray) -> float:
    right, left = INNER_MOUTH_CORNERS
    return (face[right, 0] + face[left, 0]) / 2


def arch_depth(face: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Depth (head-frame z) of the upper front teeth and of those beside them, at x (...)."""
    width = mouth_width(face)
    across = (x - _middle_x(face)) / width
    return min(face[UPPER_LIP, 2], face[LOWER_LIP, 2]) + BEHIND_LIPS + ARCH_DEPTH * width * across**2


def crown_share(face: np.ndarray, teeth: np.ndarray) -> float:
    """How much of a row's strip, built as `teeth` (V, 3) for this face (468+, 3), is crown; the rest is gum."""
    middle = teeth.reshape(TOOTH_ROWS, TOOTH_COLUMNS, 3)[:, TOOTH_COLUMNS // 2, 1]
    return float(CROWN * min(mouth_width(face), MOUTH) / (middle[-1] - middle[0]))


def build_tongue(face: np.ndarray) -> Patch:
    """The tongue's back and tip, filling the lower arch: its tip lies behind the lower teeth, its back rises."""
    width = mouth_width(face)
    lower = face[LOWER_LIP]
    u = np.linspace(-1, 1, TONGUE_COLUMNS)
    v = np.linspace(0, 1, TONGUE_ROWS)[:, None]
    x = lower[0] + u * 0.40 * width * np.sqrt(1 - 0.8 * (1 - np.minimum(v / 0.7, 1)) ** 2)
    rise = 0.16 - 0.17 * np.sin(np.pi / 2 * np.minimum(v / 0.6, 1)) ** 1.2 + 0.60 * np.clip(v - 0.6, 0, 1)
    y = lower[1] + width * (rise + 0.07 * u**2)
    z = lower[2] + BEHIND_LIPS + OVERJET + 0.02 + 0.80 * width * v + 0 * u
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    chart = np.stack(np.broadcast_arrays((u[None] + 1) / 2, v), -1).reshape(-1, 2)
    # Its root stays nearer to the skull than its tip.
    jaw = np.broadcast_to(1 - 0.35 * v, y.shape).ravel().copy()
    return Patch(vertices, _grid_faces(TONGUE_ROWS, TONGUE_COLUMNS), chart, jaw)


@dataclass
class Seen:
    """What a portrait shows between its lips: x and y (K, 2), in the head frame, along the edges of the upper and of the lower
    teeth; just behind the lip where an open mouth shows none. None: a closed mouth tells nothing."""

    upper: np.ndarray | None = None
    lower: np.ndarray | None = None


def look_between_lips(face: np.ndarray, picture: np.ndarray, camera) -> Seen:
    """Find the edges of the teeth in a portrait.

    Args:
        face: (468+, 3) head frame; picture: (S, S, 3); camera: the portrait's.
    """
    if not mouth_is_open(face):
        return Seen()
    # Columns from the upper to the lower lip, which are straight in the picture.
    along = np.linspace(1.0, 9.0, SEEN_COLUMNS)
    ends = []
    for row in ("upper_inner", "lower_inner"):
        lip = camera.project(face[LIPS[row]].astype(np.float64))[0]
        ends.append(np.stack([np.interp(along, np.arange(len(lip)), lip[:, k]) for k in (0, 1)], -1))
    down = (np.arange(SEEN_ROWS) + 0.5) / SEEN_ROWS
    xy = (ends[0] + down[:, None, None] * (ends[1] - ends[0])).astype(np.float32) - np.float32(0.5)
    strip = cv2.remap(np.ascontiguousarray(picture, np.float32), xy[..., 0], xy[..., 1], cv2.INTER_LINEAR)
    bright = strip.max(-1)
    pale = tooth_like(strip, float(np.percentile(bright, 95)), SHADED)
    if np.percentile(bright - strip.min(-1), 90) < COLOURLESS:
        # Without colours a tongue is as pale as a tooth, but no brighter than skin.
        cheeks = camera.project(face[CHEEKS].astype(np.float64))[0].astype(int).clip(0, len(picture) - 1)
        pale &= bright > np.median(picture[cheeks[:, 1], cheeks[:, 0]].max(-1))
    pale = cv2.morphologyEx(pale.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 1))) > 0
    upper, lower = _run(pale, bright), _run(pale[::-1], bright[::-1])
    # The same teeth cannot be both: they hang from the skull.
    lower[upper + lower > 1] = 0

    def edge(reach: np.ndarray, from_lip: int) -> np.ndarray:
        """Reach (C,) of teeth from the upper (0) or lower (1) lip, 0 where none are seen, as points on the arch."""
        shown = (reach > 0) & (np.abs(along - 5) < 3.5)
        if shown.sum() < 0.35 * (np.abs(along - 5) < 3.5).sum():
            # Behind the lip, and level: a row of teeth does not follow the lip's arch.
            tip = _on_arch(face, ends[from_lip] - BEHIND_EDGE * (ends[1 - from_lip] - ends[from_lip]), camera)
            tip[:, 1] = np.median(tip[len(tip) // 3 : -len(tip) // 3, 1])
            return tip
        bend = np.polynomial.Polynomial.fit(along[shown], reach[shown], 2)
        keep = shown & (np.abs(reach - bend(along)) < 0.2)
        bend = np.polynomial.Polynomial.fit(along[keep], reach[keep], 2) if keep.sum() > 5 else bend
        low, high = along[shown][[0, -1]]
        # Teeth are rounded: the strip must reach as far as the longest of them.
        share = bend(np.clip(along, low, high)) + np.percentile(reach[shown] - bend(along[shown]), 80)
        share += (1 + BEHIND_EDGE - share) * np.clip(2 * (share - 1) / TOUCHING + 2, 0, 1)
        return _on_arch(face, ends[from_lip] + share[:, None] * (ends[1 - from_lip] - ends[from_lip]), camera)

    return Seen(edge(upper, 0), edge(lower, 1))


def _run(pale: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """How far (C,), in shares of the rows, teeth reach from the first row; 0 where none begin near it.

    Args:
        pale: (R, C) bool, where there may be teeth; bright: (R, C).
    """
    out = np.zeros(pale.shape[1])
    for column, shown in enumerate(pale.T):
        start = int(np.argmax(shown))  # the first rows are the lip's own shade
        if shown[start] and start <= LIP_SHADE * len(shown):
            run = bright[start : start + np.argmin(np.append(shown[start:], False)), column]
            # A tongue behind the lower teeth is pale, too, but darker.
            darker = np.append(run < SHADE * np.percentile(run, 90), True)
            darker[: np.argmax(~darker)] = False
            out[column] = (start + np.argmax(darker)) / len(shown)
    return out


def _on_arch(face: np.ndarray, xy: np.ndarray, camera) -> np.ndarray:
    """Points (K, 2), x and y in the head frame, of the upper arch that a camera sees at pixels xy (K, 2)."""
    origin, ray = camera.centre, camera.rays(xy)
    point = np.broadcast_to(face[UPPER_LIP], ray.shape)
    for _ in range(4):
        point = origin + ray * ((arch_depth(face, point[:, 0]) - origin[2]) / ray[:, 2])[:, None]
    return point[np.argsort(point[:, 0]), :2]


def tooth_like(color: np.ndarray, light: float, least: float = 0.55) -> np.ndarray:
    """(...) bool: colours (..., 3) as bright (`least` of the `light`) and as pale as a tooth; lips and tongues are not."""
    high = color.max(-1)
    return (high > least * light) & (high - color.min(-1) < 0.38 * high)
