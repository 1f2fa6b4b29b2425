"""Displacements of the landmarks move the rest of the mesh with them, and a head can be shifted."""

import numpy as np
import pytest
import torch

from perse.controls import MARKS, Controls
from perse.face.landmarks import CHIN, FACE, UPPER_LIP
from perse.rig.expressions import NAMES


@pytest.fixture
def avatar(plain_avatar):
    return plain_avatar


def test_detail_moves_the_landmarks_and_carries_the_rest(avatar):
    moved = torch.zeros(FACE, 3)
    moved[UPPER_LIP, 1] = -0.03  # the upper lip's middle
    moved[CHIN, 1] = 0.04  # the chin, on the outline
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


def test_the_head_can_be_shifted(avatar):
    shifted = avatar.state(Controls(head_x=0.3, head_z=-0.2))
    rest, moved = (avatar.poser(s.weights, s.head)[:FACE] for s in (avatar.state(Controls()), shifted))
    assert torch.allclose(moved - rest, torch.tensor([0.3, 0.0, -0.2]).expand(FACE, 3), atol=1e-5)
