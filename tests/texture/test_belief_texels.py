"""How far the photo is believed at the atlas' texels: rule by rule, and all of them together."""

from dataclasses import replace

import numpy as np
import pytest

from perse.texture.atlas import chart_slice
from perse.texture.belief.texels import DOUBTS, SIGHT, believe, nearness, unroll
from perse.texture.view import look


@pytest.fixture
def texels(astronaut_portrait, rig):
    return unroll(astronaut_portrait, rig, look(rig))


def test_rules_only_ever_take_belief_away(texels):
    for rule in SIGHT:
        assert 0 <= rule(texels).min() and rule(texels).max() <= 1, rule.__name__
    for part, rules in DOUBTS.items():
        chart, shape = texels.chart(part), texels.chart(part).faces.shape
        for rule in rules:
            factor = rule(chart, np.ones(shape, np.float32))
            assert factor.shape == shape and 0 <= factor.min() and factor.max() <= 1, rule.__name__


def test_what_faces_the_camera_is_believed_and_what_is_hidden_or_beyond_the_picture_is_not(texels):
    seen = believe(texels).seen
    well = texels.chart("face").visible & (texels.chart("face").facing > 0.9)
    assert seen[chart_slice("face")][well].mean() > 0.7
    inside = ((texels.pixels > 0) & (texels.pixels < len(texels.portrait.alpha))).all(-1)
    assert not seen[~texels.visible | ~inside | (texels.facing < 0)].any()


def test_cloth_is_not_painted_on_the_head_nor_skin_on_the_bust(texels):
    everywhere, nowhere = np.ones_like(texels.alpha), np.zeros_like(texels.alpha)
    for mask, part, other in (("clothes", "shell", "body"), ("skin", "body", "shell")):
        changed = replace(texels, regions={name: everywhere if name == mask else nowhere for name in texels.regions})
        seen = believe(changed).seen
        assert not seen[chart_slice(part)].any() and seen[chart_slice(other)].max() > 0.9


def test_beside_the_outline_the_photo_is_believed_less(texels):
    """An outline moved into the face takes belief from what lies beside it, though the matte is solid there."""
    before = believe(texels)
    cut = texels.portrait.alpha.copy()
    middle = int(texels.portrait.landmarks[4, 0])
    cut[:, middle : middle + 2] = 0  # a slit: nothing but the outline changes
    after = believe(replace(texels, portrait=replace(texels.portrait, alpha=cut)))
    area = chart_slice("face")
    beside = (np.abs(texels.pixels[area][..., 0] - middle) < 4) & (before.seen[area] > 0.5)
    far = np.abs(texels.pixels[area][..., 0] - middle) > 60
    assert after.seen[area][beside].mean() < 0.5 * before.seen[area][beside].mean()
    np.testing.assert_array_equal(after.seen[area][far], before.seen[area][far])
    # But what looks as expected is the face for all that.
    np.testing.assert_array_equal(after.if_alike, before.if_alike)


def test_nearness_falls_from_one_to_zero():
    mask = np.zeros((9, 40), bool)
    mask[:, 19] = True
    near = nearness(mask, 4.0)
    assert near[4, 19] == 1 and near[4, 14] < near[4, 17] < 1 and near[4, 35] == 0
