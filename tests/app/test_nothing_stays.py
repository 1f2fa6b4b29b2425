"""What the page promises: after the end of a visit nothing of it is left, on disk or in the process's memory."""

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

from perse.motion.speech.voice import spoken

from .conftest import ROOT, environment

VISIT = "X-Perse-Visit"


class Walked:
    """The running page, and what it holds."""

    def __init__(self, folder: Path):
        env, self.address = environment(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.app.walk"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.lines = iter(self.process.stdout)
        next(line for line in self.lines if line.startswith("READY"))

    def held(self, words: list[str]) -> list[str]:
        print(json.dumps(words), file=self.process.stdin, flush=True)
        return json.loads(next(line for line in self.lines if line.startswith("HELD "))[5:])


@pytest.fixture
def place(tmp_path_factory) -> Path:
    """Where this page, which is no other test's, keeps its files."""
    return tmp_path_factory.mktemp("walked")


@pytest.fixture
def walked(place):
    walked = Walked(place)
    yield walked
    walked.process.communicate(timeout=60)


def press(http: httpx.Client, name: str, shown: str, data: list) -> None:
    """What Gradio's own script does when the component with this id, label or value is used."""
    config = http.get("/config").json()
    component = next(c["id"] for c in config["components"] if shown in [c["props"].get(k) for k in ("elem_id", "label", "value")])
    event = next(d for d in config["dependencies"] if [component, name] in [list(t) for t in d["targets"]] and d["backend_fn"])
    answer = http.post("/gradio_api/run/predict", json={"data": data, "fn_index": event["id"], "session_hash": "walked-session"})
    assert answer.status_code == 200, answer.text


def uploaded(http: httpx.Client, path: Path) -> dict:
    return {
        "path": http.post("/gradio_api/upload", files={"files": (path.name, path.read_bytes())}).json()[0],
        "meta": {"_type": "gradio.FileData"},
    }


def settled(http: httpx.Client) -> dict:
    while (state := http.get("/perse/state").json())["busy"]:
        time.sleep(0.1)
    return state


def test_nothing_of_a_visit_stays(walked, place, astronaut, avatar_file, tmp_path):
    photo = tmp_path / "somebodys-own-face.png"
    photo.write_bytes(astronaut.read_bytes())
    with httpx.Client(base_url=walked.address, timeout=300) as http:
        http.headers[VISIT] = http.post("/perse/visit").json()["visit"]
        press(http, "upload", "perse-photo", [uploaded(http, photo)])
        picture = settled(http)["pieces"]["found"]["html"].partition("base64,")[2][2000:2200]  # the first are the same in every JPEG
        press(http, "input", "perse-consent", [True])
        assert any("Portrait" in x for x in walked.held(["x" * 40])), "the walk sees what is there"
        press(http, "upload", "Open an avatar file", [uploaded(http, avatar_file)])
        token, look = settled(http)["avatar"], '{"yaw": 12.345678}'
        assert http.post(f"/perse/frame/{token}?size=256", content=look).status_code == 200
        said = json.dumps({"way": "speak", "say": "Marmalade zeppelin."})
        assert b"RIFF" in http.post(f"/perse/speech/{token}", content=said).content
        assert http.post("/perse/allow/camera", content="yes").status_code == 204
        camera = io.BytesIO()
        Image.open(astronaut).convert("RGB").crop((40, 0, 424, 384)).resize((320, 320)).save(camera, "JPEG")
        while (seen := http.post(f"/perse/mirror/{token}", content=camera.getvalue())).status_code == 202:
            time.sleep(0.2)
        assert seen.json()["moment"]["expression"]
        voice = tmp_path / "somebodys-own-voice.wav"
        voice.write_bytes(spoken("Please bring me that umbrella.").sound.wav())
        assert http.post("/perse/bring/recording", content=uploaded(http, voice)["path"]).status_code == 204
        settled(http)
        press(http, "click", "perse-shoot", [token, look, "grey", "nod", 1, 256, 15, "mp4", "Head", "All", 1.0, False, "", False, said])
        film = settled(http)["pieces"]["film"]["html"].partition("perse/file/")[2][:32]
        press(http, "click", "perse-table", [token, look, "nod", 1, 15, "Every number (degrees)", "All", 1.0, False, "", False, ""])
        settled(http)
        assert http.get(f"/perse/file/{film}").status_code == 200
        words = [http.headers[VISIT], token, film, picture, "somebodys-own-", "Marmalade", "12.345678", "walked-session"]
        assert len(picture) == 200 and any("Avatar" in x for x in walked.held(words))
        assert http.post("/perse/end").status_code == 204
        files = [p for p in place.rglob("visits-*/*") if p.name != ".lock"]
        for _ in range(20):  # threads let go of the last thing that they held
            if not (left := walked.held(words)):
                break
            time.sleep(0.1)
    assert not left, left
    assert not [f for f in files if f.is_file() or any(f.iterdir())]
