"""How faces are laid over one another: the similarity of the plane, that of space, and rotations by angles.

Pixels count from the first one's corner in this project, from its centre in OpenCV: `for_opencv` takes a map from the one to the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Similarity:
    """A map of the plane that turns, scales and moves: points @ linear.T + shift. linear (2, 2), shift (2,), float64."""

    linear: np.ndarray
    shift: np.ndarray

    @staticmethod
    def fit(source: np.ndarray, target: np.ndarray) -> "Similarity":
        """The one that takes source to target (N, 2) with the least sum of squares (Umeyama 1991, without reflections; in the plane a
        turn with a scale is one complex number)."""
        middle, there = source.mean(0), target.mean(0)
        a, b = ((x[:, 0] + 1j * x[:, 1]) for x in (source - middle, target - there))
        turn = (np.conj(a) * b).sum() / (np.abs(a) ** 2).sum()
        linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        return Similarity(linear, there - linear @ middle)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return points @ self.linear.T + self.shift

    def then(self, other: "Similarity") -> "Similarity":
        """This map, and after it the other one."""
        return Similarity(other.linear @ self.linear, other.linear @ self.shift + other.shift)

    def back(self, points: np.ndarray) -> np.ndarray:
        """Points (N, 2) that this map takes to these."""
        return (points - self.shift) @ np.linalg.inv(self.linear).T

    @property
    def scale(self) -> float:
        """How many times larger it makes things."""
        return float(np.sqrt(np.linalg.det(self.linear)))

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3), to be multiplied with (x, y, 1)."""
        return np.column_stack([self.linear, self.shift])


def for_opencv(matrix: np.ndarray) -> np.ndarray:
    """A map (2, 3) between pixels that are counted from the first one's corner, as OpenCV takes it, which counts from its centre."""
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return shifted


def plane_rotation(angle: float) -> np.ndarray:
    """(2, 2): turns points of a picture, whose y points down, clockwise by `angle`, radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])


def procrustes(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale s, rotation R (3, 3) and shift t (3,) that minimise |s R source + t - target|² (Umeyama 1991).

    Args:
        source, target: (N, 3) matching points.
    """
    mean_s, mean_t = source.mean(0), target.mean(0)
    a, b = source - mean_s, target - mean_t
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = float((singular * np.diag(sign)).sum() / (a**2).sum())
    return scale, rotation, mean_t - scale * rotation @ mean_s


def rotation(yaw, pitch, roll):
    """R = Ry(yaw) Rx(pitch) Rz(roll), radians (...) -> (..., 3, 3): of tensors a tensor, of numbers and arrays an array.

    The axes are a camera's (x right, y down, z forward): a positive yaw turns a face that is seen head-on towards the left edge of the
    picture, a positive pitch turns it down, a positive roll turns the picture clockwise.
    """
    arrays: Any = np
    if not isinstance(yaw, (float, int, np.number, np.ndarray)):
        import torch  # who only measures pictures does not wait for it

        arrays = torch
    cy, sy, cx, sx, cz, sz = (f(angle) for angle in (yaw, pitch, roll) for f in (arrays.cos, arrays.sin))
    one, nil = arrays.ones_like(cy), arrays.zeros_like(cy)

    def matrix(*entries):
        return arrays.stack(entries, -1).reshape(*cy.shape, 3, 3)

    about_y = matrix(cy, nil, sy, nil, one, nil, -sy, nil, cy)
    about_x = matrix(one, nil, nil, nil, cx, -sx, nil, sx, cx)
    about_z = matrix(cz, -sz, nil, sz, cz, nil, nil, nil, one)
    return about_y @ about_x @ about_z


def angles_of(rotation: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll (..., 3), radians, of matrices (..., 3, 3): the inverse of `rotation`."""
    yaw = np.arctan2(rotation[..., 0, 2], rotation[..., 2, 2])
    pitch = np.arcsin(np.clip(-rotation[..., 1, 2], -1, 1))
    roll = np.arctan2(rotation[..., 1, 0], rotation[..., 1, 1])
    return np.stack([yaw, pitch, roll], -1)


def rotation_about(vectors: np.ndarray) -> np.ndarray:
    """Rodrigues: rotation vectors (T, 3), whose length is the angle, -> matrices (T, 3, 3)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = vectors.T
    nil = np.zeros_like(x)
    cross = np.stack([nil, -z, y, z, nil, -x, -y, x, nil], -1).reshape(-1, 3, 3)
    safe = np.maximum(angle, 1e-12)
    return np.eye(3) + np.sin(angle) / safe * cross + (1 - np.cos(angle)) / safe**2 * cross @ cross
