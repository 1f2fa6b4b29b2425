"""What a build costs, by stage, and how it is planned so that it takes at most the seconds it was given on whatever machine it runs: one
that is faster than usual is done earlier, since what more steps would gain nobody sees.

The costs are those of one machine (two quiet cores of an EPYC with AVX-512, 2026-11). How much slower another one is is measured: its
kernels in the first instant, its Python while the photo is measured and studied; and while steps are done each stage goes by its own
(`fitting.steps`). Without a clock (`seconds` is None) the same costs say how far a build is, and nothing depends on the machine.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch

from ..gpu import ON_ZERO
from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..render.rasterize import rasterize
from .effort import cost
from .schedule import Schedule

# Seconds on that machine.
MEASURING, STUDYING, EDITS, PLACING, EVENING, FINISHING = 0.35, 1.5, 1.25, 0.9, 0.9, 0.1
FRAME = 0.012  # a picture of the unedited person, of 320 pixels
LESSON = 0.009
FACE_STEP, FACE_FIXED = 0.016, 1.1  # a step of stage one, of 40,000 Gaussians; solving for colours
BESIDE_PIXELS = 0.55  # of the cost of a step on the photo, what does not depend on the picture's size
LESSON_PASS = 0.0050  # of stage two: posing a lesson takes some of them, learning it one more than iterations
PROBING = 0.25  # seconds: long enough for a busy machine to show that it is
PROBE = 0.0043  # forward and backward through the rasterizer, of what `_probe` draws
FORWARD = 0.4  # of it, forward alone
SLOWEST, FASTEST = 20.0, 0.4  # times those costs that are believed
LEAST_AMBITION = 3.0  # seconds: a smaller build would not be worth it
FOR_FINISH = 0.12  # of the seconds given that go into finishing at most: sliders that are not reached keep a usual pace
LEAST_FACE = 1.5  # seconds of the face, whatever the limit: a few steps between two solves; without them it is 8 dB farther from the photo
SURE = 0.1  # of a fit, from which on its own share says how long it takes
FOR_FACE = 0.85  # of the time for both stages, at most
LEAST_FIT = 0.18  # the usual `Timetable.least_fit`: with less there is hardly a face, with more the time is not kept


@dataclass(frozen=True)
class Speed:
    """How many times as long as on the machine of the costs things take here: Python and OpenCV, and the compiled kernels."""

    python: float = 1.0
    kernels: float = 1.0


def step_sizes(schedule: Schedule) -> tuple[float, float]:
    """What a step of the face and one of the sliders cost, in those of the costs."""
    gaussians = (schedule.gaussians / 40000) ** 0.5  # half of a step's work is pixels
    return gaussians * (BESIDE_PIXELS + (1 - BESIDE_PIXELS) * (schedule.photo_size / 512) ** 2), gaussians


def costs(schedule: Schedule, speed: Speed = Speed(), seconds: float = math.inf) -> dict[str, float]:
    """Expected seconds by stage, of a build that is given so many."""
    face, sliders = step_sizes(schedule)
    python, kernels = speed.python, speed.kernels
    mixed = (python + kernels) / 2
    frames = FRAME * schedule.source_frames * (schedule.clip_size / 320) ** 2
    return {
        "measuring": MEASURING * python,
        "studying": STUDYING * python,
        "imagining": EDITS * python + (frames + LESSON * schedule.lessons) * mixed,
        "preparing": PLACING * python,
        "face": (FACE_STEP * schedule.source_steps + FACE_FIXED) * face * kernels,
        "sliders": EVENING * mixed + LESSON_PASS * cost(schedule.rounds) * schedule.lessons * sliders * kernels,
        "finishing": min(FINISHING * mixed, FOR_FINISH * seconds),
    }


def face_share(face: float, sliders: float, seconds: float) -> float:
    """Share of the time for both stages that the face gets, by what both would take as planned and the seconds that there are: what is
    short is short for the sliders first."""
    wanted = face + sliders
    if seconds >= wanted:
        return face / wanted
    return min(FOR_FACE, face / wanted * (wanted / max(seconds, 1e-6)) ** 0.5)


def fitting(seconds: float, speed: Speed, seed: int) -> Schedule:
    """The usual schedule of so many seconds, or the largest whose whole build takes no more of them at this speed."""

    def affordable(ambition: float) -> bool:
        return sum(costs(Schedule.for_budget(ambition, seed), speed, seconds).values()) <= seconds

    low, high = LEAST_AMBITION, max(seconds, LEAST_AMBITION)
    if affordable(high):
        return Schedule.for_budget(high, seed)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if affordable(middle) else (low, middle)
    return Schedule.for_budget(low, seed)


class Timetable:
    """One build's plan, and how far it is.

    Args:
        seconds: that the build may take; None counts steps alone and asks no clock.
        limit: times as many seconds after which nothing is begun that can be left out.
        schedule: what is done without a clock.
        least_fit: of the seconds, what a fit gets even if all before it took longer than it should: the face comes first.
    """

    def __init__(
        self,
        schedule: Schedule,
        seconds: float | None,
        limit: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        least_fit: float = LEAST_FIT,
    ):
        self.schedule, self.seconds, self.clock, self.least_fit = schedule, seconds, clock, least_fit
        self.timed = seconds is not None
        self.speed = Speed()
        self._stage, self._began, self._told = "measuring", 0.0, 0.0
        self.limit = math.inf
        self.end = math.inf
        if self.timed:
            self.start = clock()
            self.end, self.limit = self.start + seconds, self.start + limit * seconds
            found = min(max(_probe(clock) / PROBE, FASTEST), SLOWEST)
            self.speed = Speed(found, found)
            self.schedule = fitting(seconds, self.speed, schedule.seed)
        self._costs = costs(self.schedule, self.speed, math.inf if seconds is None else seconds)

    def begin(self, stage: str) -> None:
        """A stage begins; what is still to come is planned again by what the machine was seen to do."""
        over = sum(seconds for name, seconds in self._costs.items() if name in self._before(stage))
        if self.timed:
            over = self.clock() - self.start
            if stage == "imagining":
                python = over / (MEASURING + STUDYING)
                self.speed = replace(self.speed, python=min(max(python, FASTEST), SLOWEST))
                self.schedule = fitting(self.seconds, self.speed, self.schedule.seed)
                self._costs = costs(self.schedule, self.speed, self.seconds)
            elif stage == "face":
                # Both stages keep to the time themselves.
                self.limit = max(self.limit, self.clock() + LEAST_FACE * self.speed.kernels)
                self.end = max(self.end, min(self.clock() + self.least_fit * self.seconds, self.limit))
                self._costs["finishing"] = min(self._costs["finishing"], FOR_FINISH * 2 * (self.end - self.clock()))
        self._stage, self._began = stage, over

    def until(self, stage: str, slack: float = 1.2) -> float | None:
        """The moment by which a stage that has just begun should be over: its share of the time left, and a little more."""
        if not self.timed:
            return None
        rest = self._rest(stage)
        return self.clock() + max(self.end - self.clock(), 0) * min(slack * self._costs[stage] / rest, 1.0)

    def lessons(self) -> float:
        """Seconds that rendering the pictures of the sliders should take."""
        return LESSON * self.schedule.lessons * (self.speed.python + self.speed.kernels) / 2

    def fit_until(self) -> float | None:
        """The moment by which both stages of the fit should be over."""
        return None if not self.timed else self.end - self._costs["finishing"]

    def told(self, share: float) -> float:
        """How much of the build's time is over, in [0, 1] and never less than before, `share` of the present stage being done (of the face
        and the sliders together, which the fit tells of as one)."""
        stage = self._costs[self._stage] + (self._costs["sliders"] if self._stage == "face" else 0.0)
        over, whole = self._began + share * stage, self._began + self._rest(self._stage)
        if self.timed:
            over = self.clock() - self.start
            if self._stage == "face":  # a fit that has done all that it should is over before its time
                most = self.fit_until() - self.start - self._began
                fit = (over - self._began) / share if share > SURE else min(stage, most)
                whole = self._began + max(fit, over - self._began) + self._costs["finishing"]
            else:
                late = 0.0 if self._stage == "finishing" else self._costs["preparing"] + self.least_fit * self.seconds
                usual = min(self.end - self.start, self._began + self._rest(self._stage))
                whole = max(usual, over + late + (1 - share) * stage)
        self._told = max(self._told, min(over / max(whole, 1e-9), 1.0))
        return self._told

    def _rest(self, stage: str) -> float:
        return sum(seconds for name, seconds in self._costs.items() if name not in self._before(stage))

    def _before(self, stage: str) -> list[str]:
        names = list(self._costs)
        return names[: names.index(stage)]


@cache
def _drawing() -> tuple[GaussianCloud, Camera]:
    """20,000 Gaussians of a pixel or two, before a camera of 256 pixels."""
    draw = torch.Generator().manual_seed(0)
    count = 20000
    means = torch.rand(count, 3, generator=draw) * 2 - 1
    means[:, 2] = 4 + 0.1 * means[:, 2]
    cloud = GaussianCloud(
        means,
        torch.randn(count, 4, generator=draw),
        0.008 + 0.012 * torch.rand(count, 3, generator=draw),
        0.2 + 0.7 * torch.rand(count, generator=draw),
        torch.rand(count, 3, generator=draw),
    )
    K = [[480.0, 0, 128], [0, 480.0, 128], [0, 0, 1]]
    return cloud, Camera(np.eye(4), np.array(K), 256, 256)


def _probe(clock: Callable[[], float]) -> float:
    """Seconds that the rasterizer takes, forward and backward, for a small drawing; the first time, which may compile, does not count. In a
    process that may compute no gradient (`gpu.py`) they are told by the way forward."""
    cloud, camera = _drawing()
    cloud = GaussianCloud(*(x.clone().requires_grad_() for x in (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors)))

    def draw():
        total = rasterize(cloud, camera)[0].sum()
        if not ON_ZERO:
            total.backward()

    draw()
    began, times = clock(), 0
    while times < 3 or (times < 30 and clock() - began < PROBING):
        draw()
        times += 1
    return (clock() - began) / times / (FORWARD if ON_ZERO else 1.0)
