"""The latent space: per category a small vector, decoded to changes of the rest shape and of the Gaussians.

Every axis of a category owns a linear basis over the Gaussians and vertices of its region; axes that fade something in and
two-sided ones whose ends are no mirror images own a second, quadratic one: change(z) = u B1 + u² B2 with u = pace(z), a rising
curve that makes equal steps of z equal steps of the picture (shapes follow z itself). Between two axes that each bring something of
their own the straight line goes through half of both, two half-grown hats, which is nobody's look: there the space is bent to lead
through a middle of its own, M, which interpolated faces teach:

    change(z1, z2) = change(z1) + change(z2) + m(z1, z2) (M - change(1/2) - change(1/2)),   m = 4 z1 z2 s² (2 - s)², s = z1 + z2

m is 1 in the middle, and 0 where either is absent or both are there in full. Zero latent is exactly zero change, a path is as smooth as
its latent path, and categories add up. The bases are fitted to the synthetic clips (perse/fitting).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from ..attributes.edit_vocabulary import Axis, Category, Style

KNOTS = 33  # of an axis' pace
BETWEEN = "__"  # between the names of two axes in that of their middle
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

    def powers(self, z: Tensor) -> Tensor:
        """By what the terms (terms,) are multiplied at a coordinate z (a 0-d tensor)."""
        if self.terms == 1:
            return z[None]
        u = self.paced(z)
        return torch.stack([u, u * u])

    def painted(self, powers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is added to color (n, 3), opacity (n,) and log scale (n,) of its Gaussians, with the terms times `powers` (terms,)."""
        return (
            torch.einsum("k,knc->nc", powers, self.color) * self.weight[:, None],
            torch.einsum("k,kn->n", powers, self.opacity) * self.weight,
            torch.einsum("k,kn->n", powers, self.log_scale) * self.weight,
        )

    def paint(self, change: Change, powers: Tensor) -> Change:
        """`change` with its terms times `powers` (terms,) added, the shape apart."""
        color, opacity, scale = self.painted(powers)
        return Change(
            change.color.index_add(0, self.gaussians, color),
            change.opacity.index_add(0, self.gaussians, opacity),
            change.log_scale.index_add(0, self.gaussians, scale),
            change.shape,
        )

    def moved(self, z: Tensor) -> Tensor:
        """What is added to the places (m, 3) of its vertices at a coordinate z."""
        return torch.einsum("k,kmc->mc", torch.stack([z, z * z])[: len(self.shape)], self.shape)

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
        self.middles = nn.ModuleDict()  # by the names of two axes, in the category's order: of one linear term, what they are at (1/2, 1/2)
        self._halves: dict[str, AxisBasis] = {}  # of pairs that have none, made when they are asked for

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

    def brings(self, axis: Axis) -> bool:
        """Whether an axis brings something of its own, strands or an object, that is invisible at rest."""
        return axis.low >= 0 and axis.needs is None and axis.name in self.axes and self.axes[axis.name].terms == 2

    def add_middle(self, first: str, second: str) -> None:
        """Give two axes a middle to be learnt."""
        self.middles[first + BETWEEN + second] = self.half_of_both(first, second).requires_grad_(self.axes[first].color.requires_grad)

    @torch.no_grad()
    def half_of_both(self, first: str, second: str) -> AxisBasis:
        """What is half of what each of two axes does at its end: of one linear term, in step with nothing."""
        one, other = self.axes[first], self.axes[second]
        rows = torch.cat([one.gaussians, other.gaussians]).unique()
        middle = AxisBasis(rows, torch.ones(len(rows), device=rows.device), rows[:0], 1).to(rows.device)
        for basis in (one, other):
            color, opacity, scale = basis.painted(basis.powers(torch.ones((), device=rows.device)))
            # What grows is more than opaque at its end.
            parts = {"color": color, "opacity": opacity.clamp(-MOST_OPAQUE, MOST_OPAQUE), "log_scale": scale}
            at = torch.searchsorted(rows, basis.gaussians)
            for name, part in parts.items():
                getattr(middle, name)[0].index_add_(0, at, part / 2)
        return middle

    @staticmethod
    def between(name: str) -> tuple[str, str]:
        """The axes of a middle."""
        first, second = name.split(BETWEEN)
        return first, second

    def part(self, name: str) -> AxisBasis:
        """The basis of an axis, or the middle of two: the one that was learnt, or else half of both."""
        for known in (self.axes, self.middles, self._halves):
            if name in known and known[name].weight.device == next(self.parameters()).device:
                return known[name]
        made = self.half_of_both(*self.between(name))
        self._halves = {**self._halves, name: made}  # replaced whole: visitors' threads may read it meanwhile
        return made

    def powers(self, category: str, z: Tensor) -> dict[str, Tensor]:
        """By what the terms of every basis, and of every middle, are multiplied at a point z (dim,) of a category; those that are not named
        are not there."""
        there = self._there(category, z)
        out = {name: self.axes[name].powers(at) for name, _, at in there if self.axes[name].paints}
        for (first, one, z1), (second, other, z2) in combinations(there, 2):
            name, total = first + BETWEEN + second, float((z1 + z2).detach())
            bent = name in self.middles or self.brings(one) and self.brings(other)
            if not bent or min(float(z1.detach()), float(z2.detach())) <= 0 or total >= 2:
                continue
            bend = 4 * z1 * z2 * (z1 + z2) ** 2 * (2 - z1 - z2) ** 2
            for axis in (first, second):
                out[axis] = out[axis] - bend * self.axes[axis].powers(bend.new_tensor(0.5))
            out[name] = bend[None]
        return out

    def _there(self, category: str, z: Tensor) -> list[tuple[str, Axis, Tensor]]:
        """Axes along which a point z (dim,) is not 0, and where it is."""
        axes = enumerate(self.categories[category].axes)
        return [(a.name, a, z[k]) for k, a in axes if a.name in self.axes and float(z[k].detach()) != 0]

    def shape(self, latents: dict[str, Tensor]) -> Tensor | None:
        """What latents (category -> (dim,)) add to the rest mesh (V, 3); None if that is nothing."""
        moves = [(self.axes[name], z) for category, at in latents.items() for name, _, z in self._there(category, at)]
        out = None
        for basis, z in moves:
            if len(basis.vertices):
                out = basis.shape.new_zeros(self.sizes[1], 3) if out is None else out
                out = out.index_add(0, basis.vertices, basis.moved(z))
        return out

    def forward(self, latents: dict[str, Tensor]) -> Change | None:
        """Decode latents (category -> (dim,)); None if all are zero."""
        if not any(self._there(category, z) for category, z in latents.items()):
            return None
        n, v = self.sizes
        like = next(self.parameters())
        shape = self.shape(latents)
        change = Change(like.new_zeros(n, 3), like.new_zeros(n), like.new_zeros(n), like.new_zeros(v, 3) if shape is None else shape)
        for category, z in latents.items():
            for name, powers in self.powers(category, z).items():
                change = self.part(name).paint(change, powers)
        return change
