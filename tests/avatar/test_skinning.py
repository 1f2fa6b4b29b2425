"""Bound Gaussians: the fused kernel does what the torch form says, and a rigid motion carries them exactly."""

import numpy as np
import pytest
import torch

from perse.avatar.binding import STRETCH, Binding, matrix_to_quaternion, quaternion_multiply, triangle_frames
from perse.avatar.skinning import Follower
from perse.edits.bound_mesh import BoundMesh
from perse.face.alignment import rotation
from perse.rig.expressions import NAMES

COUNT = 2000


@pytest.fixture(scope="module")
def scene(rig):
    """A follower over the real mesh with Gaussians everywhere, off their triangles; and their rest values."""
    random = torch.Generator().manual_seed(1)
    faces = torch.from_numpy(rig.faces)
    bary = torch.rand(COUNT, 3, generator=random)
    binding = Binding(torch.randint(len(faces), (COUNT,), generator=random), bary / bary.sum(1, keepdim=True))
    follower = Follower(torch.from_numpy(rig.vertices), faces, binding)
    quats = torch.nn.functional.normalize(torch.randn(COUNT, 4, generator=random), dim=1)
    return follower, (0.05 * torch.randn(COUNT, 3, generator=random), quats, torch.randn(COUNT, 3, generator=random) * 0.5 - 4)


@pytest.fixture(scope="module")
def posed(rig):
    """Vertices of a strong pose."""
    weights = torch.zeros(len(NAMES))
    for name in ("jaw_open", "mouth_smile_left", "eye_blink_right", "brow_inner_up"):
        weights[NAMES.index(name)] = 1.0
    return rig.poser()(weights, torch.tensor([0.5, -0.2, 0.3]), torch.tensor([0.3, 0.1]))


def rotations(quats: torch.Tensor) -> torch.Tensor:
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
        ],
        -1,
    ).reshape(-1, 3, 3)


def test_at_rest_everything_keeps_its_numbers(rig, scene):
    follower, (offset, quats, log_scales) = scene
    means, out_quats, scales = follower(torch.from_numpy(rig.vertices), offset, quats, log_scales)
    corners = torch.from_numpy(rig.vertices)[torch.from_numpy(rig.faces)[follower.binding.face]]
    torch.testing.assert_close(means, (follower.binding.bary[..., None] * corners).sum(1) + offset, atol=2e-6, rtol=0)
    torch.testing.assert_close(rotations(out_quats), rotations(quats), atol=1e-5, rtol=0)
    torch.testing.assert_close(scales, log_scales.exp(), rtol=1e-5, atol=0)


def test_the_kernel_matches_its_plain_form(scene, posed):
    follower, values = scene
    fused, plain = follower(posed, *values), follower.plain(posed, *values)
    torch.testing.assert_close(fused[0], plain[0], atol=5e-6, rtol=0)
    torch.testing.assert_close(rotations(fused[1]), rotations(plain[1]), atol=2e-5, rtol=0)
    torch.testing.assert_close(fused[2], plain[2], rtol=2e-5, atol=0)


@pytest.mark.parametrize("every", [1, 2])
def test_so_do_its_gradients(rig, scene, posed, every):
    values = scene[1]
    follower = Follower(torch.from_numpy(rig.vertices), torch.from_numpy(rig.faces), scene[0].binding, torch.arange(COUNT) % every > 0)
    probes = [torch.randn(COUNT, n, generator=torch.Generator().manual_seed(n)) for n in (3, 4, 3)]
    grads = []
    for run in (follower, follower.plain):
        inputs = [x.clone().requires_grad_() for x in (posed, *values)]
        sum((a * b).sum() for a, b in zip(run(*inputs), probes)).backward()
        grads.append([x.grad for x in inputs])
    for fused, plain in zip(*grads):
        assert plain.abs().max() > 0
        assert (fused - plain).abs().max() < 1e-4 * plain.abs().max()


def test_gradients_are_left_out_where_nobody_asks(scene, posed):
    follower, (offset, quats, log_scales) = scene
    offset = offset.clone().requires_grad_()
    means, _, _ = follower(posed, offset, quats, log_scales)
    means.sum().backward()
    assert offset.grad is not None and not posed.requires_grad


def test_a_rigid_motion_carries_gaussians_exactly(rig, scene):
    follower, (offset, quats, log_scales) = scene
    rest = torch.from_numpy(rig.vertices)
    turn = rotation(*torch.tensor([0.7, -0.4, 1.1]))
    shift = torch.tensor([0.3, -2.0, 1.0])
    before = follower(rest, offset, quats, log_scales)
    after = follower(rest @ turn.T + shift, offset, quats, log_scales)
    torch.testing.assert_close(after[0], before[0] @ turn.T + shift, atol=4e-5, rtol=0)
    torch.testing.assert_close(rotations(after[1]), turn @ rotations(before[1]), atol=5e-4, rtol=0)  # on slivers at the neck's cut
    torch.testing.assert_close(after[2], before[2], rtol=1e-4, atol=0)


def test_growth_follows_the_triangle_within_limits(rig, scene):
    follower, (offset, quats, log_scales) = scene
    rest = torch.from_numpy(rig.vertices)
    for factor in (0.5, 2.0, 0.01, 50.0):
        means, _, scales = follower(rest * factor, offset, quats, log_scales)
        grown = min(max(factor, STRETCH[0]), STRETCH[1])
        torch.testing.assert_close(scales, log_scales.exp() * grown, rtol=1e-3, atol=0)
        points = follower(rest * factor, torch.zeros_like(offset), quats, log_scales)[0]
        torch.testing.assert_close(means - points, offset * grown, atol=1e-4, rtol=1e-3)


def test_what_hangs_on_the_skin_turns_with_it_and_keeps_its_size_as_in_the_clips(rig, scene, posed):
    _, (offset, quats, log_scales) = scene
    binding, faces = scene[0].binding, torch.from_numpy(rig.faces)
    rigid = torch.arange(COUNT) % 2 == 0
    follower = Follower(torch.from_numpy(rig.vertices), faces, binding, rigid)
    face, bary = binding.face.numpy(), binding.bary.numpy()
    nothing = np.zeros((0, 3), int)
    in_a_clip = BoundMesh(face, bary, offset.numpy(), nothing, np.zeros((COUNT, 3)), nothing[:, :2]).pose(rig, posed.numpy())
    for means, _, scales in (follower(posed, offset, quats, log_scales), follower.plain(posed, offset, quats, log_scales)):
        np.testing.assert_allclose(means[rigid].numpy(), in_a_clip[rigid.numpy()], atol=2e-5)
        torch.testing.assert_close(scales[rigid], log_scales.exp()[rigid], rtol=1e-5, atol=0)
        assert (scales[~rigid] / log_scales.exp()[~rigid] - 1).abs().max() > 0.1


def test_a_collapsed_triangle_stays_finite(rig, scene):
    follower, values = scene
    flat = torch.from_numpy(rig.vertices).clone()
    flat[:] = flat[0]
    for run in (follower, follower.plain):
        assert all(torch.isfinite(x).all() for x in run(flat, *values))


def test_frames_and_quaternions(posed, rig):
    frames, size = triangle_frames(posed.double(), torch.from_numpy(rig.faces))
    torch.testing.assert_close(frames.transpose(1, 2) @ frames, torch.eye(3).double().expand(len(frames), 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(frames), torch.ones(len(frames)).double(), atol=1e-6, rtol=0)
    assert (size > 0).all()
    quats = matrix_to_quaternion(frames)
    torch.testing.assert_close(rotations(quats), frames, atol=1e-9, rtol=0)
    other = torch.nn.functional.normalize(torch.randn(len(quats), 4, generator=torch.Generator().manual_seed(0)), dim=1).double()
    torch.testing.assert_close(rotations(quaternion_multiply(other, quats)), rotations(other) @ frames, atol=1e-9, rtol=0)
    # Half turns, where the trace is no help.
    for axis in np.eye(3):
        half = torch.from_numpy(2 * np.outer(axis, axis) - np.eye(3))[None]
        torch.testing.assert_close(rotations(matrix_to_quaternion(half)), half)


def test_what_nobody_sees_is_left_out_and_the_rest_is_as_before(scene, posed):
    follower, values = scene
    opacities = torch.full((len(values[0]),), 0.7)
    opacities[::3] = 0.001
    seen = opacities > 0.5
    leaves = [value.clone().requires_grad_() for value in values]
    some, every = follower(posed, *leaves, opacities), follower(posed, *values)
    for part, whole in zip(some, every):
        assert torch.equal(part[seen], whole[seen]) and torch.isfinite(part).all()
    assert (some[2] > 0).all() and (some[2][~seen] < 1e-5).all()
    sum(part.sum() for part in some).backward()
    assert all((leaf.grad[~seen] == 0).all() and leaf.grad[seen].abs().max() > 0 for leaf in leaves)
