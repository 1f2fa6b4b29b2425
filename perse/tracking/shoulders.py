"""How the shoulders have moved in the picture since a clip's first frame, whatever the head did.

Clothes are often plain: all that tells where they are is their outline and their collar. So all their pixels are laid over the other frame
at once, by the similarity that leaves the least difference of colours (Lucas and Kanade 1981; its inverse compositional form, Baker and
Matthews 2004), of which a robust weight leaves out what moves otherwise: a hand, a fold, the ground behind.
"""

from typing import NamedTuple

import cv2
import numpy as np

from ..face.landmarks import CHIN, FACE_OUTLINE
from ..face.measures import face_height
from ..portrait.models import segment_person

COMPARED_AT = 32  # pixels of a face's height where frames are compared: 24 to 96 find the same
LEVELS = 3  # of the pyramid, each half as large: what moves by up to a fifth of the face's height is found
BESIDE, ABOVE, BELOW = 2.4, 0.8, 2.4  # face heights around the chin within which shoulders are looked at
# How many times the face's outline is left out, which moves by itself. At 1.6 the collar is lost with it, and shoulders that are raised pass
# for a body that moves aside; at 1.0 the chin takes the body along.
AROUND = 1.25
RIM = 0.1  # face heights of the ground beside the shoulders that belong to their picture: their outline is in it
LEAST = 0.1  # squared face heights of body that must be seen
STRAY = 40.0  # grey levels from which on a pixel counts less, more on coarser levels; 25 to 60
ITERATIONS, SETTLED = 6, 0.03  # on each level, at most, and until no pixel moves by more than this
# How much less likely a turn and another size are than a mere shift, as a share of what the picture tells of the shift: plain cloth tells
# of them by its few edges only; 0.02 to 0.1.
STIFFNESS = 0.05
LEAST_ALIKE = 0.42  # of a body that is found: mean weight of its pixels, those out of the frame weighing nothing; other scenes reach 0.4
SIZES = (0.7, 1.4)  # of a body that is found, against the first frame

_CHANNELS = 3


class _Level(NamedTuple):
    """The first frame on one level: places (N,) of the pixels, complex, from the body's middle; colours (N, 3); slopes (N, 3, 4) of their
    colours by shift and by turn and size. All in the finest level's pixels; size: of this level's pixels."""

    places: np.ndarray
    colours: np.ndarray
    slopes: np.ndarray
    size: int


class Shoulders:
    """Follows the body below the chin from a first frame.

    frame: (H, W, 3) uint8; landmarks: (478, 3) of the face in it.
    """

    def __init__(self, frame: np.ndarray, landmarks: np.ndarray):
        tall, chin = face_height(landmarks[:, :2]), landmarks[CHIN, :2].astype(np.float64)
        self.scale = min(1.0, COMPARED_AT / tall)
        self.low = np.clip(np.floor(chin - np.array([BESIDE, ABOVE]) * tall), 0, None).astype(int)
        self.high = np.minimum(np.ceil(chin + np.array([BESIDE, BELOW]) * tall), frame.shape[1::-1]).astype(int)
        small = self._cut_out(frame)
        person = self._cut_out(segment_person(np.ascontiguousarray(frame))) > 0.5
        below = np.arange(len(small))[:, None] + 0.5 > (chin[1] - self.low[1]) * self.scale
        away = ~self._face(landmarks, small.shape[:2], AROUND)
        body = person & below & away
        self.levels: list[_Level] = []
        if body.sum() < LEAST * (tall * self.scale) ** 2:
            return
        rows, columns = np.nonzero(body)
        self.middle = complex(columns.mean() + 0.5, rows.mean() + 0.5)
        self.reach = float(np.sqrt(body.sum()))
        reach = max(1, round(RIM * tall * self.scale))
        zone = (cv2.dilate(body.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1))) > 0) & away
        self.levels = [_level(picture, zone, self.middle, 2**k) for k, picture in enumerate(_pyramid(small))]

    def follow(self, frame: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, bool]:
        """Another frame and its landmarks (478, 3) -> the map (2, 3) from the first frame's pixels to where the body is, and whether it is
        found; else the map is the one that leaves all in place."""
        still = np.eye(2, 3)
        if not self.levels:
            return still, False
        small = self._cut_out(frame)
        shown = (~self._face(landmarks, small.shape[:2], AROUND)).astype(np.float32)
        turn, shift, alike = 1 + 0j, 0j, 0.0
        for level, picture, seen in reversed(list(zip(self.levels, _pyramid(small), _pyramid(shown)))):
            turn, shift, alike = self._align(level, np.dstack([picture, seen]), turn, shift)
        if not (alike > LEAST_ALIKE and SIZES[0] < abs(turn) < SIZES[1]):
            return still, False
        linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        middle = np.array([self.middle.real, self.middle.imag])
        middle, by = middle / self.scale + self.low, np.array([shift.real, shift.imag]) / self.scale
        return np.column_stack([linear, middle + by - linear @ middle]), True

    def _align(self, level: _Level, picture: np.ndarray, turn: complex, shift: complex) -> tuple[complex, complex, float]:
        """Turn with size and shift of the body about its middle, improved on one level, and how alike the pictures then are, 0..1.

        picture: (h, w, 4), colours and whether they show what is behind the face.
        """
        weights = np.zeros(len(level.places))
        for _ in range(ITERATIONS):
            there = (self.middle + turn * level.places + shift) / level.size
            found = cv2.remap(
                picture,
                (there.real - 0.5).astype(np.float32)[None],
                (there.imag - 0.5).astype(np.float32)[None],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT,
            )[0]
            off = found[:, :_CHANNELS] - level.colours
            likely = 1 / (1 + (off / (STRAY * (1 + level.size) / 2)) ** 2) * (found[:, _CHANNELS:] > 0.99)
            weights = likely.mean(1)
            # Geman and McClure's weight.
            sloped = (level.slopes * (likely**2)[..., None]).reshape(-1, 4)
            gram = sloped.T @ level.slopes.reshape(-1, 4)
            if not (told := np.trace(gram[:2, :2]) / 2) > 0:
                return turn, shift, 0.0
            stiff = STIFFNESS * told * self.reach**2
            gram[[2, 3], [2, 3]] += stiff
            back = 1 / turn - 1
            slope = off.ravel() @ sloped - stiff * np.array([0, 0, back.real, back.imag])
            x, y, larger, turned = np.linalg.solve(gram + 1e-6 * told * np.eye(4), slope)
            # The step lays the first frame over the other: its inverse comes before what is known.
            inverse = 1 / (1 + complex(larger, turned))
            shift, turn = shift - turn * inverse * complex(x, y), turn * inverse
            if not SIZES[0] / 2 < abs(turn) < SIZES[1] * 2:
                return turn, shift, 0.0
            if max(abs(complex(x, y)), abs(complex(larger, turned)) * self.reach) < SETTLED * level.size:
                break
        return turn, shift, float(weights.mean())

    def _cut_out(self, picture: np.ndarray) -> np.ndarray:
        """A picture (H, W) or (H, W, 3) around the shoulders, small."""
        part = picture[self.low[1] : self.high[1], self.low[0] : self.high[0]]
        return cv2.resize(part, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)

    def _face(self, landmarks: np.ndarray, shape: tuple[int, ...], enlarged: float) -> np.ndarray:
        """(h, w) bool: the face's outline, enlarged about its middle."""
        outline = (landmarks[FACE_OUTLINE, :2] - self.low) * self.scale
        outline = outline.mean(0) + enlarged * (outline - outline.mean(0))
        mask = np.zeros(shape, np.uint8)
        cv2.fillPoly(mask, [np.round(outline - 0.5).astype(np.int32)], 1)
        return mask > 0


def _pyramid(picture: np.ndarray) -> list[np.ndarray]:
    """A picture as float32, finest first."""
    levels = [picture.astype(np.float32)]
    while len(levels) < LEVELS:
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return [cv2.GaussianBlur(level, (0, 0), 0.8) if level.ndim == 3 else level for level in levels]


def _level(picture: np.ndarray, zone: np.ndarray, middle: complex, size: int) -> _Level:
    """picture: (h, w, 3) of a level; zone: the finest level's pixels that belong to the body; size: of this level's pixels."""
    inside = cv2.resize(zone.astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
    inside[[0, -1]] = inside[:, [0, -1]] = False  # no slope is known at the border
    rows, columns = np.nonzero(inside)
    right, down = (cv2.Scharr(picture, cv2.CV_32F, *axis)[rows, columns].astype(np.float64) / (32 * size) for axis in ((1, 0), (0, 1)))
    places = size * (columns + 0.5 + 1j * (rows + 0.5)) - middle
    x, y = places.real[:, None], places.imag[:, None]
    slopes = np.stack([right, down, right * x + down * y, down * x - right * y], -1)
    return _Level(places, picture[rows, columns].astype(np.float64), slopes, size)
