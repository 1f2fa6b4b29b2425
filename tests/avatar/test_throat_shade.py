"""The moving shadow under the jaw."""

import numpy as np
import pytest
import torch

from perse.avatar.appearance.effect import Pose, Rest, recoloured
from perse.avatar.appearance.throat_shade import FRONT, ThroatShade
from perse.face.landmarks import JAWLINE
from perse.rig.expressions import expand
from perse.rig.skeleton import PART


@pytest.fixture(scope="module")
def place(rig) -> Rest:
    """One Gaussian in the middle of every triangle of the rig."""
    face = np.arange(len(rig.faces))
    return Rest(rig, face, np.full((len(face), 3), 1 / 3), np.zeros((len(face), 3)), np.ones((len(face), 3)), np.ones(len(face)))


@pytest.fixture(scope="module")
def shade(place):
    return ThroatShade(place)


def shaded(shade, place, weights: torch.Tensor) -> torch.Tensor:
    white = torch.ones(len(place.face), 3)
    return recoloured(white, Pose(weights, torch.zeros(0, 3), torch.zeros(len(white), 3)), (shade,))


def light(shade, place, **expression) -> np.ndarray:
    return shaded(shade, place, torch.from_numpy(expand(expression))).numpy()[:, 0]


def test_a_closed_mouth_throws_none(shade, place):
    assert shade.scalars(Pose(torch.from_numpy(expand({"smile": 1.0})), torch.zeros(0, 3), torch.zeros(0, 3))) is None


def test_an_open_jaw_darkens_the_throat_below_it_and_nothing_else(rig, shade, place):
    points = place.points
    half, full = light(shade, place, jaw_open=0.4), light(shade, place, jaw_open=1.0)
    dark = full < 0.999
    assert set(place.part[dark]) == {PART["shell"], PART["body"]}  # the jaw's underside, and the neck below it
    assert points[dark, 2].max() < FRONT and points[dark, 1].min() > rig.vertices[JAWLINE, 1].min()
    chin = rig.vertices[JAWLINE, 1].max()
    assert points[dark, 1].max() < chin + 1.0 and full.min() > 0.5
    assert full.min() < half.min() < 1
    # Deepest right under the chin's new place, fading downwards.
    middle = dark & (np.abs(points[:, 0]) < 0.15)
    under, far = points[middle, 1] < chin + 0.3, points[middle, 1] > chin + 0.45
    assert full[middle][under].mean() < full[middle][far].mean()


def test_several_moments_at_once(shade, place):
    weights = torch.from_numpy(np.stack([expand({"jaw_open": w}) for w in (0.0, 0.4, 1.0)]))
    together = shaded(shade, place, weights).numpy()
    assert together.shape == (3, len(place.face), 3)
    for row, w in zip(together, (0.0, 0.4, 1.0)):
        np.testing.assert_allclose(row[:, 0], light(shade, place, jaw_open=w), atol=1e-6)
