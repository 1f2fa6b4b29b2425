"""A fair line: who is served next when several visitors want the same scarce thing."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from ..errors import PerseError

FULL = "Many people are here right now: please try again in a few minutes."
YOURS = "You have one running and one waiting already: please wait until the first is done."


@dataclass(frozen=True)
class Who:
    """Whom a job belongs to. visit: its secret; address: of the network that it comes from, which several visitors may share."""

    visit: str
    address: str = ""


@dataclass(eq=False)
class Ticket:
    """A place in the line. turn: set when it is served. given_up: nobody waits for it any more; it counts until its work has stopped."""

    who: Who
    turn: threading.Event = field(default_factory=threading.Event)
    given_up: bool = False
    since: float = 0.0  # monotonic time at which it was served


class Line:
    """`width` tickets are served at once, `length` may wait.

    The next is of the address, then of the visit, that was served longest ago: ten jobs of one visitor delay another one's first by
    at most one job. A visit holds at most `each` places. One address holds at most half of the places to wait in: a flood leaves
    room for others, and people behind one proxy are never shut out for longer than their own half takes.

    Args:
        usual: seconds that a job is expected to take before any was measured.
    """

    def __init__(self, width: int = 1, length: int = 16, each: int = 2, usual: float = 30.0):
        self.width, self.length, self.each, self.mean = width, length, each, usual
        self.refused = 0
        self._waiting: list[Ticket] = []
        self._served: list[Ticket] = []
        self._last: dict[str, int] = {}  # by address and by visit: the number of the turn in which it was served last
        self._turns = 0
        self._lock = threading.Lock()

    def enter(self, who: Who, share: float = 0.5) -> Ticket:
        """Join the line; its `turn` is set at once if there is room. PerseError if the line, or the address's share of it, is full."""
        ticket = Ticket(who)
        with self._lock:
            held = sum(t.who.visit == who.visit and not t.given_up for t in self._waiting + self._served)
            near = sum(t.who.address == who.address for t in self._waiting)
            if held >= self.each or len(self._waiting) >= self.length or near >= max(1, int(self.length * share)):
                self.refused += 1
                raise PerseError(YOURS if held >= self.each else FULL)
            self._waiting.append(ticket)
            self._serve()
        return ticket

    def give_up(self, ticket: Ticket) -> None:
        """Leave the line if it still waits; if it is served its work will stop, and no longer counts among its visitor's."""
        with self._lock:
            ticket.given_up = True
            if ticket in self._waiting:
                self._waiting.remove(ticket)
        ticket.turn.set()  # wakes who waits

    def leave(self, ticket: Ticket) -> None:
        """Leave the line, served or not; leaving twice does nothing."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif ticket in self._served:
                self._served.remove(ticket)
                self.mean += 0.3 * (time.monotonic() - ticket.since - self.mean)
            self._serve()

    def ahead(self, ticket: Ticket) -> tuple[int, float]:
        """How many have to leave before this ticket is served, 0 if it is, and about how many seconds that takes."""
        with self._lock:
            if ticket not in self._waiting:
                return 0, 0.0
            place = self._order().index(ticket)
            now = time.monotonic()
            running = [max(0.0, self.mean - (now - t.since)) for t in self._served]
            return place + 1, (place * self.mean + min(running, default=0.0)) / self.width

    def lengths(self) -> dict[str, float]:
        """How many are served and wait, how many were refused, how long a job takes in the mean: for the owner."""
        with self._lock:
            return {"served": len(self._served), "waiting": len(self._waiting), "refused": self.refused, "seconds": round(self.mean, 1)}

    def _serve(self) -> None:
        while self._waiting and len(self._served) < self.width:
            ticket = self._order()[0]
            self._waiting.remove(ticket)
            self._served.append(ticket)
            self._turns += 1
            for key in (ticket.who.address, ticket.who.visit):
                self._last.pop(key, None)
                self._last[key] = self._turns
            while len(self._last) > 1024:  # who was served that long ago comes first anyway
                del self._last[next(iter(self._last))]
            ticket.since = time.monotonic()
            ticket.turn.set()

    def _order(self) -> list[Ticket]:
        """The waiting in the order in which they will be served, if nobody comes or goes."""
        last, turns = Counter(self._last), self._turns
        left, order = list(self._waiting), []
        while left:
            ticket = min(left, key=lambda t: (last[t.who.address], last[t.who.visit]))
            left.remove(ticket)
            order.append(ticket)
            turns += 1
            last[ticket.who.address] = last[ticket.who.visit] = turns
        return order
