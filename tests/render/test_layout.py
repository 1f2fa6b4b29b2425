"""Many lanes at a time: rows to columns and back, sets of blocks, and the functions that LLVM does not bring."""

import numba
import numpy as np
import pytest

from perse.render.cpu.bits import between, count_bits, lowest_bit, transpose, without_lowest
from perse.render.cpu.lanes import WIDTH
from perse.render.cpu.layout import load3, load4, load_rows, store3, store4, store_ranges, store_rows
from perse.render.cpu.vector import EXP2, exp2, floor, inverse, load, load16, log2, splat, splat16, store, store_totals, total


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
    given = load16(values, 0)
    store(inverses, 0, inverse(given))
    store(logarithms, 0, log2(given))
    store(
        powers,
        0,
        exp2(log2(given), splat16(EXP2[0]), splat16(EXP2[1]), splat16(EXP2[2]), splat16(EXP2[3]), splat16(EXP2[4]), splat16(EXP2[5])),
    )
    store(floors, 0, floor(given))


@numba.njit
def _machine(values, inverses, totals):
    """The same with as many lanes as this machine has."""
    for at in range(0, 16, WIDTH):
        store(inverses, at, inverse(load(values, at)))
    a, b = load(values, 0), splat(np.float32(1.0))
    store_totals(totals, 0, a, b, a + b, a - b, a * b, -a, b, a)
    totals[8] = total(a)


@numba.njit
def _between(edges):
    return between(load16(edges, 0))


@numba.njit
def _bits(word, out):
    """The bits of a word, lowest first; returns how many."""
    found = 0
    while word != 0:
        out[found] = lowest_bit(word)
        word = without_lowest(word)
        found += 1
    return found


def test_strips_never_hold_less_than_nothing():
    left, right = [0, 3, 4, 17.9, 32, 20, 31, 32], [32, 3.5, 4, 18.1, 32, 0, 2, 0]
    found = np.int64(_between(np.array(left + right, np.float32))).view(np.uint64)
    strips = [int(found) >> (8 * strip) & 255 for strip in range(8)]
    assert strips == [0b11111111, 0, 0, 0b00010000, 0, 0, 0, 0]
    left, right = [0, 3, 4, 28, 0, 1, 11.5, 27], [1, 4, 12, 32, 4, 5, 12.5, 32]
    found = np.int64(_between(np.array(left + right, np.float32))).view(np.uint64)
    strips = [int(found) >> (8 * strip) & 255 for strip in range(8)]
    assert strips == [0b1, 0b1, 0b110, 0b10000000, 0b1, 0b11, 0b100, 0b11000000]


def test_bits_are_found_and_counted():
    @numba.njit
    def count(word):
        return count_bits(word)

    for word in (0, 1, -1, -(2**63), 0x0F0F00FF0000F001, 5 << 40):
        wanted = [k for k in range(64) if (word & (2**64 - 1)) >> k & 1]
        out = np.full(64, -1, np.int64)
        assert _bits(np.int64(word), out) == len(wanted) == count(np.int64(word)) and out[: len(wanted)].tolist() == wanted


def test_a_matrix_of_bits_is_turned():
    words = np.random.default_rng(0).integers(-(2**63), 2**63, 192)
    before = (words[64:128, None] >> np.arange(64)) & 1
    turned = words.copy()
    transpose(turned, 64)
    assert np.array_equal((turned[64:128, None] >> np.arange(64)) & 1, before.T)
    assert np.array_equal(turned[:64], words[:64]) and np.array_equal(turned[128:], words[128:])


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
    ours, totals = np.zeros(16, np.float32), np.zeros(9, np.float32)
    _machine(values, ours, totals)
    a = values[:WIDTH].astype(np.float64)
    assert np.allclose(inverses, 1 / values, rtol=4e-7) and np.allclose(ours, 1 / values, rtol=4e-7)
    assert np.allclose(totals, [sum(x) for x in (a, a * 0 + 1, a + 1, a - 1, a, -a, a * 0 + 1, a, a)], rtol=1e-5, atol=1e-5)
    wanted = np.log2(values.astype(np.float64))
    assert np.abs(logarithms - wanted).max() < 3e-7 * max(1, np.abs(wanted).max())
    assert np.allclose(powers, values, rtol=2e-5) and np.array_equal(floors, np.floor(values))
