"""How the light on a face changes, on the skin and between the lips."""

import cv2
import numpy as np
import pytest
import skimage.data

from perse.controls import BANDS
from perse.face.landmarks import CHEEKS, EYE_CORNERS, FACE, MOUTH_OUTLINE
from perse.portrait import track_landmarks
from perse.tracking.mouth_gap import between_lips
from perse.tracking.skin_flow import SkinFlow

from .shade import CHEEK, FAR, shaded


@pytest.fixture(scope="module")
def first():
    frame = np.asarray(skimage.data.astronaut())
    return frame, track_landmarks(frame).astype(np.float64)


def light_on(first, frame) -> np.ndarray:
    return SkinFlow(*first).compare(frame, first[1])[1]


def test_the_first_frame_has_its_own_light(first):
    assert np.abs(light_on(first, first[0])).max() < 1e-6


@pytest.mark.parametrize("factor", [(0.7, 0.7, 0.7), (0.9, 0.7, 0.7), (1.15, 1.15, 1.15)])
def test_a_shade_is_found_where_it_lies_and_in_its_colour(first, factor):
    light = light_on(first, shaded(*first, factor))
    np.testing.assert_allclose(light[CHEEK], np.log(factor), atol=0.10)
    assert np.abs(light[FAR]).max() < 0.04


def test_what_is_no_skin_any_more_says_little(first):
    """On the whole: flow over noise goes where it will, and a hundredth of a pixel of the landmarks sends it elsewhere."""
    noises = (np.random.default_rng(seed).integers(0, 255, first[0].shape, dtype=np.uint8) for seed in range(5))
    assert np.mean([np.abs(light_on(first, noise)).mean() for noise in noises]) < 0.1


@pytest.mark.parametrize("inside", [(10, 8, 8), (200, 190, 170)])
def test_what_shows_between_the_lips_is_measured_against_the_skin(inside):
    frame = np.full((400, 400, 3), 150, np.uint8)
    landmarks = np.zeros((FACE, 3))
    landmarks[:, :2] = 200
    landmarks[list(EYE_CORNERS), :2] = [[100, 120], [300, 120]]
    landmarks[CHEEKS, :2] = [[110, 200], [120, 220], [290, 200], [280, 220]]
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    # Around the mouth from its right corner, below first.
    landmarks[MOUTH_OUTLINE, :2] = np.stack([200 - 50 * np.cos(angle), 300 + 25 * np.sin(angle)], 1)
    cv2.fillPoly(frame, [np.round(landmarks[MOUTH_OUTLINE, :2]).astype(np.int32)], inside)
    light, trust = between_lips(frame, landmarks)
    assert trust == 1
    grey = np.array(inside) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(light, np.full(BANDS, np.log((grey / 255 + 0.03) / (150 / 255 + 0.03))), atol=0.03)
    landmarks[MOUTH_OUTLINE, 1] = 300
    assert between_lips(frame, landmarks)[1] == 0
