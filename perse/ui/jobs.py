"""Long jobs in a thread of their own, watched by a generator: Gradio can show, queue and cancel them."""

import threading
import time
from contextlib import contextmanager
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
    which the work raises BuildCancelled. `result` holds what the work returned, None if it was cancelled.
    """

    def __init__(self, work: Callable[[Report, Callable[[], bool]], Any], turns: Turns, every: float = 0.3):
        self.work, self.turns, self.every = work, turns, every
        self.result: Any = None
        self._stop, self._news = threading.Event(), threading.Event()

    def cancel(self) -> None:
        """End `updates` at once, from any thread; the work stops as soon as it asks `cancelled`."""
        self._stop.set()
        self._news.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called or the watcher went away."""
        return self._stop.is_set()

    def updates(self) -> Iterator[Update]:
        """Updates until the work is done or cancelled, at most one each `every` seconds, then the result is there.

        Raises what the work raised. Closing the generator cancels the work; its turn ends when it has really stopped.
        """
        stop, news, done = self._stop, self._news, threading.Event()
        failure: list[BaseException] = []
        state = [0.0, "", None]

        def report(share: float, text: str = "", preview: np.ndarray | None = None):
            state[0], state[1] = share, text or state[1]
            if preview is not None:
                state[2] = preview
            news.set()

        def run():
            try:
                result = self.work(report, stop.is_set)
                if not stop.is_set():
                    self.result = result
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
                if stop.wait(0.5):
                    return
            # With the request's context: a GPU on loan is booked on the visitor who asked.
            threading.Thread(target=copy_context().run, args=(run,), name="perse-job", daemon=True).start()
            started = True
            last = 0.0
            while not done.is_set() and not stop.is_set():
                if news.wait(1.0) and not done.wait(max(0.0, last + self.every - time.monotonic())):
                    news.clear()
                last = time.monotonic()
                if not stop.is_set():
                    yield Update(*state)
        finally:
            if not done.is_set():
                stop.set()  # cancelled already, or nobody watches any more
            if not started:
                self.turns.leave(ticket)
        if failure and not stop.is_set() and not isinstance(failure[0], BuildCancelled):
            raise failure[0]


class Running:
    """Which job each visit has under way, so that another request of the same visit can cancel it."""

    def __init__(self):
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    @contextmanager
    def job(self, visit: str, job: Job) -> Iterator[Job]:
        """While inside, `cancel(visit)` cancels `job`. A visit that starts a second one gives the first up."""
        self.cancel(visit)
        with self._lock:
            self._jobs[visit] = job
        try:
            yield job
        finally:
            with self._lock:
                if self._jobs.get(visit) is job:
                    del self._jobs[visit]

    def cancel(self, visit: str) -> None:
        """Cancel the visit's job, if there is one."""
        with self._lock:
            job = self._jobs.pop(visit, None)
        if job is not None:
            job.cancel()
