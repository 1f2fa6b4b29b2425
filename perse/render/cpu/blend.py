"""Compositing the tiles: where the time goes.

A tile of 32 x 32 pixels is made of 64 blocks of 4 x 4. The Gaussians of a tile come in batches. First every Gaussian of a batch gets a
set of blocks, those that its ellipse touches; the sets are turned, so that every block has its set of Gaussians; then every block is
composited on its own, its light and colours in registers all the while. A block whose pixels are all finished (transmittance would fall
to 1e-4; marked by its sign) asks for no more.
"""

import math

import numba
import numpy as np

from ..jit import compiled
from .alpha import END, ONE, PLACES, SIGN, covered, shelved
from .bits import BLOCK, TILE, between, count_bits, lowest_bit, transpose, without_lowest
from .projection import ACROSS, BEND, BLUE, DOWN, GREEN, LEAN, LIGHT, MARGIN, REACH, RECORD, RED, SLOPE, X, Y
from .vector import (
    aligned,
    any_positive,
    columns,
    fma,
    forget,
    highest,
    lowest,
    prefetch,
    recall,
    root,
    rows,
    shelve,
    sides,
    signed,
    store,
    strip_rows,
    where_greater,
)
from .vector import load16 as load
from .vector import splat16 as splat

f32 = np.float32
BLOCKS = TILE * TILE // BLOCK
_HELD = 4 * BLOCK  # floats a block: transmittance, red, green, blue
# Gaussians at once, a multiple of 64: their records (64 bytes each) and the tile itself (16 KB) stay in the nearest cache, and what
# lies behind finished pixels is looked at in vain for half a batch. 128 and 512 cost the same within a few per cent.
BATCH = 256
_AHEAD = 8  # Gaussians between asking for a record and using it


@compiled()
def stride(count):
    """A step that visits every tile once and scatters neighbours, so that threads get equal shares."""
    step = max(1, int(count * 0.618))
    while math.gcd(step, count) != 1:
        step += 1
    return step


@compiled(inline="always")
def open_light(state, pitch, columns_inside, rows_inside):
    """Transmittance of a tile: 1 inside the picture, -1 (finished) outside; of every block the first of `pitch` floats, column by column."""
    inside, outside = splat(f32(1.0)), splat(f32(-1.0))
    right, bottom = splat(f32(columns_inside)), splat(f32(rows_inside))
    for block in range(BLOCKS):
        across, down = columns() + splat(f32(block % 8 * 4)), rows() + splat(f32(block // 8 * 4))
        store(state, block * pitch, where_greater(right, across, where_greater(bottom, down, inside, outside), outside))


@compiled(inline="always")
def _touched(records, i, tile_x, tile_y):
    """The set of blocks inside Gaussian i's ellipse.

    All strips and both their ends at once, one a lane. Cutting off to an integer is the floor of a number > 0 and the ceiling of one
    less; MARGIN covers whole numbers. A NaN becomes an end at 0: the set is one of the tile's blocks whatever a record holds, and a
    needle whose two ends disagree about whether a strip is empty has no block there.
    """
    side, zero = sides(), splat(f32(0.0))
    low = strip_rows() + splat(f32(tile_y) + f32(0.5) - records[i, Y])
    high = low + splat(f32(3.0))
    off = lowest(highest(side * splat(records[i, LEAN]), low), high)
    inside = splat(records[i, REACH]) - splat(records[i, BEND]) * off * off
    edge = fma(splat(records[i, SLOPE]), off, side * (root(inside) + splat(MARGIN)))
    edge = lowest(highest(edge + splat(records[i, X] + f32(0.5) - f32(tile_x)), zero), splat(f32(TILE)))
    return between(where_greater(inside, zero, edge, zero))


@compiled()
def _list(touched, sets, held, records, entries, first, count, last, tile_x, tile_y):
    """The sets of blocks of `count` entries from `first` on; the same turned, in `sets`; and their records, side by side, in `held`.

    touched: (entries,) a Gaussian's blocks. sets: (BATCH,) for each 64 Gaussians, 64 words: the Gaussians of each block.
    """
    flat = records.reshape(-1)
    for k in range(count):
        prefetch(records, entries[min(first + k + _AHEAD, last - 1)])
        i = entries[first + k]
        touched[first + k] = sets[k] = _touched(records, i, tile_x, tile_y)
        store(held, k * RECORD, load(flat, i * RECORD))
        held[k * RECORD + X], held[k * RECORD + Y] = records[i, X] - f32(tile_x), records[i, Y] - f32(tile_y)
        held[k * RECORD + SLOPE] = -records[i, SLOPE]
    whole = (count + 63) // 64 * 64
    sets[count:whole] = 0
    for square in range(0, whole, 64):
        transpose(sets, square)


@compiled()
def _composite(state, sets, held, count, shelf):
    """A batch over all blocks of a tile; returns how many times a Gaussian met a block, and whether any pixel is still open.

    shelf: (16 (PLACES + 2),) to be written on.
    """
    zero = splat(f32(0.0))
    numbers = shelved(shelf, zero)
    met, unfinished = 0, False
    for block in range(BLOCKS):
        at = block * _HELD
        light = load(state, at)
        if not any_positive(light):
            continue
        red, green, blue = load(state, at + BLOCK), load(state, at + 2 * BLOCK), load(state, at + 3 * BLOCK)
        across, down = columns() + splat(f32(block % 8 * 4)), rows() + splat(f32(block // 8 * 4))
        shelve(shelf, PLACES, across)
        shelve(shelf, PLACES + 1, down)
        for lot in range((count + 63) // 64):
            bits = sets[lot * 64 + block]
            met += count_bits(bits)
            while bits != 0:
                forget()
                k = (lot * 64 + lowest_bit(bits)) * RECORD
                bits = without_lowest(bits)
                dy = recall(shelf, PLACES + 1, down) - splat(held[k + Y])
                u = fma(splat(held[k + SLOPE]), dy, recall(shelf, PLACES, across) - splat(held[k + X]))
                exponent = fma(splat(held[k + ACROSS]) * u, u, fma(splat(held[k + DOWN]) * dy, dy, splat(held[k + LIGHT])))
                alpha, _ = covered(shelf, numbers, exponent, zero)
                left_over = light * (recall(shelf, ONE, numbers[ONE]) - alpha)
                stop = recall(shelf, END, numbers[END])
                weight = where_greater(left_over, stop, alpha * light, zero)
                light = where_greater(left_over, stop, left_over, signed(light, recall(shelf, SIGN, numbers[SIGN])))
                red = fma(weight, splat(held[k + RED]), red)
                green = fma(weight, splat(held[k + GREEN]), green)
                blue = fma(weight, splat(held[k + BLUE]), blue)
            if not any_positive(light):
                break
        else:
            unfinished = True
        store(state, at, light)
        store(state, at + BLOCK, red)
        store(state, at + 2 * BLOCK, green)
        store(state, at + 3 * BLOCK, blue)
    return met, unfinished


@compiled(inline="always")
def _show(state, image, transmittance, background, tile_x, tile_y, columns_inside, rows_inside):
    """A tile into the picture."""
    for row in range(rows_inside):
        y, first = tile_y + row, row // 4 * 8 * _HELD + row % 4
        for block in range((columns_inside + 3) // 4):
            for column in range(min(4, columns_inside - 4 * block)):
                at, x = first + block * _HELD + 4 * column, tile_x + 4 * block + column
                light = abs(state[at])
                transmittance[y, x] = light
                image[y, x, 0] = state[at + BLOCK] + light * background[0]
                image[y, x, 1] = state[at + 2 * BLOCK] + light * background[1]
                image[y, x, 2] = state[at + 3 * BLOCK] + light * background[2]


@compiled(parallel=True)
def blend(records, starts, entries, background, width, height):
    """Composite all tiles.

    Returns image (H,W,3), transmittance (H,W), visited (tiles,) int32: how many of a tile's entries were needed, touched
    (P,) int64: the blocks of each entry that was, and met (tiles,) int64: how many blocks they were composited in.
    """
    image = np.empty((height, width, 3), dtype=np.float32)
    transmittance = np.empty((height, width), dtype=np.float32)
    tiles_wide = (width + TILE - 1) // TILE
    count = starts.shape[0] - 1
    visited, met = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int64)
    touched = np.empty(entries.shape[0], dtype=np.int64)
    step = stride(count)
    for turn in numba.prange(count):
        tile = (turn * step) % count
        tile_x, tile_y = (tile % tiles_wide) * TILE, (tile // tiles_wide) * TILE
        columns_inside, rows_inside = min(TILE, width - tile_x), min(TILE, height - tile_y)
        first, last = starts[tile], starts[tile + 1]
        if first == last:
            transmittance[tile_y : tile_y + rows_inside, tile_x : tile_x + columns_inside] = f32(1.0)
            for channel in range(3):
                image[tile_y : tile_y + rows_inside, tile_x : tile_x + columns_inside, channel] = background[channel]
            continue
        state, held = np.zeros(BLOCKS * _HELD + 16, dtype=np.float32), np.empty(BATCH * RECORD + 16, dtype=np.float32)
        sets, shelf = np.empty(BATCH, dtype=np.int64), np.empty(16 * (PLACES + 3), dtype=np.float32)
        state, held, shelf = state[aligned(state) :], held[aligned(held) :], shelf[aligned(shelf) :]
        open_light(state, _HELD, columns_inside, rows_inside)
        unfinished = True
        while unfinished and first < last:
            batch = min(BATCH, last - first)
            _list(touched, sets, held, records, entries, first, batch, last, tile_x, tile_y)
            found, unfinished = _composite(state, sets, held, batch, shelf)
            met[tile] += found
            first += batch
        visited[tile] = first - starts[tile]
        _show(state, image, transmittance, background, tile_x, tile_y, columns_inside, rows_inside)
    return image, transmittance, visited, touched, met
