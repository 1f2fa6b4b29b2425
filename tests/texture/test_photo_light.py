"""The photo's light: what white and painted things look like in it."""

import numpy as np
import pytest

from perse.texture.photo_light import colourfulness, faded, white_light


def test_the_light_follows_skin_and_eyes():
    picture = np.full((40, 40, 3), 0.5, np.float32)
    skin, sclera = np.zeros((2, 40, 40), np.float32)
    skin[:20], sclera[30:] = 1, 1
    picture[30:] = 0.6
    bright = white_light(picture, skin, sclera)
    assert 0.5 <= bright.max() <= 0.6
    assert white_light(0.5 * picture, skin, sclera).max() == pytest.approx(0.5 * bright.max(), rel=1e-3)


def test_a_black_and_white_picture_gets_no_red_tongue():
    skin = np.ones((20, 20), np.float32)
    grey, pink = (np.broadcast_to(np.array(c, np.float32), (20, 20, 3)) for c in ((0.6, 0.6, 0.61), (0.8, 0.6, 0.5)))
    assert colourfulness(grey, skin) < 0.2 and colourfulness(pink, skin) == colourfulness(pink, 0 * skin) == 1
    tongue = np.broadcast_to(np.array([0.57, 0.32, 0.30]), (8, 8, 3)) * np.linspace(0.2, 1, 8)[:, None, None]
    assert np.ptp(faded(tongue, 0.0), axis=-1).max() < 1e-6 and faded(tongue, 0.0).mean() == pytest.approx(tongue.mean(), rel=0.15)
    np.testing.assert_allclose(faded(tongue, 1.0), tongue, atol=1e-6)
