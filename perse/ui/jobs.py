"""Long jobs in a thread of their own. A job belongs to a visit: whoever asks sees how far it is, and a lost connection does not end it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BuildCancelled, PerseError
from ..memory import tidy_soon
from .failures import OURS, note_failure
from .waiting_line import FULL, Line, Ticket, Who

SETTLED = 2.0  # seconds after which the share that is done says how long a job takes; what it says earlier is noise
TOO_LATE = "This took too long and was stopped: please try again later, or with less."


@dataclass(frozen=True)
class Update:
    """How far a job is.

    share: in [0, 1], None if there is no telling; text: what happens; preview: the latest, (h, w, 3) float in [0, 1] or None;
    waiting: people in front; seconds: about how many until one's turn comes, or from then on to the end; None if nobody knows.
    """

    share: float | None
    text: str
    preview: np.ndarray | None = None
    waiting: int = 0
    seconds: float | None = None


def seconds_left(share: float, spent: float, planned: float | None) -> float | None:
    """About how many seconds a job still takes: at first by its plan, then by its pace.

    share: in [0, 1] of its time that is over; spent: seconds that it took; planned: for all of it, None if nobody knows.
    """
    share = min(max(share, 0.0), 1.0)
    if share > 0 and spent >= SETTLED:
        return spent * (1 - share) / share
    return None if planned is None else max(0.0, planned - spent)


def counted_down(left: float, since: float) -> float:
    """What is left of an estimate, `since` seconds after it was made: it counts down, more and more slowly if nothing is heard."""
    return left * left / max(1e-3, left + since)


Report = Callable[..., None]


class Job:
    """`work(report, cancelled)` in a thread, when its turn has come.

    report(share, text="", preview=None, seconds=None) may be called as often as the work likes, with the seconds that are left if it
    knows them; cancelled() tells whether to stop, upon which the work raises BuildCancelled. Once `over`, `result` holds what the work
    returned, or `error` one sentence, or neither: it was cancelled.

    Args:
        work: see above.
        line: where it waits.
        who: whom it belongs to.
        deadline: seconds from its turn after which it is stopped.
        then: called with the job when it has ended, before it is `over`.
        share: of the line's places that its address may take.
        planned: seconds that the work will take, if it is known.
    """

    def __init__(
        self,
        work: Callable[[Report, Callable[[], bool]], Any],
        line: Line,
        who: Who,
        deadline: float,
        then: Callable[["Job"], None] = lambda job: None,
        share: float = 0.5,
        planned: float | None = None,
    ):
        self.work, self.line, self.who, self.deadline, self.then, self.share = work, line, who, deadline, then, share
        self.planned = planned
        self.result: Any = None
        self.error = ""
        self._ticket: Ticket | None = None
        self._stop, self._news, self._over = threading.Event(), threading.Event(), threading.Event()
        self._ending, self._ended = threading.Lock(), False
        self._state: tuple[float | None, str, np.ndarray | None, float | None] = (None, "starting", None, None)
        self._since = self._told = (
            time.monotonic()
        )  # of the work's beginning: the last time that nothing was done yet; and of the last report

    def start(self) -> "Job":
        """Join the line; PerseError if it is full. The job runs with the caller's context: a GPU on loan is booked on who asked."""
        self._ticket = self.line.enter(self.who, self.share)
        try:
            threading.Thread(target=copy_context().run, args=(self._run,), name="perse-job", daemon=True).start()
        except RuntimeError:  # the machine has no room for a thread
            self.line.leave(self._ticket)
            raise PerseError(FULL) from None
        return self

    def cancel(self) -> None:
        """Stop, from any thread: the job is over for its watchers at once, its turn ends when the work has really stopped."""
        self._stop.set()
        if self._ticket is not None:
            self.line.give_up(self._ticket)
        self._end()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._stop.is_set()

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self._over.is_set()

    def update(self) -> Update:
        """How far the job is."""
        waiting, seconds = (0, 0.0) if self._ticket is None else self.line.ahead(self._ticket)
        if waiting:
            return Update(None, "waiting", None, waiting, seconds)
        share, text, preview, left = self._state
        if left is not None:
            now = time.monotonic()
            left = counted_down(left, now - self._told)
            if share is not None:  # as much of the bar as of the time: it moves evenly, whatever is done in it
                share = max(0.0, now - self._since) / max(1e-3, now - self._since + left)
        return Update(share, text, preview, 0, left)

    def updates(self, every: float = 0.3) -> Iterator[Update]:
        """Updates, at least `every` seconds apart, until the job is over. Closing the generator cancels the job.

        Raises:
            PerseError: `error`, if there is one.
        """
        try:
            while not self._over.is_set():
                yield self.update()
                self._news.wait(1.0)
                self._news.clear()
                self._over.wait(every)
        finally:
            if not self._over.is_set():
                self.cancel()
        if self.error:
            raise PerseError(self.error)

    def _report(self, share: float | None, text: str = "", preview: np.ndarray | None = None, seconds: float | None = None) -> None:
        self._told = time.monotonic()
        if not share:
            self._since = self._told
        if seconds is None and share is not None:
            seconds = seconds_left(share, self._told - self._since, self.planned)
        self._state = (share, text or self._state[1], self._state[2] if preview is None else preview, seconds)
        self._news.set()

    def _run(self) -> None:
        result, error, ticket = None, "", self._ticket
        assert ticket is not None  # drawn by `start`, before the thread
        try:
            ticket.turn.wait()
            self._since = self._told = time.monotonic()
            end = time.monotonic() + self.deadline
            late = False

            def cancelled() -> bool:
                nonlocal late
                late = late or time.monotonic() > end
                return late or self._stop.is_set()

            try:
                if not self._stop.is_set():
                    result = self.work(self._report, cancelled)
            except BuildCancelled:
                error = TOO_LATE if late else ""
            except PerseError as told:
                error = str(told)
            except BaseException as failure:  # whatever it is, the visitor can go on
                error = note_failure(failure)
        finally:
            self.line.leave(ticket)
            del self.work  # and with it the photo that it held
            self._end(result, error or ("" if result is not None or self._stop.is_set() else OURS))
            del result
            tidy_soon()

    def _end(self, result: Any = None, error: str = "") -> None:
        with self._ending:
            if self._ended:
                return
            self._ended = True
        self.result, self.error = result, error
        self._state = (1.0, self._state[1], None, 0.0)
        try:
            self.then(self)
        finally:
            self._over.set()
            self._news.set()
