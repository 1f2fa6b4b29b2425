"""Light that moves over a face: a portrait's own is baked in; a driving clip says how it changes, landmark by landmark."""

import numpy as np
import torch
from torch import Tensor


class FaceLight:
    """Brightens and darkens what lies on the skin.

    Args:
        rig: the person's; face (N,), bary (N, 3): where the things to be lit sit; device: of the colours.
    """

    def __init__(self, rig, face: np.ndarray, bary: np.ndarray, device: torch.device | str = "cpu"):
        from .rig import PART

        chosen = np.flatnonzero(np.isin(rig.face_part[face], [PART["face"], PART["shell"]]))
        self.index = torch.as_tensor(chosen, device=device)
        self.corners = torch.as_tensor(rig.faces[face[chosen]], device=device)
        self.bary = torch.as_tensor(bary[chosen], dtype=torch.float32, device=device)

    def __call__(self, colors: Tensor, light: Tensor) -> Tensor:
        """Colours (N, 3) or (..., N, 3) under light (V, 3) or (..., V, 3): the logarithm of how much brighter each vertex is."""
        here = (light[..., self.corners, :] * self.bary[..., None]).sum(-2)
        lit = (colors[..., self.index, :] * here.exp()).clamp(0, 1)
        # Not in place: the colours at rest stay as they are.
        return colors.expand(*lit.shape[:-2], *colors.shape[-2:]).index_copy(-2, self.index, lit)
