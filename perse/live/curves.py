"""What a motion adds to the controls, moment by moment, small enough to be sent to a browser: plain JSON values."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..controls import Controls
from ..motion.presets import Preset

if TYPE_CHECKING:  # the page's first view needs no torch
    from ..avatar.avatar import Avatar

FPS = 30
MOST_MOVES = 12  # displacements of the mesh that a motion's `detail` is mixed of; speech has two
STEP = 1e-4  # eye distances in which displacements are told: a twentieth of a pixel of a head that fills 1,000
PLAIN = vars(Controls())


def moments(preset: Preset, avatar: "Avatar | None" = None, count: int = 0) -> dict:
    """A preset's `curves` in one loop, FPS times a second, or `count` times in all; avatar: whose own lips move, if it speaks."""
    count = count or round(FPS * preset.seconds)
    rig = None if avatar is None else avatar.rig
    return curves([preset.pose(k / count, rig) for k in range(count)], avatar)


def curves(frames: Iterable[Controls], avatar: "Avatar | None" = None) -> dict:
    """{"frames": [...]}: of each what differs from a portrait at rest, rounded beyond what is seen.

    A displacement of the landmarks, which has 1,404 numbers a frame, becomes amounts of at most MOST_MOVES common ones: then "moves" holds
    `which` vertices of the mesh they move (m,), and `by` how far, (K, 3 m) whole numbers of `step` eye distances, x, y, z of one vertex
    after the other; a frame's `detail` holds K amounts. Without an avatar, and so without a mesh, it is left out.
    """
    listed = list(frames)
    out: dict = {"frames": [_moment(frame) for frame in listed]}
    there = [k for k, frame in enumerate(listed) if frame.detail]
    if avatar is None or not there:
        return out
    import torch

    moves, amounts = common(np.array([listed[k].detail for k in there], np.float32))
    for k, row in zip(there, amounts):
        out["frames"][k]["detail"] = [round(float(x), 3) for x in row]
    with torch.no_grad():
        spread = avatar.poser.spread(torch.from_numpy(moves.reshape(len(moves), -1, 3)).to(avatar.poser.device)).cpu().numpy()
    whole = np.round(spread / STEP).astype(int)
    which = np.flatnonzero(whole.any((0, 2)))
    out["moves"] = {"step": STEP, "which": which.tolist(), "by": whole[:, which].reshape(len(whole), -1).tolist()}
    return out


def common(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """moves (K, N) and amounts (T, K) in [-1, 1] with amounts @ moves as near to rows (T, N) as K <= MOST_MOVES moves come.

    Halko, Martinsson and Tropp 2011: the rows are looked at through a few random directions; the same rows always give the same.
    """
    seen = rows @ np.random.default_rng(0).standard_normal((rows.shape[1], MOST_MOVES + 8)).astype(np.float32)
    basis, _ = np.linalg.qr(rows @ (rows.T @ seen))
    left, sizes, moves = np.linalg.svd(basis.T @ rows, full_matrices=False)
    count = min(MOST_MOVES, max(1, int((sizes > 1e-4 * sizes[:1]).sum())))
    amounts = (basis @ left[:, :count]) * sizes[:count]
    most = np.maximum(np.abs(amounts).max(0), 1e-9)
    return moves[:count] * most[:, None], amounts / most


def _moment(controls: Controls) -> dict:
    out: dict = {}
    for name, value in vars(controls).items():
        if isinstance(value, dict):
            value = {k: round(v, 3) for k, v in value.items() if abs(v) >= 0.0005}
        elif isinstance(value, float):
            value = round(value, 3 if name[-2:] in ("_x", "_y", "_z") else 2)
        if value != PLAIN[name] and not isinstance(value, tuple):  # lists have a number for every landmark
            out[name] = value
    return out
