"""The latent space: per category a small vector, decoded to changes of the rest shape and of the Gaussians.

Every axis of a category owns a linear basis over the Gaussians and vertices of its region; axes that fade something in and
two-sided ones whose ends are no mirror images own a second, quadratic one: change(z) = u B1 + u² B2 with u = pace(z), a rising
curve that makes equal steps of z equal steps of the picture (shapes follow z itself). Zero latent is exactly zero change, a path
is as smooth as its latent path, and categories add up. The bases are fitted to the synthetic clips (perse/fitting).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..attributes.edit_vocabulary import Category, Style

KNOTS = 33  # of an axis' pace
MOST_OPAQUE = 0.99  # opacity that no Gaussian exceeds, with or without edits


@dataclass
class Change:
    """What a latent does: color (N, 3), opacity (N,), log_scale (N,) added to the Gaussians, shape (V, 3) to the rest mesh."""

    color: Tensor
    opacity: Tensor
    log_scale: Tensor
    shape: Tensor


class AxisBasis(nn.Module):
    """Basis of one axis.

    Args:
        gaussians: (n,) indices it may change; weight: (n,) how much (its region's soft mask).
        vertices: (m,) vertices it may move.
        terms: 1 for a linear basis, 2 for a quadratic one as well; shape_terms: the same of its shape.
        paints: False for an edit that only moves the surface. Its colours would learn nothing but the blur of the clips: a
            slider that reads "nose" and softens the face at both of its ends.
    """

    def __init__(self, gaussians: Tensor, weight: Tensor, vertices: Tensor, terms: int, paints: bool = True, shape_terms: int = 1):
        super().__init__()
        self.paints = paints
        self.register_buffer("pace", torch.linspace(0, 1, KNOTS))
        n, m = len(gaussians), len(vertices)
        self.register_buffer("gaussians", gaussians.long())
        self.register_buffer("weight", weight.float())
        self.register_buffer("vertices", vertices.long())
        self.terms = terms
        self.color = nn.Parameter(torch.zeros(terms, n, 3))
        self.opacity = nn.Parameter(torch.zeros(terms, n))
        self.log_scale = nn.Parameter(torch.zeros(terms, n))
        self.shape = nn.Parameter(torch.zeros(shape_terms, m, 3))

    def paced(self, z: Tensor) -> Tensor:
        """u of a coordinate z: the curve through the knots `pace` at 0 … 1, mirrored for negative z."""
        at = z.abs() * (KNOTS - 1)
        k = int(at.detach().clamp(0, KNOTS - 2))
        return z.sign() * (self.pace[k] + (at - k) * (self.pace[k + 1] - self.pace[k]))

    def painted(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is added to color (n, 3), opacity (n,) and log scale (n,) of its Gaussians at u (a 0-d tensor)."""
        powers = torch.stack([u, u * u])[: self.terms]
        return (
            torch.einsum("k,knc->nc", powers, self.color) * self.weight[:, None],
            torch.einsum("k,kn->n", powers, self.opacity) * self.weight,
            torch.einsum("k,kn->n", powers, self.log_scale) * self.weight,
        )

    def add_to(self, change: Change, z: Tensor) -> Change:
        """`change` plus this axis at coordinate z (a 0-d tensor)."""
        shape = torch.einsum("k,kmc->mc", torch.stack([z, z * z])[: len(self.shape)], self.shape)
        if not self.paints:
            return Change(change.color, change.opacity, change.log_scale, change.shape.index_add(0, self.vertices, shape))
        color, opacity, scale = self.painted(self.paced(z) if self.terms == 2 else z)
        return Change(
            change.color.index_add(0, self.gaussians, color),
            change.opacity.index_add(0, self.gaussians, opacity),
            change.log_scale.index_add(0, self.gaussians, scale),
            change.shape.index_add(0, self.vertices, shape),
        )

    @torch.no_grad()
    def start(self, plus: Tensor, minus: Tensor | None, name: str) -> None:
        """Set basis `name` so that z = 1 gives `plus` and z = -1 gives `minus` (before the region's weight)."""
        basis = getattr(self, name)
        minus = -plus if minus is None else minus
        if len(basis) == 1:
            basis[0] = (plus - minus) / 2
        else:
            basis[0], basis[1] = (plus - minus) / 2, (plus + minus) / 2


class LatentSpace(nn.Module):
    """All categories of one avatar.

    Args:
        categories: the catalogue entries this avatar offers.
        gaussian_count, vertex_count: N and V.
    """

    def __init__(self, categories: list[Category], gaussian_count: int, vertex_count: int):
        super().__init__()
        self.categories = {c.name: c for c in categories}
        self.sizes = (gaussian_count, vertex_count)
        self.axes = nn.ModuleDict()

    def add(self, axis: str, basis: AxisBasis) -> None:
        """Give an axis its basis."""
        self.axes[axis] = basis

    def style_code(self, category: str, style: str) -> np.ndarray:
        """Latent (dim,) of a named style. Raises KeyError for an unknown name."""
        c = self.categories[category]
        found: Style = next((s for s in c.styles if s.name == style), None)
        if found is None:
            raise KeyError(style)
        code = np.zeros(c.dim, np.float32)
        for name, value in found.at:
            code[c.axis_index(name)] = value
        return code

    def forward(self, latents: dict[str, Tensor]) -> Change | None:
        """Decode latents (category -> (dim,)); None if all are zero."""
        change = None
        for name, z in latents.items():
            for k, axis in enumerate(self.categories[name].axes):
                if axis.name not in self.axes or (float(z[k].detach()) == 0.0):
                    continue
                if change is None:
                    n, v = self.sizes
                    like = next(self.parameters())
                    change = Change(like.new_zeros(n, 3), like.new_zeros(n), like.new_zeros(n), like.new_zeros(v, 3))
                change = self.axes[axis.name].add_to(change, z[k])
        return change
