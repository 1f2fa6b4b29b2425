"""BlazeFace (Bazarevsky et al. 2019, arXiv 1907.05047) as MediaPipe runs it: faces of a picture with six points each.

What comes out of the model are boxes around anchors; those that lie over one another are averaged by their scores (the paper's section 4.2).
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

POINTS = 6  # the eyes, the one on the left of the picture first; nose, mouth, ears
SAME_FACE = 0.3  # intersection over union above which two boxes are one face


class Range(NamedTuple):
    """A detector's input side; for each layer of its answer pixels from anchor to anchor and anchors at one place; from which score on a box counts,
    also for the mean of those of one face."""

    side: int
    layers: tuple[tuple[int, int], ...]
    least: float


SHORT, FULL = Range(128, ((8, 2), (16, 6)), 0.5), Range(192, ((4, 1),), 0.6)


def anchors(kind: Range) -> np.ndarray:
    """(N, 2) centres, in shares of the input's side."""
    found = []
    for step, count in kind.layers:
        cells = kind.side // step
        y, x = np.divmod(np.arange(cells * cells), cells)
        found.append(np.repeat((np.stack([x, y], -1) + 0.5) / cells, count, 0))
    return np.concatenate(found)


def crop(picture: np.ndarray, centre, sides, angle: float, size: int, border: int) -> np.ndarray:
    """A turned rectangle of (H, W, 3) uint8 as (size, size, 3) uint8, sampled as the models' own graphs do: corner on corner, not centre on
    centre, and by its corners, since rounding decides between neighbours where a step is a simple fraction.

    sides: width and height. border: of OpenCV, what lies outside.
    """
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * np.asarray(sides, float)
    square = np.array([[0, 1], [0, 0], [1, 0], [1, 1]])
    corners = (square - 0.5) @ turn.T + centre
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), (size * square).astype(np.float32))
    return cv2.warpPerspective(picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)


def detect(
    network: Callable[[np.ndarray], dict[str, np.ndarray]], kind: Range, picture: np.ndarray
) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Faces of (H, W, 3) uint8, the clearest first: score, box (x0, y0, x1, y1) and POINTS (6, 2), in pixels."""
    height, width = picture.shape[:2]
    side, middle = max(height, width), np.array([width / 2, height / 2])
    seen = crop(picture, middle, (side, side), 0.0, kind.side, cv2.BORDER_CONSTANT).astype(np.float32) / 127.5 - 1
    first, second = network(seen).values()
    raw, logits = (first, second) if first.shape[-1] > 1 else (second, first)
    scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0].astype(np.float64), -100, 100)))
    likely = np.flatnonzero(scores >= kind.least)
    likely = likely[np.argsort(-scores[likely], kind="stable")]
    pairs = raw[0, likely].astype(np.float64).reshape(len(likely), 2 + POINTS, 2) / kind.side
    pairs[:, [0, *range(2, 2 + POINTS)]] += anchors(kind)[likely, None]
    centre, half = pairs[:, 0], pairs[:, 1] / 2
    values = np.concatenate([centre - half, centre + half, pairs[:, 2:].reshape(-1, 2 * POINTS)], 1)
    real = (half > 0).all(1)
    faces = []
    for score, value in _merged(scores[likely][real], values[real]):
        places = (value.reshape(-1, 2) - 0.5) * side + middle
        faces.append((score, places[:2].reshape(4), places[2:]))
    return faces


def _merged(scores: np.ndarray, values: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """scores from high to low; values: boxes and points. Each face once."""
    found = []
    while len(scores):
        same = _overlap(values[0, :4], values[:, :4]) > SAME_FACE
        same[0] = True
        found.append((float(scores[0]), scores[same] @ values[same] / scores[same].sum()))
        scores, values = scores[~same], values[~same]
    return found


def _overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union."""
    common = (np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])).clip(0).prod(1)
    return common / ((box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - common)
