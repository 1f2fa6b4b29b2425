"""The bust: it begins where the head ends, lets go of the head downwards, and stays upright whatever the head does."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from perse.render.geometry import grid_on
from perse.rig.anatomy.prior import likely_head
from perse.rig.anatomy.template import head_template
from perse.rig.bust import ANGLES, ROWS, build_bust
from perse.rig.head import bare_head
from perse.rig.rig import rotation
from perse.rig.skeleton import NECK_PIVOT

from .heads import SIZE, drawn, made_head

NOTHING = {name: np.zeros((SIZE, SIZE), np.float32) for name in ("person", "neck", "clothes", "hair")}


def bust_of(turn=(0.0, 0.0, 0.0), masks=NOTHING, seed=5):
    """Where the head ends (L, 3) and the bust below it, of a head that is turned by yaw, pitch and roll, degrees, before the camera."""
    made, template = made_head(drawn(seed)), head_template()
    camera = made.camera
    camera.viewmat[:3, :3] = rotation(*torch.tensor(np.radians(turn))).numpy()
    likely = likely_head(made.face)
    ring = bare_head(made.face, camera, likely)[template.neck_loop]
    return ring, build_bust(made.face, likely, ring, template.head_follows[template.neck_loop], camera, masks), camera.viewmat[:3, :3]


@pytest.mark.parametrize("turn", [(0, 0, 0), (30, 0, 0), (0, 15, 0), (0, 0, 20), (-20, 10, -10)])
def test_it_begins_where_the_head_ends(turn):
    ring, bust, _ = bust_of(turn)
    first = bust.vertices[:ANGLES]
    assert np.linalg.norm(first[:, None] - ring[None], axis=2).min(1).max() < 0.06
    assert np.linalg.norm(first[None] - ring[:, None], axis=2).min(1).max() < 0.12


def test_it_lets_go_of_the_head_downwards():
    _, bust, _ = bust_of()
    rows = bust.head.reshape(ROWS, ANGLES)
    assert (np.diff(rows, axis=0) <= 1e-9).all() and rows[0].min() > 0.4 and rows[-1].max() == 0
    assert (np.diff(bust.vertices.reshape(ROWS, ANGLES, 3)[:, :, 1].mean(1)) > 0).all()


@pytest.mark.parametrize("turn", [(30, 0, 0), (0, 15, 0), (0, 0, 20), (-20, 10, -10)])
def test_shoulders_stay_where_they_are_when_the_head_turns(turn):
    """In the camera's axes a head that is turned before the portrait, about its neck, has the bust of one that is not."""
    still, turned = (bust_of(t) for t in ((0, 0, 0), turn))
    one, other = (bust.vertices @ view.T - view @ NECK_PIVOT for _, bust, view in (still, turned))
    surface = cKDTree(grid_on(one[still[1].faces], 6).reshape(-1, 3))
    low = other[other[:, 1] > one[12 * ANGLES :, 1].min()]
    low = low[low[:, 1] < one[:, 1].max() - 0.2]
    away = surface.query(low)[0]
    assert len(low) > 100 and away.mean() < 0.05 and np.quantile(away, 0.95) < 0.1


def test_it_is_as_wide_as_the_portrait_shows_it():
    made = made_head(drawn(5))
    _, likely, view = bust_of(masks=made.masks)
    wide = made.masks | {"person": made.masks["person"].copy(), "clothes": made.masks["clothes"].copy()}
    chin = int(made.landmarks[152, 1])
    wide["person"][chin + 120 :, 40:-40] = wide["clothes"][chin + 120 :, 40:-40] = 1
    _, wider, _ = bust_of(masks=wide)
    level = np.abs(likely.vertices[:, 1] - 3.0) < 0.4
    assert np.ptp(wider.vertices[level][:, 0]) > np.ptp(likely.vertices[level][:, 0])
