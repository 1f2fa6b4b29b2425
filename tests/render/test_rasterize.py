"""The CPU kernel against its specification (reference.py), image and gradients, on kind and unkind scenes."""

import sys
import threading
import types

import numpy as np
import pytest
import torch

from perse.render.camera import Camera
from perse.render.cloud import GaussianCloud
from perse.render.rasterize import _rasterize_cuda, rasterize
from perse.render.reference import project, rasterize_reference

FIELDS = ("means", "quats", "scales", "opacities", "colors")
WIDTH, HEIGHT = 150, 67  # neither a multiple of a tile


@pytest.fixture(scope="module")
def camera():
    view = np.eye(4)
    view[:3, :3] = [[0.96, 0.0, 0.28], [0.0, 1.0, 0.0], [-0.28, 0.0, 0.96]]
    view[:3, 3] = [0.1, -0.05, 3.0]
    return Camera(view, np.array([[120, 0, 71], [0, 130, 36], [0, 0, 1]]), WIDTH, HEIGHT)


def scene(count, seed=0, spread=1.0, smallest=0.01, largest=0.2, low=0.0, high=1.0):
    """Gaussians in a box about the origin; scales log-uniform, quaternions of any length."""
    random = torch.Generator().manual_seed(seed)

    def uniform(*shape):
        return torch.rand(*shape, generator=random)

    return GaussianCloud(
        (uniform(count, 3) - 0.5) * 2 * spread,
        torch.randn(count, 4, generator=random) * 2,
        smallest * (largest / smallest) ** uniform(count, 3),
        low + (high - low) * uniform(count),
        uniform(count, 3),
    )


def thin():
    cloud = scene(60, smallest=0.3, largest=1.0)
    cloud.scales[:, 0] = 1e-4
    cloud.scales[:, 1] = 1e-3
    return cloud


def behind():
    cloud = scene(100)
    cloud.means[::2, 2] -= 6.0
    cloud.means[1::8, 2] = -3.0  # in the camera's own plane, or nearly
    return cloud


def off_screen():
    cloud = scene(100, smallest=0.1, largest=0.5)
    cloud.means[:, 0] += torch.linspace(-6, 6, 100)
    return cloud


def faint():
    return scene(200, high=3 / 255)


def opaque_wall():
    return scene(400, smallest=0.2, largest=0.6, low=0.95, high=1.0)


def equal_depths():
    cloud = scene(80)
    cloud.means[:, 2] = 0.0
    cloud.means[:, 0] = 0.0
    return cloud


SCENES = {
    "one": lambda: scene(1, low=0.8),
    "few": lambda: scene(7),
    "many": lambda: scene(500),
    "dense": lambda: scene(700, spread=0.4, smallest=0.02, largest=0.1),
    "huge": lambda: scene(60, smallest=1.0, largest=30.0),
    "tiny": lambda: scene(300, smallest=1e-5, largest=1e-3),
    "thin": thin,
    "behind": behind,
    "off_screen": off_screen,
    "faint": faint,
    "opaque_wall": opaque_wall,
    "equal_depths": equal_depths,
}


def evaluate(function, cloud, camera, background, seed=0):
    """The picture and the gradient of a random linear function of it, by every input."""
    inputs = [getattr(cloud, field).clone().requires_grad_() for field in FIELDS]
    background = background.clone().requires_grad_()
    rgb, alpha = function(GaussianCloud(*inputs), camera, background)
    random = torch.Generator().manual_seed(seed)
    loss = (rgb * torch.randn(rgb.shape, generator=random).to(rgb)).sum()
    loss = loss + (alpha * torch.randn(alpha.shape, generator=random).to(rgb)).sum()
    return rgb.detach(), alpha.detach(), torch.autograd.grad(loss, [*inputs, background])


def double(cloud):
    """In float64 the reference's own rounding is out of the picture."""
    return GaussianCloud(*(getattr(cloud, field).double() for field in FIELDS))


def kernel(cloud, camera, background):
    rgb, alpha = rasterize(cloud, camera, backgrounds=background)
    return rgb[0], alpha[0]


@pytest.mark.parametrize("name", SCENES)
def test_image_and_gradients_match_the_reference(name, camera):
    cloud, background = SCENES[name](), torch.tensor([0.9, 0.2, 0.5])
    rgb, alpha, gradients = evaluate(kernel, cloud, camera, background)
    expected_rgb, expected_alpha, expected = evaluate(rasterize_reference, double(cloud), camera, background.double())
    assert expected_alpha.max() > 0 and rgb.isfinite().all()
    # Two roundings of one exponent may fall on either side of 1/255 (or of the stop): a few such pixels are allowed.
    off = ((rgb - expected_rgb).abs().amax(-1) > 1e-5) | ((alpha - expected_alpha).abs()[..., 0] > 1e-5)
    assert off.sum() <= 3, f"{int(off.sum())} pixels differ"
    assert (rgb - expected_rgb).abs().max() < 1e-2
    tolerance = 1e-4 if not off.any() else 2e-2
    for field, got, want in zip((*FIELDS, "background"), gradients, expected):
        assert got.isfinite().all(), field
        assert (got - want).abs().max() <= tolerance * want.abs().max() + 1e-6, field


def test_gradients_match_finite_differences(camera):
    """Independent of the reference's autograd: perturb in double precision."""
    cloud, background = scene(12, low=0.3), torch.tensor([0.1, 0.7, 0.3])
    _, _, gradients = evaluate(kernel, cloud, camera, background)
    inputs = [getattr(cloud, field).double() for field in FIELDS]

    def loss(values):
        random = torch.Generator().manual_seed(0)
        rgb, alpha = rasterize_reference(GaussianCloud(*values), camera, background.double())
        weights = torch.randn(rgb.shape, generator=random).double()
        return (rgb * weights).sum() + (alpha * torch.randn(alpha.shape, generator=random).double()).sum()

    # Colours enter linearly, so a single step is exact; for the others a smooth direction is enough.
    for which in (0, 2, 4):
        direction = torch.randn(inputs[which].shape, generator=torch.Generator().manual_seed(which)).double()
        step = 1e-6
        ahead, back = list(inputs), list(inputs)
        ahead[which], back[which] = inputs[which] + step * direction, inputs[which] - step * direction
        slope = (loss(ahead) - loss(back)) / (2 * step)
        assert float((gradients[which] * direction).sum()) == pytest.approx(float(slope), rel=2e-3, abs=1e-2)


def test_projection_matches_gsplat(camera):
    gsplat = pytest.importorskip("gsplat.cuda._torch_impl")
    cloud = scene(300, spread=1.5)
    means2d, conics, depths = project(cloud, camera)
    covariances, _ = gsplat._quat_scale_to_covar_preci(cloud.quats, cloud.scales, compute_preci=False)
    viewmats, intrinsics = torch.from_numpy(camera.viewmat)[None], torch.from_numpy(camera.K)[None]
    radii, expected_means, expected_depths, expected_conics, _ = gsplat._fully_fused_projection(
        cloud.means, covariances, viewmats, intrinsics, WIDTH, HEIGHT
    )
    seen = (radii[0] > 0).all(-1)
    assert seen.sum() > 100
    torch.testing.assert_close(means2d[seen], expected_means[0, seen], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(conics[seen], expected_conics[0, seen], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(depths[seen], expected_depths[0, seen])


def test_no_gaussian_is_the_background(camera):
    background = torch.tensor([0.2, 0.4, 0.6], requires_grad=True)
    for cloud in (scene(0), scene(5, low=0.0, high=0.003)):
        cloud.means.requires_grad_()
        rgb, alpha = rasterize(cloud, camera, backgrounds=background)
        assert torch.equal(rgb, background.detach().expand_as(rgb)) and not alpha.any()
        rgb.sum().backward()
        assert not cloud.means.grad.any()
    torch.testing.assert_close(background.grad, torch.full((3,), 2.0 * WIDTH * HEIGHT))


def test_a_transparent_gaussian_changes_nothing_and_gets_no_gradient(camera):
    cloud = scene(50, low=0.1)
    extra = scene(50, seed=1, high=1 / 256)
    both = GaussianCloud.concat([extra, cloud])
    both.opacities.requires_grad_()
    rgb, _ = rasterize(both, camera)
    assert torch.equal(rgb.detach(), rasterize(cloud, camera)[0])
    rgb.sum().backward()
    assert not both.opacities.grad[:50].any() and both.opacities.grad[50:].any()


def test_non_finite_gaussians_are_left_out(camera):
    cloud = scene(40, low=0.2)
    spoiled = scene(8, seed=3, low=0.5)
    spoiled.means[0, 0] = float("nan")
    spoiled.means[1, 2] = float("inf")
    spoiled.scales[2, 1] = float("nan")
    spoiled.scales[3, 1] = float("inf")
    spoiled.quats[4, 0] = float("nan")
    spoiled.opacities[5] = float("nan")
    spoiled.means[6, 1] = 1e30
    spoiled.opacities[7] = 0.0
    rgb, alpha = rasterize(GaussianCloud.concat([spoiled, cloud]), camera)
    expected_rgb, expected_alpha = rasterize(cloud, camera)
    assert torch.equal(rgb, expected_rgb) and torch.equal(alpha, expected_alpha)


def test_the_same_call_gives_the_same_bits(camera):
    cloud, background = scene(800), torch.zeros(3)
    first = evaluate(kernel, cloud, camera, background)
    second = evaluate(kernel, cloud, camera, background)
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(a, b) for a, b in zip(first[2], second[2]))


def test_changing_the_picture_in_place_is_noticed(camera):
    """The backward pass reads the picture again, so a changed one must not pass silently."""
    cloud = scene(20)
    cloud.colors.requires_grad_()
    rgb, _ = rasterize(cloud, [camera])
    rgb.mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        rgb.sum().backward()


def test_threads_do_not_disturb_each_other(camera):
    clouds = [scene(300, seed=seed) for seed in range(4)]
    background = torch.tensor([0.3, 0.3, 0.3])
    alone = [evaluate(kernel, cloud, camera, background) for cloud in clouds]
    wrong = []

    def work(index):
        for _ in range(8):
            rgb, _, gradients = evaluate(kernel, clouds[index], camera, background)
            if not torch.equal(rgb, alone[index][0]) or not all(torch.equal(a, b) for a, b in zip(gradients, alone[index][2])):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_several_cameras_backgrounds_and_sizes(camera):
    cloud = scene(100)
    other = camera.orbit(20, 0, 0, np.zeros(3)).resized(300, 134)
    backgrounds = torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])
    rgb, alpha = rasterize(cloud, [camera, other], backgrounds=backgrounds)
    assert rgb.shape == (2, HEIGHT, WIDTH, 3) and alpha.shape == (2, HEIGHT, WIDTH, 1)
    torch.testing.assert_close(rgb[1], rasterize(cloud, other, WIDTH, HEIGHT, backgrounds[1])[0][0])
    assert rasterize(cloud, camera, width=31, height=17)[0].shape == (1, 17, 31, 3)
    with pytest.raises(ValueError, match="at least one camera"):
        rasterize(cloud, [])
    with pytest.raises(ValueError, match=r"\(4,\)"):
        rasterize(cloud, camera, backgrounds=torch.zeros(4))


def test_alpha_is_the_share_that_hides_the_background(camera):
    cloud = scene(300)
    black, alpha = rasterize(cloud, camera)
    white, _ = rasterize(cloud, camera, backgrounds=torch.ones(3))
    torch.testing.assert_close(white - black, (1 - alpha).expand_as(white), atol=1e-6, rtol=0)


def moving(frames=3):
    """A cloud a frame."""
    clouds = [scene(300, seed=k) for k in range(frames)]
    parts = ("means", "quats", "scales", "opacities", "colors")
    return clouds, GaussianCloud(*(torch.stack([getattr(cloud, part) for cloud in clouds]) for part in parts))


def test_a_cloud_a_frame_is_the_clouds_one_by_one(camera):
    clouds, together = moving()
    cameras = [camera, camera.orbit(20, 0, 0, np.zeros(3, np.float32)), camera.orbit(0, 10, 0, np.zeros(3, np.float32))]
    background = torch.tensor([0.2, 0.4, 0.6])
    rgb, alpha = rasterize(together, cameras, backgrounds=background)
    for k, cloud in enumerate(clouds):
        one, one_alpha = rasterize(cloud, cameras[k], backgrounds=background)
        assert torch.equal(rgb[k], one[0]) and torch.equal(alpha[k], one_alpha[0])
    with pytest.raises(ValueError, match="3 frames"):
        rasterize(together, cameras[:2])


@pytest.mark.parametrize("frames", [False, True])
def test_gsplat_is_asked_once_for_all_pictures(camera, monkeypatch, frames):
    """Its own kernels need a GPU; a stand-in that takes and gives what it documents shows that we speak its language."""
    calls = []

    def rasterization(means, quats, scales, opacities, colors, viewmats, Ks, width, height, backgrounds, packed):
        calls.append(viewmats.shape)
        batch = means.shape[:-2]
        assert viewmats.shape[:-3] == Ks.shape[:-3] == batch and backgrounds.shape == (*viewmats.shape[:-2], 3)
        assert opacities.shape == means.shape[:-1] and not packed
        pictures = []
        for b in np.ndindex(*batch):
            cloud = GaussianCloud(means[b], quats[b], scales[b], opacities[b], colors[b])
            pictures.append(
                rasterize(
                    cloud, [Camera(v.numpy(), K.numpy(), width, height) for v, K in zip(viewmats[b], Ks[b])], backgrounds=backgrounds[b]
                )
            )
        rgb, alpha = (torch.stack(each).reshape(*batch, *each[0].shape) for each in zip(*pictures))
        return rgb, alpha, {}

    monkeypatch.setitem(sys.modules, "gsplat", types.SimpleNamespace(rasterization=rasterization))
    _, cloud = moving()
    cloud = cloud if frames else scene(300)
    cameras = [camera, camera.orbit(20, 0, 0, np.zeros(3, np.float32)), camera.orbit(0, 10, 0, np.zeros(3, np.float32))]
    backgrounds = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    given, wanted = _rasterize_cuda(cloud, cameras, backgrounds), rasterize(cloud, cameras, backgrounds=backgrounds)
    assert len(calls) == 1
    for a, b in zip(given, wanted):
        assert torch.equal(a, b)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_picture_and_gradients(camera):
    cloud, background = scene(500), torch.tensor([0.9, 0.2, 0.5])
    rgb, alpha, gradients = evaluate(kernel, cloud, camera, background)

    def on_device(cloud, camera, background):
        return tuple(tensor.cpu() for tensor in kernel(cloud.to("cuda"), camera, background.to("cuda")))

    device_rgb, device_alpha, device_gradients = evaluate(on_device, cloud, camera, background)
    assert ((rgb - device_rgb).abs() > 1e-4).sum() <= 9
    assert ((alpha - device_alpha).abs() > 1e-4).sum() <= 3
    for got, want in zip(device_gradients, gradients):
        assert (got - want).abs().max() <= 1e-2 * want.abs().max() + 1e-5
