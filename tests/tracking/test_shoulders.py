"""Shoulders are found where they went, whatever the head does, or said not to be found."""

import cv2
import numpy as np
import pytest
import skimage.data

from perse.face.alignment import for_opencv
from perse.face.landmarks import CHIN
from perse.face.measures import face_height
from perse.portrait import track_landmarks
from perse.tracking.shoulders import Shoulders


@pytest.fixture(scope="module")
def first():
    frame = np.asarray(skimage.data.astronaut())
    return frame, track_landmarks(frame).astype(np.float64)


def moved(frame, matrix):
    return cv2.warpAffine(frame, for_opencv(matrix), frame.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def apart(matrix, other, landmarks) -> float:
    """How far two maps take a body's corners from each other, face heights."""
    tall, chin = face_height(landmarks[:, :2]), landmarks[CHIN, :2]
    corners = chin + tall * np.array([[-0.8, 0.4], [0.8, 0.4], [-0.8, 1.2], [0.8, 1.2]])
    return float(np.linalg.norm(corners @ (matrix - other)[:, :2].T + (matrix - other)[:, 2], axis=1).max() / tall)


def test_the_first_frame_has_not_moved(first):
    found, seen = Shoulders(*first).follow(*first)
    assert seen and apart(found, np.eye(2, 3), first[1]) < 1e-6


@pytest.mark.parametrize("angle, size, x, y", [(0, 1.0, 12, -9), (0, 1.0, -14, 10), (5, 1.0, 4, 3), (-3, 1.04, 0, -6), (2, 0.94, 8, 8)])
def test_a_body_that_moves_with_the_head_is_found(first, angle, size, x, y):
    frame, landmarks = first
    true = cv2.getRotationMatrix2D((250, 300), angle, size) + [[0, 0, x], [0, 0, y]]
    there = landmarks.copy()
    there[:, :2] = landmarks[:, :2] @ true[:, :2].T + true[:, 2]
    found, seen = Shoulders(frame, landmarks).follow(moved(frame, true), there)
    assert seen and apart(found, true, landmarks) < 0.045 < apart(np.eye(2, 3), true, landmarks)


@pytest.mark.parametrize("head, body", [((9, 6), (0, 0)), ((-8, -5), (0, 0)), ((6, 0), (-7, 4))])
def test_a_head_that_moves_by_itself_does_not_take_them_along(first, head, body):
    frame, landmarks = first
    lower = moved(frame, np.float64([[1, 0, body[0]], [0, 1, body[1]]]))
    upper = moved(frame, np.float64([[1, 0, head[0]], [0, 1, head[1]]]))
    line = int(landmarks[CHIN, 1] + head[1] + 0.05 * face_height(landmarks[:, :2]))
    picture = np.concatenate([upper[:line], lower[line:]])
    found, seen = Shoulders(frame, landmarks).follow(picture, landmarks + [*head, 0])
    assert seen and apart(found, np.float64([[1, 0, body[0]], [0, 1, body[1]]]), landmarks) < 0.04


def test_a_picture_that_ends_at_the_chin_shows_none(first):
    frame, landmarks = first
    cut = np.ascontiguousarray(frame[: int(landmarks[CHIN, 1]) + 2])
    found, seen = Shoulders(cut, landmarks).follow(cut, landmarks)
    assert not seen and np.array_equal(found, np.eye(2, 3))


def test_another_scene_shows_none(first):
    frame, landmarks = first
    noise = np.random.default_rng(0).integers(0, 256, frame.shape, dtype=np.uint8)
    found, seen = Shoulders(frame, landmarks).follow(noise, landmarks)
    assert not seen and np.array_equal(found, np.eye(2, 3))
