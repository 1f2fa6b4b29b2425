"""Merged Gaussians made to look like those that they stand for: a few steps of descent on pictures of the head, bare and with what edits bring."""

from itertools import zip_longest

import torch
from torch import Tensor

from ..avatar.avatar import Avatar
from ..avatar.latent_space import MOST_OPAQUE
from ..controls import Controls
from ..render.camera import Camera
from ..render.rasterize import rasterize

VIEWS = ((0, 0), (-35, 0), (0, 15), (35, 0), (0, -15))  # yaw and pitch of the cameras, degrees: from where people look
SIZE = 256  # pixels: more pictures teach more than larger ones do
PICTURES = 24  # how many are compared, each once
# The first step of Adam; later ones are smaller, down to nothing, or the last picture would have the last word.
# Of colour and opacity in their own unit, of the logarithm of a size, of a place in mean sizes.
RATES = {"colors": 0.007, "opacities": 0.014, "log_scales": 0.014, "offset": 0.07}
# Of the first step's usual gradient: what has a smaller one is hardly seen in any picture, and hardly moves.
FAINT = 0.3
OPEN = Controls(expression={"jaw_open": 0.7, "grin": 0.5})  # what lies in a mouth is part of a face, too


def refine(small: Avatar, whole: Avatar) -> None:
    """Change `small`, merged from `whole`, so that its pictures are nearer to whole's. Both on the CPU."""
    pictures = _pictures(whole)
    added = small.opacities.detach() == 0
    size = float(small.log_scales.detach().exp().mean())
    values = [getattr(small, name).requires_grad_() for name in RATES]
    adam = torch.optim.Adam(
        [{"params": [value], "lr": rate * (size if name == "offset" else 1)} for (name, rate), value in zip(RATES.items(), values)]
    )
    calmer = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 1 - step / len(pictures))
    with torch.enable_grad():
        for step, (look, camera, rgb, alpha) in enumerate(pictures):
            own_rgb, own_alpha = rasterize(small.cloud(small.state(look), lit=False), camera)
            loss = ((own_rgb - rgb) ** 2).sum() + ((own_alpha - alpha) ** 2).sum()
            adam.zero_grad()
            loss.backward()
            if look.attributes:  # skin under a beard must not become a part of it
                for value in values:
                    value.grad[~added] = 0
            if step == 0:
                for group, value in zip(adam.param_groups, values):
                    group["eps"] = FAINT * float(value.grad.square().mean().sqrt())
            adam.step()
            calmer.step()
            with torch.no_grad():
                small.colors.clamp_(0, 1)
                # One that is there at rest never becomes one of those that an edit brings, which keep their size on a moving skin.
                small.opacities.clamp_(1e-4, MOST_OPAQUE)
                small.opacities[added] = 0
    small.requires_grad_(False).place("cpu")


@torch.no_grad()
def _pictures(whole: Avatar) -> list[tuple[Controls, Camera, Tensor, Tensor]]:
    """What small and whole are compared in: a look, a camera, and whole's colours and opacity there, without what depends on the pose."""
    bare, worn = [Controls(), OPEN], _worn(whole)
    out = []
    for number in range(PICTURES):
        yaw, pitch = VIEWS[number // 2 % len(VIEWS)]
        looks = bare if number % 2 == 0 or not worn else worn
        look = looks[number // 2 % len(looks)]
        camera = whole.camera(look.with_(yaw=yaw, pitch=pitch), SIZE, SIZE)
        out.append((look, camera, *rasterize(whole.cloud(whole.state(look), lit=False), camera)))
    return out


def _worn(whole: Avatar) -> list[Controls]:
    """Looks in which everything is worn once that an edit can bring, of every category one thing at a time."""
    brought = [[axis.name for axis in c.axes if whole.space.brings(axis)] for c in whole.space.categories.values()]
    return [Controls(attributes={name: 1.0 for name in names if name}) for names in zip_longest(*brought)]
