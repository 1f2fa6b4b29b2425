"""Short work of many visitors on few threads: everybody gets the same share of the time, whoever asks more often waits for itself."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from .waiting_line import Who

PATIENCE = 2.0  # seconds after which patient work goes before what is waited for live; 0.5 to 5 keep both moving


class Busy(Exception):
    """Too much waits already."""


class FairPool:
    """Runs functions for visitors, by start-time fair queueing: next is the address, and of that the visitor, who has used the least time.

    Who was away starts level with the others, not with time saved up. Work that says it is patient (files to save, at
    up to sixteen times the pixels) runs when nothing live waits, or has waited for PATIENCE.

    Args:
        threads: how many run at once; the rasterizer uses all cores for one frame, so more would only make all frames late.
        each: pieces of work that one visitor may have waiting, live and patient counted apart; total: all together, one address half.
        clock: seconds, of which a visitor has used some.
    """

    def __init__(self, threads: int = 1, each: int = 4, total: int = 256, clock: Callable[[], float] = time.monotonic):
        self.each, self.total, self._clock = each, total, clock
        self.refused = 0
        self._waiting: dict[tuple[Who, bool], deque] = {}  # (visitor, patient) -> (function, future, since)
        self._used: dict[str, float] = {}  # seconds, by address and by visit
        self._change = threading.Condition()
        for k in range(threads):
            threading.Thread(target=self._run, name=f"perse-frame-{k}", daemon=True).start()

    def submit(self, who: Who, work: Callable[[], Any], patient: bool = False) -> Future:
        """`work` will run; its future. Busy if the visitor, the address or all together have too much waiting."""
        future: Future = Future()
        with self._change:
            mine = self._waiting.get((who, patient), ())
            near = sum(len(jobs) for (other, _), jobs in self._waiting.items() if other.address == who.address)
            if len(mine) >= self.each or near >= max(1, self.total // 2) or sum(map(len, self._waiting.values())) >= self.total:
                self.refused += 1
                raise Busy
            self._waiting.setdefault((who, patient), deque()).append((work, future, self._clock()))
            there = [other for other, _ in self._waiting]
            self._level(_at(who), {_at(other) for other in there})
            self._level(who.visit, {other.visit for other in there if other.address == who.address})
            self._change.notify()
        return future

    def _level(self, key: str, others: set[str]) -> None:
        """Who comes is level with the one of the others, who wait, that has used least."""
        self._used[key] = max(self._used.get(key, 0.0), min((self._used[o] for o in others if o != key), default=0.0))

    def waiting(self) -> int:
        """How much waits."""
        with self._change:
            return sum(map(len, self._waiting.values()))

    def _next(self) -> tuple[Who, Callable, Future]:
        now = self._clock()
        live = [key for key in self._waiting if not key[1] or now - self._waiting[key][0][2] > PATIENCE]
        key = min(live or self._waiting, key=lambda k: (self._used[_at(k[0])], self._used[k[0].visit]))
        work, future, _ = self._waiting[key].popleft()
        if not self._waiting[key]:
            del self._waiting[key]
        return key[0], work, future

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    self._used.clear()  # everybody is level again
                    self._change.wait()
                who, work, future = self._next()
            start = self._clock()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # handed to who waits
                    future.set_exception(error)
            del work, future
            with self._change:
                for key in (_at(who), who.visit):
                    self._used[key] = self._used.get(key, 0.0) + self._clock() - start


def _at(who: Who) -> str:
    return "at " + who.address
