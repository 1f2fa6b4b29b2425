"""The table of landmarks: every outline goes all the way round, and what is named on the right has its twin on the left."""

import numpy as np
import pytest

from perse.face import landmarks
from perse.face.landmarks import (
    BROW,
    BROW_OUTLINE,
    CHEEK_OUTLINE,
    EYE,
    EYE_OUTLINE,
    FACE,
    FACE_OUTLINE,
    JAW_EDGE,
    LID_FOLD,
    LIPS,
    LIPS_OUTLINE,
    MOUTH_OUTLINE,
    MOUTH_RING,
    NOSE_END,
    OVAL,
    STABLE,
    eye_ring,
)
from perse.face.polygons import polygon
from perse.face.triangles import canonical, face_laplacian

OUTLINES = {"face": FACE_OUTLINE, "lips": LIPS_OUTLINE, "mouth": MOUTH_OUTLINE, **EYE_OUTLINE}


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """The mean face as landmarks (478, 2) of a picture of 400 x 400 pixels."""
    return canonical()[0][:, :2] * 120 + 200


@pytest.mark.parametrize("name", OUTLINES)
def test_an_outline_is_a_ring_of_the_mesh(name):
    ring, triangles = OUTLINES[name], canonical()[2]
    edges = {frozenset(edge) for a, b in ((0, 1), (1, 2), (2, 0)) for edge in triangles[:, [a, b]].tolist()}
    assert len(set(ring)) == len(ring)
    assert all(frozenset(edge) in edges for edge in zip(ring, ring[1:] + ring[:1]))


def test_left_mirrors_right():
    mirror = canonical()[1]
    for table in (EYE, BROW):
        for row, indices in table["right"].items():
            assert np.array_equal(mirror[indices], table["left"][row]) or row == "iris"
    for name in (
        "EYE_CORNERS",
        "INNER_EYE_CORNERS",
        "BROW_PEAKS",
        "CHEEKBONES",
        "EARS",
        "JAW_ANGLES",
        "MOUTH_CORNERS",
        "INNER_MOUTH_CORNERS",
    ):
        right, left = getattr(landmarks, name)
        assert mirror[right] == left and canonical()[0][right, 0] < canonical()[0][left, 0]
    assert np.array_equal(mirror[LID_FOLD["right"]], LID_FOLD["left"])
    for row in LIPS.values():
        assert np.array_equal(mirror[row], row[::-1])
    for group in (OVAL, STABLE, JAW_EDGE, NOSE_END, MOUTH_RING):
        assert set(mirror[list(group)]) == set(group)


def test_the_midline_runs_down_the_middle():
    points = canonical()[0]
    midline = points[
        [
            getattr(landmarks, name)
            for name in ("FOREHEAD_TOP", "FOREHEAD", "NASION", "NOSE_BRIDGE", "NOSE_FRONT", "NOSE_TIP", "UPPER_LIP", "LOWER_LIP", "CHIN")
        ]
    ]
    assert np.abs(midline[:, 0]).max() < 1e-6 and (np.diff(midline[:, 1]) >= 0).all()
    assert points[:FACE, 1].argmax() == landmarks.CHIN and points[:FACE, 1].argmin() == landmarks.FOREHEAD_TOP


def test_eyes_lie_in_the_face_and_lips_around_the_mouth(drawn):
    def area(outline):
        return polygon(drawn, outline, 400)

    face, lips, mouth = (area(outline) for outline in (FACE_OUTLINE, LIPS_OUTLINE, MOUTH_OUTLINE))
    assert 0.9 < face.max() and face.mean() > 0.2
    for part in (lips, *map(area, EYE_OUTLINE.values()), *map(area, BROW_OUTLINE.values()), *map(area, CHEEK_OUTLINE.values())):
        assert part.sum() > 50 and (part <= face + 0.02).all()
    assert (mouth <= lips + 0.02).all() and mouth.sum() < lips.sum()
    assert polygon(drawn, MOUTH_RING, 400) == pytest.approx(mouth, abs=0.02)
    assert set(eye_ring("left")) == set(EYE_OUTLINE["left"])


def test_the_laplacian_of_an_even_field_is_zero():
    laplacian = face_laplacian()
    assert np.array_equal(laplacian, laplacian.T) and np.abs(laplacian.sum(1)).max() == 0
    assert (np.diag(laplacian) >= 2).all()
