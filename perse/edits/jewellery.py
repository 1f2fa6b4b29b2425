"""What is worn at the ears: studs, hoops, drops, headphones."""

import numpy as np

from ..render.geometry import vertex_normals
from .bound_mesh import BoundMesh
from .head_measures import Head
from .solids import Solid, ball, cloth, merged, metal, outward, sheet, tube


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


def headphones(head: Head, color: np.ndarray) -> BoundMesh:
    """An arch over the hair, a padded cup over each ear."""
    v = head.rig.vertices.astype(np.float64)
    cup_at = np.array([0.0, 0.5 * (v[234, 1] + v[454, 1]) - 0.02, 0.5 * (v[234, 2] + v[454, 2]) + 0.12])
    beside = v[head.shaper.shell]
    near = np.abs(beside[:, 1:] - cup_at[1:]).max(1) < 0.24
    solids, shades = [], []
    reach = {}
    for side in (-1.0, 1.0):
        own = beside[near & (beside[:, 0] * side > 0)]
        reach[side] = np.clip(np.abs(own[:, 0]).max(initial=0.9) - 0.04, 0.88, 1.35)
        turn, out = np.linspace(0, 2 * np.pi, 28, endpoint=False), np.linspace(0, 1, 8)
        size = np.interp(out, [0, 0.15, 0.45, 0.6, 0.9, 1.0], [0.26, 0.30, 0.30, 0.27, 0.25, 0.02])
        x = np.interp(out, [0, 0.15, 0.45, 0.6, 0.9, 1.0], [0.0, 0.02, 0.13, 0.17, 0.21, 0.215])
        grid = np.stack(np.broadcast_arrays(side * (reach[side] + x)[:, None], cup_at[1] + 1.12 * size[:, None] * np.cos(turn),
                                            cup_at[2] + 0.92 * size[:, None] * np.sin(turn)), -1)
        solids.append(sheet(grid, False, True))
        shades.append(np.repeat(np.interp(out, [0, 0.45, 0.5, 1], [0.75, 0.75, 1.15, 1.15]), 28))
    # From cup to cup over the top of the hair.
    t, turn = np.meshgrid(np.linspace(0, np.pi, 57), np.linspace(0, 2 * np.pi, 8, endpoint=False))
    crown = v[head.shaper.shell]
    band_z = cup_at[2] + 0.02
    over = crown[(np.abs(crown[:, 2] - band_z) < 0.35) & (np.abs(crown[:, 0]) < 0.5), 1]
    top = min(over.min(initial=-1.0), -1.0) - 0.045
    middle, half = 0.5 * (reach[1.0] - reach[-1.0]), 0.5 * (reach[1.0] + reach[-1.0]) + 0.10
    half = max(half, np.abs(crown[(np.abs(crown[:, 2] - band_z) < 0.3) & (crown[:, 1] < 0.1), 0] - middle).max(initial=0) + 0.02)
    base = cup_at[1] - 0.20
    squash = 0.78  # rounder than an ellipse
    thick = 0.024 * np.sin(turn)
    x = middle + (half + thick) * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** squash
    y = base + (top - thick - base) * np.sin(t) ** squash
    solids.append(sheet(np.stack([x, y, band_z + 0.08 * np.cos(turn)], -1), True, False))
    shades.append(np.full(x.size, 1.0))
    points, triangles = merged(solids)
    normal = outward(points, triangles, np.array([0.0, cup_at[1], cup_at[2]]))
    return head.fixed(points, triangles, np.clip(cloth(color, normal, np.concatenate(shades)) + 0.05 * np.clip(-normal[:, 1:2], 0, 1) ** 3,
                                                 0, 1), "headphones")
