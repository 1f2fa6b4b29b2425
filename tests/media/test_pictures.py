"""Pictures of a camera, decoded one after the other in a process that a bad one does not end."""

import io

import numpy as np
import pytest
from PIL import Image

from perse.child import Broken
from perse.errors import PerseError
from perse.media.pictures import MAX_BYTES, MAX_SIDE, Pictures


def encoded(picture: np.ndarray, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, kind)
    return out.getvalue()


@pytest.fixture(scope="module")
def pictures():
    pictures = Pictures()
    yield pictures
    pictures.close()


def ramp(height: int, width: int) -> np.ndarray:
    return np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (height, width, 3))


def test_one_after_the_other(pictures):
    for size in ((24, 32), (MAX_SIDE, 8), (24, 32)):
        assert np.abs(pictures.decode(encoded(ramp(*size))).astype(int) - ramp(*size)).mean() < 3
    grey = pictures.decode(encoded(ramp(24, 32)[..., 0]))
    assert grey.shape == (24, 32, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture at all",
        encoded(ramp(24, 32), "PNG"),
        encoded(ramp(8, MAX_SIDE + 1)),
        encoded(ramp(24, 32))[:200],
        encoded(ramp(24, 32)) + bytes(MAX_BYTES),
    ],
    ids=["empty", "junk", "png", "large", "cut", "long"],
)
def test_what_is_none_is_a_sentence_and_the_next_is_decoded(pictures, data):
    with pytest.raises(PerseError, match="cannot be read"):
        pictures.decode(data)
    assert pictures.decode(encoded(ramp(24, 32))).shape == (24, 32, 3)


def test_a_decoder_that_is_gone_says_so():
    pictures = Pictures()
    pictures._child._process.kill()
    with pytest.raises(Broken):
        pictures.decode(encoded(ramp(24, 32)))
    pictures.close()
    pictures.close()
    with pytest.raises(Broken):
        pictures.decode(encoded(ramp(24, 32)))
