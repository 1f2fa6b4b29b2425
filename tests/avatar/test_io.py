"""The avatar file: small, the same picture again, and one clear sentence for everything that is no avatar."""

import json
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from perse.avatar.io import VERSION, load_avatar, save_avatar
from perse.controls import Controls
from perse.errors import PerseError
from perse.renderer import Renderer

EDITED = Controls(expression={"smile": 0.7}, styles={"beard": {"full": 0.5}}, attributes={"nose_width": -1.0}, yaw=20, gaze_yaw=10)


def header(path) -> dict:
    data = open(path, "rb").read()
    return json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])["__metadata__"]


@pytest.fixture(scope="module")
def loaded(avatar_file):
    return load_avatar(avatar_file)


@pytest.fixture
def rewritten(avatar_file, tmp_path):
    """rewritten(change): a copy of the avatar file whose header and tensors `change` has had a hand in."""

    def write(change):
        tensors, meta = load_file(avatar_file), header(avatar_file)
        change(meta, tensors)
        save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / "changed.safetensors", metadata=meta)
        return tmp_path / "changed.safetensors"

    return write


def test_it_is_small_and_holds_no_pickle(avatar_file):
    assert 1_000_000 < os.path.getsize(avatar_file) < 25_000_000
    meta = header(avatar_file)
    assert meta["format"] == "perse-avatar" and meta["version"] == str(VERSION)
    assert json.loads(meta["avatar"])["report"]["build"]["synthesizer"] == "procedural"


@pytest.mark.parametrize("controls", [Controls(), EDITED], ids=["rest", "edited"])
def test_the_loaded_avatar_renders_the_same_picture(avatar, loaded, controls):
    first, second = (Renderer(a, 256).frame(controls).astype(int) for a in (avatar, loaded))
    difference = np.abs(first - second)
    # Half precision moves single pixels at edges; two grey levels otherwise.
    assert np.percentile(difference, 99.9) <= 2 and difference.mean() < 0.2


def test_the_loaded_avatar_remembers_everything(avatar, loaded):
    assert loaded.report == avatar.report and loaded.source == avatar.source and len(loaded) == len(avatar)
    assert list(loaded.space.categories) == list(avatar.space.categories) and list(loaded.space.axes) == list(avatar.space.axes)
    assert torch.equal(loaded.opacities == 0, avatar.opacities == 0)
    camera = loaded.rig.camera
    assert np.array_equal(camera.K, avatar.rig.camera.K) and camera.width == avatar.rig.camera.width


def test_saving_again_gives_the_same_bytes(loaded, avatar_file, tmp_path):
    save_avatar(loaded, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == open(avatar_file, "rb").read()
    assert [p.name for p in tmp_path.iterdir()] == ["again.safetensors"]


def test_a_missing_folder_is_one_sentence(loaded, tmp_path):
    with pytest.raises(PerseError, match="cannot|Cannot"):
        save_avatar(loaded, tmp_path / "nowhere" / "a.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"hello",
        b"\xff" * 4096,
        pickle.dumps({"weights": [1, 2]}),
        b"PK\3\4" + b"\0" * 100,
        struct.pack("<Q", 2**62) + b"{}",
        save({"a": torch.zeros(3)}),
    ],
    ids=["empty", "byte", "text", "noise", "pickle", "zip", "huge-header", "other-safetensors"],
)
def test_foreign_files(content, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(PerseError, match="damaged|not a PERSE avatar") as caught:
        load_avatar(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PerseError, match="nobody.safetensors"):
        load_avatar(tmp_path / "nobody.safetensors")


@pytest.mark.parametrize("share", [0.001, 0.3, 0.999])
def test_a_file_cut_short(avatar_file, tmp_path, share):
    data = open(avatar_file, "rb").read()
    (tmp_path / "cut.safetensors").write_bytes(data[: int(share * len(data))])
    with pytest.raises(PerseError, match="damaged"):
        load_avatar(tmp_path / "cut.safetensors")


def test_a_newer_version_asks_for_an_update(rewritten):
    with pytest.raises(PerseError, match="newer"):
        load_avatar(rewritten(lambda meta, tensors: meta.update(version=str(VERSION + 1))))


def _replace(name, value):
    def change(meta, tensors):
        tensors[name] = value(tensors[name])

    return change


def _meta(**changes):
    def change(meta, tensors):
        inner = json.loads(meta["avatar"])
        inner.update(changes)
        meta["avatar"] = json.dumps(inner)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _replace("face", lambda x: x + 10_000_000),
        _replace("face", lambda x: -x - 1),
        _replace("rig.faces", lambda x: x + 1_000_000),
        _replace("colors", lambda x: x * float("nan")),
        _replace("quats", lambda x: x[:, :3]),
        _replace("bary", lambda x: x[:5]),
        _replace("rig.vertices", lambda x: x.reshape(-1)),
        _replace("rig.blendshapes", lambda x: x[:5]),
        _replace("rig.faces", lambda x: x[:0]),
        _replace("camera.K", lambda x: x[:2]),
        _replace("rig.eye_centres", lambda x: x[:1]),
        _replace("axis.nose_width.vertices", lambda x: x + 1_000_000),
        _replace("axis.nose_width.shape", lambda x: x[:, :3]),
        _replace("axis.beard_full.color", lambda x: x.repeat(2, 1, 1)),
        _meta(camera_size="wide"),
        _meta(camera_size=10**9),
        _meta(blendshapes=[]),
        _meta(axes=["third_eye"]),
        _meta(source={}),
        _meta(report={"unknown": 1}),
        _meta(categories=12),
        lambda meta, tensors: meta.pop("avatar"),
        lambda meta, tensors: meta.update(avatar="["),
        lambda meta, tensors: meta.update(avatar="[" * 100_000),
        lambda meta, tensors: tensors.pop("quats"),
    ],
    ids=lambda c: None,
)
def test_damage_inside_is_found(rewritten, change):
    with pytest.raises(PerseError, match="damaged"):
        load_avatar(rewritten(change))


def test_a_category_this_version_does_not_know_is_left_out(rewritten):
    def change(meta, tensors):
        inner = json.loads(meta["avatar"])
        inner["categories"].append("tattoo")
        meta["avatar"] = json.dumps(inner)

    assert "tattoo" not in load_avatar(rewritten(change)).space.categories
