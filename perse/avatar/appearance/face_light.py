"""Light that moves over a face: a portrait's own is baked in; a driving clip says how it changes, landmark by landmark."""

import numpy as np
import torch
from torch import Tensor

from ...render.jit import compiled


class FaceLight:
    """Brightens and darkens what lies on the skin.

    Args:
        rig: the person's; face (N,), bary (N, 3): where the things to be lit sit; device: of the colours.
    """

    def __init__(self, rig, face: np.ndarray, bary: np.ndarray, device: torch.device | str = "cpu"):
        from ...rig.skeleton import PART

        chosen = np.flatnonzero(np.isin(rig.face_part[face], [PART["face"], PART["shell"]]))
        self.index = torch.as_tensor(chosen, device=device)
        self.corners = torch.as_tensor(rig.faces[face[chosen]], device=device)
        self.bary = torch.as_tensor(bary[chosen], dtype=torch.float32, device=device)

    def __call__(self, colors: Tensor, light: Tensor) -> Tensor:
        """Colours (N, 3) or (..., N, 3) under light (V, 3) or (..., V, 3): the logarithm of how much brighter each vertex is."""
        learns = torch.is_grad_enabled() and (colors.requires_grad or light.requires_grad)
        if colors.dim() == light.dim() == 2 and colors.device.type == "cpu" and not learns:
            return self._of_one(colors, light)
        here = (light[..., self.corners, :] * self.bary[..., None]).sum(-2)
        lit = (colors[..., self.index, :] * here.exp()).clamp(0, 1)
        # Not in place: the colours at rest stay as they are.
        return colors.expand(*lit.shape[:-2], *colors.shape[-2:]).index_copy(-2, self.index, lit)

    def _of_one(self, colors: Tensor, light: Tensor) -> Tensor:
        """The same of one frame on the CPU, without a trip to memory for each step; for no gradients."""
        out = colors.detach().clone()
        _brighten(self.index.numpy(), self.corners.numpy(), self.bary.numpy(), np.ascontiguousarray(light.detach().numpy()), out.numpy())
        return out


@compiled()
def _brighten(index, corners, bary, light, colors):
    for i in range(len(index)):
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        for k in range(3):
            here = light[a, k] * bary[i, 0] + light[b, k] * bary[i, 1] + light[c, k] * bary[i, 2]
            colors[index[i], k] = min(max(colors[index[i], k] * np.exp(here), np.float32(0)), np.float32(1))
