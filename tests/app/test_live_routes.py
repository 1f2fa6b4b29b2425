"""What the server sends to a browser that draws by itself: to whom, in which form, and for how long."""

import gc
import io
import wave
import weakref

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from perse.live.container import description
from perse.motion.presets import PRESETS
from perse.pipeline import PersePipeline
from perse.ui.engine import Engine
from perse.ui.examples import EXAMPLES
from perse.ui.live_routes import LiveRoutes
from perse.ui.routes import VISIT_HEADER
from perse.ui.visits import Visits


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """(test client, visits, avatar)."""
    visits = Visits(tmp_path_factory.mktemp("visits"))
    routes = LiveRoutes(Engine.of(PersePipeline.from_pretrained()), visits).routes()
    return TestClient(Starlette(routes=routes)), visits, EXAMPLES["astronaut"].load()


def test_the_live_file_is_for_the_visit_that_owns_the_avatar_and_goes_with_it(place, monkeypatch):
    http, visits, _ = place
    baked = []
    monkeypatch.setattr("perse.live.bake.bake", lambda avatar: baked.append(len(avatar)) or b"a head")
    avatar = EXAMPLES["astronaut"].load()
    mine, other = visits.open(), visits.open()
    token = visits.add(mine, avatar)
    sent = http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key})
    assert (
        sent.status_code == 200
        and sent.content == b"a head"
        and sent.headers["cache-control"] == "no-store"
        and sent.headers["x-content-synthetic"]
    )
    assert http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key}).content == sent.content and baked == [len(avatar)]
    for headers in ({}, {VISIT_HEADER: other.key}, {VISIT_HEADER: "x" * 32}):
        assert http.get(f"/perse/live/{token}", headers=headers).status_code == 404
    gone = weakref.ref(avatar)
    del avatar
    visits.close(mine)
    gc.collect()
    assert http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key}).status_code == 404
    assert gone() is None, "nothing keeps the avatar, and its live file with it"


def test_what_cannot_be_baked_is_a_sentence_and_keeps_no_avatar(place, monkeypatch):
    http, visits, _ = place

    def fails(avatar):
        raise ValueError(f"an avatar of {len(avatar)} Gaussians")

    monkeypatch.setattr("perse.live.bake.bake", fails)
    avatar, mine = EXAMPLES["astronaut"].load(), visits.open()
    token = visits.add(mine, avatar)
    answer = http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key})
    assert answer.status_code == 404 and "the server draws it instead" in answer.json()["error"]
    gone = weakref.ref(avatar)
    del avatar
    visits.close(mine)
    gc.collect()
    assert gone() is None


def test_moments_are_what_a_motion_adds_and_its_sound_is_a_wav(place):
    http, visits, avatar = place
    token = visits.add(visits.open(page=False), avatar)
    told = http.get(f"/perse/moments/nod?avatar={token}").json()
    assert len(told["frames"]) == round(told["fps"] * PRESETS["nod"].seconds) and not told["sound"] and not told["sweeps"]
    assert np.ptp([frame.get("head_pitch", 0) for frame in told["frames"]]) > 15
    assert http.get("/perse/moments/sweep").json()["sweeps"]
    few = http.get("/perse/moments/nod?count=5").json()["frames"]
    assert few == [told["frames"][round(k * len(told["frames"]) / 5)] for k in range(5)]
    assert http.get("/perse/moments/nod?count=9999").status_code == 400
    talking = http.get(f"/perse/moments/talking?avatar={token}").json()
    with wave.open(io.BytesIO(http.get("/perse/sound/talking").content)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(len(talking["frames"]) / talking["fps"], abs=0.1)
        assert np.frombuffer(sound.readframes(10**7), "<i2").std() > 500
    assert any(frame.get("expression", {}).get("jaw_open", 0) > 0.1 for frame in talking["frames"])


def test_the_photos_background_has_no_person_in_it(place):
    http, visits, avatar = place
    token = visits.add(visits.open(page=False), avatar)
    sent = http.get(f"/perse/backdrop/{token}")
    assert sent.headers["cache-control"] == "no-store"
    picture = np.asarray(Image.open(io.BytesIO(sent.content)))
    assert picture.shape == (512, 512, 3) and picture.std() > 10


@pytest.mark.parametrize(
    "path, sentence",
    [
        ("live/nobody", "no longer here"),
        ("backdrop/nobody", "no longer here"),
        ("example/nobody", "no such example"),
        ("example/..%2Fhopper", "no such example"),
        ("moments/fly", "Unknown motion"),
        ("moments/nod?avatar=nobody", "no longer here"),
        ("sound/fly", "Unknown motion"),
        ("sound/nod", "silent"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(place, path, sentence):
    answer = place[0].get(f"/perse/{path}")
    assert answer.status_code == 404 and (path.endswith("hopper") or sentence in answer.json()["error"])


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_an_examples_live_file_is_of_its_avatar(place, example, tmp_path):
    if not example.live_path.is_file():
        pytest.skip("a checkout without live examples: `python -m perse.ui.examples pictures` makes them")
    assert example.live() == example.live_path, "made of another avatar: run `python -m perse.ui.examples pictures`"
    sent = place[0].get(f"/perse/example/{example.name}")
    assert sent.status_code == 200 and description(sent.content)["synthetic"]
