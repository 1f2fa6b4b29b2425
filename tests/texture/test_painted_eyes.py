"""Eyeballs beyond the lids: the iris goes on as it is seen, and a closed eye gets a painted one."""

import numpy as np

from perse.texture.atlas import chart_slice
from perse.texture.completion.eyes import carried_on, distance_from_iris, paint_eye


def test_an_invented_eye_has_pupil_iris_and_white():
    pupil, iris, white = paint_eye(np.array([[0.0, 0.6, 1.4]]), np.array([0.8, 0.75, 0.7]))[0]
    assert pupil.max() < 0.05 < iris.mean() < white.mean() and iris[0] > iris[2]


def test_under_the_lids_an_eye_is_as_it_is_between_them():
    """An iris with rings of two browns in a white, of which a band is seen, and skin beyond it."""
    size, iris = 128, 0.5
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    radius = np.hypot(grid[None], grid[:, None]) / iris
    eye = np.where(radius[..., None] < 0.5, [0.3, 0.2, 0.1], np.where(radius[..., None] < 1, [0.5, 0.35, 0.2], [0.8, 0.78, 0.75]))
    known = np.broadcast_to((np.abs(grid) < 0.2)[:, None], radius.shape).astype(np.float32)
    whole = carried_on(np.where(known[..., None] > 0, eye, [0.9, 0.3, 0.2]).astype(np.float32), known, radius)
    shown = known > 0
    np.testing.assert_allclose(whole[shown], eye[shown], atol=1e-5)
    hidden_iris = ~shown & ((radius < 0.45) | (radius > 0.55) & (radius < 0.95))
    np.testing.assert_allclose(whole[hidden_iris], eye[hidden_iris], atol=0.02)
    under = ~shown & (radius > 1.5)  # white, a little darker than what is seen of it
    np.testing.assert_allclose(whole[under], eye[under], atol=0.12)


def test_eyes_have_the_size_of_the_portraits_own(rig, texture):
    for k, part in enumerate(("eye_right", "eye_left")):
        radius = distance_from_iris(rig, part)
        assert radius.shape == texture.seen[chart_slice(part)].shape
        assert np.isclose((radius < 1).mean(), np.pi * rig.iris[k] ** 2 / 4, rtol=0.02)
