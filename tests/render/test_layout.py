"""Sixteen lanes at a time: rows to columns and back, and the functions that LLVM does not bring."""

import numba
import numpy as np
import pytest

from perse.render.layout import load3, load4, load_rows, store3, store4, store_ranges, store_rows
from perse.render.vector import exp2, floor, inverse, load, log2, store, store_strips


@numba.njit
def _shuffle(threes, fours, sixteens, to_threes, to_fours, to_integers, to_sixteens):
    x, y, z = load3(threes, 6)
    store3(to_threes, 0, z, x, y)
    a, b, c, d = load4(fours, 0)
    store4(to_fours, 0, d, c, -b, a)
    store_ranges(to_integers, 0, a, b, c, d, 40, 63)
    rows = load_rows(sixteens, 0)
    store_rows(to_sixteens, 0, (rows[1], rows[0], rows[15]))


@numba.njit
def _apply(values, logarithms, powers, floors, inverses):
    given = load(values, 0)
    store(inverses, 0, inverse(given))
    store(logarithms, 0, log2(given))
    store(powers, 0, exp2(log2(given)))
    store(floors, 0, floor(given))


@numba.njit
def _strips(edges, out):
    store_strips(out, 0, load(edges, 0), 144)


def test_strips_never_hold_less_than_nothing():
    left, right = [0, 3, 4, 17.9, 32, 20, 31, 32], [32, 3.5, 4, 18.1, 32, 0, 2, 0]
    out = np.zeros(16, np.int32)
    _strips(np.array(left + right, np.float32), out)
    assert out[:8].tolist() == [144 * strip + 4 * start for strip, start in enumerate([0, 0, 4, 16, 32, 20, 28, 32])]
    assert out[8:].tolist() == [8, 1, 0, 1, 0, 0, 0, 0]


def test_rows_become_columns_and_columns_rows():
    threes, fours = np.arange(60, dtype=np.float32), np.arange(64, dtype=np.float32) + 0.75
    sixteens = np.random.default_rng(0).random(256, np.float32)
    outs = [np.zeros(n, kind) for n, kind in ((48, np.float32), (64, np.float32), (64, np.int32), (256, np.float32))]
    _shuffle(threes, fours, sixteens, *outs)
    assert np.array_equal(outs[0].reshape(16, 3), threes[6:54].reshape(16, 3)[:, [2, 0, 1]])
    assert np.array_equal(outs[1].reshape(16, 4), fours.reshape(16, 4)[:, [3, 2, 1, 0]] * [1, 1, -1, 1])
    assert np.array_equal(outs[2].reshape(16, 4), np.arange(64).reshape(16, 4).clip(0, [40, 40, 63, 63]))
    assert np.array_equal(outs[3].reshape(16, 16)[:, :3], sixteens.reshape(16, 16)[:, [1, 0, 15]])


@pytest.mark.parametrize("low, high", [(-8, 0), (-1, 1), (-20, 20)])
def test_logarithm_power_inverse_and_floor(low, high):
    values = (2.0 ** np.random.default_rng(1).uniform(low, high, 16)).astype(np.float32)
    logarithms, powers, floors, inverses = np.zeros((4, 16), np.float32)
    _apply(values, logarithms, powers, floors, inverses)
    assert np.allclose(inverses, 1 / values, rtol=3e-7)
    wanted = np.log2(values.astype(np.float64))
    assert np.abs(logarithms - wanted).max() < 3e-7 * max(1, np.abs(wanted).max())
    assert np.allclose(powers, values, rtol=2e-5) and np.array_equal(floors, np.floor(values))
