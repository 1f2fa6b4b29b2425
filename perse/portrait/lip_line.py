"""The line between the lips as the photo shows it: landmarks of a mouth miss it by some hundredths of its width, most at the corners.

What they miss would be taken for lip: the dark corner of a smile would go with the skin around it and stay as a stain on every other
expression, and a row of teeth would hang on the lip before it.
"""

import cv2
import numpy as np

from ..face.alignment import Similarity, for_opencv
from ..face.landmarks import LIP_RINGS, LIPS_OUTLINE, MOUTH_CORNERS, MOUTH_OUTLINE, MOUTH_RING
from ..face.measures import distance, mouth_opening
from ..face.polygons import polygon
from .colour_density import likelier

WIDTH, SIDE = 96, 144  # pixels from corner to corner of a mouth that is looked at, and of the whole square picture
PARTED = 0.04  # gap over the mouth's width from which something may show between the lips; below, one dark line is looked for
LEAST = 8.0  # pixels from corner to corner: in a smaller mouth nothing can be seen
FARTHEST = 6.0  # pixels that a landmark moves at most (4 to 8): 6 % of the mouth's width
THINNEST = 0.2  # of a lip's thickness that it keeps
STEP, ROUNDS = 0.6, 60  # pixels at full evidence; more rounds move nothing
TETHER, STIFF = 0.02, 0.4  # a round's pull to where the landmark was, and to the middle of its neighbours' shifts


def fit_lip_line(foreground: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Move the lips' inner edge to where the picture shows it, and the rows between it and the outer edge by their share.

    An active contour (Chan and Vese 2001: the edge moves outwards where the picture beside it looks like what lies between lips, inwards
    where it looks like lip), in a picture of the mouth that is level and of one size.

    Args:
        foreground: (S, S, 3) float32; landmarks: (478, 3) pixels.

    Returns:
        (478, 3) float32; z is kept.
    """
    if distance(landmarks[:, :2], *MOUTH_CORNERS) < LEAST:
        return landmarks
    image, points, level = _levelled(foreground, landmarks)
    shift = _settle(image, points, mouth_opening(landmarks[:, :2]) > PARTED)
    out = landmarks.copy()
    for row, ring in enumerate(LIP_RINGS):
        share = row / (len(LIP_RINGS) - 1)
        moved = shift * share
        moved[[0, 10], 1] = shift[[0, 10], 1]  # a corner is one fold of skin: it goes up and down as a whole
        out[ring, :2] = level.back(points[ring] + moved)
    return out.astype(np.float32)


def not_of_lips(foreground: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(S, S) bool: pixels near a mouth that look more like what lies between its lips than like its lips. See `fit_lip_line`."""
    size = foreground.shape[1::-1]
    if distance(landmarks[:, :2], *MOUTH_CORNERS) < LEAST:
        return np.zeros(size[::-1], bool)
    image, points, level = _levelled(foreground, landmarks)
    matrix = for_opencv(level.matrix)
    return cv2.warpAffine(_between_lips(image, points), matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) > 0


def _levelled(foreground: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, Similarity]:
    """A mouth's picture (SIDE, SIDE, 3), the landmarks in it (478, 2), and the map that leads there."""
    points = landmarks[:, :2].astype(float)
    half = np.array([WIDTH / 2, 0])
    turned = Similarity.fit(points[list(MOUTH_CORNERS)], np.array([SIDE / 2 - half, SIDE / 2 + half]))
    level = Similarity(turned.linear, np.full(2, SIDE / 2) - turned.linear @ points[LIPS_OUTLINE].mean(0))
    image = cv2.warpAffine(foreground, for_opencv(level.matrix), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    return image, level(points), level


def _settle(image: np.ndarray, points: np.ndarray, parted: bool) -> np.ndarray:
    """(20, 2) pixels that the landmarks of MOUTH_RING move, of a picture (SIDE, SIDE, 3) and landmarks (478, 2) in it."""
    inner, outer = points[MOUTH_RING], points[LIP_RINGS[0]]
    evidence = _between_lips(image, points)
    down = np.ones(len(inner))
    down[1:10] = -1  # outwards is up for the upper lip
    down[[0, 10]] = 0
    room = np.minimum((1 - THINNEST) * np.abs(outer - inner)[:, 1], FARTHEST)
    aside = np.zeros(len(inner))
    aside[[0, 10]] = -1, 1
    room_aside = np.minimum((1 - THINNEST) * np.abs(outer - inner)[:, 0], FARTHEST)
    darkness = 1 - cv2.GaussianBlur(image.max(-1), (0, 0), 1.5)
    shift = np.zeros_like(inner)
    upper, lower = np.arange(1, 10), np.arange(19, 10, -1)  # from the right corner on, paired
    for _ in range(ROUNDS):
        at = inner + shift
        force = np.zeros_like(shift)
        slope = _read(darkness, at + [0, 1]) - _read(darkness, at - [0, 1])
        if parted:
            force[:, 1] = down * _along(evidence, at)
            force[:, 0] = aside * _read(evidence, at + np.stack([aside, 0 * aside], 1))
            force[[0, 10], 1] = 4 * slope[[0, 10]]
        else:
            line = 4 * slope
            line[upper] = line[lower] = (line[upper] + line[lower]) / 2
            force[:, 1] = line
        shift += STEP * np.clip(force, -1, 1) - TETHER * shift
        shift[:, 1] += STIFF * (_neighbours(shift[:, 1], down) - shift[:, 1])
        limit = np.where(down == 0, FARTHEST, room)
        shift[:, 1] = np.clip(shift[:, 1], -np.where(down > 0, FARTHEST, limit), np.where(down < 0, FARTHEST, limit))
        shift[:, 0] = aside * np.clip(aside * shift[:, 0], 0, room_aside)
        # The lips may meet, but not cross.
        excess = np.maximum((inner + shift)[upper, 1] - (inner + shift)[lower, 1], 0)
        shift[upper, 1] -= excess / 2
        shift[lower, 1] += excess / 2
    return shift


def _neighbours(values: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Of values (20,) around the ring, the mean of both neighbours; a corner goes by itself, and nobody by a corner."""
    free = (down != 0).astype(float)
    weight = np.roll(free, 1) + np.roll(free, -1)
    total = np.roll(free * values, 1) + np.roll(free * values, -1)
    return np.where(free > 0, total / weight, values)


def _between_lips(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) in [-1, 1]: 1 what looks like what lies between these lips, -1 what looks like the lips, 0 what looks like neither or both.

    Both are learnt from the picture itself, as densities of colours: landmarks are right about most pixels.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
    mouth, whole = polygon(points, MOUTH_OUTLINE, SIDE), polygon(points, LIPS_OUTLINE, SIDE)
    near = cv2.dilate(whole, np.ones((5, 5))) > 0
    lips = _inner(whole) & (cv2.dilate(mouth, np.ones((3, 3))) < 0.1)
    out = np.zeros(image.shape[:2], np.float32)
    out[near] = likelier(lab[near], lab[_inner(mouth)], lab[lips])
    return out


def _inner(mask: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) bool: a mask (SIDE, SIDE) without its rim, which may be misplaced."""
    return cv2.erode(mask, np.ones((3, 3))) > 0.9


def _read(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values of a picture (SIDE, SIDE) at places (..., 2)."""
    x, y = (at.reshape(-1, 2).T - 0.5).astype(np.float32)
    return cv2.remap(picture, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].reshape(at.shape[:-1])


def _along(evidence: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """(20,): the mean evidence over both segments beside each point of a ring (20, 2), weighted towards it."""
    share = np.array([0.0, 0.25, 0.5, 0.75])
    weight = 1 - share
    total = np.zeros(len(ring))
    for way in (1, -1):
        at = ring[:, None] + share[:, None] * (np.roll(ring, -way, 0) - ring)[:, None]
        total += (_read(evidence, at) * weight).sum(1)
    return total / (2 * weight.sum())
