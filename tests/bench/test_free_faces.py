"""Free faces: eight, all of them different, each with one face that a build can use."""

import numpy as np
import pytest

from perse.bench.free_faces import VARIANTS, free_face
from perse.face.measures import eye_distance
from perse.portrait import face_landmarks


@pytest.fixture(scope="module")
def faces() -> dict[str, np.ndarray]:
    return {name: free_face(name) for name in VARIANTS}


def test_there_are_eight_and_no_two_are_alike(faces):
    assert len(faces) >= 8
    assert len({picture.tobytes() for picture in faces.values()}) == len(faces)


def test_each_shows_a_face_and_the_warped_ones_another_shape(faces):
    def shape(picture) -> np.ndarray:
        marks = face_landmarks(picture)
        return (marks[:468, :2] - marks[:468, :2].mean(0)) / eye_distance(marks[:468, :2])

    shapes = {name: shape(picture) for name, picture in faces.items()}
    width = {name: float(np.ptp(marks[:, 0]) / np.ptp(marks[:, 1])) for name, marks in shapes.items()}
    assert width["astronaut, broad"] > width["astronaut"] + 0.01 and width["astronaut, narrow"] < width["astronaut"] - 0.01
    assert width["hopper, narrow"] < width["hopper"] - 0.01


def test_nothing_is_moved_far_from_the_face(faces):
    mirrored, plain = faces["astronaut, narrow"], faces["astronaut"]
    darker = np.abs(mirrored[300:].astype(float) - 0.85 * plain[300:]).max()
    assert darker <= 1.0


def test_another_name_is_no_face():
    with pytest.raises(KeyError):
        free_face("nobody")
