"""A whole build's seconds, on clocks of machines of every speed: no test looks at the real one."""

import math

import pytest

from perse.fitting import build_time
from perse.fitting.build_time import Speed, Timetable, costs, face_share, fitting
from perse.fitting.schedule import Schedule

STAGES = ["measuring", "studying", "imagining", "preparing", "face", "finishing"]


class Machine:
    """Does what a schedule asks for in `python` and `kernels` times the seconds of the machine of the costs; from `since` on slower."""

    def __init__(self, python: float, kernels: float, since: float = math.inf, slower: float = 1.0):
        self.python, self.kernels, self.since, self.slower, self.now = python, kernels, since, slower, 50.0

    def __call__(self) -> float:
        return self.now

    def work(self, stage: str, schedule: Schedule, most: float = math.inf) -> None:
        speed = (
            Speed(self.python, self.kernels) if self.now < 50 + self.since else Speed(self.python * self.slower, self.kernels * self.slower)
        )
        self.now += min(costs(schedule, speed)[stage], most)


def build(machine: Machine, seconds: float, monkeypatch) -> tuple[Timetable, list[tuple[float, float]]]:
    """Its timetable, and (seconds since the start, share told) through it. The fit keeps the time that it is given, and needs no more than
    what is planned takes."""
    monkeypatch.setattr(build_time, "_probe", lambda clock: build_time.PROBE * machine.kernels)
    table, told = Timetable(Schedule.for_budget(seconds), seconds, 2.5, machine), []
    for stage in STAGES:
        table.begin(stage)
        told.append((machine.now - 50, table.told(0.0)))
        if stage == "face":
            began, slower = machine.now, machine.slower if machine.now > 50 + machine.since else 1.0
            planned = costs(table.schedule, Speed(machine.python * slower, machine.kernels * slower))
            for k in range(1, 11):
                until = machine.now + (min(table.fit_until(), began + planned["face"] + planned["sliders"]) - machine.now) / (11 - k)
                machine.now = max(until, machine.now)
                told.append((machine.now - 50, table.told(k / 10)))
        elif stage == "imagining":
            machine.work(stage, table.schedule, table.until(stage) - machine.now)
        elif stage == "finishing":
            machine.work(stage, table.schedule, max(table.end - machine.now, 0))
        else:
            machine.work(stage, table.schedule)
        told.append((machine.now - 50, table.told(1.0)))
    return table, told


@pytest.mark.parametrize("seconds", [15, 30, 60])
@pytest.mark.parametrize(
    "machine",
    [Machine(1, 1), Machine(1.6, 2.5), Machine(0.7, 0.6), Machine(1, 1, since=4, slower=2), Machine(1.5, 1.0)],
    ids=["as measured", "no AVX-512", "faster", "slower from the 4th second on", "slow Python"],
)
def test_the_seconds_are_kept_and_told(machine, seconds, monkeypatch):
    machine.now = 50.0
    table, told = build(machine, seconds, monkeypatch)
    usual = sum(costs(Schedule.for_budget(seconds), Speed(machine.python, machine.kernels), seconds).values())
    assert told[-1][0] == pytest.approx(min(seconds, usual * (machine.slower if machine.since < seconds else 1)), rel=0.2)
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == pytest.approx(1, abs=0.02)
    whole = told[-1][0]
    assert max(abs(share - now / whole) for now, share in told) < 0.2


def test_the_face_gets_its_time_on_a_machine_that_is_far_too_slow(monkeypatch):
    machine = Machine(8, 8)
    table, told = build(machine, 20.0, monkeypatch)
    assert 20 < told[-1][0] < 2.5 * 20 + 1
    assert table.schedule.source_steps < Schedule.for_budget(20).source_steps / 3


def test_without_a_clock_nothing_depends_on_the_machine():
    def never():
        raise AssertionError("no clock is asked")

    table = Timetable(Schedule.for_budget(30), None, clock=never)
    told = []
    for stage in STAGES:
        table.begin(stage)
        told += [table.told(0.0), table.told(1.0)]
    assert table.schedule == Schedule.for_budget(30) and table.until("imagining") is table.fit_until() is None
    assert told == sorted(told) and told[0] == 0 and told[-1] == pytest.approx(1)


def test_a_plan_takes_the_seconds_it_is_for_or_does_all_that_is_usual():
    for speed, lengths in ((Speed(), (15, 30, 60)), (Speed(2.5, 2.5), (25, 30, 60)), (Speed(0.6, 0.5), (15, 30))):
        for seconds in lengths:
            plan = fitting(seconds, speed, 0)
            takes = sum(costs(plan, speed, seconds).values())
            if speed.kernels > 1:
                assert 0.85 * seconds < takes <= 1.001 * seconds
            else:
                assert takes < seconds and plan == Schedule.for_budget(seconds)
    plans = [fitting(30, Speed(x, x), 0) for x in (1, 2, 3, 4)]
    assert [p.source_steps for p in plans] == sorted((p.source_steps for p in plans), reverse=True)
    assert [p.clip_size for p in plans] == sorted((p.clip_size for p in plans), reverse=True)


def test_what_is_short_is_short_for_the_sliders_first():
    seconds = (40, 20, 15, 10, 5, 1)
    shares = [face_share(10, 10, x) for x in seconds]
    assert shares[0] == shares[1] == 0.5 and shares == sorted(shares) and shares[-1] == build_time.FOR_FACE
    face = [share * x for share, x in zip(shares, seconds)]
    assert face == sorted(face, reverse=True), "but never more of it than where there is more time"


def test_the_probe_times_the_rasterizer():
    ticks = iter(range(1000))
    assert build_time._probe(lambda: float(next(ticks))) == pytest.approx(1 / 3, abs=0.5)
