"""Ears that the photo does not show, and tips for those that it does; in the face's own skin."""

import numpy as np

from .bound_mesh import BoundMesh
from .head_measures import Head, covers_ears
from .solids import Solid, merged, outward, sheet, tube

OUTLINE = 25  # points along an ear's outline


def _outline(height: float, width: float) -> np.ndarray:
    """The helix (OUTLINE, 2): backwards, down, from the front of the top round to the lobe."""
    t = np.linspace(0, 1, OUTLINE)
    back = width * np.interp(t, [0, 0.12, 0.3, 0.5, 0.7, 0.85, 1.0], [0.10, 0.42, 0.92, 1.0, 0.78, 0.50, 0.12])
    down = height * np.interp(t, [0, 0.12, 0.3, 0.5, 0.7, 0.85, 1.0], [-0.36, -0.52, -0.46, -0.14, 0.22, 0.46, 0.50])
    for _ in range(3):
        for x in (back, down):
            x[1:-1] = (x[:-2] + 2 * x[1:-1] + x[2:]) / 4
    return np.stack([back, down], 1)


def _ear(at: np.ndarray, side: float) -> tuple[list[Solid], np.ndarray]:
    """One ear: a rolled rim, a bowl; and how light each point is."""
    outline = _outline(0.62, 0.36)
    lean = 0.55  # how far it stands off: sine of the angle
    rim = at + np.stack([side * (0.02 + lean * outline[:, 0] * 0.62), outline[:, 1], outline[:, 0] * np.sqrt(1 - lean**2)], 1)
    hole = at + np.array([side * 0.0, 0.04, 0.02])
    depth = np.linspace(0, 1, 7)
    bowl = hole + depth[:, None, None] * (rim - hole)
    bowl[..., 0] -= side * 0.055 * np.sin(np.pi * depth)[:, None]
    back = hole + depth[:, None, None] * (rim - hole) + [-side * 0.03, 0, 0.02]
    shade = np.concatenate(
        [
            np.repeat(np.interp(depth, [0, 0.35, 0.7, 1], [0.50, 0.68, 0.86, 1.0]), OUTLINE),
            np.repeat(np.full(7, 0.72), OUTLINE),
            np.full(OUTLINE * 8, 1.0),
        ]
    )
    thick = np.interp(np.linspace(0, 1, OUTLINE), [0, 0.5, 0.85, 1], [0.024, 0.030, 0.036, 0.030])
    return [sheet(bowl), sheet(back), tube(rim, thick, False)], shade


def _skinned(head: Head, solids: list[Solid], shade: np.ndarray, centre: float, start: np.ndarray | None = None) -> BoundMesh:
    points, triangles = merged(solids)
    normal = outward(points, triangles, np.array([0.0, 0.2, centre]))
    # Thin and full of blood: a little redder than the cheek.
    color = head.skin(points, normal) * shade[:, None] * np.where(shade[:, None] < 0.9, [1.0, 0.94, 0.92], [1.0, 0.97, 0.95])
    return head.fixed(points, triangles, np.clip(color, 0, 1), "skin", start)


def ears(head: Head, color: np.ndarray) -> BoundMesh | None:
    """The ears that hair hid; None where the photo shows the person's own."""
    if not covers_ears(head.regions):
        return None
    solids, shades = [], []
    for side, oval in ((-1.0, 234), (1.0, 454)):
        at = head.rig.vertices[oval].astype(np.float64) + [0.03 * side, -0.06, 0.02]
        pieces, shade = _ear(at, side)
        solids += pieces
        shades.append(shade)
    return _skinned(head, solids, np.concatenate(shades), 0.75)


def elf_tips(head: Head, color: np.ndarray) -> BoundMesh:
    """Long tips on the upper ears, through the hair if there is any."""
    solids, shades, starts = [], [], []
    v = head.rig.vertices[head.shaper.shell]
    for side in (-1.0, 1.0):
        beside = v[(np.abs(v[:, 1] - 0.06) < 0.14) & (np.abs(v[:, 2] - 0.68) < 0.16) & (v[:, 0] * side > 0)]
        foot = np.array([side * (np.abs(beside[:, 0]).max(initial=0.9) - 0.08), 0.06, 0.66])
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
