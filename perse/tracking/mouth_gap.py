"""What a picture shows between the lips, from the upper to the lower one, against the cheeks' light."""

import cv2
import numpy as np

from ..controls import BANDS
from ..face.landmarks import CHEEKS, LIPS
from ..face.measures import eye_distance
from ..smooth_ramps import ramp

COLUMNS, ROWS = 15, 32  # in which the gap is looked at
MIDDLE = 0.7  # of the mouth's width that is looked at: corners are dark in every mouth
LIP_SHARE, LIP_PIXELS = 0.12, 1.5  # of the gap, or as many pixels, next to each lip: what lies there may be the lip
CHEEK_PATCH = 0.12  # half the side of the patches of skin that are the measure, in eye distances
DARK_NOISE = 0.03  # added to both, of 1
PARTED = (2.0, 5.0)  # pixels between the lips from which anything, and from which all, is believed


def between_lips(picture: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """Logarithm of the light between the lips over that on the cheeks, (BANDS,), and how far to believe it, 0 to 1.

    Of their hues nothing is told: another face has other skin, and another light.

    Args:
        picture: (H, W, 3) uint8; landmarks: (468+, 2+) in pixels.
    """
    points = landmarks[:, :2].astype(np.float64)
    lips = [points[LIPS[row]] for row in ("upper_inner", "lower_inner")]
    gap = np.linalg.norm(lips[0] - lips[1], axis=1).max()
    trust = float(ramp(gap, *PARTED))
    if trust == 0:
        return np.zeros(BANDS), 0.0
    along = 0.5 * (len(lips[0]) - 1) * (1 + MIDDLE * np.linspace(-1, 1, COLUMNS))
    top, bottom = (np.stack([np.interp(along, np.arange(len(lip)), lip[:, k]) for k in (0, 1)], -1) for lip in lips)
    rim = min(max(LIP_SHARE, LIP_PIXELS / gap), 0.3)
    down = (rim + (1 - 2 * rim) * (np.arange(ROWS) + 0.5) / ROWS)[:, None, None]
    xy = (top + down * (bottom - top) - 0.5).astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    strip = cv2.remap(grey, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) / 255.0
    bands = strip.reshape(BANDS, -1).mean(1)
    half = CHEEK_PATCH * eye_distance(points)
    patch = np.stack(np.meshgrid(*[np.linspace(-half, half, 9)] * 2), -1).reshape(1, -1, 2)
    xy = (points[CHEEKS][:, None] + patch - 0.5).astype(np.float32)
    skin = cv2.remap(grey, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) / 255.0
    return np.log(bands + DARK_NOISE) - np.log(np.median(skin) + DARK_NOISE), trust
