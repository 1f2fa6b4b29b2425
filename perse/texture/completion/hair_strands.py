"""Made up hair: in the tone that the photo's has at each height, with strands, locks and tresses as varied as its own."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.special import ndtri

from ...rig.head import CROWN
from ...smooth_ramps import smooth_step
from ..cie_lab import to_lab, to_rgb
from ..fill_holes import blurred_around, diffuse
from .hair_grain import grain_at
from .hair_length import HairLength
from .hair_swatch import HairSwatch

STRAND, LOCK, TRESS = 0.016, 0.07, 0.2  # widths of single strands, of locks and of tresses, eye distances
FAIR_HAIR = (12.0, 18.0)  # CIE Lab distances from the skin's hue: up to which hair is like skin, and from which it is not
SEEN_HAIR_BLUR = 8.0  # texels over which seen hair is evened out before it is carried on
FAR, FAR_BLUR = (10.0, 80.0), 40.0  # texels from seen hair over which its tone is evened out, and over how many
TONE = 0.55  # quantile of seen hair's lightness that its tone has (.5 to .6): at .4 hair behind the outline is darker than what is seen
TONE_DRIFT = 160  # texels over which made up hair passes from the tone of the nearest seen hair to the tone of all of it
TONE_PLAY = 9.0  # CIE lightness by which hair that is carried on differs from the usual tone at its height at most
COMMON_TONE = 4000.0  # texels of one height that weigh as much as all the others in saying what tone hair has there
BORDER = (3.0, 14.0)  # texels from the border of seen hair: up to which its colour is not carried on, and from which it is
LOCKS_BEGIN = 60.0  # texels behind seen hair over which made up locks and tresses begin
DARKEST = 1.0  # CIE lightness of the darkest strands
MOST_CHROMA = 1.5  # times the tone's colour, lightness for lightness, that the most colourful strands have (1.2 to 2)
SWATCH_STRENGTH = 1.15  # of the person's own strands, which Gaussians even out somewhat (1 to 1.4)
# A tress that a swatch is too small for: how wide and long it is, eye distances, between which blurs of the photo's hair, texels, its light is
# told, and the share of that which is made up.
WIDE_TRESS, LONG_TRESS, TRESS_BLUR, TRESS_STRENGTH = 0.35, 1.05, (20.0, 60.0), 0.7
COLOR_VARIETY = 0.8  # share of what hair's colours vary in the photo, where part of that is light and shade


def hair_strands(
    points: np.ndarray,
    flow: np.ndarray,
    color: np.ndarray,
    hair: np.ndarray,
    seen: np.ndarray,
    face_skin: np.ndarray,
    length: HairLength,
    swatch: HairSwatch | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Hair everywhere, in the tone and with the variety of what the photo shows of it.

    Args:
        points: (H, W, 3) head frame; flow: (H, W, 2), see `grain.strand_coordinates`; color: (H, W, 3); hair, seen: (H, W) 0 to 1;
        face_skin: (3,) RGB; swatch: the person's own strands, if the photo shows enough of them.

    Returns:
        hair (H, W, 3), RGB, and how unlike it (H, W) the photo is, 0 to 1.
    """
    lab, y = to_lab(color), points[..., 1]
    sure = _surely_hair(lab, hair, seen, face_skin)
    middle = _tone(lab[sure])
    tone = _tone_by_height(lab, y, sure, middle)
    spread = 1.5 * np.median(np.abs(lab[sure] - middle), axis=0) + [6, 2, 2]
    unlike = smooth_step((np.abs(lab - tone) / spread).max(-1), 2.0, 3.5)
    # Near what is seen its light goes on, farther on it is everywhere the same.
    weight = _from_within((hair * np.clip((seen - 0.35) / 0.3, 0, 1) * (1 - unlike)).astype(np.float32))
    local, gone = _carried_on(lab, weight)
    # A sunlit side or a thin temple is no tone for the back of the head.
    local[..., 0] = np.clip(local[..., 0], tone[..., 0] - TONE_PLAY, tone[..., 0] + TONE_PLAY)
    base = local + (tone - local) * smooth_step(gone, 0, TONE_DRIFT)[..., None]
    base[..., 0] *= 1 - 0.08 * smooth_step(points[..., 2], 0.8, 1.7) - 0.10 * smooth_step(y, 0.2, 0.7)
    if swatch is not None:
        vary = SWATCH_STRENGTH * swatch.at(flow) + _tresses(lab, flow, sure, gone)
    else:
        vary = _variety(lab, flow, sure, gone, 0.7 if length.long else np.clip(2.2 * max(-y.min() - CROWN, 0) ** 2, 0.06, 0.5))
    return to_rgb(_of_hair(base, vary)), unlike.astype(np.float32)


def _from_within(weight: np.ndarray) -> np.ndarray:
    """Weights (H, W) of seen hair without what lies along its border, which is mixed with skin or background, if there is hair within."""
    known = np.tile((weight > 0.3).astype(np.uint8), (1, 3))
    depth = cv2.distanceTransform(known, cv2.DIST_L2, 3)[:, weight.shape[1] : 2 * weight.shape[1]]
    within = weight * smooth_step(depth, *BORDER)
    return within if within.max() > 0.3 else weight


def _surely_hair(lab: np.ndarray, hair: np.ndarray, seen: np.ndarray, face_skin: np.ndarray) -> np.ndarray:
    """(H, W) bool: texels that are well seen, away from the edge of hair, and of its own hue."""
    sure = cv2.erode(((hair > 0.75) & (seen > 0.5)).astype(np.uint8), np.ones((9, 9))) > 0
    if sure.sum() < 400:
        sure = (hair > 0.5) & (seen > 0.2)
    if sure.sum() < 50:
        sure = hair * seen >= np.quantile(hair * seen, 0.99)
    # Thin hair lets the skin through, and its rim the background: what is nearer to the skin's hue than most, or farther, is left out.
    # Fair hair has the skin's own hue: what of it is farther is its shadows.
    from_skin = np.linalg.norm((lab - to_lab(face_skin))[..., 1:], axis=-1)
    half, most = np.quantile(from_skin[sure], [0.5, 0.75])
    return sure & (from_skin >= min(half, most - 4) * smooth_step(half, *FAIR_HAIR)) & (from_skin < most + 6)


def _tone_by_height(lab: np.ndarray, y: np.ndarray, sure: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """CIE Lab (H, W, 3): hair has other tones at its roots than at its tips; middle (3,) where no height tells."""
    levels = np.arange(-1.6, 1.6, 0.1)
    tones = np.tile(middle * COMMON_TONE, (len(levels), 1))
    counts = np.full(len(levels), COMMON_TONE)
    for k, level in enumerate(levels):
        band = lab[sure & (np.abs(y - level) < 0.1)]
        if len(band) > 30:
            tones[k] += _tone(band) * len(band)
            counts[k] += len(band)
    tones = cv2.GaussianBlur((tones / counts[:, None]).astype(np.float32), (0, 0), sigmaX=1e-3, sigmaY=1.5, borderType=cv2.BORDER_REPLICATE)
    return np.dstack([np.interp(y, levels, tones[:, k]) for k in range(3)])


def _variety(lab: np.ndarray, flow: np.ndarray, sure: np.ndarray, gone: np.ndarray, run: float) -> np.ndarray:
    """CIE Lab deviations (H, W, 3): strands, locks and tresses vary as much as in the photo, and with their lightness changes the hue, as it
    does there.

    Args:
        gone: (H, W) texels to the nearest seen hair; run: how far a strand runs on alike, eye distances.
    """
    smooth = [lab] + [cv2.GaussianBlur(lab, (0, 0), sigma) for sigma in (2, 8, 20)]
    strong = np.array([np.median(np.abs((finer - coarser)[sure][:, 0])) for finer, coarser in zip(smooth, smooth[1:])]) + 0.3
    strong[0] = max(strong[0], strong[1])  # single strands are finer than most photos show
    strong[1:] *= np.minimum(1, 0.4 * np.sqrt(run / np.array([LOCK, TRESS])))  # cropped hair has no locks
    # Locks and tresses that are made up begin behind those that are seen: beside each other they would show where one ends.
    begun = smooth_step(gone, 0, LOCKS_BEGIN)
    noise = sum(
        amplitude * grain_at(flow, width, run * (1 + width / LOCK), seed) * (1 if width == STRAND else begun)
        for seed, (amplitude, width) in enumerate(zip(strong, (STRAND, LOCK, TRESS)), 2)
    ) / np.linalg.norm(strong)
    return _palette((lab - smooth[-1])[sure], noise)


def _of_hair(base: np.ndarray, vary: np.ndarray) -> np.ndarray:
    """Hair of a tone (H, W, 3) that varies by this much, CIE Lab: its dark strands have as much less colour, and none another hue."""
    out = base + vary
    out[..., 0] = np.maximum(out[..., 0], DARKEST)
    most = MOST_CHROMA * base[..., 1:] * (out[..., :1] / np.maximum(base[..., :1], DARKEST))
    out[..., 1:] = np.clip(out[..., 1:], np.minimum(most, 0) - 1, np.maximum(most, 0) + 1)
    return out


def _tresses(lab: np.ndarray, flow: np.ndarray, sure: np.ndarray, gone: np.ndarray) -> np.ndarray:
    """CIE Lab deviations (H, W, 3) that are wider than a swatch, as strong as in the photo; gone: (H, W) texels to the nearest seen hair."""
    finer, coarser = (cv2.GaussianBlur(lab, (0, 0), sigma) for sigma in TRESS_BLUR)
    noise = grain_at(flow, WIDE_TRESS, LONG_TRESS, 5)
    return TRESS_STRENGTH * _palette((finer - coarser)[sure], noise * smooth_step(gone, 0, LOCKS_BEGIN))


def _carried_on(lab: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours (H, W, 3) of the known texels nearest to each, evened out, and how far off (H, W) those are, in texels; left and
    right borders meet. weight (H, W): how well a texel is known."""
    if weight.max() < 0.3:
        return diffuse(lab, weight, around=True), np.full(weight.shape, np.inf)
    width = weight.shape[1]
    even = blurred_around(lab * weight[..., None], SEEN_HAIR_BLUR)
    even /= np.maximum(blurred_around(weight, SEEN_HAIR_BLUR), 1e-3)[..., None]
    # What is nearest lies less than half the way around.
    half = width // 2
    gone, (row, column) = distance_transform_edt(np.pad(weight < 0.3, ((0, 0), (half, half)), mode="wrap"), return_indices=True)
    middle = np.s_[:, half : half + width]
    gone = gone[middle].astype(np.float32)
    carried = blurred_around(even[row[middle], (column[middle] - half) % width], SEEN_HAIR_BLUR / 2)
    # Where the nearest changes from one side to another, there is no line.
    wide = blurred_around(carried, FAR_BLUR)
    return carried + (wide - carried) * smooth_step(gone, *FAR)[..., None], gone


def _tone(lab: np.ndarray) -> np.ndarray:
    """The tone (3,) of hair: the middle of what is lit and what is in shade; from Lab (N, 3)."""
    return np.append(np.quantile(lab[:, 0], TONE), np.median(lab[:, 1:], axis=0))


def _palette(deviation: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Normal noise (H, W) as deviations (H, W, 3) in Lab that are distributed like these (N, 3), darkest to lightest."""
    order = np.argsort(deviation[:, 0])
    bins = np.array([part.mean(0) for part in np.array_split(deviation[order], 24)])
    bins -= bins.mean(0)
    bins = COLOR_VARIETY * np.clip(bins, [-25, -8, -12], [25, 8, 12])
    at = ndtri((np.arange(24) + 0.5) / 24)
    return np.dstack([np.interp(noise, at, bins[:, k]) for k in range(3)])
