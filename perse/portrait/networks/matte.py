"""Who is cut out, by a portrait matting network: MODNet (Ke et al., AAAI 2022), or another one with the same input and output."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from .onnx import OnnxNetwork

SIDE = 512  # pixels of the picture that it sees: what it was trained on; it takes multiples of 32

Cut = Callable[[np.ndarray], np.ndarray]


def load_cut(path: Path) -> Cut:
    """The network of a file: input 1 x 3 x H x W RGB in [-1, 1], output 1 x 1 x H x W opacity.

    The returned function takes a square picture (S, S, 3) float32 in [0, 1] and gives opacity (S, S) float32 in [0, 1].
    """
    network = OnnxNetwork(path)

    def cut(picture: np.ndarray) -> np.ndarray:
        seen = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        opacity = network(seen.transpose(2, 0, 1)[None] * 2 - 1)
        if opacity.shape != (1, 1, SIDE, SIDE):
            raise ValueError(f"a matting network gives 1 x 1 x {SIDE} x {SIDE}, this one {' x '.join(map(str, opacity.shape))}")
        full = cv2.resize(opacity[0, 0].astype(np.float32), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.clip(full, 0, 1)

    return cut
