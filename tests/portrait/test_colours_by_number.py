"""Photos whose files say by number what their colours mean: Display P3, BT.2020, and HDR in PQ or HLG, as phones and cameras save them."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from perse.cicp import BT2020, DISPLAY_P3, HLG, PQ, CodePoints, code_points, profile
from perse.hdr_colours import shown
from perse.portrait.decode import decode
from tests.hdr_scene import NITS, assert_as_bright, coded

SRGB = 13


def heic(deep: np.ndarray, points: CodePoints) -> bytes:
    """(H, W, 3) in [0, 1] as a HEIC file of ten bits."""
    file = io.BytesIO()
    pixels = np.ascontiguousarray((deep * 1023 + 0.5).astype(np.uint16) << 6)
    pillow_heif.from_bytes("RGB;16", deep.shape[1::-1], pixels.tobytes()).save(
        file, quality=-1, chroma=444, color_primaries=1, matrix_coefficients=0
    )
    return says(file.getvalue(), points)


def avif(picture: np.ndarray, points: CodePoints) -> bytes:
    file = io.BytesIO()
    Image.fromarray((picture * 255 + 0.5).astype(np.uint8)).save(file, "AVIF", quality=100, subsampling="4:4:4")
    return says(file.getvalue(), points)


def png(picture: np.ndarray, points: CodePoints) -> bytes:
    file = io.BytesIO()
    Image.fromarray((picture * 255 + 0.5).astype(np.uint8)).save(file, "PNG")
    body = b"cICP" + bytes([*points, 0, 1])
    return file.getvalue()[:33] + struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body)) + file.getvalue()[33:]


def says(data: bytes, points: CodePoints) -> bytes:
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", *points) + data[at + 4 :]


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("file", [heic, avif, png])
def test_an_hdr_photo_is_as_bright_as_its_scene(file, transfer):
    greys = np.tile(coded(NITS, transfer).repeat(32)[:, None], (64, 1, 3))
    assert_as_bright(decode(file(greys, CodePoints(BT2020, transfer)))[0][32, 16::32].astype(float))


@pytest.mark.parametrize("primaries", [BT2020, DISPLAY_P3])
def test_colours_of_an_hdr_photo_are_those_of_its_scene(primaries):
    """Skin, leaf and sky of BT.709 in the light of the wide primaries, by what ITU-R BT.2087 and SMPTE EG 432-1 say of them."""
    wide = {
        BT2020: [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.088, 0.8956]],
        DISPLAY_P3: [[0.8225, 0.1774, 0.0], [0.0332, 0.9669, 0.0], [0.0171, 0.0724, 0.9108]],
    }[primaries]
    scene = np.array([(0.45, 0.25, 0.16), (0.1, 0.3, 0.05), (0.15, 0.25, 0.5)])
    picture = np.repeat(coded(203 * scene @ np.transpose(wide), PQ)[None], 64, 0).repeat(32, 1)
    seen = decode(heic(picture, CodePoints(primaries, PQ)))[0][32, 16::32]
    np.testing.assert_allclose(seen, 255 * (1.055 * scene ** (1 / 2.4) - 0.055), atol=4)


def test_ten_bits_make_no_steps():
    """A ramp of light: eight bits of PQ would be steps of up to four."""
    ramp = np.tile(np.linspace(0.40, 0.58, 512)[None, :, None], (128, 1, 3))
    seen = decode(heic(ramp, CodePoints(BT2020, PQ)))[0][..., 1].mean(0)
    want = 255 * shown(ramp[0], PQ)[:, 1]
    assert np.abs(seen - want).max() < 1.2 and np.diff(seen).max() <= 1


def test_display_p3_of_a_photo_without_a_profile_is_converted(astronaut):
    """As phones' HEIC and AVIF files may have it: by a number instead of a profile."""
    want = np.asarray(astronaut).astype(float)
    p3 = ImageCms.profileToProfile(astronaut, ImageCms.createProfile("sRGB"), io.BytesIO(profile(DISPLAY_P3)))
    stored = np.asarray(p3) / 255
    taken, plain = (decode(avif(stored, CodePoints(primaries, SRGB)))[0] for primaries in (DISPLAY_P3, 1))
    assert np.abs(plain - want).mean() > 1.5 > 1 > np.abs(taken - want).mean()


@pytest.mark.parametrize(("primaries", "skin"), [(DISPLAY_P3, (208, 148, 116)), (BT2020, (227, 142, 114))])
def test_profiles_say_what_the_standards_say(primaries, skin):
    """White and greys are sRGB's; a skin's red is more of it."""
    to_srgb = ImageCms.buildTransform(io.BytesIO(profile(primaries)), ImageCms.createProfile("sRGB"), "RGB", "RGB")
    seen = [
        ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), to_srgb).getpixel((0, 0))
        for colour in ((255, 255, 255), (128, 128, 128), (200, 150, 120))
    ]
    np.testing.assert_allclose(seen, [(255, 255, 255), (128, 128, 128), skin], atol=2)


def box(name: bytes, *bodies: bytes, version: int | None = None) -> bytes:
    body = (b"" if version is None else struct.pack(">I", version << 24)) + b"".join(bodies)
    return struct.pack(">I", 8 + len(body)) + name + body


def colour(primaries: int, transfer: int) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 9, 128))


def heif(colours: list[bytes], has: dict[int, list[int]], tiles: dict[int, list[int]], primary: int) -> bytes:
    """The head of a HEIF file: items, and which of the properties each has, counted from 1."""
    owners = b"".join(struct.pack(">HB", item, len(those)) + bytes(0x80 | i for i in those) for item, those in has.items())
    links = b"".join(box(b"dimg", struct.pack(f">HH{len(those)}H", item, len(those), *those)) for item, those in tiles.items())
    return box(b"ftyp", b"heic", bytes(4)) + box(
        b"meta",
        box(b"pitm", struct.pack(">H", primary), version=0),
        box(b"iprp", box(b"ipco", *colours), box(b"ipma", struct.pack(">I", len(has)), owners, version=0)),
        box(b"iref", links, version=0),
        version=0,
    )


def test_a_gain_map_does_not_make_a_photo_hdr():
    """What ISO 21496-1 adds for HDR screens are items beside the photo, with colours of their own, which may come first."""
    hdr, sdr = colour(BT2020, PQ), colour(DISPLAY_P3, SRGB)
    photo = heif([hdr, box(b"ispe", bytes(12)), sdr], {1: [2, 3], 2: [1], 3: [1, 2]}, {3: [1, 2]}, primary=1)
    assert code_points(photo) == (DISPLAY_P3, SRGB)
    assert code_points(heif([hdr, sdr], {1: [2], 2: [1]}, {}, primary=2)) == (BT2020, PQ)
    assert code_points(heif([hdr], {1: [], 2: [1]}, {}, primary=1)) == (0, 0)


def test_a_photo_of_tiles_has_the_colours_of_its_tiles():
    assert code_points(heif([colour(BT2020, HLG)], {1: [1], 2: [1], 3: []}, {3: [1, 2]}, primary=3)) == (BT2020, HLG)


def test_files_that_make_no_sense_say_nothing():
    whole = heif([colour(BT2020, PQ), colour(9, 18)], {1: [1], 2: [2]}, {2: [1]}, primary=1)
    chance = np.random.default_rng(3)
    for end in range(len(whole)):
        assert code_points(whole[:end]) in ((0, 0), (BT2020, PQ))
    for _ in range(3000):
        spoiled = bytearray(whole)
        for at in chance.integers(8, len(whole), 4):
            spoiled[at] = chance.integers(256)
        assert len(code_points(bytes(spoiled))) == 2
    for data in (b"", b"junk", b"\x89PNG\r\n\x1a\n" + bytes(7), b"\x89PNG\r\n\x1a\n\0\0\0\x04cICP", b"\xff\xd8\xff"):
        assert code_points(data) == (0, 0)
