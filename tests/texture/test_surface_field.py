"""Values carried on over the skin: what is known stays, a constant stays one over all parts, and one half tells of the other."""

import numpy as np
import pytest

from perse.face.landmarks import CHIN, FACE, FOREHEAD
from perse.rig.skeleton import PART
from perse.texture.completion.surface_field import SKIN, SurfaceField, open_sky


@pytest.fixture(scope="module")
def field(rig):
    return SurfaceField(rig)


@pytest.fixture(scope="module")
def of_skin(rig):
    return np.isin(rig.vertex_part, [PART[name] for name in SKIN])


def known(texture, where) -> np.ndarray:
    return ((texture.faces >= 0) & where(texture.points)).astype(float)


def test_a_constant_is_carried_on_as_one_over_all_parts(field, texture, of_skin):
    weight = known(texture, lambda p: (p[..., 2] < 0.2) & (np.abs(p[..., 0]) < 0.4)) * (texture.seen > 0.5)
    values = field.continued(texture, np.full((*weight.shape, 2), [0.3, 0.8]), weight, np.array([0.9, 0.1]))
    assert np.abs(values[of_skin] - [0.3, 0.8]).max() < 0.02
    np.testing.assert_array_equal(values[~of_skin], np.tile([0.9, 0.1], (int((~of_skin).sum()), 1)))


def test_what_is_known_stays_and_what_is_not_lies_in_between(field, texture, rig, of_skin):
    weight = known(texture, lambda p: p[..., 2] < 0.6)
    height = np.clip(texture.points[..., 1:2], -1, 3)
    values = field.continued(texture, height, weight, np.array([9.0]))[:, 0]
    inner = of_skin & (rig.vertices[:, 2] < 0.5) & (rig.vertices[:, 1] < 1.2)
    away = np.abs(values - np.clip(rig.vertices[:, 1], -1, 3))
    assert np.median(away[inner]) < 0.02 and np.quantile(away[inner], 0.95) < 0.1
    assert height[weight > 0].min() - 1e-3 < values[of_skin].min() and values[of_skin].max() < height[weight > 0].max() + 0.05


def test_where_nothing_is_known_it_is_as_usual(field, texture, of_skin):
    nothing = np.zeros(texture.seen.shape)
    values = field.continued(texture, np.ones((*nothing.shape, 1)), nothing, np.array([0.4]))
    np.testing.assert_allclose(values[of_skin], 0.4, atol=1e-6)


def test_the_hidden_half_takes_what_the_seen_one_shows(field, texture, rig):
    """Bright above and dark below, on her right alone."""
    weight = known(texture, lambda p: p[..., 0] < -0.1)
    values = field.continued(texture, (texture.points[..., 1:2] > 0.3).astype(float), weight, np.array([0.5]))[:, 0]
    x, y, z = rig.vertices[:FACE].T
    left = x > 0.3
    assert values[:FACE][left & (y < 0.0)].mean() < 0.2 and values[:FACE][left & (y > 0.6)].mean() > 0.8


def test_neck_and_head_agree_where_they_meet(field, texture, rig):
    weight = known(texture, lambda p: (p[..., 2] < 0.3) & (p[..., 1] < 0.9))
    values = field.continued(texture, texture.points[..., :1], weight, np.array([0.0]))[:, 0]
    ring = np.flatnonzero(rig.vertex_part == PART["body"])[:40]
    head = np.flatnonzero(rig.vertex_part == PART["shell"])
    near = head[np.linalg.norm(rig.vertices[ring][:, None] - rig.vertices[head][None], axis=2).argmin(1)]
    assert np.abs(values[ring] - values[near]).max() < 0.05


def test_less_of_the_sky_is_seen_under_a_jaw_than_by_a_forehead(rig, hopper_rig):
    for one in (rig, hopper_rig):
        sky = open_sky(one)
        x, y, z = one.vertices.T
        under = (one.vertex_part == PART["shell"]) & (np.abs(x) < 0.4) & (y > one.vertices[CHIN, 1] - 0.1) & (z < 0.8) & (z > 0.2)
        assert under.sum() > 20 and 0 <= sky.min() and sky.max() <= 1.001
        assert sky[under].mean() < 0.5 * sky[FOREHEAD]
        assert sky[FOREHEAD] > 0.8
