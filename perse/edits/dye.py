"""Hair in another colour, as a colourist sees it: lightness follows the hair's own distribution, chroma the target's.

Lightness is remapped so that the hair's own deepest shade, middle tone and highlights become those of the new colour; what is coarse may
gain more contrast than what is fine, or the photo's noise would become strands. Roots are lifted less than lengths. Hair that the photo
shows as one black has no depth to keep: it gets as much grain as the new colour wants and the photo lacks.
"""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..attributes.edit_vocabulary import Dye
from ..face.landmarks import OVAL
from ..face.triangles import canonical
from ..smooth_ramps import smooth_step
from ..texture.atlas import ATLAS, chart_slice
from ..texture.cie_lab import to_lab, to_rgb
from ..texture.completion.hair_grain import grain_at, strand_coordinates
from .atlas_regions import Box, Regions, box_of, soft
from .bare_skin import at_oval
from .edit import Patch
from .hairline import HairMatte, hair_matte

QUANTILES = (0.06, 0.5, 0.95)  # of the lightness of hair: its deepest shade, its middle tone, its highlights
LEAST_SPREAD = (3.0, 4.0)  # L* by which those lie apart at least: less is a photo's black
STRANDS_SPREAD = 8.0  # the same of strands that an edit brings, which are varied already
OTHER_HAIR = 15.0  # L* between the middle tones of strands and of the hair, from which they are no part of it: a beard of another colour
COARSE = 5.0  # texels beyond which a difference of lightness is shade and shine, not strands
STEEPEST, STEEPEST_FINE, FLATTEST = 2.6, 1.5, 0.5  # by what contrast may be multiplied
FINEST = 12.0  # L* of what is fine, at most: a speck on an old print is no strand
BEYOND = 0.5  # of the slope, past the deepest shade and the highlights
STRAND, LOCK = 0.02, 0.08  # widths of the grain that is added, eye distances
GRAIN = 0.45  # share of the missing contrast that grain makes up for
ROOTS = 0.16  # eye distances behind the hairline over which roots pass into lengths
EVERY = 8  # th texel of the face's chart for which it is asked which part of the hairline is near
WHORL = 0.5  # radians around the whorl in which they do
OWN_PLAY = 0.2  # share of the hair's own differences of hue that is kept


@dataclass
class Tones:
    """What a hair's lightness spreads over: L* of its deepest shade, its middle tone and its highlights."""

    deep: float
    middle: float
    light: float


@dataclass
class OwnHair:
    """The portrait's hair: where it is (box of the atlas; active (h, w) bool) and, of its n texels, share (n,), own RGB (n, 3), CIE Lab
    (n, 3), coarse lightness (n,), mean chroma (2,), how far they are roots (n,) and grain (n,) of deviation 1."""

    box: Box
    active: np.ndarray
    share: np.ndarray
    color: np.ndarray
    lab: np.ndarray
    coarse: np.ndarray
    hue: np.ndarray
    roots: np.ndarray
    grain: np.ndarray
    tones: Tones


def matte_of(regions: Regions) -> HairMatte:
    """The portrait's matte of hair, made once."""
    return regions.remembered("hair matte", lambda: hair_matte(regions("hair"), regions.texture))


def own_hair(regions: Regions) -> OwnHair | None:
    """What dyes need of the portrait's hair, made once; None if it shows none."""
    return regions.remembered("own hair", partial(_own_hair, regions))


def _own_hair(regions: Regions) -> OwnHair | None:
    matte, texture = matte_of(regions), regions.texture
    box = box_of(matte.share)
    if box is None or matte.share.max() < 0.05:
        return None
    share = matte.share[box]
    active = share > 0.02
    lab = to_lab(matte.color[box])
    light = np.zeros_like(matte.share)
    light[box] = lab[..., 0] * share
    coarse = (soft(light, COARSE) / np.maximum(soft(matte.share, COARSE), 1e-3))[box]
    sure = (share > 0.9) & (texture.seen[box] > 0.3)
    if sure.sum() < 200:
        sure = share > 0.5 * share.max()
    tones = _tones(coarse[sure], *LEAST_SPREAD)
    flow = strand_coordinates(texture.points[box][active])
    grain = 0.8 * grain_at(flow, STRAND, 0.8, 5) + 0.6 * grain_at(flow, LOCK, 1.2, 6)
    roots = np.maximum(_roots(regions, matte.share)[box][active], 0.7 * np.exp(-((flow[..., 0] / WHORL) ** 2)))
    hue = lab[sure][:, 1:].mean(0)
    return OwnHair(box, active, share[active], matte.color[box][active], lab[active], coarse[active], hue, roots, grain, tones)


def _tones(lightness: np.ndarray, least_deep: float, least_light: float) -> Tones:
    """Tones of hair of these L* (n,)."""
    deep, middle, light = (float(x) for x in np.quantile(lightness, QUANTILES))
    return Tones(min(deep, middle - least_deep), middle, max(light, middle + least_light))


def _roots(regions: Regions, share: np.ndarray) -> np.ndarray:
    """How far (ATLAS, ATLAS) hair is at its roots: behind the hairline, but where it falls over the forehead, which shows its tips."""
    out = np.zeros((ATLAS, ATLAS), np.float32)
    ring = at_oval(share[chart_slice("face")][..., None], regions.rig)[:, 0]
    shell = chart_slice("shell")
    width = share[shell].shape[1]
    columns = np.arange(width) / width * len(ring)
    begins = 1 - smooth_step(ring, 0.3, 0.8)
    out[shell] = np.exp(-((regions.behind_outline() / ROOTS) ** 2)) * np.interp(
        columns, np.arange(len(ring) + 1), np.append(begins, begins[0])
    )
    face = chart_slice("face")
    row, column = (np.clip(at[face][::EVERY, ::EVERY] - s.start, 0, s.stop - s.start - 1) for at, s in zip(regions.nearest, face))
    places = regions.face_xy[row, column]
    distance, nearest = cKDTree(canonical()[0][OVAL, :2]).query(places.reshape(-1, 2), k=3)
    weight = 1 / (distance + 0.05)
    beside = ((begins[nearest] * weight).sum(1) / weight.sum(1)).reshape(places.shape[:2]).astype(np.float32)
    out[face] = cv2.resize(beside, out[face].shape[::-1], interpolation=cv2.INTER_LINEAR)
    return out


def dye(regions: Regions, step: Dye, sign: int) -> Patch | None:
    """The photo's hair dyed: of each texel, the hair's share. None if there is no hair."""
    hair = own_hair(regions)
    if hair is None:
        return None
    made = to_rgb(_dyed(hair.lab, hair.coarse, hair.hue, hair.tones, step, sign, hair.roots, hair.grain)) - hair.color
    change = np.zeros((ATLAS, ATLAS, 3), np.float32)
    change[hair.box][hair.active] = made * hair.share[:, None]
    # Texels beside a chart's triangles, which look-ups at its border read, change as those inside do.
    return hair.box, change[tuple(at[hair.box] for at in regions.nearest)]


def dye_strands(colors: np.ndarray, regions: Regions, step: Dye, sign: int) -> np.ndarray:
    """Change (N, 3) of the colours (N, 3) of strands that an edit brings, by the same curve as that of the photo's hair."""
    if not len(colors):
        return np.zeros_like(colors)
    lab, hair = to_lab(colors), own_hair(regions)
    tones = _tones(lab[:, 0], STRANDS_SPREAD, STRANDS_SPREAD)
    if hair is not None and abs(hair.tones.middle - tones.middle) < OTHER_HAIR:
        tones = hair.tones
    still = np.zeros(len(lab), np.float32)
    return to_rgb(_dyed(lab, lab[:, 0], lab[:, 1:].mean(0), tones, step, sign, still, still)) - colors


def _dyed(
    lab: np.ndarray, coarse: np.ndarray, hue: np.ndarray, own: Tones, step: Dye, sign: int, roots: np.ndarray, grain: np.ndarray
) -> np.ndarray:
    """Colours (n, 3) in CIE Lab after a dye. coarse (n,): their lightness without fine detail; hue (2,): mean a* and b* of the hair."""
    if step.to is None:
        return lab + sign * np.asarray(step.shift, np.float32)
    middle, a, b = step.to
    down, up = step.deep / (own.middle - own.deep), step.light / (own.light - own.middle)
    slope_down, slope_up = np.clip([down, up], FLATTEST, STEEPEST)
    below = own.middle - coarse
    reach = np.where(below > 0, own.middle - own.deep, own.light - own.middle)
    past = np.maximum(np.abs(below) - reach, 0)
    moved = (np.abs(below) - past + BEYOND * past) * np.where(below > 0, -slope_down, slope_up)
    fine = np.clip(lab[:, 0] - coarse, -FINEST, FINEST) * np.clip(0.5 * (slope_down + slope_up), FLATTEST, STEEPEST_FINE)
    lacking = max(step.deep - slope_down * (own.middle - own.deep), 0) + max(step.light - slope_up * (own.light - own.middle), 0)
    lift = middle - own.middle
    behind = step.roots * max(lift, 0.0) * roots
    out = np.empty_like(lab)
    out[:, 0] = np.clip(own.middle + lift - behind + moved + fine + GRAIN * 0.5 * lacking * grain, 2, 97)
    # Shade takes colour away, and shine whitens it.
    depth = (out[:, 0] - middle) / np.where(out[:, 0] < middle, max(step.deep, 1.0), max(step.light, 1.0))
    play = np.where(depth < 0, 1 - 0.42 * smooth_step(-depth, 0, 1.6), 1 - 0.30 * smooth_step(depth, 0.6, 2.0))
    out[:, 1:] = np.array([a, b]) * play[:, None] + OWN_PLAY * np.clip(lab[:, 1:] - hue, -8, 8)
    return out
