"""Light that moves over a face: a portrait's own is baked in; a driving clip says how it changes, landmark by landmark."""

import numpy as np
import torch
from torch import Tensor

from ...render.jit import compiled
from ...rig.skeleton import PART
from .effect import Pose, Rest, kernel_may


class FaceLight:
    """Brightens and darkens what lies on the skin.

    coefficients (n, 3): barycentric ones in the triangle of vertices `corners` (n, 3).
    scalars (V, 3): light is a field over the mesh, not a few numbers; a shader reads it at three vertices, as it reads their places.
    """

    def __init__(self, rest: Rest, device: torch.device | str = "cpu"):
        chosen = np.flatnonzero(np.isin(rest.part, [PART["face"], PART["shell"]]))
        self.index = torch.as_tensor(chosen, device=device)
        self.corners = torch.as_tensor(rest.rig.faces[rest.face[chosen]], device=device)
        self.coefficients = torch.as_tensor(rest.bary[chosen], dtype=torch.float32, device=device)

    def scalars(self, pose: Pose) -> Tensor | None:
        """See `Effect`."""
        return pose.light

    def recolour(self, colors: Tensor, scalars: Tensor, means: Tensor) -> Tensor:
        """See `Effect`."""
        if kernel_may(colors, scalars, 2):
            rows = torch.empty(len(self.index), 3)
            arrays = (self.index, self.corners, self.coefficients, scalars.contiguous(), colors.detach().contiguous(), rows)
            _brighten(*(x.detach().numpy() for x in arrays))
            return rows
        here = (scalars[..., self.corners, :] * self.coefficients[..., None]).sum(-2)
        return (colors.index_select(-2, self.index) * here.exp()).clamp(0, 1)


@compiled()
def _brighten(index, corners, bary, light, colors, rows):
    """The torch form above without a trip to memory for each of its steps."""
    for i in range(len(index)):
        a, b, c = corners[i, 0], corners[i, 1], corners[i, 2]
        for k in range(3):
            here = light[a, k] * bary[i, 0] + light[b, k] * bary[i, 1] + light[c, k] * bary[i, 2]
            rows[i, k] = min(max(colors[index[i], k] * np.exp(here), np.float32(0)), np.float32(1))
