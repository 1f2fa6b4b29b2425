"""The head behind the portrait's outline: hair or skin carried on over the crown, the sides and the back."""

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from ...render.geometry import interpolated
from ...rig.ears import ear_flaps, ears_of
from ...rig.rig import Rig
from ...smooth_ramps import smooth_step
from ..atlas import Texture, chart_slice
from ..cie_lab import to_lab
from ..fill_holes import mirror, soften
from .hair_grain import grain_at, strand_coordinates
from .hair_length import BAND_HEIGHT, LONG_HAIR, HairLength, hair_length
from .hair_strands import LOCK, STRAND, hair_strands
from .hair_swatch import HairSwatch
from .skin import Skin

EAR_TOP = -0.15  # height, eye distances under the eyes: below, the outline shows ears, and hair behind them is what there is above them
HAIRLINE_AT_NAPE = 0.80  # height at which short hair ends at the back, eye distances under the eyes
HAIRLINE_BEHIND_EARS = 0.32  # and behind the ears
TURNS_AWAY = 0.6  # cosine to the view below which a texel may lie at the outline
AT_OUTLINE = 0.2  # eye distances in front of the hindmost that is seen at its height within which it does
LOWEST_TOLD = 0.3  # height, eye distances under the eyes, down to which the outline tells where hair is
LEAST_TOLD = 8.0  # texels of one height that must be seen there
SOFT_OUTLINE = (0.3, 0.55)  # cosine to the view over which the matte's softness gives way to a solid head
AROUND_EAR, OF_EAR = (0.1, 0.4), (0.2, 0.7)  # an ear's weight, where it may hide hair; a flap's, where no hair grows
RAGGEDNESS = 0.12  # share of hair by which single strands may stand for or against it at its edge
LEAST_SOLID = 0.6  # opacity of the head under its outline's soft hair: less would be a hole to whoever looks from the side
KEPT = (0.2, 0.5)  # belief over which what the photo shows takes the place of what is made up
# Times the fine structure of cheeks: what shaved scalps have at most (2.6 of one head scanned), and from which on it is strands (3.7 to 7 of
# three heads). LEAST_GRAIN: CIE L*, that of cheeks in a photo without grain.
STRANDS_OF_GREY, LEAST_GRAIN = (2.7, 3.5), 0.4
# CIE Lab distances of a colour from the skin that is expected there: up to which it is that, and from which it is not.
OTHER_SKIN = (9.0, 18.0)


def complete_scalp(texture: Texture, rig: Rig, skin: Skin, swatch: HairSwatch | None) -> None:
    """What one side shows and the other hides is mirrored; behind that, hair of the tone and grain that the photo shows grows
    wherever at that height there is hair at the outline, down to the nape; the rest is skin."""
    area = chart_slice("shell")
    points = texture.points[area]
    length = hair_length(texture)
    _find_grey_hair(texture, skin.mean)
    names = ("hair", "skin", "neck", "clothes", "brows", "lips", "glasses")
    layers = np.dstack([texture.regions[name][area] for name in names])
    color, layers, seen = mirror(texture.color[area], layers, _even(texture.seen[area]))
    hair = layers[..., 0]

    flow = strand_coordinates(points)
    ragged = 0.6 * grain_at(flow, STRAND, 0.25, 1) + 0.5 * grain_at(flow, LOCK, 0.6, 4)
    ears, flaps = (_bare(texture, rig, of(rig)) for of in (ears_of, ear_flaps))
    elsewhere = 1 - smooth_step(ears, *AROUND_EAR)
    share = _hair_share(points, hair, seen * elsewhere, texture.facing[area], length, ragged) * (
        1 - smooth_step(flaps - 0.6 * ragged * flaps * (1 - flaps), *OF_EAR)
    )
    fill = skin.on_chart(texture, "shell")
    # What is seen at a slant is half background: where it does not look like this skin or hair, it is none of it.
    unlike = smooth_step(np.linalg.norm(to_lab(color) - to_lab(fill), axis=-1), *OTHER_SKIN) * (1 - hair)
    if share.max() > 0.02:
        strands, unlike_hair = hair_strands(points, flow, color, hair, seen, skin.mean, length, swatch)
        fill = fill * (1 - share[..., None]) + strands * share[..., None]
        unlike += unlike_hair * hair
    rim = 1 - np.clip(unlike, 0, 1) * np.clip((0.75 - seen) / 0.35, 0, 1)
    keep = np.clip((seen - KEPT[0]) / (KEPT[1] - KEPT[0]), 0, 1)
    keep = soften(keep * rim, texture.faces[area] >= 0, 1.5) * (seen > 0.08)
    texture.color[area] = color * keep[..., None] + fill * (1 - keep[..., None])
    for name, layer in zip(names, np.moveaxis(layers, -1, 0)):
        texture.regions[name][area] = layer * keep
    texture.regions["hair"][area] += share * (1 - keep)
    texture.regions["skin"][area] += (1 - share) * (1 - keep)
    # The matte's softness is kept at the outline; behind it the head is solid, and so it is in front: through a hole between curls the
    # back of the head would show anyway.
    facing = texture.facing[area]
    solid = np.maximum(smooth_step(facing, *SOFT_OUTLINE), smooth_step(facing, 0.1, 0.0))
    texture.alpha[area] = np.maximum(texture.alpha[area], np.maximum(solid, LEAST_SOLID))


def _bare(texture: Texture, rig: Rig, ears: np.ndarray) -> np.ndarray:
    """How much each texel (H, W) is an ear's, by the vertices' weights (V,), that no hair hides."""
    area = chart_slice("shell")
    faces = texture.faces[area]
    ears = interpolated(ears[rig.faces[np.maximum(faces, 0)]][..., None], texture.bary[area])[..., 0] * (faces >= 0)
    right = texture.points[area][..., 0] < 0
    return ears * ~np.where(right, *rig.hidden_ears)


def _even(seen: np.ndarray) -> np.ndarray:
    """How well texels are seen (H, W), without the steps that the rig's flat triangles leave in it."""
    wide = np.concatenate([seen[:, -32:], seen, seen[:, :32]], 1)
    return np.minimum(cv2.GaussianBlur(wide, (0, 0), 6)[:, 32:-32] * 1.1, 1) * (seen > 0)


def _find_grey_hair(texture: Texture, skin: np.ndarray) -> None:
    """A horseshoe of grey hair on a bald head is easily taken for skin: beside the temples, what has lost the skin's colour, and has
    strands, which shaved stubble has not, is hair (regions, in place)."""
    area = chart_slice("shell")
    chroma = np.hypot(*to_lab(skin)[1:])
    if chroma < 10:  # a picture without colour cannot tell
        return
    points = texture.points[area]
    beside = (np.abs(points[..., 0]) > 0.5) & (points[..., 1] > -0.85) & (points[..., 1] < 0.45) & (points[..., 2] > 0.1)
    lab = to_lab(cv2.GaussianBlur(texture.color[area], (0, 0), 2))
    pale = np.clip((0.72 - np.hypot(lab[..., 1], lab[..., 2]) / chroma) / 0.2, 0, 1) * beside * (texture.seen[area] > 0.1)
    front = chart_slice("face")
    cheeks = (texture.seen[front] > 0.9) & (texture.regions["skin"][front] > 0.9) & (texture.facing[front] > TURNS_AWAY)
    plain = max(float(_fine_structure(texture.color[front])[cheeks].mean()) if cheeks.any() else 0.0, LEAST_GRAIN)
    strands = smooth_step(cv2.GaussianBlur(_fine_structure(texture.color[area]), (0, 0), 8) / plain, *STRANDS_OF_GREY)
    pale = cv2.morphologyEx((pale * strands).astype(np.float32), cv2.MORPH_OPEN, np.ones((9, 9)))
    pale = cv2.GaussianBlur(cv2.morphologyEx(pale, cv2.MORPH_CLOSE, np.ones((9, 9))), (0, 0), 1.5)
    taken = pale * texture.regions["skin"][area]
    texture.regions["skin"][area] -= taken
    texture.regions["hair"][area] += taken


def _fine_structure(color: np.ndarray) -> np.ndarray:
    """How much lightness (H, W), CIE L*, differs from that around it."""
    lightness = to_lab(color)[..., 0]
    return np.abs(lightness - cv2.GaussianBlur(lightness, (0, 0), 2))


def _hair_share(
    points: np.ndarray, hair: np.ndarray, seen: np.ndarray, facing: np.ndarray, length: HairLength, ragged: np.ndarray
) -> np.ndarray:
    """How much of each texel (H, W) would be hair if it is not seen: hair where at its height there is hair at the outline."""
    levels = np.arange(-2.0, 1.6, BAND_HEIGHT)
    best, trust = np.zeros(len(levels)), np.zeros(len(levels))
    rim = (seen > 0.12) & (facing < TURNS_AWAY) & (points[..., 1] < LOWEST_TOLD)
    place, weight, share = points[rim], seen[rim], hair[rim]
    band = np.clip(np.round((place[:, 1] - levels[0]) / BAND_HEIGHT).astype(int), 0, len(levels) - 1)
    for sign in (-1, 1):
        mine = weight * (sign * place[:, 0] > 0)
        # What lies farthest back of all that is seen at a height lies at the outline.
        back = np.full(len(levels), -np.inf)
        np.maximum.at(back, band[mine > 0], place[mine > 0, 2])
        mine = mine * (place[:, 2] > maximum_filter1d(back, 3)[band] - AT_OUTLINE)
        total, told = (gaussian_filter1d(np.bincount(band, w, len(levels)), 1.2) for w in (mine, mine * share))
        best = np.where(total > LEAST_TOLD, np.maximum(best, told / np.maximum(total, 1e-6)), best)
        trust = np.maximum(trust, total)
    have = np.flatnonzero(trust > LEAST_TOLD)
    best = np.interp(levels, levels[have], best[have]) if len(have) else np.full(len(levels), share.mean() if len(share) else 0.0)
    over_ear = best[(levels > EAR_TOP - 0.35) & (levels < EAR_TOP)].mean()
    best[levels >= EAR_TOP] = over_ear
    # Hair or skin: where the photo says half and half it is a matter of strands, not of a blend.
    share = smooth_step(np.interp(points[..., 1] + 0.03 * ragged, levels, best) + RAGGEDNESS * ragged, 0.40, 0.50)
    ragged = ragged * 0.03
    if length.long:
        # Under the jaw there is skin, behind it the neck, and that is under the hair.
        below = smooth_step(points[..., 1], 0.55, 0.75) * (1 - smooth_step(points[..., 2] + ragged, 0.60, 0.75))
    else:
        line = HAIRLINE_BEHIND_EARS + (HAIRLINE_AT_NAPE - HAIRLINE_BEHIND_EARS) * smooth_step(points[..., 2], 0.70, 1.20)
        line = np.maximum(line, min(length.level, LONG_HAIR) - 0.05)
        below = smooth_step(points[..., 1] - line + ragged, -0.10, 0.06)
    return (share * (1 - below)).astype(np.float32)
