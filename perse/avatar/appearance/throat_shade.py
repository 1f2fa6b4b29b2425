"""The shadow that a dropping jaw throws on the throat: a portrait's own light is baked in, but this one moves."""

import numpy as np
import torch
from torch import Tensor

from ...face.landmarks import JAWLINE
from ...rig.expressions import INDEX
from ...rig.skeleton import JAW_ANGLE, JAW_HINGE, PART
from .effect import Pose, Rest, is_nothing

DARKER = 0.38  # share of the light that is lost right under the chin of a mouth that is well open
OPEN = 0.45  # jaw weight from which the shadow is as deep as it gets
FADE = 0.13  # eye distances down the throat in which it fades
LOWEST = 0.9  # eye distances below the chin at rest where none is left
FRONT = 0.55  # depth in the head's frame behind which the neck lies in no shadow
SIDE_FADE = 0.4  # of half the jaw's width, over which the shadow ends to either side


class ThroatShade:
    """Darkens what lies on the bust under the jaw, as far as the jaw has dropped.

    coefficients (n, 2): how far below the jaw's line at rest, eye distances; how deep the shadow is there from side to side, 0..1.
    scalars (1,): the jaw's weight.
    """

    def __init__(self, rest: Rest, device: torch.device | str = "cpu"):
        rig, points = rest.rig, rest.points
        line = rig.vertices[JAWLINE].astype(np.float64)
        below = points[:, 1] - np.interp(points[:, 0], line[:, 0], line[:, 1])
        half = np.abs(line[[0, -1], 0]).mean()
        aside = np.clip((half - np.abs(points[:, 0] - line[:, 0].mean())) / (SIDE_FADE * half), 0, 1)
        chosen = np.flatnonzero(
            np.isin(rest.part, [PART["shell"], PART["body"]]) & (points[:, 2] < FRONT) & (below > 0) & (below < LOWEST) & (aside > 0)
        )
        self.index = torch.as_tensor(chosen, device=device)
        self.coefficients = torch.as_tensor(np.stack([below[chosen], aside[chosen]], 1), dtype=torch.float32, device=device)
        # The chin's way down, at full opening.
        arm = line[len(line) // 2] - JAW_HINGE
        self.drop = float(arm[1] * (np.cos(JAW_ANGLE) - 1) - arm[2] * np.sin(JAW_ANGLE))

    def scalars(self, pose: Pose) -> Tensor | None:
        """See `Effect`."""
        opening = pose.weights[..., INDEX["jaw_open"], None]
        return None if not len(self.index) or is_nothing(opening) else opening

    def recolour(self, colors: Tensor, scalars: Tensor, means: Tensor) -> Tensor:
        """See `Effect`."""
        below, aside = self.coefficients.unbind(-1)
        fade = torch.exp(-(below - self.drop * scalars).clamp_min(0) / FADE) - torch.exp(-below / FADE)
        light = 1 - DARKER * (scalars / OPEN).clamp(0, 1) * fade.clamp_min(0) * aside
        return colors.index_select(-2, self.index) * light[..., None]
