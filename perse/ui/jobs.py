"""Long jobs in a thread of their own, watched by a generator: Gradio can show, queue and cancel them."""

import threading
import time
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Callable, Iterator

import numpy as np

from ..errors import BuildCancelled, PerseError


@dataclass(frozen=True)
class Update:
    """share in [0, 1]; what happens; the latest preview (h, w, 3) float in [0, 1] or None; waiting: people in front."""

    share: float
    text: str
    preview: np.ndarray | None = None
    waiting: int = 0


class Turns:
    """A line of people: the first `width` of them are served, at most `length` may stand in it."""

    def __init__(self, width: int = 1, length: int = 12):
        self.width, self.length = width, length
        self._line: list[object] = []
        self._lock = threading.Lock()

    def enter(self) -> object:
        """Join the line; PerseError if it is full."""
        ticket = object()
        with self._lock:
            if len(self._line) >= self.length:
                raise PerseError("Many people are here right now: please try again in a few minutes.")
            self._line.append(ticket)
        return ticket

    def ahead(self, ticket: object) -> int:
        """How many have to leave before this ticket is served; 0: it is its turn."""
        with self._lock:
            return max(0, self._line.index(ticket) - self.width + 1)

    def leave(self, ticket: object) -> None:
        """Leave the line, served or not; leaving twice does nothing."""
        with self._lock:
            if ticket in self._line:
                self._line.remove(ticket)


Report = Callable[..., None]


class Job:
    """`work(report, cancelled)` in a thread, when its turn has come.

    report(share, text="", preview=None) may be called as often as the work likes; cancelled() tells whether to stop, upon
    which the work raises BuildCancelled. `result` holds what the work returned.
    """

    def __init__(self, work: Callable[[Report, Callable[[], bool]], Any], turns: Turns, every: float = 0.3):
        self.work, self.turns, self.every = work, turns, every
        self.result: Any = None

    def updates(self) -> Iterator[Update]:
        """Updates until the work is done, at most one each `every` seconds, then the result is there.

        Raises what the work raised. Closing the generator cancels the work; its turn ends when it has really stopped.
        """
        stop, done, news = threading.Event(), threading.Event(), threading.Event()
        failure: list[BaseException] = []
        state = [0.0, "", None]

        def report(share: float, text: str = "", preview: np.ndarray | None = None):
            state[0], state[1] = share, text or state[1]
            if preview is not None:
                state[2] = preview
            news.set()

        def run():
            try:
                self.result = self.work(report, stop.is_set)
            except BaseException as error:  # handed over to whoever watches
                failure.append(error)
            finally:
                self.turns.leave(ticket)
                done.set()
                news.set()

        ticket = self.turns.enter()
        started = False
        try:
            while (ahead := self.turns.ahead(ticket)) > 0:
                yield Update(0.0, "waiting", waiting=ahead)
                time.sleep(0.5)
            # With the request's context: a GPU on loan is booked on the visitor who asked.
            threading.Thread(target=copy_context().run, args=(run,), name="perse-job", daemon=True).start()
            started = True
            last = 0.0
            while not done.is_set():
                if news.wait(1.0) and not done.wait(max(0.0, last + self.every - time.monotonic())):
                    news.clear()
                last = time.monotonic()
                yield Update(*state)
        finally:
            stop.set()
            if not started:
                self.turns.leave(ticket)
        if failure:
            if isinstance(failure[0], BuildCancelled):
                return
            raise failure[0]
