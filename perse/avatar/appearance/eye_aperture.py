"""Where an eyeball shows between its lids. Lids are flat between their few vertices, and a ball that turns behind them, or over which
they slide, would pierce them."""

import numpy as np
import torch
from torch import Tensor

from ...face.landmarks import EYE
from ...rig.eyes import CAP, SECTORS
from ...rig.rig import Rig
from ...rig.skeleton import PART
from .edges import across, height
from .effect import is_nothing

MARGIN, FADE = 0.010, 0.02  # eye distances beyond a lid's edge up to which a ball shows, and over which it ceases to
SLACK = 0.02  # how much farther beyond it the portrait itself may show it, where landmarks have missed the edge
STILL = 1e-3  # eye distances, by which a lid's distance from the ball may change before it counts as moved
CORNER = 0.12  # of an eye's length, by which its lids are taken to be longer at either end
EDGE = 9  # landmarks of a lid's edge, the eye's corners included


class EyeAperture:
    """How far the points of one eyeball lie behind its lids.

    A lid hugs the ball, so what lies behind it in front of the eye does so for whoever looks from elsewhere.

    margin (n,): eye distances beyond the edge up to which each point shows.

    Args:
        rig: the person's; side: of the eye; points (n, 3): of the eyeball's Gaussians at rest.
    """

    SCALARS = (1, 3, 3, 3, 2 * EDGE, 2 * EDGE)  # moved; the eye's centre, along it, up; edges of upper and lower lid along it, and up

    def __init__(self, rig: Rig, side: str, points: np.ndarray, device: torch.device | str = "cpu"):
        eye = EYE[side]
        ball = np.flatnonzero(rig.vertex_part == PART[f"eye_{side}"])
        # The ball's centre is a mixture of the cap's pole and the middle of its last ring, wherever the cap is.
        self.pole, self.ring = int(ball[0]), torch.as_tensor(ball[-SECTORS:], device=device)
        edges = [[eye["outer"], *eye[lid], eye["inner"]] for lid in ("upper", "lower")]
        self.edges = torch.as_tensor(edges, device=device).ravel()
        self.toward_inner = 1.0 if side == "left" else -1.0  # from the outer corner to the inner one is the other way in the other eye
        rest = torch.as_tensor(rig.vertices, dtype=torch.float32, device=device)
        self.rest = self._shape(rest)
        beyond = self._beyond(self.scalars(rest, self.moved(rest)), torch.as_tensor(points, dtype=torch.float32, device=device))
        self.margin = MARGIN + torch.where(beyond < SLACK, beyond.clamp_min(0), torch.zeros_like(beyond))

    def moved(self, vertices: Tensor) -> Tensor:
        """(..., 1) in [0, 1]: 0 while the lids lie about the ball, and the ball looks, as at rest: nothing has pierced them there."""
        return (((self._shape(vertices) - self.rest).abs().amax(-1, keepdim=True) - STILL) / STILL).clamp(0, 1)

    def scalars(self, vertices: Tensor, moved: Tensor) -> Tensor:
        """(..., sum(SCALARS)) of a posed rig (..., V, 3) by which lids have `moved`."""
        share = np.cos(np.pi - CAP)
        pole, ring = vertices[..., self.pole, :], vertices[..., self.ring, :].mean(-2)
        centre = (share * pole + ring) / (1 + share)
        edges = vertices[..., self.edges, :]
        upper, lower = edges.unflatten(-2, (2, EDGE)).unbind(-3)
        forward = (upper.mean(-2) + lower.mean(-2)) / 2 - centre
        forward = torch.nn.functional.normalize(forward, dim=-1)
        along = upper[..., -1, :] - upper[..., 0, :]
        along = torch.nn.functional.normalize(along - (along * forward).sum(-1, keepdim=True) * forward, dim=-1)
        up = self.toward_inner * torch.linalg.cross(along, forward)
        return torch.cat([moved, centre, along, up, *across(edges, centre, along, up)], -1)

    def covers(self, scalars: Tensor, points: Tensor) -> Tensor:
        """(..., n) in [0, 1]: 1 behind a lid that has moved, or under which the ball has; of posed points (..., n, 3)."""
        moved = scalars[..., :1]
        if is_nothing(moved):
            return moved.expand(*moved.shape[:-1], points.shape[-2])
        return moved * ((self._beyond(scalars, points) - self.margin) / FADE).clamp(0, 1)

    def _shape(self, vertices: Tensor) -> Tensor:
        """Distances (..., 2 EDGE) of the lids' points from the ball's pole: the same wherever the head has turned."""
        return (vertices[..., self.edges, :] - vertices[..., self.pole : self.pole + 1, :]).norm(dim=-1)

    def _beyond(self, scalars: Tensor, points: Tensor) -> Tensor:
        """(..., n) eye distances beyond the edge of the nearer lid; negative between the lids."""
        _, centre, along, up, xs, ys = scalars.split(self.SCALARS, -1)
        x, y = across(points, centre, along, up)
        upper, lower = height(*_longer(xs.unflatten(-1, (2, EDGE)), ys.unflatten(-1, (2, EDGE))), x[..., None, :]).unbind(-2)
        return torch.maximum(y - upper, lower - y)


def _longer(xs: Tensor, ys: Tensor) -> tuple[Tensor, Tensor]:
    """A curve (..., K) drawn out at both ends: between the lids' corners the ball is not all behind one or the other."""
    grown = CORNER * (xs[..., -1:] - xs[..., :1])
    return torch.cat([xs[..., :1] - grown, xs[..., 1:-1], xs[..., -1:] + grown], -1), ys
