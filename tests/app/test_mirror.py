"""What "Mirror me" does: with consent, for one's own avatar, one picture at a time, and nothing of it stays."""

import gc
import io
import weakref
from types import SimpleNamespace

import pytest
from PIL import Image
from skimage.data import astronaut
from starlette.applications import Starlette
from starlette.testclient import TestClient

from perse.ui import mirrors
from perse.ui.desk import Desk
from perse.ui.engine import Engine
from perse.ui.examples import EXAMPLES
from perse.ui.fair_pool import FairPool
from perse.ui.mirror_routes import MirrorRoutes
from perse.ui.routes import VISIT_HEADER
from perse.ui.visits import Visits


def seen_by_camera(degrees: float = 0.0) -> bytes:
    picture = Image.fromarray(astronaut()[:384, 40:424]).resize((320, 320)).rotate(degrees, Image.Resampling.BICUBIC, center=(155, 110))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


@pytest.fixture(scope="module")
def somebody():
    """An avatar that lies in the repository."""
    return EXAMPLES["hopper"].avatar()


@pytest.fixture
def desk(tmp_path):
    return Desk(Engine.of(SimpleNamespace(notes=())), Visits(tmp_path / "visits"), {"Fast": 10.0})


@pytest.fixture
def place(desk):
    return MirrorRoutes(desk, FairPool())


@pytest.fixture
def http(place):
    return TestClient(Starlette(routes=place.routes()))


@pytest.fixture
def look(http, desk, somebody):
    """look(picture, visit=None, query=""): what the camera of a visit saw, a new one's if None; it has an avatar and has consented."""
    first = desk.visits.open("here")

    def send(picture: bytes, visit=None, query=""):
        visit = visit or first
        if not (mine := [t for t, e in desk.visits._avatars.items() if e.visit is visit]):
            mine = [desk.visits.add(visit, somebody, "hopper", shared=True)]
        return http.post(f"/perse/mirror/{mine[0]}{query}", content=picture, headers={VISIT_HEADER: visit.key})

    send.visit = first
    first.allowed.add("camera")
    return send


def test_a_face_comes_back_as_what_it_does(look, desk, capfd):
    first = look(seen_by_camera())
    assert first.status_code == 200 and first.headers["cache-control"] == "no-store" and len(first.content) < 2000
    assert first.json()["moment"]["expression"]["mouth_smile_left"] > 0.4
    rolls = [look(seen_by_camera(-10)).json()["moment"]["head_roll"] for _ in range(6)]
    assert rolls[-1] > 5
    assert abs(look(seen_by_camera(-10), query="?straight=1").json()["moment"].get("head_roll", 0)) < 0.5
    grey = io.BytesIO()
    Image.new("RGB", (320, 240), "grey").save(grey, "JPEG")
    assert look(grey.getvalue()).json() == {"moment": None}
    assert not [p for p in desk.visits.root.rglob("*") if p.is_file()] and not "".join(capfd.readouterr()).strip()


def test_it_needs_consent_and_ones_own_avatar(look, http, desk, somebody):
    look.visit.allowed.clear()
    answer = look(seen_by_camera())
    assert answer.status_code == 400 and "tick the box" in answer.json()["error"] and look.visit.mirror is None
    other = desk.visits.open()
    other.allowed.add("camera")
    token = desk.visits.add(other, somebody, "hopper", shared=True)
    assert http.post(f"/perse/mirror/{token}", content=b"x", headers={VISIT_HEADER: look.visit.key}).status_code == 404
    assert http.post(f"/perse/mirror/{token}", content=b"x").status_code == 404


@pytest.mark.parametrize("picture", [b"no picture", bytes(100_000)], ids=["junk", "long"])
def test_what_is_no_picture_is_a_sentence_and_the_next_one_is_seen(look, picture):
    answer = look(picture)
    assert answer.status_code == 400 and "cannot be read" in answer.json()["error"]
    assert look(seen_by_camera()).json()["moment"]


def test_a_decoder_that_dies_is_replaced(look):
    assert look(seen_by_camera()).status_code == 200
    look.visit.mirror._pictures._child._process.kill()
    assert "could not be read" in look(seen_by_camera()).json()["error"]
    assert look(seen_by_camera()).json()["moment"]


def test_one_picture_at_a_time_and_one_that_is_refused_holds_nothing_up(look, place):
    assert look(seen_by_camera()).status_code == 200
    assert look.visit.mirror.take()
    assert look(seen_by_camera()).status_code == 429
    look.visit.mirror.drop()
    place.pool.total = 0
    assert look(seen_by_camera()).status_code == 503
    place.pool.total = 256
    assert look(seen_by_camera()).status_code == 200


def test_there_are_so_many_at_once_and_the_idle_ones_make_room(look, desk, monkeypatch):
    monkeypatch.setattr(mirrors, "MOST_EACH", 1)
    assert look(seen_by_camera()).status_code == 200
    near, far = desk.visits.open("here"), desk.visits.open("there")
    for visit in (near, far):
        visit.allowed.add("camera")
    assert look(seen_by_camera(), near).status_code == 400 and look(seen_by_camera(), far).status_code == 200
    look.visit.mirror.used -= 2 * mirrors.IDLE
    assert look(seen_by_camera(), near).status_code == 200 and look.visit.mirror is None


def test_it_goes_when_it_is_switched_off_and_with_the_visit(look, desk):
    for end in (lambda: look(b""), lambda: desk.visits.close(look.visit)):
        assert look(seen_by_camera()).status_code == 200
        mirror, process = weakref.ref(look.visit.mirror), look.visit.mirror._pictures._child._process
        end()
        assert process.poll() is not None and look.visit.mirror is None
    gc.collect()
    assert mirror() is None, "nothing keeps its landmarks"
