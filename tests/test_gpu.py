"""A GPU that is lent for seconds: what is asked for, what crosses to the other process, and what never asks at all."""

import ast
import importlib
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import perse.gpu
from perse.attributes.catalogue import BY_NAME
from perse.errors import BuildCancelled
from perse.fitting import run as fitting
from perse.fitting.effort import cost
from perse.fitting.initial_avatar import begin
from perse.fitting.schedule import Schedule
from perse.portrait import head_mask
from perse.synthesis.diffusion.editor import Between, EditorGone, Request
from perse.synthesis.diffusion.on_zero_gpu import LentEditor

ROOT = Path(__file__).parents[1]
TINY = Schedule(gaussians=4000, photo_size=96, clip_size=96, source_frames=4, amounts=(1.0,), source_steps=12, lessons=6)


@pytest.fixture
def zero(monkeypatch):
    """perse.gpu as ZeroGPU's start finds it, with a `spaces` that notes the durations it is asked for."""
    asked = []

    def GPU(duration):
        def decorate(function):
            def call(*args, **kwargs):
                asked.append(duration(*args, **kwargs))
                return function(*args, **kwargs)

            return call

        return decorate

    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=GPU))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    module = importlib.reload(perse.gpu)
    module.asked = asked
    yield module
    monkeypatch.undo()
    importlib.reload(perse.gpu)


def test_on_a_machine_of_our_own_nothing_changes():
    def work():
        return 1

    assert not perse.gpu.ON_ZERO and perse.gpu.gpu(duration=lambda: 5)(work) is work


def test_a_loan_is_asked_for_by_the_work_and_never_for_more_than_the_limit(zero):
    assert zero.ON_ZERO
    double = zero.gpu(duration=lambda n: 2 * n)(lambda n: n)
    assert [double(n) for n in (3, 20, 500)] == [3, 20, 500] and zero.asked == [6, 40, zero.LIMIT]
    zero.asked.clear()
    zero.new_build()  # from here on what was asked for counts
    assert [double(n) for n in (3, 20, 500, 5)] == [3, 20, 500, 5] and zero.asked == [6, 40, zero.LIMIT - 46, 1] and zero.left() < 1
    zero.new_build()
    assert zero.left() == zero.LIMIT
    for budget in (30, 60, 120, 300):  # what the page offers and more
        schedule = Schedule.for_budget(budget)
        seconds = fitting.seconds(schedule.source_steps + cost(schedule.rounds) * schedule.lessons)
        assert fitting.EARLIER < seconds <= zero.LIMIT


def test_without_the_package_the_app_starts_all_the_same(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)
    try:
        assert not importlib.reload(perse.gpu).ON_ZERO
    finally:
        monkeypatch.undo()
        importlib.reload(perse.gpu)


def test_only_fits_and_generated_pictures_ask_for_a_gpu():
    decorated = set()
    for path in (ROOT / "perse").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any("gpu(" in ast.unparse(d) for d in node.decorator_list):
                decorated.add(f"{path.relative_to(ROOT)}:{node.name}")
    assert decorated == {
        "perse/fitting/run.py:_on_loan",
        "perse/synthesis/diffusion/on_zero_gpu.py:_edit",
        "perse/synthesis/diffusion/on_zero_gpu.py:_interpolate",
    }


def elsewhere(name, *args):
    """A generator function of perse.fitting.run in a process of its own: arguments and results cross as ZeroGPU's do, pickled."""
    mine, other = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(other, name, args), daemon=True)
    process.start()
    other.close()
    try:
        while (told := pickle.loads(mine.recv_bytes())) is not None:
            if isinstance(told, Exception):
                raise told
            yield told
    except EOFError:
        raise RuntimeError("the worker died") from None
    finally:
        process.terminate()
        process.join()


def _serve(pipe, name, args):
    try:
        for told in getattr(fitting, name)(*args):
            pipe.send_bytes(pickle.dumps(told))
        pipe.send_bytes(pickle.dumps(None))
    except Exception as error:  # noqa: BLE001  (whatever it is, the other side has to hear of it)
        pipe.send_bytes(pickle.dumps(RuntimeError(str(error))))


@pytest.fixture
def work(astronaut_portrait, rig, texture, clips):
    lessons = [clip for clip in clips if clip.category in (None, "beard")]
    beginning = begin(astronaut_portrait, rig, texture, [BY_NAME["beard"]], TINY.gaussians, 0)
    return beginning, astronaut_portrait, lessons, replace(TINY), head_mask(astronaut_portrait)


@pytest.fixture
def lending(monkeypatch):
    """A fit that was asked to use a lent GPU; returns the seconds it asked for. The lender is generous: this machine may be a slow one."""
    loans = []

    def on_loan(work, granted):
        loans.append(granted)
        return elsewhere("_on_loan", work, math.inf)

    monkeypatch.setattr(fitting, "ON_ZERO", True)
    monkeypatch.setattr(fitting, "_on_loan", on_loan)
    return loans


def test_a_fit_on_loan_is_the_fit_it_would_have_been_here(work, lending):
    told = []
    start = {name: tensor.clone() for name, tensor in work[0].avatar.state_dict().items()}
    twin = pickle.loads(pickle.dumps(work))
    lent = fitting.fit(*work, torch.device("cuda"), lambda *a: told.append(a), lambda: False)
    here = fitting.fit(*twin, torch.device("cpu"), lambda *a: None, lambda: False)
    assert lent.steps == here.steps and lent.steps[0] == TINY.source_steps and lent.device == "cuda" and here.device == "cpu"
    assert abs(lent.likeness - here.likeness) < 0.05 and not lent.note
    assert (
        len(lending) == 1
        and lending[0] == fitting.START + (12 + 6 * cost(TINY.rounds)) * fitting.STEP
        and [t[0] for t in told] == sorted(t[0] for t in told)
    )
    moved = 0.0
    for name, tensor in work[0].avatar.state_dict().items():
        assert tensor.device.type == "cpu" and torch.allclose(tensor, twin[0].avatar.state_dict()[name], atol=2e-3), name
        moved = max(moved, float((tensor - start[name]).abs().max()) if tensor.is_floating_point() and tensor.numel() else 0.0)
    assert moved > 0.01


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_fit_on_a_gpu_of_our_own_looks_like_one_on_the_cpu(work):
    twin = pickle.loads(pickle.dumps(work))
    there = fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: False)
    here = fitting.fit(*twin, torch.device("cpu"), lambda *a: None, lambda: False)
    assert there.device == "cuda" and there.steps == here.steps and work[0].avatar.device.type == "cpu"
    assert abs(there.likeness - here.likeness) < 0.5


def test_no_step_begins_when_a_loan_is_about_to_end(work):
    told = list(fitting._on_loan(pickle.dumps(work), fitting.EARLIER))
    assert [t[0] for t in told] == ["done"] and told[-1][1] == (0, 0)


def test_cancelling_gives_the_gpu_back(work, lending):
    with pytest.raises(BuildCancelled):
        fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: True)
    assert not multiprocessing.active_children()


def test_without_a_loan_the_cpu_fits_and_says_so(work, monkeypatch):
    def refuse(work, steps):
        raise RuntimeError("You have exceeded your quota")
        yield

    monkeypatch.setattr(fitting, "ON_ZERO", True)
    monkeypatch.setattr(fitting, "_on_loan", refuse)
    monkeypatch.setattr(fitting, "left", lambda: 1.0)
    assert "used up" in fitting.fit(*pickle.loads(pickle.dumps(work)), torch.device("cuda"), lambda *a: None, lambda: False).note
    monkeypatch.undo()
    monkeypatch.setattr(fitting, "ON_ZERO", True)
    monkeypatch.setattr(fitting, "_on_loan", refuse)
    done = fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: False)
    assert done.device == "cpu" and "quota" in done.note and done.steps[0] == TINY.source_steps


class Painter:
    """An editor whose pictures are known, and which fails on demand."""

    name, batch, fails = "painter", 2, False

    def edit(self, requests, tick):
        assert len(requests) <= self.batch
        if self.fails:
            raise RuntimeError("You have exceeded your quota")
        return [np.full((4, 4, 3), r.seed / 100, np.float32) for r in requests]

    def interpolate(self, steps, tick):
        return [np.full((4, 4, 3), s.share, np.float32) for s in steps]


def test_generated_pictures_come_in_one_loan_and_leave_time_for_the_fit(monkeypatch):
    painter, ticks = Painter(), []
    lent = LentEditor(painter)
    requests = [Request(np.zeros((4, 4, 3), np.float32), "red hair", None, seed) for seed in range(5)]
    assert [round(100 * float(p[0, 0, 0])) for p in lent.edit(requests, lambda: ticks.append(1))] == [0, 1, 2, 3, 4] and len(ticks) == 3
    between = [Between(requests[0], requests[1], share) for share in (0.25, 0.5, 0.75)]
    assert [float(p[0, 0, 0]) for p in lent.interpolate(between, lambda: None)] == [0.25, 0.5, 0.75]
    pickle.loads(pickle.dumps((requests, between)))
    most = lent.batch
    assert most > 10 and len(lent.edit(requests[:1] * most, lambda: None)) == most  # a whole batch fits into a new build's time
    with pytest.raises(EditorGone, match="used up"):
        lent.edit(requests[:1] * (most + 2), lambda: None)
    painter.fails = True
    with pytest.raises(EditorGone, match="quota"):
        lent.edit(requests, lambda: None)
    painter.fails = False

    def cancel():
        raise BuildCancelled()

    with pytest.raises(BuildCancelled):
        lent.edit(requests, cancel)


def test_opencv_works_in_a_fork_of_a_process_that_used_it():
    code = """
import os, cv2, numpy as np
picture = np.random.default_rng(0).random((2048, 2048, 3), dtype=np.float32)
cv2.setNumThreads(4)
cv2.GaussianBlur(picture, (0, 0), 4)
if (pid := os.fork()) == 0:
    cv2.setNumThreads(0)
    cv2.resize(cv2.GaussianBlur(picture, (0, 0), 4), (500, 500), interpolation=cv2.INTER_AREA)
    os._exit(7)
os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=600, check=False).returncode == 7
    assert "cv2.setNumThreads(0)" in (ROOT / "perse/fitting/run.py").read_text()
