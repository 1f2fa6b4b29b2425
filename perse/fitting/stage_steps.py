"""The steps of one stage of a fit: as many as planned, or as many as the time allows, so that the training ends as it should either way."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator

LANDING = 8  # steps in which a stage that has run out of time comes to its end: the last steps of a training must be small ones
RECENT = 24  # steps by whose time the next ones are planned: each kind of step is among them several times
BELIEVED = 6  # steps that what is expected counts for: the first ones load and allocate what later ones find
OUTLIER = 3.0  # times the median that a step counts at most: a machine that stalled once is not a slow one
GRID = 200  # places at which a stage's costs are read


class Steps:
    """Iterate over how far the training is, from 0 to 1, at each step. Whatever follows a schedule (a rate that decays, a size that
    grows) follows that share, so a training of fewer steps is a shorter one, not one broken off.

    Args:
        planned: steps, if no end is given.
        end: the moment by which the stage is to be over, on `clock` (seconds); None counts steps alone and asks no clock.
        limit: the moment after which no step is begun, come what may.
        second: what a step of cost 1 is expected to take, seconds, until some have been measured.
        cost: relative cost of a step at a share.
        fixed: what else is to be done from a share on, in steps of cost 1.
        least: steps that are done before the limit even if there is no time.
    """

    def __init__(
        self,
        planned: int,
        end: float | None = None,
        limit: float = math.inf,
        second: float = 0.03,
        cost: Callable[[float], float] = lambda share: 1.0,
        fixed: Callable[[float], float] = lambda share: 0.0,
        least: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.planned, self.end, self.limit, self.second = planned, end, limit, second
        self.cost, self.fixed, self.clock = cost, fixed, clock
        self.done, self.share, self._told = 0, 0.0, 0.0
        self._took = deque([second] * BELIEVED, maxlen=RECENT)
        self._landing: int | None = None
        self._least = min(least, planned)
        costs = [cost((k + 0.5) / GRID) / GRID for k in range(GRID)]
        self._after = [sum(costs[k:]) for k in range(GRID + 1)]
        self._start = None if end is None else clock()
        self.left = self._fitting()  # steps still to be done, as far as can be foreseen

    def __iter__(self) -> Iterator[float]:
        while self.left > 0:
            began = None if self.end is None else self.clock()
            if began is not None and began >= self.limit:
                return
            yield self.share
            self.done += 1
            if began is not None:
                self._took.append((self.clock() - began) / self.cost(self.share))
                self.second = self._typical()
            self.left = self._fitting()
            as_planned = self.done + self.left == self.planned and self.share == (self.done - 1) / self.planned
            self.share = (
                1.0 if self.left == 0 else self.done / self.planned if as_planned else self.share + (1 - self.share) / (self.left + 1)
            )

    @property
    def told(self) -> float:
        """How much of the stage's time is over, in [0, 1], and never less than before."""
        to_do = (self.left * self._mean_cost() if self.left else 0.0) + self.fixed(self.share)
        if self.end is None:
            return 1 - to_do / max(self.planned * self._after[0] + self.fixed(0.0), 1e-9)
        over, rest = self.clock() - self._start, to_do * self.second
        self._told = max(self._told, over / max(over + rest, 1e-9))
        return self._told

    def _fitting(self) -> int:
        if self.end is None:
            return self.planned - self.done
        time_left = (self.end - self.clock()) / self.second - self.fixed(self.share)
        left = int(min(max(time_left / self._mean_cost(), 0), self.planned))
        # Out of time in the middle of it: a few steps more, and no others once these are done.
        usual = self.done / self.share * (1 - self.share) if self.share > 0 else self.planned if self.done else self._least
        landing = min(LANDING, int(usual)) if self._landing is None else self._landing - 1
        self._landing = landing if left < landing else None
        return min(max(left, landing), self.planned - self.done)

    def _mean_cost(self) -> float:
        """Of the steps after the present share."""
        at = min(self.share * GRID, GRID - 1e-6)
        k = int(at)
        after = self._after[k] + (self._after[k + 1] - self._after[k]) * (at - k)
        return max(after, 1e-9) / max(1 - at / GRID, 1e-9)

    def _typical(self) -> float:
        """Seconds of a step of cost 1, by the last ones."""
        ordered = sorted(self._took)
        most = OUTLIER * ordered[len(ordered) // 2]
        return max(sum(min(x, most) for x in ordered) / len(ordered), 1e-6)
