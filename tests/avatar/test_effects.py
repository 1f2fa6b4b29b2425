"""What all effects on colour have in common: which Gaussians they touch, when they do nothing, and that kernel and specification agree."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.avatar.appearance.effect import Pose, recoloured
from perse.controls import BANDS, MARKS, Controls

MOVING = Controls(
    expression={"jaw_open": 0.5, "blink": 0.8},
    gaze_yaw=10.0,
    light=tuple(np.linspace(-0.3, 0.3, MARKS)),
    mouth_light=tuple(np.linspace(-0.5, 0.4, BANDS)),
)


@torch.no_grad()
def posed(avatar, controls: Controls) -> Pose:
    state = avatar.state(controls)
    vertices = avatar.poser(state.weights, state.head, state.gaze)
    light = None if state.light is None else avatar.poser.spread(state.light)
    return Pose(state.weights, vertices, avatar.cloud(state).means, state.detail, light, state.mouth_light)


def several(poses: list[Pose]) -> Pose:
    weights, vertices, means = (torch.stack([getattr(p, name) for p in poses]) for name in ("weights", "vertices", "means"))
    return Pose(weights, vertices, means, None, torch.stack([p.light for p in poses]), torch.stack([p.mouth_light for p in poses]))


def test_at_rest_nothing_changes_not_even_the_tensor(avatar):
    assert recoloured(avatar.colors, posed(avatar, Controls()), avatar.effects[:-2]) is avatar.colors  # her own mouth is open


def test_an_effect_touches_its_own_gaussians_alone_and_leaves_those_at_rest(avatar):
    before, pose = avatar.colors.clone(), posed(avatar, MOVING)
    for effect in avatar.effects:
        others = torch.ones(len(avatar), dtype=torch.bool)
        others[effect.index] = False
        after = recoloured(avatar.colors, pose, (effect,))
        assert torch.equal(after[others], before[others]) and not torch.equal(after, before), type(effect).__name__
        assert len(effect.index.unique()) == len(effect.index) == len(effect.coefficients)
    assert torch.equal(avatar.colors, before)


def test_an_effect_asks_nothing_of_a_pose_but_its_scalars_and_its_gaussians_places(avatar):
    pose = posed(avatar, MOVING)
    for effect in avatar.effects:
        scalars = effect.scalars(pose)
        means = torch.full_like(pose.means, torch.nan)
        means[effect.index] = pose.means[effect.index]
        assert torch.equal(effect.recolour(avatar.colors, scalars, means), effect.recolour(avatar.colors, scalars, pose.means))


@pytest.mark.parametrize("turn", [0.0, 40.0])
def test_kernels_say_what_the_torch_form_says(avatar, turn):
    pose = posed(avatar, replace(MOVING, head_yaw=turn))
    with torch.no_grad():
        kernels = recoloured(avatar.colors, pose, avatar.effects)
        plain = recoloured(avatar.colors, several([pose, pose]), avatar.effects)
    assert torch.allclose(kernels, plain[0], atol=2e-6) and torch.equal(plain[0], plain[1])


def test_gradients_reach_the_colours_at_rest(avatar):
    colors = avatar.colors.clone().requires_grad_(True)
    recoloured(colors, posed(avatar, MOVING), avatar.effects).sum().backward()
    untouched = torch.ones(len(avatar), dtype=torch.bool)
    for effect in avatar.effects:
        untouched[effect.index] = False
        untouched[getattr(effect, "skin", effect.index[:0]).ravel()] = False
    assert untouched.any() and (colors.grad[untouched] == 1).all() and (colors.grad[~untouched] != 1).any()
    assert torch.isfinite(colors.grad).all()
