"""The head behind the outline: hair where there is some at that height, its tone and grain, skin elsewhere, both sides alike."""

import copy
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perse.face.landmarks import OVAL
from perse.rig.anatomy.template import head_template
from perse.texture.atlas import REGIONS, chart_slice
from perse.texture.cie_lab import to_lab
from perse.texture.completion.hair_grain import grain, grain_at, strand_coordinates
from perse.texture.completion.hair_length import hair_length
from perse.texture.completion.scalp import HAIRLINE_AT_NAPE, LEAST_SOLID, SOFT_OUTLINE, complete_scalp
from perse.texture.completion.skin import skin_field
from perse.texture.fill_holes import diffuse, mirror

SHELL = chart_slice("shell")
HAIR, SKIN = np.array([0.30, 0.20, 0.12], np.float32), np.array([0.80, 0.60, 0.50], np.float32)


@pytest.fixture
def painted(texture):
    """`painted(hair, seen)`: the astronaut's head with hair and photo where these functions of points (..., 3) say so."""

    def paint(hair, seen=lambda p: p[..., 2] < 1.5, from_in_front=True):
        new = copy.copy(texture)
        new.color, new.alpha, new.seen = texture.color.copy(), texture.alpha.copy(), texture.seen.copy()
        new.regions = {name: np.zeros_like(texture.seen) for name in REGIONS}
        points = texture.points
        rng = np.random.default_rng(0)
        for part in ("face", "shell"):
            area = chart_slice(part)
            inside = hair(points[area]) if part == "shell" else np.zeros(points[area].shape[:2], bool)
            new.regions["hair"][area], new.regions["skin"][area] = inside, ~inside
            # What a camera in front sees: up to where the head turns away.
            new.seen[area] = seen(points[area]) & ((texture.facing[area] > 0.1) | (not from_in_front))
            grey = 0.03 * rng.standard_normal((*inside.shape, 1))
            new.color[area] = np.clip(np.where(inside[..., None], HAIR + grey, SKIN), 0, 1)
        new.seen[chart_slice("body")] = 0
        return new

    return paint


def behind(texture, low: float, high: float) -> np.ndarray:
    """Texels (H, W) of the back of the head between two heights, but for ears."""
    points, faces = texture.points[SHELL], texture.faces[SHELL]
    ears = np.concatenate([np.zeros(len(OVAL)), head_template().ears])[head_template().head_faces].max(1) > 0.05
    first = faces[faces >= 0].min()  # the head's triangles lie together
    return (faces >= 0) & ~ears[np.maximum(faces - first, 0)] & (points[..., 2] > 1.1) & (points[..., 1] > low) & (points[..., 1] < high)


def test_short_hair_goes_round_the_back_and_ends_at_the_nape(painted, rig):
    texture = painted(lambda p: p[..., 1] < 0.0)
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    hair, skin = texture.regions["hair"][SHELL], texture.regions["skin"][SHELL]
    assert np.quantile(hair[behind(texture, -2, 0.3)], 0.02) > 0.9
    assert skin[behind(texture, HAIRLINE_AT_NAPE + 0.18, 2)].min() > 0.9
    # No ruler's line: at one height some strands have ended and others have not.
    edge = hair[behind(texture, HAIRLINE_AT_NAPE - 0.04, HAIRLINE_AT_NAPE + 0.02)]
    assert edge.std() > 0.1 and 0.05 < edge.mean() < 0.95


def test_a_horseshoe_leaves_the_crown_bald(painted, rig):
    texture = painted(lambda p: (p[..., 1] > -0.6) & (p[..., 1] < 0.1))
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    hair = texture.regions["hair"][SHELL]
    assert hair[behind(texture, -2, -0.85)].max() < 0.1
    assert np.quantile(hair[behind(texture, -0.4, 0.3)], 0.02) > 0.9


def test_a_grey_horseshoe_that_was_taken_for_skin_is_found(painted, rig):
    def beside(p):
        return (p[..., 1] > -0.6) & (p[..., 1] < 0.1) & (np.abs(p[..., 0]) > 0.5)

    def shown(strands):
        texture = painted(lambda p: np.zeros(p.shape[:2], bool))
        grey = cv2.GaussianBlur(beside(texture.points[SHELL]).astype(np.float32), (0, 0), 12)[..., None]  # stubble has no edge
        noise = strands * np.random.default_rng(0).standard_normal(grey.shape)
        texture.color[SHELL] += grey * ([0.5, 0.5, 0.48] + noise - texture.color[SHELL])
        complete_scalp(texture, replace(rig, hidden_ears=(False, False)), skin_field(texture, rig), None)
        return texture

    texture = shown(0.03)
    assert texture.regions["hair"][SHELL][behind(texture, -0.4, 0.2)].mean() > 0.9
    assert texture.regions["hair"][SHELL][behind(texture, -2, -0.85)].max() < 0.1
    assert shown(0.0).regions["hair"][SHELL].max() < 0.02  # as grey, and shaved


def test_a_bald_head_is_skin_all_over_and_softly_shaded(painted, rig):
    texture = painted(lambda p: np.zeros(p.shape[:2], bool))
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    assert texture.regions["hair"][SHELL].max() < 0.02
    back = texture.color[SHELL][behind(texture, -2, 0.3)]
    assert np.abs(back - SKIN).max() < 0.2 and back.std(0).max() < 0.05


def test_long_hair_covers_the_whole_back_but_not_the_throat(painted, rig):
    texture = painted(lambda p: p[..., 2] > 0.2, lambda p: p[..., 2] < 0.9, False)
    assert hair_length(texture).long
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    assert texture.regions["hair"][SHELL][behind(texture, -2, 2)].min() > 0.9
    points = texture.points[SHELL]
    throat = (points[..., 1] > 0.95) & (points[..., 2] < 0.15) & (np.abs(points[..., 0]) < 0.3)
    assert throat.any() and texture.regions["hair"][SHELL][throat].mean() < 0.1


def test_hair_length_says_how_far_down_each_side_shows_hair(painted):
    texture = painted(lambda p: (p[..., 2] > 0.3) & (p[..., 1] < np.where(p[..., 0] < 0, 0.2, 0.6)))
    length = hair_length(texture)
    np.testing.assert_allclose(length.y, [0.2, 0.6], atol=0.1)
    assert not length.long and abs(length.level - 0.4) < 0.1
    np.testing.assert_allclose(length.tone, HAIR, atol=0.03)
    bald = hair_length(painted(lambda p: np.zeros(p.shape[:2], bool)))
    assert bald.tone is None and not bald.long and np.isinf(bald.y).all() and bald.level == -np.inf


def test_the_hidden_side_shows_what_the_seen_one_does(painted, rig):
    def ear(p):
        return (p[..., 1] > 0.05) & (p[..., 1] < 0.45) & (p[..., 2] > 0.45)

    texture = painted(lambda p: p[..., 1] < 0.0, lambda p: p[..., 0] < 0.05)
    points = texture.points[SHELL]
    texture.color[SHELL][ear(points)] = [0.9, 0.35, 0.3]
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    left = ear(points) & (points[..., 0] > 0.6) & (points[..., 2] < 0.65)
    assert left.sum() > 100 and texture.color[SHELL][left][:, 1].mean() < 0.45  # its red ear, not its cheek's skin
    front = (points[..., 1] < -0.1) & (points[..., 2] < 0.65)
    assert texture.regions["hair"][SHELL][front & (points[..., 0] > 0.2)].mean() > 0.9


def test_hair_has_the_tone_of_what_is_surely_hair_and_not_of_its_rim(painted, rig):
    texture = painted(lambda p: p[..., 1] < 0.2)
    points = texture.points[SHELL]
    rim = (points[..., 2] > 0.6) & (points[..., 2] < 0.75)
    texture.color[SHELL][rim] = [0.2, 0.3, 0.9]
    texture.seen[SHELL][rim] = 0.25
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    lab = to_lab(texture.color[SHELL][behind(texture, -2, 0.3)])
    assert np.abs(np.median(lab, 0) - to_lab(HAIR))[1:].max() < 4
    assert -10 < np.median(lab[:, 0]) - to_lab(HAIR)[0] < 2  # a little darker
    assert (lab[:, 2] < -5).mean() < 0.01  # no blue
    assert lab[:, 0].std() > 1  # it has a grain


def test_fair_hair_keeps_its_hue(painted, rig):
    """Of hair that is as yellow as the skin the greyish shadows are not the hair's tone."""
    texture = painted(lambda p: p[..., 1] < 0.0)
    hair = texture.regions["hair"][SHELL] > 0.5
    fair, shadow = np.array([0.75, 0.58, 0.42], np.float32), np.array([0.40, 0.36, 0.33], np.float32)
    dark = np.random.default_rng(0).random((*hair.shape, 1)) < 0.4
    texture.color[SHELL] = np.where(hair[..., None], np.where(dark, shadow, fair), texture.color[SHELL])
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    made_up = to_lab(texture.color[SHELL][behind(texture, -2, 0.0)])[:, 1:].mean(0)
    assert np.linalg.norm(made_up - to_lab(fair)[1:]) < np.linalg.norm(made_up - to_lab(shadow)[1:])


def test_half_a_chance_of_hair_is_strands_and_no_blend(painted, rig):
    texture = painted(lambda p: p[..., 1] < 0.0)
    texture.regions["hair"][SHELL] *= 0.45
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    back = texture.regions["hair"][SHELL][behind(texture, -2, 0.0)]
    assert ((back < 0.1) | (back > 0.9)).mean() > 0.5 and 0.1 < back.mean() < 0.9


def test_the_head_is_solid_in_front_and_behind_and_soft_at_the_outline(painted, rig):
    texture = painted(lambda p: p[..., 1] < 0.2)
    texture.alpha[SHELL] = 0.3
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    alpha, facing, there = texture.alpha[SHELL], texture.facing[SHELL], texture.faces[SHELL] >= 0
    assert alpha[there & (facing < 0)].min() == 1 and alpha[there & (facing > SOFT_OUTLINE[1])].min() == 1
    outline = there & (facing > 0.12) & (facing < SOFT_OUTLINE[0])
    assert outline.sum() > 200 and alpha[outline].mean() < LEAST_SOLID + 0.1


def test_grain_runs_along_the_strands(texture):
    points = texture.points[SHELL]
    noise = grain(points, 0.05, 0.5, 3)
    assert abs(noise.mean()) < 0.15 and 0.8 < noise.std() < 1.2
    np.testing.assert_array_equal(noise, grain(points, 0.05, 0.5, 3))
    # Once around the head it comes back to where it began.
    turn = np.stack([np.full((40, 2), 1.5), np.broadcast_to([[np.pi - 1e-4, -np.pi + 1e-4]], (40, 2))], -1).astype(np.float32)
    turn[..., 0] += np.linspace(-0.5, 0.5, 40)[:, None]
    seam = grain_at(turn, 0.2, 0.5, 3)
    assert np.abs(seam[:, 0] - seam[:, 1]).max() < 0.05 < seam[:, 0].std()
    # Two points 0.1 apart differ less along a strand than across.
    at = np.array([[0.9, 0.1, 1.0], [0.6, 0.2, 1.5], [-0.9, 0.0, 1.0], [0.1, 0.1, 1.8]])
    along = np.stack([at, at + [0, 0.1, 0.0]])
    turned, down = np.moveaxis(strand_coordinates(along), -1, 0)[::-1]
    assert (np.abs(down[1] - down[0]) > np.abs(turned[1] - turned[0])).sum() >= 3


def test_mirroring_takes_the_light_of_where_it_goes():
    rng = np.random.default_rng(0)
    half = 0.4 + 0.1 * rng.random((40, 30, 3)).astype(np.float32)
    whole = np.concatenate([half, 0.8 * half[:, ::-1]], 1)
    seen = np.ones((40, 60), np.float32)
    seen[:20, 30:] = 0
    layers = np.zeros((40, 60, 2), np.float32)
    layers[:, :30, 1] = 1
    color, copied, known = mirror(np.where(seen[..., None] > 0, whole, 0), layers, seen)
    assert np.abs(color - whole)[:14, 34:].mean() < 0.03
    assert copied[5, 50, 1] > 0.9 and copied[30, 50, 1] < 0.1 and known[5, 50] > 0.5
    np.testing.assert_allclose(color[25:, 35:], whole[25:, 35:], atol=0.01)


def test_diffusion_goes_around():
    image = np.zeros((32, 64, 1), np.float32)
    weight = np.zeros((32, 64), np.float32)
    image[:, 60:], weight[:, 60:], weight[:, 28:32] = 1, 1, 1
    assert diffuse(image, weight, around=True)[:, 2].min() > 0.6 > diffuse(image, weight)[:, 2].max()


def test_the_throats_colour_goes_on_under_the_jaw_and_the_cheeks_beside_it(painted, rig):
    texture = painted(lambda p: p[..., 1] < 0.0, lambda p: p[..., 2] < 0.3)
    body = chart_slice("body")
    texture.color[body], texture.seen[body], texture.regions["neck"][body] = 0.6 * SKIN, texture.facing[body] > 0.3, 1
    points = texture.points[SHELL]
    complete_scalp(texture, rig, skin_field(texture, rig), None)
    under = (np.abs(points[..., 0]) < 0.25) & (points[..., 1] > 1.0) & (points[..., 2] > 0.3) & (points[..., 2] < 0.8)
    assert under.sum() > 50
    shade = np.median(texture.color[SHELL][under], axis=0) / SKIN
    assert shade.max() < 0.8 and np.ptp(shade) < 0.12  # darker, and of the same hue
    beside = (np.abs(points[..., 0]) > 0.7) & (points[..., 1] > 0.35) & (points[..., 1] < 0.55) & (points[..., 2] < 0.7)
    assert np.abs(np.median(texture.color[SHELL][beside], axis=0) - SKIN).max() < 0.2


def test_hair_falls_down_the_back_of_the_head(texture):
    """From behind, colour changes more across the strands than along them; a star about the pole has no such direction."""
    area = chart_slice("shell")
    points, color = texture.points[area], texture.color[area].mean(-1)
    x, y, z = np.moveaxis(points, -1, 0)
    behind = (z > 1.2) & (y < 0.3) & (texture.faces[area] >= 0)
    # A picture of the back, looked at along the axis.
    grid, count = np.zeros((2, 40, 40))
    cells = ((x[behind] + 0.6) / 1.2 * 40).astype(int).clip(0, 39), ((y[behind] + 0.7) / 1.0 * 40).astype(int).clip(0, 39)
    np.add.at(grid, (cells[1], cells[0]), color[behind])
    np.add.at(count, (cells[1], cells[0]), 1)
    known = count > 0
    picture = np.where(known, grid / np.maximum(count, 1), np.nan)
    across, along = np.nanmean(np.abs(np.diff(picture, axis=1))), np.nanmean(np.abs(np.diff(picture, axis=0)))
    assert known.mean() > 0.3 and across > 0.0 and along < 1.5 * across
