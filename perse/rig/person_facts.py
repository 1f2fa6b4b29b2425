"""Facts about a person that several rooms ask for: is the mouth open, is an eye closed. `Rig.mouth_open` and `Rig.eye_closed` tell them."""

import numpy as np

from ..face.landmarks import LOWER_LIP, UPPER_LIP
from ..face.measures import lid_opening, mouth_opening, mouth_width
from ..smooth_ramps import ramp

OPEN_MOUTH = 0.10  # gap over width from which a portrait shows what lies between its lips
# Free gap between the lips, teeth not counted, over the mouth's width: from here on a mouth has to be closed, and to here by all of it.
FREE_GAP = (0.05, 0.11)
CLOSED_EYE = 0.12  # mean lid gap over the eye's width
HALF_OPEN = 0.15  # the same, below which an eye counts as closing


def mouth_is_open(face: np.ndarray) -> bool:
    """Whether something shows between the lips of a face (468+, 3)."""
    return mouth_opening(face) > OPEN_MOUTH


def mouth_to_close(face: np.ndarray, upper_teeth: np.ndarray) -> float:
    """How open the mouth is, 0..1. A smile whose teeth fill the gap between the lips is not open.

    Args:
        face: (468+, 3) head frame; upper_teeth: (V, 3).
    """
    width = mouth_width(face)
    edge = upper_teeth[np.abs(upper_teeth[:, 0] - face[UPPER_LIP, 0]) < 0.1 * width, 1].max()
    free = face[LOWER_LIP, 1] - max(face[UPPER_LIP, 1], edge)
    return float(ramp(free / width, *FREE_GAP))


def eye_is_closed(face: np.ndarray, side: str) -> bool:
    """Whether the lids of an eye of a face (468+, 3) hide it."""
    return lid_opening(face, side) < CLOSED_EYE


def eye_to_open(face: np.ndarray, side: str) -> float:
    """How far an eye is closed, 0..1: 0 one that is open, 1 one that is hidden."""
    return float(ramp(lid_opening(face, side), HALF_OPEN, CLOSED_EYE))
