"""Neck, shoulders and clothes: what the portrait does not show of them, and the hair that hangs down the back."""

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ...smooth_ramps import smooth_step
from ..atlas import Texture, chart_slice
from ..fill_holes import diffuse
from .hair_grain import grain
from .hair_length import hair_length
from .hair_strands import LOCK, STRAND
from .skin import Skin

KINDS = ("neck", "clothes", "hair")
COLLAR_RISE = 0.08  # how much higher a collar is at the nape than at the sides, eye distances
COLLAR_TOP = 0.10  # how far above the chin it may reach there, eye distances: behind the ears the neck is bare
BARE_CHEST = 1.1  # how far below the chin clothes begin at the back where none are seen at the sides, eye distances
THROAT_ENDS = (0.17, 0.25)  # turns from the front over which the throat ends: beside it long hair no longer lies behind the neck
COLLAR_SIDE = (0.09, 0.24)  # turns from the front between which a collar's side is looked for
THROAT_EDGE = 6  # rows of texels of the throat next to the jaw that tell the shade under it
BUST_FADE = 0.08  # eye distances below what the photo shows in which the bust dissolves (.05 to .15)
LEAST_BUST = 0.7  # and how far below the chin it does not before
STRANDS_RUN_ON = 1.0  # eye distances over which the colours of the head's strands pass into those of the hanging hair
LAST_ROWS = 6  # of the head's texels, that tell the colours in which its hair goes on down the back
BEHIND = 0.6  # depth in the head's frame from which hair hangs behind the neck
HAIR_HEM = 0.35  # eye distances over which hanging hair thins out at its ends


def complete_torso(texture: Texture, skin_field: Skin) -> None:
    """The collar runs on around the neck: skin over it, below it the cloth that shows at the sides; long hair hangs over both."""
    area = chart_slice("body")
    points, color, seen = texture.points[area], texture.color[area], texture.seen[area]
    shown = np.dstack([texture.regions[name][area] for name in KINDS])
    neck, clothes, hair = np.moveaxis(shown, -1, 0)
    keep = _kept(seen)
    skin = skin_field.on_chart(texture, "body")
    cloth, cloth_aside = _cloth(points, color, clothes * (1 - hair), seen, skin)
    chin = points_of(texture, "face")[:, 1].max()
    down = points[..., 1] - collar_line(points, neck * (1 - hair), clothes * (1 - hair), seen, chin)[None]
    nearby = diffuse(shown, keep, around=True)
    falls = _falling_hair(texture, points, seen, keep, nearby)
    kinds = np.dstack([(1 - _dressed(down)) * (1 - falls), _dressed(down) * (1 - falls), falls])
    hanging = _hair(texture, points) if falls.max() > 0 else np.zeros_like(skin)
    fill = skin * _shade(down)[..., None] * kinds[..., :1] + cloth * kinds[..., 1:2]
    fill += hanging * kinds[..., 2:]

    # In front, below the photo's end, what it shows last goes on for a little.
    under, beyond = _under(points[..., 1], seen)
    below = _kinds_below(nearby, falls, beyond)
    chest = diffuse(color, keep * neck, around=True) if (keep * neck).sum() > 200 else skin
    far = 0.7 * smooth_step(beyond, 0.1, 0.6)[..., None]
    under = under[..., None]
    worn = cloth * (1 - far) + cloth_aside * far
    fill = fill * (1 - under) + (chest * below[..., :1] + worn * below[..., 1:2] + hanging * below[..., 2:]) * under
    kinds = kinds * (1 - under) + below * under

    keep = keep[..., None]
    texture.color[area] = color * keep + fill * (1 - keep)
    for name, share in zip(KINDS, np.moveaxis(shown * keep + kinds * (1 - keep), -1, 0)):
        texture.regions[name][area] = share
    for name in ("skin", "brows", "lips", "glasses"):
        texture.regions[name][area] *= seen > 0
    texture.alpha[area] = _alpha(points, texture.alpha[area], seen * (texture.faces[area] >= 0), chin)


def _kept(seen: np.ndarray) -> np.ndarray:
    """How much of each texel (H, W) stays as the photo shows it, but for its very upper edge, which may be the jaw's."""
    keep = cv2.erode(np.clip(seen * 2, 0, 1), np.ones((THROAT_EDGE, 1)), anchor=(0, THROAT_EDGE - 1))
    return cv2.GaussianBlur(keep, (0, 0), 1.5) * (seen > 0.02)


def _dressed(down: np.ndarray) -> np.ndarray:
    """How much of each texel (H, W) is cloth that lies so far below the collar's edge, eye distances."""
    return smooth_step(down, -0.02, 0.03)


def _shade(down: np.ndarray) -> np.ndarray:
    """The light (H, W) that a collar leaves to the skin behind it."""
    return 1 - 0.30 * np.exp(-np.clip(-down, 0, None) / 0.05)


def _falling_hair(texture: Texture, points: np.ndarray, seen: np.ndarray, keep: np.ndarray, nearby: np.ndarray) -> np.ndarray:
    """How much of each texel (H, W) long hair covers: it hangs behind the neck and beside it; a throat is bare above where it is seen bare,
    and cannot be seen through the chin.

    Args:
        keep: (H, W), see `_kept`; nearby: (H, W, 3) what the photo shows there or nearest to it, in the order of KINDS.
    """
    turn = np.abs((np.arange(seen.shape[1]) + 0.5) / seen.shape[1] - 0.5)
    # What is taken for cloth beside the neck may be a lock; in the middle it is none.
    free_below = (nearby[..., 0] + nearby[..., 1] * (1 - smooth_step(turn, 0.08, 0.14))) / np.maximum(nearby.sum(-1), 1e-3)
    first = np.argmax(keep > 0.2, axis=0)
    above = np.arange(len(seen))[:, None] < first[None]
    rows = np.clip(first[None] + np.arange(3 * THROAT_EDGE)[:, None], 0, len(seen) - 1)
    top = cv2.blur(free_below[rows, np.arange(seen.shape[1])[None]].mean(0)[None].astype(np.float32), (9, 1))
    free_below = np.where(above, top, free_below)
    return _hair_share(texture, points, seen) * (1 - smooth_step(free_below, 0.15, 0.5) * (1 - smooth_step(turn, *THROAT_ENDS)))


def _kinds_below(nearby: np.ndarray, falls: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """What each texel (H, W, 3) would be, in the order of KINDS, if what the photo shows last went on: locks that are not long end, and at
    some distance (H, W) below the photo, eye distances, everybody is dressed."""
    locks = nearby[..., 2] * falls
    cloth = np.maximum(nearby[..., 1] + nearby[..., 2] - locks, smooth_step(beyond, 0.05, 0.4) * (1 - locks))
    below = np.dstack([nearby[..., 0], cloth, locks]).astype(nearby.dtype)
    return below / np.maximum(below.sum(-1, keepdims=True), 1e-6)


def points_of(texture: Texture, part: str) -> np.ndarray:
    """Head-frame points (N, 3) of the texels that a part's triangles cover."""
    area = chart_slice(part)
    return texture.points[area][texture.faces[area] >= 0]


def collar_line(points: np.ndarray, neck: np.ndarray, clothes: np.ndarray, seen: np.ndarray, chin: float) -> np.ndarray:
    """Height (W,) at which clothes begin, for every column of the body's chart; head frame, y down.

    The sides' height is measured: for each column the row that best divides skin above from cloth below. It goes on around the back.

    Args:
        points: (H, W, 3); neck, clothes, seen: (H, W); chin: its height.
    """
    height, width = seen.shape
    y = points[..., 1]
    weight = np.clip(seen * 2, 0, 1) * (y > chin - 0.7)
    wrong = np.cumsum(weight * (clothes - neck), axis=0)  # of a division below this row, but for a constant
    wrong = np.concatenate([np.zeros((1, width)), wrong])
    division = np.argmin(wrong, axis=0)
    first = np.argmax(weight > 0.2, axis=0)
    at = y[np.clip(np.maximum(division, first), 0, height - 1), np.arange(width)]
    known = (weight * (neck + clothes)).sum(0) > 0.06 * height
    dressed = (weight * clothes).sum(0) > 0.03 * height
    turn = (np.arange(width) + 0.5) / width - 0.5  # 0 in front
    sides, bare_to = np.full(2, np.nan), np.full(2, -np.inf)
    for n, sign in enumerate((-1, 1)):
        at_side = known & dressed & (sign * turn > COLLAR_SIDE[0]) & (sign * turn < COLLAR_SIDE[1])
        if at_side.sum() > 4:
            sides[n] = np.median(at[at_side])
        naked = (weight * neck > 0.5) & (sign * turn > COLLAR_SIDE[0]) & (sign * turn < COLLAR_SIDE[1])
        bare_to[n] = np.quantile(y[naked], 0.9) if naked.sum() > 200 else -np.inf
    if np.isfinite(sides).any():
        sides = np.where(np.isfinite(sides), sides, np.maximum(np.nanmean(sides), bare_to))
    else:
        bare = (weight * neck * (y > chin + 0.4)).sum() > 0.01 * weight.size
        sides[:] = chin + (BARE_CHEST if bare else 0.2)
    # Around the back from one side to the other.
    right = 0.5 + 0.5 * np.sin(2 * np.pi * turn)
    behind = smooth_step(np.abs(turn), 0.2, 0.45)
    line = sides[0] * (1 - right) + sides[1] * right - COLLAR_RISE * behind
    line = line * (1 - behind) + np.maximum(line, chin - COLLAR_TOP) * behind
    # In front, where a shirt may be open, every column has its own.
    front = known & dressed & (np.abs(turn) < COLLAR_SIDE[1])
    if front.sum() > 4:
        own = np.interp(np.arange(width), np.flatnonzero(front), at[front])
        share = smooth_step(COLLAR_SIDE[1] - np.abs(turn), 0, 0.06)
        line = line * (1 - share) + cv2.blur(own[None].astype(np.float32), (9, 1))[0] * share
    return line


def _under(y: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share (H, W) of what lies in front and below the last row that the photo shows, and how far below, eye distances."""
    height, width = seen.shape
    shown = seen > 0.2
    last = np.where(shown.any(0), height - 1 - np.argmax(shown[::-1], axis=0), height - 1)
    turn = np.abs((np.arange(width) + 0.5) / width - 0.5)
    share = (np.arange(height)[:, None] >= last) * (1 - smooth_step(turn, 0.14, 0.22))
    return share.astype(np.float32), y - y[last, np.arange(width)][None]


def _cloth(points: np.ndarray, color: np.ndarray, clothes: np.ndarray, seen: np.ndarray, skin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cloth everywhere, two times (H, W, 3): in front all that is seen goes on, behind only what is seen at the sides, for a
    shirt or a tie ends there; and the sides' alone."""
    sure = np.clip(clothes * 2 - 1, 0, 1) * np.clip(seen * 3 - 0.3, 0, 1)
    if sure.sum() < 0.002 * sure.size:
        return skin, skin
    all_around = diffuse(color, sure, around=True)
    width = sure.shape[1]
    turn = np.abs((np.arange(width) + 0.5) / width - 0.5)
    aside = sure * smooth_step(turn, 0.12, 0.2)[None]
    if aside.sum() < 0.001 * aside.size:
        return all_around, all_around
    wide = np.concatenate([diffuse(color, aside, around=True)] * 3, 1)
    sides = cv2.GaussianBlur(wide, (0, 0), 5)[:, width : 2 * width]
    behind = smooth_step(turn, 0.16, 0.26)[None, :, None]
    # Folds: cloth that is one flat colour looks like plastic.
    folds = 1 + 0.05 * np.clip(grain(points, 0.16, 1.2, 11), -1.5, 1.5) + 0.02 * grain(points, 0.04, 0.3, 12)
    folded = sides * folds[..., None]
    return all_around * (1 - behind) + folded * behind, folded


def _hair_share(texture: Texture, points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """How much of each texel (H, W) long hair covers where the photo does not show it: as far down as it hangs in front."""
    length = hair_length(texture)
    if not length.long:
        return np.zeros_like(seen)
    lowest, longest = points[..., 1][seen > 0.2].max(initial=0.0), length.y.max()
    # Hair that the photo cuts off goes on. The ends of locks do not lie along a line.
    end = longest + 0.5 * smooth_step(longest, lowest - 0.5, lowest - 0.2) + HAIR_HEM / 3 * grain(points, 2 * LOCK, HAIR_HEM, 7)
    return smooth_step(end - points[..., 1], -0.5 * HAIR_HEM, 0.3 * HAIR_HEM)


def _hair(texture: Texture, points: np.ndarray) -> np.ndarray:
    """Hanging hair everywhere (H, W, 3): above the back of the head's, below what is seen of it on the shoulders."""
    shell, body = chart_slice("shell"), chart_slice("body")
    at = texture.points[shell]
    back = texture.regions["hair"][shell] * (at[..., 2] > 0.7) * (at[..., 1] > 0.35) * (1 - texture.seen[shell])
    top, contrast = np.asarray(hair_length(texture).tone), 0.03
    if back.sum() > 200:
        top = np.average(texture.color[shell].reshape(-1, 3), axis=0, weights=back.ravel())
        fine = texture.color[shell] - cv2.GaussianBlur(texture.color[shell], (0, 0), 6)
        contrast = float(np.abs(fine[back > 0.5]).mean())
    low = (texture.regions["hair"][body] > 0.6) & (texture.seen[body] > 0.3)
    bottom = np.median(texture.color[body][low], axis=0) if low.sum() > 300 else top
    share = 0.6 * smooth_step(points[..., 1], 0.9, 2.2)[..., None]
    strands = 0.8 * grain(points, STRAND, 0.7, 2) + 1.0 * grain(points, LOCK, 1.05, 3)
    light = np.clip(1 + contrast / max(float(top.mean()), 0.05) * strands, 0.5, 1.6)
    return strands_run_on(texture, points, np.clip((top * (1 - share) + bottom * share) * light[..., None], 0, 1))


def strands_run_on(texture: Texture, points: np.ndarray, color: np.ndarray) -> np.ndarray:
    """The hanging hair's colours (H, W, 3), begun with those that the head has where it comes out from under it."""
    shell = chart_slice("shell")
    last = np.s_[-LAST_ROWS:]
    ends = texture.faces[shell][last] >= 0
    tree = cKDTree(texture.points[shell][last][ends])
    covered = texture.faces[chart_slice("body")] >= 0
    first, across = np.argmax(covered, axis=0), np.arange(covered.shape[1])
    start = points[first, across]
    tone = texture.color[shell][last][ends][tree.query(start)[1]]
    behind = covered.any(0) & (start[:, 2] > BEHIND)
    change = np.where(behind[:, None], tone - color[first, across], 0)
    fall = points[..., 1] - start[:, 1]
    return np.clip(color + change[None] * (1 - smooth_step(fall, 0, STRANDS_RUN_ON))[..., None], 0, 1)


def _alpha(points: np.ndarray, alpha: np.ndarray, seen: np.ndarray, chin: float) -> np.ndarray:
    """Opacity (H, W): below what the photo shows in front the bust is solid for no more than a chest needs, and dissolves."""
    height, y = len(seen), points[..., 1]
    rows, shown = np.arange(height)[:, None], seen > 0.2
    last = np.where(shown.any(0), height - 1 - np.argmax(shown[::-1], axis=0), 0)
    alpha = np.where(rows > last[None], 1, alpha)
    end = max(float(np.quantile(y[shown], 0.98)) if shown.any() else -np.inf, chin + LEAST_BUST)
    return (alpha * smooth_step(y, end + BUST_FADE, end)).astype(np.float32)
