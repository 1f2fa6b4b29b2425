import numpy as np
import pytest
import torch

from perse.controls import MARKS, Controls
from perse.errors import PerseError
from perse.face.landmarks import FACE, MOUTH_RING, OVAL
from perse.rig.expressions import INDEX, NAMES
from perse.tracking.residual import residual_detail
from perse.tracking.solve import Fit

from .conftest import landmark_face


def test_detail_moves_the_landmarks_and_carries_the_rest(avatar):
    moved = torch.zeros(FACE, 3)
    moved[13, 1] = -0.03  # the upper lip's middle
    moved[152, 1] = 0.04  # the chin, on the outline
    shift = avatar.poser.spread(moved).numpy()
    assert np.array_equal(shift[:FACE], moved.numpy())
    assert shift[FACE:, 1].min() == pytest.approx(-0.03)  # the mouth's bag is sewn to the lip
    below = shift[FACE:, 1].max()
    assert 0.01 < below <= 0.04  # skin under the chin follows, by less
    assert (np.abs(shift) > 1e-4).any(1).sum() < 0.2 * len(shift)


def test_without_detail_nothing_changes(avatar):
    rest = avatar.poser(torch.zeros(len(NAMES)))
    state = avatar.state(Controls(detail=(0.0,) * MARKS))
    assert torch.equal(avatar.poser(state.weights, shape=avatar.poser.spread(state.detail)), rest)
    assert avatar.state(Controls()).detail is None


def test_detail_must_be_complete():
    assert Controls.from_json({"detail": []}).detail == ()
    with pytest.raises(PerseError, match="detail"):
        Controls.from_json({"detail": [0.1, 0.2]})
    with pytest.raises(PerseError, match="detail"):
        Controls.from_json({"detail": [0.0] * (MARKS + 3)})


def test_residual_detail_closes_the_gap(avatar):
    """A smooth displacement on top of an open jaw is found again where it can be seen."""
    rig, camera = avatar.rig, avatar.rig.camera
    face = landmark_face(rig)
    weights = np.zeros((1, len(NAMES)))
    weights[0, INDEX["jaw_open"]] = 0.6
    true = 0.05 * np.exp(-((face.neutral - face.neutral[50]) ** 2).sum(1) / 0.1)[:, None] * [1.0, 0.5, 0.0]
    K = camera.K.astype(float)
    fit = Fit(camera.viewmat[None, :3, :3].astype(float), camera.viewmat[None, :3, 3].astype(float), weights)
    pixels = camera.project(face.pose(weights, true[None])[0])[0][None].astype(float)
    found = residual_detail(face, fit, pixels, K)[0]
    inner = [i for i in range(FACE) if i not in OVAL]
    assert np.abs(found - true)[inner, :2].max() < 0.012
    assert np.abs(found[MOUTH_RING] - true[MOUTH_RING])[:, :2].max() < 0.006


def test_the_head_can_be_shifted(avatar):
    shifted = avatar.state(Controls(head_x=0.3, head_z=-0.2))
    rest, moved = (avatar.poser(s.weights, s.head)[:FACE] for s in (avatar.state(Controls()), shifted))
    assert torch.allclose(moved - rest, torch.tensor([0.3, 0.0, -0.2]).expand(FACE, 3), atol=1e-5)
