"""Live files from strangers: each is opened and drawn, or refused in one sentence; and no memory is taken for what is not there."""

import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from perse.controls import Controls
from perse.errors import PerseError
from perse.live.container import LARGEST_RAW, LiveFile, decode
from perse.live.reader import read_live
from perse.renderer import Renderer


def opened(data: bytes, path) -> str:
    """Read and draw; "drawn", or the sentence of the refusal. Any other exception is the test's failure."""
    path.write_bytes(data)
    try:
        avatar = read_live(path)
        Renderer(avatar, 64).frame(Controls(attributes=dict.fromkeys(avatar.space.axes, 1.0), expression={"blink": 1, "jaw_open": 1}))
    except PerseError as error:
        return str(error)
    return "drawn"


def sections(data: bytes) -> list[bytes]:
    """What is in each section."""
    count = struct.unpack_from("<I", data, 12)[0]
    at, out = 16 + 8 * count, []
    for k in range(count):
        packed = struct.unpack_from("<II", data, 16 + 8 * k)[1]
        out.append(zlib.decompress(data[at : at + packed], 31))
        at += packed
    return out


def joined(parts: list[bytes], raw: list[int] | None = None) -> bytes:
    """A live file of these sections; raw: sizes that it claims."""
    packed = []
    for part in parts:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)
        packed.append(packer.compress(part) + packer.flush())
    sizes = b"".join(struct.pack("<II", r, len(p)) for r, p in zip(raw or map(len, parts), packed))
    return struct.pack("<8sII", b"PERSELIV", 1, len(parts)) + sizes + b"".join(packed)


def with_head(live: bytes, change) -> bytes:
    parts = sections(live)
    head = json.loads(parts[0])
    change(head)
    return joined([json.dumps(head).encode(), *parts[1:]])


def test_arrays_come_back_as_they_were():
    live, random = LiveFile({"a": [1, 2]}), np.random.default_rng(0)
    numbers = random.normal(size=(3, 50))
    live.spread(1, "range", numbers, "u16")
    live.about_zero(2, "zero", numbers, "i8")
    live.whole(2, "whole", np.arange(1000), "u16")
    live.whole(1, "none", np.zeros((2, 0)), "i16")
    read = decode(live.encode())
    assert read.head == {"a": [1, 2]} and set(read.arrays) == {"range", "zero", "whole", "none"}
    np.testing.assert_allclose(read.arrays["range"].values, numbers, atol=6 / 65535)
    np.testing.assert_allclose(read.arrays["zero"].values, numbers, atol=4 / 254)
    np.testing.assert_array_equal(read.arrays["whole"].stored, np.arange(1000))
    assert read.arrays["none"].stored.shape == (2, 0)


def test_repacked_is_still_a_file(live, tmp_path):
    assert opened(joined(sections(live)), tmp_path / "a.live") == "drawn"


@pytest.mark.parametrize("share", [0, 0.001, 0.1, 0.5, 0.999])
def test_cut_off(live, share, tmp_path):
    assert "live avatar" in opened(live[: int(share * len(live))], tmp_path / "a.live")


def test_bytes_behind_the_end_or_flipped(live, tmp_path):
    assert "damaged" in opened(live + b"x", tmp_path / "a.live")
    random = np.random.default_rng(1)
    for at in random.integers(16, len(live), 30):
        damaged = bytearray(live)
        damaged[at] ^= 1 << random.integers(8)
        told = opened(bytes(damaged), tmp_path / "a.live")
        # A bit that says nothing, the time in a gzip header, say, may be flipped: what is in the file is the same.
        assert "damaged" in told or sections(bytes(damaged)) == sections(live)


def test_a_newer_version_and_other_files(live, tmp_path):
    newer = live[:8] + struct.pack("<I", 9) + live[12:]
    assert "newer" in opened(newer, tmp_path / "a.live")
    assert "not a live avatar" in opened(b"PK" + bytes(1000), tmp_path / "a.live")
    with pytest.raises(PerseError, match="missing.live"):
        read_live(tmp_path / "missing.live")


def test_a_small_file_that_unpacks_to_much_takes_no_memory(live, tmp_path):
    parts = sections(live)
    bomb = joined([parts[0], bytes(60_000_000)], [len(parts[0]), len(parts[1])])
    huge = joined([parts[0], b""], [len(parts[0]), LARGEST_RAW + 1])
    for data in (bomb, huge):
        (tmp_path / "a.live").write_bytes(data)
        tracemalloc.start()
        with pytest.raises(PerseError, match="damaged"):
            read_live(tmp_path / "a.live")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
        tracemalloc.stop()


HEADS = {
    "no arrays": lambda h: h.pop("arrays"),
    "arrays twice": lambda h: h["arrays"].append(h["arrays"][0]),
    "array too long": lambda h: h["arrays"][0][3].__setitem__(0, 10**9),
    "array negative": lambda h: h["arrays"][0][3].__setitem__(0, -3),
    "array of no kind": lambda h: h["arrays"][0].__setitem__(2, "f8"),
    "array nowhere": lambda h: h["arrays"][0].__setitem__(1, 99),
    "step of nothing": lambda h: h["arrays"][0].__setitem__(5, 0),
    "low without end": lambda h: h["arrays"][0].__setitem__(4, 1e30),
    "more Gaussians": lambda h: h.__setitem__("gaussians", h["gaussians"] + 1),
    "no Gaussians": lambda h: h.__setitem__("gaussians", 0),
    "Gaussians in words": lambda h: h.__setitem__("gaussians", "many"),
    "another mesh": lambda h: h.__setitem__("vertices", 12),
    "other shapes": lambda h: h["shapes"].reverse(),
    "camera behind": lambda h: h["camera"]["viewmat"][2].__setitem__(3, -5),
    "camera of a word": lambda h: h["camera"].__setitem__("lens", "wide"),
    "axis twice": lambda h: h["parts_of_space"].append(h["parts_of_space"][0]),
    "axis without rows": lambda h: next(p for p in h["parts_of_space"] if p["rows"] is not None).__setitem__("rows", 10**6),
    "axis of three terms": lambda h: h["parts_of_space"][0].__setitem__("terms", 3),
    "pace that jumps": lambda h: next(p for p in h["parts_of_space"] if "pace" in p)["pace"].__setitem__(3, 1e9),
}


@pytest.mark.parametrize("change", HEADS.values(), ids=HEADS)
def test_descriptions_that_lie(live, change, tmp_path):
    assert "damaged" in opened(with_head(live, change), tmp_path / "a.live")


def test_arrays_that_lie(live, tmp_path):
    """Any byte of the base may be anything: a picture, or one sentence."""
    parts, random = sections(live), np.random.default_rng(2)
    for at in random.integers(0, len(parts[1]), 12):
        changed = bytearray(parts[1])
        changed[at : at + 64] = random.bytes(64)
        assert opened(joined([parts[0], bytes(changed[: len(parts[1])]), *parts[2:]]), tmp_path / "a.live")
