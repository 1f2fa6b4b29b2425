"""Closed lids are skin with a line of lashes, whatever the portrait shows around its open eyes."""

import numpy as np
import pytest
import torch

from perse.avatar.appearance.closed_lids import ClosedLid
from perse.avatar.appearance.effect import Pose, Rest, recoloured
from perse.avatar.appearance.lid_gaussians import lid_skin
from perse.controls import Controls
from perse.face.landmarks import EYE
from perse.rig.expressions import expand
from perse.rig.skeleton import PART

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


def posed(rig, dots, weights: torch.Tensor, gaze: torch.Tensor | None = None, shape: torch.Tensor | None = None):
    """Vertices (..., V, 3) and the Gaussians' means (..., N, 3)."""
    vertices = rig.poser()(weights, gaze=gaze, shape=shape)
    return vertices, (vertices[..., rig.faces[dots[0]], :] * torch.from_numpy(dots[1])[..., None]).sum(-2) + torch.from_numpy(dots[2])


def lids(rig, dots) -> tuple[ClosedLid, ...]:
    rest = Rest(rig, *dots)
    return tuple(ClosedLid(rest, side, skin) for side in EYE if (skin := lid_skin(rest, side)) is not None)


def shown(rig, dots, **expression) -> np.ndarray:
    """(N, 3) colours in an expression."""
    weights = torch.from_numpy(expand(expression))
    return recoloured(torch.from_numpy(dots[3]), Pose(weights, *posed(rig, dots, weights)), lids(rig, dots)).numpy()


def of(rig, dots, part: str) -> np.ndarray:
    return rig.face_part[dots[0]] == PART[part]


def in_sight(rig, dots) -> np.ndarray:
    """(N,) bool: on an eyeball and, at rest, between its lids as the portrait's camera has them."""
    from perse.render.mesh import rasterize_ids

    ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), rig.camera)
    points = np.einsum("nk,nkc->nc", dots[1], rig.vertices[rig.faces[dots[0]]])
    xy, depth = rig.camera.project(points)
    x, y = np.clip(np.round(xy - 0.5).astype(int), 0, len(ids) - 1).T
    front = np.einsum("nk,nkc->nc", bary[y, x], rig.vertices[rig.faces[ids[y, x]]])
    return ~of(rig, dots, "face") & (ids[y, x] >= 0) & (depth < rig.camera.to_camera(front)[:, 2] + 0.005)


def test_open_eyes_are_left_alone(rig, dots):
    colors = torch.from_numpy(dots[3])
    for expression in ({}, {"jaw_open": 1.0}):
        np.testing.assert_array_equal(shown(rig, dots, **expression)[of(rig, dots, "face")], dots[3][of(rig, dots, "face")])
        between = np.abs(dots[3] - shown(rig, dots, **expression)).max(1) == 0
        assert between[in_sight(rig, dots)].all()
    bare = tuple(x[of(rig, dots, "face")] for x in dots)
    weights = torch.from_numpy(expand({}))
    colors = colors[of(rig, dots, "face")]
    assert recoloured(colors, Pose(weights, *posed(rig, bare, weights)), lids(rig, bare)) is colors


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
    vertices, closed = (x.numpy() for x in posed(rig, dots, torch.from_numpy(expand({"blink": 1.0}))))
    dark = face & (after[:, 0] < 0.45 * SKIN[0])
    middle = vertices[386, 0]
    line = dark & (np.abs(closed[:, 0] - middle) < 0.03)
    assert line.any() and np.abs(closed[line, 1] - vertices[386, 1]).max() < 0.04


@pytest.mark.parametrize("side, other", [("left", "right"), ("right", "left")])
def test_a_wink_recolours_one_eye(rig, dots, side, other):
    after = shown(rig, dots, **{f"eye_blink_{side}": 1.0})
    assert after[of(rig, dots, f"eye_{side}")].max() < 0.9
    np.testing.assert_array_equal(after[in_sight(rig, dots) & of(rig, dots, f"eye_{other}")], 1.0)


@pytest.mark.parametrize(
    "expression, gaze", [({"eye_look_down_left": 1.0, "eye_squint_left": 1.0}, 0.0), ({}, 25.0), ({"blink": 0.6}, -20.0)]
)
def test_an_eyeball_shows_between_its_lids_alone(rig, dots, expression, gaze):
    weights = torch.from_numpy(expand(expression))
    vertices, means = posed(rig, dots, weights, gaze=torch.tensor([np.radians(gaze), 0.0], dtype=torch.float32))
    after = recoloured(torch.from_numpy(dots[3]), Pose(weights, vertices, means), lids(rig, dots)).numpy()
    for side in EYE if gaze else ["left"]:  # the other eye has not moved, and nothing of it is pierced
        ball = np.flatnonzero(of(rig, dots, f"eye_{side}"))
        edges = vertices.numpy()[np.array([[EYE[side]["outer"], *EYE[side][row], EYE[side]["inner"]] for row in ("upper", "lower")])]
        order = np.argsort(edges[0, :, 0])
        x, y = means[ball, 0].numpy(), means[ball, 1].numpy()
        upper, lower = (np.interp(x, edge[order, 0], edge[order, 1]) for edge in edges)
        middle = np.abs(x - edges[0, :, 0].mean()) < 0.3 * np.ptp(edges[0, :, 0])
        hidden, open_ = middle & ((y < upper - 0.06) | (y > lower + 0.06)), middle & (y > upper + 0.01) & (y < lower - 0.01)
        assert hidden.any() and after[ball[hidden]].max() <= SKIN[0] + 1e-4
        assert not open_.any() or (after[ball[open_]] > 0.99).mean() > 0.95


def test_lids_that_a_driver_lowers_are_skin_too(rig, dots):
    detail = torch.zeros(468, 3)
    upper, lower = EYE["left"]["upper"], EYE["left"]["lower"]
    detail[upper] = 0.7 * torch.from_numpy(rig.vertices[lower] - rig.vertices[upper])
    weights = torch.from_numpy(expand({}))
    where = posed(rig, dots, weights, shape=rig.poser().spread(detail))
    both, colors = lids(rig, dots), torch.from_numpy(dots[3])
    lashes = of(rig, dots, "face") & (dots[3][:, 0] < 0.2)
    plain, lowered = (recoloured(colors, Pose(weights, *where, moved), both).numpy() for moved in (None, detail))
    assert (lowered[lashes, 0] > 0.3).mean() > (plain[lashes, 0] > 0.3).mean() + 0.2


def test_what_an_edit_hangs_before_the_eyes_is_no_lid(rig, dots):
    face, bary, offset, colors, opacities = dots
    far = offset.copy()
    far[:, 2] = -0.2
    on_face = of(rig, dots, "face")
    for changed in ((face, bary, far, colors, opacities), (face, bary, offset, colors, np.where(on_face, 0, opacities))):
        np.testing.assert_array_equal(shown(rig, changed, blink=1.0)[on_face], colors[on_face])


def test_many_moments_at_once(rig, dots):
    weights = torch.from_numpy(np.stack([expand({"blink": b}) for b in (0.0, 0.5, 1.0)]))
    colors = torch.from_numpy(dots[3])
    both = lids(rig, dots)
    many = recoloured(colors, Pose(weights, *posed(rig, dots, weights)), both)
    for one, row in zip(many, weights):
        torch.testing.assert_close(one, recoloured(colors, Pose(row, *posed(rig, dots, row)), both))


def test_a_built_avatar_closes_its_eyes(avatar, picture):
    """Where the eyeballs are there is no white and no dark smear in a blink."""
    camera = avatar.camera(Controls(), 512, 512)
    opened, closed = picture(512), picture(512, expression={"blink": 1.0})
    for side in EYE:
        ring = [*EYE[side]["upper"], *EYE[side]["lower"]]
        xy = camera.project(avatar.rig.vertices[ring])[0]
        low, high = np.round(xy.min(0)).astype(int), np.round(xy.max(0)).astype(int)
        eye = np.s_[low[1] : high[1], low[0] + 2 : high[0] - 2]
        assert closed[eye].mean(-1).std() < 0.75 * opened[eye].mean(-1).std()
        assert closed[eye].mean() > opened[eye].mean()
