"""The head behind the portrait's outline: hair or skin carried on over the crown, the sides and the back."""

import cv2
import numpy as np

from ...face.landmarks import OVAL
from ...rig.build import face_chart
from ...rig.shell import AXIS, OUTLINE_RING, RINGS
from ...smooth_ramps import smooth_step
from ..atlas import Texture, chart_slice, sample
from ..cie_lab import to_lab
from ..fill_holes import diffuse, mirror, soften
from .hair_grain import grain_at, strand_coordinates
from .hair_length import BAND_HEIGHT, LONG_HAIR, HairLength, hair_length
from .hair_strands import LOCK, SEEN_HAIR_FADE, STRAND, hair_strands

EAR_TOP = -0.15  # height, eye distances under the eyes: below, the outline shows ears, and hair behind them is what there is above them
HAIRLINE_AT_NAPE = 0.80  # height at which short hair ends at the back, eye distances under the eyes
HAIRLINE_BEHIND_EARS = 0.32  # and behind the ears
RAGGEDNESS = 0.12  # share of hair by which single strands may stand for or against it at its edge
THROAT_ROWS = 16  # rows of texels of the throat next to the jaw that tell the shade under it
LIGHT_UNDER_JAW = 0.75  # share of the face's light that reaches the underside of a jaw whose throat is not seen


def complete_scalp(texture: Texture) -> None:
    """What one side shows and the other hides is mirrored; behind that, hair of the tone and grain that the photo shows grows
    wherever at that height there is hair at the outline, down to the nape; the rest is skin."""
    area = chart_slice("shell")
    points = texture.points[area]
    length = hair_length(texture)
    _find_grey_hair(texture)
    names = ("hair", "skin", "neck", "clothes", "brows", "lips", "glasses")
    layers = np.dstack([texture.regions[name][area] for name in names])
    color, layers, seen = mirror(texture.color[area], layers, _even(texture.seen[area]))
    hair, skin = layers[..., 0], layers[..., 1]

    height, width = seen.shape
    outline = int(OUTLINE_RING / (RINGS + 1) * height)
    flow = strand_coordinates(points)
    ragged = 0.6 * grain_at(flow, STRAND, 0.25, 1) + 0.5 * grain_at(flow, LOCK, 0.6, 4)
    share = _hair_share(points, hair, seen, outline, length, ragged)
    face_skin = _face_skin(texture)
    fill = _skin(points, color, skin * seen, face_skin, _throat_skin(texture, face_skin), _along_oval(texture, width))
    # What is seen at a slant is half background: where it does not look like this skin or hair, it is none of it.
    away = to_lab(color)[..., 1:] - to_lab(face_skin)[1:]
    unlike = smooth_step(np.hypot(np.minimum(away[..., 0], 0), away[..., 1]), 14, 22) * (1 - hair)
    if share.max() > 0.02:
        strands, unlike_hair = hair_strands(points, flow, color, hair, seen, face_skin, length)
        fill = fill * (1 - share[..., None]) + strands * share[..., None]
        unlike += unlike_hair * hair
    rim = 1 - np.clip(unlike, 0, 1) * np.clip((0.75 - seen) / 0.35, 0, 1)
    # Strands that are seen do not all end along the outline.
    covered = texture.faces[area] >= 0
    inwards = cv2.distanceTransform(np.tile(((seen > 0.1) | ~covered).astype(np.uint8), (1, 3)), cv2.DIST_L2, 3)[:, width : 2 * width]
    rim *= 1 - hair * (1 - smooth_step(inwards + 8 * ragged, 4, SEEN_HAIR_FADE))
    keep = np.clip((seen - 0.10) / 0.25, 0, 1)
    keep = soften(keep * rim, covered, 1.5) * (seen > 0.08)
    texture.color[area] = color * keep[..., None] + fill * (1 - keep[..., None])
    for name, layer in zip(names, np.moveaxis(layers, -1, 0)):
        texture.regions[name][area] = layer * keep
    texture.regions["hair"][area] += share * (1 - keep)
    texture.regions["skin"][area] += (1 - share) * (1 - keep)
    # The matte's softness is kept at the outline; behind it the shell is solid, and so it is in front: through a hole between
    # curls the back of the head would show anyway.
    behind = np.clip((np.arange(height) - outline - 3) / 6, 0, 1)[:, None]
    radius = np.linalg.norm(points[..., :2] - AXIS, axis=-1)
    texture.alpha[area] = np.maximum(texture.alpha[area], np.maximum(behind, smooth_step(radius[outline] - radius, 0.015, 0.06)))


def _even(seen: np.ndarray) -> np.ndarray:
    """How well texels are seen (H, W), without the steps that the rig's flat triangles leave in it."""
    wide = np.concatenate([seen[:, -32:], seen, seen[:, :32]], 1)
    return np.minimum(cv2.GaussianBlur(wide, (0, 0), 6)[:, 32:-32] * 1.1, 1) * (seen > 0)


def _face_skin(texture: Texture) -> np.ndarray:
    """The skin's colour (3,), RGB."""
    area = chart_slice("face")
    sure = (texture.seen[area] > 0.6) & (texture.regions["skin"][area] > 0.8)
    color = texture.color[area]
    return np.median(color[sure], axis=0) if sure.sum() > 500 else color.mean((0, 1))


def _find_grey_hair(texture: Texture) -> None:
    """A horseshoe of grey hair on a bald head is easily taken for skin: beside the temples, what has lost the skin's colour
    is hair (regions, in place)."""
    area = chart_slice("shell")
    chroma = np.hypot(*to_lab(_face_skin(texture))[1:])
    if chroma < 10:  # a picture without colour cannot tell
        return
    points = texture.points[area]
    beside = (np.abs(points[..., 0]) > 0.5) & (points[..., 1] > -0.85) & (points[..., 1] < 0.45) & (points[..., 2] > 0.1)
    lab = to_lab(cv2.GaussianBlur(texture.color[area], (0, 0), 2))
    pale = np.clip((0.72 - np.hypot(lab[..., 1], lab[..., 2]) / chroma) / 0.2, 0, 1) * beside * (texture.seen[area] > 0.1)
    pale = cv2.morphologyEx(pale.astype(np.float32), cv2.MORPH_OPEN, np.ones((9, 9)))
    pale = cv2.GaussianBlur(cv2.morphologyEx(pale, cv2.MORPH_CLOSE, np.ones((9, 9))), (0, 0), 1.5)
    taken = pale * texture.regions["skin"][area]
    texture.regions["skin"][area] -= taken
    texture.regions["hair"][area] += taken


def _hair_share(points: np.ndarray, hair: np.ndarray, seen: np.ndarray, outline: int, length: HairLength, ragged: np.ndarray) -> np.ndarray:
    """How much of each texel (H, W) would be hair if it is not seen: hair where at its height there is hair at the outline."""
    height, width = hair.shape
    rows = np.arange(height)[:, None]
    known = (seen > 0.12) & (rows < outline + 8)
    last = np.where(known.any(0), height - 1 - np.argmax(known[::-1], 0), 0)
    stretch = seen * known * (rows > last - 0.09 * height)
    weight = stretch.sum(0)
    evidence = (stretch * hair).sum(0) / np.maximum(weight, 1e-6)
    y, side = points[last, np.arange(width), 1], np.sign(points[outline, :, 0])
    weight = weight * (last > 0.5 * outline) * (y < 0.3)
    levels = np.arange(-2.0, 1.6, BAND_HEIGHT)
    best, trust = np.zeros(len(levels)), np.zeros(len(levels))
    for sign in (-1, 1):
        near = np.exp(-0.5 * ((levels[:, None] - y[None]) / 0.06) ** 2) * (weight * (side == sign))[None]
        total = near.sum(1)
        value = (near * evidence).sum(1) / np.maximum(total, 1e-6)
        best = np.where(total > 2, np.maximum(best, value), best)
        trust = np.maximum(trust, total)
    have = np.flatnonzero(trust > 2)
    if not len(have):
        best[:] = evidence.mean()
    else:
        best = np.interp(levels, levels[have], best[have])
    over_ear = best[(levels > EAR_TOP - 0.35) & (levels < EAR_TOP)].mean()
    best[levels >= EAR_TOP] = over_ear
    # Hair or skin: where the photo says half and half it is a matter of strands, not of a blend.
    share = smooth_step(np.interp(points[..., 1] + 0.03 * ragged, levels, best) + RAGGEDNESS * ragged, 0.40, 0.50)
    ragged = ragged * 0.03
    if length.long:
        # Under the jaw there is skin, behind it the neck, and that is under the hair.
        below = smooth_step(points[..., 1], 0.55, 0.75) * (1 - smooth_step(points[..., 2] + ragged, 0.45, 0.60))
    else:
        line = HAIRLINE_BEHIND_EARS + (HAIRLINE_AT_NAPE - HAIRLINE_BEHIND_EARS) * smooth_step(points[..., 2], 0.70, 1.20)
        line = np.maximum(line, min(length.level, LONG_HAIR) - 0.05)
        below = smooth_step(points[..., 1] - line + ragged, -0.10, 0.06)
    return (share * (1 - below)).astype(np.float32)


def _along_oval(texture: Texture, width: int) -> np.ndarray:
    """RGB and how much it is skin (width, 4) of the face where the shell's columns begin."""
    area = chart_slice("face")
    uv = face_chart()[OVAL + OVAL[:1]]
    uv = 0.5 + 0.96 * (uv - 0.5)  # not on the very edge
    at = (np.arange(width) + 0.5) / width * len(OVAL)
    xy = np.stack([np.interp(at, np.arange(len(OVAL) + 1), uv[:, k]) for k in (0, 1)], -1) * texture.seen[area].shape[0]
    return sample(np.dstack([texture.color[area], texture.regions["skin"][area]]), xy[None])[0]


def _throat_skin(texture: Texture, face_skin: np.ndarray) -> np.ndarray:
    """The colour (3,), RGB, of the skin under the jaw: the throat's, as far as the photo shows it; it usually lies in the chin's shadow."""
    area = chart_slice("body")
    sure = (texture.seen[area] > 0.5) & (texture.regions["neck"][area] > 0.8)
    share = np.clip(sure.sum() / 1500, 0, 1)
    # What is next to the jaw, not the lit pit of the throat.
    sure &= np.arange(len(sure))[:, None] < np.argmax(sure, axis=0) + THROAT_ROWS
    seen = np.median(texture.color[area][sure], axis=0) if share > 0 else face_skin
    return share * seen + (1 - share) * LIGHT_UNDER_JAW * face_skin


def _skin(
    points: np.ndarray, color: np.ndarray, weight: np.ndarray, face_skin: np.ndarray, throat: np.ndarray, oval: np.ndarray
) -> np.ndarray:
    """Skin everywhere (H, W, 3): what is seen of it and the face's edge (W, 4) go on, under the jaw towards the throat's colour (3,);
    it darkens towards the nape."""
    mean = _mean(color, weight, face_skin)
    color, weight = color.copy(), np.clip(weight * 1.5, 0, 1)
    color[:6], weight[:6] = oval[None, :, :3], oval[None, :, 3]
    near = diffuse(color, weight, around=True)
    height = color.shape[0]
    behind = smooth_step(np.arange(height) / height, 0, 0.25)[:, None]
    shade = 1 - 0.10 * behind * smooth_step(points[..., 2], 0.9, 1.7)
    far = 0.5 * behind[..., None]
    # What faces down is the throat's neighbour, the jaw's sides are the cheeks'.
    under = (
        smooth_step(np.arange(height) / height, 0, 0.05)[:, None]
        * smooth_step(points[..., 1], 0.6, 1.0)
        * smooth_step(0.75 - np.abs(points[..., 0]), 0, 0.4)
    )
    under = 0.9 * under[..., None]
    return ((near * (1 - far) + mean * far) * (1 - under) + throat * under) * shade[..., None]


def _mean(color: np.ndarray, weight: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    total = weight.sum()
    return (color * weight[..., None]).sum((0, 1)) / total if total > 50 else fallback
