"""The direct routes: right answers, clear sentences, bounds."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from perse.pipeline import PersePipeline
from perse.ui import routes
from perse.ui.desk import Desk
from perse.ui.engine import Engine
from perse.ui.fair_pool import FairPool
from perse.ui.quick_faces import QUICK_FACES
from perse.ui.routes import VISIT_HEADER, FrameRoutes, VisitRoutes
from perse.ui.visits import Visits

from .conftest import MARK, has_mark


@pytest.fixture(scope="module")
def place(avatar_file, tmp_path_factory):
    """(test client, visits, token)."""
    pipeline = PersePipeline.from_pretrained()
    visits = Visits(tmp_path_factory.mktemp("visits"))
    token = visits.add(visits.open(page=False), pipeline.load(avatar_file), "astronaut")
    return TestClient(Starlette(routes=FrameRoutes(Engine.of(pipeline), visits).routes())), visits, token


def picture(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_frame_follows_the_controls(place):
    http, _, token = place
    plain = picture(http.post(f"/perse/frame/{token}?size=256", content="{}"))
    smile = picture(http.post(f"/perse/frame/{token}?size=256", content='{"expression":{"jaw_open":0.8}}'))
    assert plain.shape == (256, 256, 3)
    assert np.abs(plain.astype(int) - smile).max() > 60
    assert np.array_equal(plain, picture(http.post(f"/perse/frame/{token}?size=256")))


def test_random_looks_are_drawn_by_seed(place):
    http, _, token = place
    looks = [http.get(f"/perse/random/{token}?seed={seed}").json() for seed in (1, 1, 2)]
    assert looks[0] == looks[1] != looks[2] and looks[0]["attributes"]
    nose = http.get(f"/perse/random/{token}?seed=1&category=nose").json()["attributes"]
    assert nose and all(name.startswith("nose") or name == "nostril_width" for name in nose)
    assert picture(http.post(f"/perse/frame/{token}?size=64", content=json.dumps(looks[2]))).shape == (64, 64, 3)
    for query, told in (("seed=x", "seed"), ("seed=-1", "seed"), ("category=tattoo", "category")):
        answer = http.get(f"/perse/random/{token}?{query}")
        assert answer.status_code == 400 and told in answer.json()["error"]


def test_faces_motions_and_a_pair_show_the_person_as_edited(place):
    http, _, token = place
    bearded = json.dumps({"styles": {"beard": {"full": 1}}})
    for path in ("faces/{t}", "motion/{t}?name=nod"):
        plain, edited = (picture(http.post("/perse/" + path.format(t=token), content=look)).astype(int) for look in ("{}", bearded))
        assert plain.shape == edited.shape and np.abs(plain - edited).mean() > 1, path
    strip = picture(http.post(f"/perse/faces/{token}", content="{}")).astype(int)
    side = strip.shape[0]
    faces = [strip[:, i * side : (i + 1) * side] for i in range(len(QUICK_FACES))]
    assert strip.shape[1] == len(faces) * side and all(np.abs(a - b).mean() > 0.2 for a, b in zip(faces, faces[1:]))
    pair = picture(http.post(f"/perse/save/{token}/pair.png?size=128", content=bearded)).astype(int)
    whole = picture(http.post(f"/perse/save/{token}/picture.png?size=128", content=bearded)).astype(int)
    assert pair.shape == (128, 256, 3)
    np.testing.assert_array_equal(pair[:, 128:], whole)
    assert np.abs(pair[:, :128] - whole).mean() > 1


def test_the_background_is_what_was_asked_for(place):
    http, _, token = place
    frame = picture(http.post(f"/perse/frame/{token}?size=128&background=%23ff0000", content="{}"))
    assert np.abs(frame[2, 2].astype(int) - (255, 0, 0)).max() < 12


@pytest.mark.parametrize(
    "path, body, status, sentence",
    [
        ("frame/{t}", "{not json", 400, "not valid JSON"),
        ("frame/{t}", "[1]", 400, "must be a JSON object"),
        ("frame/{t}", b"\xff\xfe", 400, "not valid JSON"),
        ("frame/{t}", '{"yaw": 1e9}', 400, "between -180 and 180"),
        ("frame/{t}", '{"wings": 1}', 400, "wings"),
        ("frame/{t}", '{"expression": {"fly": 1}}', 400, "fly"),
        ("frame/{t}", "x" * 40_000, 400, "longer than"),
        ("frame/{t}?size=9000", "{}", 400, "size"),
        ("frame/{t}?size=-1", "{}", 400, "size"),
        ("frame/{t}?size=0000002048", "{}", 400, "size"),
        ("frame/{t}?size=00000000000512", "{}", 400, "size"),
        ("frame/{t}?size=" + "9" * 5000, "{}", 400, "size"),
        ("frame/{t}?size=%D9%A3%D9%A2%D9%A1", "{}", 400, "size"),  # digits of another script
        ("frame/{t}", '{"yaw": ' + "9" * 5000 + "}", 400, "not valid JSON"),
        ("frame/{t}?background=plaid", "{}", 400, "plaid"),
        ("frame/{t}?background=transparent", "{}", 400, "transparent"),
        ("frame/{t}?motion=moonwalk", "{}", 400, "moonwalk"),
        ("frame/{t}?motion=nod&phase=nan", "{}", 400, "phase"),
        ("styles/{t}?category=wings", "", 400, "category"),
        ("motion/{t}?name=", "", 400, "motion"),
        ("save/{t}/passwd", "{}", 400, "passwd"),
        ("frame/nobody", "{}", 404, "no longer here"),
        ("save/nobody/picture.png", "{}", 404, "no longer here"),
    ],
)
def test_bad_requests_get_one_clear_sentence(place, path, body, status, sentence):
    http, _, token = place
    answer = http.post("/perse/" + path.format(t=token), content=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"] and "Traceback" not in answer.text


def test_frames_are_bounded(place):
    _, visits, token = place
    pool = FairPool(each=0)
    http = TestClient(Starlette(routes=FrameRoutes(Engine.of(PersePipeline.from_pretrained()), visits, pool).routes()))
    answer = http.post(f"/perse/frame/{token}", content="{}")
    assert answer.status_code == 503 and "try again" in answer.json()["error"] and pool.refused == 1


def test_what_nobody_foresaw_is_a_sentence_and_the_log_tells_nothing_personal(place, monkeypatch, capfd):
    http, visits, token = place
    monkeypatch.setattr(visits.get(token), "renderer", lambda *a: {}["somebody.jpg"])
    answer = http.post(f"/perse/frame/{token}", content="{}")
    assert answer.status_code == 500 and "our side" in answer.json()["error"]
    assert "somebody" not in capfd.readouterr().err


def test_a_visit_is_handed_out_taken_up_again_left_and_ended(tmp_path):
    visits = Visits(tmp_path)
    http = TestClient(Starlette(routes=VisitRoutes(Desk(Engine.of(PersePipeline.from_pretrained()), visits, {}), FairPool()).routes()))
    first = http.post("/perse/visit").json()
    again = http.post("/perse/visit", content=first["visit"]).json()
    assert not first["resumed"] and again == {"visit": first["visit"], "resumed": True}
    other = http.post("/perse/visit", content="a guess").json()
    told = http.get("/perse/state", headers={VISIT_HEADER: other["visit"]}).json()["pieces"]["found"]["html"]
    assert not other["resumed"] and "visit had ended" in told
    mine = {VISIT_HEADER: first["visit"]}
    state = http.get("/perse/state", headers=mine).json()
    assert state["button"] == {"label": "Choose a photo to begin", "ready": False} and "html" in state["pieces"]["found"]
    assert http.post("/perse/leave", content=first["visit"]).status_code == 204 and visits._visits[first["visit"]].leaving
    assert http.get("/perse/state", headers=mine).status_code == 200 and visits._visits[first["visit"]].leaving is None
    health = http.get("/perse/health").json()
    assert health["visits"] == 2 and health["lines"]["building"]["waiting"] == 0 and first["visit"] not in str(health)
    assert http.post("/perse/end", headers=mine).status_code == 204
    for answer in (http.get("/perse/state", headers=mine), http.post("/perse/end", headers=mine), http.get("/perse/state")):
        assert answer.status_code == 404 and "visit had ended" in answer.json()["error"]


def test_strips_show_every_style_and_motion(place):
    http, visits, token = place
    space = visits.get(token).avatar.space.categories
    for name in ("beard", "glasses"):
        strip = picture(http.post(f"/perse/styles/{token}?category={name}"))
        assert strip.shape[1] == strip.shape[0] * len(space[name].styles)
    blond = picture(http.post(f"/perse/styles/{token}?category=hat", content='{"styles": {"hair_colour": {"blond": 1}}}'))
    plain = picture(http.post(f"/perse/styles/{token}?category=hat"))
    assert np.abs(blond.astype(int) - plain).mean() > 1, "the hat on this very person, as edited otherwise"
    strip = picture(http.post(f"/perse/motion/{token}?name=turntable"))
    side = strip.shape[0]
    assert strip.shape[1] == side * routes.STRIP_FRAMES
    assert np.abs(strip[:, :side].astype(int) - strip[:, 2 * side : 3 * side]).mean() > 3
    bearded = picture(http.post(f"/perse/motion/{token}?name=turntable", content='{"styles": {"beard": {"full": 1}}}'))
    assert np.abs(strip[:, :side].astype(int) - bearded[:, :side]).max() > 60, "the person as edited"


@pytest.mark.parametrize(
    "kind, start", [("picture.png", b"\x89PNG"), ("gaussians.ply", b"ply\n"), ("viewer.html", b"<!"), ("avatar.safetensors", b"")]
)
def test_files_are_made_and_nothing_stays_behind(place, kind, start):
    http, visits, token = place
    answer = http.post(f"/perse/save/{token}/{kind}?size=256", content="{}")
    assert answer.status_code == 200 and answer.content.startswith(start) and len(answer.content) > 10_000
    assert not [p for p in visits.root.rglob("*") if p.is_file()]


def test_a_transparent_picture_has_alpha_and_says_that_it_is_synthetic(place):
    http, _, token = place
    answer = http.post(f"/perse/save/{token}/picture.png?size=256&background=transparent", content="{}")
    image = Image.open(io.BytesIO(answer.content))
    alpha = np.asarray(image)[..., 3]
    assert alpha.min() == 0 and alpha.max() == 255
    assert "ynthetic" in image.info["Comment"]


def test_saved_pictures_get_the_mark_and_live_ones_do_not(place):
    _, visits, token = place
    http = TestClient(Starlette(routes=FrameRoutes(Engine.of(PersePipeline.from_pretrained()), visits, mark=MARK).routes()))
    for background in ("white", "transparent"):
        assert has_mark(picture(http.post(f"/perse/save/{token}/picture.png?size=256&background={background}", content="{}")))
    assert not has_mark(picture(http.post(f"/perse/frame/{token}?size=256&background=white", content="{}")))


def test_info_lists_what_the_page_needs(place):
    http, _, token = place
    info = http.get(f"/perse/info/{token}").json()
    assert info["categories"]["beard"]["styles"] and "smile" in info["composites"] and "turntable" in info["motions"]
    assert http.get("/perse/info/nobody").status_code == 404
    assert http.get("/perse/file/nobody").status_code == 404
