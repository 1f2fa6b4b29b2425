"""The inside of the mouth: teeth with gums, tongue and cavity, painted and lit like the face around them.

Where the portrait shows its own teeth these stay, and the painted ones take their colour.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt, median_filter

from ...rig.mouth import ARCH_DEPTH, ARCH_WIDTH, BACK_WALL, CROWN, GUM, cheeks_shade, crown_share, tooth_like
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ...smooth_ramps import smooth_step
from ..atlas import REGIONS, Texture, chart_slice
from ..belief.texels import Texels, between_the_lips
from ..fill_holes import diffuse
from ..view import MOUTH

# Widths of the teeth from the middle outwards, in shares of the mouth's width (Wheeler's dental anatomy, 50 mm mouth).
TOOTH_WIDTHS = {"upper": (0.172, 0.132, 0.152, 0.142, 0.140, 0.20), "lower": (0.108, 0.118, 0.138, 0.142, 0.144, 0.22)}
SHORTER_TEETH = {"upper": (0.0, 0.045, 0.0, 0.05, 0.07, 0.10), "lower": (0.02, 0.01, 0.0, 0.04, 0.06, 0.10)}  # shares of the chart
ENAMEL_COLOR, GUM_COLOR, TONGUE_COLOR = np.array([1.0, 0.93, 0.90]), np.array([0.70, 0.40, 0.37]), np.array([0.71, 0.43, 0.43])
RIM_COLOR, THROAT_COLOR = np.array([0.46, 0.19, 0.17]), np.array([0.09, 0.025, 0.025])
LEAST_LIGHT = 0.35  # share of the light that a tooth in a lip's shade has
RIM_OF_LIP = 0.02  # share of a strip's height next to the lip that the teeth hang from: the lip's shine, no tooth; half of it at their tips
LEAST_THROAT = 0.10  # share of the throat's chart that a portrait must show: a strip of it would float when the mouth opens wider
LIP_RING, INNER_LIP_LIGHT = (
    (0.93, 0.99),
    0.85,
)  # radii of the throat's chart over which it becomes the lips' inside; share of their light there
CORNER_TONE = 0.45  # times as bright as the light, below which what stands where a tooth should be is the mouth's dark corner
HARDLY = 0.1  # share of being between the lips from which a texel tells its tone
TONE = (-3.0, 0.7)  # natural logarithm of how much darker, or brighter, than painted something in a mouth is believed to be
CARRIED = 0.15  # share of a chart's height over which that shade fades beside what is shown (.08 to .3)
CORNER_LIGHT = 0.6  # share of a row's brightness below which something is too dark to be one of its teeth
COMPARED_COLUMNS = 8  # columns of a strip, to each side, over which two teeth's colours are compared
LEAST_TOOTH_HEIGHT = 0.10  # share of a strip's height that a portrait must show of a tooth: less is a lip's edge
LEAST_TOOTH_COLUMNS = 0.10  # share of a strip's columns that must show one


def complete_mouth(texture: Texture, texels: Texels, rig: Rig, light: np.ndarray) -> None:
    """Teeth, tongue and cavity; light (3,): see `light.white_light`. What the photo shows there of something else, a lip that
    landmarks missed or a tongue before the teeth, counts as not seen."""
    opened = rig.mouth_open
    for row in ("upper", "lower"):
        area, shown = chart_slice(f"{row}_teeth"), between_the_lips(texels.chart(f"{row}_teeth"), opened)
        crown = crown_share(rig.vertices, rig.vertices[rig.vertex_part == PART[f"{row}_teeth"]])
        texture.color[area], texture.alpha[area], texture.seen[area] = paint_teeth(row, texture.color[area], shown, light, crown)
    area = chart_slice("cavity")
    texture.color[area], texture.seen[area] = paint_cavity(texture.color[area], between_the_lips(texels.chart("cavity"), opened), light)
    area = chart_slice("tongue")
    texture.color[area], texture.seen[area] = paint_tongue(texture.alpha[area].shape, light), 0.0
    for part in ("cavity", "tongue"):
        texture.alpha[chart_slice(part)] = 1.0
    for part in MOUTH:
        for name in REGIONS:
            texture.regions[name][chart_slice(part)] = 0.0


@dataclass
class OwnTeeth:
    """What a portrait shows of a row: for each column of the strip (W,) the first and the last row of its tooth, from the gum to
    the edge, in shares of the strip's height, and how much the column counts, 0 to 1."""

    first: np.ndarray
    last: np.ndarray
    weight: np.ndarray


def own_teeth(color: np.ndarray, seen: np.ndarray, light: np.ndarray) -> OwnTeeth | None:
    """Find a portrait's own teeth in a strip, or None where it shows too little of them.

    Whole columns from the first to the last pale texel, and all columns between the outermost ones: gaps and shadows between teeth
    are theirs, and teeth with holes in them would show what is painted behind as specks.

    Args:
        color: (H, W, 3), from the gum to the edge; seen: (H, W); light: see `light.white_light`.
    """
    height, width = seen.shape
    pale = tooth_like(color / np.maximum(light / light.max(), 0.3), light.max(), LEAST_LIGHT) & (seen > 0.5)
    pale = cv2.morphologyEx(pale.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5))) > 0
    shown = pale.sum(0) > LEAST_TOOTH_HEIGHT * height
    # In the mouth's corners they are too dark to be told from what lies beside them.
    level = (color.max(-1) * pale).sum(0) / np.maximum(pale.sum(0), 1)
    shown &= level > CORNER_LIGHT * np.median(level[shown]) if shown.any() else False
    if shown.sum() < LEAST_TOOTH_COLUMNS * width:
        return None
    columns = np.flatnonzero(shown)
    first, last = (
        np.interp(np.arange(width), columns, values) for values in (pale.argmax(0)[shown], height - 1 - pale[::-1].argmax(0)[shown])
    )
    first, last = median_filter(first, 9) + RIM_OF_LIP * height, np.minimum(last, median_filter(last, 5)) - RIM_OF_LIP * height / 2
    weight = np.zeros(width)
    weight[columns[0] : columns[-1] + 1] = 1
    return OwnTeeth((first + 1) / height, (last + 1) / height, cv2.GaussianBlur(weight[None], (0, 0), 3)[0] * weight)


def paint_teeth(
    row: str, color: np.ndarray, seen: np.ndarray, light: np.ndarray, crown: float = CROWN / (CROWN + GUM)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row of teeth: the portrait's own, continued under the lip, and painted ones in their colour where it shows none.

    Args:
        row: upper or lower; color: (H, W, 3) what the photo shows there; seen: (H, W) how well it shows it; light: see
            `light.white_light`; crown: how much of the strip is teeth, the rest is gum.

    Returns:
        color (H, W, 3), alpha (H, W), rounded at the teeth's edges, and own (H, W): where it is the photo's.
    """
    if row == "lower":
        color, seen = color[::-1], seen[::-1]  # from the gum to the edge in both rows
    own = own_teeth(color, seen, light)
    painted, alpha = _painted(row, seen.shape, light, crown)
    shown = np.zeros(seen.shape)
    if own is not None:
        painted, alpha, shown = _continued(own, color, seen, painted, alpha, light, crown)
        # Beside its own teeth lie the mouth's dark corners; what is brighter there is a lip that landmarks missed.
        corner = (own.weight == 0) & (seen > HARDLY) & (color.max(-1) < CORNER_TONE * light.max())
        painted = as_shown(painted, color, corner, shown > 0.5)
    color = np.clip(color * shown[..., None] + painted * (1 - shown[..., None]), 0, 1)
    return (color[::-1], alpha[::-1], shown[::-1]) if row == "lower" else (color, alpha, shown)


def _down(height: int) -> np.ndarray:
    """(H, 1): 0 at the gum, 1 at the edge."""
    return ((np.arange(height) + 0.5) / height)[:, None]


def _painted(row: str, shape: tuple[int, ...], light: np.ndarray, crown: float) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) and alpha (H, W) of teeth and gums by the book."""
    height, width = shape
    u, v = np.abs((np.arange(width) + 0.5) / width * 2 - 1), _down(height)
    slope = 2 * ARCH_DEPTH * ARCH_WIDTH * u
    # Length of the arch y = d x^2 from the middle, in mouth widths.
    length = (slope * np.sqrt(1 + slope**2) + np.arcsinh(slope)) / (4 * ARCH_DEPTH)
    ends = np.cumsum(TOOTH_WIDTHS[row])
    number = np.minimum(np.searchsorted(ends, length), len(ends) - 1)
    phase = np.abs((ends[number] - length) / np.array(TOOTH_WIDTHS[row])[number] * 2 - 1)  # 0 mid-tooth, 1 between two
    edge = 1 - np.array(SHORTER_TEETH[row])[number] - 0.09 * np.clip(phase, 0, 1) ** 4
    alpha = np.clip((edge[None] - v) / 0.03 + 0.5, 0, 1)
    gap = 1 - (0.20 if row == "upper" else 0.14) * np.clip((phase - 0.80) / 0.20, 0, 1) ** 2
    rounding = 1 - 0.10 * np.clip(phase, 0, 1) ** 2
    back = cheeks_shade(u)
    lip = 0.80 + 0.22 * np.clip((v - 0.2) / 0.4, 0, 1) - 0.07 * np.clip((v - 0.9) / 0.1, 0, 1)
    enamel = ENAMEL_COLOR * light * (0.92 if row == "lower" else 1.0) * ((gap * rounding * back)[None] * lip)[..., None]
    border = 1 - crown + 0.07 * (np.clip(phase, 0, 1) ** 2 - 0.3)
    gum = np.clip((border[None] - v) / 0.035 + 0.5, 0, 1)[..., None]
    return enamel * (1 - gum) + GUM_COLOR * light * (back[None] * lip)[..., None] * gum, alpha


def _continued(
    own: OwnTeeth, color: np.ndarray, seen: np.ndarray, painted: np.ndarray, alpha: np.ndarray, light: np.ndarray, crown: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The portrait's teeth run on, tooth by tooth, to the gum that the lip hides; beside them painted ones take their colour.

    Returns:
        colour (H, W, 3) of what the photo does not show, alpha (H, W), and where the photo's own colour stays (H, W).
    """
    height, width = alpha.shape
    v = _down(height)
    inside = (v >= own.first) & (v <= own.last) & (seen > 0.3) & (own.weight > 0)
    if not inside.any():
        return painted, alpha, inside.astype(np.float64)
    shown = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 1.0) * inside
    # Colour near a tooth's upper end, near its lower end: the part is long enough to be of the tooth and not of its shade.
    length = np.maximum(own.last - own.first, 1e-3)
    ends = []
    for low, high in ((0.1, 0.5), (0.5, 0.9)):
        part = (inside & (v >= own.first + low * length) & (v <= own.first + high * length))[..., None]
        weight = part.sum(0).astype(np.float32)
        total = cv2.GaussianBlur((color * part).sum(0)[None], (0, 0), 1.5)[0]
        weight = cv2.GaussianBlur(weight.reshape(1, -1), (0, 0), 1.5).reshape(-1, 1)
        known = weight[:, 0] > 1e-2
        if not known.any():
            return painted, alpha, shown
        mean = total / np.maximum(weight, 1e-6)
        ends.append(np.stack([np.interp(np.arange(width), np.flatnonzero(known), mean[known, k]) for k in range(3)], -1))
    share = np.clip((v - own.first) / length, 0, 1)[..., None]
    teeth = ends[0] * (1 - share) + ends[1] * share
    # Under the lip it is darker, and beyond the crown's length there is gum.
    border = np.minimum(1 - crown, own.first)
    gum = np.clip((border - v) / 0.04 + 0.5, 0, 1)[..., None]
    lip = 1 - 0.25 * np.clip((own.first - v) / 0.25, 0, 1)[..., None]
    tone = np.minimum(ends[0].max(-1, keepdims=True), light.max())
    run_on = (teeth * (1 - gum) + GUM_COLOR * tone * gum) * lip
    outermost = np.flatnonzero(own.weight > 0.5)[[0, -1]] if (own.weight > 0.5).any() else np.flatnonzero(own.weight)[[0, -1]]
    # Beside the outermost own ones the painted ones are as bright as these.
    middle = np.clip(((own.first + own.last) / 2 * height).astype(int), 0, height - 1)
    gains = []
    for at in outermost:
        near = np.clip(np.arange(at - COMPARED_COLUMNS, at + COMPARED_COLUMNS + 1), outermost[0], outermost[1])
        gains.append(teeth[middle[near], near].mean(0) / np.maximum(painted[middle[near], near].mean(0), 0.05))
    gain = np.stack([np.interp(np.arange(width), outermost, [gains[0][k], gains[1][k]]) for k in range(3)], -1)
    weight = own.weight[:, None]
    out = painted * np.clip(gain, 0.3, 1.5) * (1 - weight) + run_on * weight
    # The dark that the photo shows below a tooth's edge is no tooth; a lip that it touches hides the rest of it.
    dark = (seen > 0.3) & (color.max(-1) < CORNER_LIGHT * np.median(color.max(-1)[inside]))
    below = np.clip((v - own.last) / 0.03, 0, 1) * np.clip(cv2.GaussianBlur(dark.astype(np.float32), (0, 0), 1.0) * 2, 0, 1)
    return out, alpha * (1 - own.weight) + (1 - below) * own.weight, shown


def paint_cavity(color: np.ndarray, seen: np.ndarray, light: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bag's disc, red behind the lips and dark in the throat; what the photo shows of it stays, and the rest takes its colour.

    Returns:
        color (H, W, 3) and own (H, W): where it is the photo's.
    """
    size = len(seen)
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    radius = np.hypot(grid[None], grid[:, None])
    rim = np.interp(radius, [0, BACK_WALL, 1], [0, 0.25, 1])[..., None] ** 1.5
    shown, pale = seen > 0.5, tooth_like(color, light.max())
    if (shown & pale).sum() < 0.5 * shown.sum():
        # Teeth that the rig has not quite where they are leave a rim; if most is pale it is a tongue in a black-and-white picture.
        shown &= ~pale
    painted = light * (THROAT_COLOR * (1 - rim) + RIM_COLOR * rim)
    # A sliver of the lips' inside shows before the teeth; a line as dark as the throat would part the two.
    of_lip = smooth_step(radius, *LIP_RING)[..., None]
    lip = np.median(color[np.abs(radius - 0.97) < 0.03], 0)
    painted = as_shown(painted * (1 - of_lip) + INNER_LIP_LIGHT * lip * of_lip, color, shown | (seen > HARDLY) & ~pale)
    if shown.mean() < LEAST_THROAT:
        shown = np.zeros_like(shown)
    # Without holes, which a tongue's shine makes, and without crumbs.
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    own = cv2.morphologyEx(cv2.morphologyEx(shown.astype(np.float32), cv2.MORPH_CLOSE, disc), cv2.MORPH_OPEN, disc)
    own = cv2.GaussianBlur(own, (0, 0), 1.0) * own
    return color * own[..., None] + painted * (1 - own[..., None]), own


def as_shown(painted: np.ndarray, color: np.ndarray, shown: np.ndarray, settled: np.ndarray | None = None) -> np.ndarray:
    """What is painted (H, W, 3), in the shade that the photo's color (H, W, 3) shows of it: as dark as there where it is shown (H, W) bool,
    and less and less so beside it. So the dark corners of a smile are dark, and go on behind the lips. settled (H, W) bool: what is as it
    has to be."""
    told = shown if settled is None else shown | settled
    if not told.any():
        return painted
    tone = np.clip(np.log(np.maximum(color, 0.01) / np.maximum(painted, 0.01)), *TONE)
    if settled is not None:  # a tooth in the dark has the hue of a tooth: as the mouth opens it comes into the light
        tone = np.where(settled[..., None], 0.0, tone.mean(-1, keepdims=True))
    far = distance_transform_edt(~told) / len(told)
    return painted * np.exp(diffuse(tone, told.astype(np.float32)) * np.exp(-far / CARRIED)[..., None])


def paint_tongue(shape: tuple[int, ...], light: np.ndarray) -> np.ndarray:
    """(H, W, 3): tip in the first row, root in the last; a furrow along the middle, rough, dark towards the throat and at the sides."""
    u, v = np.linspace(-1, 1, shape[1])[None], np.linspace(0, 1, shape[0])[:, None]
    furrow = 1 - 0.10 * np.exp(-((u / 0.09) ** 2)) - 0.35 * np.abs(u) ** 2.5
    depth = 1 - 0.92 * smooth_step(v, 0.25, 0.95)
    papillae = cv2.GaussianBlur(np.random.default_rng(0).standard_normal(shape[:2]), (0, 0), 0.8)
    return np.clip(TONGUE_COLOR * light * (furrow * depth * (1 + 0.07 * papillae))[..., None], 0, 1)
