"""The inside of the mouth: a portrait's own teeth and throat stay and run on, the rest is painted in its light."""

import numpy as np
import pytest

from perse.rig.mouth import CROWN, GUM
from perse.texture.completion.mouth import paint_cavity, paint_teeth, paint_tongue

LIGHT = np.array([0.8, 0.75, 0.7])
BLANK = np.zeros((64, 256, 3), np.float32)
UNSEEN = np.zeros((64, 256), np.float32)


@pytest.mark.parametrize("row", ["upper", "lower"])
def test_teeth_are_pale_in_front_dark_at_the_back_and_rounded_at_their_edges(row):
    color, alpha, own = paint_teeth(row, BLANK, UNSEEN, LIGHT)
    assert not own.any()
    if row == "lower":
        color, alpha = color[::-1], alpha[::-1]  # from the gum to the edge
    crown = slice(int(64 * (GUM / (CROWN + GUM) + 0.2)), 56)
    front, back = color[crown, 118:124].mean((0, 1)), color[crown, :16].mean((0, 1))
    assert front.min() > 0.45 and np.ptp(front) < 0.3 * front.max()
    assert back.mean() < 0.5 * front.mean()
    gum = color[4, 118:124].mean(0)
    assert gum[0] > 1.4 * gum[1]
    assert alpha[:48].min() == 1 and 0.05 < (alpha[60:] < 0.5).mean() < 0.95


def smile(row: str = "upper") -> tuple[np.ndarray, np.ndarray]:
    """Colour and mask of a strip in which a photo shows yellow teeth with dark gaps, a lip above and a dark gap below them."""
    picture = np.broadcast_to(np.array([0.6, 0.3, 0.3], np.float32), BLANK.shape).copy()
    picture[20:52, 80:176] = [0.75, 0.70, 0.52]
    picture[20:52, 96:176:16] = [0.25, 0.22, 0.20]
    picture[52:] = 0.05
    seen = UNSEEN.copy()
    seen[14:, 60:200] = 1
    return (picture, seen) if row == "upper" else (picture[::-1].copy(), seen[::-1].copy())


@pytest.mark.parametrize("row", ["upper", "lower"])
def test_teeth_that_the_photo_shows_stay_run_on_and_lend_their_colour(row):
    picture, seen = smile(row)
    color, alpha, own = paint_teeth(row, picture.copy(), seen, LIGHT)
    plain, *_ = paint_teeth(row, BLANK, UNSEEN, LIGHT)
    if row == "lower":
        picture, color, alpha, own, plain = (x[::-1] for x in (picture, color, alpha, own, plain))
    # All of them, gaps included: no hole through which the painted ones would show as specks.
    assert own[26:50, 84:172].min() > 0.9 and own[:18].max() == 0 and own[:, :70].max() == 0
    np.testing.assert_allclose(color[26:50, 84:172], picture[26:50, 84:172], atol=0.03)
    # Under the lip they run on as far as a tooth is long, then comes the gum.
    assert np.abs(color[19, 84:172].mean(0) - picture[26:50, 84:172].mean((0, 1))).max() < 0.2 and color[2, 120, 0] > 1.4 * color[2, 120, 1]
    # What the photo shows below them is no tooth.
    assert alpha[58:, 90:170].max() < 0.1
    beside, before = color[40, 50], plain[40, 50]
    assert beside[2] / beside[0] < before[2] / before[0]


def test_a_lips_edge_is_no_tooth():
    picture, seen = smile()
    seen[:48] = 0
    plain, whole, _ = paint_teeth("upper", BLANK, UNSEEN, LIGHT)
    color, alpha, own = paint_teeth("upper", picture, seen, LIGHT)
    assert not own.any()
    np.testing.assert_array_equal(color, plain)
    np.testing.assert_array_equal(alpha, whole)


def test_tongue_and_throat_darken_towards_the_back():
    tongue = paint_tongue((64, 64), LIGHT)
    assert tongue[2:6].mean() > 3 * tongue[-4:].mean() and tongue[2:6, ..., 0].mean() > 1.5 * tongue[2:6, ..., 1].mean()
    cavity, own = paint_cavity(BLANK[:, :64], UNSEEN[:, :64], LIGHT)
    assert cavity[32, 32].max() < 0.12 < cavity[32, 2].max() and not own.any()


def test_the_throat_that_the_photo_shows_stays_but_for_crumbs():
    seen = np.zeros((64, 64), np.float32)
    seen[16:48, 16:48], seen[4:7, 50:53] = 1, 1
    picture = np.full((64, 64, 3), [0.3, 0.1, 0.1], np.float32)
    picture[30:33, 30:33] = 0.8  # the shine on a tongue
    cavity, own = paint_cavity(picture, seen, LIGHT)
    assert own[26:38, 26:38].min() > 0.9 and own[:12, 44:].max() == 0
    np.testing.assert_allclose(cavity[26:38, 26:38], picture[26:38, 26:38], atol=0.06)
    seen[16:40] = 0
    assert not paint_cavity(picture, seen, LIGHT)[1].any()  # a strip would float when the mouth opens wider


def test_dark_corners_that_the_photo_shows_go_on_behind_the_lips():
    """Beside its own teeth, that is: these stay as bright as they are."""
    picture, seen = smile()
    picture[20:52, 184:200] = [0.12, 0.05, 0.05]
    color, _, own = paint_teeth("upper", picture, seen, LIGHT)
    bright, _, _ = paint_teeth("upper", *smile(), LIGHT)
    assert own[26:50, 186:].max() == 0
    corner = color[26:50, 186:198]
    level = np.log(corner / bright[26:50, 186:198])
    np.testing.assert_allclose(level.mean(-1), np.log(picture[26:50, 186:198] / bright[26:50, 186:198]).mean(-1), atol=0.1)
    assert np.ptp(level, axis=-1).max() < 0.02  # as dark as the corner, of the hue of a tooth
    assert (color[10:16, 186:198] < 0.85 * bright[10:16, 186:198]).all()
    np.testing.assert_allclose(color[:, 84:150], bright[:, 84:150], atol=0.03)
    np.testing.assert_allclose(color[:, :60], bright[:, :60], atol=0.03)


def test_a_sliver_of_the_throat_tells_its_shade_beside_it():
    picture, seen = np.full((64, 64, 3), [0.10, 0.03, 0.02], np.float32), np.zeros((64, 64), np.float32)
    seen[30:34, 2:10] = 1
    cavity, own = paint_cavity(picture, seen, LIGHT)
    plain, _ = paint_cavity(picture, np.zeros_like(seen), LIGHT)
    assert not own.any()
    np.testing.assert_allclose(cavity[31:33, 3:9], picture[31:33, 3:9], atol=0.02)
    assert (cavity[26, 4:8] < plain[26, 4:8]).all()
    np.testing.assert_allclose(cavity[28:36, 44:], plain[28:36, 44:], atol=0.01)
