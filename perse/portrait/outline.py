"""The outline of somebody's hair, and what it is like: straight runs, roughness.

An outline is a contour of opacity, to subpixels (marching squares, Lorensen and Cline 1987).
"""

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates
from skimage.measure import find_contours

HALF = 0.5  # opacity at which somebody ends
SMOOTH = 0.03  # of the head's height over which an outline is smoothed; what it strays from that is its roughness
STEP = 0.004  # of the head's height, from one point of an outline to the next
REACH = 0.03  # of the head's height from the outline, within which hair lies at it


def hair_outline(alpha: np.ndarray, hair: np.ndarray, lowest: float, height: float) -> list[np.ndarray]:
    """Pieces (N, 2) of the outline, row and column, at which hair lies, in even steps.

    Args:
        alpha, hair: (S, S) in [0, 1]; lowest: row down to which it is looked at; height: the head's, pixels.
    """
    contours = find_contours(np.pad(alpha, 1), HALF)
    if not contours or height <= 0:
        return []
    line = max(contours, key=len) - 1
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.arange(0.0, length[-1], STEP * height)
    line = np.stack([np.interp(at, length, line[:, k]) for k in (0, 1)], 1)
    reach = max(1, round(REACH * height))
    near = cv2.dilate(np.ascontiguousarray(hair, np.float32), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
    kept = (line[:, 0] < lowest) & (map_coordinates(near, line.T, order=1, mode="nearest") > HALF)
    # What leaves the picture ends at its border, in a straight line.
    kept &= (line > 1).all(1) & (line < len(alpha) - 2).all(1)
    if not kept.any():
        return []
    first = int(np.argmin(kept))  # a piece may run over the end of the contour
    line, kept = np.roll(line, -first, 0), np.roll(kept, -first)
    ends = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int))).reshape(-1, 2)
    return [line[start:end] for start, end in ends if (end - start) * STEP > 2 * SMOOTH]


def longest_straight(line: np.ndarray, within: float) -> float:
    """Length of the longest run of a line (N, 2) whose points all lie within so much of its chord."""
    best, start = 0.0, 0
    for end in range(1, len(line)):
        while end - start > 1 and _strays(line[start : end + 1]) > within:
            start += 1
        best = max(best, float(np.linalg.norm(line[end] - line[start])))
    return best


def _strays(run: np.ndarray) -> float:
    chord = run[-1] - run[0]
    length = np.linalg.norm(chord)
    away = run - run[0]
    return float(
        np.linalg.norm(away, axis=1).max() if length < 1e-9 else np.abs(away[:, 0] * chord[1] - away[:, 1] * chord[0]).max() / length
    )


def roughness(line: list[np.ndarray]) -> float:
    """Root mean square, in pixels, by which pieces (N, 2) stray from themselves smoothed."""
    strays = [piece - gaussian_filter1d(piece, SMOOTH / STEP / 2, axis=0, mode="nearest") for piece in line]
    return float(np.sqrt((np.concatenate(strays) ** 2).sum(1).mean()))
