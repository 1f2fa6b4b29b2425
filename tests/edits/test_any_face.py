"""Portraits that lack what others have: every edit either works or is left out, and an avatar can be made."""

import copy

import numpy as np
import pytest

from perse.attributes.catalogue import CATEGORIES
from perse.edits.limits import find_limits
from perse.edits.workshop import Workshop
from perse.fitting.initial_avatar import begin

pytestmark = pytest.mark.slow


def without(*names):
    return lambda regions: {k: v * (k not in names) for k, v in regions.items()}


def specks(regions):
    """A few stray texels of every region, as segmentation leaves them."""
    rng = np.random.default_rng(0)
    return {k: v * (rng.random(v.shape) < 1e-4) if k != "skin" else v for k, v in regions.items()}


def faint(regions):
    return {k: v * 0.3 for k, v in regions.items()}


@pytest.mark.parametrize(
    "change", [without("hair", "brows", "lips", "neck", "clothes"), specks, faint], ids=["bald, skin alone", "specks", "faint"]
)
def test_every_edit_copes(rig, texture, astronaut_portrait, change):
    other = copy.copy(texture)
    other.regions = {k: v.astype(np.float32) for k, v in change(texture.regions).items()}
    other.workshops = {}
    workshop = Workshop.shared(rig, other, 0)
    for axis in (a for c in CATEGORIES for a in c.axes):
        for sign in (1, -1):
            edit = workshop.edit(axis, sign)
            assert edit is None or edit.color is None or np.isfinite(edit.color).all(), axis.name
    limits = find_limits(workshop, list(CATEGORIES))
    if change is not faint:
        assert "hair_blond" in limits
    avatar = begin(astronaut_portrait, rig, other, list(CATEGORIES), 4000, 0).avatar
    assert all(bool(p.isfinite().all()) for p in avatar.parameters())
