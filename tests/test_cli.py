"""The command line end to end: what it writes when the input is good, and what it says when it is not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import plyfile
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from perse.cli import main
from perse.media import Clip
from perse.pipeline import PersePipeline
from perse.render.video import VideoWriter

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(capfd, tmp_path, monkeypatch):
    """run(*arguments) in an empty folder -> (exit code, standard output, lines of standard error)."""
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


def names(folder) -> list[str]:
    return sorted(p.name for p in Path(folder).iterdir())


def test_build_info_render(run, small_builds, photo, tmp_path):
    code, out, _ = run("build", photo, "-o", "head.safetensors", "--seed", 7, "--device", "cpu", "--synthesizer", "procedural")
    assert code == 0
    report = json.loads(out)
    assert report["bytes"] == os.path.getsize("head.safetensors") and report["seed"] == 7 and report["seconds"] > 0
    assert [hint["code"] for hint in report["quality"]]  # a face of 107 pixels is worth a note
    code, out, _ = run("info", "head.safetensors")
    info = json.loads(out)
    assert code == 0 and info["build"]["seed"] == 7 and info["bytes"] == report["bytes"] and info["gaussians"] == report["gaussians"]
    assert run("render", "head.safetensors", "-o", "head.png", "--size", 96)[0] == 0
    assert Image.open("head.png").size == (96, 96)
    assert names(tmp_path) == ["head.png", "head.safetensors"]


def test_several_photos_go_into_a_folder_and_failures_are_told(run, avatar, monkeypatch, photo, tmp_path):
    monkeypatch.setattr(PersePipeline, "build", lambda self, *a, **k: avatar)  # building itself is tested above
    blank = tmp_path / "blank.png"
    Image.new("RGB", (300, 300), (90, 90, 90)).save(blank)
    code, out, lines = run("build", photo, blank, "-o", tmp_path / "avatars")
    result = json.loads(out)
    assert code == 2 and len(result["avatars"]) == 1 and [f["photo"] for f in result["failed"]] == [str(blank)]
    assert any("blank.png" in line for line in lines)
    assert names(tmp_path / "avatars") == ["astronaut.safetensors", "summary.json"]


def test_info_lists_everything_that_can_be_set(run, avatar_file):
    code, out, lines = run("info", avatar_file)
    info = json.loads(out)
    assert code == 0 and not lines
    assert len(info["categories"]) >= 9 and sum(len(c["styles"]) for c in info["categories"].values()) >= 15
    for category in info["categories"].values():
        assert all(axis["min"] in (-1, 0) and axis["max"] == 1 for axis in category["axes"].values())
        assert all(len(style["latent"]) == category["dim"] for style in category["styles"].values())
    assert len(info["expressions"]) >= 40 and info["expressions"]["smile"] == {"min": 0.0, "max": 1.0}
    assert info["gaussians"] > 10_000 and info["source"]["width"] == 512 and info["build"]["clips"] > 10


def test_render_obeys_its_options(run, avatar_file):
    def picture(*options, suffix=".png"):
        code, _, lines = run("render", avatar_file, "-o", f"p{suffix}", "--size", 128, *options)
        assert code == 0 and not lines
        return np.asarray(Image.open(f"p{suffix}")).astype(int)

    plain = picture()
    assert plain.shape == (128, 128, 3)
    for options in (
        ["--set", "smile=0.8"],
        ["--set", "nose_width=-0.5"],
        ["--set", "eye_blink_left=1"],
        ["--set", "head_yaw=15"],
        ["--style", "beard=full"],
        ["--style", "beard=full:0.5"],
        ["--yaw", "25"],
        ["--pitch", "-15"],
        ["--roll", "10"],
        ["--controls", '{"expression":{"jaw_open":0.7}}'],
    ):
        assert np.abs(picture(*options) - plain).max() > 20, options
    assert np.abs(picture("--style", "beard=full:0.5") - picture("--style", "beard=full")).max() > 20
    both = picture("--set", "smile=0.8", "--style", "glasses=round", "--set", "yaw=10")
    assert np.abs(both - picture("--controls", '{"expression":{"smile":0.8},"styles":{"glasses":{"round":1}},"yaw":10}')).max() == 0
    assert tuple(picture("--background", "white")[0, 0]) == (255, 255, 255)
    assert tuple(picture("--background", "#102030")[0, 0]) == (16, 32, 48)
    clear = picture("--background", "transparent")
    assert clear.shape == (128, 128, 4) and clear[0, 0, 3] == 0 and clear[64, 64, 3] > 250
    assert picture(suffix=".jpg").shape == (128, 128, 3)
    assert Image.open("p.png").text["Comment"].startswith("Synthetic")


def test_source_framing_puts_the_head_back_where_it_was(run, avatar_file, astronaut):
    code, _, _ = run("render", avatar_file, "-o", "back.png", "--framing", "source", "--background", "original")
    assert code == 0
    back, photo = (np.asarray(x.convert("RGB")).astype(float) for x in (Image.open("back.png"), astronaut))
    assert back.shape == photo.shape
    assert np.abs(back - photo).mean() < 4
    face = (slice(60, 200), slice(170, 280))
    assert np.abs(back - photo)[face].mean() < 6


def test_video(run, avatar_file, tmp_path):
    def film(*options):
        code, _, lines = run("video", avatar_file, "-o", "clip.mp4", "--size", 96, "--fps", 10, "--seconds", 1, *options)
        assert (code, lines) == (0, [])
        clip = Clip("clip.mp4")
        frames = [pixels for _, pixels in clip]
        assert len(frames) == 10 and clip.fps == 10 and frames[0].shape == (96, 96, 3)
        assert b"ftyp" in Path("clip.mp4").read_bytes()[:32]
        return np.stack(frames).astype(int)

    turned = film("--motion", "turntable")
    assert np.abs(turned[0] - turned[3]).mean() > 2
    (tmp_path / "end.json").write_text('{"styles":{"beard":{"full":1}}}')
    path = film("--from", '{"expression":{"smile":0.5}}', "--to", tmp_path / "end.json")
    assert np.abs(path[0] - path[5]).mean() > 1 and np.abs(path[1] - path[9]).mean() < 1
    assert names(tmp_path) == ["clip.mp4", "end.json"]


def test_a_text_and_a_recording_are_spoken_with_their_sound(run, avatar_file, tmp_path):
    import av

    film = ["video", avatar_file, "--size", 64, "--fps", 10]
    assert run(*film, "-o", "said.mp4", "--say", "Hi, Bob.", "--voice", "deep", "--csv", "said.csv") == (0, "", [])
    assert "jaw_open" in (tmp_path / "said.csv").read_text().splitlines()[0]
    code, _, lines = run(*film, "-o", "heard.webm", "--speech", "said.mp4", "--seconds", 0.5)
    assert code == 0 and any("longer than 0.5 seconds" in line for line in lines)
    for name in ("said.mp4", "heard.webm"):
        with av.open(name) as file:
            sound = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(file.streams.audio[0])])
        assert np.abs(sound).max() > 0.1 and Clip(name).width == 64


def test_tables_come_back_and_looks_have_their_seconds(run, avatar_file, tmp_path):
    film = ["video", avatar_file, "--size", 64, "--fps", 10]
    keys = '[{"seconds": 0}, {"seconds": 0.5, "look": {"head_yaw": 20, "expression": {"jaw_open": 0.5}}, "easing": "linear"}]'
    assert run(*film, "-o", "a.webp", "--keys", keys, "--csv", "a.csv", "--csv-format", "livelink", "--background", "transparent") == (
        0,
        "",
        [],
    )
    assert run(*film, "-o", "b.gif", "--curves", "a.csv", "--csv", "b.csv", "--region", "head") == (0, "", [])
    rows = [line.split(",") for line in Path("b.csv").read_text().splitlines()]
    yaw = [float(row[rows[0].index("head_yaw")]) for row in rows[1:]]
    assert yaw == pytest.approx([0, 4, 8, 12, 16, 20], abs=0.01) and "jaw_open" not in rows[0]
    with Image.open("a.webp") as webp, Image.open("b.gif") as gif:
        assert webp.n_frames == gif.n_frames == 6 and np.asarray(webp.convert("RGBA"))[0, 0, 3] == 0
    mirrored = ["--curves", "b.csv", "--strength", "0.5", "--mirrored"]
    assert run(*film, "-o", "c.mp4", *mirrored, "--csv", "c.csv", "--keys", keys)[0] == 0
    rows = [line.split(",") for line in Path("c.csv").read_text().splitlines()]
    assert float(rows[-1][rows[0].index("head_yaw")]) == pytest.approx(10, abs=0.02), "20 of the look, less 10 of the other side"
    (tmp_path / "notes.csv").write_text("some,notes\n1,2\n")
    refused(run, "None of its columns", *film, "-o", "d.mp4", "--curves", "notes.csv")
    refused(run, "Only .webm and .webp", *film, "-o", "d.gif", "--keys", keys, "--background", "transparent")
    refused(
        run, "blond|hare", *film, "-o", "d.mp4", "--keys", '[{"seconds": 0}, {"seconds": 1, "look": {"styles": {"hare": {"blond": 1}}}}]'
    )


def test_a_colon_in_a_name_is_no_address(run, avatar_file, tmp_path):
    film = ["video", avatar_file, "--size", 64, "--seconds", 0.2]
    assert run(*film, "-o", "a:b.mp4", "--motion", "nod", "--csv", "c:d.csv") == (0, "", [])
    with VideoWriter("wall:1.mp4", 64, 64, 10) as wall:
        wall.write(np.full((64, 64, 3), 90, np.uint8))
    refused(run, "No human face was found in wall:1.mp4", *film, "-o", "other.mp4", "--drive", "wall:1.mp4")


def test_a_ply_for_demanding_readers_and_a_mesh(run, avatar_file, tmp_path):
    assert run("export", avatar_file, "-o", "whole.ply", "--all-properties", "--y-up")[0] == 0
    header = (tmp_path / "whole.ply").read_bytes().partition(b"end_header")[0]
    assert header.count(b"property float") == 62
    assert run("export", avatar_file, "-o", "head.glb")[0] == 0
    assert (tmp_path / "head.glb").read_bytes()[:4] == b"glTF"
    code, _, told = run("export", avatar_file, "-o", "head.html", "--y-up")
    assert code == 2 and ".ply" in told[0] and not (tmp_path / "head.html").exists()


def test_export(run, avatar_file, tmp_path):
    assert run("export", avatar_file, "-o", "head.ply", "--style", "glasses=square")[0] == 0
    assert run("export", avatar_file, "-o", "head.html", "--style", "glasses=square")[0] == 0
    vertex = plyfile.PlyData.read("head.ply")["vertex"]
    assert len(vertex) > 10_000 and 'id="live"' in Path("head.html").read_text()
    assert run("export", avatar_file, "-o", "plain.ply")[0] == 0
    assert len(plyfile.PlyData.read("plain.ply")["vertex"]) < len(vertex)
    assert names(tmp_path) == ["head.html", "head.ply", "plain.ply"]


def test_as_a_module(avatar_file, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "perse", "render", avatar_file, "-o", tmp_path / "m.png", "--size", "64"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "m.png").size == (64, 64)
    done = subprocess.run(
        [sys.executable, "-m", "perse", "render", "nobody.safetensors", "-o", tmp_path / "n.png"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "nobody.safetensors" in done.stderr
    assert names(tmp_path) == ["m.png"]


def refused(run, told: str, *arguments) -> None:
    before = names(".")
    code, out, lines = run(*arguments)
    assert code == 2, (code, lines)
    assert len(lines) == 1 and re.search(told, lines[0], re.I), lines
    assert len(lines[0]) < 300
    assert out == "" and names(".") == before


def _file(content: bytes, name: str) -> str:
    Path(name).write_bytes(content)
    return name


def _picture(color, name: str, size=(400, 400)) -> str:
    Image.new("RGB", size, color).save(name)
    return name


def _noise(name: str) -> str:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)).save(name)
    return name


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda: _picture((128, 128, 128), "grey.png"), "face"),
        (lambda: _noise("noise.png"), "face"),
        (lambda: "missing.jpg", "missing.jpg"),
        (lambda: _file(b"", "empty.jpg"), "."),
        (lambda: _file(b"hello" * 99, "text.jpg"), "."),
        (lambda: ".", "."),
        (lambda: _picture((128, 128, 128), "small.png", (3, 3)), "."),
    ],
    ids=["blank", "noise", "missing", "empty", "text", "folder", "tiny"],
)
def test_bad_photos(run, make, told):
    refused(run, told, "build", make(), "-o", "out.safetensors")


@pytest.mark.parametrize(
    "options, told",
    [
        (["--budget", "2"], "budget"),
        (["--budget", "nan"], "budget"),
        (["--budget", "soon"], "soon"),
        (["--device", "tpu"], "tpu"),
        (["--synthesizer", "magic"], "magic"),
        (["--seed", "x"], "x"),
    ],
)
def test_bad_build_options(run, photo, options, told):
    refused(run, told, "build", photo, "-o", "out.safetensors", *options)


def test_a_folder_that_does_not_exist(run, photo, avatar_file):
    refused(run, "nowhere", "build", photo, "-o", "nowhere/out.safetensors")
    for command, name in (("render", "a.png"), ("export", "a.ply"), ("export", "a.html")):
        refused(run, "nowhere|write", command, avatar_file, "-o", f"nowhere/{name}")
    refused(run, "nowhere|write", "video", avatar_file, "-o", "nowhere/a.mp4", "--motion", "nod", "--seconds", 0.2, "--size", 64)


@pytest.mark.parametrize(
    "options, told",
    [
        (["--set", "smile=loud"], "loud"),
        (["--set", "smile"], "NAME=VALUE"),
        (["--set", "sneeze=1"], "sneeze"),
        (["--set", "smile=nan"], "smile"),
        (["--set", "smile=99"], "smile"),
        (["--set", "yaw=999"], "999"),
        (["--style", "beard=handlebar"], "handlebar"),
        (["--style", "tattoo=anchor"], "tattoo"),
        (["--style", "beard"], "CATEGORY=STYLE"),
        (["--style", "beard=full:much"], "much"),
        (["--style", "beard=full:9"], "9"),
        (["--yaw", "200"], "200"),
        (["--yaw", "left"], "left"),
        (["--size", "1"], "64"),
        (["--size", "100000"], "2048"),
        (["--size", "big"], "big"),
        (["--background", "plaid"], "plaid"),
        (["--background", "#12345"], "#12345"),
        (["--framing", "close"], "close"),
        (["--controls", "{"], "JSON"),
        (["--controls", "no.json"], "no.json"),
        (["--controls", '{"yaw": "left"}'], "left"),
        (["--nonsense"], "nonsense"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_bad_edits(run, avatar_file, options, told):
    refused(run, told, "render", avatar_file, "-o", "a.png", *options)


@pytest.mark.parametrize(
    "options, told",
    [
        (["--motion", "somersault"], "somersault"),
        ([], "--motion"),
        (["--motion", "nod", "--to", "{}"], "one of"),
        (["--motion", "nod", "--fps", "0"], "frame rate"),
        (["--motion", "nod", "--seconds", "-1"], "length"),
        (["--motion", "nod", "--seconds", "nan"], "length"),
        (["--motion", "nod", "--fps", "nan"], "frame rate"),
        (["--motion", "nod", "--background", "transparent"], "transparent"),
        (["--drive", "missing.mp4"], "missing.mp4"),
        (["--drive", "missing.mp4", "--face", "0"], "counted from 1"),
        (["--drive", "missing.mp4", "--face", "left"], "--face"),
        (["--from", "{}", "--to", "missing.json"], "missing.json"),
        (["--to", '{"expression":{"sneeze":1}}'], "sneeze"),
        (["--curves", "missing.csv"], "missing.csv"),
        (["--keys", "missing.json"], "missing.json"),
        (["--keys", "[]"], "list of 2"),
        (["--motion", "nod", "--region", "nose"], "nose"),
        (["--motion", "nod", "--strength", "3"], "strength"),
        (["--motion", "nod", "--csv", "a.csv", "--csv-format", "maya"], "maya"),
        (["--say", ""], "nothing to say"),
        (["--say", "😀"], "nothing to say"),
        (["--say", "你好，很高兴认识你"], "English"),
        (["--say", "Hello.", "--voice", "bob"], "heart"),
        (["--say", "Hello.", "--motion", "nod"], "one of"),
        (["--say", "Hello.", "--speech", "a.wav"], "one of"),
        (["--say", "Hello there.", "--seconds", "0.3"], "longer to say than 0.3 seconds"),
        (["--say", "Hello.", "--liveliness", "2"], "liveliness"),
        (["--say", "Hello.", "--strength", "nan"], "strength"),
        (["--speech", "missing.wav"], "missing.wav"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_bad_videos(run, avatar_file, options, told):
    refused(run, told, "video", avatar_file, "-o", "a.mp4", "--size", 64, *options)


@pytest.mark.parametrize(
    "command, name", [("render", "a.tiff"), ("render", "a"), ("export", "a.obj"), ("export", "a"), ("video", "a.avi"), ("video", "a")]
)
def test_formats_that_are_not_written(run, avatar_file, command, name):
    more = ["--motion", "nod", "--seconds", "0.2", "--size", "64"] if command == "video" else []
    refused(run, re.escape(Path(name).suffix) or "suffix", command, avatar_file, "-o", name, *more)


def test_avatar_files_that_are_none(run, avatar_file):
    _file(b"not an avatar" * 100, "foreign.safetensors")
    _file(Path(avatar_file).read_bytes()[:200_000], "damaged.safetensors")
    tensors = load_file(avatar_file)
    save_file(tensors, "newer.safetensors", metadata={"format": "perse-avatar", "version": "99", "avatar": "{}"})
    save_file({"a": tensors["colors"]}, "other.safetensors")
    for name, told in (
        ("foreign", "damaged|not a PERSE"),
        ("damaged", "damaged"),
        ("newer", "newer"),
        ("other", "not a PERSE"),
        ("missing", "missing"),
    ):
        for arguments in (["info"], ["render", "-o", "a.png"], ["export", "-o", "a.ply"]):
            refused(run, told, arguments[0], f"{name}.safetensors", *arguments[1:])
    refused(run, ".", "info", ".")


def test_no_command_and_help(run):
    assert run()[0] == 2
    code, out, _ = run("--help")
    assert code == 0 and all(word in out for word in ("build", "info", "render", "video", "export"))
