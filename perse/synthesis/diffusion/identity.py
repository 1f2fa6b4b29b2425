"""The same person? A face embedding where its weights are here, as a second opinion beside landmark shape."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

# Where eyes, nose tip and mouth corners lie in the 112 x 112 pixels that ArcFace networks are trained on (Deng et al. 2019).
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
EYES = ((33, 133), (362, 263))
SIDE = 112
SAME = 0.35  # least cosine between two pictures of one person: a loose bound, edits may change a face a little

Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]


def aligned(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face (112, 112, 3) float32 of a picture (H, W, 3), laid on the template by a similarity."""
    points = np.array([landmarks[list(eye), :2].mean(0) for eye in EYES] + [landmarks[i, :2] for i in (1, 61, 291)])
    a = (points - points.mean(0)) @ [1, 1j]
    b = (TEMPLATE - TEMPLATE.mean(0)) @ [1, 1j]
    turn = (a.conj() * b).sum() / (abs(a) ** 2).sum()
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    matrix = np.column_stack([matrix, TEMPLATE.mean(0) - matrix @ points.mean(0)])
    if abs(turn) < 0.5:  # large faces are reduced smoothly first
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / abs(turn))
    # Pixels count from their corner here, from their centre in OpenCV.
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(image.astype(np.float32), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def load_embedding(path: str | Path) -> Embed | None:
    """The embedding of an ONNX file (input 1 x 3 x 112 x 112 RGB in [-1, 1]), None if OpenCV cannot read it.

    The returned function takes a picture (H, W, 3) in [0, 1] and its landmarks and gives a unit vector.
    """
    try:
        net = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error:
        return None

    def embed(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        net.setInput(np.ascontiguousarray(aligned(image, landmarks).transpose(2, 0, 1)[None] * 2 - 1))
        vector = net.forward().ravel().astype(np.float64)
        return vector / (np.linalg.norm(vector) + 1e-12)

    return embed
