"""The real page in a subprocess, a real browser, and one small avatar that is built through the page's own API."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from perse.render.visible_label import draw_mark

ROOT = Path(__file__).parents[2]
BUDGET = 10
MARK = "AI generated"
# Without WebGL: the server draws, as it does for a browser that cannot. `able` is one that can.
ARGS = (
    "--disable-3d-apis --headless --no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
).split()
WEBGL = [a for a in ARGS if a != "--disable-3d-apis"] + ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def has_mark(picture: np.ndarray) -> bool:
    """Whether the letters of MARK stand out in a picture (H, W, 3 or 4) where they belong."""
    stamp = draw_mark(np.full((*picture.shape[:2], 3), 128, np.uint8), MARK)
    letters, plate = (stamp > 230).all(-1), (stamp < 80).all(-1)
    return bool(picture[letters, :3].mean() - picture[plate, :3].mean() > 60)


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Where the running page keeps its files."""
    return tmp_path_factory.mktemp("gradio")


def environment(folder: Path) -> tuple[dict[str, str], str]:
    """The environment of a page on a free port that keeps its files in a folder, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_TEMP_DIR": str(folder),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "PERSE_BUDGET": str(BUDGET),
        "PERSE_PATIENCE": "1",  # no test of the page asks how good its avatars are
        "PERSE_MARK": MARK,
    }
    return env, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def server(folder):
    """Address of the running page."""
    env, address = environment(folder)
    with open(folder / "log.txt", "w+") as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(3600):
                assert process.poll() is None, (folder / "log.txt").read_text()
                try:
                    urllib.request.urlopen(f"{address}/gradio_api/info", timeout=60).close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail("the page did not start:\n" + (folder / "log.txt").read_text())
            yield address
            assert "Traceback" not in (folder / "log.txt").read_text(), (folder / "log.txt").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(600)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert not list(folder.glob("visits-*")), "a stopped server leaves visitors' files behind"


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory) -> Path:
    """scikit-image's public-domain portrait as a file."""
    from PIL import Image
    from skimage.data import astronaut as picture

    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    Image.fromarray(picture()).save(path)
    return path


@pytest.fixture(scope="session")
def client(server, tmp_path_factory):
    """A gradio_client that stays connected, as a program would."""
    from gradio_client import Client

    client = Client(server, verbose=False, download_files=str(tmp_path_factory.mktemp("client")))
    yield client
    client.close()


@pytest.fixture(scope="session")
def built(client, astronaut) -> dict:
    """What /build answers for the astronaut."""
    from gradio_client import handle_file

    return client.predict(photo=handle_file(str(astronaut)), consent=True, budget=BUDGET, api_name="/build")


@pytest.fixture(scope="session")
def avatar_file(client, built, tmp_path_factory) -> Path:
    """The avatar that `built` made, as a file."""
    path = client.predict(avatar=built["avatar"], format="safetensors", api_name="/export")
    kept = tmp_path_factory.mktemp("avatar") / "astronaut.safetensors"
    shutil.copy(path, kept)
    return kept


@pytest.fixture(scope="session")
def browser(launch):
    """The browser that all visits share, each in a context of its own."""
    browser = launch(ARGS)
    yield browser
    browser.close()


@pytest.fixture
def visit(browser, server):
    from .browser_visit import Visit

    visits = []

    def start(**options):
        visits.append(Visit(browser, server, **options))
        return visits[-1]

    yield start
    for v in visits:
        v.close()
        assert not v.errors and not v.elsewhere


@pytest.fixture(scope="session")
def able(launch, tmp_path_factory):
    """A browser that can draw by itself, if slowly, with a camera before which a face tilts its head."""
    import cv2
    from PIL import Image
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("camera") / "face.y4m"
    face = Image.fromarray(astronaut()[:384]).resize((320, 240))
    with path.open("wb") as out:
        out.write(b"YUV4MPEG2 W320 H240 F15:1 Ip A1:1 C420jpeg\n")
        for k in range(30):
            turned = face.rotate(12 * np.sin(2 * np.pi * k / 30), Image.Resampling.BICUBIC, center=(140, 88))
            out.write(b"FRAME\n" + cv2.cvtColor(np.asarray(turned), cv2.COLOR_RGB2YUV_I420).tobytes())
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={path}"]
    browser = launch([*WEBGL, *camera])
    yield browser
    browser.close()


@pytest.fixture
def alive(able, server):
    """alive(): a visitor whose avatar, an example or what is in a file, is drawn in the browser. sharpness: of what it draws in software."""
    from .browser_visit import Visit
    from .live_visit import LIVE, PATIENT, SETTLED

    visits = []

    def start(opened=True, file=None, sharpness=0.5, **options):
        v = Visit(able, server, **{"viewport": {"width": 700, "height": 640}, **options})
        visits.append(v)
        v.page.evaluate(PATIENT)
        if file is not None:
            with v.page.expect_file_chooser() as chooser:
                v.page.get_by_text("Open an avatar file").click()
            chooser.value.set_files(file)
        elif opened:
            v.page.locator("[data-example=astronaut]").click()
        if opened:
            v.page.wait_for_function(LIVE)
            v.page.evaluate("(sharpness) => { perse.live.player.sharpness = sharpness; }", sharpness)
            v.page.evaluate(SETTLED)
        return v

    yield start
    for v in visits:
        v.close()
        assert not v.errors and not v.elsewhere
