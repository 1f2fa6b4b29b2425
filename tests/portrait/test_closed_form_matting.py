"""Matting against mixtures whose answer is known."""

import cv2
import numpy as np
import pytest

from perse.portrait.closed_form_matting import closed_form_alpha, foreground_colours, pull_push


@pytest.fixture
def mixture():
    """A soft-edged disc of a smooth warm layer over a smooth blue one: alpha, front, back, picture."""
    rows, columns = np.mgrid[:96, :96].astype(np.float32) / 95
    distance = np.hypot(rows - 0.5, columns - 0.5)
    alpha = np.clip((0.33 - distance) / 0.08, 0, 1)
    front = np.dstack([0.7 + 0.2 * rows, 0.4 + 0 * rows, 0.2 + 0.1 * columns])
    back = np.dstack([0.1 + 0.1 * columns, 0.2 + 0.1 * rows, 0.6 + 0.2 * columns])
    return alpha, front, back, (alpha[..., None] * front + (1 - alpha[..., None]) * back).astype(np.float32)


def test_alpha_of_smooth_layers_is_recovered(mixture):
    alpha, _, _, picture = mixture
    trimap = np.where((alpha > 0) & (alpha < 1), 0.5, alpha)
    band = cv2.dilate((trimap == 0.5).astype(np.uint8), np.ones((5, 5))) > 0
    trimap[band] = 0.5
    found = closed_form_alpha(picture, trimap)
    assert np.abs(found - alpha).max() < 0.06
    np.testing.assert_array_equal(found[~band], trimap[~band])


def test_nothing_open_nothing_changed(mixture):
    hard = (mixture[0] > 0.5).astype(np.float32)
    np.testing.assert_array_equal(closed_form_alpha(mixture[3], hard), hard)


def test_open_pixels_at_the_border():
    picture = np.zeros((40, 40, 3), np.float32)
    picture[:, 20:] = 1
    trimap = np.full((40, 40), 0.5, np.float32)
    trimap[10:30, 2] = 0
    trimap[10:30, 37] = 1
    alpha = closed_form_alpha(picture, trimap)
    assert alpha[:, :18].max() < 0.05 and alpha[:, 22:].min() > 0.95


def test_foreground_is_free_of_the_background(mixture):
    alpha, front, _, picture = mixture
    colours = foreground_colours(picture, alpha, 4)
    seen = alpha > 0.1
    assert np.abs(colours - front)[seen].max() < 0.08
    near = (cv2.dilate((alpha > 0).astype(np.uint8), np.ones((9, 9))) > 0) & (alpha == 0)
    assert np.abs(colours - front)[near].mean() < 0.06  # it goes on beyond the edge


def test_pull_push_keeps_what_is_known_and_fills_the_rest():
    colour = np.full((50, 70, 3), 0.25, np.float32)
    weight = np.zeros((50, 70), np.float32)
    weight[:, :20] = 1
    colour[:, 20:] = 9  # must not matter
    np.testing.assert_allclose(pull_push(colour, weight), 0.25, atol=1e-4)
