"""Strands of hair as ribbons."""

import numpy as np

from .bound_mesh import BoundMesh


def ribbons(
    paths: np.ndarray,
    across: np.ndarray,
    width: float | np.ndarray,
    color: np.ndarray,
    face: np.ndarray,
    bary: np.ndarray,
    anchor: np.ndarray,
    kind: str,
    start: np.ndarray | None,
    tip: float = 0.3,
) -> BoundMesh:
    """Strands as ribbons.

    Args:
        paths: (S, K + 1, 3) rest positions from root to tip.
        across: (S, 3) or (S, K + 1, 3) unit direction of the ribbon's width.
        width: of all, or (S,) of each.
        color: (S, K + 1, 3).
        face, bary, anchor: (S, K + 1), (S, K + 1, 3), (S, K + 1, 3) what each point hangs on, and where that is.
        start: (S, K + 1) amount at which it appears; None: all fade in.
        tip: width of the tip over that of the rest.
    """
    count, length = paths.shape[:2]
    half = np.tile(0.5 * np.broadcast_to(width, count)[:, None], (1, length))
    half[:, -1] *= tip
    side = (across if across.ndim == 3 else across[:, None]) * half[..., None]
    points = np.stack([paths - side, paths + side], 2)  # (S, K + 1, 2, 3)
    base = np.arange(count)[:, None] * 2 * length
    triangles = np.concatenate([base + 2 * k + q for k in range(length - 1) for q in ([0, 1, 2], [1, 3, 2])])
    segments = np.concatenate([base + [2 * k, 2 * k + 2] for k in range(length - 1)])

    def twice(x):
        return np.repeat(x.reshape(count * length, *x.shape[2:]), 2, 0)

    return BoundMesh(
        twice(face),
        twice(bary),
        (points - anchor[:, :, None]).reshape(-1, 3),
        triangles.astype(np.int64),
        twice(np.clip(color, 0, 1)),
        segments.astype(np.int64),
        float(np.mean(width)),
        kind,
        None if start is None else twice(start),
    )
