"""The jaw's line as the photo shows it: landmarks may miss it by some hundredths of the face's width, over ears and hair of an old face.

What they take in that is not face would be painted on the cheek, and stand beside it as specks when the head turns.
"""

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from ..face.alignment import Similarity, for_opencv
from ..face.landmarks import EARS, FACE, FACE_OUTLINE, JAW_ANGLES, LIPS_OUTLINE, OVAL
from ..face.measures import distance
from ..face.polygons import polygon
from .colour_density import likelier

WIDTH, SIDE = 160, 288  # pixels from ear to ear of a face that is looked at, and of the whole square picture
LEAST = 40.0  # pixels from ear to ear: in a smaller face nothing can be seen
JAW = (132, 361)  # below the lobes: above, hair and ears lie over the outline and say nothing about it
WITHIN = 14  # pixels that the line is looked for inside of the landmarks' (9 % of the width); outside, neck and ear look like the face
INNER = 0.82  # share of the outline's size within which all is face
BESIDE = 1.3  # share of the outline's size up to which things lie beside it
ASIDE = (0.45, 0.75)  # how far sideways the outline faces where it is judged: not at all and fully. Below the chin lies skin in shade
SURE = 0.35  # evidence below which nothing is said: skin beside skin (.2 to .5)
EDGE = 100.0  # sum of squared Lab steps, pixel by pixel, that is an edge (60 to 200): 20 units within four pixels
TETHER, HELD = 0.015, 0.3  # cost of a sample that lies one pixel from where the landmarks have it, squared; and of one that looks down
STIFF = 1.5  # cost of two neighbouring samples that lie one pixel apart, squared
SPACING = 3.0  # pixels from sample to sample
CALM = 2.0  # samples over which the line is smoothed
FOLLOW = 0.22  # of the face's width from the outline to where skin no longer follows it


def fit_jaw_line(foreground: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Move the face's outline below the ears to where the picture shows it, and what lies within by its share.

    Of all lines near the landmarks' the one that takes in most of what looks like this face and least of what looks like the things beside
    it, and is smooth (region terms of Chan and Vese 2001, solved along the outline by dynamic programming, Amini et al. 1990).

    Args:
        foreground: (S, S, 3) float32; landmarks: (478, 3) pixels.

    Returns:
        (478, 3) float32; z is kept.
    """
    if distance(landmarks[:, :2], *EARS) < LEAST:
        return landmarks
    level = _levelled(landmarks[:, :2].astype(float))
    image = cv2.warpAffine(foreground, for_opencv(level.matrix), (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    lie = level(landmarks[:, :2].astype(float))
    line, outwards, share = _samples(lie)
    colours = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.2), cv2.COLOR_RGB2Lab)
    at = line[:, None] + np.arange(-WITHIN, 1)[:, None] * outwards[:, None]
    shift = _best_line(_crossed(_read(_evidence(colours, lie), at), _read(colours, at)), share)
    moved = lie.copy()
    moved[:FACE] += _followed(lie[:FACE], line, outwards * shift[:, None])
    out = landmarks.copy()
    out[:FACE, :2] = level.back(moved[:FACE])
    return out.astype(np.float32)


def _levelled(points: np.ndarray) -> Similarity:
    """The map to a picture in which a face's outline, of landmarks (478, 2), is level, in the middle and WIDTH wide."""
    half = np.array([WIDTH / 2, 0])
    turned = Similarity.fit(points[list(EARS)], np.array([SIDE / 2 - half, SIDE / 2 + half]))
    return Similarity(turned.linear, np.full(2, SIDE / 2) - turned.linear @ points[OVAL].mean(0))


def _samples(lie: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of landmarks (478, 2): even samples (N, 2) from ear to ear under the chin, their outward directions (N, 2), and how far each
    faces sideways and lies below the lobes (2, N), 0 to 1."""
    chain = OVAL[OVAL.index(EARS[0]) : OVAL.index(EARS[1]) + 1]
    corner = lie[chain]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corner, axis=0), axis=1))])
    at = np.linspace(0, length[-1], int(length[-1] / SPACING))
    line = np.stack([np.interp(at, length, corner[:, k]) for k in (0, 1)], 1)
    line = gaussian_filter1d(line, 1.0, axis=0, mode="nearest")
    along = np.gradient(line, axis=0)
    outwards = np.stack([-along[:, 1], along[:, 0]], 1)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    if ((line - lie[OVAL].mean(0)) * outwards).sum() < 0:
        outwards = -outwards
    first, last = (length[chain.index(k)] for k in JAW)
    sideways = np.clip((np.abs(outwards[:, 0]) - ASIDE[0]) / (ASIDE[1] - ASIDE[0]), 0, 1)
    return line, outwards, np.stack([sideways, np.clip(np.minimum(at - first, last - at) / SPACING, 0, 1)])


def _evidence(colours: np.ndarray, lie: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) in [-1, 1]: 1 what looks like this face, -1 what looks like the things beside it, 0 neither or both."""
    within, beyond = (polygon(lie, FACE_OUTLINE, SIDE, scale) > 0.5 for scale in (INNER, BESIDE))
    whole = polygon(lie, FACE_OUTLINE, SIDE) > 0.5
    row = np.arange(SIDE)[:, None]
    below = row > lie[list(EARS), 1].mean()
    above = row < lie[list(JAW_ANGLES), 1].mean()  # there no neck is seen beside a face
    face = within & below & ~(polygon(lie, LIPS_OUTLINE, SIDE) > 0.1)
    near = (polygon(lie, FACE_OUTLINE, SIDE, 1.12) > 0.5) & below
    out = np.zeros((SIDE, SIDE), np.float32)
    middle = lie[OVAL].mean(0)[0]
    for side in (np.arange(SIDE)[None] < middle, np.arange(SIDE)[None] >= middle):  # light and things differ from side to side
        here = near & side
        out[here] = likelier(colours[here], colours[face & side], colours[beyond & ~whole & below & above & side])
    return np.sign(out) * np.clip((np.abs(out) - SURE) / (1 - SURE), 0, 1)


def _crossed(evidence: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Evidence (N, K) of colours (N, K, 3) on the way out: what looks like a thing beside is one where an edge has been crossed before.

    Skin that passes into shade looks like shaded things, too, but gets there little by little.
    """
    step = (np.diff(colours, axis=1, prepend=colours[:, :1]) ** 2).sum(2)
    return np.where(evidence < 0, evidence * np.clip(np.cumsum(step, 1) / EDGE - 1, 0, 1), evidence)


def _best_line(evidence: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(N,) pixels outwards that samples move, of evidence (N, K) from WITHIN pixels inside each to itself, and how far each faces
    sideways and lies below the lobes (2, N): who looks down stays, who lies beside an ear goes with the others."""
    offsets = np.arange(-WITHIN, 1)
    tether = TETHER * share[0] + HELD * (1 - share[0])
    cost = tether[:, None] * offsets**2 - share.prod(0)[:, None] * np.cumsum(evidence, 1)
    step = STIFF * (offsets[:, None] - offsets) ** 2
    best, came = cost[0], []
    for own in cost[1:]:
        total = best[:, None] + step
        came.append(total.argmin(0))
        best = total.min(0) + own
    k = int(best.argmin())
    picked = [k]
    for back in came[::-1]:
        k = int(back[k])
        picked.append(k)
    shift = gaussian_filter1d(offsets[picked[::-1]].astype(float), CALM, mode="nearest")
    fade = np.minimum(np.arange(len(shift)), np.arange(len(shift))[::-1])
    return shift * np.clip(fade / 4, 0, 1)


def _read(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values (N, K, ...) of a picture at places (N, K, 2)."""
    x, y = (np.moveaxis(at, -1, 0) - 0.5).astype(np.float32)
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _followed(points: np.ndarray, line: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(N, 2) that points (N, 2) move with a line (M, 2) that moves by (M, 2): all on it, none from FOLLOW on."""
    apart = np.linalg.norm(points[:, None] - line, axis=2)
    near = np.exp(-0.5 * (apart - apart.min(1, keepdims=True)) ** 2 / SPACING**2)
    near /= near.sum(1, keepdims=True)
    share = np.clip(1 - apart.min(1) / (FOLLOW * WIDTH), 0, 1)
    return (share**2 * (3 - 2 * share))[:, None] * (near @ moved)
