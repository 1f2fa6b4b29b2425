"""The visible mark."""

import numpy as np
import pytest

from perse.render.visible_label import draw_mark

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
    label = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
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
