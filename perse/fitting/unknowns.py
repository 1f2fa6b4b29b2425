"""What a category's lessons may change, as one table of numbers, for whoever solves for all of them at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..avatar.avatar import Avatar
from ..avatar.latent_space import AxisBasis

COLUMNS = 5  # of the table: red, green, blue, opacity, log scale
COLORS, OPACITY, SIZE = slice(0, 3), 3, 4
SURE_OF_MIDDLES = 0.1  # they begin as nothing, which is a guess
AMOUNTS = (1 / 3, 2 / 3, 1.0)  # at which a change of a basis of two terms counts


@dataclass
class Rows:
    """What is known of the rows of a table (M, 5).

    free (M, 5): 1 where something may be learnt, 0 elsewhere: what an edit only recolours keeps its opacity and its size.
    group (M,): rows of one term of one basis, and those of what one axis brings, have one number below `groups`. What all of a group have
        in common is learnt from many more pixels than any row sees, and holds in views that no lesson shows.
    sure (M, 1): how near to the truth a row begins, an axis' own being 1.
    """

    free: Tensor
    group: Tensor
    groups: int
    sure: Tensor

    def of(self, kept: Tensor) -> "Rows":
        """Some of them, `kept` (M,) bool."""
        return Rows(self.free[kept], self.group[kept], self.groups, self.sure[kept])

    def none(self) -> Tensor:
        """The table that changes nothing."""
        return torch.zeros_like(self.free)

    def spread(self, rows: Tensor, groups: Tensor) -> Tensor:
        """(M, 5) of what rows (M, 5) have of their own and groups (G, 5) in common."""
        return self.free * (rows + groups[self.group])

    def gathered(self, rows: Tensor) -> Tensor:
        """The transpose: sums (G, 5) over the rows (M, 5) of each group."""
        return rows.new_zeros(self.groups, COLUMNS).index_add_(0, self.group, rows * self.free)


class Unknowns(Rows):
    """Changes of all that a category's axes, and the middles between them, paint.

    A row of the table (M, 5) belongs to a Gaussian of a term of a basis, or to a Gaussian that an edit brings: what is not there at rest
    has one colour and one size at every amount, and learns them as its own. Terms are not those of the basis but such sums of them
    that a change of so much is one of so much at `AMOUNTS`, or a lesson that shows a little of an edit would change ever more of it towards
    the end, where nothing was taught.

    Args:
        avatar: fitted to the person.

    Attributes:
        bases: by name. first: of each, its first row. brought (k,): Gaussians that have rows of their own, the last ones. count: M.
    """

    def __init__(self, avatar: Avatar, category: str):
        space, rest = avatar.space, avatar.opacities.detach()
        names = [a.name for a in space.categories[category].axes if a.name in space.axes and space.axes[a.name].paints]
        self.avatar, self.category = avatar, category
        self.bases: dict[str, AxisBasis] = {name: space.axes[name] for name in names}
        self.bases |= {name: middle for name, middle in space.middles.items() if space.between(name)[0] in names}
        self.first, self.count, groups = {}, 0, 0
        owner = torch.full((len(rest),), -1, device=rest.device)
        free, group, sure = [], [], []
        anywhere = torch.zeros(len(rest), dtype=torch.bool, device=rest.device)
        for name in names:
            anywhere[space.axes[name].gaussians[space.axes[name].opacity.detach().any(0)]] = True
        for number, (name, basis) in enumerate(self.bases.items()):
            self.first[name], rows = self.count, len(basis.gaussians)
            self.count += basis.terms * rows
            added = rest[basis.gaussians] == 0
            fades = basis.opacity.detach().any(0) if name in space.axes else anywhere[basis.gaussians]
            learnt = torch.ones(rows, COLUMNS, device=rest.device)
            learnt[:, OPACITY] = learnt[:, SIZE] = fades.float()
            if name in space.axes:  # of a middle, colours and sizes are as much its own as opacities
                mine = basis.gaussians[added & fades]
                owner[mine] = number
                learnt[added & fades] = torch.eye(COLUMNS, device=rest.device)[OPACITY]
            for _ in range(basis.terms):
                free.append(learnt)
                group.append(groups + added.long())
                sure.append(rest.new_full((rows, 1), 1.0 if name in space.axes else SURE_OF_MIDDLES))
                groups += 2
        self.brought = (owner >= 0).nonzero()[:, 0]
        learnt = torch.ones(len(self.brought), COLUMNS, device=rest.device)
        learnt[:, OPACITY] = 0
        super().__init__(
            torch.cat([*free, learnt]),
            torch.cat([*group, groups + owner[self.brought]]),
            groups + len(self.bases),
            torch.cat([*sure, rest.new_ones(len(self.brought), 1)]),
        )
        self.own, self.count = self.count, self.count + len(self.brought)
        self._rising = [a.name for a in space.categories[category].axes if space.brings(a)]
        both = {a.name for a in space.categories[category].axes if a.low < 0}
        self._mix = {name: _evened(name in both).to(rest.device) for name, basis in self.bases.items() if basis.terms == 2}

    def factors(self, name: str, powers: Tensor) -> Tensor:
        """By what a basis' rows are multiplied (terms,) where its terms are by `powers` (terms,)."""
        return powers @ self._mix[name] if name in self._mix else powers

    @torch.no_grad()
    def apply(self, table: Tensor) -> None:
        """Change the avatar by a table (M, 5)."""
        for name, basis in self.bases.items():
            rows = table[self.first[name] :][: basis.terms * len(basis.gaussians)].view(basis.terms, -1, COLUMNS)
            if name in self._mix:
                rows = torch.einsum("jk,knc->jnc", self._mix[name], rows)
            basis.color += rows[..., COLORS]
            basis.opacity += rows[..., OPACITY]
            basis.log_scale += rows[..., SIZE]
            if name in self._rising:
                _rise(basis)
        self.avatar.space.forget()
        own = table[self.own :]
        self.avatar.colors[self.brought] = (self.avatar.colors[self.brought] + own[:, COLORS]).clamp(0, 1)
        self.avatar.log_scales[self.brought] += own[:, SIZE, None]


def _rise(basis: AxisBasis) -> None:
    """What fades in does so all the way to its end: where it would turn back before, it comes to rest there."""
    linear, quadratic = basis.opacity
    end = linear + quadratic
    turns = (linear + 2 * quadratic < 0) & (end > 0)
    basis.opacity[0] = torch.where(turns, 2 * end, linear)
    basis.opacity[1] = torch.where(turns, -end, quadratic)


def _evened(two_sided: bool) -> Tensor:
    """Sums of two terms (2, 2), a column each, of which a change of one is on average one over the amounts."""
    amounts = [*AMOUNTS, *(-u for u in AMOUNTS)] if two_sided else AMOUNTS
    at = torch.tensor([[u, u * u] for u in amounts])
    return torch.linalg.inv(torch.linalg.cholesky(at.T @ at / len(amounts)).T)
