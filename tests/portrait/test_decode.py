"""Every format, mode and orientation gives the same upright picture; everything else one clear sentence."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from perse.errors import PerseError
from perse.portrait.decode import decode
from perse.portrait.pixels import MAX_WORKING_SIDE, ORIENTATION_TAG, TRANSPOSE


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(first: np.ndarray, second: np.ndarray) -> float:
    assert first.shape == second.shape
    return float(np.abs(first.astype(float) - second).mean())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_formats(astronaut, kind):
    rgb, alpha = decode(encode(astronaut, kind))
    assert rgb.dtype == np.uint8 and alpha is None
    assert difference(rgb, np.asarray(astronaut)) < 4


@pytest.mark.slow
@pytest.mark.parametrize(("orientation", "kind"), [*((n, "JPEG") for n in range(1, 9)), (6, "PNG"), (7, "WEBP"), (5, "AVIF")])
def test_exif_orientation(astronaut, orientation, kind):
    upright = astronaut.crop((100, 0, 400, 256))
    undo = {6: 8, 8: 6}.get(orientation, orientation)  # the two quarter turns undo one another
    stored = upright.transpose(TRANSPOSE[undo]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    rgb, _ = decode(encode(stored, kind, exif=exif.tobytes()))
    assert difference(rgb, np.asarray(upright)) < 5


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_ignored(astronaut):
    rgb, _ = decode(encode(astronaut, "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"))
    assert rgb.shape == (512, 512, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_modes(astronaut, mode):
    image = astronaut.convert(mode)
    rgb, alpha = decode(encode(image, "PNG"))
    assert alpha is None
    np.testing.assert_array_equal(rgb, np.asarray(image.convert("RGB")))


def test_cmyk(astronaut):
    rgb, _ = decode(encode(astronaut.convert("CMYK"), "JPEG", quality=95))
    assert difference(rgb, np.asarray(astronaut)) < 4


def test_16_bit_grey_is_scaled_not_clipped(astronaut):
    grey = np.asarray(astronaut.convert("L"))
    data = encode(Image.fromarray(grey.astype(np.uint16) * 257), "PNG")
    assert data[24] == 16
    rgb, _ = decode(data)
    np.testing.assert_array_equal(rgb[..., 0], grey)


def test_16_bit_colour_png(astronaut):
    rgb = np.asarray(astronaut)
    rows = (rgb.astype(np.uint16) * 257).astype(">u2").reshape(512, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    data = png(512, 512, depth=16, body=zlib.compress(raw))
    np.testing.assert_array_equal(decode(data)[0], rgb)


def test_arrays(astronaut):
    array = np.asarray(astronaut)
    for same in (array, array / 255.0, array.astype(np.uint16) * 257):
        np.testing.assert_array_equal(decode(same)[0], array)
    assert decode(array[..., :1])[0].shape == (512, 512, 3)
    for wrong in (array[..., :2], array.astype(np.int64), array[None]):
        with pytest.raises(PerseError, match="array"):
            decode(wrong)


def test_cutout_becomes_the_mask_over_grey(astronaut):
    array = np.asarray(astronaut.convert("RGBA")).copy()
    array[:, :100, 3] = 0
    rgb, alpha = decode(encode(Image.fromarray(array), "PNG"))
    assert alpha.shape == (512, 512) and alpha[:, :100].max() == 0 and alpha[:, 100:].min() == 1
    assert np.abs(rgb[:, :100].astype(int) - 128).max() <= 1
    np.testing.assert_array_equal(rgb[:, 100:], np.asarray(astronaut)[:, 100:])


@pytest.mark.slow
def test_see_through_palette_colour_becomes_the_mask(astronaut):
    cut = astronaut.quantize(64)
    cut.paste(63, (0, 0, 80, 512))
    _, alpha = decode(encode(cut, "PNG", transparency=63))
    assert alpha is not None and alpha[:, :80].max() == 0


def test_rounded_corners_are_no_cutout(astronaut):
    array = np.asarray(astronaut.convert("RGBA")).copy()
    array[:8, :8, 3] = 0
    assert decode(Image.fromarray(array))[1] is None


def test_colour_profile_is_converted(astronaut):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))
    rgb, _ = decode(encode(astronaut, "PNG", icc_profile=swapped))
    assert difference(rgb, np.asarray(astronaut)[..., [1, 0, 2]]) < 1.5


def test_colour_profiles_that_change_nothing(astronaut):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    rgb, _ = decode(encode(astronaut, "PNG", icc_profile=lab.tobytes()))  # does not fit RGB: ignored
    np.testing.assert_array_equal(rgb, np.asarray(astronaut))
    np.testing.assert_array_equal(decode(encode(astronaut, "PNG", icc_profile=b"junk"))[0], np.asarray(astronaut))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    np.testing.assert_array_equal(decode(encode(astronaut, "PNG", icc_profile=srgb.tobytes()))[0], np.asarray(astronaut))


@pytest.mark.slow
def test_large_photos_are_reduced(astronaut):
    large = astronaut.resize((5000, 4000))
    rgb, _ = decode(encode(large, "JPEG"))
    assert max(rgb.shape) == MAX_WORKING_SIDE and rgb.shape[0] == round(MAX_WORKING_SIDE * 0.8)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(6048, 8064), (16_320, 12_240), (25_000, 5_000)])
def test_a_phones_largest_photos_are_reduced_on_the_way(width, height):
    """48 and 200 megapixels, and a panorama, in the memory of the others: a limit of the child's that the whole picture would break."""
    grey = Image.linear_gradient("L").resize((width, height))
    rgb, _ = decode(encode(grey, "JPEG"))
    assert max(rgb.shape) == MAX_WORKING_SIDE and difference(rgb[..., 0], np.asarray(grey.resize(rgb.shape[1::-1]))) < 1


@pytest.mark.slow
def test_what_has_to_be_decoded_as_a_whole_is_taken_to_64_megapixels():
    """A soft ramp, which encoders are done with soon: it is as many pixels for the decoder. One format goes to the limit, which all share."""
    for side, kind, options in (
        (8000, "JPEG", {"progressive": True}),
        (3200, "PNG", {"compress_level": 1}),
        (3200, "WEBP", {"method": 0}),
        (3200, "HEIF", {"enc_params": {"preset": "ultrafast"}}),
        (3200, "AVIF", {"speed": 10}),
    ):
        large = Image.linear_gradient("L").resize((side, side), Image.Resampling.NEAREST).convert("RGB")
        want = np.asarray(large.resize((MAX_WORKING_SIDE, MAX_WORKING_SIDE), Image.Resampling.BOX))
        assert difference(decode(encode(large, kind, **options))[0], want) < 4, kind
    with pytest.raises(PerseError, match="100, more than 64 megapixels"):
        decode(encode(Image.new("L", (10_000, 10_000)), "JPEG", progressive=True))


@pytest.mark.slow
def test_pictures_of_several_frames_give_the_first(astronaut):
    other = Image.new("RGB", astronaut.size, "green")
    for kind in ("MPO", "WEBP", "PNG", "AVIF"):
        data = encode(astronaut, kind, save_all=True, append_images=[other])
        assert difference(decode(data)[0], np.asarray(astronaut)) < 4, kind


def png(width: int, height: int, depth: int = 8, body: bytes = b"") -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("width, height", [(13_000, 13_000), (60_000, 60_000), (64_000_001, 1), (8100, 8000)])
def test_too_many_pixels_are_refused_before_decoding(width, height):
    tracemalloc.start()
    with pytest.raises(PerseError, match="megapixels"):
        decode(png(width, height, body=zlib.compress(bytes(10_000))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_too_many_bytes_are_refused():
    with pytest.raises(PerseError, match="MB"):
        decode(bytes(100_000_001))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk" * 1000,
        b"\xff\xd8\xff\xe0" + bytes(500),
        b"GIF89a" + bytes(100),
        b"%PDF-1.7\n" + bytes(100),
        b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(100),
        b"\0\0\0\x18ftypheic" + bytes(100),
        b"\0\0\0\x1cftypavif" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
)
def test_what_is_no_photo(data):
    with pytest.raises(PerseError, match="please upload"):
        decode(data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("share", [0.5, 0.02])
def test_truncated_files(astronaut, kind, share):
    data = encode(astronaut, kind)
    with pytest.raises(PerseError, match="please"):
        decode(data[: int(len(data) * share)])


def test_sources_that_are_not_there(tmp_path):
    for source in (tmp_path / "missing.jpg", tmp_path, None, 3):
        with pytest.raises(PerseError):
            decode(source)


@pytest.mark.slow
def test_path_and_bytes_agree(astronaut, tmp_path):
    path = tmp_path / "photo of mine.png"
    astronaut.save(path)
    np.testing.assert_array_equal(decode(path)[0], decode(str(path))[0])
    np.testing.assert_array_equal(decode(path)[0], decode(path.read_bytes())[0])


def test_tiny_and_invisible_pictures(astronaut):
    with pytest.raises(PerseError, match="larger"):
        decode(astronaut.resize((40, 40)))
    with pytest.raises(PerseError, match="transparent"):
        decode(Image.new("RGBA", (200, 200)))
