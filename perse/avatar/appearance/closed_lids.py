"""A closed lid: a portrait with open eyes shows but a sliver of its skin, and what little there is are lashes and shadow.

Drawn out over the eyeball that sliver would be one dark smear. So, as far as a lid closes, its Gaussians take the colour of the skin
around the eye; along the edge, where the lids meet, they darken to a line of lashes. What then still shows of the eyeball is the gap
between two Gaussians, and no white: it takes the lid's colour too.
"""

import numpy as np
import torch
from torch import Tensor

from ...face.landmarks import EYE
from ...render.jit import compiled
from ...rig.expressions import INDEX
from .effect import Pose, Rest, is_nothing, kernel_may
from .eye_aperture import EyeAperture
from .lid_gaussians import LidSkin

JITTER = 0.08  # of the opening: a driver's lids lower than this are none of a blink
# How far each shape lowers the upper lid, in shares of the opening; see expressions.SHAPES.
CLOSING = {"eye_blink": 1.0, "eye_look_down": 0.40, "eye_squint": 0.15}
ALL_SKIN = 0.65  # closing from which a lid has all of its skin's colour
BALL_HIDDEN = (0.80, 0.98)  # closing over which an eyeball takes the lid's


class ClosedLid:
    """Recolours the lids and the eyeball of one eye, as far as it is closed. The first `balls` Gaussians are the eyeball's.

    coefficients (n, 3): how much each takes part, 1 on the eyeball; its shade, a factor, and depth, an exponent, under the lashes.
    skin (n, NEIGHBOURS), mix (n, NEIGHBOURS): the Gaussians, and their shares, of which its colour on a closed lid is mixed. That colour
    changes with an edit, never with a pose, so that a shader need not mix: `mixed` gives three more coefficients.
    scalars (2 + sum(EyeAperture.SCALARS)): how far the lid has its skin's colour, and the ball the lid's, 0..1; what the aperture asks.
    """

    def __init__(self, rest: Rest, side: str, found: LidSkin, device: torch.device | str = "cpu"):
        def tensor(values):
            return torch.as_tensor(values, device=device)

        self.side, self.balls = side, found.balls
        self.index, self.skin, self.mix, self.down = (tensor(x) for x in (found.index, found.skin, found.mix, found.down))
        self.coefficients = tensor(np.stack([found.weight, found.shade, found.depth], 1))
        ball = found.index[: found.balls]
        self.aperture = EyeAperture(rest.rig, side, rest.points[ball] + rest.offset[ball], device)

    def scalars(self, pose: Pose) -> Tensor | None:
        """See `Effect`."""
        closed = sum(share * pose.weights[..., INDEX[f"{name}_{self.side}"], None] for name, share in CLOSING.items())
        if pose.detail is not None:
            lowered = (pose.detail[..., EYE[self.side]["upper"], :] * self.down).sum(-1).mean(-1, keepdim=True)
            closed = closed + lowered - lowered.clamp(-JITTER, JITTER)
        lid, shut = (closed / ALL_SKIN).clamp(0, 1), ((closed - BALL_HIDDEN[0]) / (BALL_HIDDEN[1] - BALL_HIDDEN[0])).clamp(0, 1)
        lid, shut = (x * x * (3 - 2 * x) for x in (lid, shut))
        moved = self.aperture.moved(pose.vertices)
        if is_nothing(lid + shut + moved):
            return None
        return torch.cat([lid, shut, self.aperture.scalars(pose.vertices, moved)], -1)

    def recolour(self, colors: Tensor, scalars: Tensor, means: Tensor) -> Tensor:
        """See `Effect`."""
        lid, shut, aperture = scalars.split((1, 1, scalars.shape[-1] - 2), -1)
        weight, shade, depth = self.coefficients.unbind(-1)
        covered = torch.maximum(shut, self.aperture.covers(aperture, means.index_select(-2, self.index[: self.balls])))
        share = torch.cat([covered, lid * weight[self.balls :]], -1)
        # Lashes lie along the line where the lids meet: what a lid covers before is plain skin.
        lashes = torch.cat([shut.expand_as(covered), torch.ones_like(share[..., self.balls :])], -1)
        if kernel_may(colors, scalars, 1):
            rows = torch.empty(len(self.index), 3)
            arrays = (self.index, self.skin, self.mix, shade, depth, share, lashes, colors.contiguous(), rows)
            _paint(*(x.detach().numpy() for x in arrays))
            return rows
        shade, depth = (1 + lashes[..., None] * (x[:, None] - 1) for x in (shade, depth))
        own = colors.index_select(-2, self.index)
        return own + share[..., None] * (self.mixed(colors).pow(depth) * shade - own)

    def mixed(self, colors: Tensor) -> Tensor:
        """The skin's colour (..., n, 3) that each has on a closed lid, of those (..., N, 3) that all have with an edit."""
        return (colors[..., self.skin, :] * self.mix[..., None]).sum(-2)


@compiled()
def _paint(index, skin, mix, shade, depth, share, lashes, colors, rows):
    """The torch form above, of the Gaussians alone that have a share."""
    for i in range(len(index)):
        darker, deeper = 1 + lashes[i] * (shade[i] - 1), 1 + lashes[i] * (depth[i] - 1)
        for k in range(3):
            own = colors[index[i], k]
            rows[i, k] = own
            if share[i] == 0:
                continue
            mixed = np.float32(0)
            for j in range(skin.shape[1]):
                mixed += mix[i, j] * colors[skin[i, j], k]
            rows[i, k] = own + share[i] * (mixed**deeper * darker - own)
