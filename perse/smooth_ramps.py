"""Soft transitions."""

import numpy as np


def smooth_step(x: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """0 up to `low`, 1 from `high` on, level at both ends (cubic Hermite); of any shape. `low` may be the larger one."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ramp(x: np.ndarray | float, low: float, high: float) -> np.ndarray:
    """0 at `low`, 1 at `high`, straight between and level beyond; of any shape. `low` may be the larger one."""
    return np.clip((x - low) / (high - low), 0, 1)
