"""What takes seconds to import, compile and load: made ready in the background, in the order in which visitors need it.

The page answers before any of it is there. Whoever needs a part waits for that part, knows for how long, and can give up.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BuildCancelled, PerseError, shown
from ..memory import settle
from ..settings import FETCH_WAYS

if TYPE_CHECKING:
    from ..compile_ahead import Compiling
    from ..fetch_ahead import FetchAhead
    from ..pipeline import PersePipeline

AVATAR, PICTURE, BUILD = "avatar", "picture", "build"  # to open one, to see one, to make one
WARMING, OPENING = "Warming up the renderer", "Opening the avatar"
SHORTEST = 2.0  # seconds that are told at the least while something is not there


@dataclass(frozen=True)
class Part:
    """name; work: what makes it ready; seconds: that it takes on two quiet cores, as far as is known now; the pace is measured."""

    name: str
    work: Callable[[], None]
    seconds: Callable[[], float] = lambda: 1.0


class Engine:
    """The pipeline, and how much of what stands behind it is ready.

    Args:
        parts: in the order in which they are made ready.
        pipeline: called once the part AVATAR is there.
        expected: called once somebody is about to build.
        news: what is told beside the pipeline's notes, "" for nothing.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        pipeline: Callable[[], "PersePipeline"],
        expected: Callable[[], None] | None = None,
        news: Callable[[], str] = lambda: "",
    ):
        self._parts, self._make, self._news = parts, pipeline, news
        self._ready = {part.name: threading.Event() for part in parts}
        self._pipeline: PersePipeline | None = None
        self._expected, self._lock = expected, threading.Lock()
        self._began = self._finished = 0.0  # when the first part began, and when the last one that is ready was

    @classmethod
    def of(cls, pipeline: "PersePipeline") -> "Engine":
        """Around a pipeline that is there."""
        engine = cls([Part(name, lambda: None) for name in (AVATAR, PICTURE, BUILD)], lambda: pipeline)
        engine._run()
        return engine

    def start(self) -> "Engine":
        """Begin, in a thread of its own. What cannot be imported ends the process: nobody could be served."""

        def run():
            try:
                self._run()
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)

        threading.Thread(target=run, name="perse-engine", daemon=True).start()
        return self

    @property
    def pipeline(self) -> "PersePipeline":
        """The pipeline; waits for it."""
        self._ready[AVATAR].wait()
        assert self._pipeline is not None  # set before the part is ready
        return self._pipeline

    @property
    def notes(self) -> tuple[str, ...]:
        """The pipeline's and what else there is to tell, none before it is there."""
        if not self.ready(AVATAR):
            return ()
        return (*self.pipeline.notes, news) if (news := self._news()) else self.pipeline.notes

    def ready(self, name: str) -> bool:
        """Whether a part is there."""
        return self._ready[name].is_set()

    def left(self, name: str) -> float:
        """About how many seconds until a part is there, by the pace so far; 0 if it is."""
        if self.ready(name):
            return 0.0
        now = time.monotonic()
        done = sum(part.seconds() for part in self._parts if self.ready(part.name))
        todo, current = 0.0, 0.0
        for part in self._parts:
            if not self.ready(part.name):
                current = current or part.seconds()
                todo += part.seconds()
            if part.name == name:
                break
        spent = now - self._finished if self._finished else 0.0
        pace = max((self._finished - self._began) / done if done else 1.0, spent / current)
        return max(SHORTEST, pace * todo - spent)

    def wait(self, name: str, told: Callable[[float], None] = lambda seconds: None, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Return when a part is there. told: called with the seconds left, now and then. BuildCancelled if `cancelled` says so."""
        while True:
            ready = self._ready[name].wait(0.25)
            if cancelled():  # also of what became ready meanwhile: work that nobody waits for must not begin
                raise BuildCancelled
            if ready:
                return
            told(self.left(name))

    def expect_build(self) -> None:
        """Somebody will build soon: load meanwhile what nobody else needs."""
        with self._lock:
            load, self._expected = self._expected, None
        if load is not None:
            threading.Thread(target=load, name="perse-expect", daemon=True).start()

    def _run(self) -> None:
        self._began = self._finished = time.monotonic()
        for part in self._parts:
            part.work()
            if part.name == AVATAR:
                self._pipeline = self._make()
            self._finished = time.monotonic()
            self._ready[part.name].set()


def page_engine() -> Engine:
    """The engine of the page; PerseError for settings that make no sense."""
    compiling: list[Compiling] = []
    fetching: list[FetchAhead] = []
    way = os.environ.get("PERSE_FETCH") or FETCH_WAYS[0]
    if way not in FETCH_WAYS:
        raise PerseError(f"PERSE_FETCH must be {', '.join(FETCH_WAYS[:-1])} or {FETCH_WAYS[-1]}, not {shown(way)}.")

    def importing():
        from .. import compile_ahead

        compiling.append(compile_ahead.Compiling())  # first: children work meanwhile
        from .. import pipeline  # noqa: F401

    def building():
        for group in ("meshes", "learning", "driving"):
            compiling[0].fetch(group)
        if way == "wait":
            fetching[0].wait()
        settle()

    def learning():
        from .. import compile_ahead

        compile_ahead.libraries()

    def made():
        from ..fetch_ahead import FetchAhead
        from ..pipeline import PersePipeline

        pipeline = PersePipeline.from_pretrained()
        fetching.append(FetchAhead(pipeline, way).start())
        return pipeline

    def all_for_a_build() -> float:
        return fresh(15.0, 1.0)() + (fetching[0].seconds() if way == "wait" and fetching else 0.0)

    def fresh(seconds: float, otherwise: float) -> Callable[[], float]:
        return lambda: seconds if compiling and compiling[0].needed else otherwise

    return Engine(
        [
            Part(AVATAR, importing, fresh(6.0, 3.0)),
            Part(PICTURE, lambda: compiling[0].fetch("pictures"), fresh(12.0, 0.3)),
            Part(BUILD, building, all_for_a_build),
        ],
        made,
        learning,
        lambda: fetching[0].news if fetching else "",
    )
