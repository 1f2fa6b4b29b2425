"""Stage two: the bases of the latent space, from edited clips and interpolated faces; the person is frozen.

Lessons of one category know nothing of another's bases: each category is solved for on its own, from all of its lessons at once.
"""

import math

import torch

from .. import stages
from ..attributes.edit_vocabulary import Category
from ..avatar.avatar import Avatar
from ..avatar.latent_space import LatentSpace
from ..side_by_side import SideBySide
from ..synthesis.base import Clip, Frame
from .effort import POSING, Effort, cost
from .gauss_newton import solve
from .initial_avatar import Paint
from .lessons import Student
from .teaching import Teaching
from .unknowns import Unknowns

TOLD_EVERY = 4  # passes over a lesson between two reports


def fit_space(teaching: Teaching, effort: Effort, told: float) -> int:
    """Solve for what axes and middles change.

    Args:
        told: the share of the whole fit that is over when this stage begins, for reports.

    Returns:
        Passes over lessons that were made.
    """
    avatar = teaching.avatar
    avatar.requires_grad_(False)
    background = teaching.tone_color()
    todo = [(category, lessons_of(teaching.clips, category.name)) for category in in_order(avatar.space)]
    planned = sum(len(lessons) for _, lessons in todo) * cost(effort.rounds)
    count = 0

    def tell():
        nonlocal count
        count += 1
        if count % TOLD_EVERY == 0:
            teaching.check(told + (1 - told) * min(count / max(planned, 1), 1), stages.SLIDERS, count // TOLD_EVERY)

    if not effort.over():
        teaching.check(told, stages.SLIDERS, 0)
    for n, (category, lessons) in enumerate(todo):
        unknowns = Unknowns(avatar, category.name)
        if effort.over() or not unknowns.count or not lessons:
            continue
        rounds, share = effort.affordable(sum(len(others) for _, others in todo[n:]))
        lessons = lessons[: math.ceil(share * len(lessons))]
        began = effort.clock()
        student, posed = Student(avatar, unknowns, background), []
        with SideBySide(avatar.device) as together:
            for lesson in together.each(lambda x, s=student: s.lesson(x[0], x[1].to(avatar.device), teaching.state(x[0], {})), lessons):
                posed.append(lesson)
                count += int(POSING) - 1
                tell()
            unknowns.apply(solve(posed, unknowns, rounds, together, tell))
        effort.add(len(lessons), rounds, effort.clock() - began)
    avatar.requires_grad_(True)
    return effort.done


def in_order(space: LatentSpace) -> list[Category]:
    """Categories whose edits bring something of their own first: recolouring begins nearly as it should be."""
    return sorted(space.categories.values(), key=lambda category: not any(space.brings(axis) for axis in category.axes))


def lessons_of(clips: list[Clip], category: str) -> list[tuple[Frame, torch.Tensor]]:
    """A category's frames and their latents (dim,)."""
    return [
        (frame, torch.from_numpy(latent)) for clip in clips if clip.category == category for frame, latent in zip(clip.frames, clip.latents)
    ]


@torch.no_grad()
def mix_again(avatar: Avatar, paints: dict[str, Paint]) -> None:
    """What is painted over may have other colours now than when the paint was mixed."""
    for name, paint in paints.items():
        rows, share, before = (x.to(avatar.device) for x in (paint.rows, paint.share, paint.before))
        avatar.space.axes[name].color[0, : len(rows)] -= share[:, None] * (avatar.colors[rows] - before)
    avatar.space.forget()
