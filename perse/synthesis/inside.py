"""Painting what a portrait may hide: teeth with gums, tongue and cavity, and closed eyes, lit like the face around them.

Where the portrait shows its own teeth these stay, and the painted ones take their colour.
"""

import numpy as np

from ..rig.mouth import ARCH_DEPTH, ARCH_WIDTH, CROWN, GUM, tooth_like

# Widths of the teeth from the middle outwards, in shares of the mouth's width (Wheeler's dental anatomy, 50 mm mouth).
TEETH = {"upper": (0.172, 0.132, 0.152, 0.142, 0.140, 0.20), "lower": (0.108, 0.118, 0.138, 0.142, 0.144, 0.22)}
SHORTER = {"upper": (0.0, 0.045, 0.0, 0.05, 0.07, 0.10), "lower": (0.02, 0.01, 0.0, 0.04, 0.06, 0.10)}  # shares of the chart
ENAMEL, GUMS, TONGUE = np.array([1.0, 0.95, 0.86]), np.array([0.70, 0.40, 0.37]), np.array([0.74, 0.40, 0.38])
IRIS, SCLERA = np.array([0.44, 0.29, 0.18]), np.array([0.86, 0.80, 0.77])
RIM, THROAT = np.array([0.46, 0.19, 0.17]), np.array([0.09, 0.025, 0.025])
LUMINANCE = np.array([0.299, 0.587, 0.114])
LEAST_CHROMA = 0.12  # of skin in a picture that has colours: its channels' spread over the largest
FEW = 40  # pixels that tell a colour
OWN_SHARE = 0.02  # of a row that a portrait must show to count as showing teeth and not a lip's edge


def white_light(color: np.ndarray, skin: np.ndarray, sclera: np.ndarray) -> np.ndarray:
    """Colour (3,) of something white in this picture's light: between the skin's light and the whites of the eyes.

    Args:
        color: (H, W, 3); skin, sclera: (H, W) masks.
    """
    # Skin absorbs least of the red light: its largest channel tells the light's strength best.
    bright = color.max(-1)
    on_skin = float(np.percentile(bright[skin > 0.5], 80)) if (skin > 0.5).sum() > FEW else 0.6
    if (sclera > 0.7).sum() < FEW // 2:
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
    if len(own) < FEW:
        return 1.0
    high = own.max(-1)
    return float(np.clip(np.median((high - own.min(-1)) / np.maximum(high, 0.05)) / LEAST_CHROMA, 0, 1))


def faded(color: np.ndarray, share: float) -> np.ndarray:
    """color (..., 3) with only this share of its colour, at the same lightness."""
    grey = (color @ LUMINANCE)[..., None]
    return grey + share * (color - grey)


def paint_teeth(row: str, color: np.ndarray, seen: np.ndarray, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row of teeth.

    Args:
        row: upper or lower; color: (H, W, 3) what the photo shows there; seen: (H, W) how well it shows it; light: see
            `white_light`.

    Returns:
        color (H, W, 3) and alpha (H, W), rounded at the teeth's edges.
    """
    height, width = seen.shape
    u = np.abs((np.arange(width) + 0.5) / width * 2 - 1)
    v = ((np.arange(height) + 0.5) / height)[:, None]
    if row == "lower":
        v = 1 - v  # from the gum to the edge in both rows
    slope = 2 * ARCH_DEPTH * ARCH_WIDTH * u
    # Length of the arch y = d x^2 from the middle, in mouth widths.
    length = (slope * np.sqrt(1 + slope ** 2) + np.arcsinh(slope)) / (4 * ARCH_DEPTH)
    ends = np.cumsum(TEETH[row])
    number = np.minimum(np.searchsorted(ends, length), len(ends) - 1)
    phase = np.abs((ends[number] - length) / np.array(TEETH[row])[number] * 2 - 1)  # 0 mid-tooth, 1 between two
    edge = 1 - np.array(SHORTER[row])[number] - 0.09 * np.clip(phase, 0, 1) ** 4
    alpha = np.clip((edge[None] - v) / 0.03 + 0.5, 0, 1)
    gap = 1 - (0.20 if row == "upper" else 0.14) * np.clip((phase - 0.80) / 0.20, 0, 1) ** 2
    rounding = 1 - 0.10 * np.clip(phase, 0, 1) ** 2
    back = 1 - 0.72 * np.clip(u, 0, 1) ** 1.5  # the cheeks' shade
    lip = 0.80 + 0.22 * np.clip((v - 0.2) / 0.4, 0, 1) - 0.07 * np.clip((v - 0.9) / 0.1, 0, 1)
    enamel = ENAMEL * light * (0.92 if row == "lower" else 1.0) * ((gap * rounding * back)[None] * lip)[..., None]
    border = GUM / (CROWN + GUM) + 0.07 * (np.clip(phase, 0, 1) ** 2 - 0.3)
    gum = np.clip((border[None] - v) / 0.035 + 0.5, 0, 1)[..., None]
    painted = enamel * (1 - gum) + GUMS * light * (back[None] * lip)[..., None] * gum
    own = seen * tooth_like(color, light.max())
    if own.sum() < OWN_SHARE * own.size:
        own = np.zeros_like(own)
    else:
        lit = own > 0.5
        gain = color[lit].mean(0) / np.maximum(painted[lit].mean(0), 0.05)
        painted = painted * np.clip(0.5 * gain + 0.5 * gain.mean(), 0.5, 1.4)
        alpha = np.maximum(alpha, own)
    own = own[..., None]
    return np.clip(color * own + painted * (1 - own), 0, 1), alpha


def paint_cavity(color: np.ndarray, seen: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(H, W, 3): the bag's disc, red behind the lips and dark in the throat; what the photo shows of it stays."""
    size = len(seen)
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    rim = np.clip(np.hypot(grid[None], grid[:, None]), 0, 1)[..., None] ** 1.5
    own = (seen * ~tooth_like(color, light.max()))[..., None]
    return color * own + light * (THROAT * (1 - rim) + RIM * rim) * (1 - own)


def paint_tongue(shape: tuple[int, int], light: np.ndarray) -> np.ndarray:
    """(H, W, 3): tip in the first row, root in the last; a furrow along the middle, dark towards the throat."""
    u, v = np.linspace(-1, 1, shape[1])[None], np.linspace(0, 1, shape[0])[:, None]
    furrow = 1 - 0.14 * np.exp(-(u / 0.09) ** 2) - 0.30 * np.abs(u) ** 2.5
    depth = 1 - 0.88 * np.clip((v - 0.15) / 0.85, 0, 1) ** 1.2
    grain = 1 + 0.035 * np.random.default_rng(0).standard_normal((shape[0], shape[1]))
    return np.clip(TONGUE * light * (furrow * depth * grain)[..., None], 0, 1)


def paint_eye(radius: np.ndarray, light: np.ndarray) -> np.ndarray:
    """(H, W, 3): a brown iris with its pupil, dark at the rim, in a white that reddens towards the corners.

    Args:
        radius: (H, W) distance from the iris' centre, 1 at its edge.
    """
    iris = IRIS * (0.75 + 0.5 * np.clip(1.2 - radius, 0, 1))[..., None] * (1 - 0.5 * np.clip((radius - 0.8) / 0.2, 0, 1))[..., None]
    pupil = np.clip((0.34 - radius) / 0.06 + 0.5, 0, 1)[..., None]
    white = SCLERA * (1 - 0.12 * np.clip(radius - 1, 0, 1.5))[..., None]
    outside = np.clip((radius - 1) / 0.08 + 0.5, 0, 1)[..., None]
    return np.clip(light * (((1 - pupil) * iris + pupil * 0.03) * (1 - outside) + white * outside), 0, 1)
