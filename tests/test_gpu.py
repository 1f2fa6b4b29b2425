"""A GPU that is lent for seconds: what is asked for, what crosses to the other process, and what never asks at all."""

import ast
import importlib
import inspect
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import time
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import perse.gpu
from perse import compile_ahead
from perse.attributes.catalogue import BY_NAME
from perse.avatar.avatar import Avatar
from perse.errors import BuildCancelled
from perse.fitting import build_time
from perse.fitting import run as fitting
from perse.fitting.effort import cost
from perse.fitting.initial_avatar import begin
from perse.fitting.schedule import Schedule
from perse.portrait import head_mask
from perse.synthesis.diffusion import on_zero_gpu
from perse.synthesis.diffusion.editor import Between, EditorGone, Request
from perse.synthesis.diffusion.on_zero_gpu import LentEditor

ROOT = Path(__file__).parents[1]
TINY = Schedule(gaussians=4000, photo_size=96, clip_size=96, source_frames=4, amounts=(1.0,), source_steps=12, lessons=6)


@pytest.fixture
def zero(monkeypatch):
    """perse.gpu as ZeroGPU's start finds it, with a `spaces` that notes what it decorates and the durations it is asked for."""
    asked, decorated = [], []

    def GPU(duration):
        def decorate(function):
            assert inspect.isgeneratorfunction(function)  # which `spaces` treats differently
            decorated.append(function.__name__)

            def call(*args, **kwargs):
                asked.append(duration(*args, **kwargs))
                yield from function(*args, **kwargs)

            return call

        return decorate

    monkeypatch.setitem(sys.modules, "spaces", types.SimpleNamespace(GPU=GPU))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    module = importlib.reload(perse.gpu)
    module.asked, module.decorated = asked, decorated
    yield module
    monkeypatch.undo()
    importlib.reload(perse.gpu)


def twice(until, number):
    yield until
    yield 2 * number


def test_on_a_machine_of_our_own_nothing_is_borrowed():
    now = time.monotonic()
    until, number = perse.gpu.borrow(twice, 5, 21)
    assert not perse.gpu.ON_ZERO and number == 42 and until > now


def test_a_loan_is_asked_for_by_the_work_and_never_for_more_than_the_limit(zero):
    def borrow(seconds):
        return list(zero.borrow(twice, seconds, seconds))[1] // 2

    assert zero.ON_ZERO
    assert [borrow(n) for n in (3, 20, 500)] == [3, 20, 500] and zero.asked == [3, 20, zero.LIMIT]
    zero.asked.clear()
    zero.new_build()  # from here on what was asked for counts
    assert [borrow(n) for n in (3, 20, 500, 5)] == [3, 20, 500, 5] and zero.asked == [3, 20, zero.LIMIT - 23, 1] and zero.left() < 1
    zero.new_build()
    assert zero.left() == zero.LIMIT
    for budget in (30, 60, 120, 300):  # what the page offers and more
        schedule = Schedule.for_budget(budget)
        seconds = fitting.seconds(schedule.source_steps + cost(schedule.rounds) * schedule.lessons)
        assert fitting.EARLIER < fitting.LEAST <= seconds


def test_moving_models_counts_and_a_loan_ends_when_it_was_to_end(zero, monkeypatch):
    """The loan runs while models are moved: what is done in it has to know how long it has left."""
    zero.placed(12.0)
    now = time.monotonic()
    monkeypatch.setattr(zero, "_forked", now - 9)  # as in a process that has been moving for nine seconds
    until, _ = zero.borrow(twice, 20, 1)
    assert zero.asked == [32] and until == pytest.approx(now - 9 + 32, abs=0.5)
    assert zero.moving() == pytest.approx(9 * zero.MARGIN, abs=0.5)  # it was seen how long it takes
    monkeypatch.setattr(zero, "_forked", time.monotonic() - 100)  # one that was very slow is no measure
    list(zero.borrow(twice, 20, 1))
    assert zero.moving() == zero.MOST_MOVING
    until, _ = zero.borrow(twice, 20, 1)  # the same process again, which has them
    assert zero.asked[-1] == round(20 + zero.moving()) and until == pytest.approx(time.monotonic() + zero.asked[-1], abs=0.5)


def test_all_loans_have_one_process(zero):
    """`spaces` keeps processes for each decorated function, and each moves all models to the card."""
    assert zero.decorated == ["_serve"]
    borrowers = {
        f"{path.relative_to(ROOT)}:{ast.unparse(call.args[0])}"
        for path in (ROOT / "perse").rglob("*.py")
        if "borrow(" in path.read_text()
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "borrow"
    }
    assert borrowers == {"perse/fitting/run.py:_on_loan", "perse/synthesis/diffusion/on_zero_gpu.py:task"}


def test_without_the_package_the_app_starts_all_the_same(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setitem(sys.modules, "spaces", None)
    try:
        assert not importlib.reload(perse.gpu).ON_ZERO
    finally:
        monkeypatch.undo()
        importlib.reload(perse.gpu)


def test_the_app_s_own_process_computes_no_gradient_where_a_gpu_is_lent(monkeypatch):
    """Autograd counts the cards once, there none, and the process with the GPU is forked from it."""

    def never(*args, **options):
        pytest.fail("a gradient")

    monkeypatch.setattr(torch.Tensor, "backward", never)
    monkeypatch.setattr(torch.autograd, "grad", never)
    monkeypatch.setattr(perse.gpu, "ON_ZERO", True)
    monkeypatch.setattr(build_time, "ON_ZERO", True)
    compile_ahead.learning()
    assert build_time.Timetable(TINY, 20.0).speed.kernels > 0


def elsewhere(task, *args):
    """A generator function in a process of its own: arguments and results cross as ZeroGPU's do, pickled."""
    mine, other = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(other, task, args), daemon=True)
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


def _serve(pipe, task, args):
    try:
        for told in task(*args):
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

    def borrow(task, seconds, work):
        loans.append(seconds)
        return elsewhere(task, math.inf, work)

    monkeypatch.setattr(fitting, "ON_ZERO", True)
    monkeypatch.setattr(fitting, "borrow", borrow)
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
    told = list(fitting._on_loan(time.monotonic() + fitting.EARLIER, pickle.dumps((*work, None))))
    assert [t[0] for t in told] == ["done"] and told[-1][1].steps == (0, 0)


def test_cancelling_gives_the_gpu_back(work, lending):
    with pytest.raises(BuildCancelled):
        fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: True)
    assert not multiprocessing.active_children()


def test_an_avatar_on_its_card_stays_as_it_was_placed():
    """Placing anew costs more than a step, and "cuda" is the card that it is on."""
    placed = types.SimpleNamespace(device=torch.device("cuda", 0), place=lambda device: device)
    assert Avatar.on(placed, "cuda") is placed and Avatar.on(placed, torch.device("cuda:0")) is placed
    assert Avatar.on(placed, "cuda:1") == "cuda:1" and Avatar.on(placed, torch.device("cpu")) == torch.device("cpu")


def refuse(*args):
    raise RuntimeError("You have exceeded your quota")
    yield


def forbid_learning(monkeypatch):
    """As on ZeroGPU, where an optimiser's first step in the app's own process asks a card that is not there."""
    monkeypatch.setattr(torch.optim.Adam, "step", lambda *args: pytest.fail("a step"))


def test_without_a_loan_the_cpu_fits_apart_and_says_so(work, monkeypatch):
    forbid_learning(monkeypatch)
    monkeypatch.setattr(fitting, "ON_ZERO", True)
    monkeypatch.setattr(fitting, "borrow", refuse)
    before = work[0].avatar.colors.detach().clone()
    done = fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: False)
    assert done.device == "cpu" and "quota" in done.note and done.steps[0] == TINY.source_steps
    assert float((work[0].avatar.colors - before).abs().max()) > 0.01
    monkeypatch.setattr(fitting, "left", lambda: 1.0)
    monkeypatch.setattr(fitting, "apart", lambda task, *given: iter_of([("done", done, state_of(work[0].avatar))]))
    assert "used up" in fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: False).note


def iter_of(items):
    yield from items


def state_of(avatar):
    return {name: tensor.numpy() for name, tensor in avatar.state_dict().items()}


def test_a_card_that_fails_leaves_the_whole_fit_to_the_cpu(work, monkeypatch):
    """Out of memory in the middle: the CPU begins with the avatar as it was, apart from what is left of the card."""
    given = []

    def breaks(beginning, device, *rest):
        with torch.no_grad():
            beginning.avatar.colors.zero_()
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nmore")

    def apart(task, beginning, *rest):
        given.append((task, beginning.avatar.colors.detach().clone()))
        yield "done", fitting.Fitted((1, 1), 30.0, "cpu"), state_of(beginning.avatar)

    before = work[0].avatar.colors.detach().clone()
    monkeypatch.setattr(fitting, "_here", breaks)
    monkeypatch.setattr(fitting, "apart", apart)
    done = fitting.fit(*work, torch.device("cuda"), lambda *a: None, lambda: False)
    assert done.device == "cpu" and "out of memory" in done.note and "\n" not in done.note
    assert given[0][0] is fitting._apart and torch.equal(given[0][1], before) and torch.equal(work[0].avatar.colors, before)


class Painter:
    """An editor whose pictures are known, and which fails on demand."""

    name, batch, fails, worn_out = "painter", 2, False, math.inf  # worn_out: pictures after which it is

    def edit(self, requests, tick):
        assert len(requests) <= self.batch
        if (last := self.worn_out - requests[0].seed) < len(requests):
            raise EditorGone("no memory", [np.full((4, 4, 3), r.seed / 100, np.float32) for r in requests[:last]])
        if self.fails:
            raise RuntimeError("You have exceeded your quota")
        return [np.full((4, 4, 3), r.seed / 100, np.float32) for r in requests]

    def interpolate(self, steps, tick):
        return [np.full((4, 4, 3), s.share, np.float32) for s in steps]


def test_generated_pictures_come_in_one_loan_and_leave_time_for_the_fit(monkeypatch):
    painter, ticks = Painter(), []
    monkeypatch.setattr(perse.gpu, "_moving", 0.0)
    perse.gpu.new_build()
    lent = LentEditor(painter)
    requests = [Request(np.zeros((4, 4, 3), np.float32), "red hair", None, seed) for seed in range(5)]
    assert [round(100 * float(p[0, 0, 0])) for p in lent.edit(requests, lambda: ticks.append(1))] == [0, 1, 2, 3, 4] and len(ticks) == 3
    between = [Between(requests[0], requests[1], share) for share in (0.25, 0.5, 0.75)]
    assert [float(p[0, 0, 0]) for p in lent.interpolate(between, lambda: None)] == [0.25, 0.5, 0.75]
    pickle.loads(pickle.dumps((requests, between)))
    most = lent.batch
    perse.gpu.new_build()
    assert most > 10 and len(lent.edit(requests[:1] * most, lambda: None)) == most  # a whole batch fits into a new build's time
    with pytest.raises(EditorGone, match="used up"):
        lent.edit(requests[:1] * (most + 2), lambda: None)
    perse.gpu.new_build()
    painter.fails = True
    with pytest.raises(EditorGone, match="quota"):
        lent.edit(requests, lambda: None)
    painter.fails = False
    perse.gpu.new_build()

    def cancel():
        raise BuildCancelled()

    with pytest.raises(BuildCancelled):
        lent.edit(requests, cancel)


def test_what_a_loan_made_before_it_ended_is_kept(monkeypatch):
    perse.gpu.new_build()
    painter = Painter()
    lent = LentEditor(painter)
    requests = [Request(np.zeros((4, 4, 3), np.float32), "red hair", None, seed) for seed in range(5)]
    monkeypatch.setattr(painter, "worn_out", 3)
    with pytest.raises(EditorGone, match="long enough") as caught:
        lent.edit(requests, lambda: None)
    assert [round(100 * float(p[0, 0, 0])) for p in caught.value.made] == [0, 1, 2]
    assert not list(on_zero_gpu._edit(time.monotonic() + 0.5, painter.name, requests)), "no batch begins that would not be over in time"


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
