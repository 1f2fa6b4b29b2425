"""Which frames of a motion are alike: what was found out about a few of them is carried over to all."""

import numpy as np

from ...rig.expressions import restrained
from .curves import Curves

# Degrees of the head and of the eyes, and eye distances, that make as much of a difference as a whole expression.
TURN, LOOK, SHIFT = 15.0, 12.0, 0.5
NOTHING_NEW = 0.05  # distance below which a frame has nothing new to tell
# Distance over which likeness fades: at least, and in distances from the frame that is farthest from any that was looked at.
LIKENESS, LIKENESS_IN_GAPS = 0.5, 1.5
NOISE = 0.1  # variance of what was found against that of what is there


def features(curves: Curves) -> np.ndarray:
    """(T, F): places of frames such that those that look alike lie near to each other; expression weights count one."""
    pose = np.concatenate([curves.head[:, :3] / TURN, curves.gaze / LOOK, curves.head[:, 3:] / SHIFT], 1)
    return np.concatenate([restrained(curves.weights), pose], 1)


def choose(places: np.ndarray, most: int) -> np.ndarray:
    """Indices (K,), growing, of frames at (T, F) that cover all: the first, then always the one farthest from those chosen."""
    chosen, distance = [0], np.linalg.norm(places - places[0], axis=1)
    while len(chosen) < most and distance.max() > NOTHING_NEW:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return np.sort(chosen)


def spread(places: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (K, N) of the frames `known` (K,) for all frames (T, N): the mean of a Gaussian process over their places (T, F)
    (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equation 2.25)."""
    far = np.sqrt(np.maximum((places**2).sum(1)[:, None] + (places[known] ** 2).sum(1) - 2 * places @ places[known].T, 0))
    length = max(LIKENESS, LIKENESS_IN_GAPS * far.min(1).max())
    near = np.exp(-0.5 * (far / length) ** 2)
    mean = values.mean(0)
    return mean + near @ np.linalg.solve(near[known] + NOISE * np.eye(len(known)), values - mean)
