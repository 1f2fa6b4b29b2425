"""Cameras: projection, resizing, and the sense of every turn of `orbit`."""

import numpy as np
import pytest
import torch

from perse.render.camera import Camera
from perse.render.cloud import GaussianCloud


@pytest.fixture
def camera():
    view = np.eye(4)
    view[2, 3] = 5.0  # the world's origin is 5 ahead
    return Camera(view, np.array([[100, 0, 50], [0, 100, 40], [0, 0, 1]]), 100, 80)


def test_projection_of_known_points(camera):
    xy, depth = camera.project(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 5]]))
    np.testing.assert_allclose(xy, [[50, 40], [70, 40], [50, 50]], atol=1e-5)
    np.testing.assert_allclose(depth, [5, 5, 10])


def test_points_behind_the_camera_have_negative_depth_and_raise_nothing(camera):
    _, depth = camera.project(np.array([[0, 0, -6], [0, 0, -5]]))
    np.testing.assert_allclose(depth, [-1, 0])


def test_a_ray_goes_from_the_centre_to_what_its_pixel_shows(camera):
    turned = camera.orbit(30.0, -10.0, 5.0, np.zeros(3))
    points = np.random.default_rng(0).normal(size=(20, 3))
    xy, depth = turned.project(points)
    np.testing.assert_allclose(turned.centre + turned.rays(xy) * depth[:, None], points, atol=1e-5)
    np.testing.assert_allclose(turned.to_world(turned.to_camera(points)), points, atol=1e-5)
    np.testing.assert_allclose(camera.centre, [0, 0, -5])


def test_resizing_scales_pixels(camera):
    points = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_allclose(camera.resized(200, 40).project(points)[0], camera.project(points)[0] * [2.0, 0.5], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("turn", "point", "moves"),
    [
        (dict(yaw=20), (0, 0, -1), (-1, 0)),  # the nose goes to the left edge
        (dict(pitch=20), (0, 0, -1), (0, 1)),  # and down
        (dict(roll=20), (0, -1, 0), (1, 0)),  # the top of the head goes right: clockwise
    ],
)
def test_orbit_turns_the_right_way(camera, turn, point, moves):
    pivot, point = np.array([0.3, -0.2, 0.4]), np.array(point, dtype=float)
    angles = dict(yaw=0, pitch=0, roll=0) | turn
    turned = camera.orbit(**angles, pivot=pivot)
    before, after = camera.project((pivot + point)[None])[0][0], turned.project((pivot + point)[None])[0][0]
    assert np.sign(np.round((after - before)[np.abs(moves).argmax()])) == np.sum(moves)
    np.testing.assert_allclose(turned.project(pivot[None])[0], camera.project(pivot[None])[0], atol=1e-4)


def test_orbit_goes_around_then_above_then_turns_the_picture(camera):
    pivot = np.zeros(3)
    at_once = camera.orbit(10, 20, 30, pivot)
    in_turn = camera.orbit(10, 0, 0, pivot).orbit(0, 20, 0, pivot).orbit(0, 0, 30, pivot)
    np.testing.assert_allclose(at_once.viewmat, in_turn.viewmat, atol=1e-5)


@pytest.mark.parametrize("yaw", [-80, -30, 0, 45, 120])
def test_who_looks_from_above_sees_the_head_upright_from_every_side(camera, yaw):
    crown, pivot = np.array([[0.0, -1, 0]]), np.zeros(3)
    above = camera.orbit(yaw, 35, 0, pivot)
    centre, top = (above.project(points)[0][0] for points in (pivot[None], crown))
    assert top[0] == pytest.approx(centre[0], abs=1e-3) and top[1] < centre[1]
    assert above.project(crown)[1] < above.project(-crown)[1]  # the crown is nearer than the chin


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        Camera(np.eye(4)[:3], np.eye(3), 10, 10)
    with pytest.raises(ValueError, match="0 x 5"):
        Camera(np.eye(4), np.eye(3), 0, 5)


def test_cloud_selects_and_concatenates():
    means = torch.arange(12.0).reshape(4, 3)
    cloud = GaussianCloud(means, torch.ones(4, 4), torch.ones(4, 3), torch.ones(4), torch.ones(4, 3))
    chosen = cloud.select(torch.tensor([3, 0]))
    assert len(chosen) == 2 and chosen.means[0, 0] == 9
    both = GaussianCloud.concat([cloud, chosen])
    assert len(both) == 6 and torch.equal(both.means[4:], chosen.means)
    with pytest.raises(ValueError, match="quats"):
        GaussianCloud(torch.ones(2, 3), torch.ones(2, 3), torch.ones(2, 3), torch.ones(2), torch.ones(2, 3))
