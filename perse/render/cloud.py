"""A set of 3D Gaussians: what a rasterizer takes and what a .ply file holds."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass
class GaussianCloud:
    """N Gaussians as torch float32 tensors on one device.

    means (N,3) in world units; quats (N,4) wxyz, any non-zero length; scales (N,3) standard deviations, linear, > 0;
    opacities (N,) in [0,1]; colors (N,3) RGB in [0,1]. All may have one more dimension in front: a cloud a frame.
    """

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor

    def __post_init__(self):
        count = tuple(self.means.shape[:-1])
        expected = {"means": (*count, 3), "quats": (*count, 4), "scales": (*count, 3), "opacities": count, "colors": (*count, 3)}
        for name, shape in expected.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"{name} must be {shape}, not {tuple(getattr(self, name).shape)}")

    def __len__(self) -> int:
        return self.means.shape[-2]

    def to(self, device: torch.device | str) -> "GaussianCloud":
        """The same cloud on another device (itself where nothing moves)."""
        return self._map(lambda tensor: tensor.to(device))

    def detach(self) -> "GaussianCloud":
        """The same values, cut off from the gradient tape."""
        return self._map(Tensor.detach)

    def select(self, index: Tensor) -> "GaussianCloud":
        """The Gaussians at `index`: a boolean mask (N,) or integer positions (M,)."""
        return self._map(lambda tensor: tensor[index])

    @staticmethod
    def concat(clouds: "list[GaussianCloud]") -> "GaussianCloud":
        """One cloud that holds all of `clouds` in order; at least one is needed."""
        if not clouds:
            raise ValueError("concat needs at least one cloud")
        return GaussianCloud(*(torch.cat([getattr(cloud, field.name) for cloud in clouds]) for field in fields(GaussianCloud)))

    def _map(self, function) -> "GaussianCloud":
        return GaussianCloud(*(function(getattr(self, field.name)) for field in fields(GaussianCloud)))
