"""What every effect on colour has in common, so that the avatar, a shader and a test ask all of them alike.

An effect recolours a fixed set of Gaussians. What it knows of each of them are coefficients, made once; what it asks of a pose are
scalars, the same for all of them; and one formula of a Gaussian's coefficients, the pose's scalars, and the Gaussian's own place and
colour gives the new one. Nothing is solved for per frame, so that a shader can evaluate the same formula.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ...render.jit import compiled
from ...rig.rig import Rig


@dataclass
class Pose:
    """One frame, or several where there are leading dimensions.

    weights: (..., E) of the blendshapes. vertices: (..., V, 3) of the posed rig. means: (..., N, 3) of the Gaussians on it.
    detail: (..., 468, 3), what a driver displaces the landmarks by. light: (..., V, 3), the logarithm of how much brighter a driver's light
    makes each vertex. mouth_light: (..., BANDS), the same between the lips, from the upper one down. None where there is no driver.
    """

    weights: Tensor
    vertices: Tensor
    means: Tensor
    detail: Tensor | None = None
    light: Tensor | None = None
    mouth_light: Tensor | None = None


@dataclass
class Rest:
    """The N Gaussians at rest, from which effects take their coefficients: face (N,), bary (N, 3) and offset (N, 3) say where they sit on
    the rig; colors (N, 3); opacities (N,), exactly 0 for what edits add."""

    rig: Rig
    face: np.ndarray
    bary: np.ndarray
    offset: np.ndarray
    colors: np.ndarray
    opacities: np.ndarray

    @cached_property
    def part(self) -> np.ndarray:
        """(N,) of the rig that each sits on: indices into `rig.PARTS`."""
        return self.rig.face_part[self.face]

    @cached_property
    def points(self) -> np.ndarray:
        """(N, 3) of the surface under them."""
        return self.rig.points_on(self.face, self.bary)


class Effect(Protocol):
    """Recolours the Gaussians `index` (n,), rising or not, none of them twice."""

    index: Tensor
    coefficients: Tensor  # (n, K), what the formula knows of each of them; the class says which

    def scalars(self, pose: Pose) -> Tensor | None:
        """(..., S) of a pose, or None where it is known at no cost that nothing changes."""
        ...

    def recolour(self, colors: Tensor, scalars: Tensor, means: Tensor) -> Tensor:
        """New colours (..., n, 3) of its Gaussians, of those (N, 3) or (..., N, 3) that all have and of where they are (..., N, 3)."""
        ...


def recoloured(colors: Tensor, pose: Pose, effects: tuple[Effect, ...]) -> Tensor:
    """Colours (N, 3) or (..., N, 3) as they are in a pose, each effect upon those before it; the very same tensor if none changes any."""
    rest = colors
    for effect in effects:
        scalars = effect.scalars(pose)
        if scalars is None:
            continue
        rows = effect.recolour(colors, scalars, pose.means)
        if colors is rest:  # which others use, too
            colors = rest.expand(*rows.shape[:-2], *rest.shape[-2:]).clone()
        if kernel_may(colors, rows, 2):
            _put(rows.numpy(), effect.index.numpy(), colors.numpy())
        else:
            colors.index_copy_(-2, effect.index, rows)
    return colors


@compiled()
def _put(rows, index, colors):
    """`index_copy_`, which takes four times as long."""
    for i in range(len(index)):
        for k in range(3):
            colors[index[i], k] = rows[i, k]


def is_nothing(share: Tensor) -> bool:
    """Whether a share (...) of an effect is zero everywhere, as far as that can be asked: a GPU would be waited for longer than it works."""
    return share.device.type == "cpu" and not bool(share.any())


def kernel_may(colors: Tensor, scalars: Tensor, frame: int) -> bool:
    """Whether a compiled kernel may stand in for the torch form: one frame on the CPU, and nobody asks for gradients.

    frame: number of dimensions that the scalars of one frame have.
    """
    learns = torch.is_grad_enabled() and (colors.requires_grad or scalars.requires_grad)
    return colors.dim() == 2 and scalars.dim() == frame and colors.device.type == "cpu" and not learns
