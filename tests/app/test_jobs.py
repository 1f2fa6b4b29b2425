"""Long jobs: progress, results, errors, cancelling and the line."""

import threading
import time

import pytest

from perse.errors import BuildCancelled, PerseError
from perse.ui.jobs import Job, Running, Turns


def patient(report, cancelled):
    for i in range(500):
        if cancelled():
            raise BuildCancelled()
        report(i / 500, "working")
        time.sleep(0.01)


def test_updates_tell_the_progress_and_the_result_is_kept():
    def work(report, cancelled):
        for i in range(5):
            report(i / 5, f"stage {i}")
            time.sleep(0.05)
        return 42
    job = Job(work, Turns(), every=0.02)
    updates = list(job.updates())
    assert job.result == 42
    assert [u.share for u in updates] == sorted(u.share for u in updates) and updates[-1].text == "stage 4"


def test_what_the_work_raises_reaches_the_watcher():
    def work(report, cancelled):
        raise PerseError("No face was found.")
    turns = Turns()
    with pytest.raises(PerseError, match="No face"):
        list(Job(work, turns).updates())
    assert turns.ahead(turns.enter()) == 0


def test_closing_the_generator_cancels_the_work_and_frees_the_turn():
    turns, ended = Turns(), threading.Event()

    def work(report, cancelled):
        try:
            patient(report, cancelled)
        finally:
            ended.set()
    updates = Job(work, turns, every=0.02).updates()
    next(updates)
    updates.close()
    assert ended.wait(2)
    time.sleep(0.1)
    assert turns.ahead(turns.enter()) == 0


def test_another_thread_cancels_and_the_watcher_ends_at_once():
    turns, asked = Turns(), threading.Event()

    def work(report, cancelled):
        while not cancelled():
            time.sleep(0.01)
        asked.set()
        time.sleep(1.0)  # work that is slow to stop must not keep the visitor
        return "too late"
    job = Job(work, turns, every=0.02)
    threading.Timer(0.2, job.cancel).start()
    start = time.monotonic()
    list(job.updates())
    assert time.monotonic() - start < 0.9 and job.cancelled and asked.wait(1)
    time.sleep(1.2)
    assert job.result is None and turns.ahead(turns.enter()) == 0


def test_a_visit_cancels_its_own_job_alone():
    running, turns = Running(), Turns(width=3)
    one, two = Job(patient, turns), Job(patient, turns)
    with running.job("one", one), running.job("two", two):
        running.cancel("one")
        running.cancel("nobody")
        assert one.cancelled and not two.cancelled
        with running.job("two", Job(patient, turns)):
            assert two.cancelled, "a second job of the same visit replaces the first"
    running.cancel("two")


def test_cancelling_in_the_line_leaves_it():
    turns = Turns()
    turns.enter()
    job = Job(patient, turns)
    updates = job.updates()
    assert next(updates).waiting == 1
    job.cancel()
    assert list(updates) == [] and turns.ahead(turns.enter()) == 1


def test_a_second_job_waits_for_the_first_and_leaves_the_line_when_cancelled():
    turns = Turns()
    first, second, third = (Job(patient, turns, every=0.02).updates() for _ in range(3))
    next(first)
    assert next(second).waiting == 1 and next(third).waiting == 2
    second.close()
    assert next(third).waiting == 1
    first.close()
    third.close()


def test_a_full_line_is_told_politely():
    turns = Turns(length=1)
    turns.enter()
    with pytest.raises(PerseError, match="try again"):
        turns.enter()
