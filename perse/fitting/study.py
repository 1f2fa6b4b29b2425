"""What stage two taught: the loss of a lesson before and after it, by category and kind, and the loss of a lesson that has an avatar to itself."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..avatar.avatar import Avatar
from ..avatar.state import State
from ..side_by_side import SideBySide
from ..synthesis.base import Clip, Frame
from .gauss_newton import solve
from .lessons import Lesson, Student
from .unknowns import Unknowns

ALONE = (4, 4, 4)  # iterations a round of a lesson that is solved for alone: more do not find less
ALONE_EVERY = 5  # lessons, of which one is
FREELY = 0.01  # of the usual trust in the bases there are

Losses = dict[str, dict[str, list[float]]]  # by category and kind, of each lesson
Posing = Callable[[Frame], State]


def losses(avatar: Avatar, clips: list[Clip], state: Posing, background: Tensor) -> Losses:
    """Of every lesson, as the avatar is. state: gives a frame's pose."""
    return _each(avatar, clips, state, background, lambda lesson, unknowns, _: lesson.loss(unknowns.none()))


def floors(avatar: Avatar, clips: list[Clip], state: Posing, background: Tensor) -> Losses:
    """Of some lessons, if the bases were free to show this one alone: what resolution and Gaussians allow."""

    def alone(lesson: Lesson, unknowns: Unknowns, number: int) -> float | None:
        if number % ALONE_EVERY:
            return None
        unknowns.sure = unknowns.sure * FREELY
        with SideBySide(avatar.device) as together:
            table = solve([lesson], unknowns, ALONE, together)
        unknowns.sure = unknowns.sure / FREELY
        return lesson.loss(table)

    return _each(avatar, clips, state, background, alone)


def _each(avatar: Avatar, clips: list[Clip], state: Posing, background: Tensor, measure) -> Losses:
    out: Losses = {}
    with torch.no_grad():
        for category in avatar.space.categories:
            own = [clip for clip in clips if clip.category == category]
            unknowns = Unknowns(avatar, category)
            if not own or not unknowns.count:
                continue
            student, number = Student(avatar, unknowns, background), 0
            for clip in own:
                for frame, latent in zip(clip.frames, clip.latents, strict=True):
                    lesson = student.lesson(frame, torch.from_numpy(latent).to(avatar.device), state(frame))
                    if (value := measure(lesson, unknowns, number)) is not None:
                        out.setdefault(category, {}).setdefault(clip.kind, []).append(value)
                    number += 1
    return out


def table(**measured: Losses) -> dict:
    """{category: {kind: {"lessons": n, name: mean loss …}}, "all": {"all": …}} of what was measured under each name."""
    out: dict[str, dict[str, dict]] = {}
    whole: dict[str, list[float]] = {}
    for name, found in measured.items():
        for category, kinds in found.items():
            for kind, values in kinds.items():
                row = out.setdefault(category, {}).setdefault(kind, {})
                row["lessons"] = max(row.get("lessons", 0), len(values))
                row[name] = round(float(np.mean(values)), 5)
                whole.setdefault(name, []).extend(values)
    out["all"] = {"all": {name: round(float(np.mean(values)), 5) for name, values in whole.items()}}
    return out
