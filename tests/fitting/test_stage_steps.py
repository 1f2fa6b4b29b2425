"""The steps of a stage: counted, or as many as fit; on clocks of machines that are fast, slow, get slower, or stall."""

import pytest

from perse.fitting.stage_steps import LANDING, Steps

SECONDS = 10.0


def cost(share: float) -> float:
    """As of stage one: coarse pictures, then the usual, then the finest."""
    return 0.6 if share < 0.4 else 0.8 if share < 0.85 else 1.4


class Machine:
    """A clock by which a step of cost 1 takes `second`, by `change` times that from half of the time on, once `stall` longer."""

    def __init__(self, second: float, change: float = 1.0, stall: tuple[float, float] = (0.0, 0.0)):
        self.second, self.change, self.stall, self.now = second, change, list(stall), 1000.0

    def __call__(self) -> float:
        return self.now

    def work(self, amount: float) -> None:
        self.now += amount * self.second * (self.change if self.now > 1000 + SECONDS / 2 else 1)
        if self.stall[1] and self.now > 1000 + self.stall[0]:
            self.now, self.stall[1] = self.now + self.stall[1], 0.0


def train(machine: Machine, closing: float = 12.0, **options) -> tuple[list[float], float]:
    """Shares at which steps were done, and the seconds that it took, the closing work included."""
    steps = Steps(2000, machine.now + SECONDS, cost=cost, fixed=lambda share: closing, clock=machine, **{"second": 0.04} | options)
    shares = []
    for share in steps:
        shares.append(share)
        machine.work(cost(share))
    machine.work(closing)
    assert len(shares) == steps.done
    return shares, machine.now - 1000


def test_steps_are_counted_without_a_clock():
    def never():
        raise AssertionError("no clock is asked")

    steps, told = Steps(4, cost=cost, clock=never), []
    assert [(steps.left, told.append(steps.told), share)[::2] for share in steps] == [(4, 0.0), (3, 0.25), (2, 0.5), (1, 0.75)]
    assert steps.done == 4 and steps.left == 0 and steps.told == 1
    assert told == sorted(told) and told[0] == 0 and list(Steps(0, clock=never)) == []


@pytest.mark.parametrize(
    "machine",
    [
        Machine(0.04),
        Machine(0.12),
        Machine(0.01),
        Machine(0.3),
        Machine(0.05, change=2.0),
        Machine(0.06, change=0.4),
        Machine(0.04, stall=(3.0, 4.0)),
        Machine(0.04, stall=(0.5, 1.0)),
        Machine(0.02, stall=(8.0, 1.0)),
    ],
)
def test_the_time_is_kept_and_the_training_is_a_whole_one(machine):
    shares, seconds = train(machine)
    assert 0.8 * SECONDS < seconds < 1.2 * SECONDS
    assert shares == sorted(shares) and shares[0] == 0
    assert shares[-1] > 1 - 2 / len(shares) - 0.06, "the last step is taken at the end of the schedule"
    gaps = [b - a for a, b in zip([*shares, 1.0], [*shares[1:], 1.0])]
    assert max(gaps) < max(3 / len(shares), 1.5 / LANDING), "and none is skipped over"


def test_a_machine_that_is_three_times_slower_does_a_third_of_the_steps():
    fast, slow = (len(train(Machine(second), closing=0.0)[0]) for second in (0.03, 0.09))
    assert slow == pytest.approx(fast / 3, rel=0.1)


def test_one_that_stalls_past_its_end_comes_down_in_a_few_steps():
    shares, _ = train(Machine(0.04, stall=(4.0, 60.0)))
    late = [share for share in shares if share > shares[0]][-LANDING:]
    assert len(shares) < 200 and shares[-1] > 0.85 and late == sorted(late)


def test_nothing_is_begun_after_the_limit_and_nothing_without_time():
    machine = Machine(0.04, stall=(2.0, 60.0))
    shares, seconds = train(machine, limit=1000 + 2 * SECONDS)
    assert shares[-1] < 0.5 and seconds < 63
    assert train(Machine(0.04), limit=1000.0)[0] == []
    assert list(Steps(50, 0.0, clock=lambda: 5.0)) == []


def test_with_time_for_all_it_is_the_training_that_was_planned():
    machine = Machine(0.01)
    steps = Steps(40, machine.now + SECONDS, cost=cost, clock=machine)
    assert list(steps) == list(Steps(40))


def test_what_is_told_is_the_share_of_the_time():
    machine = Machine(0.05)
    steps, told = Steps(1000, machine.now + SECONDS, cost=cost, clock=machine), []
    for share in steps:
        told.append((machine.now - 1000, steps.told))
        machine.work(cost(share))
    assert max(abs(share - now / (machine.now - 1000)) for now, share in told) < 0.05
