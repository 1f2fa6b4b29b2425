"""What a visitor brings, types and listens to: with consent, in sentences, and gone when it is not wanted any more."""

import io
import json
import wave
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from starlette.applications import Starlette
from starlette.testclient import TestClient

from perse.errors import PerseError
from perse.motion.speech.choices import Manner
from perse.motion.speech.talk import talk
from perse.motion.speech.voice import spoken
from perse.render.video import VideoWriter
from perse.ui.brought import Brought
from perse.ui.desk import Desk
from perse.ui.engine import Engine
from perse.ui.examples import EXAMPLES
from perse.ui.material_routes import MaterialRoutes
from perse.ui.routes import VISIT_HEADER
from perse.ui.visits import Visits
from perse.ui.ways import Way, read_way

SAY = "Purple elephants never hum."


@pytest.fixture
def desk(tmp_path):
    return Desk(Engine.of(SimpleNamespace(notes=())), Visits(tmp_path / "visits"), {"Fast": 10.0})


@pytest.fixture
def http(desk):
    client = TestClient(Starlette(routes=MaterialRoutes(desk).routes()))
    client.headers[VISIT_HEADER] = desk.visits.open().key
    return client


@pytest.fixture
def visit(desk, http):
    return desk.visits.visit(http.headers[VISIT_HEADER])


@pytest.fixture(scope="module")
def somebody():
    """An avatar that lies in the repository."""
    return EXAMPLES["hopper"].avatar()


@pytest.fixture
def token(desk, visit, somebody):
    """Of an avatar that the visit has."""
    return desk.visits.add(visit, somebody, "hopper", shared=True)


@pytest.fixture(scope="module")
def voice() -> bytes:
    return spoken(SAY).sound.wav()


def uploaded(desk, name: str, data: bytes):
    path = desk.visits.path(None, name)
    path.write_bytes(data)
    return path


def settled(visit):
    for job in list(visit.jobs.values()):
        assert job._over.wait(120)


def bring(http, desk, visit, kind, name, data):
    answer = http.post(f"/perse/bring/{kind}", content=str(uploaded(desk, name, data)))
    assert answer.status_code == 204, answer.text
    settled(visit)
    return desk.state(visit, {})["pieces"][kind]["html"]


def left(desk) -> list:
    return [p for p in desk.visits.root.rglob("*") if p.is_file()]


def taken_apart(answer) -> tuple[dict, np.ndarray, int]:
    """What a speech for the live head is told as: curves, samples, samples a second."""
    end = 4 + int.from_bytes(answer.content[:4], "little")
    with wave.open(io.BytesIO(answer.content[end:])) as file:
        return json.loads(answer.content[4:end]), np.frombuffer(file.readframes(10**9), "<i2") / 32767, file.getframerate()


def asked(http, token, say=SAY, **more):
    return http.post(f"/perse/speech/{token}", json={"way": "speak", "say": say, **more})


def test_a_text_is_seen_and_heard_as_the_video_will_say_it_and_nothing_of_it_is_kept(http, desk, visit, token, capfd):
    answer = asked(http, token, voice="deep")
    assert answer.headers["cache-control"] == "no-store" and answer.headers["X-Content-Synthetic"] == "true"
    told, heard, rate = taken_apart(answer)
    assert rate == 24_000 and np.abs(heard - spoken(SAY, "deep").sound.samples).max() < 1e-4
    assert len(told["frames"]) / told["fps"] == pytest.approx(len(heard) / rate, abs=0.1)
    film = talk(desk.visits.get(token).avatar, spoken(SAY, "deep"), fps=told["fps"])
    jaw = [[f.get("expression", {}).get("jaw_open", 0) for f in told["frames"]], [f.expression.get("jaw_open", 0) for f in film]]
    assert max(jaw[0]) > 0.1 and np.abs(np.subtract(*jaw)).max() < 0.001
    assert len(answer.content) < 60_000 + 2 * len(heard), "curves are small"
    calm = taken_apart(asked(http, token, voice="deep", strength=0))[0]
    assert max(f.get("expression", {}).get("jaw_open", 0) for f in calm["frames"]) < 0.5 * max(jaw[0])
    assert not left(desk) and SAY not in repr(vars(visit)) and "elephant" not in "".join(capfd.readouterr())
    assert SAY not in repr(read_way(json.dumps({"way": "speak", "say": SAY})))


def test_a_recording_is_played_with_consent_alone_and_on_ones_own_avatar(http, desk, visit, token, voice):
    assert "type what your avatar shall say, or record" in asked(http, token, "").json()["error"]
    bring(http, desk, visit, "recording", "me.wav", voice)
    assert "tick the box: this is your voice" in asked(http, token, "").json()["error"]
    http.post("/perse/allow/recording", content="yes")
    told, heard, rate = taken_apart(asked(http, token, ""))
    assert "recognised" in told["notes"][0] and len(told["frames"]) / told["fps"] == pytest.approx(len(heard) / rate, abs=0.1)
    other = desk.visits.open()
    answer = http.post(f"/perse/speech/{token}", content='{"way": "speak", "say": "Hello."}', headers={VISIT_HEADER: other.key})
    assert answer.status_code == 400 and "another visit" in answer.json()["error"]


def turned(folder) -> bytes:
    """A silent clip of somebody whose head leans to one side, and back."""
    path, face = folder / "turned.mp4", Image.fromarray(astronaut()[:384, 40:424])
    with VideoWriter(path, 320, 320, fps=10) as film:
        for angle in (0, 0, 0, -4, -8, -12, -12, -8, -4, 0, 0, 0):
            film.write(np.asarray(face.rotate(angle, Image.Resampling.BICUBIC, center=(185, 130)).resize((320, 320))))
    return path.read_bytes()


def follows(http, token, body='{"way": "follow"}', **query):
    return http.post(f"/perse/follow/{token}", content=body, params=query)


def test_a_clip_is_followed_by_the_live_head_with_consent_alone_and_on_ones_own_avatar(http, desk, visit, token, tmp_path):
    assert "choose a clip" in follows(http, token).json()["error"]
    bring(http, desk, visit, "clip", "me.mp4", turned(tmp_path))
    assert "tick the box" in follows(http, token).json()["error"]
    http.post("/perse/allow/clip", content="yes")
    answer = follows(http, token)
    assert answer.headers["cache-control"] == "no-store" and answer.headers["X-Content-Synthetic"] == "true"
    end = 4 + int.from_bytes(answer.content[:4], "little")
    told = json.loads(answer.content[4:end])
    assert not told["sound"] and len(answer.content) == end and len(told["frames"]) / told["fps"] == pytest.approx(1.2, abs=0.15)
    rolls = [frame.get("head_roll", 0) for frame in told["frames"]]
    assert abs(rolls[0]) < 3 and max(map(abs, rolls)) > 6 and abs(rolls[-1]) < 3
    assert max(len(frame.get("detail", [])) for frame in told["frames"]) <= 12
    faces = follows(http, token, region="Expression", strength=1.5).content
    assert all("head_roll" not in f for f in json.loads(faces[4 : 4 + int.from_bytes(faces[:4], "little")])["frames"])
    other = desk.visits.open()
    for path, key in (("follow", other.key), ("follow", "nobody")):
        answer = http.post(f"/perse/{path}/{token}", content='{"way": "follow"}', headers={VISIT_HEADER: key})
        assert answer.status_code in (400, 404) and "error" in answer.json()
    http.post("/perse/bring/clip")
    assert "choose a clip" in follows(http, token).json()["error"] and not left(desk)


@pytest.mark.parametrize(
    "body, query, sentence",
    [
        ('{"way": "speak", "say": "secret words"}', {}, "choose a clip"),
        ("[" * 10_000, {}, "choose how"),
        ("", {}, "choose a clip"),
        ('{"way": "follow", "face": 99}', {}, "number of the face"),
        ('{"way": "follow"}', {"region": "knees"}, "region"),
        ('{"way": "follow"}', {"strength": "much"}, "number"),
        ('{"way": "follow"}', {"strength": "nan"}, "strength"),
        ('{"way": "follow"}', {"strength": "9"}, "strength"),
    ],
)
def test_how_no_clip_can_be_followed_is_one_sentence(http, desk, visit, token, body, query, sentence, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a clip")
    visit.brought["clip"] = Brought(path)
    visit.allowed.add("clip")
    answer = follows(http, token, body, **query)
    assert answer.status_code == 400 and sentence in answer.json()["error"] and "secret" not in answer.text


@pytest.mark.parametrize(
    "body, sentence",
    [
        ('{"way": "speak", "say": "   "}', "type what"),
        ('{"way": "speak", "say": "Привет, как дела?"}', "English only"),
        ('{"way": "speak", "say": 5}', "must be text"),
        ('{"way": "speak", "say": "Hello", "voice": "nobody"}', "Unknown voice"),
        ('{"way": "speak", "say": "Hello", "voice": ["heart"]}', "must be text"),
        ('{"way": "speak", "say": "Hello", "strength": 9}', "strength"),
        ('{"way": "speak", "say": "' + "word " * 2000 + '"}', "longer to say"),
        ('{"way": "follow"}', "type what"),
        ("[]", "choose how"),
        ("[" * 10_000, "choose how"),
        ("", "type what"),
        ("{", "choose how"),
    ],
)
def test_what_cannot_be_said_is_one_sentence_that_repeats_nothing(http, token, body, sentence):
    answer = http.post(f"/perse/speech/{token}", content=body)
    assert answer.status_code == 400 and sentence in answer.json()["error"] and "word word" not in answer.json()["error"]


def test_who_is_no_visitor_is_refused(http):
    for path in ("speech/x", "follow/x", "bring/clip", "allow/recording"):
        assert http.post(f"/perse/{path}", content="{}", headers={VISIT_HEADER: "nobody"}).status_code == 404


def test_a_recording_is_told_of_needs_consent_and_is_deleted_when_it_is_removed(http, desk, visit, voice):
    html = bring(http, desk, visit, "recording", "me.wav", voice)
    assert "2 seconds" in html and "phonemes that were recognised" in html
    assert desk.state(visit, {})["brought"] == ["recording"]
    with pytest.raises(PerseError, match="tick the box: this is your voice"):
        desk.material.wanted(visit, "recording")
    assert http.post("/perse/allow/recording", content="yes").status_code == 204
    assert desk.material.wanted(visit, "recording").read_bytes() == voice and desk.state(visit, {})["allowed"] == ["recording"]
    http.post("/perse/allow/recording")
    with pytest.raises(PerseError, match="tick the box"):
        desk.material.wanted(visit, "recording")
    assert len(left(desk)) == 1
    bring(http, desk, visit, "recording", "again.wav", voice)
    assert [p.name for p in left(desk)] == ["again.wav"], "another takes the place of the first"
    assert http.post("/perse/bring/recording").status_code == 204
    assert not left(desk) and desk.state(visit, {})["brought"] == []
    with pytest.raises(PerseError, match="type what your avatar shall say, or record"):
        desk.material.wanted(visit, "recording")


def test_another_visitor_gets_nothing_of_it(http, desk, visit, voice):
    bring(http, desk, visit, "recording", "me.wav", voice)
    path = visit.brought["recording"].path
    other = desk.visits.open()
    assert http.post("/perse/bring/recording", content=str(path), headers={VISIT_HEADER: other.key}).status_code == 400
    assert path.is_file() and not other.brought
    desk.visits.close(visit)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["recording", "clip"])
def test_what_does_not_work_is_told_and_deleted(http, desk, visit, kind):
    html = bring(http, desk, visit, kind, "junk.webm", b"this is no film" * 99)
    assert "perse-message" in html and "junk.webm" in html
    assert not left(desk) and desk.state(visit, {})["brought"] == []
    http.post(f"/perse/bring/{kind}")
    assert desk.state(visit, {})["pieces"][kind]["html"] == ""


@pytest.mark.parametrize("kind", ["photo", "..", "%2e%2e%2fclip"])
def test_other_kinds_are_refused(http, kind):
    assert http.post(f"/perse/bring/{kind}", content="x").status_code in (400, 404)


def test_a_file_of_the_server_is_no_recording(http, visit):
    assert "upload the file again" in http.post("/perse/bring/recording", content="/etc/hostname").json()["error"]
    assert not visit.brought


def test_of_a_photo_with_two_faces_one_is_chosen(http, desk, visit, hopper):
    face = np.asarray(hopper.crop((60, 0, 500, 440)).resize((320, 320)))
    out = io.BytesIO()
    Image.fromarray(np.hstack([face, face[:, ::-1]])).save(out, "PNG")
    html = bring(http, desk, visit, "clip", "us.png", out.getvalue())
    assert html.count("data-face") == 2 and html.count('aria-pressed="true"') == 1 and "Your photo" in html
    assert visit.brought["clip"].faces == 2


def test_a_way_is_read_and_what_is_none_is_refused():
    assert read_way("") == Way() and read_way('{"way": "follow", "face": 2}') == Way("follow", face=2)
    assert read_way('{"way": "follow", "mirrored": true}').mirrored and not read_way('{"way": "follow", "mirrored": "yes"}').mirrored
    way = read_way(json.dumps({"way": "speak", "say": "Hi", "voice": "deep", "strength": 1.5, "liveliness": 0}))
    assert way.manner == Manner(1.5, 0.0) and (way.say, way.voice) == ("Hi", "deep")
    for bad in (
        "{",
        "[]",
        "5",
        '{"way": "fly"}',
        '{"way": ["speak"]}',
        '{"way": "speak", "say": 5}',
        '{"way": "speak", "strength": 3}',
        '{"way": "speak", "liveliness": "NaN"}',
        '{"way": "follow", "face": 0}',
        '{"way": "follow", "face": true}',
        '{"way": "speak", "strength": NaN}',
        "[" * 60_000,
        7,
        {"way": "speak"},
    ):
        with pytest.raises(PerseError):
            read_way(bad)
