"""The colours that show pictures best: with all else fixed a rendered picture is linear in them."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..render.rasterize import rasterize
from .losses import Target

DAMPING = 0.05  # trust in the colours there are, in pixels
FAINT = 1.0  # more of it for what hardly shows: it would be tinted to help what is in front of it


@dataclass
class View:
    """A picture to be matched: the Gaussians in its pose, the picture, its camera, and how much it counts."""

    cloud: GaussianCloud
    target: Target
    camera: Camera
    weight: float = 1.0

    def __post_init__(self):
        self.cloud = GaussianCloud(*(getattr(self.cloud, name).detach() for name in ("means", "quats", "scales", "opacities", "colors")))
        self.target = self.target.as_float()

    def render(self, colors: Tensor, background: Tensor) -> Tensor:
        """(H, W, 3) with colours (N, 3) over a background (3,)."""
        return rasterize(replace(self.cloud, colors=colors), self.camera, backgrounds=background)[0].squeeze(0)

    def hand_back(self, pixels: Tensor) -> Tensor:
        """Pixels (H, W, 3) summed up for the Gaussians (N, 3) that show there."""
        with torch.enable_grad():
            colors = self.cloud.colors.clone().requires_grad_(True)
            return torch.autograd.grad(self.render(colors, torch.zeros_like(colors[0])), colors, self._weighed(pixels))[0]

    def there_and_back(self, colors: Tensor) -> Tensor:
        """`hand_back` of the rendering of `colors` over black, in one pass."""
        with torch.enable_grad():
            colors = colors.clone().requires_grad_(True)
            image = self.render(colors, torch.zeros_like(colors[0]))
            return torch.autograd.grad(image, colors, self._weighed(image.detach()))[0]

    def _weighed(self, pixels: Tensor) -> Tensor:
        taught = 1.0 if self.target.weight is None else self.target.weight[..., None]
        return (pixels * (taught * self.weight)).contiguous()


def solve_colors(colors: Tensor, views: list[View], background: Tensor, iterations: int) -> Tensor:
    """Colours (N, 3) in [0, 1] that bring renderings nearest to pictures, in least squares.

    Conjugate gradients (Hestenes & Stiefel 1952) on the normal equations, preconditioned by the pixels that a Gaussian covers.
    An iteration costs as much as an optimiser's step, and does for fine detail what takes those dozens.

    Args:
        colors: (N, 3) to begin with.
        background: (3,) over which pictures and renderings are compared.
    """
    with torch.no_grad():
        colors = colors.detach()
        covered = sum(view.hand_back(torch.ones_like(view.target.image)) for view in views)
        damping = DAMPING + FAINT * torch.exp(-2 * covered)
        covered = covered + damping
        residual = sum(
            view.hand_back(view.target.image + (1 - view.target.alpha[..., None]) * background - view.render(colors, background))
            for view in views
        )
        change, step = torch.zeros_like(residual), residual / covered
        strength = (residual * step).sum()
        for _ in range(iterations):
            if float(strength) <= 0:
                break
            bent = sum(view.there_and_back(step) for view in views) + damping * step
            rate = strength / (step * bent).sum()
            change += rate * step
            residual = residual - rate * bent
            scaled = residual / covered
            last, strength = strength, (residual * scaled).sum()
            step = scaled + strength / last * step
        return (colors + change).clamp(0, 1)
