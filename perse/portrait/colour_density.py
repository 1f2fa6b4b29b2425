"""How usual a colour is among others: the density that tells one surface of a photo from another beside it."""

import numpy as np

ALIKE = 5.0  # Lab units within which colours are the same (3 to 8)
ENOUGH = 700  # pixels that a surface's colours are learnt from
RARE = 0.004  # density below which a colour says nothing


def colour_density(colours: np.ndarray, of: np.ndarray) -> np.ndarray:
    """(N,): how usual Lab colours (N, 3) are among others (M, 3), which may be none: 1 if all are the same (a Parzen window)."""
    if not len(of):
        return np.zeros(len(colours), np.float32)
    of = of[:: 1 + len(of) // ENOUGH] / np.float32(ALIKE)
    colours = colours / np.float32(ALIKE)
    apart = (colours**2).sum(1)[:, None] - 2 * colours @ of.T + (of**2).sum(1)
    return np.exp(-0.5 * apart).mean(1)


def likelier(colours: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) in [-1, 1]: 1 where Lab colours (N, 3) are of one surface, whose are (M, 3), -1 where of the other (K, 3), 0 neither or both."""
    a, b = colour_density(colours, one), colour_density(colours, other)
    return (a - b) / (a + b + RARE)
