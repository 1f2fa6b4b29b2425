"""Optical flow against the first frame finds what a detector's landmarks got wrong."""

import cv2
import numpy as np
import pytest
import skimage.data

from perse.face.alignment import for_opencv
from perse.face.landmarks import FACE
from perse.face.measures import eye_distance
from perse.portrait import track_landmarks
from perse.tracking.skin_flow import SkinFlow


@pytest.fixture(scope="module")
def first():
    frame = np.asarray(skimage.data.astronaut())
    return frame, track_landmarks(frame).astype(np.float64)


def test_the_first_frame_has_not_moved(first):
    frame, landmarks = first
    assert np.abs(SkinFlow(frame, landmarks).compare(frame, landmarks)[0]).max() < 0.01


def test_landmarks_that_are_off_are_put_right(first):
    frame, landmarks = first
    eye = eye_distance(landmarks[:, :2])
    turn = cv2.getRotationMatrix2D((250, 120), 6, 1.05) + [[0, 0, 4], [0, 0, -3]]
    moved = cv2.warpAffine(frame, for_opencv(turn), frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    true = landmarks.copy()
    true[:, :2] = landmarks[:, :2] @ turn[:, :2].T + turn[:, 2]
    wrong = true.copy()
    wrong[:, 0] += 0.02 * eye
    right = wrong[:FACE, :2] + SkinFlow(frame, landmarks).compare(moved, wrong)[0]
    before, after = (np.linalg.norm(x - true[:FACE, :2], axis=1).mean() / eye for x in (wrong[:FACE, :2], right))
    assert before == pytest.approx(0.02) and after < 0.5 * before


def test_what_cannot_be_compared_says_little(first):
    frame, landmarks = first
    eye = eye_distance(landmarks[:, :2])
    noise = np.random.default_rng(0).integers(0, 255, frame.shape, dtype=np.uint8)
    drift = SkinFlow(frame, landmarks).compare(noise, landmarks)[0]
    assert np.linalg.norm(drift, axis=1).mean() < 0.02 * eye
