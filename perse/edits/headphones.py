"""Headphones."""

import numpy as np

from ..face.landmarks import EARS
from .bound_mesh import BoundMesh
from .head_measures import Head
from .solids import cloth, merged, outward, sheet


def headphones(head: Head, color: np.ndarray) -> BoundMesh:
    """An arch over the hair, a padded cup over each ear."""
    v = head.rig.vertices.astype(np.float64)
    right, left = EARS
    cup_at = np.array([0.0, 0.5 * (v[right, 1] + v[left, 1]) - 0.02, 0.5 * (v[right, 2] + v[left, 2]) + 0.12])
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
        grid = np.stack(
            np.broadcast_arrays(
                side * (reach[side] + x)[:, None],
                cup_at[1] + 1.12 * size[:, None] * np.cos(turn),
                cup_at[2] + 0.92 * size[:, None] * np.sin(turn),
            ),
            -1,
        )
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
    return head.fixed(
        points,
        triangles,
        np.clip(cloth(color, normal, np.concatenate(shades)) + 0.05 * np.clip(-normal[:, 1:2], 0, 1) ** 3, 0, 1),
        "headphones",
    )
