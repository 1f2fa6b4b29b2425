"""The head behind the portrait's outline: hair or skin carried on over the crown, the sides and the back."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.special import ndtri

from ...face.landmarks import OVAL
from ...ramps import smooth_step
from ...rig.build import face_chart
from ...rig.shell import AXIS, CROWN, OUTLINE_RING, RINGS
from ..atlas import Texture, chart_slice, sample
from ..fill import diffuse, mirror, soften
from ..grain import grain_at, strand_coordinates
from ..lab import to_lab, to_rgb

LONG_HAIR = 0.85  # height, eye distances under the eyes: hair that hangs lower covers the neck behind
BAND_HEIGHT = 0.05  # of the bands in which hair is looked for, eye distances
EAR_TOP = -0.15  # height, eye distances under the eyes: below, the outline shows ears, and hair behind them is what there is above them
HAIRLINE_AT_NAPE = 0.80  # height at which short hair ends at the back, eye distances under the eyes
HAIRLINE_BEHIND_EARS = 0.32  # and behind the ears
STRAND, LOCK, TRESS = 0.016, 0.07, 0.2  # widths of single strands, of locks and of tresses, eye distances
FAIR_HAIR = (12.0, 18.0)  # CIE Lab distances from the skin's hue: up to which hair is like skin, and from which it is not
SEEN_HAIR_BLUR = 8.0  # texels over which seen hair is evened out before it is carried on
TONE_DRIFT = 160  # texels over which made up hair passes from the tone of the nearest seen hair to the tone of all of it
RAGGEDNESS = 0.12  # share of hair by which single strands may stand for or against it at its edge
COMMON_TONE = 4000.0  # texels of one height that weigh as much as all the others in saying what tone hair has there
SEEN_HAIR_FADE = 30.0  # texels over which seen hair passes into made up one
THROAT_ROWS = 16  # rows of texels of the throat next to the jaw that tell the shade under it
LIGHT_UNDER_JAW = 0.75  # share of the face's light that reaches the underside of a jaw whose throat is not seen
COLOR_VARIETY = 0.8  # share of what hair's colours vary in the photo, where part of that is light and shade


@dataclass
class HairLength:
    """How far down the portrait shows hair beside the face.

    y (2,): its lowest point on the subject's right and left, head frame (0 the eyes, about 0.5 the ear lobes, 1.1 the chin);
    -inf where none is seen. tone (3,): RGB of the hair, None for a bald head.
    """

    y: np.ndarray
    tone: np.ndarray | None

    @property
    def level(self) -> float:
        """One height for both sides: what one shows and the other hides is taken to be the same."""
        seen = self.y[np.isfinite(self.y)]
        return float(seen.mean()) if len(seen) else -np.inf

    @property
    def long(self) -> bool:
        """Hair hangs past the jaw: neck and back lie under it."""
        return self.tone is not None and self.level > LONG_HAIR


def hair_length(texture: Texture) -> HairLength:
    """Read from the seen texels of skull and bust alone, so it may be asked before or after either is completed."""
    points, hair = [], []
    for part in ("shell", "body"):
        area = chart_slice(part)
        points.append(texture.points[area].reshape(-1, 3))
        hair.append(((texture.regions["hair"][area] > 0.6) & (texture.seen[area] > 0.15) & (texture.faces[area] >= 0)).ravel())
    hair = np.concatenate(hair)
    points = np.concatenate(points)[hair]
    lowest = np.full(2, -np.inf)
    for side, sign in enumerate((-1, 1)):
        # Down from the temple as long as there is hair in every band: a dark collar far below is none.
        y = points[sign * points[:, 0] > 0.3, 1]
        count = np.histogram(y, np.arange(-0.6, 4.0, BAND_HEIGHT))[0] >= 12
        if count[:8].any():
            first = int(np.argmax(count))
            gap = np.flatnonzero(~(count[first:-1] | count[first + 1:]))
            lowest[side] = -0.6 + BAND_HEIGHT * (first + (gap[0] if len(gap) else len(count) - first))
    if hair.sum() < 300:
        return HairLength(lowest, None)
    color = np.concatenate([texture.color[chart_slice(part)].reshape(-1, 3) for part in ("shell", "body")])[hair]
    return HairLength(lowest, np.median(color, axis=0))


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
        strands, unlike_hair = _strands(points, flow, color, hair, seen, face_skin, length)
        fill = fill * (1 - share[..., None]) + strands * share[..., None]
        unlike += unlike_hair * hair
    rim = 1 - np.clip(unlike, 0, 1) * np.clip((0.75 - seen) / 0.35, 0, 1)
    # Strands that are seen do not all end along the outline.
    covered = texture.faces[area] >= 0
    inwards = cv2.distanceTransform(np.tile(((seen > 0.1) | ~covered).astype(np.uint8), (1, 3)), cv2.DIST_L2, 3)[:, width:2 * width]
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


def _hair_share(points: np.ndarray, hair: np.ndarray, seen: np.ndarray, outline: int, length: HairLength,
                ragged: np.ndarray) -> np.ndarray:
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


def _strands(points: np.ndarray, flow: np.ndarray, color: np.ndarray, hair: np.ndarray, seen: np.ndarray, face_skin: np.ndarray,
             length: HairLength) -> tuple[np.ndarray, np.ndarray]:
    """Hair everywhere (H, W, 3), RGB, and how unlike it (H, W) the photo is."""
    lab = to_lab(color)
    # Surely hair: well seen, away from its edge.
    sure = cv2.erode(((hair > 0.75) & (seen > 0.5)).astype(np.uint8), np.ones((9, 9))) > 0
    if sure.sum() < 400:
        sure = (hair > 0.5) & (seen > 0.2)
    if sure.sum() < 50:
        sure = hair * seen >= np.quantile(hair * seen, 0.99)
    # Thin hair lets the skin through, and its rim the background: what is nearer to the skin's hue than most, or farther, is left out.
    # Fair hair has the skin's own hue: what of it is farther is its shadows.
    from_skin = np.linalg.norm((lab - to_lab(face_skin))[..., 1:], axis=-1)
    half, most = np.quantile(from_skin[sure], [0.5, 0.75])
    sure &= (from_skin >= min(half, most - 4) * smooth_step(half, *FAIR_HAIR)) & (from_skin < most + 6)
    middle = _tone(lab[sure])
    y = points[..., 1]
    # Hair has other tones at its roots than at its tips.
    levels = np.arange(-1.6, 1.6, 0.1)
    tones = np.tile(middle * COMMON_TONE, (len(levels), 1))
    counts = np.full(len(levels), COMMON_TONE)
    for k, level in enumerate(levels):
        band = lab[sure & (np.abs(y - level) < 0.1)]
        if len(band) > 30:
            tones[k] += _tone(band) * len(band)
            counts[k] += len(band)
    tones = cv2.GaussianBlur((tones / counts[:, None]).astype(np.float32), (0, 0), sigmaX=1e-3, sigmaY=1.5, borderType=cv2.BORDER_REPLICATE)
    tone = np.dstack([np.interp(y, levels, tones[:, k]) for k in range(3)])

    spread = 1.5 * np.median(np.abs(lab[sure] - middle), axis=0) + [6, 2, 2]
    unlike = smooth_step((np.abs(lab - tone) / spread).max(-1), 2.0, 3.5)
    # Near what is seen its light goes on, farther on it is everywhere the same.
    weight = (hair * np.clip((seen - 0.35) / 0.3, 0, 1) * (1 - unlike)).astype(np.float32)
    local, gone = _carried_on(lab, weight)
    base = local + (tone - local) * smooth_step(gone, 0, TONE_DRIFT)[..., None]
    base[..., 0] *= 1 - 0.08 * smooth_step(points[..., 2], 0.8, 1.7) - 0.10 * smooth_step(y, 0.2, 0.7)

    # Strands, locks and tresses vary as much as in the photo, and with their lightness changes the hue, as it does there.
    smooth = [lab] + [cv2.GaussianBlur(lab, (0, 0), sigma) for sigma in (2, 8, 20)]
    volume = -points[..., 1].min() - CROWN
    run = 0.7 if length.long else np.clip(2.2 * max(volume, 0) ** 2, 0.06, 0.5)
    strong = np.array([np.median(np.abs((finer - coarser)[sure][:, 0])) for finer, coarser in zip(smooth, smooth[1:])]) + 0.3
    strong[0] = max(strong[0], strong[1])  # single strands are finer than most photos show
    strong[1:] *= np.minimum(1, 0.4 * np.sqrt(run / np.array([LOCK, TRESS])))  # cropped hair has no locks
    # Locks and tresses that are made up begin behind those that are seen: beside each other they would show where one ends.
    begun = smooth_step(gone, 0, 2 * SEEN_HAIR_FADE)
    noise = sum(amplitude * grain_at(flow, width, run * (1 + width / LOCK), seed) * (1 if width == STRAND else begun)
                for seed, (amplitude, width) in enumerate(zip(strong, (STRAND, LOCK, TRESS)), 2)) / np.linalg.norm(strong)
    vary = _palette((lab - smooth[-1])[sure], noise)
    return to_rgb(base + vary), unlike.astype(np.float32)


def _carried_on(lab: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours (H, W, 3) of the known texels nearest to each, evened out, and how far off (H, W) those are, in texels; left and
    right borders meet. weight (H, W): how well a texel is known."""
    width = weight.shape[1]
    wide, known = np.concatenate([lab * weight[..., None]] * 3, 1), np.concatenate([weight] * 3, 1)
    even = cv2.GaussianBlur(wide, (0, 0), SEEN_HAIR_BLUR) / np.maximum(cv2.GaussianBlur(known, (0, 0), SEEN_HAIR_BLUR), 1e-3)[..., None]
    if known.max() < 0.3:
        return diffuse(lab, weight, around=True), np.full(weight.shape, np.inf)
    gone, (row, column) = distance_transform_edt(known < 0.3, return_indices=True)
    carried = cv2.GaussianBlur(even[row, column].astype(np.float32), (0, 0), SEEN_HAIR_BLUR / 2)
    middle = np.s_[:, width:2 * width]
    return carried[middle], gone[middle].astype(np.float32)


def _tone(lab: np.ndarray) -> np.ndarray:
    """The tone (3,) of hair where the light does not come from in front: rather its darker half; from Lab (N, 3)."""
    return np.append(np.quantile(lab[:, 0], 0.4), np.median(lab[:, 1:], axis=0))


def _palette(deviation: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Normal noise (H, W) as deviations (H, W, 3) in Lab that are distributed like these (N, 3), darkest to lightest."""
    order = np.argsort(deviation[:, 0])
    bins = np.array([part.mean(0) for part in np.array_split(deviation[order], 24)])
    bins -= bins.mean(0)
    bins = COLOR_VARIETY * np.clip(bins, [-25, -8, -12], [25, 8, 12])
    at = ndtri((np.arange(24) + 0.5) / 24)
    return np.dstack([np.interp(noise, at, bins[:, k]) for k in range(3)])


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


def _skin(points: np.ndarray, color: np.ndarray, weight: np.ndarray, face_skin: np.ndarray, throat: np.ndarray,
          oval: np.ndarray) -> np.ndarray:
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
    under = smooth_step(np.arange(height) / height, 0, 0.05)[:, None] * smooth_step(points[..., 1], 0.6, 1.0) * \
        smooth_step(0.75 - np.abs(points[..., 0]), 0, 0.4)
    under = 0.9 * under[..., None]
    return ((near * (1 - far) + mean * far) * (1 - under) + throat * under) * shade[..., None]


def _mean(color: np.ndarray, weight: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    total = weight.sum()
    return (color * weight[..., None]).sum((0, 1)) / total if total > 50 else fallback
