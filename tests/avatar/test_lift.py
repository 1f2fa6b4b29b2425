"""Where hidden Gaussians sit."""

import numpy as np

from perse.avatar.lift import _onto_person
from perse.render.camera import Camera


def test_what_stands_out_beyond_the_outline_is_drawn_onto_it():
    alpha = np.zeros((100, 100), np.float32)
    alpha[:, 30:70] = 1.0
    camera = Camera(np.eye(4, dtype=np.float32), np.array([[100, 0, 50], [0, 100, 50], [0, 0, 1]], np.float32), 100, 100)
    points = np.array([[0.0, 0.0, 5.0], [1.5, 0.2, 5.0], [-2.0, 0.0, 6.0], [9.0, 0.0, 5.0]])  # inside, beside, beside, out of the picture
    moved = _onto_person(points, alpha, camera)
    assert np.array_equal(moved[[0, 3]], points[[0, 3]])
    xy, depth = camera.project(moved[1:3])
    assert ((xy[:, 0] > 30) & (xy[:, 0] < 70)).all()
    assert np.allclose(depth, points[1:3, 2]) and np.abs(moved[1:3, 1] - points[1:3, 1]).max() < 0.05


def test_without_a_person_nothing_moves():
    camera = Camera(np.eye(4, dtype=np.float32), np.array([[9, 0, 5], [0, 9, 5], [0, 0, 1]], np.float32), 10, 10)
    points = np.array([[0.0, 0.0, 5.0]])
    assert np.array_equal(_onto_person(points, np.zeros((10, 10), np.float32), camera), points)
