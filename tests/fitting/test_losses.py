"""The loss: what it likes, what it punishes, and that the fused kernels are the specification."""

import pytest
import torch

from perse.fitting.losses import Target, picture_loss, plain, structure

GREY = torch.full((3,), 0.5)


def picture(seed: int, side: int = 40) -> torch.Tensor:
    return torch.rand(side, side, 3, generator=torch.Generator().manual_seed(seed))


def test_a_picture_costs_nothing_against_itself_and_something_against_another():
    a, b, opaque = picture(0), picture(1), torch.ones(40, 40)
    assert float(picture_loss(a, opaque, Target(a, opaque), GREY)) < 1e-5
    assert float(picture_loss(a, opaque, Target(b, opaque), GREY)) > 0.2
    assert float(picture_loss(a, 0 * opaque, Target(a, opaque), GREY)) > 0.1
    assert abs(float(structure(a, a))) < 1e-5 and float(structure(a, b)) > 0.5


def test_nothing_is_asked_where_the_target_does_not_teach():
    source, opaque = picture(0), torch.ones(40, 40)
    weight = torch.zeros(40, 40)
    weight[:20] = 1
    inside, outside = source.clone(), source.clone()
    inside[5:15] = 1 - inside[5:15]
    outside[25:35] = 1 - outside[25:35]
    assert float(picture_loss(outside, opaque, Target(source, opaque, weight), GREY)) < 1e-5
    assert float(picture_loss(inside, opaque, Target(source, opaque, weight), GREY)) > 0.02


def test_the_target_lies_over_the_same_background():
    opaque, alpha = torch.ones(40, 40), torch.full((40, 40), 0.25)
    target = Target(0.25 * picture(0), alpha)
    shown = target.image + 0.75 * GREY
    assert float(picture_loss(shown, alpha, target, GREY)) < 1e-5 < float(picture_loss(shown, opaque, target, GREY))


@pytest.mark.parametrize("size", [(64, 64), (131, 97), (300, 260)])
@pytest.mark.parametrize("stored", [torch.float32, torch.uint8])
@pytest.mark.parametrize("weighed", [False, True])
def test_the_kernels_agree_with_the_specification(size, stored, weighed):
    generator = torch.Generator().manual_seed(3)

    def random(*shape):
        values = torch.rand(*shape, generator=generator)
        return (values * 255).to(torch.uint8) if stored == torch.uint8 else values

    image = torch.rand(*size, 3, generator=generator, requires_grad=True)
    alpha = torch.rand(*size, generator=generator, requires_grad=True)
    target = Target(random(*size, 3), random(*size), random(*size) if weighed else None)
    results = []
    for loss in (picture_loss, plain):
        value = 2 * loss(image, alpha, target, GREY)
        results.append((value, *torch.autograd.grad(value, (image, alpha))))
    for fused, wanted in zip(*results):
        assert torch.allclose(fused, wanted, rtol=1e-4, atol=1e-5 * float(wanted.detach().abs().max()))
