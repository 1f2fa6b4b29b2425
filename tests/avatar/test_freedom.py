"""What a Gaussian may learn: the record is obeyed, and the rules give back what they should."""

import numpy as np
import pytest
import torch

from perse.avatar.latent_space import MOST_OPAQUE
from perse.avatar.seeds.freedom import LEARNT, LOG_SCALES, Freedom
from perse.fitting.initial_avatar import begin
from perse.rig.skeleton import PART


def parameters(count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"colors": (count, 3), "opacities": (count,), "log_scales": (count, 3), "offset": (count, 3), "quats": (count, 4)}
    return {name: torch.randn(shape, generator=generator).requires_grad_() for name, shape in shapes.items()}


@pytest.fixture
def free():
    """Of six Gaussians, the last of which is invisible."""
    opacities = torch.full((6,), 0.5)
    opacities[5] = 0.0
    return Freedom.full(torch.full((6, 3), -4.0), opacities)


def test_what_is_free_learns_everything_and_what_is_invisible_stays_so(free):
    values = parameters(6)
    sum((value**2).sum() for value in values.values()).backward()
    wanted = {name: value.grad.clone() for name, value in values.items()}
    free.temper(values)
    wanted["opacities"][5] = 0.0
    assert all(torch.equal(value.grad, wanted[name]) for name, value in values.items())
    free.keep(values)
    assert values["opacities"][5] == 0 and values["opacities"].max() <= MOST_OPAQUE and values["opacities"].min() >= 0


def test_a_share_is_a_share_of_the_gradient(free):
    values = parameters(6)
    sum((value**2).sum() for value in values.values()).backward()
    before = values["offset"].grad.clone()
    free.offset[1], free.offset[2] = 0.0, 0.25
    free.temper(values)
    assert not values["offset"].grad[1].any() and torch.equal(values["offset"].grad[2], 0.25 * before[2])
    assert torch.equal(values["offset"].grad[0], before[0]) and values["colors"].grad[1].any()


def test_values_are_brought_back_to_what_they_may_be(free):
    values = parameters(6)
    free.darkest[:], free.lightest[:] = 0.2, 0.4
    free.surface[3] = torch.tensor([0.0, 0.0, 1.0])
    with torch.no_grad():
        values["offset"][3] = torch.tensor([0.3, -0.2, 0.5])
        values["offset"][4] = torch.tensor([0.3, -0.2, 0.5])
        values["log_scales"][0] = 9.0
    free.keep(values)
    assert values["colors"].min() >= 0.2 and values["colors"].max() <= 0.4
    assert values["offset"][3].tolist() == pytest.approx([0.3, -0.2, 0.0]) and values["offset"][4, 2] == 0.5
    assert values["log_scales"].max() <= LOG_SCALES[1] and (values["log_scales"] >= free.smallest).all()


def test_the_first_are_the_first_and_a_device_changes_nothing(free):
    free.colors[:] = torch.arange(6)
    assert free.first(2).colors.tolist() == [0, 1] and len(free.first(2).surface) == 2
    assert torch.equal(free.to("cpu").colors, free.colors)


@pytest.fixture(scope="module")
def beginning(astronaut_portrait, rig, texture):
    return begin(astronaut_portrait, rig, texture, [], 6000)


def test_every_share_is_one_and_bounds_hold_what_begins(beginning):
    free, avatar = beginning.freedom, beginning.avatar
    for name in (*LEARNT, "solved", "clips", "open"):
        share = getattr(free, name)
        assert share.shape == (len(avatar),) and 0 <= share.min() and share.max() <= 1, name
    assert (free.darkest <= avatar.colors).all() and (avatar.colors <= free.lightest).all()
    assert (avatar.opacities <= free.most_opaque).all()
    lengths = free.surface.norm(dim=1)
    assert torch.allclose(lengths[lengths > 0], torch.ones(()), atol=1e-3)


def test_the_face_that_the_photo_shows_is_free(beginning, rig):
    """What the photo shows of it from the front learns all that it can; what backs it from behind, and its sides, do not."""
    part = rig.face_part[beginning.avatar.binding.face.numpy()]
    face = torch.from_numpy(np.flatnonzero(part == PART["face"]))
    shares = [float(getattr(beginning.freedom, name)[face].mean()) for name in (*LEARNT, "solved")]
    # Of its Gaussians every fourth is in front, and as large as the others; all of the rest lies under the skin.
    assert 0.15 < min(shares) and max(shares) < 0.95
