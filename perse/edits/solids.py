"""Small solid bodies that objects are made of: tubes, sheets, balls; their light."""

import numpy as np

from ..render.geometry import unit, vertex_normals

TUBE_SIDES = 8
Solid = tuple[np.ndarray, np.ndarray]  # vertices (N, 3), triangles (F, 3)


def tube(path: np.ndarray, radius, closed: bool, sides: int = TUBE_SIDES) -> Solid:
    """A tube of a radius (one, or one a point) around a polyline (P, 3)."""
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead = unit(ahead)
    reference = np.array([0.0, 0.0, 1.0])
    side = np.cross(ahead, reference)
    weak = np.linalg.norm(side, axis=1) < 0.2
    side[weak] = np.cross(ahead[weak], [0.0, 1.0, 0.0])
    side = unit(side)
    up = np.cross(ahead, side)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    vertices = path[:, None] + np.broadcast_to(radius, len(path))[:, None, None] * ring
    return sheet(vertices, False, True) if not closed else sheet(vertices, True, True)


def sheet(grid: np.ndarray, rows_closed: bool = False, columns_closed: bool = False) -> Solid:
    """A grid of points (R, C, 3) as triangles; either direction may close on itself."""
    rows, columns = grid.shape[:2]
    r, c = np.arange(rows if rows_closed else rows - 1), np.arange(columns if columns_closed else columns - 1)
    a = (r[:, None] * columns + c[None]).ravel()
    b = (r[:, None] * columns + (c[None] + 1) % columns).ravel()
    d = (((r[:, None] + 1) % rows) * columns + c[None]).ravel()
    e = (((r[:, None] + 1) % rows) * columns + (c[None] + 1) % columns).ravel()
    return grid.reshape(-1, 3), np.concatenate([np.stack([a, b, d], 1), np.stack([b, e, d], 1)])


def ball(centre: np.ndarray, radius, rows: int = 7, columns: int = 12) -> Solid:
    """An ellipsoid; radius one number or (3,)."""
    polar = np.linspace(0.12, np.pi - 0.12, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    grid = np.stack(np.broadcast_arrays(np.sin(polar) * np.cos(turn), -np.cos(polar), np.sin(polar) * np.sin(turn)), -1)
    return sheet(np.asarray(centre) + np.broadcast_to(radius, 3) * grid, False, True)


def merged(solids: list[Solid]) -> Solid:
    """Several bodies as one."""
    starts = np.cumsum([0, *(len(p) for p, _ in solids)])
    return np.concatenate([p for p, _ in solids]), np.concatenate([f + s for (_, f), s in zip(solids, starts)])


def outward(points: np.ndarray, triangles: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Vertex normals (N, 3), turned away from a centre (3,)."""
    n = vertex_normals(points, triangles)
    return n * np.where(((points - centre) * n).sum(1, keepdims=True) < 0, -1, 1)


def lit(normal: np.ndarray) -> np.ndarray:
    """How much of a light from above and in front reaches a normal (N, 3), in [0, 1]."""
    return np.clip(normal @ np.array([0.0, -0.8, -0.6]), 0, 1)


def cloth(color: np.ndarray, normal: np.ndarray, pattern=1.0) -> np.ndarray:
    """Colours (N, 3) of a matt surface: light from above, soft all around."""
    light = 0.50 + 0.38 * np.clip(0.5 + 0.5 * (normal @ np.array([0.0, -0.75, -0.66])), 0, 1) + 0.22 * lit(normal)
    return np.clip(color[None] * (light * pattern)[:, None], 0, 1)


def metal(color: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Colours (N, 3) of a polished surface: dark below, a highlight above."""
    light = lit(normal)
    return np.clip(color[None] * (0.55 + 0.55 * light[:, None]) + 0.45 * light[:, None] ** 6, 0, 1)
