"""Where an eyeball shows between its lids. Lids are flat between their few vertices, and a ball that turns behind them, or over which
they slide, would pierce them."""

import numpy as np
import torch
from torch import Tensor

from ...face.landmarks import EYE
from ...rig.eyes import CAP, SECTORS
from ...rig.rig import Rig
from ...rig.skeleton import PART

MARGIN, SOFT = 0.010, 0.02  # eye distances beyond a lid's edge up to which a ball shows, and over which it ceases to
SLACK = 0.02  # how much farther beyond it the portrait itself may show it, where landmarks have missed the edge
STILL = 1e-3  # eye distances
CORNER = 0.12  # of an eye's length, by which its lids are taken to be longer at either end


class Aperture:
    """How far the points of one eyeball lie behind its lids.

    A lid hugs the ball, so what lies behind it in front of the eye does so for whoever looks from elsewhere.

    Args:
        rig: the person's; side: of the eye; index (n,): of the eyeball's Gaussians; points (n, 3): where they are at rest.
    """

    def __init__(self, rig: Rig, side: str, index: np.ndarray, points: np.ndarray, device: torch.device | str = "cpu"):
        eye = EYE[side]
        self.index = torch.as_tensor(index, device=device)
        ball = np.flatnonzero(rig.vertex_part == PART[f"eye_{side}"])
        # The ball's centre is a mixture of the cap's pole and the middle of its last ring, wherever the cap is.
        self.pole, self.ring = int(ball[0]), torch.as_tensor(ball[-SECTORS:], device=device)
        self.lids = [torch.as_tensor([eye["outer"], *eye[lid], eye["inner"]], device=device) for lid in ("upper", "lower")]
        self.side = 1.0 if side == "left" else -1.0  # from the outer corner to the inner one is the other way in the other eye
        rest = torch.as_tensor(rig.vertices, dtype=torch.float32, device=device)
        own = self._beyond(rest, torch.as_tensor(points, dtype=torch.float32, device=device))
        self.rest = self._shape(rest)
        self.margin = MARGIN + torch.where(own < SLACK, own.clamp_min(0), torch.zeros_like(own))

    def __call__(self, vertices: Tensor, means: Tensor) -> Tensor:
        """(..., n) in [0, 1]: 1 behind a lid that has moved, or under which the ball has.

        vertices (..., V, 3) and Gaussians' means (..., N, 3), posed.
        """
        moved = self._moved(vertices)
        if moved.dim() == 1 and moved.device.type == "cpu" and not bool(moved):
            return moved.expand(len(self.index))
        return moved * ((self._beyond(vertices, means[..., self.index, :]) - self.margin) / SOFT).clamp(0, 1)

    def _moved(self, vertices: Tensor) -> Tensor:
        """(..., 1) in [0, 1]: 0 while the lids lie about the ball, and the ball looks, as at rest: nothing has pierced them there."""
        return (((self._shape(vertices) - self.rest).abs().amax(-1, keepdim=True) - STILL) / STILL).clamp(0, 1)

    def _shape(self, vertices: Tensor) -> Tensor:
        """Distances (..., 18) of the lids' points from the ball's pole: the same wherever the head has turned."""
        return (vertices[..., torch.cat(self.lids), :] - vertices[..., self.pole:self.pole + 1, :]).norm(dim=-1)

    def _beyond(self, vertices: Tensor, points: Tensor) -> Tensor:
        """(..., n) eye distances beyond the edge of the nearer lid; negative between the lids."""
        share = np.cos(np.pi - CAP)
        pole, ring = vertices[..., self.pole, :], vertices[..., self.ring, :].mean(-2)
        centre = (share * pole + ring) / (1 + share)
        upper, lower = (vertices[..., lid, :] for lid in self.lids)
        forward = (upper.mean(-2) + lower.mean(-2)) / 2 - centre
        forward = torch.nn.functional.normalize(forward, dim=-1)
        along = upper[..., -1, :] - upper[..., 0, :]
        along = torch.nn.functional.normalize(along - (along * forward).sum(-1, keepdim=True) * forward, dim=-1)
        up = self.side * torch.linalg.cross(along, forward)

        def seen(p: Tensor) -> tuple[Tensor, Tensor]:
            """Points (..., m, 3) as they lie across the eye: along its length, and up."""
            p = p - centre[..., None, :]
            return (p * along[..., None, :]).sum(-1), (p * up[..., None, :]).sum(-1)

        x, y = seen(points)
        upper, lower = (height(*_longer(*seen(lid)), x) for lid in (upper, lower))
        return torch.maximum(y - upper, lower - y)


def _longer(xs: Tensor, ys: Tensor) -> tuple[Tensor, Tensor]:
    """A curve (..., K) drawn out at both ends: between the lids' corners the ball is not all behind one or the other."""
    grown = CORNER * (xs[..., -1:] - xs[..., :1])
    return torch.cat([xs[..., :1] - grown, xs[..., 1:-1], xs[..., -1:] + grown], -1), ys


def height(xs: Tensor, ys: Tensor, at: Tensor) -> Tensor:
    """Piecewise linear curve through (xs, ys) (..., K), xs rising, at (..., n)."""
    xs = xs.cummax(-1).values
    run = (xs[..., 1:] - xs[..., :-1]).clamp_min(1e-6)
    slope = (ys[..., 1:] - ys[..., :-1]) / run
    along = torch.minimum((at[..., None] - xs[..., None, :-1]).clamp_min(0), run[..., None, :])
    return ys[..., :1] + (along @ slope[..., None]).squeeze(-1)
