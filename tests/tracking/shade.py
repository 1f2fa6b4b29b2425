"""A shade of known strength on a face."""

import numpy as np

from perse.face.landmarks import CHEEKBONES, CHIN, FOREHEAD
from perse.face.measures import eye_distance

OTHER_CHEEK, CHEEK = CHEEKBONES  # the shade lies on the subject's left one
FAR = [OTHER_CHEEK, FOREHEAD, CHIN]


def shaded(frame: np.ndarray, landmarks: np.ndarray, factor) -> np.ndarray:
    """A frame (H, W, 3) uint8 with a soft shade on the left cheek; factor (3,)."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]] + 0.5
    far = (x - landmarks[CHEEK, 0]) ** 2 + (y - landmarks[CHEEK, 1]) ** 2
    near = np.exp(-far / (0.25 * eye_distance(landmarks[:, :2])) ** 2)[..., None]
    return np.clip(frame * (1 - near * (1 - np.asarray(factor))) + 0.5, 0, 255).astype(np.uint8)
