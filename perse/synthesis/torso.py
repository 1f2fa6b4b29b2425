"""Neck, shoulders and clothes: what the portrait does not show of them."""

import numpy as np

from .atlas import Texture, chart_slice
from .fill import diffuse


def complete_torso(texture: Texture) -> None:
    area = chart_slice("body")
    color, seen = texture.color[area], texture.seen[area]
    neck, clothes = texture.regions["neck"][area], texture.regions["clothes"][area]
    hair = texture.regions["hair"][area]
    keep = np.clip(seen * 2, 0, 1)
    # Hair that falls over the shoulders is seen, but what it hides is neck and cloth.
    behind = _diffuse_around(color, keep * (1 - hair))
    filled = color * keep[..., None] + behind * (1 - keep[..., None])
    kind = _diffuse_around(np.stack([neck, clothes, texture.regions["hair"][area]], -1), np.clip(seen * 2, 0, 1))
    texture.color[area] = filled
    for i, name in enumerate(("neck", "clothes", "hair")):
        texture.regions[name][area] = kind[..., i] * (keep if name == "hair" else 1)
    for name in ("skin", "brows", "lips", "glasses"):
        texture.regions[name][area] *= seen > 0


def _diffuse_around(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`diffuse` on a chart whose left and right borders meet."""
    width = image.shape[1]
    wide = diffuse(np.concatenate([image] * 2, 1), np.concatenate([weight] * 2, 1))
    return np.concatenate([wide[:, width:width + width // 2], wide[:, width // 2:width]], 1)
