"""Haircuts: parts of the hair that barbers know, strands that turn with the head, skin where hair is taken off."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.attributes.catalogue import AXES, BY_NAME, reduced_to
from perse.attributes.edit_vocabulary import Tuck
from perse.attributes.former_names import parts_of_latent
from perse.edits.bare_skin import bare_head
from perse.edits.growth_field import BrowGrowth
from perse.edits.workshop import Workshop
from perse.face.landmarks import BROW
from perse.fitting.fresh_skin import bared_skin, fresh_skin
from perse.render.geometry import interpolated, triangle_frames, unit
from perse.rig.expressions import expand
from perse.rig.skeleton import PART
from perse.texture.atlas import ATLAS, chart_slice, sample
from perse.texture.cie_lab import to_lab

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
    if name == "hair_tail":  # its end lies on a shoulder
        return
    apart = np.linalg.norm(still[::7] - still[len(still) // 2], axis=1)
    stretched = np.abs(np.linalg.norm(turned[::7] - turned[len(still) // 2], axis=1) - apart)
    assert np.quantile(stretched, 0.8) < 0.02 and stretched.max() < 0.4  # at the nape curls hang on a neck that gives
    np.testing.assert_allclose(overlay.pose(rig, posed(rig, {"smile": 1.0, "jaw_open": 1.0})), still, atol=0.08)
    dyed = overlay.color + made(shop, "hair_blue").tints["hair"](overlay.color)
    assert dyed[:, 2].mean() > dyed[:, 0].mean() + 0.1
    before_the_face = (np.abs(still[:, 0]) < 0.45) & (still[:, 2] < 0.3) & (still[:, 1] > shop.head.brow)
    assert not before_the_face.any()


def test_a_tail_falls_over_a_shoulder_and_a_bun_sits_on_top(shop, rig):
    tail, bun = (made(shop, name).overlay.pose(rig, rig.vertices) for name in ("hair_tail", "hair_bun"))
    skull = rig.vertices[shop.shaper.shell]
    end = tail[tail[:, 1] > 1.4]
    assert tail[:, 2].max() > 0.95 * skull[:, 2].max() and len(end) > 100, "it begins behind the head and ends before a shoulder"
    assert end[:, 0].min() > 0.25 and np.median(end[:, 2]) < 0.6 and end[:, 1].max() < 2.4
    moved = made(shop, "hair_tail").overlay.pose(rig, posed(rig, head=(25.0, 0.0, 0.0))) - tail
    assert np.linalg.norm(moved[tail[:, 1] > 1.4], axis=1).mean() < 0.3 * np.linalg.norm(moved[tail[:, 1] < 0], axis=1).mean()
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


def test_half_bald_is_clipped_evenly_and_not_a_faint_mixture(shop, texture):
    bald = made(shop, "hair_bald")
    (rows, columns), change = bald.change(texture)
    assert bald.halfway is not None and bald.halfway[0] == (rows, columns) and not made(shop, "hair_undercut").halfway
    scalp = (np.minimum(shop.region("hair"), 1 - shop.region("own_fringe")) > 0.98) & (shop.region("hanging") < 0.01) & (texture.seen > 0.5)
    scalp = scalp[rows, columns]
    own, end = texture.color[rows, columns][scalp], (texture.color[rows, columns] + change)[scalp]
    half = own + 0.5 * change[scalp] + bald.halfway[1][scalp]
    assert half.mean(-1).std() < 0.6 * (0.5 * (own + end)).mean(-1).std(), "locks are gone"
    assert own.mean() + 0.05 < half.mean() < end.mean() - 0.02, "between hair and skin"
    # And so on the avatar: by then hair has come to the skin.
    skin = fresh_skin(shop, [bald])
    skin["rows"] = np.arange(len(skin["face"]))
    assert bared_skin(bald, skin, texture).halfway is not None and bared_skin(made(shop, "hair_undercut"), skin, texture).halfway is None


def test_a_scalp_has_the_hue_of_the_face_whatever_its_cheeks_are(shop, rig, texture):
    """A blush and a shaded forehead would pass for light from below that is red, and the scalp, which looks up, for dark red."""
    flushed = texture.color.copy()
    cheeks = shop.region("cheeks")[..., None]
    flushed = np.clip(flushed + cheeks * np.float32([0.15, -0.08, -0.08]), 0, 1)
    shop_too = Workshop(rig, replace(texture, color=flushed), 0)
    plain, red = (
        to_lab(bare_head(s.regions, s.texture, rig, s.shaper)[chart_slice("shell")]).reshape(-1, 3).mean(0) for s in (shop, shop_too)
    )
    forehead = to_lab(texture.color[(shop.region("bare_skin") > 0.9) & (shop.region("cheeks") < 0.1)][None])[0].mean(0)
    assert np.abs(red - plain).max() < 5 and abs(plain[0] - forehead[0]) < 12 and np.abs(plain[1:] - forehead[1:]).max() < 6


def test_parts_of_the_hair_are_taken_off_once(shop, texture):
    """A texel between two of them that both took would be lighter than skin."""
    taken = np.zeros((ATLAS, ATLAS), np.float32)
    for name in ("hair_ends", "hair_ears", "hair_forehead"):
        taken += made(shop, name).cover
    assert np.quantile(taken[taken > 0.02], 0.995) < 1.1
    fringe = shop.region("own_fringe")[chart_slice("face")]
    assert fringe.max() > 0.9 and not shop.region("own_fringe")[chart_slice("shell")].any(), "hers falls over the forehead"
    swept = made(shop, "hair_forehead").overlay
    assert len(swept.segments) > 500 and swept.pose(shop.rig, shop.rig.vertices)[:, 1].max() < 0.2


def test_the_nape_under_hair_that_goes_lies_on_the_neck_once(shop, rig):
    """Skin under hanging hair stands out as far as the hair did: with it, it is drawn in, and by several edits at once no farther."""
    shell = shop.shaper.shell
    inward = shop.shaper.bald - rig.vertices[shell]
    depth = np.linalg.norm(inward, axis=1)
    hair = shop.shaper.on_shell(shop.region("bald_area"))
    skin = (hair < 0.1) & (depth > 0.1) & (rig.vertices[shell, 2] > 0.6) & (rig.vertices[shell, 1] > 0.3)
    assert skin.any()
    bald = made(shop, "hair_bald").shape[shell]
    parts = sum(made(shop, name).shape for name in ("hair_up", "hair_ends", "hair_ears"))[shell]
    for moved in (bald, parts):
        assert ((moved * unit(inward)).sum(1) / np.maximum(depth, 1e-6))[skin].max() < 1.05
    assert ((bald * unit(inward)).sum(1) / depth)[skin].max() > 0.4, "as the weight of hair alone it would be 0.3"


def test_the_shaded_side_of_a_face_goes_on_over_a_bald_head(shop, rig, texture):
    """Shade that lies where no hair is near is the light's, not the hair's, and does not end where hair was."""
    block = chart_slice("face")
    shade = np.ones((ATLAS, ATLAS, 1), np.float32)
    shade[block] = np.where(shop.regions.face_xy[..., :1] > 0.1, 0.5, 1.0)
    darker = Workshop(rig, replace(texture, color=texture.color * shade), 0)
    plain, half = (bare_head(s.regions, s.texture, rig, s.shaper)[block].mean(-1) for s in (shop, darker))
    y, x = shop.regions.face_xy[..., 1], shop.regions.face_xy[..., 0]
    dark, light = ((y < -0.3) & (y > -0.6) & (side * x > 0.35) & (side * x < 0.7) for side in (1, -1))
    assert (half[dark].mean() / plain[dark].mean()) < 0.85 * (half[light].mean() / plain[light].mean())


def test_an_undercut_leaves_no_bowl_and_fades_out(shop, rig):
    """Hair over the shaved sides is pressed the more the nearer it is to them, and never into the skull; stubble thins out downwards."""
    shell = shop.shaper.shell
    inward = shop.shaper.bald - rig.vertices[shell]
    depth = np.linalg.norm(inward, axis=1)
    share = (made(shop, "hair_undercut").shape[shell] * unit(inward)).sum(1) / np.maximum(depth, 1e-6)
    deep = depth > 0.1
    assert share[deep].max() < 1.05
    over = shop.shaper.on_shell(shop.region("over_undercut"))
    near, far = (over > 0.6) & deep, (over < 0.1) & (shop.shaper.on_shell(shop.region("undercut")) < 0.05) & deep
    assert near.any() and share[near].mean() > 0.3 > 0.1 > share[far].mean()


def test_hair_that_is_cut_off_leaves_no_collar(shop, rig):
    """The bust is as wide as hair on it makes it; without hair it is a neck, with all that showed between locks."""
    body, everywhere = shop.shaper.body, np.zeros((ATLAS, ATLAS), np.float32)
    everywhere[chart_slice("body")] = 1
    moved = shop.shaper.tuck(Tuck(0.0), everywhere)[body]
    np.testing.assert_allclose(rig.vertices[body] + moved, shop.shaper.bare_bust, atol=1e-6)
    assert np.linalg.norm(moved, axis=1).max() > 0.1, "her suit is wider than she is"
    inward = rig.vertices[body] - [0, 0, 0.6]
    assert (moved * inward)[:, [0, 2]].sum(1).max() < 0.02
    rows, columns = (slice(s.start + 60, s.start + 70) for s in chart_slice("body"))
    everywhere[rows, columns] = 0
    np.testing.assert_allclose(shop.shaper.tuck(Tuck(0.0), everywhere)[body], moved, atol=1e-6)


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
    smaller = BY_NAME | {"hair": reduced_to([a.name for a in hair.axes[:-1]])[0]}
    whole = parts_of_latent("hair", [*range(colour.dim), *former], smaller)
    assert list(whole["hair_colour"]) == list(range(colour.dim)) and whole["hair"] == parts["hair"][:-1]
    assert parts_of_latent("hair", [0.5] * hair.dim, BY_NAME) == {"hair": [0.5] * hair.dim}  # as long as all once, and as it is today
    assert parts_of_latent("hair", [0.5] * 3, BY_NAME) == {"hair": [0.5] * 3}  # which whoever asks refuses
    old = reduced_to([a.name for a in hair.axes[:6]])[0]
    assert {s.name for s in old.styles} == {"voluminous", "flat", "cropped", "bob", "long", "fringe", "receding", "bald"}
    assert dict(next(s.at for s in old.styles if s.name == "cropped")) == {"hair_short": 1.0}
