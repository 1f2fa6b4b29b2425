"""Avatar files from strangers: each is opened and drawn, or refused in one sentence; never anything else."""

import io
import json
import os
import tracemalloc

import numpy as np
import pytest
import skimage.data
from PIL import Image
from scipy.ndimage import gaussian_filter

from perse.avatar import backdrop, file_rules
from perse.avatar.avatar import Source
from perse.avatar.io import load_avatar, save_avatar
from perse.controls import LISTS, Controls
from perse.errors import PerseError
from perse.pipeline import PersePipeline
from perse.render.synthetic import SOURCE_TYPE
from perse.renderer import Renderer
from tests.hostile_avatar import backdrops, mutations, packed, raw, small, unpacked

SHARE = 0.08  # of the mutations of one tensor or field that are tried here, besides its first; tests/proof tries all of them


@pytest.fixture(scope="module")
def good() -> bytes:
    return small()


def everything(avatar) -> Controls:
    """All that a visitor can set, at its end."""
    return Controls(
        attributes=dict.fromkeys(avatar.space.axes, 1.0),
        expression=dict.fromkeys(avatar.expressions(), 1.0),
        zoom=3.0,
        yaw=60,
        head_yaw=45,
        head_z=-4,
        gaze_yaw=30,
        gaze_pitch=20,
        neutralise=1.0,
        **{name: (most,) * count for name, (count, most) in LISTS.items()},
    )


def opened(data: bytes, path) -> str:
    """Load and draw; "drawn", or the sentence of the refusal. Any other exception is the test's failure."""
    path.write_bytes(data)
    try:
        avatar = load_avatar(path)
        for controls, background, framing in ((Controls(), "transparent", "head"), (everything(avatar), "original", "head")):
            Renderer(avatar, 64, background, framing).frame(controls)
        json.dumps(PersePipeline.info(None, avatar), allow_nan=False)
    except PerseError as error:
        return str(error)
    return "drawn"


def test_a_small_avatar_is_drawn_from_everywhere(good, tmp_path):
    assert opened(good, tmp_path / "a.safetensors") == "drawn"
    avatar = load_avatar(tmp_path / "a.safetensors")
    assert Renderer(avatar, 64, "black").frame().max() > 100
    assert Renderer(avatar, 64, "original", "source").frame(everything(avatar)).shape == (64, 64, 3)


@pytest.mark.slow
def test_every_spoiled_file_is_drawn_or_refused(good, tmp_path):
    rng, known, outcomes = np.random.default_rng(0), set(), {}
    for name, data in mutations(good, np.random.default_rng(1)):
        group = name.split(" ")[0]
        if group in known and rng.random() > SHARE and "background" not in group:
            continue
        known.add(group)
        outcome = outcomes[name] = opened(data, tmp_path / "a.safetensors")
        assert outcome == "drawn" or outcome.count(".") == 1 and "\n" not in outcome, (name, outcome)
    drawn = sum(outcome == "drawn" for outcome in outcomes.values())
    assert 20 < drawn < len(outcomes) / 2 and len(outcomes) > 300


def changed(good: bytes, table=None, parts=None, **fields) -> bytes:
    meta, old_table, old_parts = unpacked(good)
    inner = json.loads(meta["avatar"]) | fields
    return packed(meta | {"avatar": json.dumps(inner)}, old_table | (table or {}), old_parts | (parts or {}))


@pytest.mark.parametrize("shape", [[10**8, 0, 3], [2, 0, 3], [0], [10**8, 3]])
def test_nothing_is_allocated_for_what_is_refused(good, tmp_path, shape):
    meta, table, parts = unpacked(good)
    header = {"__metadata__": meta, **table, "axis.beard_full.color": {"dtype": "I8", "shape": shape, "data_offsets": [0, 0]}}
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw(header, b"".join(parts.values())))
    tracemalloc.start()
    with pytest.raises(PerseError, match="damaged"):
        load_avatar(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000  # the header, parsed


def test_a_file_of_any_size_is_refused_unread(tmp_path):
    with open(tmp_path / "a.safetensors", "wb") as file:
        os.truncate(file.fileno(), file_rules.LIMIT + 1)
    with pytest.raises(PerseError, match="too large"):
        load_avatar(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "fields",
    [
        {"source": {"size": [10**6, 10**6], "crop": [0, 0, 100]}},
        {"source": {"size": [1601, 512], "crop": [0, 0, 100]}},
        {"source": {"size": [512, 512], "crop": [0, 0, 1e-20]}},
        {"source": {"size": [512, 512], "crop": [1e30, 0, 100]}},
        {"report": {"quality": [{"code": "a", "message": ["<b>"], "value": 1}], "build": {}}},
        {"report": {"build": {"notes": "text"}, "quality": []}},
        {"report": {"build": {"limits": {"nose": {}}}, "quality": []}},
        {"like": {"nose_tip": "nose_tip"}},
        {"like": {"nose_tip": "nose_width", "nose_width": "nose_tip"}},
        {"axes": ["nose_width"] * 5},
        {"camera_size": True},
        {"camera_size": 480.0},
    ],
)
def test_fields_have_types_and_ranges(good, tmp_path, fields):
    assert "damaged" in opened(changed(good, **fields), tmp_path / "a.safetensors")


def spoiled(good: bytes, name: str, change) -> bytes:
    meta, table, parts = unpacked(good)
    kind = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "I8": np.int8, "U8": np.uint8}[table[name]["dtype"]]
    array = np.frombuffer(parts[name], kind).reshape(table[name]["shape"]).copy()
    change(array)
    return changed(good, parts={name: array.tobytes()})


@pytest.mark.parametrize(
    "name, at, value",
    [
        ("log_scales", (0, 0), 3),
        ("log_scales", (0, 0), -20),
        ("offset", (0, 1), 50),
        ("quats", 0, 0),
        ("bary", (0, 0), 0.9),
        ("bary", (0, 1), -0.5),
        ("opacities", 0, 1.5),
        ("opacities", 0, -0.1),
        ("colors", (0, 2), 2),
        ("rig.vertices", (7, 1), 1e6),
        ("rig.blendshapes", (3, 4, 0), 100),
        ("rig.jaw", 5, -1),
        ("rig.head", 5, 2),
        ("rig.vertex_part", 5, 3),
        ("rig.face_part", 5, 3),
        ("rig.faces", (0, 0), 5),
        ("camera.K", (0, 1), 3),
        ("camera.K", (0, 0), 1e4),
        ("camera.K", (0, 2), 0),
        ("camera.viewmat", (0, 0), 2),
        ("camera.viewmat", (2, 3), -5),
        ("camera.viewmat", (3, 0), 1),
        ("rig.eye_centres", (0, 0), 9),
        ("axis.nose_tip.pace", 8, 0.9),
        ("axis.beard_full.color.step", 0, 9),
        ("axis.nose_tip.shape", (0, 0, 0), 60),
        ("axis.nose_width.weight", 0, 5),
    ],
)
def test_numbers_that_no_build_makes_are_refused(good, tmp_path, name, at, value):
    def change(array):
        array[at] = value

    assert "damaged" in opened(spoiled(good, name, change), tmp_path / "a.safetensors")


def test_a_backdrop_is_ours_whoever_encoded_it(good, tmp_path):
    for name, data in backdrops(good, np.random.default_rng(2)):
        if name in ("background: JPEG with a comment", "background: JPEG and more", "background: JPEG of another encoder"):
            (tmp_path / "a.safetensors").write_bytes(data)
            avatar = load_avatar(tmp_path / "a.safetensors")
            assert avatar.source.background not in data and b"PK\3\4" not in avatar.source.background
            save_avatar(avatar, tmp_path / "b.safetensors")
            assert load_avatar(tmp_path / "b.safetensors").source == avatar.source  # from now on it stays


def photo_of(avatar) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(avatar.source.background))).astype(float)


def test_blurred_surroundings_keep_the_square_and_nobody_else(good, tmp_path):
    """Another face, half as high as the photo, beside the crop: in the file nothing of it is left but a colour."""
    (tmp_path / "a.safetensors").write_bytes(good)
    avatar = load_avatar(tmp_path / "a.safetensors")
    face = np.asarray(Image.fromarray(skimage.data.astronaut()).crop((150, 40, 310, 240)).resize((240, 300)))
    picture = np.full((600, 900, 3), 128, np.uint8)
    picture[100:400, 640:880] = picture[100:400, 100:340] = face
    avatar.source = Source(backdrop.encoded(picture), (20.0, 30.0, 500.0), (900, 600))
    before = avatar.source.background
    save_avatar(avatar, tmp_path / "whole.safetensors")
    save_avatar(avatar, tmp_path / "blurred.safetensors", surroundings="blurred")
    assert avatar.source.background == before
    whole, blurred = (photo_of(load_avatar(tmp_path / f"{name}.safetensors")) for name in ("whole", "blurred"))
    inside, beside = (slice(30, 530), slice(20, 520)), (slice(100, 400), slice(640, 880))
    assert np.abs(whole[inside] - blurred[inside]).mean() < 1.5
    assert np.abs(whole[beside].mean((0, 1)) - blurred[beside].mean((0, 1))).max() < 8

    def detail(part):  # what is finer than eyes and mouth are large
        return np.std(part - gaussian_filter(part, (8, 8, 0)))

    assert detail(whole[beside]) > 20 and detail(blurred[beside]) < 0.2 * detail(whole[beside])
    # Once more changes nothing of the square, and a renderer still pastes back.
    again = load_avatar(tmp_path / "blurred.safetensors")
    assert Renderer(again, 64, "original", "source").frame().shape == (64, 96, 3)
    with pytest.raises(ValueError, match="surroundings"):
        save_avatar(avatar, tmp_path / "c.safetensors", surroundings="none")


def test_a_photo_that_ends_with_its_square_keeps_its_bytes(good):
    _, _, parts = unpacked(good)
    assert backdrop.blurred(parts["source.background"], (-10.0, -10.0, 600.0)) == parts["source.background"]


def test_the_file_says_that_it_is_synthetic(good, tmp_path):
    (tmp_path / "a.safetensors").write_bytes(good)
    save_avatar(load_avatar(tmp_path / "a.safetensors"), tmp_path / "b.safetensors")
    meta, _, _ = unpacked((tmp_path / "b.safetensors").read_bytes())
    assert meta["synthetic"] == "Synthetic 3D head of a person, made by PERSE" and meta["DigitalSourceType"] == SOURCE_TYPE
