"""The moving shadow under the jaw."""

import numpy as np
import pytest
import torch

from perse.avatar.appearance.throat import JAWLINE, REACH, ThroatShade
from perse.rig.expressions import expand
from perse.rig.skeleton import PART


@pytest.fixture(scope="module")
def place(rig):
    """One point in the middle of every triangle of the rig: face (N,), bary (N, 3), position (N, 3)."""
    face = np.arange(len(rig.faces))
    return face, np.full((len(face), 3), 1 / 3), rig.vertices[rig.faces].mean(1)


@pytest.fixture(scope="module")
def shade(rig, place):
    return ThroatShade(rig, *place[:2])


def light(shade, place, **expression) -> np.ndarray:
    white = torch.ones(len(place[0]), 3)
    return shade(white, torch.from_numpy(expand(expression))).numpy()[:, 0]


def test_a_closed_mouth_throws_none(shade, place):
    white = torch.ones(len(place[0]), 3)
    assert shade(white, torch.from_numpy(expand({"smile": 1.0}))) is white


def test_an_open_jaw_darkens_the_throat_below_it_and_nothing_else(rig, shade, place):
    face, _, points = place
    half, full = light(shade, place, jaw_open=0.4), light(shade, place, jaw_open=1.0)
    dark = full < 0.999
    assert dark.any() and (rig.face_part[face[dark]] == PART["body"]).all()
    chin = rig.vertices[JAWLINE, 1].max()
    assert points[dark, 1].max() < chin + REACH and full.min() > 0.5
    assert full.min() < half.min() < 1
    # Deepest right under the chin's new place, fading downwards.
    middle = dark & (np.abs(points[:, 0]) < 0.15)
    under, far = points[middle, 1] < chin + 0.3, points[middle, 1] > chin + 0.45
    assert full[middle][under].mean() < full[middle][far].mean()


def test_several_moments_at_once(shade, place):
    weights = torch.from_numpy(np.stack([expand({"jaw_open": w}) for w in (0.0, 0.4, 1.0)]))
    together = shade(torch.ones(len(place[0]), 3), weights).numpy()
    assert together.shape == (3, len(place[0]), 3)
    for row, w in zip(together, (0.0, 0.4, 1.0)):
        np.testing.assert_allclose(row[:, 0], light(shade, place, jaw_open=w), atol=1e-6)
