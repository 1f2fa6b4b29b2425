"""The person's own hair as a swatch: patches of what the photo shows, turned so that strands run down, and laid side by side without end.

What a photo shows of hair is its strands, locks and curls upon a tone that changes slowly. The tone is carried on elsewhere; here is the
rest, the detail, which has no mean. Patches of it are blended so that the detail keeps its variance (Heitz and Neyret 2018,
"High-performance by-example noise using a histogram-preserving blending operator").
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from ...face.measures import eye_distance
from ...portrait import Portrait
from ...smooth_ramps import smooth_step
from ..cie_lab import to_lab

SCALE = 72  # pixels of a swatch an eye distance: Gaussians of hidden hair lie about two of them apart
PATCHES = (46, 30, 18)  # sides of patches that are tried, pixels: locks are about 5 wide, curls 20
OVERLAP = 1 / 3  # of a patch's side, over which it passes into the next
SURE = 0.9  # share of hair from which a pixel shows hair and nothing else
DETAIL = 0.22  # eye distances: what is wider than this is tone
DIRECTION = 3.5  # pixels over which the strands' direction is told
CANDIDATES, LEAST_PATCHES = 160, 24
TRIED = 48  # candidates compared for one place
STRONGEST = (30.0, 8.0, 12.0)  # CIE Lab, beyond which a detail is a shine or a hole and is not repeated
UNUSUAL = 4.0  # times the usual detail of this hair, beyond which it is none of its strands: a clip, a badge on a cap that was taken for hair (3 to 6)


@dataclass(frozen=True)
class HairSwatch:
    """details: one picture (H, W, 3) of CIE Lab detail for each octave, its columns once around the head, its rows from the whorl to the
    nape, left and right borders meet; each octave has half as many columns."""

    details: list[np.ndarray]

    def at(self, coordinates: np.ndarray) -> np.ndarray:
        """Detail (H, W, 3) in CIE Lab at `hair_grain.strand_coordinates` (H, W, 2)."""
        along, around = coordinates[..., 0], coordinates[..., 1]
        level = np.clip(-np.log2(np.maximum(np.sin(along), 1e-3)), 0, len(self.details) - 1)
        out, power = np.zeros((*along.shape, 3), np.float32), np.zeros(along.shape)
        for octave, detail in enumerate(self.details):
            share = np.clip(1 - np.abs(level - octave), 0, 1)
            rows, columns = detail.shape[:2]
            where = share > 0
            place = [along[where] / np.pi * (rows - 1), (around[where] / (2 * np.pi) + 0.5) % 1 * columns]
            read = np.stack([map_coordinates(detail[..., k], place, order=1, mode="grid-wrap") for k in range(3)], -1)
            out[where] += share[where][:, None] * read
            power += share**2
        return out / np.sqrt(np.maximum(power, 1e-6))[..., None]


def hair_swatch(portrait: Portrait, octaves: int = 4, seed: int = 0) -> HairSwatch | None:
    """What the portrait shows of hair; None where that is too little. About half a second.

    Args:
        portrait: its foreground, its landmarks and its mask of hair without what is worn are used; octaves: sizes, see `HairSwatch`; seed:
            of the patches chosen.
    """
    scale = SCALE / eye_distance(portrait.landmarks[:, :2])
    lab = to_lab(_resized(portrait.foreground, scale))
    sure = (_resized(portrait.masks["hair"] - portrait.masks["worn"], scale) > SURE).astype(np.uint8)
    tone_weight = cv2.GaussianBlur(sure.astype(np.float32), (0, 0), DETAIL * SCALE)
    tone = cv2.GaussianBlur(lab * sure[..., None], (0, 0), DETAIL * SCALE) / np.maximum(tone_weight, 1e-3)[..., None]
    detail = lab - tone
    usual = np.median(np.abs(detail[sure > 0]), axis=0) if sure.any() else np.zeros(3)
    most = np.minimum(STRONGEST, UNUSUAL * usual + 1)
    detail = (np.clip(detail, -most, most) * sure[..., None]).astype(np.float32)
    across = _across(lab[..., 0])
    rng = np.random.default_rng(seed)
    for side in PATCHES:
        inside = cv2.erode(sure, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(1.3 * side),) * 2), borderValue=0)
        places = np.argwhere(inside > 0)
        if len(places) >= LEAST_PATCHES:
            break
    else:
        return None
    chosen = places[rng.choice(len(places), min(CANDIDATES, len(places)), replace=False)]
    patches = np.stack([_patch(detail, place, across[tuple(place)], side) for place in chosen])
    patches = np.concatenate([patches, patches[:, :, ::-1]])
    patches -= patches.mean((1, 2), keepdims=True)
    around, down = round(2 * np.pi * SCALE), round(np.pi * SCALE)
    details = [_laid_out(patches, down, max(around // 2**octave, 3 * side), rng) for octave in range(octaves)]
    return HairSwatch(details)


def _resized(image: np.ndarray, scale: float) -> np.ndarray:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image, np.float32), None, fx=scale, fy=scale, interpolation=method)


def _across(lightness: np.ndarray) -> np.ndarray:
    """The way across strands (H, W), radians from the right downwards: that of the strongest gradient, by the structure tensor (Bigün and
    Granlund 1987)."""
    dx, dy = cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), DIRECTION) for product in (dx * dx, dy * dy, dx * dy))
    return 0.5 * np.arctan2(2 * xy, xx - yy)


def _patch(detail: np.ndarray, place: np.ndarray, across: float, side: int) -> np.ndarray:
    """(side, side, 3) about a place (row, column), turned so that the gradient runs to the right, and strands run down."""
    turn = np.array([[np.cos(across), -np.sin(across)], [np.sin(across), np.cos(across)]])
    shift = place[::-1] - turn @ np.full(2, (side - 1) / 2)
    matrix = np.column_stack([turn, shift])
    return cv2.warpAffine(detail, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT)


def _laid_out(patches: np.ndarray, rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """(rows, columns, 3) of patches (P, side, side, 3) that overlap; each is the one of some that goes best with those before it."""
    side = patches.shape[1]
    step = side * (1 - OVERLAP)
    across, down = round(columns / step), int(np.ceil(rows / step)) + 1
    edge = np.arange(side) + 0.5
    bell = smooth_step(np.minimum(edge, side - edge) / (side * OVERLAP))
    weight = (bell[:, None] * bell[None])[..., None].astype(np.float32)
    total, power = np.zeros((rows + 2 * side, columns, 3), np.float32), np.zeros((rows + 2 * side, columns, 1), np.float32)
    for i in range(down):
        for k in range(across):
            y, x = np.arange(side) + round(i * step), (np.arange(side) + round(k * columns / across)) % columns
            there = np.ix_(y, x)
            known = np.minimum(power[there], 1)
            few = rng.choice(len(patches), min(TRIED, len(patches)), replace=False)
            so_far = total[there] / np.sqrt(np.maximum(power[there], 1e-6))
            apart = (known * (patches[few] - so_far) ** 2).sum((1, 2, 3))
            best = patches[few[rng.choice(np.argsort(apart)[:3])]]
            total[there] += weight * best
            power[there] += weight**2
    # The first half patch has nothing above it.
    return (total / np.sqrt(np.maximum(power, 1e-4)))[side // 2 : side // 2 + rows]
