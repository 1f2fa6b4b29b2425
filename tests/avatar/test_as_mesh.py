"""The avatar as a .glb: what glTF 2.0 asks of a file, Apple's shapes, and the person in it."""

import io
import json
import lzma
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from perse.avatar.as_mesh import METRES, UPRIGHT, arkit_name, to_glb
from perse.avatar.io import load_avatar
from perse.controls import Controls
from perse.render.mesh import render_mesh
from perse.renderer import Renderer
from perse.rig.expressions import NAMES

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "assets" / "examples" / "astronaut.safetensors.xz"
SIZE = 256
TYPES = {5126: "<f4", 5125: "<u4", 5121: "u1"}
WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Glb:
    """A reader of its own: chunks, accessors, and what the specification says of both."""

    def __init__(self, data: bytes):
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data)) and length % 4 == 0
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.json = json.loads(data[20 : 20 + size])
        binary, kind = struct.unpack_from("<I4s", data, 20 + size)
        assert kind == b"BIN\0" and 28 + size + binary == len(data)
        self.data = data[28 + size :]
        for view in self.json["bufferViews"]:
            assert (
                view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= self.json["buffers"][0]["byteLength"] <= binary
            )

    def view(self, number: int) -> bytes:
        view = self.json["bufferViews"][number]
        return self.data[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def accessor(self, number: int) -> np.ndarray:
        entry = self.json["accessors"][number]
        shape = (entry["count"], WIDTH[entry["type"]])
        if "sparse" not in entry:
            values = np.frombuffer(self.view(entry["bufferView"]), TYPES[entry["componentType"]]).reshape(shape)
        else:
            sparse, values = entry["sparse"], np.zeros(shape, np.float32)
            indices = np.frombuffer(self.view(sparse["indices"]["bufferView"]), TYPES[sparse["indices"]["componentType"]])
            assert (np.diff(indices.astype(int)) > 0).all() and indices[-1] < entry["count"] and len(indices) == sparse["count"]
            values[indices] = np.frombuffer(self.view(sparse["values"]["bufferView"]), "<f4").reshape(-1, 3)
        if "min" in entry:
            assert np.array_equal(values.min(0), np.float32(entry["min"])) and np.array_equal(values.max(0), np.float32(entry["max"]))
        return values

    def part(self, number: int) -> dict:
        mesh = self.json["meshes"][number]
        primitive = mesh["primitives"][0]
        out = {name: self.accessor(place) for name, place in primitive["attributes"].items()}
        out["triangles"] = self.accessor(primitive["indices"]).reshape(-1, 3).astype(np.int64)
        out["shapes"] = dict(zip(mesh["extras"]["targetNames"], [self.accessor(t["POSITION"]) for t in primitive["targets"]]))
        return out

    def picture(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.view(self.json["images"][0]["bufferView"])))).astype(np.float32) / 255


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    path = tmp_path_factory.mktemp("example") / "astronaut.safetensors"
    path.write_bytes(lzma.decompress(EXAMPLE.read_bytes()))
    return load_avatar(path)


@pytest.fixture(scope="module")
def made(avatar):
    return Glb(to_glb(avatar, Controls(neutralise=1.0)))


def drawn(made: Glb, avatar, **weights) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8: what the portrait's camera sees of the head alone, on the grey of the page."""
    head = made.part(0)
    places = head["POSITION"].astype(np.float64) + sum(w * head["shapes"][name] for name, w in weights.items())
    uvs = head["TEXCOORD_0"][head["triangles"]]
    camera = avatar.camera(Controls(), SIZE, SIZE)
    texture = made.picture()
    texture[..., 3] = texture[..., 3] >= 0.5
    color, alpha, _ = render_mesh(
        places / METRES * UPRIGHT, head["triangles"].astype(np.int32), uvs, texture, camera, 2, cull="back", alpha_channel=True
    )
    return color[..., :3] + (1 - alpha[..., None]) * 0.93


def test_shapes_are_all_of_apples_and_under_its_names(made):
    head = made.part(0)
    assert list(head["shapes"]) == [arkit_name(name) for name in NAMES] and len(NAMES) == 52
    assert {"eyeBlinkLeft", "jawOpen", "mouthSmileRight", "browInnerUp", "tongueOut", "mouthClose", "noseSneerLeft"} <= set(head["shapes"])
    for name, moves in head["shapes"].items():
        assert np.abs(moves).max() > 1e-4, name  # metres: none does nothing
    chin = head["POSITION"][:, 1] < np.quantile(head["POSITION"][:, 1], 0.5)
    assert head["shapes"]["jawOpen"][chin, 1].min() < -0.02, "down is down"
    left = head["POSITION"][:, 0] > 0  # the subject's left is to the right of who looks at the face, +x
    blink = np.abs(head["shapes"]["eyeBlinkLeft"]).sum(1)
    assert blink[left].sum() > 20 * blink[~left].sum()


def test_a_head_is_as_large_as_heads_are_and_upright(made):
    places = made.part(0)["POSITION"]
    assert 0.3 < np.ptp(places[:, 1]) < 0.8 and 0.25 < np.ptp(places[:, 0]) < 0.7  # metres, with shoulders
    nose = places[np.argmax(places[:, 2])]
    assert abs(nose[0]) < 0.03 and nose[1] > places[:, 1].min() + 0.15, "it looks along +z, with the shoulders below"


def test_who_is_drawn_is_the_person_with_all_hair(made, avatar):
    wanted = Renderer(avatar, SIZE).frame(Controls(neutralise=1.0)).astype(np.float32) / 255
    error = np.abs(drawn(made, avatar) - wanted)
    assert error.mean() < 0.06
    top = slice(SIZE // 8, SIZE // 4), slice(SIZE // 2 - 15, SIZE // 2 + 15)
    # Above the brow it is as dark as her hair, not as bright as skin.
    assert np.abs(drawn(made, avatar)[top].mean((0, 1)) - wanted[top].mean((0, 1))).max() < 0.12


def test_shapes_do_what_the_avatar_does(made, avatar):
    rest = drawn(made, avatar)
    for name in ("jaw_open", "eye_blink_left"):
        wanted = Renderer(avatar, SIZE).frame(Controls(neutralise=1.0, expression={name: 1.0})).astype(np.float32) / 255
        still = Renderer(avatar, SIZE).frame(Controls(neutralise=1.0)).astype(np.float32) / 255
        where = np.abs(wanted - still).max(-1) > 0.1
        moved = np.abs(drawn(made, avatar, **{arkit_name(name): 1.0}) - rest).max(-1)
        assert moved[where].mean() > 5 * moved[~where].mean(), name


def test_cards_carry_what_stands_out_and_glasses_are_among_them(made, avatar):
    with_glasses = Glb(to_glb(avatar, Controls(styles={"glasses": {"round": 1.0}}, neutralise=1.0)))
    few, more = made.part(1), with_glasses.part(1)
    assert len(more["POSITION"]) > len(few["POSITION"]) > 1000 and more["COLOR_0"].dtype == np.uint8
    assert list(more["shapes"]) == list(made.part(0)["shapes"])
    added = more["POSITION"][more["POSITION"][:, 2] > 0.02]
    assert (np.abs(added[:, 1]) < 0.04).mean() > 0.5, "about the eyes"


def test_it_says_that_it_is_synthetic_and_takes_no_light(made):
    assert "Synthetic" in made.json["asset"]["copyright"] and made.json["extras"]["DigitalSourceType"].startswith("http")
    assert made.json["extensionsUsed"] == ["KHR_materials_unlit"] and all(m["alphaMode"] == "MASK" for m in made.json["materials"])
