"""Gaussians of what the portrait hides: how they lie, and what of them the photo may change."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from perse.avatar.seeds.from_photo import seed_gaussians
from perse.avatar.seeds.lid_corners import behind_lid_corners
from perse.avatar.seeds.strands import strands
from perse.avatar.seeds.unseen import FACE_SIDE, HAIR_DRAWN_OUT, LIP_CORNERS, OF_CLEARANCE, UNDER_FACE, downwards, hidden
from perse.face.landmarks import EYE, LIPS
from perse.render.geometry import triangle_normals, unit
from perse.rig.ears import ears_of
from perse.rig.hull import clearance
from perse.rig.skeleton import PART
from perse.texture.atlas import ATLAS, chart_slice, sample
from perse.texture.bake import bake
from perse.texture.belief.texels import WELL_SEEN
from perse.texture.completion.hair_grain import strand_direction


def test_hair_falls_along_the_surface():
    normal = np.random.default_rng(0).standard_normal((200, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    tangent = downwards(np.concatenate([normal, [[0.0, -1.0, 0.0]]]))
    assert np.allclose(np.linalg.norm(tangent, axis=1), 1) and np.abs((tangent[:-1] * normal).sum(1)).max() < 1e-6
    assert (tangent[:-1, 1] > -0.1).all()
    assert tangent[-1, 2] > 0.9  # on the crown it lies backwards


def test_hidden_hair_is_drawn_out_along_the_strands_and_skin_is_not(astronaut_portrait, rig, texture):
    seeds = hidden(astronaut_portrait, rig, texture, np.random.default_rng(0))
    shell = rig.face_part[seeds.face] == 1
    hair = sample(texture.regions["hair"], seeds.uv[None] * ATLAS)[0]
    ratio = seeds.scales[:, 0] / seeds.scales[:, 1]
    least, most = np.square(HAIR_DRAWN_OUT)
    drawn = ratio[shell & (hair > 0.8)]
    assert drawn.min() > least * 0.999 and drawn.max() < most * 1.001 and np.median(drawn) > 1.5 * least
    assert np.allclose(ratio[shell & (hair < 0.2)], 1, rtol=1e-3)


def test_what_is_drawn_out_ends_before_the_outline(astronaut_portrait, rig, texture):
    seeds = hidden(astronaut_portrait, rig, texture, np.random.default_rng(0))
    shell = rig.face_part[seeds.face] == PART["shell"]
    way = clearance(rig.points_on(seeds.face, seeds.bary) + seeds.offset, rig.camera, astronaut_portrait.alpha)
    drawn = shell & (seeds.scales[:, 0] > 1.01 * HAIR_DRAWN_OUT[0] ** 2 * seeds.scales[:, 1])
    assert drawn.sum() > 5000 and (seeds.scales[drawn, 0] <= 1.01 * OF_CLEARANCE * way[drawn]).all()


def test_strands_run_away_from_the_whorl_where_nothing_is_drawn(rig, texture):
    plain = replace(texture, color=np.full_like(texture.color, 0.3))
    uv, point, normal = _on_the_skull(rig)
    along, _ = strands(plain, uv, point, normal)
    np.testing.assert_allclose((along * strand_direction(point, normal)).sum(1), 1, atol=1e-4)
    np.testing.assert_allclose((along * normal).sum(1), 0, atol=1e-4)


def test_strands_run_along_what_is_drawn(rig, texture):
    """Stripes from front to back over the crown: lightness changes to the side alone."""
    stripes = 0.5 + 0.4 * np.sin(2 * np.pi / 0.15 * texture.points[..., :1]).astype(np.float32)
    uv, point, normal = _on_the_skull(rig)
    along, parallel = strands(replace(texture, color=np.repeat(stripes, 3, 2)), uv, point, normal)
    crown = (normal[:, 1] < -0.8) & (np.abs(point[:, 0]) < 0.6)
    assert crown.sum() > 50
    assert np.median(np.abs(along[crown, 0])) < 0.05 and np.median(parallel[crown]) > 0.8


def _on_the_skull(rig):
    face = np.flatnonzero(rig.face_part == PART["shell"])
    bary = np.full((len(face), 3), 1 / 3)
    return rig.uvs_on(face, bary), rig.points_on(face, bary), unit(triangle_normals(rig.vertices[rig.faces[face]].astype(np.float64)))


def test_they_lie_closer_beside_what_is_seen_than_behind_the_head(astronaut_portrait, rig, texture):
    seeds = hidden(astronaut_portrait, rig, texture, np.random.default_rng(0))
    shell = (rig.face_part[seeds.face] == PART["shell"]) & (seeds.uv[:, 1] > 0)
    point = np.einsum("nk,nkc->nc", seeds.bary, rig.vertices[rig.faces[seeds.face]])
    view = rig.camera.centre - point
    facing = (seeds.normal * view).sum(1) / np.linalg.norm(view, axis=1)
    bald = ears_of(rig)[rig.faces[seeds.face]].max(1) < 0.05
    width = seeds.scales[:, 2] * shell * bald
    beside, behind = width[shell & bald & (np.abs(facing) < 0.2)], width[shell & bald & (facing < -0.8)]
    assert np.median(behind) > 1.4 * np.median(beside) > 0


def test_skin_that_the_photo_is_not_believed_to_show_keeps_its_colour(hopper_portrait, hopper_rig):
    """Pixels of a collar beside a jaw would be white dashes on it from the side."""
    texture = bake(hopper_portrait, hopper_rig)
    seeds = hidden(hopper_portrait, hopper_rig, texture, np.random.default_rng(0))
    hair = sample(texture.regions["hair"], seeds.uv[None] * ATLAS)[0]
    head = hopper_rig.face_part[seeds.face] == PART["shell"]
    assert seeds.held[head & ~seeds.fixed & (hair < 0.4)].all() and not seeds.held[head & (hair > 0.6)].any()


def test_a_chest_that_the_photo_shows_has_a_back(hopper_portrait, hopper_rig):
    """The photo's own Gaussians cover it for the photo's camera alone: from above one saw through them."""
    texture = bake(hopper_portrait, hopper_rig)
    seeds = hidden(hopper_portrait, hopper_rig, texture, np.random.default_rng(0))
    shown = sample(texture.seen, seeds.uv[None] * ATLAS)[0] >= WELL_SEEN
    back = (hopper_rig.face_part[seeds.face] == PART["body"]) & shown
    assert back.sum() > 300 and seeds.fixed[back].all() and not seeds.held[back].any()
    deep = -(seeds.offset * seeds.normal).sum(1)[back]
    assert np.median(deep) > 0.9 * UNDER_FACE and (deep > 0.5 * UNDER_FACE).mean() > 0.95
    # They close their own gaps: neighbours are nearer than two standard deviations.
    point = (np.einsum("nk,nkc->nc", seeds.bary, hopper_rig.vertices[hopper_rig.faces[seeds.face]]) + seeds.offset)[back]
    apart = cKDTree(point).query(point, 2)[0][:, 1]
    assert np.quantile(apart, 0.95) < 2 * np.median(seeds.scales[back, 0])


def test_corners_of_the_eyes_are_closed_behind_the_ball(rig, texture):
    for side, centre in zip(("right", "left"), rig.eye_centres):
        sheet = behind_lid_corners(rig, texture, side)
        points = np.einsum("nk,nkc->nc", sheet.bary, rig.vertices[rig.faces[sheet.face]]) + sheet.offset
        outer, inner = rig.vertices[EYE[side]["outer"]], rig.vertices[EYE[side]["inner"]]
        # From corner to corner, behind the lids, within the ball where there is one.
        assert points[:, 0].min() < min(outer[0], inner[0]) and points[:, 0].max() > max(outer[0], inner[0])
        assert points[:, 2].min() > max(outer[2], inner[2]) - 0.1 and (points[:, 2] < centre[2]).all()
        radius = np.linalg.norm(rig.vertices[rig.vertex_part == PART[f"eye_{side}"]] - centre, axis=1).max()
        assert (np.linalg.norm(points - centre, axis=1) < radius).mean() > 0.7
        assert sheet.fixed.all()


def test_lips_have_a_back_that_the_throat_does_not_show_through(hopper_portrait, hopper_rig):
    texture = bake(hopper_portrait, hopper_rig)
    seeds = hidden(hopper_portrait, hopper_rig, texture, np.random.default_rng(0))
    seen = sample(texture.seen, seeds.uv[None] * ATLAS)[0] >= WELL_SEEN
    back = (hopper_rig.face_part[seeds.face] == PART["face"]) & seen
    assert back.sum() > 30 and seeds.fixed[back].all()
    np.testing.assert_allclose((seeds.offset[back] * seeds.normal[back]).sum(1), -UNDER_FACE, rtol=1e-3)
    points = np.einsum("nk,nkc->nc", seeds.bary[back], hopper_rig.vertices[hopper_rig.faces[seeds.face[back]]])
    corners = hopper_rig.vertices[[LIPS["upper_inner"][0], LIPS["upper_inner"][-1]]]
    assert np.linalg.norm(points[:, None] - corners, axis=2).min() > LIP_CORNERS


def test_painted_ones_close_the_gaps_behind_the_photos_own(astronaut_portrait, rig, texture):
    seeds = hidden(astronaut_portrait, rig, texture, np.random.default_rng(0))
    teeth = rig.face_part[seeds.face] == PART["upper_teeth"]
    own = teeth & (sample(texture.seen, seeds.uv[None] * ATLAS)[0] >= WELL_SEEN)
    assert texture.seen[chart_slice("upper_teeth")].max() > 0.9 and own.any()
    assert seeds.offset[own, 2].min() > 0 and np.abs(seeds.offset[teeth & ~own]).max() == 0 and seeds.fixed[own].all()


@pytest.fixture(scope="module")
def seeds(astronaut_portrait, rig, texture):
    return seed_gaussians(astronaut_portrait, rig, texture, 20000)


def test_sides_of_the_face_lie_under_what_the_photo_shows_and_stay_as_they_are(seeds, rig):
    point = np.einsum("nk,nkc->nc", seeds.bary, rig.vertices[rig.faces[seeds.face]])
    corners = rig.vertices[rig.faces[seeds.face]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    view = -rig.camera.viewmat[:3, :3].T @ rig.camera.viewmat[:3, 3] - point
    side = (rig.face_part[seeds.face] == PART["face"]) & ((normal * view).sum(1) < FACE_SIDE * np.linalg.norm(view, axis=1))
    assert (seeds.fixed & side).sum() > 200
    np.testing.assert_allclose((seeds.offset * normal).sum(1)[seeds.fixed & side], -UNDER_FACE, atol=1e-6)
    # They keep their place, and their colours but for a little shade.
    assert (side | ~seeds.fixed)[seeds.held].all() and (seeds.held & ~seeds.fixed).sum() > 100
