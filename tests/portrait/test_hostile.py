"""Whatever is sent as a photo ends in a picture or in one sentence, in bounded memory, and leaves nothing behind."""

import io
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from perse.child import Limits
from perse.errors import BuildCancelled, PerseError
from perse.portrait import decode as room
from perse.portrait import pixels
from perse.portrait.decode import decode
from tests.hostile_photos import KINDS, encoded, face, good, photos

pytestmark = pytest.mark.slow

GOOD = (
    "wrong suffix",
    "animated",
    "several",
    "two pictures",
    "16 bit grey.png",
    "16 bit colour",
    "palette with half",
    "grey.jpg",
    "cmyk",
    "alpha.avif",
    "orientation",
    "exif",
    "giant exif",
    "giant profile",
    "profile of noise",
    "profile that is no",
    "hundred thousand",
    "twenty thousand",
    "1 bit.png",
    "3000 scans",
)


def outcome(data: bytes) -> np.ndarray | str:
    try:
        rgb, alpha = decode(data)
    except PerseError as error:
        return str(error)
    assert rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3 and max(rgb.shape) <= pixels.MAX_WORKING_SIDE
    assert alpha is None or (alpha.shape == rgb.shape[:2] and alpha.min() >= 0 and alpha.max() <= 1)
    return rgb


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of the set's named cases and of a draw from its random ones, by name."""
    everything = list(photos(np.random.default_rng(1)))
    chosen = [(name, data) for k, (name, data) in enumerate(everything) if k % 8 == 0 or "declares" in name or name.startswith(GOOD)]
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setenv("TMPDIR", str(folder))
        found = list(pool.map(lambda photo: (photo[0], outcome(photo[1])), chosen))
    assert not os.listdir(folder)
    return found


def test_pictures_or_one_sentence(outcomes):
    assert len(outcomes) > 70
    for name, found in outcomes:
        if isinstance(found, str):
            assert found.count("\n") == 0 and len(found) < 200 and "please" in found and found.endswith("."), (name, found)


def test_odd_photos_that_are_good_are_pictures(outcomes):
    """And an animation is its first frame."""
    good_ones = [(name, found) for name, found in outcomes if name.startswith(GOOD)]
    assert len(good_ones) > 30
    for name, found in good_ones:
        assert not isinstance(found, str), (name, found)
        if "animated" in name or "several" in name or "two pictures" in name:
            assert np.abs(found.astype(int) - np.asarray(face())).mean() < 6


def test_what_declares_too_much_is_told_so(outcomes):
    for name, found in outcomes:
        if name.startswith(("declares 20000", "declares 60000", "declares 16384", "declares 65500 x 65500")):
            assert "megapixels" in found, (name, found)


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_strip_is_refused_by_its_shape(kind):
    with pytest.raises(PerseError, match="strip of 1000 × 100"):
        decode(encoded(Image.new("RGB", (1000, 100)), kind))
    with pytest.raises(PerseError, match="strip of"):
        decode(np.zeros((40_000, 64, 3), np.uint8))
    assert decode(encoded(Image.new("RGB", (500, 100)), kind))[0].shape == (100, 500, 3)


def test_a_picture_that_turns_out_larger_than_its_header_says():
    class Growing(Image.Image):
        def load(self):
            self._size = (9_000, 8_000)

    picture = Growing()
    picture.im, picture._mode, picture._size = Image.new("RGB", (200, 200)).im, "RGB", (200, 200)
    with pytest.raises(PerseError, match="megapixels"):
        decode(picture)


def test_colour_depths_do_not_multiply_memory():
    grey = Image.new("I", (4000, 4000), 30_000)
    tracemalloc.start()
    rgb = pixels.normalise(grey)[0]
    peak = tracemalloc.get_traced_memory()[1]  # of numpy: PIL's own memory is not traced
    tracemalloc.stop()
    assert rgb.size == (3200, 3200) and peak < 1.1 * 4000 * 4000  # a byte each, and little beside
    assert rgb.getpixel((0, 0)) == (117, 117, 117)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.kill(os.getpid(), 11)",
        "while True: pass",
        "bytearray(5 << 30)",
        "raise KeyError('x')",
        "pass",
        "send({}, b'')",
        "send({'size': [10, 10], 'cutout': False}, bytes(299))",
        "send({'size': [10, 10], 'cutout': True}, bytes(300))",
        "send({'size': [-10, -10], 'cutout': False}, bytes(300))",
        "send({'size': [300, 1, 1], 'cutout': False}, bytes(900))",
        "send({'size': ['a', None], 'cutout': False}, bytes(300))",
        "send({'size': [100_000, 1], 'cutout': False}, bytes(300_000))",
        "send({'size': [1e400, 1.5], 'cutout': False}, bytes(3))",
        "send({'size': [20_000, 20_000], 'cutout': False}, bytes(1_200_000_000))",
    ],
)
def test_a_decoder_that_is_taken_over_harms_nobody(code, tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    worker.write_text(f"def work(job, file, send):\n    {code}\n")
    monkeypatch.setattr(room.pixels, "__file__", str(worker))
    monkeypatch.setattr(room, "LIMITS", Limits(memory=2 << 30, cpu=1))
    with pytest.raises(PerseError, match="damaged or incomplete"):
        decode(good("PNG"))


def test_cancelling_while_a_photo_is_decoded(tmp_path, monkeypatch):
    worker = tmp_path / "worker.py"
    worker.write_text("def work(job, file, send):\n    while True: pass\n")
    monkeypatch.setattr(room.pixels, "__file__", str(worker))
    asked = []
    with pytest.raises(BuildCancelled):
        decode(good("PNG"), cancelled=lambda: asked.append(0) or len(asked) > 2)
    assert len(asked) == 3


def test_paths_that_are_no_photos(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "missing")
    for path in (
        tmp_path / "pipe.jpg",
        tmp_path / "loop.jpg",
        tmp_path / "dangling.jpg",
        tmp_path,
        "/dev/zero",
        "/dev/stdin",
        "",
        "/proc/self/mem",
        tmp_path / ("x" * 300),
        "nul\0byte.jpg",
        tmp_path / "a\nb",
        "/" + "deep/" * 2000,
    ):
        with pytest.raises(PerseError) as caught:
            decode(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 200 and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("name", ["two\nlines.png", "a:b.png", "-o.png", "ünïcode 🙂.png", "bad \udcff utf.png", "%s.png"])
def test_names_with_odd_characters(tmp_path, name):
    path = Path(tmp_path / name)
    path.write_bytes(good("PNG"))
    (tmp_path / "link.png").symlink_to(path)
    for source in (path, str(path), tmp_path / "link.png"):
        np.testing.assert_array_equal(decode(source)[0], np.asarray(face()))


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with open(tmp_path / "sparse.jpg", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PerseError, match="MB"):
        decode(tmp_path / "sparse.jpg")


def test_the_child_decodes_as_this_process_would():
    for data in (good("JPEG"), encoded(face().convert("CMYK"), "JPEG"), good("HEIF"), encoded(face().quantize(32), "PNG", transparency=3)):
        here, alpha = decode(Image.open(io.BytesIO(data)))
        there, other = decode(data)
        np.testing.assert_array_equal(here, there)
        assert (alpha is None) == (other is None)
