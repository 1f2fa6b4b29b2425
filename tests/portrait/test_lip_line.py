"""The line between the lips is where the picture shows it."""

import cv2
import numpy as np
import pytest

from perse.face.landmarks import INNER_MOUTH_CORNERS, LIP_RINGS, LIPS, LIPS_OUTLINE, MOUTH_RING
from perse.face.polygons import polygon
from perse.portrait.lip_line import fit_lip_line, not_of_lips

SIZE = 320
SKIN, LIP, TOOTH, DARK = (0.80, 0.62, 0.52), (0.70, 0.38, 0.36), (0.93, 0.88, 0.82), (0.10, 0.04, 0.04)


def _mouth(gap: float) -> np.ndarray:
    """Landmarks (478, 3) of a mouth 80 pixels wide whose lips are `gap` pixels apart in the middle."""
    points = np.zeros((478, 3), np.float32)
    across = np.linspace(-1, 1, 11)
    arch = 1 - across**2
    for upper, lower, high in ((LIPS["upper_outer"], LIPS["lower_outer"], 14), (LIPS["upper_inner"], LIPS["lower_inner"], 0)):
        width = 40 if high else 36
        points[upper, :2] = np.stack([160 + width * across, 160 - (high + gap / 2) * arch], 1)
        points[lower, :2] = np.stack([160 + width * across, 160 + (high + gap / 2) * arch], 1)
    outer, inner = points[LIP_RINGS[0]], points[LIP_RINGS[3]]
    points[LIP_RINGS[1]], points[LIP_RINGS[2]] = (2 * outer + inner) / 3, (outer + 2 * inner) / 3
    return points


def _picture(points: np.ndarray, inside: tuple, colourless: bool = False) -> np.ndarray:
    """(SIZE, SIZE, 3): skin, lips, and between them teeth with dark corners, or one dark line."""
    lips = cv2.GaussianBlur(polygon(points, LIPS_OUTLINE, SIZE), (0, 0), 0.8)[..., None]
    mouth = np.maximum(polygon(points, MOUTH_RING, SIZE), 0)
    if inside == DARK:
        line = (points[LIPS["upper_inner"], :2] * 16).astype(np.int32)
        drawn = np.zeros((SIZE, SIZE), np.uint8)
        cv2.polylines(drawn, [line], False, 255, 2, cv2.LINE_AA, 4)
        mouth = drawn / np.float32(255)
    mouth = cv2.GaussianBlur(mouth.astype(np.float32), (0, 0), 0.8)[..., None]
    corner = (np.abs(np.arange(SIZE) - 160) > 24)[None, :, None]
    between = np.where(corner, DARK, inside).astype(np.float32)
    image = (np.float32(SKIN) * (1 - lips) + np.float32(LIP) * lips) * (1 - mouth) + between * mouth
    image += np.random.default_rng(0).normal(0, 0.01, image.shape).astype(np.float32)
    return np.repeat(image.mean(-1, keepdims=True), 3, 2).astype(np.float32) if colourless else image.clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("colourless", [False, True])
@pytest.mark.parametrize("wrong", [(0, 3), (0, -3), (2, 2)])
def test_lips_that_landmarks_miss_are_found(wrong, colourless):
    true = _mouth(20)
    image = _picture(true, TOOTH, colourless)
    missed = true.copy()
    missed[[i for ring in LIP_RINGS[1:] for i in ring], :2] += wrong
    found = fit_lip_line(image, missed)
    inner = [i for i in MOUTH_RING if i not in INNER_MOUTH_CORNERS]
    before, after = (np.abs(x[inner, 1] - true[inner, 1]).mean() for x in (missed, found))
    assert after < 0.6 * before
    assert (found[:, 2] == missed[:, 2]).all() and found.dtype == np.float32


def test_the_line_between_closed_lips_is_the_dark_one():
    true = _mouth(0)
    image = _picture(true, DARK)
    missed = true.copy()
    missed[MOUTH_RING, 1] += 3
    found = fit_lip_line(image, missed)
    assert np.abs(found[MOUTH_RING, 1] - true[MOUTH_RING, 1]).mean() < 1.5


def test_right_landmarks_stay_and_rings_keep_their_order():
    true = _mouth(20)
    found = fit_lip_line(_picture(true, TOOTH), true)
    assert np.abs(found[MOUTH_RING, :2] - true[MOUTH_RING, :2]).max() < 2.5
    middle = [ring[5] for ring in LIP_RINGS]
    assert (np.diff(found[middle, 1]) > 0).all()
    others = np.setdiff1d(np.arange(478), [i for ring in LIP_RINGS for i in ring])
    assert (found[others] == true[others]).all()


def test_a_picture_without_any_contrast_moves_nothing():
    true = _mouth(20)
    found = fit_lip_line(np.full((SIZE, SIZE, 3), 0.5, np.float32), true)
    np.testing.assert_allclose(found, true, atol=0.05)


def test_a_mouth_of_no_size_is_left_alone():
    nowhere, picture = np.full((478, 3), 40, np.float32), _picture(_mouth(20), TOOTH)
    assert (fit_lip_line(picture, nowhere) == nowhere).all() and not not_of_lips(picture, nowhere).any()


def test_what_lies_between_is_told_from_lips():
    true = _mouth(20)
    image = _picture(true, TOOTH)
    between = not_of_lips(image, true)
    mouth, lips = polygon(true, MOUTH_RING, SIZE) > 0.9, polygon(true, LIPS_OUTLINE, SIZE) > 0.9
    core = cv2.erode(mouth.astype(np.uint8), np.ones((3, 3))) > 0
    lips &= cv2.dilate((polygon(true, MOUTH_RING, SIZE) > 0).astype(np.uint8), np.ones((5, 5))) == 0
    assert between[core].mean() > 0.95 and between[lips].mean() < 0.1
