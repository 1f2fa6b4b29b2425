"""The latent space: per category a small vector, decoded to changes of the rest shape and of the Gaussians.

Every axis of a category owns a linear basis over the Gaussians and vertices of its region; axes that fade something in and
two-sided ones whose ends are no mirror images own a second, quadratic one: change(z) = u B1 + u² B2 with u = pace(z), a rising
curve that makes equal steps of z equal steps of the picture (shapes follow z itself). What grows has a front, and between two such axes
the straight line leads through two halves that have not grown yet: half a cap and half a cowboy hat were no hat at all. As far as two
are mixed, by g, each is there as a whole and as faint as its share is small; and two axes may have a middle M, which is what
interpolated faces teach of the way between them:

    change(z1, z2) = sum of (1 - g) change(z) + g z^1.5 change(1), + m M,    m = 4 z1 z2 h,  g = h (1 - (1 - q)²),
    q = 4 z1 z2 / s²,  h = s² (2 - s)²,  s = z1 + z2

g and m are 1 half way, and 0 where either is absent or both are there in full. Zero latent is exactly zero change, a path is as smooth
as its latent path, and categories add up, but that dye goes with the hair that an edit takes off. The bases are fitted to the synthetic clips (perse/fitting).
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor, nn

from ..attributes.edit_vocabulary import Axis, Bare, Category, Dye, Prop, Style

KNOTS = 33  # of an axis' pace
BETWEEN = "__"  # between the names of two axes in that of their middle
WHOLE = "whole "  # before an axis' name in that of what it is at its end
# Exponent of the share of a whole: things lie a few layers deep, and half of their opacity is most of them. 1 to 2 work; 1.5 is the straightest way.
FAINTER = 1.5
FRONT = -1.0  # median of linear terms of opacity, below which something grows, held back at first: objects have -2 to -3, what fades 0
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

    takes_off: Tensor | None

    def __init__(self, gaussians: Tensor, weight: Tensor, vertices: Tensor, terms: int, paints: bool = True, shape_terms: int = 1):
        super().__init__()
        self.paints = paints
        self.register_buffer("pace", torch.linspace(0, 1, KNOTS))
        self.register_buffer("takes_off", None, persistent=False)  # see `hair_taken_off`, where it cannot be told from the basis any more
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

    def opacity_at(self, z: Tensor) -> Tensor:
        """What alone is added to the opacity (n,) of its Gaussians at a coordinate z."""
        return torch.einsum("k,kn->n", self.powers(z), self.opacity) * self.weight

    def paint(self, change: Change, powers: Tensor, left: Tensor | None = None) -> Change:
        """`change` with its terms times `powers` (terms,) added, the shape apart; left (N,): of each Gaussian, by what its colour counts."""
        color, opacity, scale = self.painted(powers)
        if left is not None:
            color = color * left[self.gaussians, None]
        return Change(
            change.color.index_add(0, self.gaussians, color),
            change.opacity.index_add(0, self.gaussians, opacity),
            change.log_scale.index_add(0, self.gaussians, scale),
            change.shape,
        )

    def hair_taken_off(self) -> Tensor:
        """How much of each of its Gaussians' hair (n,) it takes off at its end, if it is an edit that bares; strands that it brings stay."""
        if self.takes_off is not None:
            return self.takes_off
        return self.weight * (self.opacity.detach().sum(0) * self.weight <= MOST_OPAQUE / 2)

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
        self.middles = nn.ModuleDict()  # by the names of two axes, in the category's order: of one linear term
        self._wholes: dict[str, AxisBasis] = {}  # what axes are at their ends, made when they are asked for
        self._grow: dict[str, bool] = {}
        edits = {a.name: a.edits for c in categories for a in c.axes}
        self.dyes, self.bares = (
            frozenset(name for name, of_axis in edits.items() if any(isinstance(e, kind) for e in of_axis)) for kind in (Dye, Bare)
        )

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

    def grows(self, axis: Axis) -> bool:
        """Whether what it brings is an object with a front that moves on with the amount; of strands some are there, wherever they grow."""
        if axis.name not in self._grow and not any(isinstance(edit, Prop) for edit in axis.edits):
            self._grow[axis.name] = False
        if axis.name not in self._grow:
            opacity = self.axes[axis.name].opacity.detach() if self.brings(axis) else torch.zeros(2, 0)
            brought = opacity[0, opacity.sum(0) > MOST_OPAQUE / 2]
            self._grow[axis.name] = len(brought) > 0 and float(brought.median()) < FRONT
        return self._grow[axis.name]

    def bends(self, axis: Axis) -> bool:
        """Whether the straight line to another axis may be wrong: objects that fade in are half there half way, as they should be."""
        return self.grows(axis) or not any(isinstance(edit, Prop) for edit in axis.edits)

    def add_middle(self, first: str, second: str) -> None:
        """Give two axes a middle to be learnt; it begins as nothing."""
        one, other = self.axes[first], self.axes[second]
        rows = torch.cat([one.gaussians, other.gaussians]).unique()
        middle = AxisBasis(rows, torch.ones(len(rows), device=rows.device), rows[:0], 1)
        self.middles[first + BETWEEN + second] = middle.to(rows.device).requires_grad_(one.color.requires_grad)

    @staticmethod
    def between(name: str) -> tuple[str, str]:
        """The axes of a middle."""
        first, second = name.split(BETWEEN)
        return first, second

    def part(self, name: str) -> AxisBasis:
        """The basis of an axis, of a middle, or of what an axis is at its end."""
        for known in (self.axes, self.middles, self._wholes):
            if name in known and known[name].weight.device == next(self.parameters()).device:
                return known[name]
        made = self._whole(self.axes[name.removeprefix(WHOLE)])
        self._wholes = {**self._wholes, name: made}  # replaced whole: visitors' threads may read it meanwhile
        return made

    @torch.no_grad()
    def _whole(self, basis: AxisBasis) -> AxisBasis:
        """What a basis does at its end, as one linear term."""
        color, opacity, scale = basis.painted(basis.powers(torch.ones((), device=basis.weight.device)))
        whole = AxisBasis(basis.gaussians, torch.ones_like(basis.weight), basis.vertices[:0], 1).to(basis.weight.device)
        # What grows is more than opaque at its end.
        for name, part in {"color": color, "opacity": opacity.clamp(-MOST_OPAQUE, MOST_OPAQUE), "log_scale": scale}.items():
            getattr(whole, name)[0] = part
        return whole.requires_grad_(False)

    def forget(self) -> None:
        """The bases have changed: what was made from them is to be made anew."""
        self._wholes, self._grow = {}, {}

    def powers(self, category: str, z: Tensor) -> dict[str, Tensor]:
        """By what the terms of every part are multiplied at a point z (dim,) of a category; parts that are not named are not there."""
        there = self._there(category, z)
        out = {name: self.axes[name].powers(at) for name, _, at in there if self.axes[name].paints}
        mixed: dict[str, Tensor] = {}
        for (first, one, z1), (second, other, z2) in combinations(there, 2):
            growing = [axis.name for axis in (one, other) if self.grows(axis)] if self.brings(one) and self.brings(other) else []
            total, name = z1 + z2, first + BETWEEN + second
            if min(float(z1.detach()), float(z2.detach())) <= 0 or float(total.detach()) >= 2 or not (growing or name in self.middles):
                continue
            together = total**2 * (2 - total) ** 2
            share = together * (1 - (1 - 4 * z1 * z2 / total**2) ** 2)
            for axis in growing:  # of several others the one that it is mixed with most
                if axis not in mixed or float(share.detach()) > float(mixed[axis].detach()):
                    mixed[axis] = share
            if name in self.middles:
                out[name] = (4 * z1 * z2 * together)[None]
        for name, _, at in there:
            if name in mixed:
                out[name], out[WHOLE + name] = (1 - mixed[name]) * out[name], (mixed[name] * at**FAINTER)[None]
        return out

    def _there(self, category: str, z: Tensor) -> list[tuple[str, Axis, Tensor]]:
        """Axes along which a point z (dim,) is not 0, and where it is."""
        values = z.tolist()  # once: each look at a number on a GPU waits for it
        axes = enumerate(self.categories[category].axes)
        return [(a.name, a, z[k]) for k, a in axes if a.name in self.axes and values[k] != 0]

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
        left = self._hair_left(latents)
        for category, z in latents.items():
            for name, powers in self.powers(category, z).items():
                change = self.part(name).paint(change, powers, left if name in self.dyes else None)
        return change

    def _hair_left(self, latents: dict[str, Tensor]) -> Tensor | None:
        """Share (N,) of each Gaussian's hair that no edit has taken off; None if that is all. A bald head is not dyed with its hair."""
        there = [(name, z) for category, at in latents.items() for name, _, z in self._there(category, at)]
        if not any(name in self.dyes for name, _ in there):
            return None
        left = None
        for name, z in there:
            if name in self.bares:
                basis = self.axes[name]
                left = z.new_ones(self.sizes[0]) if left is None else left
                left = left.index_add(0, basis.gaussians, -z.clamp(0, 1) * basis.hair_taken_off())
        return left if left is None else left.clamp(0, 1)
