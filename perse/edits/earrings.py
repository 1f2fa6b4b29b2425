"""Earrings: studs, hoops, drops."""

import numpy as np

from ..render.geometry import vertex_normals
from .bound_mesh import BoundMesh
from .head_measures import Head
from .solids import Solid, ball, merged, metal, tube


def _pair(head: Head, color: np.ndarray, build) -> BoundMesh:
    """The same jewel at both lobes; build: (place of the lobe (3,), side) -> solids."""
    points, triangles = merged([piece for side in (-1.0, 1.0) for piece in build(head.lobe(side), side)])
    return head.fixed(points, triangles, metal(color, _facing(points, triangles)), "earrings")


def _facing(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Normals turned away from the own side's jewel."""
    out = vertex_normals(points, triangles)
    for side in (points[:, 0] < 0, points[:, 0] >= 0):
        away = points[side] - points[side].mean(0)
        out[side] *= np.where((away * out[side]).sum(1, keepdims=True) < 0, -1, 1)
    return out


def studs(head: Head, color: np.ndarray) -> BoundMesh:
    """A small ball on each lobe."""
    return _pair(head, color, lambda at, side: [ball(at + [0.01 * side, 0, -0.01], 0.034)])


def hoops(head: Head, color: np.ndarray) -> BoundMesh:
    """A ring that hangs from each lobe."""

    def build(at: np.ndarray, side: float) -> list[Solid]:
        turn, size = np.linspace(0, 2 * np.pi, 36, endpoint=False), 0.15
        ring = np.stack([0.30 * size * side * (1 - np.cos(turn)) + 0.03 * side, size * (1 - np.cos(turn)) - 0.02, size * np.sin(turn)], 1)
        return [tube(at + ring, 0.0125, True)]

    return _pair(head, color, build)


def drops(head: Head, color: np.ndarray) -> BoundMesh:
    """A small ball, a chain, a drop."""

    def build(at: np.ndarray, side: float) -> list[Solid]:
        at = at + [0.02 * side, 0, 0]
        hang = at + np.linspace(0, 1, 5)[:, None] * [0.0, 0.13, 0.0]
        return [ball(at, 0.022), tube(hang, 0.007, False, 5), ball(hang[-1] + [0, 0.055, 0], (0.036, 0.062, 0.036), 9)]

    return _pair(head, color, build)
