"""Measures tell the same of a face however large it is drawn and however it is turned, and more of a face that does more."""

import numpy as np
import pytest

from perse.face.alignment import rotation
from perse.face.landmarks import EYE, LIPS
from perse.face.measures import MIDDLE_OF_LIDS, eye_distance, face_height, lid_opening, lip_gap, mouth_opening
from perse.face.triangles import canonical


@pytest.fixture
def face() -> np.ndarray:
    points = canonical()[0].copy()
    points[LIPS["lower_inner"][1:-1], 1] += 0.1
    return points


def test_the_mean_face_is_one_eye_distance_wide(face):
    assert eye_distance(face) == pytest.approx(1.0)
    assert 1.2 < face_height(face) < 2.0


def test_shares_know_neither_size_nor_turn(face):
    other = 37.0 * face @ rotation(0.4, -0.2, 0.7).T + [5.0, 6.0, 7.0]
    assert mouth_opening(other) == pytest.approx(mouth_opening(face))
    assert eye_distance(other) == pytest.approx(37.0) and lip_gap(other) == pytest.approx(37.0 * lip_gap(face))
    for side in EYE:
        assert lid_opening(other, side) == pytest.approx(lid_opening(face, side))


def test_lips_that_part_and_lids_that_close_are_measured(face):
    before = mouth_opening(face)
    face[LIPS["lower_inner"][1:-1], 1] += 0.1
    assert mouth_opening(face) > before
    other = lid_opening(face, "left")
    face[EYE["right"]["upper"]] = face[EYE["right"]["lower"]]
    assert lid_opening(face, "right") == 0 and lid_opening(face, "left") == other
    assert lid_opening(face, "left", MIDDLE_OF_LIDS) > other  # lids are farthest apart in their middle
