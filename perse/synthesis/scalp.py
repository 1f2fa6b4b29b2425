"""The head behind the portrait's outline: hair or skin carried on over the crown, the sides and the back."""

import cv2
import numpy as np

from ..rig.shell import OUTLINE_RING, RINGS
from .atlas import Texture, chart_slice, sample
from .fill import diffuse, soften

STRAND = 0.10  # contrast of single strands where hair is made up, at most


def complete_scalp(texture: Texture) -> None:
    """Behind the outline hair continues: each profile's own hair, reflected back and forth; skin under the jaw."""
    area = chart_slice("shell")
    color, seen = texture.color[area].copy(), texture.seen[area]
    hair, skin = texture.regions["hair"][area], texture.regions["skin"][area]
    height, width = seen.shape
    outline = int(OUTLINE_RING / (RINGS + 1) * height)
    known_hair = cv2.erode(((hair > 0.6) & (seen > 0.15)).astype(np.uint8), np.ones((7, 7))) > 0
    # Per column: the run of hair that ends nearest to the outline.
    low, high = np.zeros(width, int), np.zeros(width, int)
    for u in range(width):
        rows = np.flatnonzero(known_hair[:outline + 8, u])
        if len(rows):
            run = np.split(rows, np.flatnonzero(np.diff(rows) > 6) + 1)[-1]
            low[u], high[u] = run[0], run[-1]
    v = np.arange(height)
    under_jaw = 0.5 - np.abs(np.arange(width) / width - 0.5)  # 0 at the crown (u = 0), 0.5 under the chin
    enough = (high - low > 0.05 * height) & (under_jaw < 0.33)
    has_hair = enough.sum() > 0.06 * width
    if has_hair:
        good = np.flatnonzero(enough)
        gap = np.abs(np.arange(width)[:, None] - good[None])
        gap = np.minimum(gap, width - gap)
        donor = np.where(enough, np.arange(width), good[gap.argmin(1)])
        # Neighbouring columns that borrow take neighbouring donors, or one strand would be smeared into a sheet.
        away = gap.min(1)
        donor = np.where(enough, donor, good[np.clip(np.searchsorted(good, donor) + _zigzag(away, len(good) // 3), 0, len(good) - 1)])
        start = np.where(enough, high, outline - 2)
        band = np.maximum(high[donor] - low[donor] - 4, 4)
        phase = np.maximum(v[:, None] - start[None], 0) % (2 * band[None])
        source = high[donor][None] - np.where(phase > band[None], 2 * band[None] - phase, phase) - 2
        strands = color[np.clip(source, 0, height - 1), np.broadcast_to(donor[None], source.shape)]
        strands = cv2.GaussianBlur(_comb_back(texture.extra["points"][area], color, strands, good, low, high, outline), (0, 0), 1.2)
    mean_skin = _mean(color, (skin > 0.5) * seen, texture.color[chart_slice("face")].mean((0, 1)))
    skin_color = diffuse(color, np.clip(seen * (skin > 0.5), 0, 1))
    shade = 1 - 0.30 * np.clip(v / height / 0.3, 0, 1)
    jaw_color = (0.5 * skin_color + 0.5 * mean_skin) * shade[:, None, None]
    if has_hair:
        points = texture.extra["points"][area]
        if ((hair > 0.6) & (seen > 0.15) & (points[..., 1] > 0.6)).mean() > 0.002:
            # Long hair: under the jaw skin runs back to the nape, where hair begins again.
            below = np.clip((under_jaw - 0.29) / 0.06, 0, 1)
            nape = np.clip((v / height - 0.66) / 0.08, 0, 1)
            share = below[None] * (1 - nape[:, None])
        else:
            # Short hair ends along a line from the ear lobe down to the nape.
            hairline = 0.42 + 0.37 * (points[..., 2] - 0.6)
            share = np.clip((points[..., 1] - hairline) / 0.08 + 0.5, 0, 1)
        share = cv2.GaussianBlur(share.astype(np.float32), (0, 0), 3)
        fill = strands * (1 - share[..., None]) + jaw_color * share[..., None]
        hair_fill = 1 - share
    else:
        fill = skin_color * (1 - 0.25 * np.clip((under_jaw - 0.3) / 0.1, 0, 1))[None, :, None]
        hair_fill = np.zeros((height, width), np.float32)
    keep = soften(np.clip(seen * 3, 0, 1) * (seen > 0.12), texture.faces[area] >= 0, 1.5) * (seen > 0.08)
    texture.color[area] = color * keep[..., None] + fill * (1 - keep[..., None])
    texture.regions["hair"][area] = hair * keep + hair_fill * (1 - keep)
    texture.regions["skin"][area] = skin * keep + (1 - hair_fill) * (1 - keep)
    for name in ("neck", "clothes", "brows", "lips", "glasses"):
        texture.regions[name][area] *= keep
    # Behind the outline the shell is solid; near the outline in front the matte's softness is kept.
    solid = np.clip((v - outline - 3) / 6, 0, 1)[:, None]
    texture.alpha[area] = np.maximum(texture.alpha[area], solid)


def _comb_back(points: np.ndarray, color: np.ndarray, strands: np.ndarray, good: np.ndarray, low: np.ndarray,
               high: np.ndarray, outline: int) -> np.ndarray:
    """Hair (H, W, 3) whose strands fall from the crown down the back of the head, instead of meeting in a star at the
    pole: there every texel reads the hair of the profile over it, the farther down the farther along the strand.

    Args:
        points: (H, W, 3) head frame; color: what the photo shows; strands: each profile's own hair continued; good:
            columns that show hair, low to high (W,) their rows; outline: row of the portrait's outline.
    """
    height, width = strands.shape[:2]
    upper = good[np.abs((good / width + 0.5) % 1 - 0.5) < 0.25]
    if len(upper) < 0.05 * width:
        return strands
    order = upper[np.argsort(points[outline, upper, 0])]
    across = np.maximum.accumulate(points[outline, order, 0])
    top = np.interp(points[..., 0], across, points[outline, order, 1])
    donor = order[np.clip(np.round(np.interp(points[..., 0], across, np.arange(len(order)))), 0, len(order) - 1).astype(int)]
    # Texels to an eye distance along the donor's strand, which the rows of its chart measure.
    step = np.linalg.norm(np.diff(points[:outline, upper], axis=0), axis=-1).mean()
    # Not down to the hairline, where skin shines through.
    band = np.maximum(0.7 * (high[donor] - low[donor]) - 4, 4)
    phase = np.maximum(np.hypot(points[..., 1] - top, np.maximum(points[..., 2] - points[outline, donor, 2], 0)), 0) / max(step, 1e-6) % (2 * band)
    rows = high[donor] - np.where(phase > band, 2 * band - phase, phase) - 2
    combed = sample(color, np.stack([donor + 0.5, rows + 0.5], -1))
    # Of the hair only its strands are repeated: bright bands, badges and partings would come again and again.
    wide = cv2.GaussianBlur(np.concatenate([combed] * 3, 1), (0, 0), 0.05 * height)[:, width:2 * width]
    row = np.arange(height)[:, None]
    hair = color[(row >= low) & (row <= high) & np.isin(np.arange(width), good)]
    tone = np.median(hair, axis=0)
    strand = np.clip(np.median(np.abs(hair - tone)), 0.02, STRAND)
    combed = np.clip(tone + 0.2 * (wide - tone) + np.clip(combed - wide, -strand, strand), 0, 1)
    share = np.clip((np.arange(height) - outline) / (0.10 * height), 0, 1)[:, None, None]
    share = share * share * (3 - 2 * share)
    return strands * (1 - share) + combed * share


def _zigzag(distance: np.ndarray, limit: int) -> np.ndarray:
    """Triangle wave of the distance, so that borrowed columns run to and fro over their donors."""
    limit = max(limit, 1)
    phase = distance % (2 * limit)
    return np.where(phase > limit, 2 * limit - phase, phase)


def _mean(color: np.ndarray, weight: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    total = weight.sum()
    return (color * weight[..., None]).sum((0, 1)) / total if total > 50 else fallback
