"""The command line end to end: what it writes when the input is good, and what it says when it is not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plyfile
import pytest
from PIL import Image

from perse import apart
from perse.media import Clip
from perse.pipeline import PersePipeline
from perse.render.video import VideoWriter
from tests.command_line import names, refused

ROOT = Path(__file__).parents[1]


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
    class Here:  # in this process, where building, which is tested above, can be left out
        def __init__(self, make, *args):
            self.call = make(*args)

        def __call__(self, job):
            return self.call(job)

        def close(self):
            self.call = None

    monkeypatch.setattr(apart, "Calls", Here)
    monkeypatch.setattr(PersePipeline, "build", lambda self, *a, **k: avatar)
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


def test_no_command_and_help(run):
    assert run()[0] == 2
    code, out, _ = run("--help")
    assert code == 0 and all(word in out for word in ("build", "info", "render", "video", "export"))
