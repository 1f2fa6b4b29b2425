"""Long jobs: progress, results, errors, cancelling, deadlines."""

import threading

import pytest

from perse.errors import BuildCancelled, PerseError
from perse.ui.failures import OURS
from perse.ui.jobs import TOO_LATE, Job
from perse.ui.waiting_line import Line, Who

ME = Who("me")


def until_told(report, cancelled):
    """Work that goes on until it is cancelled."""
    while not cancelled():
        threading.Event().wait(0.005)
    raise BuildCancelled


def over(job):
    assert job._over.wait(60)
    return job


def test_the_progress_is_told_and_the_result_is_kept():
    told, go = threading.Event(), threading.Event()

    def work(report, cancelled):
        report(0.4, "halfway")
        told.set()
        assert go.wait(60)
        return 42

    job = Job(work, Line(), ME, 60).start()
    assert told.wait(60) and (job.update().share, job.update().text) == (0.4, "halfway")
    go.set()
    assert over(job).result == 42 and not job.error


def test_a_watcher_sees_updates_and_gets_what_the_work_raised():
    def work(report, cancelled):
        report(0.5, "looking")
        raise PerseError("No face was found.")

    line = Line()
    with pytest.raises(PerseError, match="No face"):
        list(Job(work, line, ME, 60).start().updates(0.01))
    assert line.enter(ME).turn.is_set()


def test_an_unexpected_failure_ends_in_a_sentence_and_a_log_line_without_its_message(capfd):
    def work(report, cancelled):
        raise KeyError("/home/somebody/secret-face.jpg")

    job = over(Job(work, Line(), ME, 60).start())
    assert job.error == OURS
    log = capfd.readouterr().err
    assert "KeyError" in log and "test_jobs.py" in log and "secret" not in log


def test_closing_the_generator_cancels_the_work_and_frees_the_turn():
    line, ended = Line(), threading.Event()

    def work(report, cancelled):
        try:
            until_told(report, cancelled)
        finally:
            ended.set()

    updates = Job(work, line, ME, 600).start().updates(0.01)
    next(updates)
    updates.close()
    assert ended.wait(60) and line.enter(ME).turn.wait(60)


def test_cancelling_ends_a_job_at_once_even_if_the_work_is_slow_to_stop():
    line, go, results = Line(), threading.Event(), []

    def work(report, cancelled):
        go.wait(60)
        return "too late"

    job = Job(work, line, ME, 600, lambda job: results.append(job.result)).start()
    job.cancel()
    assert job.over and job.cancelled and list(job.updates()) == [] and results == [None]
    after = line.enter(ME)
    assert not after.turn.is_set(), "the work has not stopped yet"
    go.set()
    assert after.turn.wait(60) and job.result is None and results == [None]


def test_cancelling_in_the_line_leaves_it():
    line = Line(each=5)
    first = Job(until_told, line, ME, 600).start()
    second, third = Job(until_told, line, ME, 600).start(), Job(lambda r, c: 3, line, ME, 600).start()
    assert second.update().waiting == 1 and third.update().waiting == 2 and third.update().seconds > 0
    second.cancel()
    first.cancel()
    assert over(third).result == 3


def test_a_job_is_stopped_at_its_deadline_with_a_sentence():
    assert over(Job(until_told, Line(), ME, 0.02).start()).error == TOO_LATE


def test_what_follows_is_done_before_a_job_counts_as_over():
    seen = []
    job = Job(lambda report, cancelled: 1, Line(), ME, 60, lambda job: seen.append((job.over, job.result))).start()
    over(job)
    assert seen == [(False, 1)]


def test_a_thread_that_cannot_start_leaves_the_line(monkeypatch):
    line = Line()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda self: (_ for _ in ()).throw(RuntimeError("can't start new thread")))
        with pytest.raises(PerseError, match="try again"):
            Job(until_told, line, ME, 60).start()
    assert over(Job(lambda report, cancelled: 1, line, ME, 60).start()).result == 1


def test_a_job_that_is_cancelled_before_it_starts_ends():
    line = Line()
    job = Job(lambda report, cancelled: 1, line, ME, 60)
    assert job.update().waiting == 0
    job.cancel()
    job.start()
    assert over(job).result is None and line.enter(ME).turn.wait(60)


def test_the_work_and_what_it_holds_are_dropped():
    class Photo:
        pass

    import gc
    import weakref

    photo = Photo()
    gone = weakref.ref(photo)
    job = over(Job(lambda report, cancelled, photo=photo: 1, Line(), ME, 60).start())
    del photo
    gc.collect()
    assert gone() is None and job.result == 1
