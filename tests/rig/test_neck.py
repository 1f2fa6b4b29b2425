"""The body's joint, and the neck that takes it along: whatever is asked for, nobody becomes a giraffe."""

from itertools import product

import numpy as np
import pytest
import torch

from perse.controls import RANGES
from perse.face.alignment import rotation
from perse.rig.expressions import NAMES
from perse.rig.neck import NECK_LEAN, NECK_LENGTH, Neck
from perse.rig.skeleton import NECK_ENDS, NECK_PIVOT

REST = torch.zeros(len(NAMES))
LENGTH = float(np.linalg.norm(np.subtract(*NECK_ENDS)))
SHIFTS = [(0, 0, 0), (0, -4, 0), (0, 4, 0), (4, 0, 0), (-0.5, -0.3, 0.2), (0, 0, -4), (1, 2, 3)]
TURNS = [(0, 0, 0), (45, 0, 0), (-45, 30, -30), (10, -30, 30)]


@pytest.fixture(params=["rig", "hopper_rig"])
def any_rig(request):
    return request.getfixturevalue(request.param)


def pose(turn=(0, 0, 0), shift=(0, 0, 0)) -> torch.Tensor:
    """Degrees and eye distances, as the poser takes them."""
    return torch.tensor([*np.radians(turn), *shift], dtype=torch.float32)


def ends(rig) -> tuple[int, int]:
    """Vertices nearest to the neck's ends: one that the body alone carries, one that the head alone carries."""
    which = (rig.head == 0, rig.head == 1)
    return tuple(
        int(np.flatnonzero(some)[np.linalg.norm(rig.vertices[some] - end, axis=1).argmin()]) for some, end in zip(which, NECK_ENDS)
    )


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("turn", TURNS)
def test_a_neck_grows_and_shrinks_by_little_whatever_the_head_does(turn, shift):
    neck, head = Neck(), pose(turn, shift)
    for body in (pose(), pose((0, 0, 30), (-1, 3, 0))):
        parts = [(rotation(*p[:3].unbind(-1)), p[3:]) for p in (head, body)]
        (top, above), (bottom, below) = parts
        bone = top @ (neck.upper - neck.pivot) + above - bottom @ (neck.lower - neck.pivot) - below - neck.pull(*parts)
        axis = bottom @ (neck.upper - neck.lower) / neck.length
        low, high = NECK_LENGTH
        assert low - 1e-4 <= float(bone.norm() / neck.length) <= high + 1e-4
        along = float(bone @ axis)
        assert float((bone - along * axis).norm()) <= NECK_LEAN * along + 1e-4


@pytest.mark.parametrize("shift", [(0, -3, 0), (0, 3, 0), (0, -0.3, 0), (0, 0.3, 0)])
def test_the_mesh_obeys(any_rig, shift):
    bottom, top = ends(any_rig)
    posed = any_rig.poser()(REST, pose(shift=shift)).numpy()
    before, after = (np.linalg.norm(points[top] - points[bottom]) for points in (any_rig.vertices, posed))
    assert 0 < (before - after) * np.sign(shift[1]) <= 0.15 * max(before, LENGTH) + 1e-4  # it gives, and not much
    carried = any_rig.head == 1
    np.testing.assert_allclose(posed[carried] - any_rig.vertices[carried], np.tile(shift, (carried.sum(), 1)), atol=1e-4)
    assert np.ptp(posed[any_rig.head == 0] - any_rig.vertices[any_rig.head == 0], axis=0).max() < 1e-4  # the body comes as a whole


def test_a_head_that_only_turns_leaves_the_shoulders(any_rig):
    poser, still = any_rig.poser(), any_rig.head == 0
    corners = product(*(RANGES[f"head_{name}"] for name in ("yaw", "pitch", "roll")))
    for turn in (*corners, (0, 0, 0)):
        assert np.array_equal(poser(REST, pose(turn)).numpy()[still], any_rig.vertices[still]), turn


def test_the_body_moves_as_told_within_what_the_neck_gives(any_rig):
    body = pose((0, 0, 10), (0.05, 0.02, 0))
    posed = any_rig.poser()(REST, None, None, None, body).numpy()
    carried, stays = any_rig.head == 0, any_rig.head == 1
    turn = rotation(0.0, 0.0, np.radians(10.0))
    expected = (any_rig.vertices[carried] - NECK_PIVOT) @ turn.T + NECK_PIVOT + [0.05, 0.02, 0]
    np.testing.assert_allclose(posed[carried], expected, atol=1e-4)
    np.testing.assert_allclose(posed[stays], any_rig.vertices[stays], atol=1e-5)


def test_head_and_body_that_move_as_one_move_all(any_rig):
    whole = pose((0, 0, 8), (2, -1, 0.5))
    posed = any_rig.poser()(REST, whole, None, None, whole).numpy()
    expected = (any_rig.vertices - NECK_PIVOT) @ rotation(0.0, 0.0, np.radians(8.0)).T + NECK_PIVOT + [2, -1, 0.5]
    np.testing.assert_allclose(posed, expected, atol=1e-4)


def test_many_poses_at_once_are_the_same_as_one_by_one(rig):
    heads, bodies = (torch.stack([pose(t, s) for t, s in zip(TURNS, shifts)]) for shifts in (SHIFTS, SHIFTS[::-1]))
    poser = rig.poser()
    batch = poser(REST.expand(len(heads), -1), heads, None, None, bodies)
    for together, head, body in zip(batch, heads, bodies):
        torch.testing.assert_close(together, poser(REST, head, None, None, body), atol=1e-5, rtol=0)


def test_pulling_is_differentiable(rig):
    for shift in ((0.0, 0.0, 0.0), (0.0, -2.0, 0.0), (3.0, 0.1, 0.0)):
        head, body = (pose((5, 2, 1), s).requires_grad_() for s in (shift, (0.1, 0.0, 0.0)))
        (rig.poser()(REST, head, None, None, body) ** 2).sum().backward()
        assert torch.isfinite(head.grad).all() and torch.isfinite(body.grad).all()
