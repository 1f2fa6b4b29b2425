"""Hair, bare skin and clothes as a segmentation network sees them: MediaPipe's selfie multiclass, or another one with the same input and output.

Its classes: background, hair, skin of the body, skin of the face, clothes, other things (glasses, hats, jewellery).
"""

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ...face.landmarks import FACE_OUTLINE, UPPER_LIP
from ...face.polygons import polygon
from ..tflite import Network

SIDE, CLASSES = 256, 6  # pixels of what it sees; of what it gives

Parts = Callable[[np.ndarray, np.ndarray], np.ndarray]


def load_parts(path: Path) -> Parts:
    """The network of a TensorFlow Lite file: input 256 x 256 x 3 RGB in [-1, 1], output 256 x 256 x 6, shares or what softmax makes shares of.

    The returned function takes a square picture (S, S, 3) float32 in [0, 1] and landmarks (478, 3) in its pixels, and gives (3, S, S) float32:
    hair with what is worn in it, bare skin, clothes. They add up to the person, at most 1.
    """
    network, turn = Network(path), threading.Lock()

    def parts(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        size = len(picture)
        seen = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        with turn:
            (given,) = network(np.ascontiguousarray(seen * 2 - 1, np.float32)).values()
        if given.shape != (1, SIDE, SIDE, CLASSES):
            raise ValueError(f"a network of parts gives 1 x {SIDE} x {SIDE} x {CLASSES}, this one {' x '.join(map(str, given.shape))}")
        shares = cv2.resize(_shares(given[0]), (size, size), interpolation=cv2.INTER_LINEAR)
        _, hair, body, face, clothes, other = np.moveaxis(shares, -1, 0)
        # What hangs before the face is glasses, with skin behind; above the mouth it is a hat, which counts as hair; below it a necklace or a bag.
        before = polygon(landmarks, FACE_OUTLINE, size)
        above = (np.arange(size)[:, None] + 0.5 < landmarks[UPPER_LIP, 1]) * (1 - before)
        return np.stack([hair + other * above, body + face + other * before, clothes + other * (1 - before - above)]).astype(np.float32)

    return parts


def _shares(given: np.ndarray) -> np.ndarray:
    """(H, W, C) as a network gives it -> shares that add up to 1."""
    if given.min() >= 0 and np.abs(given.sum(-1) - 1).max() < 1e-2:
        return given.astype(np.float32)
    weights = np.exp(given - given.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
