"""The head behind the outline: hair where there is some at that height, its tone and grain, skin elsewhere, both sides alike."""

import copy

import numpy as np
import pytest

from perse.rig.shell import OUTLINE_RING, RINGS
from perse.texture.atlas import REGIONS, chart_slice
from perse.texture.cie_lab import to_lab
from perse.texture.completion.hair_grain import grain, grain_at, strand_coordinates
from perse.texture.completion.hair_length import hair_length
from perse.texture.completion.scalp import HAIRLINE_AT_NAPE, complete_scalp
from perse.texture.fill_holes import diffuse, mirror

SHELL = chart_slice("shell")
HAIR, SKIN = np.array([0.30, 0.20, 0.12], np.float32), np.array([0.80, 0.60, 0.50], np.float32)


@pytest.fixture
def painted(texture):
    """`painted(hair, seen)`: the astronaut's head with hair and photo where these functions of points (..., 3) say so."""

    def paint(hair, seen=lambda p: p[..., 2] < 0.75):
        new = copy.copy(texture)
        new.color, new.alpha, new.seen = texture.color.copy(), texture.alpha.copy(), texture.seen.copy()
        new.regions = {name: np.zeros_like(texture.seen) for name in REGIONS}
        points = texture.points
        rng = np.random.default_rng(0)
        for part in ("face", "shell"):
            area = chart_slice(part)
            inside = hair(points[area]) if part == "shell" else np.zeros(points[area].shape[:2], bool)
            new.regions["hair"][area], new.regions["skin"][area] = inside, ~inside
            new.seen[area] = seen(points[area])
            grey = 0.03 * rng.standard_normal((*inside.shape, 1))
            new.color[area] = np.clip(np.where(inside[..., None], HAIR + grey, SKIN), 0, 1)
        new.seen[chart_slice("body")] = 0
        return new

    return paint


def behind(texture, low: float, high: float) -> np.ndarray:
    """Texels (H, W) of the back of the head between two heights."""
    points = texture.points[SHELL]
    return (points[..., 2] > 1.1) & (points[..., 1] > low) & (points[..., 1] < high)


def test_short_hair_goes_round_the_back_and_ends_at_the_nape(painted):
    texture = painted(lambda p: p[..., 1] < 0.0)
    complete_scalp(texture)
    hair, skin = texture.regions["hair"][SHELL], texture.regions["skin"][SHELL]
    assert hair[behind(texture, -2, 0.3)].min() > 0.9
    assert skin[behind(texture, HAIRLINE_AT_NAPE + 0.18, 2)].min() > 0.9
    # No ruler's line: at one height some strands have ended and others have not.
    edge = hair[behind(texture, HAIRLINE_AT_NAPE - 0.04, HAIRLINE_AT_NAPE + 0.02)]
    assert edge.std() > 0.1 and 0.05 < edge.mean() < 0.95


def test_a_horseshoe_leaves_the_crown_bald(painted):
    texture = painted(lambda p: (p[..., 1] > -0.6) & (p[..., 1] < 0.1))
    complete_scalp(texture)
    hair = texture.regions["hair"][SHELL]
    assert hair[behind(texture, -2, -0.85)].max() < 0.1
    assert hair[behind(texture, -0.4, 0.3)].min() > 0.9


def test_a_grey_horseshoe_that_was_taken_for_skin_is_found(painted):
    def beside(p):
        return (p[..., 1] > -0.6) & (p[..., 1] < 0.1) & (np.abs(p[..., 0]) > 0.5)

    texture = painted(lambda p: np.zeros(p.shape[:2], bool))
    texture.color[SHELL][beside(texture.points[SHELL])] = [0.5, 0.5, 0.48]
    complete_scalp(texture)
    assert texture.regions["hair"][SHELL][behind(texture, -0.4, 0.2)].mean() > 0.9
    assert texture.regions["hair"][SHELL][behind(texture, -2, -0.85)].max() < 0.1


def test_a_bald_head_is_skin_all_over_and_softly_shaded(painted):
    texture = painted(lambda p: np.zeros(p.shape[:2], bool))
    complete_scalp(texture)
    assert texture.regions["hair"][SHELL].max() < 0.02
    back = texture.color[SHELL][behind(texture, -2, 0.3)]
    assert np.abs(back - SKIN).max() < 0.15 and back.std(0).max() < 0.05


def test_long_hair_covers_the_whole_back_but_not_the_throat(painted):
    texture = painted(lambda p: p[..., 2] > 0.2)
    assert hair_length(texture).long
    complete_scalp(texture)
    assert texture.regions["hair"][SHELL][behind(texture, -2, 2)].min() > 0.9
    points = texture.points[SHELL]
    throat = (points[..., 1] > 0.95) & (points[..., 2] < 0.3) & (np.abs(points[..., 0]) < 0.3)
    assert throat.any() and texture.regions["hair"][SHELL][throat].mean() < 0.1


def test_hair_length_says_how_far_down_each_side_shows_hair(painted):
    texture = painted(lambda p: (p[..., 2] > 0.3) & (p[..., 1] < np.where(p[..., 0] < 0, 0.2, 0.6)))
    length = hair_length(texture)
    np.testing.assert_allclose(length.y, [0.2, 0.6], atol=0.1)
    assert not length.long and abs(length.level - 0.4) < 0.1
    np.testing.assert_allclose(length.tone, HAIR, atol=0.03)
    bald = hair_length(painted(lambda p: np.zeros(p.shape[:2], bool)))
    assert bald.tone is None and not bald.long and np.isinf(bald.y).all() and bald.level == -np.inf


def test_the_hidden_side_shows_what_the_seen_one_does(painted):
    def ear(p):
        return (p[..., 1] > 0.05) & (p[..., 1] < 0.45) & (p[..., 2] > 0.45)

    texture = painted(lambda p: p[..., 1] < 0.0, lambda p: (p[..., 2] < 0.75) & (p[..., 0] < 0.05))
    points = texture.points[SHELL]
    texture.color[SHELL][ear(points)] = [0.9, 0.35, 0.3]
    complete_scalp(texture)
    left = ear(points) & (points[..., 0] > 0.6) & (points[..., 2] < 0.65)
    assert left.sum() > 100 and texture.color[SHELL][left][:, 1].mean() < 0.45  # its red ear, not its cheek's skin
    front = (points[..., 1] < -0.1) & (points[..., 2] < 0.65)
    assert texture.regions["hair"][SHELL][front & (points[..., 0] > 0.2)].mean() > 0.9


def test_hair_has_the_tone_of_what_is_surely_hair_and_not_of_its_rim(painted):
    texture = painted(lambda p: p[..., 1] < 0.2)
    points = texture.points[SHELL]
    rim = (points[..., 2] > 0.6) & (points[..., 2] < 0.75)
    texture.color[SHELL][rim] = [0.2, 0.3, 0.9]
    texture.seen[SHELL][rim] = 0.25
    complete_scalp(texture)
    lab = to_lab(texture.color[SHELL][behind(texture, -2, 0.3)])
    assert np.abs(np.median(lab, 0) - to_lab(HAIR))[1:].max() < 4
    assert -10 < np.median(lab[:, 0]) - to_lab(HAIR)[0] < 2  # a little darker
    assert (lab[:, 2] < -5).mean() < 0.01  # no blue
    assert lab[:, 0].std() > 1  # it has a grain


def test_fair_hair_keeps_its_hue(painted):
    """Of hair that is as yellow as the skin the greyish shadows are not the hair's tone."""
    texture = painted(lambda p: p[..., 1] < 0.0)
    hair = texture.regions["hair"][SHELL] > 0.5
    fair, shadow = np.array([0.75, 0.58, 0.42], np.float32), np.array([0.40, 0.36, 0.33], np.float32)
    dark = np.random.default_rng(0).random((*hair.shape, 1)) < 0.4
    texture.color[SHELL] = np.where(hair[..., None], np.where(dark, shadow, fair), texture.color[SHELL])
    complete_scalp(texture)
    made_up = to_lab(texture.color[SHELL][behind(texture, -2, 0.0)])[:, 1:].mean(0)
    assert np.linalg.norm(made_up - to_lab(fair)[1:]) < np.linalg.norm(made_up - to_lab(shadow)[1:])


def test_half_a_chance_of_hair_is_strands_and_no_blend(painted):
    texture = painted(lambda p: p[..., 1] < 0.0)
    texture.regions["hair"][SHELL] *= 0.45
    complete_scalp(texture)
    back = texture.regions["hair"][SHELL][behind(texture, -2, 0.0)]
    assert ((back < 0.1) | (back > 0.9)).mean() > 0.5 and 0.1 < back.mean() < 0.9


def test_the_shell_is_solid_behind_and_soft_at_the_outline(painted):
    texture = painted(lambda p: p[..., 1] < 0.2)
    texture.alpha[SHELL] = 0.3
    complete_scalp(texture)
    alpha, points = texture.alpha[SHELL], texture.points[SHELL]
    assert alpha[points[..., 2] > 1.0].min() == 1
    outline = OUTLINE_RING * len(alpha) // (RINGS + 1)
    assert alpha[outline - 4].mean() < 0.5
    assert alpha[outline // 2, 5] == 1  # before the back of the head


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


def test_under_the_jaw_there_is_the_throats_colour(painted):
    texture = painted(lambda p: p[..., 1] < 0.0, lambda p: p[..., 2] < 0.3)
    body = chart_slice("body")
    texture.color[body], texture.seen[body], texture.regions["neck"][body] = [0.4, 0.2, 0.1], 1, 1
    complete_scalp(texture)
    points = texture.points[SHELL]
    under = (np.abs(points[..., 0]) < 0.25) & (points[..., 1] > 1.0) & (points[..., 2] > 0.3) & (points[..., 2] < 0.8)
    assert under.sum() > 50
    assert np.abs(np.median(texture.color[SHELL][under], axis=0) - [0.4, 0.2, 0.1]).max() < 0.08
    beside = (np.abs(points[..., 0]) > 0.7) & (points[..., 1] > 0.35) & (points[..., 1] < 0.55) & (points[..., 2] < 0.7)
    assert np.abs(np.median(texture.color[SHELL][beside], axis=0) - SKIN).max() < 0.15


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
