"""Closed lids are skin with a line of lashes, whatever the portrait shows around its open eyes."""

import numpy as np
import pytest
import torch

from perse.avatar.lids import LidSkin
from perse.controls import Controls
from perse.rig.expressions import expand
from perse.rig.rig import PART
from perse.rig.topology import EYE

SKIN = np.array([0.8, 0.6, 0.5], np.float32)


@pytest.fixture(scope="module")
def dots(rig):
    """Gaussians all over face and eyeballs: skin, but dark lashes at the lids' edges and white eyeballs. face, bary, offset, colors,
    opacities."""
    face = np.repeat(rig.part_faces("face", "eye_left", "eye_right"), 12)
    bary = np.random.default_rng(0).dirichlet([1, 1, 1], len(face)).astype(np.float32)
    points = np.einsum("nk,nkc->nc", bary, rig.vertices[rig.faces[face]])
    colors = np.broadcast_to(SKIN, points.shape).copy()
    edges = rig.vertices[[i for side in EYE for row in ("upper", "lower") for i in EYE[side][row]]]
    colors[np.linalg.norm(points[:, None] - edges[None], axis=2).min(1) < 0.03] = 0.1
    colors[rig.face_part[face] != PART["face"]] = 1.0
    return face, bary, np.zeros_like(points), colors, np.ones(len(face), np.float32)


def shown(rig, dots, **expression) -> np.ndarray:
    """(N, 3) colours in an expression."""
    return LidSkin(rig, *dots)(torch.from_numpy(dots[3]), torch.from_numpy(expand(expression))).numpy()


def of(rig, dots, part: str) -> np.ndarray:
    return rig.face_part[dots[0]] == PART[part]


def test_open_eyes_are_left_alone(rig, dots):
    colors = torch.from_numpy(dots[3])
    assert LidSkin(rig, *dots)(colors, torch.from_numpy(expand({}))) is colors
    assert LidSkin(rig, *dots)(colors, torch.from_numpy(expand({"jaw_open": 1.0}))) is colors


def test_a_blink_shows_skin_and_one_dark_line(rig, dots):
    before, after = dots[3], shown(rig, dots, blink=1.0)
    face = of(rig, dots, "face")
    lashes = face & (before[:, 0] < 0.2)
    assert (after[lashes, 0] < 0.2).mean() < 0.5  # they lie along the edge, no longer all over the lid
    # Nothing white is left for a gap between two Gaussians to show.
    balls = ~face
    assert after[balls].max() <= SKIN[0] + 1e-4 and np.median(after[balls, 0]) > 0.55
    changed = np.abs(after - before).max(1) > 0.02
    points = np.einsum("nk,nkc->nc", dots[1], rig.vertices[rig.faces[dots[0]]])
    assert points[changed & face, 1].min() > rig.vertices[[105, 334], 1].min() and not changed[np.abs(points[:, 0]) < 0.05].any()
    posed = rig.poser()(torch.from_numpy(expand({"blink": 1.0}))).numpy()
    closed = np.einsum("nk,nkc->nc", dots[1], posed[rig.faces[dots[0]]])
    dark = face & (after[:, 0] < 0.45 * SKIN[0])
    middle = posed[386, 0]
    line = dark & (np.abs(closed[:, 0] - middle) < 0.03)
    assert line.any() and np.abs(closed[line, 1] - posed[386, 1]).max() < 0.04


@pytest.mark.parametrize("side, other", [("left", "right"), ("right", "left")])
def test_a_wink_recolours_one_eye(rig, dots, side, other):
    after = shown(rig, dots, **{f"eye_blink_{side}": 1.0})
    assert after[of(rig, dots, f"eye_{side}")].max() < 0.9
    np.testing.assert_array_equal(after[of(rig, dots, f"eye_{other}")], 1.0)


def test_eyeballs_keep_their_white_until_the_lids_meet(rig, dots):
    for expression in ({"blink": 0.6}, {"eye_look_down_left": 1.0}, {"smile": 1.0}, {"angry": 1.0}, {"surprise": 1.0}):
        np.testing.assert_array_equal(shown(rig, dots, **expression)[~of(rig, dots, "face")], 1.0)


def test_what_an_edit_hangs_before_the_eyes_is_no_lid(rig, dots):
    face, bary, offset, colors, opacities = dots
    far = offset.copy()
    far[:, 2] = -0.2
    on_face = of(rig, dots, "face")
    for changed in ((face, bary, far, colors, opacities), (face, bary, offset, colors, np.where(on_face, 0, opacities))):
        np.testing.assert_array_equal(shown(rig, changed, blink=1.0), colors)


def test_many_moments_at_once(rig, dots):
    weights = torch.from_numpy(np.stack([expand({"blink": b}) for b in (0.0, 0.5, 1.0)]))
    colors = torch.from_numpy(dots[3])
    lids = LidSkin(rig, *dots)
    many = lids(colors, weights)
    for one, row in zip(many, weights):
        torch.testing.assert_close(one, lids(colors, row).expand_as(one))


def test_a_built_avatar_closes_its_eyes(avatar, picture):
    """Where the eyeballs are there is no white and no dark smear in a blink."""
    camera = avatar.camera(Controls(), 512, 512)
    opened, closed = picture(512), picture(512, expression={"blink": 1.0})
    for side in EYE:
        ring = [*EYE[side]["upper"], *EYE[side]["lower"]]
        xy = camera.project(avatar.rig.vertices[ring])[0]
        low, high = np.round(xy.min(0)).astype(int), np.round(xy.max(0)).astype(int)
        eye = np.s_[low[1]:high[1], low[0] + 2:high[0] - 2]
        assert closed[eye].mean(-1).std() < 0.75 * opened[eye].mean(-1).std()
        assert closed[eye].mean() > opened[eye].mean()
