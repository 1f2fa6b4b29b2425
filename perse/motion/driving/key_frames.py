"""Which frames of a motion are alike: what was found out about a few of them is carried over to all."""

import numpy as np

from ...controls import Controls
from ...rig.expressions import expand

# Degrees and eye distances that make as much of a difference as a whole expression.
TURN, LOOK, SHIFT = 15.0, 12.0, 0.5
SAME = 0.05  # distance below which a frame has nothing new to tell
LENGTH, RADII = 0.5, 1.5  # over which distance likeness fades: at least, and times the distance to the nearest frame that was looked at
NOISE = 0.1  # variance of what was found against that of what is there


def features(frames: list[Controls]) -> np.ndarray:
    """(T, F): places of frames such that those that look alike lie near to each other; expression weights count one."""
    pose = [(f.head_yaw / TURN, f.head_pitch / TURN, f.head_roll / TURN, f.gaze_yaw / LOOK, f.gaze_pitch / LOOK,
             f.head_x / SHIFT, f.head_y / SHIFT, f.head_z / SHIFT) for f in frames]
    return np.concatenate([np.stack([expand(f.expression) for f in frames]), np.array(pose)], 1)


def choose(places: np.ndarray, most: int) -> np.ndarray:
    """Indices (K,), growing, of frames at (T, F) that cover all: the first, then always the one farthest from those chosen."""
    chosen, distance = [0], np.linalg.norm(places - places[0], axis=1)
    while len(chosen) < most and distance.max() > SAME:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return np.sort(chosen)


def spread(places: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values (K, N) of the frames `known` (K,) for all frames (T, N): the mean of a Gaussian process over their places (T, F)
    (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equation 2.25)."""
    far = np.sqrt(np.maximum((places ** 2).sum(1)[:, None] + (places[known] ** 2).sum(1) - 2 * places @ places[known].T, 0))
    length = max(LENGTH, RADII * far.min(1).max())
    near = np.exp(-0.5 * (far / length) ** 2)
    mean = values.mean(0)
    return mean + near @ np.linalg.solve(near[known] + NOISE * np.eye(len(known)), values - mean)
