"""Colours solved for: the pictures that made them come back, weights count, what does not show stays."""

import numpy as np
import pytest
import torch

from perse.fitting.colours import View, solve_colors
from perse.fitting.losses import Target
from perse.render.camera import Camera
from perse.render.cloud import GaussianCloud
from perse.render.rasterize import rasterize

SIZE = 48
GREY = torch.full((3,), 0.5)


def camera(shift=0.0):
    pose = np.eye(4)
    pose[0, 3] = shift
    return Camera(pose, np.array([[60.0, 0, SIZE / 2], [0, 60.0, SIZE / 2], [0, 0, 1]]), SIZE, SIZE)


@pytest.fixture
def cloud():
    """A wall of a few hundred Gaussians, and one behind the camera."""
    rng = np.random.default_rng(3)
    count = 400
    means = np.column_stack([rng.uniform(-0.7, 0.7, count), rng.uniform(-0.7, 0.7, count), rng.uniform(1.9, 2.1, count)])
    means[-1] = [0, 0, -2]
    turns = np.tile([1.0, 0, 0, 0], (count, 1))
    parts = (means, turns, np.full((count, 3), 0.035), rng.uniform(0.5, 0.95, count), rng.random((count, 3)) * 0.8 + 0.1)
    return GaussianCloud(*(torch.tensor(part, dtype=torch.float32) for part in parts))


def picture(cloud, camera):
    image, alpha = rasterize(cloud, camera, backgrounds=torch.zeros(3))
    return Target(image.squeeze(0), alpha.squeeze(0).squeeze(-1))


def blank(cloud):
    return GaussianCloud(cloud.means, cloud.quats, cloud.scales, cloud.opacities, torch.full_like(cloud.colors, 0.5))


def error(cloud, colors, target, camera):
    shown = picture(GaussianCloud(cloud.means, cloud.quats, cloud.scales, cloud.opacities, colors), camera)
    return float(((shown.image - target.image) ** 2).mean())


def test_the_picture_comes_back(cloud):
    target, start = picture(cloud, camera()), blank(cloud)
    before = error(cloud, start.colors, target, camera())
    errors = [error(cloud, solve_colors(start.colors, [View(start, target, camera())], GREY, n), target, camera()) for n in (2, 6, 20)]
    assert before > errors[0] > errors[1] > errors[2] and errors[2] < 0.01 * before


def test_what_does_not_show_keeps_its_colour(cloud):
    start = blank(cloud)
    colors = solve_colors(start.colors, [View(start, picture(cloud, camera()), camera())], GREY, 6)
    assert torch.equal(colors[-1], start.colors[-1])
    assert float(colors.min()) >= 0 and float(colors.max()) <= 1


def test_a_picture_teaches_where_it_may(cloud):
    target, start = picture(cloud, camera()), blank(cloud)
    target.weight = torch.zeros(SIZE, SIZE)
    target.weight[:, : SIZE // 2] = 1
    colors = solve_colors(start.colors, [View(start, target, camera())], GREY, 8)
    moved = (colors - start.colors).abs().amax(-1)
    left = cloud.means[:, 0] < 0
    assert float(moved[left].mean()) > 0.1 and float(moved[cloud.means[:, 0] > 0.15].max()) == 0


def test_of_two_pictures_that_disagree_the_heavier_one_wins(cloud):
    start = blank(cloud)
    red, blue = (
        picture(
            GaussianCloud(cloud.means, cloud.quats, cloud.scales, cloud.opacities, torch.tensor(c).expand_as(cloud.colors).contiguous()),
            camera(),
        )
        for c in ([0.9, 0, 0.0], [0, 0, 0.9])
    )
    colors = solve_colors(start.colors, [View(start, red, camera(), 1.0), View(start, blue, camera(), 0.1)], GREY, 8)
    shown = cloud.means[:, 2] > 0
    assert float(colors[shown, 0].median()) > 0.7 > 0.2 > float(colors[shown, 2].median())
