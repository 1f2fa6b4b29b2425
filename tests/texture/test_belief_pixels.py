"""How far what a pixel shows is believed to be of the surface that carries it."""

import numpy as np
import pytest

from perse.rig.skeleton import PART
from perse.texture.atlas import ATLAS, sample
from perse.texture.belief.pixels import RIM, UNLIKE, sightings
from perse.texture.belief.surfaces import surfaces
from perse.texture.belief.texels import WELL_SEEN


@pytest.fixture(scope="module")
def seen(astronaut_portrait, rig, texture):
    """`seen(change)`: every third pixel of the astronaut's head, in the texture's own colours changed by this."""
    carried = surfaces(astronaut_portrait, rig, texture)
    row, column = np.nonzero((astronaut_portrait.alpha > 0.12) & ~carried.painted)
    pixels = np.stack([column, row], 1)[::3]
    x, y = carried.carrier[pixels[:, 1], pixels[:, 0]].T
    uv = np.einsum("nk,nkc->nc", carried.view.bary[y, x], rig.uvs[carried.view.triangles[y, x]])
    own = sample(texture.color, uv[None] * ATLAS)[0]
    return lambda change: sightings(carried, pixels, np.clip(change(own), 0, 1).astype(np.float32))


def test_what_looks_as_the_texture_does_is_of_its_surface(seen):
    same = seen(lambda color: color)
    assert same.unlike.max() < 1e-3 and not same.behind.any()
    # Only what is hardly seen of a bare side is left out, and skin beside the mesh, which ends where the mesh does.
    out = same.refused
    rim = out & same.beyond
    assert out.mean() < 0.04 and rim.any() and (same.seen[out & ~rim] < WELL_SEEN).all() and (out & ~rim).mean() < 0.03
    masks, (x, y) = same.surfaces.portrait.masks, same.pixels[rim].T
    assert max(masks["hair"][y, x].max(), masks["clothes"][y, x].max()) < 0.5
    assert np.linalg.norm(same.carrier[rim] - same.pixels[rim], axis=1).max() < same.surfaces.view.pixels(RIM)


def test_what_is_quite_another_colour_is_refused_where_the_head_is_badly_seen_alone(seen):
    green = seen(lambda color: np.tile([0.0, 1.0, 0.0], (len(color), 1)))
    badly = green.badly_seen & green.on_head
    assert (green.unlike > 2 * UNLIKE).mean() > 0.95 and badly.sum() > 50
    assert (green.refused | green.behind)[badly & (green.unlike > 2 * UNLIKE)].all()
    well = ~green.beyond & (green.seen >= WELL_SEEN)
    assert well.sum() > 1000 and not green.refused[well].any()
    assert not green.refused[(green.part == PART["body"]) & ~green.beyond & (green.seen >= WELL_SEEN)].any()


def test_what_is_no_skin_beside_skin_is_refused_and_beside_hair_is_hair(seen):
    """A dark pixel beside a bare cheek would be a bead on it to whoever looks from the side, whatever its mask says that it is."""
    green = seen(lambda color: np.tile([0.0, 1.0, 0.0], (len(color), 1)))
    x, y = green.pixels.T
    near = green.beyond & green.on_head & (green.surfaces.beside[y, x] < green.surfaces.view.pixels(RIM))
    skin, hair = near & (green.hairy < 0.5), near & (green.hairy > 0.5) & (green.surfaces.portrait.masks["hair"][y, x] > 0.5)
    assert skin.sum() > 20 and green.refused[skin].all()
    assert hair.sum() > 20 and not green.refused[hair].any()


def test_colours_beyond_the_head_are_doubtful_and_those_of_its_front_are_not(seen):
    same = seen(lambda color: color)
    assert same.seen_from_edge[same.beyond & same.on_head].all() and (same.beyond & same.on_head).sum() > 50
    assert not same.seen_from_edge[~same.beyond & (same.seen > 0.9)].any()
