"""Facial hair: fine, varied strands that follow a growth field, thin out at the border and keep off the lips."""

import numpy as np
import pytest

from perse.attributes.catalogue import AXES
from perse.attributes.edit_vocabulary import Strands
from perse.edits.facial_hair import coat, grow, thinned
from perse.edits.growth_field import Growth
from perse.edits.workshop import Workshop
from perse.face.landmarks import MOUTH_OUTLINE
from perse.face.polygons import polygon
from perse.fitting.overlays import overlay_gaussians
from perse.texture.atlas import ATLAS, sample

COLOR = np.array([0.25, 0.17, 0.11], np.float32)
BEARDS = ("beard_stubble", "beard_full", "beard_moustache", "beard_goatee")


@pytest.fixture(scope="module")
def shop(rig, texture):
    return Workshop(rig, texture)


def grown(shop, name, seed=0):
    step = next(e for e in AXES[name][1].edits if isinstance(e, Strands))
    return step, grow(shop.rig, shop.texture, step, shop.region(step.region), COLOR, seed)


@pytest.mark.parametrize("name", BEARDS)
def test_strands_are_many_fine_and_unlike_each_other(shop, name):
    step, strands = grown(shop, name)
    rest = strands.pose(shop.rig, shop.rig.vertices)
    count = len(strands.segments) // step.pieces
    assert count > 250
    width = np.linalg.norm(rest[strands.segments[:, 0]] - rest[strands.segments[:, 0] + 1], axis=1)
    assert np.quantile(width, 0.95) < 0.01 and width.std() > 0.15 * width.mean()
    first, last = strands.segments[:count, 0], strands.segments[-count:, 1]
    length = np.linalg.norm(rest[last] - rest[first], axis=1)
    assert length.std() > 0.15 * length.mean() and length.max() < 1.6 * step.length
    assert strands.color[first].mean(1).std() > 0.02
    gaussians = overlay_gaussians(strands, shop.rig)
    assert gaussians["scales"][:, 1].std() > 0.1 * gaussians["scales"][:, 1].mean(), "Gaussians are as wide as their ribbons"


@pytest.mark.parametrize("name", BEARDS)
def test_no_bristle_hangs_before_lips_or_teeth(shop, astronaut_portrait, name):
    """She smiles: the moustache ends above the lip."""
    _, strands = grown(shop, name)
    rest = strands.pose(shop.rig, shop.rig.vertices).astype(np.float32)
    size = len(astronaut_portrait.image)
    xy = shop.rig.camera.project(rest)[0] * (size / shop.rig.camera.width)
    mouth = polygon(astronaut_portrait.landmarks, MOUTH_OUTLINE, size)
    assert (sample(mouth, xy[None])[0] > 0.5).mean() < 0.001
    lips = sample(astronaut_portrait.masks["lips"], xy[None])[0] > 0.9
    assert lips.mean() < 0.03, "but for the lip's very edge"


def test_hair_thins_out_towards_the_border(shop):
    region = shop.region("beard")
    density = thinned(region, shop.texture, 0)
    assert density.min() >= 0 and density.max() <= 1 and not density[region < 0.05].any()
    inside = density[region > 0.5]
    assert (inside > 0.9).mean() > 0.2, "full in its midst"
    assert ((inside > 0.1) & (inside < 0.9)).mean() > 0.2, "over a wide border"
    lip = thinned(shop.region("moustache"), shop.texture, 0)
    assert lip.max() > 0.9, "and as full where the region is narrow"


def test_the_coat_is_hair_between_the_strands_and_nothing_elsewhere(shop):
    step = next(e for e in AXES["beard_full"][1].edits if isinstance(e, Strands))
    region = shop.region("beard")
    box, change = coat(shop.rig, shop.texture, step, region, COLOR, 0)
    weight, made = region[box], shop.texture.color[box] + change
    covered = shop.texture.faces[box] >= 0
    assert not np.abs(change[(weight < 0.05) & covered]).any()
    midst = covered & (thinned(region, shop.texture, 0)[box] > 0.97)
    assert np.abs(made[midst].mean(0) - COLOR).max() < 0.12 and made[midst].mean(-1).std() > 0.01
    assert coat(shop.rig, shop.texture, step, np.zeros_like(region), COLOR, 0) is None


def test_the_field_runs_down_the_cheek_outwards_over_the_lip_and_along_the_skin(shop):
    rig = shop.rig
    field, rng = Growth(rig), np.random.default_rng(0)
    cheek = np.tile(field.mouth + [0.6, -0.1, 0.35], (200, 1))
    lip = np.tile(field.mouth + [0.15, -0.22 * (field.chin - field.mouth)[1] - 0.05, -0.05], (200, 1))
    front = np.tile([0.0, 0.0, -1.0], (200, 1))
    down = field.direction(cheek, np.tile([0.8, 0.0, -0.6], (200, 1)), rng)
    out = field.direction(lip, front, rng)
    assert down[:, 1].mean() > 0.7 and out[:, 0].mean() > 0.3 and out[:, 1].mean() > 0.2
    mirrored = field.direction(lip * [-1, 1, 1] + [2 * field.mouth[0], 0, 0], front, rng)
    assert mirrored[:, 0].mean() < -0.3
    assert np.abs(np.linalg.norm(out, axis=1) - 1).max() < 1e-6 and np.abs(out[:, 2]).max() < 1e-6
    assert field.length(np.array([field.chin]))[0] > field.length(cheek[:1])[0] + 0.1


def test_hair_takes_its_colour_from_hair_and_brows_and_its_light_from_the_face(shop, texture, rig):
    color = shop.hair_color()
    hair = texture.color[(texture.regions["hair"] > 0.6) & (texture.seen > 0.3)]
    assert (color > 0.3 * np.quantile(hair, 0.05, axis=0)).all() and (color < np.median(hair, axis=0)).all()
    step, strands = grown(shop, "beard_full")
    rest = strands.pose(rig, rig.vertices)
    side = rest[:, 0] > 0.2, rest[:, 0] < -0.2
    region = shop.region(step.region)
    at = rig.uvs_on(strands.face, strands.bary) * ATLAS
    skin = sample(texture.color.mean(-1), at[None])[0]
    assert region.max() > 0.5
    lit, strand = (np.subtract(*(values[s].mean() for s in side)) for values in (skin, strands.color.mean(1)))
    assert abs(lit) < 0.03 or np.sign(lit) == np.sign(strand)
