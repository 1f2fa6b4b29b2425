"""The face beyond what is seen of it: each half from the other, and where neither is known on from what lies around it."""

import cv2
import numpy as np

from ...smooth_ramps import smooth_step
from ..atlas import REGIONS, Texture, chart_slice
from ..belief.texels import DARKER, OTHER_HUE
from ..cie_lab import to_lab
from ..fill_holes import diffuse, from_twin
from .skin import Skin


def complete_face(texture: Texture, if_alike: np.ndarray, skin: Skin) -> None:
    """Complete the face's chart.

    Args:
        if_alike: (H, W) how far the photo is believed where it looks as expected: see `belief.texels.Belief`.
        skin: the person's.
    """
    area = chart_slice("face")
    values, seen = _color_and_regions(texture, area), texture.seen[area]
    completed, known = from_twin(values, seen, texture.faces[area] >= 0)
    completed = diffuse(completed, known)
    # What neither side tells is bare skin, as far as it is any: next to the head's it goes on without a seam.
    made_up = (1 - known)[..., None] * np.clip(completed[..., 3 + REGIONS.index("skin")], 0, 1)[..., None]
    completed[..., :3] += made_up * (skin.on_chart(texture, "face") - completed[..., :3])
    # What is there nearly as expected is the cheek's own shade after all; with another one its edge would be a seam.
    away = to_lab(cv2.GaussianBlur(values[..., :3], (0, 0), 2)) - to_lab(completed[..., :3])
    difference = np.maximum(np.abs(away[..., 0]) / DARKER, np.hypot(away[..., 1], away[..., 2]) / OTHER_HUE)
    own = np.maximum(cv2.GaussianBlur(if_alike * smooth_step(difference, 1.0, 0.6), (0, 0), 2), seen)[..., None]
    # Hair that lies on the temples is hair at whatever slant it is seen.
    own = np.maximum(own, cv2.GaussianBlur(values[..., 3 + REGIONS.index("hair")], (0, 0), 2)[..., None])
    _write(texture, area, completed + own * (values - completed))
    texture.alpha[area] = 1.0


def _color_and_regions(texture: Texture, area: tuple[slice, slice]) -> np.ndarray:
    """(H, W, 3 + len(REGIONS)): colour and regions of a chart, so that both are completed alike."""
    return np.concatenate([texture.color[area], *(texture.regions[name][area][..., None] for name in REGIONS)], -1)


def _write(texture: Texture, area: tuple[slice, slice], values: np.ndarray) -> None:
    """Write back what `_color_and_regions` gave."""
    texture.color[area] = values[..., :3]
    for k, name in enumerate(REGIONS):
        texture.regions[name][area] = np.clip(values[..., 3 + k], 0, 1)
