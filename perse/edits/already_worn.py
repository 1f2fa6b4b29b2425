"""What the person of the photo already wears on the face: a beard, which can be made bare, and glasses, which cannot."""

import cv2
import numpy as np

from ..texture.atlas import ATLAS, Texture, chart_slice

# L* below the cheeks: shaded upper lips and chins measure up to 13, a moustache 60.
DARKER = 18.0


def _lightness(texture: Texture) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(texture.color, np.float32), cv2.COLOR_RGB2Lab)[..., 0]


def _median(values: np.ndarray, where: np.ndarray) -> float | None:
    return float(np.median(values[where])) if where.sum() > 50 else None


def own_beard(regions) -> np.ndarray:
    """Weight (ATLAS, ATLAS) of the facial hair in the photo: where the beard's area is clearly darker than the cheeks. Zero
    everywhere if neither the upper lip nor the chin is."""
    texture = regions.texture
    light, seen = _lightness(texture), texture.seen > 0.3
    cheeks = _median(light, (regions("cheeks") > 0.5) & seen)
    out = np.zeros((ATLAS, ATLAS), np.float32)
    if cheeks is None:
        return out
    block = chart_slice("face")
    light, seen = light[block], seen[block]

    def is_dark(where: np.ndarray) -> bool:
        level = _median(light, where & seen)
        return level is not None and level < cheeks - DARKER

    moustache, goatee, beard = (regions(name)[block] for name in ("moustache", "goatee", "beard"))
    area = np.zeros_like(light)
    if is_dark(moustache > 0.6):
        # Its ends hang beyond the area in which one would grow it.
        area = np.maximum(area, cv2.dilate(moustache, np.ones((25, 25))) * (beard > 0.1))
    if is_dark(goatee > 0.6):
        area = np.maximum(area, goatee)
        jaw, side = (beard > 0.6) & (np.maximum(goatee, moustache) < 0.1), regions.face_xy[..., 0]
        if is_dark(jaw & (side > 0)) and is_dark(jaw & (side < 0)):  # on one side alone it is shade
            area = np.maximum(area, beard)
    # Jaws are shaded a little less dark than hair is.
    dark = np.clip((cheeks - 0.9 * DARKER - light) / (0.7 * DARKER), 0, 1)
    dark = cv2.GaussianBlur(cv2.dilate(dark, np.ones((9, 9))), (0, 0), 2)
    out[block] = np.clip(1.2 * area, 0, 1) * dark
    return out


def wears_glasses(texture: Texture) -> bool:
    """Whether the photo shows glasses. They stay: the skin and the lids behind rims are not known, and frames that are half
    gone look worse than frames."""
    return bool(texture.regions["glasses"][chart_slice("face")].max() > 0.5)
