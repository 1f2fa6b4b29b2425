"""Faces are laid over one another: what was turned, scaled and moved is found again."""

import cv2
import numpy as np
import pytest
import torch

from perse.face.alignment import Similarity, angles_of, for_opencv, plane_rotation, procrustes, rotation, rotation_about


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 3)) * [3.0, 2.0, 1.0]


def test_a_similarity_of_the_plane_is_found(points):
    flat = points[:, :2]
    there = 1.7 * flat @ plane_rotation(0.6).T + [4.0, -2.0]
    found = Similarity.fit(flat, there)
    np.testing.assert_allclose(found(flat), there, atol=1e-12)
    np.testing.assert_allclose(found.matrix, np.column_stack([1.7 * plane_rotation(0.6), [4.0, -2.0]]), atol=1e-12)


def test_it_is_the_best_one_and_never_mirrors(points):
    flat, noise = points[:, :2], np.random.default_rng(1).normal(size=(40, 2))
    found = Similarity.fit(flat, flat * [-1, 1] + 0.3 * noise)
    assert np.linalg.det(found.linear) > 0

    def error(similarity):
        return ((similarity(flat) - flat * [-1, 1] - 0.3 * noise) ** 2).sum()

    for nudge in (plane_rotation(0.02), 1.02 * np.eye(2)):
        assert error(found) < error(Similarity(nudge @ found.linear, found.shift))
    assert error(found) < error(Similarity(found.linear, found.shift + 0.05))


def test_opencv_moves_a_pixel_to_where_the_map_takes_it():
    picture = np.zeros((40, 40), np.float32)
    picture[10, 12] = 1  # its middle is (12.5, 10.5)
    moved = cv2.warpAffine(picture, for_opencv(np.array([[2.0, 0, 1.0], [0, 2.0, 3.0]])), (60, 60), flags=cv2.INTER_LINEAR)
    y, x = np.mgrid[:60, :60] + 0.5
    assert (moved * x).sum() / moved.sum() == pytest.approx(2 * 12.5 + 1, abs=0.02)
    assert (moved * y).sum() / moved.sum() == pytest.approx(2 * 10.5 + 3, abs=0.02)


def test_a_similarity_of_space_is_found(points):
    turn = rotation(0.5, -0.3, 0.2)
    scale, found, shift = procrustes(points, 2.5 * points @ turn.T + [1.0, 2.0, 3.0])
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(found, turn, atol=1e-12)
    np.testing.assert_allclose(shift, [1.0, 2.0, 3.0], atol=1e-12)


def test_rotations_turn_as_they_say():
    straight = np.array([0.0, 0.0, -1.0])  # a face that looks at the camera
    assert (rotation(0.3, 0.0, 0.0) @ straight)[0] < 0  # towards the left edge
    assert (rotation(0.0, 0.3, 0.0) @ straight)[1] > 0  # down
    assert (rotation(0.0, 0.0, 0.3) @ [1.0, 0.0, 0.0])[1] > 0  # clockwise: the right side goes down
    angles = np.random.default_rng(2).uniform(-1.4, 1.4, (50, 3))
    np.testing.assert_allclose(angles_of(rotation(*angles.T)), angles, atol=1e-12)


def test_tensors_and_arrays_turn_alike():
    angles = np.random.default_rng(3).uniform(-3, 3, (2, 5, 3))
    tensors = rotation(*torch.from_numpy(angles).unbind(-1))
    assert tensors.shape == (2, 5, 3, 3)
    np.testing.assert_allclose(tensors.numpy(), rotation(*np.moveaxis(angles, -1, 0)), atol=1e-12)
    assert rotation(0.1, 0.2, 0.3).shape == (3, 3)


def test_a_rotation_vector_is_an_axis_and_an_angle():
    np.testing.assert_allclose(
        rotation_about(np.array([[0.0, 0.4, 0.0], [0.4, 0.0, 0.0], [0.0, 0.0, 0.4], [0.0, 0.0, 0.0]])),
        [rotation(0.4, 0.0, 0.0), rotation(0.0, 0.4, 0.0), rotation(0.0, 0.0, 0.4), np.eye(3)],
        atol=1e-12,
    )
