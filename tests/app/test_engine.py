"""The page is there before what it needs: parts get ready in the order of need, and whoever waits is told for how long."""

import json
import os
import subprocess
import sys
import threading

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from perse.errors import BuildCancelled
from perse.ui.desk import Desk
from perse.ui.engine import AVATAR, BUILD, PICTURE, Engine, Part
from perse.ui.examples import EXAMPLES, STILL_SIZE, STILL_YAWS
from perse.ui.fair_pool import FairPool
from perse.ui.jobs import counted_down, seconds_left
from perse.ui.routes import FrameRoutes
from perse.ui.visits import Visits

from .conftest import ROOT

HEAVY = (
    "torch",
    "numba",
    "cv2",
    "scipy",
    "skimage",
    "matplotlib",
    "mediapipe",
    "diffusers",
    "accelerate",
    "transformers",
    "perse.pipeline",
)


class Pipeline:
    notes = ("on the CPU",)

    def info(self, avatar):
        return {"gaussians": 1}


class Gates:
    """An engine whose parts are ready when the test says so."""

    def __init__(self, pipeline):
        self.open = {name: threading.Event() for name in (AVATAR, PICTURE, BUILD)}
        self.engine = Engine([Part(name, gate.wait, lambda: 10.0) for name, gate in self.open.items()], lambda: pipeline).start()

    def let(self, name):
        self.open[name].set()
        self.engine.wait(name)


@pytest.fixture
def gates():
    gates = Gates(Pipeline())
    yield gates
    for gate in gates.open.values():
        gate.set()
    gates.engine.wait(BUILD)


def run(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=True
    ).stdout


def test_the_page_loads_nothing_that_its_first_view_does_not_need(tmp_path):
    loaded = json.loads(run("import app, json, sys; print(json.dumps(sorted(sys.modules)))", GRADIO_TEMP_DIR=str(tmp_path)))
    assert not set(HEAVY) & set(loaded)


def test_gradio_works_without_writing_stubs():
    told = run("""
import pathlib
from perse.ui import gradio_without_stubs
gradio_without_stubs.leave_out()
written, plain = [], pathlib.Path.write_text
pathlib.Path.write_text = lambda self, *a, **k: written.append(self) or plain(self, *a, **k)
import gradio as gr
with gr.Blocks():
    gr.Button("x").click(lambda: None)
class Mine(gr.Textbox):
    EVENTS = ["change"]
print(len(written), hasattr(Mine, "change"))
""")
    assert told.split() == ["0", "True"]


def test_nobody_waits_for_what_he_does_not_need(gates):
    engine = gates.engine
    assert not engine.ready(AVATAR) and engine.notes == ()
    assert 0 < engine.left(AVATAR) < engine.left(PICTURE) < engine.left(BUILD)
    gates.let(AVATAR)
    assert engine.pipeline.notes == engine.notes == ("on the CPU",) and engine.left(AVATAR) == 0
    assert not engine.ready(PICTURE)
    gates.let(PICTURE)
    assert engine.left(BUILD) > 0


def test_who_waits_is_told_and_can_give_up(gates):
    told = []
    with pytest.raises(BuildCancelled):
        gates.engine.wait(PICTURE, told.append, lambda: len(told) >= 2)
    assert all(seconds > 0 for seconds in told)
    gates.let(AVATAR)
    with pytest.raises(BuildCancelled):  # too late for who has given up
        gates.engine.wait(AVATAR, cancelled=lambda: True)


def test_what_cannot_be_imported_ends_the_process():
    code = """
import threading
from perse.ui.engine import Engine, Part
def work():
    import no_such_library
Engine([Part("avatar", work)], lambda: None).start()
threading.Event().wait(600)
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert ended.returncode == 1 and "no_such_library" in ended.stderr


def test_an_example_is_seen_before_it_can_be_opened(gates, tmp_path):
    desk = Desk(gates.engine, Visits(tmp_path), {})
    visit = desk.visits.open()
    desk.take_example(visit, "astronaut")
    visit.jobs["look"]._news.wait(60)
    state = desk.state(visit, {})
    assert state["busy"] and "perse/still/astronaut" in state["pieces"]["found"]["html"]
    while (doing := desk.state(visit, {})["doing"]["found"])["text"] == "Starting":
        pass
    assert "Warming up" in doing["text"] and doing["seconds"] > 0 and doing["share"] is None
    desk.cancel(visit, "look")


def test_until_it_can_be_rendered_there_are_stills_and_the_seconds_are_told(gates, tmp_path):
    visits = Visits(tmp_path)
    http = TestClient(Starlette(routes=FrameRoutes(gates.engine, visits, FairPool()).routes()))
    gates.let(AVATAR)
    token = visits.add(visits.open(), object(), "hopper", shared=True)
    for path in ("frame/{}", "styles/{}?category=hair", "motion/{}?name=nod", "save/{}/picture.png"):
        answer = http.post(f"/perse/{path.format(token)}", content="{}")
        assert answer.status_code == 202 and answer.json()["warming"] > 0
    still = http.get("/perse/still/hopper")
    assert still.headers["content-type"] == "image/webp" and b"Synthetic" in still.content
    assert http.get("/perse/still/nobody").status_code == 404
    gates.let(PICTURE)
    assert http.post("/perse/frame/none", content="{}").status_code == 404


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda e: e.name)
def test_an_examples_pictures_are_in_the_repository(example):
    from PIL import Image

    with Image.open(example.stills_path) as strip, Image.open(example.thumbnail_path) as face:
        assert strip.size == (STILL_SIZE * len(STILL_YAWS), STILL_SIZE) and face.size[0] == face.size[1]
    assert 0 in STILL_YAWS and len(STILL_YAWS) % 2, "the middle one is the front"


@pytest.mark.slow
def test_children_compile_and_this_process_reads(tmp_path):
    code = """
from perse import compile_ahead
first = compile_ahead.Compiling(("meshes",))
first.fetch("meshes")
from perse.render import mesh
hits = sum(mesh._shade.stats.cache_hits.values())
for thread in __import__("threading").enumerate():
    if thread.name == "perse-compile":
        thread.join()
print(first.needed, hits, compile_ahead.Compiling(("meshes",)).needed, compile_ahead.Compiling(("learning",), at_once=1)._mark == first._mark)
"""
    assert run(code, NUMBA_CACHE_DIR=str(tmp_path)).split() == ["True", "1", "False", "False"]


def test_where_nothing_can_be_kept_this_process_compiles(monkeypatch):
    from perse import compile_ahead

    monkeypatch.setattr(compile_ahead, "_mark", lambda groups: None)
    done = []
    monkeypatch.setitem(compile_ahead.GROUPS, "pictures", lambda: done.append(1))
    compile_ahead.Compiling(("pictures",)).fetch("pictures")
    assert done == [1]


def test_the_seconds_that_are_left():
    assert seconds_left(0.0, 0.0, 30.0) == 30 and seconds_left(0.5, 1.0, 30.0) == 29, "by the plan"
    assert seconds_left(0.5, 15.0, 30.0) == 15 and seconds_left(0.5, 60.0, 30.0) == 60 and seconds_left(1.0, 31.0, 30.0) == 0, "by the pace"
    assert seconds_left(0.5, 1.0, None) is None and seconds_left(0.0, 9.0, None) is None and seconds_left(0.25, 10.0, None) == 30
    assert counted_down(20.0, 0.0) == 20 and 18.5 < counted_down(20.0, 1.0) < 19.5 and counted_down(20.0, 100.0) > 0, (
        "an estimate does not run out"
    )


def test_children_compile_for_the_arguments_that_pictures_have():
    from perse import compile_ahead
    from perse.render.cpu.blend import blend

    compile_ahead.compositing()
    compile_ahead.pictures()
    assert len(blend.nopython_signatures) == 1
