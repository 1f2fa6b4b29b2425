"""The photo's light: what colour something white, or something painted, has in it."""

import numpy as np

LUMINANCE = np.array([0.299, 0.587, 0.114])
LEAST_CHROMA = 0.12  # of skin in a picture that has colours: its channels' spread over the largest
LEAST_PIXELS = 40  # that tell a colour


def white_light(color: np.ndarray, skin: np.ndarray, sclera: np.ndarray) -> np.ndarray:
    """Colour (3,) of something white in this picture's light: between the skin's light and the whites of the eyes.

    Args:
        color: (H, W, 3); skin, sclera: (H, W) masks.
    """
    # Skin absorbs least of the red light: its largest channel tells the light's strength best.
    bright = color.max(-1)
    on_skin = float(np.percentile(bright[skin > 0.5], 80)) if (skin > 0.5).sum() > LEAST_PIXELS else 0.6
    if (sclera > 0.7).sum() < LEAST_PIXELS // 2:
        return np.full(3, on_skin)
    limit = np.percentile(bright[sclera > 0.7], 70)
    white = color[(sclera > 0.7) & (bright >= limit)].mean(0)
    strength = np.clip(0.5 * (on_skin + white.max()), on_skin, 1.35 * on_skin)
    # Eyes are reddish at their rims: half of their tint is the light's.
    return strength * (0.5 + 0.5 * white / max(white.max(), 1e-3))


def colourfulness(color: np.ndarray, skin: np.ndarray) -> float:
    """How colourful what is painted may be, 0 (a black-and-white picture) to 1.

    Args:
        color: (H, W, 3); skin: (H, W) mask.
    """
    own = color[skin > 0.5]
    if len(own) < LEAST_PIXELS:
        return 1.0
    high = own.max(-1)
    return float(np.clip(np.median((high - own.min(-1)) / np.maximum(high, 0.05)) / LEAST_CHROMA, 0, 1))


def faded(color: np.ndarray, share: float) -> np.ndarray:
    """color (..., 3) with only this share of its colour, at the same lightness."""
    grey = (color @ LUMINANCE)[..., None]
    return grey + share * (color - grey)
