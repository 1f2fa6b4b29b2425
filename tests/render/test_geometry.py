"""Triangles: points on them and their normals."""

import numpy as np

from perse.edits.solids import ball
from perse.render.geometry import grid_on, interpolated, triangle_frames, triangle_normals, unit, vertex_normals

CORNERS = np.random.default_rng(0).normal(size=(9, 3, 3))


def test_barycentric_ones_name_corners_and_thirds_the_middle():
    np.testing.assert_array_equal(interpolated(CORNERS, np.tile([0.0, 1.0, 0.0], (9, 1))), CORNERS[:, 1])
    np.testing.assert_allclose(interpolated(CORNERS, np.full((9, 3), 1 / 3)), CORNERS.mean(1))


def test_normals_stand_on_edges_and_are_twice_the_area_long():
    normal = triangle_normals(CORNERS)
    np.testing.assert_allclose((normal * (CORNERS[:, 2] - CORNERS[:, 1])).sum(1), 0, atol=1e-12)
    np.testing.assert_allclose(triangle_normals(np.float64([[[0, 0, 0], [3, 0, 0], [0, 2, 0]]])), [[0, 0, 6]])


def test_frames_are_rotations_that_turn_with_their_triangle():
    frames = triangle_frames(CORNERS)
    np.testing.assert_allclose(frames.transpose(0, 2, 1) @ frames, np.tile(np.eye(3), (9, 1, 1)), atol=1e-9)
    turn = triangle_frames(np.float64([[[0, 0, 0], [1, 2, 0], [-1, 1, 3]]]))[0]
    np.testing.assert_allclose(triangle_frames(CORNERS @ turn.T), turn @ frames, atol=1e-9)


def test_a_grid_covers_its_triangle_and_nothing_else():
    points = grid_on(CORNERS, 4)
    assert points.shape == (9, 15, 3)
    np.testing.assert_allclose(points.mean(1), CORNERS.mean(1))
    for corner in range(3):
        assert np.abs(points - CORNERS[:, None, corner]).sum(-1).min(1).max() < 1e-12


def test_vertex_normals_of_a_ball_point_outwards():
    points, triangles = ball(np.zeros(3), 1.0, 12, 24)
    along = (vertex_normals(points, triangles) * points).sum(1)
    assert np.abs(along).min() > 0.95 and (np.sign(along) == np.sign(along[0])).all()


def test_what_has_no_length_stays_without():
    np.testing.assert_array_equal(unit(np.zeros((2, 3))), 0)
