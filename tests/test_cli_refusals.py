"""Bad input to the command line: exit code 2, one sentence that says what is wrong, and nothing half-written."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.command_line import refused


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
