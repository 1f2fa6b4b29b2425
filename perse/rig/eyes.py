"""Eyeballs: a spherical cap behind each pair of lids, its pole where the iris is in the portrait."""

from dataclasses import dataclass

import numpy as np

from ..face.landmarks import EYE
from ..face.measures import eye_width
from .person_facts import eye_is_closed

RINGS = 14
SECTORS = 28
IRIS = 0.47  # radius of an iris over the eyeball's
LID_SPAN = 0.95  # half the height of a closed lid, in gaps of the open one
CAP = np.radians(126.0)  # the cap reaches this far from the iris centre: past the ball's own outline in an eye that looks aside


@dataclass
class Eyeball:
    """One eye: vertices (RINGS * SECTORS + 1, 3), faces, centre (3,), radius, unit axis (3,) of the portrait's gaze,
    angle of the iris edge (radians), chart coordinates (V, 2) in [-1, 1]."""

    vertices: np.ndarray
    faces: np.ndarray
    centre: np.ndarray
    radius: float
    axis: np.ndarray
    iris_angle: float
    chart: np.ndarray


def build_eye(face: np.ndarray, landmarks: np.ndarray, camera, side: str) -> Eyeball:
    """Fit the eyeball behind the lid ring and aim it at the iris landmark.

    Args:
        face: (478, 3) head frame.
        landmarks: (478, 3) crop pixels, for the iris.
        camera: the portrait's.
        side: "left" or "right".
    """
    eye = EYE[side]
    outer, inner = face[eye["outer"]], face[eye["inner"]]
    width = eye_width(face, side)
    radius = 0.47 * width  # a little more than anatomy says: the corners of the lids have nothing else behind them
    middle = face[[eye["upper"][3], eye["lower"][3]]]
    height = np.linalg.norm(middle[0] - middle[1]) / 2
    centre = (outer + inner + middle.sum(0)) / 4
    centre[2] = middle[:, 2].mean() + np.sqrt(max((1.04 * radius) ** 2 - height**2, (0.6 * radius) ** 2))
    # Where the ray through the iris centre meets the ball.
    origin = camera.centre
    iris = landmarks[eye["iris"], :2].astype(np.float64)
    ray = camera.rays(iris[:1])[0]
    ray /= np.linalg.norm(ray)
    closed = eye_is_closed(face, side)
    if closed:
        # Nothing tells where a closed eye looks: straight ahead, and a little above the line where the lids meet.
        centre[1] -= 0.09 * width
        ray = (centre + [0.0, 0.0, -radius]) - origin
        ray /= np.linalg.norm(ray)
    along = (centre - origin) @ ray
    closest = origin + along * ray
    offset = np.linalg.norm(closest - centre)
    hit = closest - ray * np.sqrt(max(radius**2 - offset**2, 0.0))
    axis = (hit - centre) / np.linalg.norm(hit - centre)
    pixels = np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
    distance = np.linalg.norm(hit - origin)
    size = IRIS * radius if closed else pixels * distance / float(camera.K[0, 0])
    iris_angle = float(np.arcsin(np.clip(size / radius, 0.2, 0.75)))

    side_axis = np.cross([0.0, 1.0, 0.0], axis)
    side_axis /= np.linalg.norm(side_axis)
    down = np.cross(axis, side_axis)
    theta = CAP * (np.arange(1, RINGS + 1) / RINGS)
    phi = np.linspace(0, 2 * np.pi, SECTORS, endpoint=False)
    direction = np.cos(phi)[None, :, None] * side_axis + np.sin(phi)[None, :, None] * down
    cap = np.cos(theta)[:, None, None] * axis + np.sin(theta)[:, None, None] * direction
    vertices = np.concatenate([centre + radius * axis[None], (centre + radius * cap).reshape(-1, 3)])
    chart = np.concatenate(
        [np.zeros((1, 2)), ((theta / CAP)[:, None, None] * np.stack([np.cos(phi), np.sin(phi)], -1)[None]).reshape(-1, 2)]
    )
    s = np.arange(SECTORS)
    n = (s + 1) % SECTORS
    faces = [np.stack([np.zeros(SECTORS, int), 1 + s, 1 + n], 1)]
    for r in range(RINGS - 1):
        a, b = 1 + r * SECTORS, 1 + (r + 1) * SECTORS
        faces += [np.stack([a + s, b + s, a + n], 1), np.stack([a + n, b + s, b + n], 1)]
    return Eyeball(vertices, np.concatenate(faces), centre, float(radius), axis, iris_angle, chart)


def clear_of_ball(points: np.ndarray, centre: np.ndarray, radius: float, margin: float = 1.04) -> np.ndarray:
    """Points (N, 3) pushed outwards where they lie inside the eyeball (times `margin`)."""
    away = points - centre
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    return centre + away * np.maximum(1.0, margin * radius / np.maximum(distance, 1e-9))


def room_behind_lid(face: np.ndarray, radius: float, side: str) -> float:
    """How far an eyeball must draw back under its closed lid, eye distances: lids are flat between their few vertices,
    and wide eyes would shine through them."""
    eye = EYE[side]
    gap = np.linalg.norm(face[eye["upper"]] - face[eye["lower"]], axis=1).max()
    return float((LID_SPAN * gap) ** 2 / (2 * radius))
