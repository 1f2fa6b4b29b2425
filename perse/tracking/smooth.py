"""Series in time: jitter taken away and blinks left, gaps closed."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

# Standard deviations in frames: what stays where something happens, and where nothing does.
QUICK, CALM = 0.6, 2.0


def smooth(values: np.ndarray, noise: float | np.ndarray) -> np.ndarray:
    """Gaussian smoothing of (T, ...) over time; narrow where the quick and the calm average differ by more than `noise`.

    Args:
        noise: in the unit of the values, one for all or one for each along the last axis; differences up to this count as jitter.
    """
    quick = gaussian_filter1d(values, QUICK, axis=0, mode="nearest")
    calm = gaussian_filter1d(values, CALM, axis=0, mode="nearest")
    change = np.abs(quick - calm) / noise
    share = gaussian_filter1d(np.clip(change, 0, 1), CALM / 2, axis=0, mode="nearest")
    share = np.clip(np.maximum(share, change - 0.5), 0, 1)
    return calm + share * (quick - calm)


def filled(known: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Values (K, N) of the frames `known` (K,), at least one, -> (count, N), linear in between and constant beyond."""
    position = np.interp(np.arange(count), known, np.arange(len(known)))
    low = np.floor(position).astype(int)
    share = (position - low)[:, None]
    return (1 - share) * values[low] + share * values[np.minimum(low + 1, len(known) - 1)]
