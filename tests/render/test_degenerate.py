"""What no sane scene holds: needles, giants, NaN, cameras that are none. Every kernel behind `rasterize` must pass this.

A kernel that writes outside its buffers may do so without a trace: the needles that once did run in a process of their own.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perse.errors import PerseError
from perse.render.camera import MAX_SIDE, Camera
from perse.render.cloud import GaussianCloud
from perse.render.cpu import binning
from perse.render.mesh import rasterize_ids, render_mesh
from perse.render.rasterize import rasterize
from perse.render.reference import rasterize_reference

FIELDS = ("means", "quats", "scales", "opacities", "colors")
WIDTH, HEIGHT = 75, 41  # neither a multiple of a tile
WILD = (
    0.0,
    -0.0,
    1e-45,
    1e-30,
    1e-12,
    0.004,
    0.3,
    1.0,
    2.0,
    -1.0,
    40.0,
    1e3,
    1e6,
    -1e9,
    1e18,
    -1e30,
    3e38,
    float("inf"),
    -float("inf"),
    float("nan"),
)
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True, database=None)
# Each of these makes the two ends of many strips disagree about whether the strip is empty: 25 m long as seen from 2 m, half a pixel
# thick, and hardly to be seen.
NEEDLES = """
import numpy as np, torch
from perse.render.camera import Camera
from perse.render.cloud import GaussianCloud
from perse.render.rasterize import rasterize
count = 4096
like = torch.ones(count, 1)
cloud = GaussianCloud(
    like * torch.tensor([0.46727919578552246, -0.7064286470413208, 2.0]),
    like * torch.tensor([-0.25751200318336487, 0.0, 0.0, 0.9662750959396362]),
    like * torch.tensor([14.685446739196777, 1e-3, 1e-3]), torch.full((count,), 0.004), torch.full((count, 3), 0.5),
)
inputs = [t.requires_grad_() for t in (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors)]
rgb, alpha = rasterize(cloud, Camera(np.eye(4), np.array([[500.0, 0, 256], [0, 500, 256], [0, 0, 1]]), 512, 512))
(rgb.sum() + alpha.sum()).backward()
assert rgb.isfinite().all() and all(t.grad.isfinite().all() for t in inputs)
print("drawn")
"""


def camera(width=WIDTH, height=HEIGHT, focal=60.0):
    return Camera(np.eye(4), np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]]), width, height)


def cloud_of(rows):
    """Rows of fourteen numbers: mean, quaternion, scales, opacity, colour."""
    table = torch.tensor(rows, dtype=torch.float64).float()
    return GaussianCloud(table[:, :3], table[:, 3:7], table[:, 7:10], table[:, 10], table[:, 11:])


def drawn(function, cloud, seen_by, background=None):
    """Picture, alpha, and gradients of a random function of both."""
    inputs = [getattr(cloud, field).clone().requires_grad_() for field in FIELDS]
    rgb, alpha = function(GaussianCloud(*inputs), seen_by, background)
    random = torch.Generator().manual_seed(0)
    loss = sum((x * torch.randn(x.shape, generator=random).to(x)).sum() for x in (rgb, alpha))
    return rgb.detach(), alpha.detach(), torch.autograd.grad(loss, inputs)


def kernel(cloud, seen_by, background):
    rgb, alpha = rasterize(cloud, seen_by, backgrounds=background)
    return rgb[0], alpha[0]


def wild(width):
    """A list of `width` numbers of which a few may be anything, the others moderate."""
    return st.lists(st.one_of(st.floats(-2, 2, width=32), st.sampled_from(WILD)), min_size=width, max_size=width)


@pytest.mark.slow
def test_needles_stay_within_their_buffers():
    done = subprocess.run([sys.executable, "-c", NEEDLES], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "drawn\n", done.stderr[-2000:]


@SETTINGS
@given(
    rows=st.lists(st.tuples(wild(11), st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3)), min_size=1, max_size=40),
    view=st.lists(st.tuples(st.integers(0, 11), st.sampled_from(WILD)), max_size=2),
    lens=st.lists(st.tuples(st.sampled_from([(0, 0), (1, 1), (0, 2), (1, 2)]), st.sampled_from(WILD)), max_size=2),
)
def test_any_numbers_give_a_picture(rows, view, lens):
    viewmat, K = np.eye(4, dtype=np.float32), camera().K.copy()
    for at, value in view:
        viewmat[at // 4, at % 4] = value
    for at, value in lens:
        K[at] = value
    cloud = cloud_of([numbers + color for numbers, color in rows])
    rgb, alpha, gradients = drawn(kernel, cloud, Camera(viewmat, K, WIDTH, HEIGHT), torch.tensor([0.2, 0.5, 1.0]))
    for picture in (rgb, alpha):
        assert picture.isfinite().all() and picture.min() >= 0 and picture.max() <= 1 + 1e-5
    for field, gradient in zip(FIELDS, gradients):
        assert gradient.isfinite().all(), field


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_a_number_that_is_none_spoils_no_other_gaussian(field, value):
    random = torch.Generator().manual_seed(1)
    table = torch.rand(48, 14, generator=random)
    table[:, :2] -= 0.5
    table[:, 2] += 1.5
    table[:, 7:10] *= 0.1
    kept = cloud_of(table.tolist())
    spoiled = cloud_of(table.tolist())
    getattr(spoiled, field).reshape(48, -1)[::3, -1] = value
    ours, expected = drawn(kernel, spoiled, camera()), drawn(rasterize_reference, kept, camera(), None)
    assert all(gradient.isfinite().all() for gradient in ours[2]) and ours[0].isfinite().all()
    assert expected[0].isfinite().all()
    if not (field in ("colors", "opacities", "quats") and value == 3e38):  # those are numbers, and a Gaussian that has them is drawn
        rest = GaussianCloud(*(torch.stack([row for k, row in enumerate(getattr(kept, name)) if k % 3]) for name in FIELDS))
        torch.testing.assert_close(ours[0], kernel(rest, camera(), None)[0])


def degenerate(count, seed):
    """Needles, plates, giants, dust, Gaussians behind the camera, beside the picture and in each other: whatever float32 can measure."""
    random = np.random.default_rng(seed)
    place = np.concatenate(
        [random.uniform(-3, 3, (count, 2)), random.choice([-1.0, 0.0099, 0.02, 0.5, 2.0, 2.0, 2.0, 50.0], (count, 1))], 1
    )
    place[:, :2] *= np.abs(place[:, 2:])
    sizes = 10.0 ** random.uniform(-6, 2, (count, 3)) * np.abs(place[:, 2:])
    quats = random.normal(size=(count, 4)) * 10.0 ** random.uniform(-6, 6, (count, 1))
    opacities = random.choice([1 / 255, 0.00393, 0.004, 0.1, 0.5, 1.0], (count, 1))
    return cloud_of(np.concatenate([place, quats, sizes, opacities, random.random((count, 3))], 1).tolist())


@pytest.mark.slow
@SETTINGS
@given(st.integers(1, 30), st.integers(0, 10**6))
def test_what_can_be_measured_is_drawn_as_specified(count, seed):
    cloud = degenerate(count, seed)
    background = torch.tensor([0.9, 0.2, 0.5])
    rgb, alpha, gradients = drawn(kernel, cloud, camera(), background)
    double = GaussianCloud(*(getattr(cloud, field).double() for field in FIELDS))
    expected_rgb, expected_alpha, expected = drawn(rasterize_reference, double, camera(), background.double())
    off = ((rgb - expected_rgb).abs().amax(-1) > 1e-4) | ((alpha - expected_alpha).abs()[..., 0] > 1e-4)
    # Two roundings of one exponent may fall on either side of 1/255; one pixel more or less of a needle is much of its gradient.
    assert (rgb - expected_rgb).abs().max() < 0.01 and off.float().mean() < 0.01
    for field, got, want in zip(FIELDS, gradients, expected):
        assert got.isfinite().all(), field
        assert (got - want).abs().max() <= (0.002 if field == "colors" else 0.5) * (want.abs().max() + 1), field


def test_what_would_take_too_long_is_refused(monkeypatch):
    """The bound is on pairs of Gaussians and tiles; each of these covers the whole picture."""
    tiles = -(-WIDTH // 32) * -(-HEIGHT // 32)
    monkeypatch.setattr(binning, "MAX_PAIRS", 40 * tiles)
    giants = cloud_of([[0, 0, 2, 1, 0, 0, 0, 50, 50, 50, 0.1, 1, 1, 1]] * 41)
    assert kernel(giants.select(torch.arange(40)), camera(), None)[1].min() > 0.9
    with pytest.raises(PerseError, match="too large or too many"):
        rasterize(giants, camera())


def test_giants_without_number_are_refused_before_there_is_memory_for_them():
    count = 200_000
    random = torch.Generator().manual_seed(0)
    like = torch.ones(count, 1)
    giants = GaussianCloud(
        torch.rand(count, 3, generator=random) + torch.tensor([-0.5, -0.5, 2.0]),
        torch.tensor([1.0, 0, 0, 0]) * like,
        like * torch.tensor([9.0, 9.0, 9.0]),
        torch.full((count,), 0.01),
        torch.ones(count, 3),
    )
    with pytest.raises(PerseError, match="too large or too many"):
        rasterize(giants, camera(2048, 2048, 2000.0))


@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 8), (8, MAX_SIDE + 1), (10**9, 10**9)])
def test_pictures_have_a_largest_size(size):
    with pytest.raises(PerseError, match="pixels wide and high at most"):
        rasterize(degenerate(3, 0), camera(*size))
    with pytest.raises(PerseError, match="pixels wide and high at most"):
        rasterize_ids(np.zeros((3, 3)), np.array([[0, 1, 2]]), camera(*size))


@SETTINGS
@given(
    st.lists(wild(3), min_size=3, max_size=12),
    st.lists(wild(2), min_size=3, max_size=3),
    st.lists(st.tuples(st.sampled_from([(0, 0), (1, 1), (0, 2), (1, 2)]), st.sampled_from(WILD)), max_size=2),
)
def test_any_mesh_gives_a_picture(vertices, uvs, lens):
    K = camera().K.copy()
    for at, value in lens:
        K[at] = value
    vertices = np.array(vertices, np.float64)
    faces = np.array([[k, (k + 1) % len(vertices), (k + 2) % len(vertices)] for k in range(len(vertices))], np.int32)
    seen_by = Camera(np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1.5], [0, 0, 0, 1.0]]), K, WIDTH, HEIGHT)
    with np.errstate(all="ignore"):
        image, alpha, _ = render_mesh(vertices, faces, np.array([uvs] * len(faces)), np.full((4, 5, 4), 0.5), seen_by, alpha_channel=True)
        ids, bary = rasterize_ids(vertices, faces, seen_by)
    assert np.isfinite(image).all() and np.isfinite(alpha).all() and np.isfinite(bary).all()
    assert image.min() >= 0 and image.max() <= 0.5 + 1e-4 and -1 <= ids.min() and ids.max() < len(faces)


@pytest.mark.parametrize("supersample", [0, -1, 5, 10**6])
def test_samples_a_pixel_are_bounded(supersample):
    with pytest.raises(ValueError, match="supersample"):
        render_mesh(np.eye(3), np.array([[0, 1, 2]]), np.zeros((1, 3, 2)), np.ones((2, 2, 3)), camera(), supersample)
