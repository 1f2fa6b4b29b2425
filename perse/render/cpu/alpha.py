"""What a Gaussian covers of sixteen or eight pixels, and the numbers that this takes: forward and backward must agree to the last bit."""

import math

import numpy as np

from ..jit import compiled
from .vector import EXP2, alike, exp2, lowest, recall, shelve, where_at_least

f32 = np.float32
MAX_ALPHA = f32(0.999)
STOP = f32(1e-4)
FAINTEST = f32(-math.log2(255.0))  # the exponent of MIN_ALPHA
# Places on a shelf.
ONE, MOST, LEAST, END, SIGN, POWERS = range(6)
NUMBERS = (f32(1.0), MAX_ALPHA, FAINTEST, STOP, f32(-0.0), *(f32(number) for number in EXP2))
PLACES = len(NUMBERS)  # further ones are free


@compiled(inline="always")
def shelved(shelf, like):
    """NUMBERS, in as many lanes as `like` has, and on the shelf."""
    numbers = (
        alike(like, NUMBERS[0]),
        alike(like, NUMBERS[1]),
        alike(like, NUMBERS[2]),
        alike(like, NUMBERS[3]),
        alike(like, NUMBERS[4]),
        alike(like, NUMBERS[5]),
        alike(like, NUMBERS[6]),
        alike(like, NUMBERS[7]),
        alike(like, NUMBERS[8]),
        alike(like, NUMBERS[9]),
        alike(like, NUMBERS[10]),
    )
    for place in range(PLACES):
        shelve(shelf, place, numbers[place])
    return numbers


@compiled(inline="always")
def covered(shelf, numbers, exponent, zero):
    """Alpha, 0 where it would be below MIN_ALPHA, and 2 ** exponent. numbers: NUMBERS as Lanes, which are on the shelf."""
    raw = exp2(
        exponent,
        recall(shelf, POWERS, numbers[POWERS]),
        recall(shelf, POWERS + 1, numbers[POWERS + 1]),
        recall(shelf, POWERS + 2, numbers[POWERS + 2]),
        recall(shelf, POWERS + 3, numbers[POWERS + 3]),
        recall(shelf, POWERS + 4, numbers[POWERS + 4]),
        recall(shelf, POWERS + 5, numbers[POWERS + 5]),
    )
    alpha = lowest(raw, recall(shelf, MOST, numbers[MOST]))
    return where_at_least(exponent, recall(shelf, LEAST, numbers[LEAST]), alpha, zero), raw
