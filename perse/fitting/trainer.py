"""One fit of one avatar: how its two stages share the steps or the time, and the stages one after the other."""

import math
import time
from collections.abc import Callable

from ..portrait import Portrait
from ..synthesis.base import Clip
from . import study
from .build_time import BESIDE_PIXELS, EVENING, FACE_STEP, LESSON_PASS, face_share, step_sizes
from .colour_bounds import bound_colours
from .effort import Effort, cost
from .even_sliders import even_pace
from .initial_avatar import Beginning
from .person_stage import ANCHORS, CLIP_EVERY, COARSE_SHARE, FINE_SHARE, SOLVED, fit_person
from .schedule import Schedule
from .space_stage import fit_space, mix_again
from .stage_steps import LANDING, Steps
from .teaching import Progress, Teaching

# What solving for colours costs for each of its pictures, in optimiser's steps on that picture: an iteration, and the same number of
# iterations to begin.
ITERATION, BEFOREHAND = 0.6, 2.5
PATIENT = 2.0  # times what making sliders even takes, which it may take however late it is: an uneven slider is seen, a second is not
TWICE = 2.5  # times what both solves cost must there be time for them


class Trainer:
    """Plans and carries out both stages.

    Args:
        beginning: the avatar, trained in place, and what it may learn.
        portrait, clips, schedule, progress, cancelled, clock: see `Teaching`.

    Attributes:
        steps: done, by stage. stats: the losses at their ends.
    """

    def __init__(
        self,
        beginning: Beginning,
        portrait: Portrait,
        clips: list[Clip],
        schedule: Schedule,
        progress: Progress = lambda *a: None,
        cancelled: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.schedule, self.clock, self.paints = schedule, clock, beginning.paints
        self.teaching = Teaching(beginning.avatar, beginning.freedom, portrait, clips, schedule, progress, cancelled, clock)
        bound_colours(self.teaching.freedom, self.teaching.avatar, self.teaching.rest(), portrait, self.teaching.photo)
        self.stats: dict[str, float] = {}
        self.steps = [0, 0]
        self._plan()

    def _plan(self) -> None:
        """What a step of stage one costs, relative to one of the photo at its usual size, and how the two stages share the time."""
        schedule, teaching = self.schedule, self.teaching

        def side(size: int) -> float:
            return BESIDE_PIXELS + (1 - BESIDE_PIXELS) * (size / schedule.photo_size) ** 2

        clip = side(teaching.clips[0].frames[0].image.shape[0])
        coarse, usual = (
            side(len(target.image)) + (clip - side(len(target.image))) / CLIP_EVERY for target, _ in (teaching.coarse, teaching.photo)
        )
        fine = (side(len(teaching.fine[0].image)) + side(schedule.photo_size)) / 2
        self._face_cost = lambda share: coarse if share < COARSE_SHARE else usual if share < FINE_SHARE else fine
        mean = COARSE_SHARE * coarse + (FINE_SHARE - COARSE_SHARE) * usual + (1 - FINE_SHARE) * fine
        face, sliders = step_sizes(schedule)
        pictures = sum(map(side, {len(target.image) for target, _ in (teaching.photo, teaching.fine)})) + ANCHORS * clip
        self._solves = tuple(ITERATION * (BEFOREHAND + count) * pictures for count in SOLVED)
        self._second = FACE_STEP * face * schedule.kernels / mean, LESSON_PASS * sliders * schedule.kernels
        lessons = sum(len(clip.frames) for clip in teaching.clips[1:])
        wanted = (
            (schedule.source_steps * mean + sum(self._solves)) * self._second[0],
            (lessons * cost(schedule.rounds) * self._second[1] + EVENING * max(schedule.kernels, 1.0)) if lessons else 0.0,
        )
        self._face_share = wanted[0] / max(sum(wanted), 1e-9)
        self._face_end = None
        if schedule.deadline is not None:
            seconds = schedule.deadline - self.clock()
            self._face_share = face_share(*wanted, seconds)
            self._face_end = self.clock() + self._face_share * seconds

    def fit_person(self) -> None:
        """Stage one."""
        # In a training of a few steps solving once, at the end, is worth more than they are.
        twice = self._face_end is None or self._face_end - self.clock() > TWICE * sum(self._solves) * self._second[0]
        schedule = self.schedule
        steps = Steps(
            schedule.source_steps,
            self._face_end,
            schedule.limit,
            self._second[0],
            clock=self.clock,
            cost=self._face_cost,
            least=LANDING,
            fixed=lambda share: self._solves[1] + (self._solves[0] if twice and share < FINE_SHARE else 0),
        )
        self.steps[0], self.stats["source_loss"] = fit_person(self.teaching, steps, twice, self._face_share)

    def begin_space(self) -> None:
        """What sliders begin with, of the person as they have become."""
        mix_again(self.teaching.avatar, self.paints)

    def fit_space(self) -> None:
        """Stage two; `begin_space` comes first."""
        schedule = self.schedule
        end = None if schedule.deadline is None else schedule.deadline - EVENING * max(schedule.kernels, 1.0)
        effort = Effort(schedule.rounds, end, schedule.limit, self._second[1], self.clock)
        self.steps[1] = fit_space(self.teaching, effort, self._face_share)

    def even_sliders(self) -> None:
        """Last: equal steps of a slider become equal steps of the picture. Sliders that are not reached in time keep a usual pace."""
        schedule, until = self.schedule, math.inf
        if schedule.deadline is not None:
            until = min(schedule.limit, max(schedule.deadline, self.clock() + PATIENT * EVENING * max(schedule.kernels, 1.0)))
        even_pace(self.teaching.avatar, until, self.clock)

    def losses(self, unseen: list[Clip]) -> dict[str, study.Losses]:
        """Of every lesson, and of `unseen` ones, as the avatar is."""
        teaching = self.teaching
        teaching.avatar.requires_grad_(False)
        rest = teaching.avatar, lambda frame: teaching.state(frame, {}), teaching.tone_color()
        found = {name: study.losses(rest[0], clips, *rest[1:]) for name, clips in (("taught", teaching.clips[1:]), ("unseen", unseen))}
        teaching.avatar.requires_grad_(True)
        return found

    def studied(self, unseen: list[Clip], before: dict[str, study.Losses]) -> dict:
        """Those losses before and after, and how small one could be (`study.table`)."""
        teaching = self.teaching
        after = self.losses(unseen)
        teaching.avatar.requires_grad_(False)
        least = study.floors(teaching.avatar, teaching.clips[1:], lambda frame: teaching.state(frame, {}), teaching.tone_color())
        teaching.avatar.requires_grad_(True)
        return study.table(
            before=before["taught"], after=after["taught"], alone=least, unseen_before=before["unseen"], unseen_after=after["unseen"]
        )
