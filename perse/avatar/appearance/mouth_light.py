"""Light in the mouth: what lies behind the lips is in their shade, the deeper the less they are open; and a driving clip tells what
its mouth shows, teeth or the dark."""

import numpy as np
import torch
from torch import Tensor

from ...controls import BANDS
from ...face.landmarks import LIPS
from ...ramps import smooth_step
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ..seeds.seed import MOUTH_PARTS
from .aperture import height

SHADE, WIDE = 0.40, 0.13  # light between lips that have just parted; gap over width from which all of it falls in
SHUT = 0.01  # gap over width up to which lips are closed
LIP_SHADE, LIP_DEPTH = 0.30, 0.05  # how much darker it is right under the upper lip; eye distances over which that fades
PALE, FEW = (0.5, 0.35), 20  # spread of the channels over the largest, of gums and of teeth; Gaussians that tell a colour
BRIGHTEST = 1.15  # times a tooth's usual colour
TEETH = 0.3  # logarithm of light to be added from which a gum is a tooth


class MouthLight:
    """Darkens, or brightens, teeth, tongue and throat.

    Args:
        rig: the person's; face (N,): triangles on which the Gaussians sit; colors (N, 3): theirs at rest; device: of the colours.
    """

    def __init__(self, rig: Rig, face: np.ndarray, colors: np.ndarray, device: torch.device | str = "cpu"):
        index = np.flatnonzero(np.isin(rig.face_part[face], MOUTH_PARTS))
        color, part = colors[index], rig.face_part[face[index]]
        bright = color.max(1)
        pale = smooth_step((bright - color.min(1)) / np.maximum(bright, 0.05), *PALE) * smooth_step(bright, 0.1, 0.2)
        of_teeth = np.isin(part, [PART["upper_teeth"], PART["lower_teeth"]])
        tooth = np.median(color[of_teeth & (pale > 0.5)], 0) if (of_teeth & (pale > 0.5)).sum() > FEW else np.zeros(3)
        gum = of_teeth * (1 - pale) * bool(tooth.any())
        self.index = torch.as_tensor(index, device=device)
        self.tooth = torch.as_tensor(tooth, dtype=torch.float32, device=device)
        self.most = (BRIGHTEST * self.tooth if tooth.any() else torch.ones(3, device=device)).clamp_max(1)
        self.gum = torch.as_tensor(gum[:, None], dtype=torch.float32, device=device)
        self.lips = [torch.as_tensor(LIPS[row], device=device) for row in ("upper_inner", "lower_inner")]
        # An open mouth's own light is in its colours.
        rest = torch.as_tensor(rig.vertices, dtype=torch.float32, device=device)
        self.own = self._falls_in(rest) if rig.mouth_open else torch.ones(1, device=device)

    def __call__(self, colors: Tensor, vertices: Tensor, means: Tensor, light: Tensor | None = None) -> Tensor:
        """Colours (N, 3) or (..., N, 3), the very same tensor while nothing darkens them.

        vertices (..., V, 3) of the posed rig and means (..., N, 3) of the Gaussians on it; light (..., BANDS): logarithm of what a clip
        adds, band by band from the upper lip down.
        """
        falls_in = (self._falls_in(vertices) / self.own).clamp_max(1)
        if light is None and falls_in.dim() == 1 and falls_in.device.type == "cpu" and bool(falls_in == 1):
            return colors
        upper, lower = (vertices[..., row, :] for row in self.lips)
        origin, across = upper[..., 0, :], upper[..., -1, :] - upper[..., 0, :]
        width = across.norm(dim=-1, keepdim=True)
        across = across / width.clamp_min(1e-6)
        down = lower.mean(-2) - upper.mean(-2)
        down = torch.nn.functional.normalize(down - (down * across).sum(-1, keepdim=True) * across, dim=-1)

        def flat(p: Tensor) -> tuple[Tensor, Tensor]:
            p = p - origin[..., None, :]
            return (p * across[..., None, :]).sum(-1), (p * down[..., None, :]).sum(-1)

        x, y = flat(means[..., self.index, :])
        top, bottom = (height(*flat(lip), x) for lip in (upper, lower))
        own = colors[..., self.index, :]
        depth = (y - top).clamp_min(0)
        factor = falls_in[..., None] * (1 - LIP_SHADE * (1 - falls_in[..., None]) * torch.exp(-depth / LIP_DEPTH)[..., None])
        if light is not None:
            place = (BANDS * depth / (bottom - top).clamp_min(1e-3) - 0.5).clamp(0, BANDS - 1 - 1e-4)
            first = place.floor().long()
            above, below = (light.gather(-1, first + k) for k in (0, 1))
            here = (above + (place - first) * (below - above))[..., None]
            # Where a clip shows what is brighter it shows teeth: there a gum is one.
            own = own + self.gum * (here / TEETH).clamp(0, 1) * (self.tooth - own)
            factor = factor * here.exp()
        # No tooth is lighter than this light makes it, whatever shines in a clip.
        shown = torch.minimum(own * factor, torch.maximum(own, self.most)).clamp_min(0)
        # Not in place: the colours at rest stay as they are.
        return colors.expand(*shown.shape[:-2], *colors.shape[-2:]).index_copy(-2, self.index, shown)

    def _falls_in(self, vertices: Tensor) -> Tensor:
        """(..., 1): light between the lips, SHADE to 1."""
        upper, lower = (vertices[..., row, :] for row in self.lips)
        width = (upper[..., 0, :] - upper[..., -1, :]).norm(dim=-1, keepdim=True)
        gap = (upper - lower).norm(dim=-1).amax(-1, keepdim=True) / width.clamp_min(1e-6)
        open_ = ((gap - SHUT) / (WIDE - SHUT)).clamp(0, 1)
        # Nothing shows between closed lips, and all is as it is at rest.
        shut = (1 - gap / SHUT).clamp(0, 1)
        return SHADE + (1 - SHADE) * torch.maximum(shut, open_ * open_ * (3 - 2 * open_))
