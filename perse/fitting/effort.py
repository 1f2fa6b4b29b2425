"""How much stage two does, by the time there is."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

POSING = 3.0  # what posing a lesson costs, in passes over it
LEAST = (1,)  # iterations a round, if there is hardly any time


def passes(rounds: tuple[int, ...]) -> int:
    """Over a lesson, by the iterations of each round: one to linearise and one an iteration."""
    return sum(rounds) + len(rounds)


def cost(rounds: tuple[int, ...]) -> float:
    """Of a lesson, in passes over it."""
    return POSING + passes(rounds)


@dataclass
class Effort:
    """How much there may be done, and how much was.

    rounds: iterations a round, as planned. end: the moment by which it is to be over, on `clock` (seconds), None to ask no clock; limit:
    that after which nothing is begun. second: what a pass over a lesson is expected to take, until some have been measured.
    done: passes that were made.
    """

    rounds: tuple[int, ...]
    end: float | None = None
    limit: float = math.inf
    second: float = 0.006
    clock: Callable[[], float] = time.monotonic
    done: int = field(default=0, init=False)
    _spent: float = field(default=0.0, init=False)
    _cost: float = field(default=0.0, init=False)

    def affordable(self, lessons: int) -> tuple[tuple[int, ...], float]:
        """Iterations a round, and the share of so many lessons, all that are left, for which there is time."""
        if self.end is None:
            return self.rounds, 1.0
        each = self._spent / self._cost if self._cost else self.second
        left = max(self.end - self.clock(), 0.0) / each / max(lessons, 1)
        for rounds in (self.rounds, *((k,) for k in range(min(sum(self.rounds), 3), 0, -1))):
            if cost(rounds) <= left:
                return rounds, 1.0
        return LEAST, left / cost(LEAST)

    def over(self) -> bool:
        """Whether nothing more may be begun."""
        return self.end is not None and self.clock() >= self.limit

    def add(self, lessons: int, rounds: tuple[int, ...], seconds: float) -> None:
        """So many lessons were learnt in so many seconds."""
        self.done += lessons * passes(rounds)
        self._spent += seconds
        self._cost += lessons * cost(rounds)
