"""The face beyond what is seen of it: each half from the other, and where neither is known on from what lies around it."""

import cv2
import numpy as np

from ...smooth_ramps import smooth_step
from ..atlas import REGIONS, Texture, chart_slice
from ..belief.texels import DARKER, OTHER_HUE, Belief
from ..cie_lab import to_lab
from ..fill_holes import diffuse, from_twin
from .skin import Skin

SLANT, OPENLY = 0.4, 0.65  # cosine to the view from which on a cheek is believed openly, and up to which it is not
SHADE = 14.0  # texels over which a cheek's shade changes at least (8 to 24): an ear's rim is narrower
STRANGE = (0.6, 1.0)  # of DARKER and OTHER_HUE, over which a colour at a slant is none of the cheek's


def complete_face(texture: Texture, belief: Belief, skin: Skin) -> None:
    """Complete the face's chart.

    Args:
        belief: how far the photo is believed; skin: the person's.
    """
    area = chart_slice("face")
    values, shade = _color_and_regions(texture, area), skin.on_chart(texture, "face")
    seen = texture.seen[area] = texture.seen[area] * (1 - _strange(texture, area, shade))
    completed, known = from_twin(values, seen, texture.faces[area] >= 0, skin.light_on_chart(texture, "face"))
    completed = diffuse(completed, known)
    # What neither side tells is bare skin, as far as it is any: next to the head's it goes on without a seam.
    made_up = (1 - known)[..., None] * np.clip(completed[..., 3 + REGIONS.index("skin")], 0, 1)[..., None]
    completed[..., :3] += made_up * (shade - completed[..., :3])
    difference = values - completed
    # Hair that lies on the temples is hair at whatever slant it is seen; beside a contour it is what lies behind the face.
    own = np.maximum(seen, cv2.GaussianBlur(belief.if_before * values[..., 3 + REGIONS.index("hair")], (0, 0), 2))
    # What is there nearly as expected is the cheek's own shade after all; with another one its edge would be a seam. It has no more than the
    # shade: details at a slant are drawn out to streaks, and may be an ear's.
    alike = smooth_step(_unlike(values[..., :3], completed[..., :3]), 0.8, 0.4)
    shade_alone = np.clip(cv2.GaussianBlur(belief.if_alike * alike, (0, 0), 2) - own, 0, None)[..., None]
    _write(texture, area, completed + own[..., None] * difference + shade_alone * _shade_of(difference, shade_alone))
    texture.alpha[area] = 1.0


def _shade_of(difference: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What changes slowly of a difference (H, W, C), as far as it counts (H, W, 1)."""
    total = cv2.GaussianBlur(weight, (0, 0), SHADE)[..., None]
    return cv2.GaussianBlur(weight * difference, (0, 0), SHADE) / np.maximum(total, 1e-3)


def _strange(texture: Texture, area: tuple[slice, slice], shade: np.ndarray) -> np.ndarray:
    """How far (H, W) what the photo shows of the cheek's sides is something before or behind them, 0 to 1: neither hair nor the skin
    (H, W, 3) that is expected there. What is seen openly is believed whatever it looks like."""
    slant = smooth_step(texture.facing[area], OPENLY, SLANT)
    return slant * smooth_step(_unlike(texture.color[area], shade), *STRANGE) * (1 - texture.regions["hair"][area])


def _unlike(color: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How far (H, W) colours (H, W, 3) are from what is expected; 1 where they are as dark, or of as another hue, as no cheek is."""
    away = to_lab(cv2.GaussianBlur(color, (0, 0), 2)) - to_lab(expected)
    return np.maximum(np.abs(away[..., 0]) / DARKER, np.hypot(away[..., 1], away[..., 2]) / OTHER_HUE)


def _color_and_regions(texture: Texture, area: tuple[slice, slice]) -> np.ndarray:
    """(H, W, 3 + len(REGIONS)): colour and regions of a chart, so that both are completed alike."""
    return np.concatenate([texture.color[area], *(texture.regions[name][area][..., None] for name in REGIONS)], -1)


def _write(texture: Texture, area: tuple[slice, slice], values: np.ndarray) -> None:
    """Write back what `_color_and_regions` gave."""
    texture.color[area] = values[..., :3]
    for k, name in enumerate(REGIONS):
        texture.regions[name][area] = np.clip(values[..., 3 + k], 0, 1)
