"""Edges of lids and lips: curves through a few landmarks in the plane across an eye or a mouth."""

import torch
from torch import Tensor


def across(points: Tensor, origin: Tensor, along: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
    """Where points (..., m, 3) lie in a plane with an origin and two unit axes (..., 3): along it and up, (..., m) each."""
    points = points - origin[..., None, :]
    return (points * along[..., None, :]).sum(-1), (points * up[..., None, :]).sum(-1)


def height(xs: Tensor, ys: Tensor, at: Tensor) -> Tensor:
    """Piecewise linear curves through (xs, ys) (..., K), xs rising, at (..., n); level beyond their ends."""
    xs = xs.cummax(-1).values
    slope = ys.diff(dim=-1) / xs.diff(dim=-1).clamp_min(1e-6)
    at = at.clamp(xs[..., :1], xs[..., -1:])  # (..., n) of every curve now
    piece = torch.searchsorted(xs[..., 1:-1].contiguous(), at)
    start, level, slope = (x.gather(-1, piece) for x in (xs[..., :-1], ys[..., :-1], slope))
    return level + slope * (at - start)
