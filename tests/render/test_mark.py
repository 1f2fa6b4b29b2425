"""The visible mark and the notes inside files."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from perse.pipeline import encode_picture
from perse.render.mark import comment_gif, draw_mark
from perse.render.video import VideoWriter

TEXT = "AI generated"
GROUNDS = [(255, 255, 255), (0, 0, 0), (128, 128, 128), (250, 220, 60)]


def flat(colour, height=512, width=512):
    return np.full((height, width, len(colour)), colour, np.uint8)


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_mark_is_small_at_the_bottom_left_and_legible_on_any_background(ground):
    picture = flat(ground)
    marked = draw_mark(picture, TEXT)
    assert (picture == ground).all(), "the picture itself must stay as it is"
    y, x = np.nonzero((draw_mark(flat((255, 0, 0)), TEXT) != (255, 0, 0)).any(-1))
    assert y.min() > 0.92 * 512 and x.max() < 0.4 * 512 and (y.max(), x.min()) == (501, 10)
    label = np.s_[y.min():y.max() + 1, x.min():x.max() + 1]
    light = marked[label].mean(-1)
    assert light.max() > 240 and np.median(light) < 110  # white letters, most of the rest is plate
    marked[label] = ground
    assert (marked == ground).all()


def test_a_transparent_picture_keeps_its_alpha_elsewhere():
    marked = draw_mark(flat((90, 90, 90, 0)), TEXT)
    assert (marked[..., 3] == 255).any() and not marked[:460, :, 3].any()
    letters = marked[marked[..., 3] == 255]
    assert letters[:, :3].min() > 245


@pytest.mark.parametrize("height, width", [(64, 64), (40, 300), (300, 40), (8, 8)])
@pytest.mark.parametrize("text", [TEXT, "A very long sentence " * 20, "two\nlines"])
def test_it_fits_any_picture(height, width, text):
    marked = draw_mark(flat((255, 0, 0), height, width), text)
    assert marked.shape == (height, width, 3) and (marked != (255, 0, 0)).any()


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_text_no_mark(text):
    picture = flat((1, 2, 3))
    assert draw_mark(picture, text) is picture


def test_a_webp_says_that_it_is_synthetic():
    image = Image.open(io.BytesIO(encode_picture(flat((9, 9, 9, 0), 32, 32), ".webp")))
    assert "Synthetic" in image.getexif()[ExifTags.Base.ImageDescription]


def test_a_gif_gets_a_comment_and_still_plays(tmp_path):
    with VideoWriter(tmp_path / "a.gif", 48, 32, 10) as video:
        for level in (0, 120, 250):
            video.write(flat((level, 10, 10), 32, 48))
    gif = Image.open(io.BytesIO(comment_gif((tmp_path / "a.gif").read_bytes(), "a note")))
    assert gif.info["comment"] == b"a note" and gif.n_frames == 3
    gif.seek(2)
    assert np.abs(np.asarray(gif.convert("RGB"))[5, 5].astype(int) - (250, 10, 10)).max() < 10
