"""Light between the lips."""

import numpy as np
import pytest
import torch

from perse.avatar.appearance.effect import Pose, Rest, recoloured
from perse.avatar.appearance.mouth_light import LIGHTER, MouthLight
from perse.controls import BANDS
from perse.rig.expressions import expand
from perse.rig.skeleton import MOUTH_PARTS, PART


@pytest.fixture(scope="module")
def closed(hopper_rig):
    """A rig whose mouth is closed, Gaussians in the middle of all its triangles (face), and their colours."""
    face = np.arange(len(hopper_rig.faces))
    colors = np.full((len(face), 3), 0.5, np.float32)
    teeth = np.isin(hopper_rig.face_part, [PART["upper_teeth"], PART["lower_teeth"]])
    colors[teeth] = [0.8, 0.75, 0.7]
    colors[np.flatnonzero(teeth)[::5]] = [0.6, 0.3, 0.3]  # gums
    return hopper_rig, face, colors


def lit(rig, face, colors, light=None, **expression) -> np.ndarray:
    vertices = rig.poser()(torch.from_numpy(expand(expression)))
    light = None if light is None else torch.as_tensor(light, dtype=torch.float32)
    pose = Pose(torch.zeros(0), vertices, vertices[rig.faces[face]].mean(1), mouth_light=light)
    return recoloured(torch.from_numpy(colors), pose, (inside(rig, face, colors),)).numpy()


def inside(rig, face, colors) -> MouthLight:
    return MouthLight(Rest(rig, face, np.full((len(face), 3), 1 / 3), np.zeros((len(face), 3)), colors, np.ones(len(face))))


def test_the_less_a_mouth_is_open_the_less_light_falls_in(closed):
    rig, face, colors = closed
    within = np.isin(rig.face_part, MOUTH_PARTS)
    share = [(lit(*closed, jaw_open=w)[within] / colors[within]).mean() for w in (0.05, 0.15, 0.3, 1.0)]
    assert share[0] < 0.6 and share == sorted(share) and share[-1] == pytest.approx(1.0)
    np.testing.assert_array_equal(lit(*closed, jaw_open=0.05)[~within], colors[~within])


def test_an_open_mouth_keeps_the_photos_own_light(rig):
    face = np.arange(len(rig.faces))
    colors = np.full((len(face), 3), 0.5, np.float32)
    np.testing.assert_allclose(lit(rig, face, colors), colors, atol=1e-6)


def test_each_band_lights_what_lies_in_it(closed):
    rig, face, colors = closed
    teeth = [rig.face_part == PART[row] for row in ("upper_teeth", "lower_teeth")]
    plain = lit(*closed, jaw_open=1.0)
    for band, (here, there) in ((0, teeth), (BANDS - 1, teeth[::-1])):
        light = np.zeros(BANDS)
        light[band] = -1.5
        share = lit(*closed, light, jaw_open=1.0) / plain
        assert np.median(share[here]) < 0.6 and np.median(share[there]) > 0.95


def test_gums_become_teeth_where_a_clip_shows_teeth(closed):
    rig, face, colors = closed
    gums = (colors == np.float32([0.6, 0.3, 0.3])).all(1) & (rig.face_part == PART["upper_teeth"])
    shown = lit(*closed, np.full(BANDS, 0.3), jaw_open=1.0)
    assert (shown.max(1) - shown.min(1))[gums].max() < 0.2 < 0.25 < np.ptp(colors[gums][0])


def test_a_shine_in_the_clip_makes_no_tooth_lighter_than_its_light(closed):
    rig, face, colors = closed
    teeth = (colors == np.float32([0.8, 0.75, 0.7])).all(1)
    shown = lit(*closed, np.full(BANDS, 1.0), jaw_open=1.0)
    assert (shown[teeth] < 1.25 * colors[teeth]).all() and np.median(shown[teeth] / colors[teeth]) > 1.1


def test_many_moments_at_once(closed):
    rig, face, colors = closed
    weights = torch.from_numpy(np.stack([expand({"jaw_open": w}) for w in (0.0, 0.4)]))
    light = torch.linspace(-1, 0.3, 2 * BANDS).reshape(2, BANDS)
    vertices = rig.poser()(weights)
    means = vertices[:, rig.faces[face]].mean(2)
    lights, one = inside(rig, face, colors), torch.from_numpy(colors)
    for k, row in enumerate(recoloured(one, Pose(weights, vertices, means, mouth_light=light), (lights,))):
        torch.testing.assert_close(row, recoloured(one, Pose(weights[k], vertices[k], means[k], mouth_light=light[k]), (lights,)))


def test_teeth_that_stand_in_the_lips_shade_come_out_of_it(rig):
    """The astronaut's mouth is open: dim teeth become as light as the face's light makes enamel, and bright ones stay."""
    face = np.arange(len(rig.faces))
    teeth = np.isin(rig.face_part, [PART["upper_teeth"], PART["lower_teeth"]])
    # The cheeks' shade lies on the others.
    front = teeth & (np.abs(rig.vertices[rig.faces].mean(1)[:, 0]) < 0.1)
    eyes = np.isin(rig.face_part, [PART["eye_right"], PART["eye_left"]])

    def gain(tooth, **expression):
        colors = np.full((len(face), 3), 0.55, np.float32)
        colors[eyes], colors[teeth] = 0.8, tooth
        return (lit(rig, face, colors, **expression) / colors)[front]

    dim = [0.30, 0.29, 0.33]  # bluish grey
    np.testing.assert_allclose(gain(dim), 1, atol=1e-5)
    steps = [gain(dim, jaw_open=w).mean() for w in (0.1, 0.3, 0.6)]
    assert 1 < steps[0] < steps[1] <= steps[2] and 1.5 < steps[2] < LIGHTER
    red, _, blue = gain(dim, jaw_open=0.6).mean(0)
    assert red > 1.05 * blue  # they lose their blue
    np.testing.assert_allclose(gain([0.9, 0.86, 0.82], jaw_open=0.6), 1, atol=0.02)
