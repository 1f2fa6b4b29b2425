"""Short work of many visitors on few threads: everybody gets the same share of the time, whoever asks more often waits for itself."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

PATIENCE = 2.0  # seconds after which patient work goes before what is waited for live; 0.5 to 5 keep both moving


class Busy(Exception):
    """Too much waits already."""


class FairPool:
    """Runs functions for visitors, by start-time fair queueing: next is the visitor who has used the least time.

    A visitor who was away starts level with the others, not with time saved up. Work that says it is patient (files to save, at
    up to sixteen times the pixels) runs when nothing live waits, or has waited for PATIENCE.

    Args:
        threads: how many run at once; the rasterizer uses all cores for one frame, so more would only make all frames late.
        each: pieces of work that one visitor may have waiting, live and patient counted apart; total: all together.
    """

    def __init__(self, threads: int = 1, each: int = 4, total: int = 256):
        self.each, self.total = each, total
        self.refused = 0
        self._waiting: dict[tuple[str, bool], deque] = {}  # (visitor, patient) -> (function, future, since)
        self._used: dict[str, float] = {}  # seconds, on a clock that all share
        self._clock = 0.0
        self._change = threading.Condition()
        for k in range(threads):
            threading.Thread(target=self._run, name=f"perse-frame-{k}", daemon=True).start()

    def submit(self, visitor: str, work: Callable[[], Any], patient: bool = False) -> Future:
        """`work` will run; its future. Busy if the visitor, or all together, have too much waiting."""
        future: Future = Future()
        with self._change:
            mine = self._waiting.get((visitor, patient), ())
            if len(mine) >= self.each or sum(map(len, self._waiting.values())) >= self.total:
                self.refused += 1
                raise Busy
            self._waiting.setdefault((visitor, patient), deque()).append((work, future, time.monotonic()))
            self._used[visitor] = max(self._used.get(visitor, 0.0), self._clock)
            self._change.notify()
        return future

    def waiting(self) -> int:
        """How much waits."""
        with self._change:
            return sum(map(len, self._waiting.values()))

    def _next(self) -> tuple[str, Callable, Future]:
        now = time.monotonic()
        live = [key for key in self._waiting if not key[1] or now - self._waiting[key][0][2] > PATIENCE]
        key = min(live or self._waiting, key=lambda k: self._used[k[0]])
        work, future, _ = self._waiting[key].popleft()
        if not self._waiting[key]:
            del self._waiting[key]
        self._clock = max(self._clock, self._used[key[0]])
        return key[0], work, future

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._waiting:
                    self._used.clear()  # everybody is level again
                    self._clock = 0.0
                    self._change.wait()
                visitor, work, future = self._next()
            start = time.monotonic()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # handed to who waits
                    future.set_exception(error)
            del work, future
            with self._change:
                self._used[visitor] = max(self._used.get(visitor, 0.0), self._clock) + time.monotonic() - start
