"""The same person? A face embedding where its weights are here, as a second opinion beside the shape and the picture of a face."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ...face.alignment import Similarity, for_opencv
from ...face.landmarks import EYE, MOUTH_CORNERS, NOSE_TIP
from .onnx import OnnxNetwork

# Where eyes, nose tip and mouth corners lie in the 112 x 112 pixels that ArcFace networks are trained on (Deng et al. 2019).
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
TEMPLATE_SIDE = 112  # pixels
# Least cosine between two pictures of one person: a loose bound, edits may change a face a little. OpenCV gives .363 for SFace.
SAME_PERSON = 0.35

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Taken(NamedTuple):
    """How a network takes a colour in [0, 1]: times `scale`, plus `shift`."""

    scale: float
    shift: float


ARCFACE, RAW = Taken(2.0, -1.0), Taken(255.0, 0.0)  # as ArcFace networks do; as SFace does, which scales bytes itself


def aligned(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face (112, 112, 3) float32 of a picture (H, W, 3), laid on the template by a similarity."""
    eyes = [landmarks[[eye["outer"], eye["inner"]], :2].mean(0) for eye in EYE.values()]
    onto = Similarity.fit(np.array([*eyes, *landmarks[[NOSE_TIP, *MOUTH_CORNERS], :2]]), TEMPLATE)
    if onto.scale < 0.5:  # large faces are reduced smoothly first
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / onto.scale)
    return cv2.warpAffine(
        image.astype(np.float32), for_opencv(onto.matrix), (TEMPLATE_SIDE, TEMPLATE_SIDE), borderMode=cv2.BORDER_REPLICATE
    )


def load_embedding(path: Path, taken: Taken = ARCFACE) -> Embed:
    """The embedding of an ONNX file: input 1 x 3 x 112 x 112 RGB as `taken` says, output 1 x N.

    The returned function takes a picture (H, W, 3) in [0, 1] and its landmarks (478, 3) and gives a unit vector (N,).
    """
    network = OnnxNetwork(path)

    def embed(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        vector = network(aligned(image, landmarks).transpose(2, 0, 1)[None] * taken.scale + taken.shift).ravel().astype(np.float64)
        return vector / (np.linalg.norm(vector) + 1e-12)

    return embed
