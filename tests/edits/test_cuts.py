"""Haircuts: parts of the hair that barbers know, strands that turn with the head, skin where hair is taken off."""

import numpy as np
import pytest
import torch

from perse.attributes.catalogue import AXES, BY_NAME, reduced_to
from perse.attributes.former_names import parts_of_latent
from perse.edits.growth_field import BrowGrowth
from perse.edits.workshop import Workshop
from perse.face.landmarks import BROW
from perse.fitting.fresh_skin import bared_skin, fresh_skin
from perse.render.geometry import interpolated, triangle_frames, unit
from perse.rig.expressions import expand
from perse.rig.skeleton import PART
from perse.texture.atlas import ATLAS, sample

STRANDS = ("hair_up", "hair_tail", "hair_bun", "hair_curls", "hair_afro")


@pytest.fixture(scope="module")
def shop(rig, texture):
    return Workshop.shared(rig, texture, 0)


def made(shop, name):
    return shop.edit(AXES[name][1], 1)


def posed(rig, expression=None, head=(0.0, 0.0, 0.0)):
    with torch.no_grad():
        arguments = (expand(expression or {}), np.radians(head).astype(np.float32), np.zeros(2, np.float32))
        return rig.poser()(*map(torch.from_numpy, arguments)).numpy()


@pytest.mark.parametrize("name", STRANDS)
def test_strands_turn_with_the_head_take_the_dye_and_leave_the_face_free(shop, rig, name):
    overlay = made(shop, name).overlay
    still = overlay.pose(rig, rig.vertices)
    assert np.isfinite(still).all() and overlay.kind == "hair" and 500 < len(overlay.segments) < 5000
    turned = overlay.pose(rig, posed(rig, head=(25.0, 0.0, 0.0)))
    assert np.linalg.norm(turned - still, axis=1).max() > 0.3
    apart = np.linalg.norm(still[::7] - still[len(still) // 2], axis=1)
    stretched = np.abs(np.linalg.norm(turned[::7] - turned[len(still) // 2], axis=1) - apart)
    assert np.quantile(stretched, 0.8) < 0.02 and stretched.max() < 0.4  # at the nape curls hang on a neck that gives
    np.testing.assert_allclose(overlay.pose(rig, posed(rig, {"smile": 1.0, "jaw_open": 1.0})), still, atol=0.08)
    dyed = overlay.color + made(shop, "hair_blue").tints["hair"](overlay.color)
    assert dyed[:, 2].mean() > dyed[:, 0].mean() + 0.1
    before_the_face = (np.abs(still[:, 0]) < 0.45) & (still[:, 2] < 0.3) & (still[:, 1] > shop.head.brow)
    assert not before_the_face.any()


def test_a_tail_hangs_behind_and_a_bun_sits_on_top(shop, rig):
    tail, bun = (made(shop, name).overlay.pose(rig, rig.vertices) for name in ("hair_tail", "hair_bun"))
    skull = rig.vertices[shop.shaper.shell]
    assert tail[:, 2].min() > 1.0 and tail[:, 1].max() > 0.4 and tail[:, 2].max() > skull[:, 2].max()
    assert bun[:, 1].min() < shop.shaper.bald[:, 1].min() - 0.1 and np.ptp(bun[:, 1]) < 1.0


def test_what_is_combed_back_and_what_is_cut_off_share_the_hair(shop, texture):
    hair, up = shop.region("hair"), shop.region("upper_hair")
    parts = [shop.region(name) for name in ("pinned", "hanging", "covered_ears", "undercut", "puffed", "bald_area")]
    for part in parts:
        assert 0 <= part.min() and part.max() <= 1
    pinned, hanging, ears, undercut, puffed, bald = parts
    assert (pinned + hanging <= 1.01).all() and (undercut <= pinned + 0.01).all() and (puffed <= up + 0.01).all()
    assert (bald >= hair - 0.01).all() and (bald >= ears - 0.01).all()
    assert ears.max() > 0.9, "her hair lies over her ears"


def test_a_ponytail_of_three_edits_draws_nothing_into_the_skull(shop, rig):
    """Edits add up: each draws in a part of the hair of its own."""
    moved = sum(made(shop, name).shape for name in ("hair_up", "hair_ends", "hair_ears"))[shop.shaper.shell]
    inward = shop.shaper.bald - rig.vertices[shop.shaper.shell]
    depth = np.linalg.norm(inward, axis=1)
    share = (moved * unit(inward)).sum(1)[depth > 0.05] / depth[depth > 0.05]
    assert share.max() < 1.1 and np.median(share[share > 0.1]) > 0.4


def test_hair_that_is_taken_off_uncovers_skin_of_its_own(shop, rig, texture):
    names = ("hair_bald", "hair_undercut", "hair_ears")
    skin = fresh_skin(shop, [made(shop, name) for name in names])
    assert 1500 < len(skin["face"]) < 9000 and (rig.face_part[skin["face"]] == PART["shell"]).all() and not skin["opacity"].any()
    skin["rows"] = np.arange(len(skin["face"]))
    # On a bald head it lies on the skull, and is as light as the face.
    bald = rig.vertices + made(shop, "hair_bald").shape
    corners = bald[rig.faces[skin["face"]]]
    turn = triangle_frames(corners) @ triangle_frames(rig.vertices.astype(np.float64)[rig.faces[skin["face"]]]).transpose(0, 2, 1)
    point = interpolated(corners, skin["bary"]) + (turn @ skin["offset"][..., None])[..., 0]
    skull = rig.vertices.astype(np.float64).copy()
    skull[shop.shaper.shell] = shop.shaper.bald
    away = np.linalg.norm(point - interpolated(skull[rig.faces[skin["face"]]], skin["bary"]), axis=1)
    assert np.quantile(away, 0.9) < 0.08
    face = texture.color[shop.region("bare_skin") > 0.9].mean(0)
    assert np.abs(skin["color"].mean(0) - face).max() < 0.15
    # Every edit shows its own part of it, an undercut with stubble.
    shown = {name: bared_skin(made(shop, name), skin, texture) for name in names}
    assert len(shown["hair_bald"].rows) > len(shown["hair_undercut"].rows) > 0 < len(shown["hair_ears"].rows)
    assert np.abs(shown["hair_bald"].color).max() < 0.05 < np.abs(shown["hair_undercut"].color).max()
    assert bared_skin(made(shop, "hair_up"), skin, texture) is None and fresh_skin(shop, [made(shop, "hair_up")]) is None


def test_a_hat_covers_hair_that_is_thicker_than_it_is(shop, rig):
    """However much hair there is, a hat's rim is about as wide as the skull is."""
    azimuth, elevation = np.linspace(-np.pi, np.pi, 24)[None], np.full((1, 24), 0.1)
    own, hat = (shop.head.radius(azimuth, elevation, hair) for hair in ("own", "under hat"))
    assert (hat <= own + 0.05).all() and (own - hat).max() > 0.05
    assert hat.max() < np.linalg.norm(shop.shaper.bald - shop.head.middle, axis=1).max() + 0.12


def test_brow_hairs_rise_from_the_nose_and_lie_along_the_brow_outwards(shop, rig):
    overlay = made(shop, "brow_full").overlay
    rest, field = overlay.pose(rig, rig.vertices), BrowGrowth(rig)
    assert overlay.kind == "brows" and 300 < len(overlay.segments) < 3000
    for side, sign in (("left", 1.0), ("right", -1.0)):
        outer, inner = (0.5 * (rig.vertices[BROW[side]["upper"][k]] + rig.vertices[BROW[side]["lower"][k]]) for k in (1, -1))
        way = field.direction(np.array([inner, outer], np.float64), np.array([[0.0, 0.0, -1.0]] * 2), np.random.default_rng(0))
        assert -way[0, 1] > 0.7 and sign * way[1, 0] > 0.7
        mine = rest[sign * rest[:, 0] > 0]
        assert np.abs(mine.mean(0) - 0.5 * (inner + outer))[:2].max() < 0.15
    assert "brows" in made(shop, "brow_dark").tints and "brows" not in made(shop, "hair_blond").tints
    dark = overlay.color.mean()
    assert dark < sample(shop.texture.color, rig.uvs_on(overlay.face, overlay.bary)[None] * ATLAS).mean() + 0.02


def test_looks_of_a_smaller_catalogue_are_what_they_were():
    hair, colour = BY_NAME["hair"], BY_NAME["hair_colour"]
    former = [0.1 * k for k in range(6)]
    parts = parts_of_latent("hair", former, BY_NAME)
    assert parts == {"hair": (*former, *[0.0] * (hair.dim - 6))}
    whole = parts_of_latent("hair", [*range(colour.dim), *former], BY_NAME)
    assert list(whole["hair_colour"]) == list(range(colour.dim)) and whole["hair"] == parts["hair"]
    assert parts_of_latent("hair", [0.5] * 3, BY_NAME) == {"hair": [0.5] * 3}  # which whoever asks refuses
    old = reduced_to([a.name for a in hair.axes[:6]])[0]
    assert {s.name for s in old.styles} == {"voluminous", "flat", "cropped", "bob", "long", "fringe", "receding", "bald"}
    assert dict(next(s.at for s in old.styles if s.name == "cropped")) == {"hair_short": 1.0}
