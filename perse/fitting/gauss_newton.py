"""What a category's bases should be, by all of its lessons together: regularised least squares.

A rendering is nearly linear in colours, opacities and sizes, so a Gauss-Newton round (Nocedal & Wright 2006, "Numerical optimization",
ch. 10) does what takes an optimiser dozens of steps: the pictures are linearised where the bases are, and the best change of all
unknowns at once is found by conjugate gradients, an iteration of which costs a rendering forwards and one backwards for every lesson.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..render.cloud import GaussianCloud
from ..render.rasterize import rasterize
from ..side_by_side import SideBySide
from .lessons import Lesson
from .losses import ALPHA_WEIGHT
from .unknowns import Rows, Unknowns

# Least squares stand in for the mean absolute difference (iteratively reweighted: Holland & Welsch 1977): a pixel counts by the inverse
# of its error, and no more than one that is off by this.
LEAST_ERROR = 0.02
# Trust in the bases there are, in weighed pixels. Colours come from the clips' own textures and are nearly right: with less trust they make up
# for soft outlines, as a stripe of the background's colour.
TRUST = (60.0, 60.0, 60.0, 0.6, 2.0)
# That anything changes: what only a few pixels see at an edge would be a speck in other views.
MOST = (0.1, 0.1, 0.1, 1.0, 0.35)
TRUST_ALL = 1e-3  # the same in what a group has in common, which many see
# What a pixel tells of an opacity and of a size against what it tells of a colour: the squared contrast of things to what they lie on.
CONTRAST = 0.24
FAINTEST = 0.1  # of opacity, below which it is not divided by it
STEP = 0.01  # of the largest change, by which a picture is moved to see how it changes: far above rounding, far below bends
USUAL = 128 * 128  # pixels of a lesson that counts once


@dataclass
class _Linear:
    """A lesson at the point where it is linearised: its change (n, 5), which of its numbers are free there (n, 5), its Gaussians, of which
    colours, opacities and scales have gradients, the picture's colours (1, H, W, 3) and alpha (1, H, W, 1) with their graph, the picture
    (H, W, 4) without, and the pixels' weights (H, W, 4)."""

    lesson: Lesson
    change: Tensor
    within: Tensor
    cloud: GaussianCloud
    rgb: Tensor
    alpha: Tensor
    picture: Tensor
    weight: Tensor

    def back(self, pixels: Tensor) -> Tensor:
        """What the Gaussians (n, 5) should hear of pixels (H, W, 4)."""
        cloud, pixels = self.cloud, pixels[None]
        heard = torch.autograd.grad(
            (self.rgb, self.alpha),
            (cloud.colors, cloud.opacities, cloud.scales),
            (pixels[..., :3].contiguous(), pixels[..., 3:].contiguous()),
            retain_graph=True,
        )
        size = (heard[2] * cloud.scales.detach()).sum(1)
        return self.within * torch.cat([heard[0], heard[1][:, None], size[:, None]], 1)

    @torch.no_grad()
    def forth(self, direction: Tensor) -> Tensor:
        """How the picture (H, W, 4) changes along a change (n, 5)."""
        direction = self.within * direction
        step = STEP / float(direction.abs().max().clamp_min(1e-9))
        return (self.lesson.render(self.lesson.values(self.change + step * direction)) - self.picture) / step


def solve(
    lessons: list[Lesson], unknowns: Unknowns, rounds: tuple[int, ...], together: SideBySide, told: Callable[[], None] = lambda: None
) -> Tensor:
    """The table (M, 5) of changes, and not of large ones, by which renderings come nearest to the lessons' goals.

    Args:
        rounds: of each, how many iterations of conjugate gradients.
        together: what shares the lessons out. told: called after each pass over a lesson, of which a round has one more than iterations.
    """
    used = torch.zeros(unknowns.count, dtype=torch.bool, device=unknowns.free.device)
    for lesson in lessons:
        for term in lesson.terms:
            used[term.rows] = True
    seen, most = unknowns.of(used), unknowns.free.new_tensor(MOST)
    lessons = [lesson.knowing(used.cumsum(0) - 1) for lesson in lessons]
    own, common = seen.none(), seen.gathered(seen.none())
    for iterations in rounds:
        change = _round(lessons, seen, own, common, iterations, together, told)
        own, common = (own + change[0] * seen.free).clamp(-most, most), (common + change[1]).clamp(-most, most)
    whole = unknowns.none()
    whole[used] = own
    return unknowns.spread(whole, common).clamp(-most, most)


def _round(
    lessons: list[Lesson], unknowns: Rows, own: Tensor, common: Tensor, iterations: int, together: SideBySide, told
) -> tuple[Tensor, Tensor]:
    """The best change of what rows have of their own (M, 5), and of what groups have in common (G, 5)."""
    at, trust = unknowns.spread(own, common), unknowns.sure * own.new_tensor(TRUST)
    linear, wanted, known = [], unknowns.none(), unknowns.none()

    def begun(lesson: Lesson) -> tuple[_Linear, Tensor, Tensor]:
        one = _linearised(lesson, at)
        return one, one.back(one.weight * (lesson.goal - one.picture)), _curvature(one)

    for one, heard, curvature in together.each(begun, lessons):
        linear.append(one)
        one.lesson.hand_back(heard, wanted)
        one.lesson.hand_back(curvature, known, power=2)
        told()

    def bent(rows: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        direction, out = unknowns.spread(rows, groups), unknowns.none()
        heard = together.each(lambda one: one.back(one.weight * one.forth(one.lesson.change(direction))), linear)
        for one, part in zip(linear, heard, strict=True):
            one.lesson.hand_back(part, out)
            told()
        out *= unknowns.free
        return out + trust * rows, unknowns.gathered(out) + TRUST_ALL * groups

    wanted *= unknowns.free
    right = wanted - trust * own, unknowns.gathered(wanted) - TRUST_ALL * common
    return conjugate_gradients(bent, right, (known + trust, unknowns.gathered(known) + TRUST_ALL), iterations)


def conjugate_gradients(apply, right: tuple[Tensor, ...], scale: tuple[Tensor, ...], iterations: int) -> tuple[Tensor, ...]:
    """x of apply(x) = right (Hestenes & Stiefel 1952), preconditioned by `scale`, from 0, as near as so many iterations come.

    Args:
        apply: symmetric and positive; takes as many tensors as `right` has, and returns such.
    """

    def dot(one, other):
        return sum(float((a * b).sum()) for a, b in zip(one, other))

    x = tuple(torch.zeros_like(part) for part in right)
    rest, step = right, tuple(r / s for r, s in zip(right, scale))
    strength = dot(rest, step)
    for _ in range(iterations):
        if strength <= 0:
            break
        image = apply(*step)
        rate = strength / max(dot(step, image), 1e-20)
        x = tuple(a + rate * b for a, b in zip(x, step))
        rest = tuple(a - rate * b for a, b in zip(rest, image))
        scaled = tuple(r / s for r, s in zip(rest, scale))
        last, strength = strength, dot(rest, scaled)
        step = tuple(a + strength / last * b for a, b in zip(scaled, step))
    return x


def _linearised(lesson: Lesson, table: Tensor) -> _Linear:
    change = lesson.change(table)
    cloud = lesson.values(change)
    with torch.enable_grad():
        for part in (cloud.colors, cloud.opacities, cloud.scales):
            part.requires_grad_(True)
        rgb, alpha = rasterize(cloud, lesson.camera, backgrounds=lesson.background)
    picture = torch.cat([rgb.detach(), alpha.detach()], -1).squeeze(0)
    off = (lesson.goal - picture).abs()
    weight = lesson.weight * USUAL / off[..., 0].numel() / (off + LEAST_ERROR)
    weight[..., 3] *= 3 * ALPHA_WEIGHT  # one channel for three
    return _Linear(lesson, change, lesson.within(change), cloud, rgb, alpha, picture, weight)


def _curvature(one: _Linear) -> Tensor:
    """How much pixels tell of each number (n, 5), roughly: what scales the unknowns to one another."""
    weight = one.weight[..., :3].mean(-1, keepdim=True).expand(-1, -1, 3).contiguous()[None]
    pixels = torch.autograd.grad(one.rgb, one.cloud.colors, weight, retain_graph=True)[0].mean(1)
    opacity = one.cloud.opacities.detach().clamp_min(FAINTEST)
    return torch.stack([pixels, pixels, pixels, CONTRAST * pixels / opacity**2, CONTRAST * pixels], 1)
