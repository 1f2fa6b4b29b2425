"""What a job or a visit leaves in memory is gone soon after it, also what holds itself."""

import gc
import threading
import weakref

from perse.memory import tidy_soon
from perse.ui.examples import EXAMPLES
from perse.ui.jobs import Job
from perse.ui.visits import Visits
from perse.ui.waiting_line import Line, Who


class Thing:
    """Holds itself, as frames, exceptions and what they name often do."""

    def __init__(self, gone: threading.Event):
        self.me = self
        weakref.finalize(self, gone.set)


def test_what_holds_itself_is_gone():
    gone = threading.Event()
    gc.disable()  # by itself it may come any time, or never
    try:
        for _ in range(2):
            Thing(gone)
            tidy_soon()
            assert gone.wait(60)
            gone.clear()
    finally:
        gc.enable()


def test_after_a_job_and_after_a_visit(tmp_path):
    gc.disable()
    try:
        gone = threading.Event()

        def work(report, cancelled):
            Thing(gone)
            return 1

        job = Job(work, Line(), Who("a"), 60.0).start()
        assert list(job.updates()) is not None and gone.wait(60)

        gone.clear()
        visits = Visits(tmp_path)
        visit = visits.open("")
        visit.photo = Thing(gone)
        visits.close(visit)
        del visit
        assert gone.wait(60)
    finally:
        gc.enable()


def test_an_examples_avatar_goes_with_the_last_visit_that_has_it(tmp_path):
    example, visits = EXAMPLES["astronaut"], Visits(tmp_path)
    mine, yours = visits.open(), visits.open()
    for visit in (mine, yours):
        visits.add(visit, example.avatar(), example.name, shared=True)
    visits.close(mine)
    gc.collect()
    assert example.opened() is not None
    visits.close(yours)
    gc.collect()
    assert example.opened() is None
