"""What is measured between a face's landmarks. Points are (N, 2) pixels or (N, 3) in space; lengths come in the same unit."""

import numpy as np

from .landmarks import CHIN, EYE, EYE_CORNERS, FOREHEAD_TOP, INNER_MOUTH_CORNERS, LOWER_LIP, UPPER_LIP

MIDDLE_OF_LIDS = slice(2, 5)  # of a lid's seven landmarks


def distance(points: np.ndarray, first: int, second: int) -> float:
    """Between two landmarks of one face."""
    return float(np.linalg.norm(points[first] - points[second]))


def eye_distance(points: np.ndarray) -> float:
    """Between the outer eye corners: the unit of the head's frame."""
    return distance(points, *EYE_CORNERS)


def face_height(points: np.ndarray) -> float:
    """From the top of the forehead to the chin, however the face is tilted."""
    return distance(points, FOREHEAD_TOP, CHIN)


def mouth_width(points: np.ndarray) -> float:
    """Between the corners of the lips' inner edges."""
    return distance(points, *INNER_MOUTH_CORNERS)


def lip_gap(points: np.ndarray) -> float:
    """Between the middles of the lips' inner edges."""
    return distance(points, UPPER_LIP, LOWER_LIP)


def mouth_opening(points: np.ndarray) -> float:
    """The gap between the lips over the mouth's width: 0 closed, about 0.06 slightly parted, 0.5 and more wide open."""
    return lip_gap(points) / mouth_width(points)


def lid_gap(points: np.ndarray, side: str, which: slice = slice(None)) -> float:
    """Mean distance between the lids of an eye; which: of the seven pairs of landmarks from the outer to the inner corner."""
    eye = EYE[side]
    return float(np.linalg.norm(points[eye["upper"][which]] - points[eye["lower"][which]], axis=1).mean())


def eye_width(points: np.ndarray, side: str) -> float:
    """Between the corners of an eye."""
    return distance(points, EYE[side]["outer"], EYE[side]["inner"])


def lid_opening(points: np.ndarray, side: str, which: slice = slice(None)) -> float:
    """Mean gap between the lids of an eye over its width; which: see `lid_gap`."""
    return lid_gap(points, side, which) / max(eye_width(points, side), 1e-9)
