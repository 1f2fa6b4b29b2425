"""The shadow that a dropping jaw throws on the throat: a portrait's own light is baked in, but this one moves."""

import numpy as np
import torch
from torch import Tensor

from ...rig.expressions import INDEX

JAWLINE = [172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397]  # from the subject's right to the left
DEPTH = 0.38  # how much darker it is right under the chin of a mouth that is well open
OPEN = 0.45  # jaw weight from which the shadow is as deep as it gets
WIDTH = 0.13  # eye distances down the throat in which it fades
REACH = 0.9  # eye distances below the chin at rest where none is left
FRONT = 0.55  # depth in the head's frame behind which the neck lies in no shadow


class ThroatShade:
    """Darkens what lies on the bust under the jaw, as far as the jaw has dropped.

    Args:
        rig: the person's; face (N,), bary (N, 3): where the things to be darkened sit; device: of the colours.
    """

    def __init__(self, rig, face: np.ndarray, bary: np.ndarray, device: torch.device | str = "cpu"):
        from ...rig.skeleton import JAW_ANGLE, JAW_HINGE, PART

        points = np.einsum("nk,nkc->nc", bary, rig.vertices[rig.faces[face]])
        line = rig.vertices[JAWLINE].astype(np.float64)
        below = points[:, 1] - np.interp(points[:, 0], line[:, 0], line[:, 1])
        half = np.abs(line[[0, -1], 0]).mean()
        aside = np.clip((half - np.abs(points[:, 0] - line[:, 0].mean())) / (0.4 * half), 0, 1)
        body = rig.face_part[face] == PART["body"]
        chosen = np.flatnonzero(body & (points[:, 2] < FRONT) & (below > 0) & (below < REACH) & (aside > 0))
        self.index = torch.as_tensor(chosen, device=device)
        self.below = torch.as_tensor(below[chosen], dtype=torch.float32, device=device)
        self.aside = torch.as_tensor(aside[chosen], dtype=torch.float32, device=device)
        # The chin's way down, at full opening.
        arm = line[len(line) // 2] - JAW_HINGE
        self.drop = float(arm[1] * (np.cos(JAW_ANGLE) - 1) - arm[2] * np.sin(JAW_ANGLE))

    def __call__(self, colors: Tensor, weights: Tensor) -> Tensor:
        """Colours (N, 3) or (..., N, 3) at blendshape weights (..., E); the very same tensor while the mouth is closed."""
        opening = weights[..., INDEX["jaw_open"], None]
        if not len(self.index) or (opening.device.type == "cpu" and not bool(opening.any())):
            return colors
        fade = torch.exp(-(self.below - self.drop * opening).clamp_min(0) / WIDTH) - torch.exp(-self.below / WIDTH)
        light = 1 - DEPTH * (opening / OPEN).clamp(0, 1) * fade.clamp_min(0) * self.aside
        # Not in place: the colours at rest stay as they are.
        colors = colors.expand(*light.shape[:-1], *colors.shape[-2:])
        return colors.index_copy(-2, self.index, colors[..., self.index, :] * light[..., None])
