"""The jaw's line is where the face ends in the picture, and stays where the picture does not tell."""

import cv2
import numpy as np
import pytest

from perse.face.landmarks import EARS, FACE_OUTLINE, JAW_ANGLES, NOSE_TIP, OVAL
from perse.face.polygons import polygon
from perse.face.triangles import canonical
from perse.portrait.jaw_line import fit_jaw_line

SIZE = 400
SKIN, SHADED, HAIR, NECK = (0.80, 0.62, 0.52), (0.42, 0.32, 0.27), (0.20, 0.13, 0.10), (0.66, 0.50, 0.42)


def _landmarks() -> np.ndarray:
    """(478, 3) of a face some 200 pixels wide, looking into the camera."""
    face = canonical()[0][:468].astype(float)
    across = np.ptp(face[OVAL, 0])
    out = np.zeros((478, 3), np.float32)
    sign = np.array([1, 1 if face[152, 1] > face[10, 1] else -1, 1])
    out[:468] = (face - face[OVAL].mean(0)) * sign * 200 / across + [SIZE / 2, SIZE / 2, 0]
    return out


def _picture(points: np.ndarray, beside: tuple) -> np.ndarray:
    """(SIZE, SIZE, 3): a face with what is beside it, and a neck below."""
    face = cv2.GaussianBlur(polygon(points, FACE_OUTLINE, SIZE), (0, 0), 1.0)[..., None]
    image = np.full((SIZE, SIZE, 3), beside, np.float32)
    low = int(points[JAW_ANGLES[0], 1])
    image[low:, int(points[172, 0]) + 10 : int(points[397, 0]) - 10] = NECK
    image = image * (1 - face) + np.float32(SKIN) * face
    return (image + np.random.default_rng(0).normal(0, 0.01, image.shape)).clip(0, 1).astype(np.float32)


def _wide(points: np.ndarray, share: float) -> np.ndarray:
    """The same landmarks with the jaw's sides so much farther out."""
    out = points.copy()
    ring = [i for i in OVAL if points[EARS[0], 1] < points[i, 1] < points[JAW_ANGLES[0], 1] + 25]
    out[ring, 0] += share * (points[ring, 0] - SIZE / 2)
    return out


def _far(points: np.ndarray, true: np.ndarray) -> float:
    """Mean distance sideways of the jaw's sides, pixels."""
    ring = [132, 58, 172, 361, 288, 397]
    return float(np.abs(points[ring, 0] - true[ring, 0]).mean())


@pytest.mark.parametrize("colourless", [False, True])
def test_a_jaw_that_lies_over_hair_is_drawn_in(colourless):
    true = _landmarks()
    image = _picture(true, HAIR)
    if colourless:
        image = np.repeat(image.mean(-1, keepdims=True), 3, 2)
    missed = _wide(true, 0.08)
    found = fit_jaw_line(image, missed)
    assert _far(missed, true) > 5 and _far(found, true) < 0.5 * _far(missed, true)
    assert (found[:, 2] == missed[:, 2]).all() and found.dtype == np.float32
    inner = [NOSE_TIP, 33, 263, 61, 291, 10]
    assert np.abs(found[inner] - missed[inner]).max() < 0.01


def test_a_jaw_that_is_right_stays():
    true = _landmarks()
    assert _far(fit_jaw_line(_picture(true, HAIR), true), true) < 1.5


def test_skin_that_passes_into_shade_is_not_cut_off():
    """The same colours as of what lies beside, but no edge before them."""
    true = _landmarks()
    image = _picture(true, SHADED)
    x = np.abs(np.arange(SIZE) - SIZE / 2)[None, :, None] / 100
    shade = np.clip((x - 0.45) / 0.55, 0, 1)
    face = polygon(true, FACE_OUTLINE, SIZE)[..., None]
    lit = np.float32(SKIN) * (1 - shade) + np.float32(SHADED) * shade
    image = (image * (1 - face) + lit * face).astype(np.float32)
    assert _far(fit_jaw_line(image, true), true) < 1.5


def test_a_face_too_small_to_tell_stays():
    small = _landmarks()
    small[:, :2] = small[:, :2] * 0.15
    assert fit_jaw_line(np.zeros((SIZE, SIZE, 3), np.float32), small) is small
