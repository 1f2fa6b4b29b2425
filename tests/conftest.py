"""What tests share: two public-domain portraits, a rig and a texture of each kind, and one avatar that was really built."""

import os
import pickle
import re
import shutil
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from filelock import FileLock
from PIL import Image

os.environ["PERSE_PATIENCE"] = "inf"  # builds are measured in steps: a slow machine takes longer and makes the same avatars
import perse  # noqa: F401  (sets the threading layer before torch and numba load)
from perse.attributes.catalogue import BY_NAME
from perse.avatar.avatar import Avatar
from perse.avatar.backdrop import remember
from perse.controls import Controls
from perse.fitting.initial_avatar import begin
from perse.fitting.schedule import Schedule
from perse.pipeline import PersePipeline
from perse.portrait import load_portrait
from perse.renderer import Renderer
from perse.rig.build import build_rig
from perse.synthesis.base import Clip
from perse.texture.bake import bake

BUDGET = 10.0  # seconds: the steps and sizes of the shared avatar
SLOW = {"built", "small_builds", "server"}  # fixtures that build an avatar or start the page: who asks for one is slow


def pytest_collection_modifyitems(items):
    """What needs an avatar that was really built, or the running page, is marked `slow` without having to say so."""
    for item in items:
        if SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Where several processes share the tests, each module stays in one of them, and so does all that looks at the page."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "page" if nodeid.startswith("tests/app/") else nodeid.split("::")[0]

    return ByModule(config, log)


def made_once(tmp_path_factory, name: str, make):
    """What make() returns; where several processes share the tests one of them makes it, and the others read it from a file."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return make()
    path = tmp_path_factory.getbasetemp().parent / f"{name}.pickle"
    with FileLock(f"{path}.lock"):
        if path.exists():
            return pickle.loads(path.read_bytes())
        made = make()
        path.write_bytes(pickle.dumps(made))
        return made


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """NASA's portrait of Eileen Collins, 512 × 512: smiling, short hair, dark collar; her face is 107 pixels high. docs/licences.md."""
    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def hopper() -> Image.Image:
    """The US Navy's portrait of Grace Hopper, 512 × 600: glasses and a cap. docs/licences.md."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


@pytest.fixture(scope="session")
def astronaut_portrait(astronaut):
    return load_portrait(np.asarray(astronaut))


@pytest.fixture(scope="session")
def hopper_portrait(hopper):
    return load_portrait(np.asarray(hopper))


@pytest.fixture(scope="session")
def rig(astronaut_portrait):
    return build_rig(astronaut_portrait)


@pytest.fixture(scope="session")
def hopper_rig(hopper_portrait):
    return build_rig(hopper_portrait)


@pytest.fixture(scope="session")
def texture(astronaut_portrait, rig):
    return bake(astronaut_portrait, rig)


@pytest.fixture(scope="session", autouse=True)
def unrolled_once():
    """Builds of one portrait share its rig and begin with copies of one texture: most tests of builds are about what comes after those."""
    rigs, textures = {}, {}

    def rig_of(portrait):
        key = sha256(pickle.dumps(portrait)).digest()
        if key not in rigs:
            if len(rigs) == 3:
                rigs.pop(next(iter(rigs)))
            rigs[key] = build_rig(portrait)
        return rigs[key]

    def texture_of(portrait, rig):
        if id(rig) not in textures:
            if len(textures) == 3:
                textures.pop(next(iter(textures)))
            textures[id(rig)] = rig, bake(portrait, rig)
        return deepcopy(textures[id(rig)][1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("perse.pipeline.build_rig", rig_of)
        patch.setattr("perse.pipeline.bake", texture_of)
        yield


@pytest.fixture(scope="session")
def pipeline() -> PersePipeline:
    return PersePipeline.from_pretrained(device="cpu")


@pytest.fixture(scope="session")
def plain_avatar(astronaut_portrait, rig, texture) -> Avatar:
    """The astronaut as she is before any step, without categories, with her photo: made in seconds, good enough to be driven."""
    avatar = begin(astronaut_portrait, rig, texture, [], 24000).avatar
    avatar.requires_grad_(False)
    avatar.source = remember(astronaut_portrait)
    return avatar


class Recorder:
    """A synthesizer that keeps what another one made."""

    def __init__(self, inner):
        self.inner, self.name, self.kept = inner, inner.name, []

    def clips(self, *args):
        for clip in self.inner.clips(*args):
            self.kept.append(clip)
            yield clip


@pytest.fixture(scope="session")
def schedule() -> Schedule:
    """Steps and sizes of the shared avatar."""
    return Schedule.for_budget(BUDGET)


@pytest.fixture(scope="session")
def built(pipeline, astronaut_portrait, tmp_path_factory) -> tuple[Avatar, list[Clip]]:
    """The astronaut, built for real and for all categories, and the clips that taught."""

    def make():
        recorder = Recorder(pipeline.synthesizer)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, "_serving", (recorder, pipeline.notes))
            return pipeline.build(astronaut_portrait, budget=BUDGET, seed=0), recorder.kept

    return made_once(tmp_path_factory, "built", make)


@pytest.fixture
def small_builds(monkeypatch):
    """Builds of a few steps, pixels and categories, whatever is asked for."""
    schedule = Schedule(gaussians=4000, photo_size=128, clip_size=64, source_frames=4, amounts=(1.0,), source_steps=4, lessons=4)
    build = PersePipeline.build

    def small(self, *args, **options):
        return build(self, *args, **options | {"categories": [BY_NAME["beard"], BY_NAME["nose"]]})

    monkeypatch.setattr(Schedule, "for_budget", staticmethod(lambda seconds, seed=0: replace(schedule, seed=seed)))
    monkeypatch.setattr(PersePipeline, "build", small)


@pytest.fixture(scope="session")
def avatar(built) -> Avatar:
    """The built avatar; nobody changes it."""
    return built[0]


@pytest.fixture(scope="session")
def clips(built) -> list[Clip]:
    """The clips that taught it."""
    return built[1]


@pytest.fixture(scope="session")
def avatar_file(pipeline, avatar, tmp_path_factory) -> str:
    """The same avatar as a file."""
    path = tmp_path_factory.mktemp("avatar") / "astronaut.safetensors"
    pipeline.save(avatar, path)
    return str(path)


@pytest.fixture(scope="session")
def picture(avatar):
    """picture(size=256, **controls): the shared avatar as (size, size, 3) float32 over grey."""

    def render(size: int = 256, **controls) -> np.ndarray:
        return Renderer(avatar, size).frame(Controls(**controls)).astype(np.float32) / 255

    return render


@pytest.fixture(scope="session")
def launch():
    """launch(arguments): Chromium, from CHROMIUM or the path. One Playwright serves all tests: a process has room for one."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright's Python package is not installed")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here: install Debian's chromium or set CHROMIUM to its path")
    with sync_api.sync_playwright() as playwright:
        yield lambda arguments: playwright.chromium.launch(executable_path=path, args=arguments)


@pytest.fixture
def run(capfd, tmp_path, monkeypatch):
    """run(*arguments) in an empty folder -> (exit code, standard output, lines of standard error)."""
    from perse.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capfd.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
        out, err = capfd.readouterr()
        # MediaPipe's native code writes log lines of its own.
        lines = [line for line in err.splitlines() if not re.match(r"[WIE]0|WARNING: All log|INFO: Created", line)]
        return code, out, lines

    return call


@pytest.fixture
def photo(astronaut, tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    astronaut.save(path)
    return path
