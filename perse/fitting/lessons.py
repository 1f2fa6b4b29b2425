"""What a student needs for a lesson of stage two: a posed part of the avatar, the picture it should show, and which unknowns show there.

The lesson is the change, not the picture. What the person's own fit left over against the synthetic clips is not an edit's business:
where an edit lets the person show through, the goal is what the student shows without the edit, plus what the edit changes in the clip.
Where an edit lays something over the person, the clip's own picture is the goal. So an edit that changes nothing somewhere must change
nothing there, which keeps it at home without a penalty of its own.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..avatar.avatar import Avatar
from ..avatar.binding import Binding
from ..avatar.latent_space import MOST_OPAQUE, WHOLE
from ..avatar.skinning import Follower
from ..avatar.state import State
from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..render.rasterize import rasterize
from ..synthesis.base import Frame
from .losses import ALPHA_WEIGHT, SSIM_WEIGHT, structure
from .unknowns import COLORS, COLUMNS, OPACITY, SIZE, Unknowns

# Pixels of a lesson that a Gaussian must be to take part. Without those that shine through a little there would be less of the picture
# (0.05 costs .0007 of a loss, 0.15 .004), for which the bases would make up.
LEAST_SEEN = 0.01


@dataclass
class Term:
    """What a part of the unknowns adds in a lesson: to the lesson's Gaussians `local` (k,) the rows `rows` (k,), `factor` (k,) times."""

    local: Tensor
    rows: Tensor
    factor: Tensor


@dataclass
class Lesson:
    """A posed lesson, of n Gaussians.

    cloud: as it is posed, colours, opacities and sizes without any edit; edit (n, 5): what the edit, as it is, adds to them.
    goal (H, W, 4): the picture over `background` (3,), and its alpha. weight: how much it counts.
    """

    cloud: GaussianCloud
    edit: Tensor
    terms: list[Term]
    camera: Camera
    goal: Tensor
    background: Tensor
    weight: float

    def seen(self) -> "Lesson":
        """The same of the Gaussians that can be seen."""
        kept = self._pixels() > LEAST_SEEN
        place, terms = kept.cumsum(0) - 1, []
        for term in self.terms:
            there = kept[term.local]
            terms.append(Term(place[term.local[there]], term.rows[there], term.factor[there]))
        parts = (getattr(self.cloud, name)[kept] for name in ("means", "quats", "scales", "opacities", "colors"))
        return replace(self, cloud=GaussianCloud(*parts), edit=self.edit[kept], terms=terms)

    def knowing(self, rows: Tensor) -> "Lesson":
        """The same of a table that has row k at `rows[k]` (M,)."""
        return replace(self, terms=[replace(term, rows=rows[term.rows]) for term in self.terms])

    def _pixels(self) -> Tensor:
        with torch.enable_grad():
            cloud = self.values(torch.zeros_like(self.edit))
            colors = cloud.colors.detach().requires_grad_(True)
            rgb, _ = rasterize(replace(cloud, colors=colors), self.camera)
            one = torch.zeros_like(rgb)
            one[..., 0] = 1
            return torch.autograd.grad(rgb, colors, one)[0][:, 0]

    def change(self, table: Tensor) -> Tensor:
        """What the unknowns (M, 5) add to its Gaussians: (n, 5)."""
        out = torch.zeros_like(self.edit)
        for term in self.terms:
            out.index_add_(0, term.local, term.factor[:, None] * table[term.rows])
        return out

    def hand_back(self, change: Tensor, into: Tensor, power: int = 1) -> None:
        """The transpose of `change`: add what its Gaussians (n, 5) say to the unknowns (M, 5); with a power of 2, of its squares."""
        for term in self.terms:
            into.index_add_(0, term.rows, (term.factor**power)[:, None] * change[term.local])

    def values(self, change: Tensor) -> GaussianCloud:
        """The Gaussians with a further change (n, 5)."""
        whole = self.edit + change
        return replace(
            self.cloud,
            colors=(self.cloud.colors + whole[:, COLORS]).clamp(0, 1),
            opacities=(self.cloud.opacities + whole[:, OPACITY]).clamp(0, MOST_OPAQUE),
            scales=self.cloud.scales * whole[:, SIZE, None].exp(),
        )

    def within(self, change: Tensor) -> Tensor:
        """1 where a further change (n, 5) leaves a number what it adds up to, 0 where that is beyond what a colour or an opacity may be."""
        whole = self.edit + change
        colors, opacities = self.cloud.colors + whole[:, COLORS], self.cloud.opacities + whole[:, OPACITY]
        free = [(colors >= 0) & (colors <= 1), ((opacities >= 0) & (opacities <= MOST_OPAQUE))[:, None]]
        return torch.cat([*free, torch.ones_like(free[1])], 1).to(change)

    def render(self, cloud: GaussianCloud) -> Tensor:
        """(H, W, 4): what `goal` is to be."""
        rgb, alpha = rasterize(cloud, self.camera, backgrounds=self.background)
        return torch.cat([rgb, alpha], -1).squeeze(0)

    @torch.no_grad()
    def loss(self, table: Tensor) -> float:
        """How far it is from its goal: L1 + SSIM + alpha, as in `losses.picture_loss`."""
        return picture_distance(self.render(self.values(self.change(table))), self.goal)


def picture_distance(shown: Tensor, goal: Tensor) -> float:
    """Between pictures (H, W, 4) with alpha."""
    off = (shown - goal).abs()
    return float(off[..., :3].mean() + ALPHA_WEIGHT * off[..., 3].mean() + SSIM_WEIGHT * structure(shown[..., :3], goal[..., :3]))


class Student:
    """What poses lessons of one category: the Gaussians of an avatar that are visible at rest or that the category brings.

    Args:
        avatar: fitted to the person; its bases may change meanwhile. background: (3,) over which pictures are compared.
    """

    def __init__(self, avatar: Avatar, unknowns: Unknowns, background: Tensor):
        self.avatar, self.unknowns, self.background = avatar, unknowns, background
        kept = avatar.opacities.detach() > 0
        for basis in unknowns.bases.values():
            kept[basis.gaussians] = True
        self.rows = kept.nonzero()[:, 0]
        self.place = kept.cumsum(0) - 1  # of a Gaussian among the rows
        self.at_rest = {
            name: getattr(avatar, name).detach()[self.rows] for name in ("offset", "quats", "log_scales", "colors", "opacities")
        }
        binding = Binding(avatar.binding.face[self.rows], avatar.binding.bary[self.rows])
        faces = torch.as_tensor(avatar.rig.faces, device=avatar.device)
        self.follower = Follower(avatar.poser.rest, faces, binding, avatar.follower.rigid[self.rows])

    @torch.no_grad()
    def lesson(self, frame: Frame, latent: Tensor, state: State) -> Lesson:
        """A lesson ready to be learnt.

        Args:
            latent: (dim,) of the category; state: the frame's pose, without it.
        """
        space, category = self.avatar.space, self.unknowns.category
        plain = edited = self._cloud(state, None)
        shown = torch.cat(rasterize(plain, frame.camera, backgrounds=self.background), -1).squeeze(0)
        shape = space.shape({category: latent})
        if shape is not None:
            edited = self._cloud(state, shape)
        unknowns, edit = self.unknowns, torch.zeros(len(self.rows), COLUMNS, device=latent.device)
        brought = torch.arange(len(unknowns.brought), device=latent.device)
        terms = [Term(self.place[unknowns.brought], unknowns.own + brought, torch.ones_like(brought, dtype=edit.dtype))]
        one = latent.new_ones(())
        for name, powers in space.powers(category, latent).items():
            basis = space.part(name)
            local, count = self.place[basis.gaussians], len(basis.gaussians)
            color, opacity, size = basis.painted(powers)
            edit.index_add_(0, local, torch.cat([color, opacity[:, None], size[:, None]], 1))
            # As a whole an axis is what its terms come to at the end.
            name, powers = (
                (name, powers)
                if name in unknowns.first
                else (name.removeprefix(WHOLE), powers * space.axes[name.removeprefix(WHOLE)].powers(one))
            )
            first = unknowns.first[name] + torch.arange(count, device=local.device)
            terms += [Term(local, first + k * count, f * unknowns.bases[name].weight) for k, f in enumerate(unknowns.factors(name, powers))]
        wanted = goal(frame, shown, self.background)
        return Lesson(edited, edit, terms, frame.camera, wanted, self.background, frame.weight).seen()

    def _cloud(self, state: State, shape: Tensor | None) -> GaussianCloud:
        rest = self.at_rest
        vertices = self.avatar.poser(state.weights, state.head, state.gaze, shape)
        means, quats, scales = self.follower(vertices, rest["offset"], rest["quats"], rest["log_scales"])
        return GaussianCloud(means, quats, scales, rest["opacities"], rest["colors"])


def goal(frame: Frame, shown: Tensor, background: Tensor) -> Tensor:
    """(H, W, 4): what the student should show, which shows `shown` (H, W, 4) without the edit."""

    def over(image, alpha):
        image, alpha = (torch.from_numpy(x).to(shown.device).float() / 255 for x in (image, alpha))
        return torch.cat([image + (1 - alpha[..., None]) * background, alpha[..., None]], -1)

    edited, before = over(frame.image, frame.alpha), frame.before
    if before is None:
        return edited
    kept = torch.from_numpy(before.kept).to(shown.device).float()[..., None] / 255
    left_over = shown - over(before.image, before.alpha)
    if before.came_from is not None:
        place = torch.from_numpy(before.came_from).to(shown) * (2 / len(shown)) - 1
        left_over = F.grid_sample(left_over.permute(2, 0, 1)[None], place[None], padding_mode="border", align_corners=False)[0].permute(
            1, 2, 0
        )
    return (edited + kept * left_over).clamp(0, 1)
