"""Which triangle carries each pixel of the photo."""

from dataclasses import replace

import numpy as np
import pytest

from perse.rig.skeleton import PART
from perse.texture.bake import bake
from perse.texture.belief.surfaces import dressed, surfaces
from perse.texture.view import MOUTH


@pytest.fixture(scope="module")
def astronaut_surfaces(astronaut_portrait, rig, texture):
    return surfaces(astronaut_portrait, rig, texture)


@pytest.fixture(scope="module")
def hopper_surfaces(hopper_portrait, hopper_rig):
    return surfaces(hopper_portrait, hopper_rig, bake(hopper_portrait, hopper_rig))


def test_what_a_pixel_sees_carries_it_and_what_sees_nothing_hangs_on_something(astronaut_surfaces):
    found = astronaut_surfaces
    row, column = np.nonzero(~found.beyond)
    assert np.array_equal(found.carrier[row, column], np.stack([column, row], 1))
    assert (found.view.triangles[found.carrier[..., 1], found.carrier[..., 0]] >= 0).all()


def test_teeth_on_the_lips_rim_are_left_to_what_is_painted(astronaut_surfaces, astronaut_portrait, texture):
    painted = astronaut_surfaces.painted
    rim = painted & texture.view.shows("face")
    assert 0 < rim.sum() < 0.1 * (astronaut_portrait.masks["lips"] > 0.5).sum()
    assert not painted[astronaut_portrait.masks["mouth"] + astronaut_portrait.masks["lips"] < 0.01].any()
    assert not astronaut_surfaces.of_lips.any()


def test_between_closed_lips_there_is_lip(hopper_surfaces, hopper_rig):
    found = hopper_surfaces
    assert not found.painted.any() and not found.view.shows(*MOUTH).any()
    if found.of_lips.any():
        x, y = found.carrier[found.of_lips].T
        assert (found.view.parts[y, x] == PART["face"]).all()


def test_cloth_and_its_edge_are_carried_by_the_bust(astronaut_portrait, rig, texture):
    """Cloth painted over the jaw and beside it."""
    size = len(astronaut_portrait.image)
    jaw = astronaut_portrait.landmarks[172]
    rows, columns = np.mgrid[:size, :size]
    cloth = np.hypot(columns - jaw[0], rows - jaw[1]) < 0.06 * size
    masks = {name: np.where(cloth, float(name == "clothes"), mask).astype(np.float32) for name, mask in astronaut_portrait.masks.items()}
    portrait = replace(astronaut_portrait, masks=masks, alpha=np.maximum(astronaut_portrait.alpha, cloth).astype(np.float32))
    found = surfaces(portrait, rig, texture)
    where = dressed(portrait) & cloth
    assert (where & texture.view.shows("face", "shell")).sum() > 100
    x, y = found.carrier[where].T
    assert (found.view.parts[y, x] == PART["body"]).mean() > 0.99


def test_hair_beside_a_cheek_is_carried_by_the_head(astronaut_portrait, rig, texture):
    """Hair painted beside the jaw, where nothing of the mesh is."""
    plain = surfaces(astronaut_portrait, rig, texture)
    beside = plain.beyond & plain.view.shows("face")[plain.carrier[..., 1], plain.carrier[..., 0]]
    assert beside.sum() > 20
    masks = {name: np.where(beside, float(name == "hair"), mask).astype(np.float32) for name, mask in astronaut_portrait.masks.items()}
    portrait = replace(astronaut_portrait, masks=masks, alpha=np.maximum(astronaut_portrait.alpha, beside).astype(np.float32))
    found = surfaces(portrait, rig, texture)
    x, y = found.carrier[beside].T
    assert (found.view.parts[y, x] == PART["shell"]).all()
