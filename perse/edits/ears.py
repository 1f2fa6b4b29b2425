"""Tips on the ears, in the face's own skin."""

import numpy as np

from .bound_mesh import BoundMesh
from .head_measures import Head
from .solids import Solid, merged, outward, sheet


def _skinned(head: Head, solids: list[Solid], shade: np.ndarray, centre: float, start: np.ndarray | None = None) -> BoundMesh:
    points, triangles = merged(solids)
    normal = outward(points, triangles, np.array([0.0, 0.2, centre]))
    # Thin and full of blood: a little redder than the cheek.
    color = head.skin(points, normal) * shade[:, None] * np.where(shade[:, None] < 0.9, [1.0, 0.94, 0.92], [1.0, 0.97, 0.95])
    return head.fixed(points, triangles, np.clip(color, 0, 1), "skin", start)


def elf_tips(head: Head, color: np.ndarray) -> BoundMesh:
    """Long tips on the upper ears, through the hair if there is any."""
    solids, shades, starts = [], [], []
    v = head.rig.vertices[head.ears > 0.6]
    for side in (-1.0, 1.0):
        ear = v[v[:, 0] * side > 0]
        top = ear[ear[:, 1] < np.quantile(ear[:, 1], 0.15)].mean(0)
        foot = top + [-0.03 * side, 0.14, 0.0]
        tip = foot + np.array([0.22 * side, -0.40, 0.20])
        t = np.linspace(0, 1, 13)
        ridge = foot + t[:, None] * (tip - foot) + np.sin(np.pi * t)[:, None] * np.array([0.05 * side, 0.02, -0.03])
        width = 0.19 * (1 - t) ** 0.7 + 0.004
        turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        # A leaf: wide from front to back, thin from side to side, hollow in front.
        wide, thin = np.array([0.0, 0.62, 0.78]), np.array([side * 0.55, 0.2, -0.2])
        grid = ridge[:, None] + width[:, None, None] * (np.cos(turn)[None, :, None] * wide + 0.32 * np.sin(turn)[None, :, None] * thin)
        solids.append(sheet(grid, False, True))
        hollow = 1 - 0.30 * np.clip(np.sin(turn), 0, 1)[None] * (1 - t[:, None])
        shades.append(hollow.ravel())
        starts.append(np.repeat(0.75 * t, 12))
    return _skinned(head, solids, np.concatenate(shades), 0.75, np.concatenate(starts))
