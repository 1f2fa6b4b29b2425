"""The unrolled portrait: complete, true to the photo where the photo shows it, and named by region."""

import copy

import cv2
import numpy as np

from perse.face.landmarks import OVAL
from perse.render.mesh import render_mesh
from perse.rig.anatomy.template import head_template
from perse.rig.charts import face_chart
from perse.rig.skeleton import PARTS
from perse.texture.atlas import ATLAS, REGIONS, chart_slice, sample
from perse.texture.bake import bake
from perse.texture.completion.scalp import LEAST_SOLID
from perse.texture.fill_holes import diffuse, from_twin, mirror_fill


def test_every_texel_is_filled(texture):
    assert texture.color.shape == (ATLAS, ATLAS, 3) and texture.alpha.shape == (ATLAS, ATLAS)
    for value in (texture.color, texture.alpha, texture.seen, *texture.regions.values()):
        assert np.isfinite(value).all() and value.min() >= 0 and value.max() <= 1 + 1e-5
    assert set(texture.regions) == {*REGIONS, "worn"}
    covered = texture.faces >= 0
    assert covered.mean() > 0.5
    # Unfilled texels would be black or flat: no part is, and nothing of face and skull is darker than the photo's darkest.
    for part in PARTS:
        block = texture.color[chart_slice(part)]
        assert block.max() > 0.02, part
    for part in ("face", "shell"):
        area = chart_slice(part)
        seen = texture.seen[area] > 0.5
        darkest = np.percentile(texture.color[area][seen].sum(-1), 0.1)
        assert (texture.color[area].sum(-1) < 0.5 * darkest - 0.02).mean() < 1e-3, part


def test_every_rig_triangle_has_texels_of_its_own(rig, texture):
    present = np.zeros(len(rig.faces), bool)
    present[np.unique(texture.faces[texture.faces >= 0])] = True
    # Slivers at chart borders may cover no texel's centre.
    assert present.mean() > 0.97
    np.testing.assert_allclose(texture.bary[texture.faces >= 0].sum(-1), 1, atol=1e-3)


def test_seen_texels_are_the_photo(astronaut_portrait, rig, texture):
    area = chart_slice("face")
    seen = texture.seen[area] > 0.9
    corners = rig.vertices[rig.faces[np.maximum(texture.faces[area], 0)]]
    points = np.einsum("hwk,hwkc->hwc", texture.bary[area], corners)[seen]
    xy, _ = rig.camera.project(points)
    photo = sample(astronaut_portrait.foreground, xy[None])[0]
    assert seen.mean() > 0.25
    assert np.abs(photo - texture.color[area][seen]).mean() < 0.01


def test_rendering_it_gives_the_portrait_back(astronaut_portrait, rig, texture):
    camera = rig.camera.resized(384, 384)
    image, alpha, _ = render_mesh(rig.vertices, rig.faces.astype(np.int32), rig.uvs, texture.rgba(), camera, 2, alpha_channel=True)
    target = cv2.resize(astronaut_portrait.foreground * astronaut_portrait.alpha[..., None], (384, 384), interpolation=cv2.INTER_AREA)
    face = cv2.resize(astronaut_portrait.masks["face"], (384, 384), interpolation=cv2.INTER_AREA) > 0.9
    error = ((image - target) ** 2).mean(-1)[face].mean()
    assert -10 * np.log10(error) > 27
    assert alpha[face].min() > 0.9


def test_regions_lie_on_their_charts(texture):
    face, shell, body = (chart_slice(p) for p in ("face", "shell", "body"))
    regions = texture.regions
    assert regions["lips"][face].sum() > 20 * regions["lips"][body].sum() and regions["lips"][face].max() > 0.9
    assert regions["brows"][face].max() > 0.5 and regions["hair"][shell].mean() > 0.3 and regions["clothes"][body].mean() > 0.3
    assert regions["skin"][face].mean() > 0.4


def test_sample_reads_bilinearly_at_pixel_centres():
    ramp = np.stack(np.meshgrid(np.arange(8.0), np.arange(6.0)), -1).astype(np.float32)
    xy = np.array([[[0.5, 0.5], [3.0, 2.5], [7.5, 5.5], [100.0, -5.0]]], np.float32)
    np.testing.assert_allclose(sample(ramp, xy)[0], [[0, 0], [2.5, 2], [7, 5], [7, 0]], atol=1e-2)
    many = np.random.default_rng(0).uniform(0.5, 5.5, (50_000, 2)).astype(np.float32)
    np.testing.assert_allclose(sample(ramp, many), many - 0.5, atol=2e-2)


def test_diffusion_keeps_what_is_known_and_stays_in_range():
    random = np.random.default_rng(0)
    image = random.random((96, 128, 3)).astype(np.float32)
    known = (random.random((96, 128)) < 0.1).astype(np.float32)
    filled = diffuse(np.where(known[..., None] > 0, image, 77.0), known)
    np.testing.assert_allclose(filled[known > 0], image[known > 0], atol=1e-5)
    assert filled.min() >= 0 and filled.max() <= 1
    np.testing.assert_allclose(diffuse(np.full((33, 57, 2), 0.3, np.float32), (known[:33, :57] > 0).astype(np.float32)), 0.3, atol=1e-4)


def test_the_hidden_half_of_a_face_comes_from_the_seen_half():
    column = np.linspace(0.2, 0.8, 64, dtype=np.float32)
    face = np.abs(np.arange(128) - 63.5)[None, :, None] / 128 + column[:, None, None] * np.ones((1, 1, 3), np.float32) * 0.5
    weight = np.ones((64, 128), np.float32)
    weight[:, :50] = 0
    filled = mirror_fill(np.where(weight[..., None] > 0, face, 0).astype(np.float32), weight, np.ones((64, 128), bool))
    assert np.abs(filled - face).mean() < 0.02


def test_what_is_seen_badly_comes_from_the_other_half_without_a_seam():
    grey, weight = np.full((64, 128, 3), 0.5, np.float32), np.ones((64, 128), np.float32)
    weight[:, :40] = 0.12
    image = grey + np.linspace(0, 0.1, 128, dtype=np.float32)[None, :, None]  # light falls off
    spoilt = image.copy()
    spoilt[:, :40] = 0.9
    mixed, known = from_twin(spoilt, weight, np.ones((64, 128), bool))
    assert known[:, :30].min() > 0.9 and np.abs(mixed[:, :30] - 0.5).max() < 0.15
    assert np.abs(np.diff(mixed, axis=1)).max() < 0.2
    # A half in quite another light is no model.
    spoilt[:, :40] = 0.5
    spoilt[:, 40:64], spoilt[:, 64:] = 0.95, 0.1
    assert from_twin(spoilt, weight, np.ones((64, 128), bool))[1][5, 34:38].max() < 0.2


def test_the_other_half_gets_the_light_of_where_it_goes():
    """A lamp at the right: with its light known, nothing of what is copied has to be mended by what lies around it."""
    light = np.linspace(0.6, 1.2, 128, dtype=np.float32) * np.ones((64, 1), np.float32)
    skin = 0.5 + 0.1 * np.sin(np.abs(np.arange(128) - 63.5) / 4)[None] * np.ones((64, 1))
    image, weight = np.repeat((skin * light)[..., None], 3, -1).astype(np.float32), np.ones((64, 128), np.float32)
    weight[:, :64] = 0
    covered = np.ones((64, 128), bool)
    away = [np.abs(from_twin(image * weight[..., None], weight, covered, known)[0] - image)[:, 8:56].max() for known in (light, None)]
    assert away[0] < 0.02 < 0.1 < away[1]


def test_what_is_strange_at_the_side_of_a_cheek_is_not_painted_on_it(astronaut_portrait, rig, texture):
    """A dark lock, or the background beside the jaw, is none of the cheek; a mole on its front is."""
    portrait = copy.copy(astronaut_portrait)
    area = chart_slice("face")
    facing, skin = texture.facing[area], texture.regions["skin"][area] * (texture.regions["hair"][area] < 0.1)
    v = np.mgrid[:512, :512][0]
    cheek = (skin > 0.9) & (v > 250) & (v < 330)
    spots = {}
    for name, where in (("side", cheek & (facing > 0.25) & (facing < 0.38)), ("front", cheek & (facing > 0.9))):
        y, x = np.argwhere(where)[where.sum() // 2]
        spots[name] = slice(y - 4, y + 5), slice(x - 4, x + 5)
    dark = portrait.foreground.copy()
    for rows, columns in spots.values():
        column, row = np.moveaxis(texture.pixels[area][rows, columns].reshape(-1, 2).round().astype(int), -1, 0)
        dark[row.min() - 2 : row.max() + 3, column.min() - 2 : column.max() + 3] = 0.05
    portrait.foreground = dark
    painted = bake(portrait, rig)
    darker = {name: texture.color[area][at].mean() - painted.color[area][at].mean() for name, at in spots.items()}
    assert darker["side"] < 0.15 and darker["front"] > 0.3


def test_made_up_cheeks_run_into_the_head(texture):
    face, shell = chart_slice("face"), chart_slice("shell")
    at = 0.5 + (face_chart()[OVAL] - 0.5) * 0.98
    column = (head_template().outline_at * 512).astype(int)
    beside = texture.color[shell][4, column]
    step = np.abs(sample(texture.color[face], at[None] * 512)[0] - beside).mean(1)
    assert np.median(step) < 0.06 and np.quantile(step, 0.9) < 0.19  # but for where hair begins, light or dark strand by strand


def test_another_portrait_unrolls_too(hopper_portrait, hopper_rig):
    other = bake(hopper_portrait, hopper_rig)
    assert np.isfinite(other.color).all() and other.color[chart_slice("face")].std() > 0.05
    assert other.regions["glasses"].max() > 0.5


def test_what_turns_away_from_the_camera_is_solid(rig, texture):
    area = chart_slice("shell")
    corners = rig.vertices[rig.faces[np.maximum(texture.faces[area], 0)]]
    normal = np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])
    away = (normal * (rig.camera.centre - corners.mean(-2))).sum(-1) < 0
    away &= texture.faces[area] >= 0
    assert away.mean() > 0.2 and (texture.alpha[area][away] > 0.95).mean() > 0.97 and texture.alpha[area][away].min() >= LEAST_SOLID - 0.01
