"""The tiles again, for their gradients: front to back as they were composited, one Gaussian after the other.

A Gaussian's nine sums stay in registers while the blocks that it touches pass; what `blend` found of them is not found again.
"""

import numba
import numpy as np

from ..jit import compiled
from .alpha import END, MOST, ONE, PLACES, SIGN, covered, shelved
from .bits import BLOCK, TILE, lowest_bit, without_lowest
from .blend import BLOCKS, open_light, stride
from .projection import ACROSS, BLUE, DOWN, GREEN, LIGHT, PAIR, RED, SLOPE, X, Y
from .vector import (
    aligned,
    any_positive,
    fma,
    inverse,
    load,
    load16,
    prefetch,
    recall,
    shelve,
    signed,
    splat,
    store,
    store_totals,
    total,
    where_greater,
)

f32 = np.float32
# Floats a block: transmittance, what lies behind, the picture's gradient by its red, green and blue. Side by side: planes of 4 KB each
# would all want the same places in the cache.
_HELD = 5 * BLOCK
_LOOK = 64  # Gaussians between two looks at which blocks are finished
_AHEAD = 8  # Gaussians between asking for a record and using it


def _pixel_centres() -> np.ndarray:
    """Of every block x, then y of its pixels' centres in the tile, each on a cache line."""
    block, pixel = np.arange(BLOCKS)[:, None], np.arange(BLOCK)
    centres = np.stack([block % 8 * 4 + pixel // 4, block // 8 * 4 + pixel % 4], 1).astype(np.float32) + f32(0.5)
    room = np.empty(centres.size + 16, np.float32)
    aligned = room[-room.ctypes.data % 64 // 4 :][: centres.size]
    aligned[:] = centres.reshape(-1)
    return aligned


CENTRES = _pixel_centres()


@compiled(inline="always")
def _open_blocks(state):
    """The set of blocks that have a pixel which is not finished."""
    still = 0
    for block in range(BLOCKS):
        still |= np.int64(any_positive(load16(state, block * _HELD))) << block
    return still


@compiled(inline="always")
def _fill(state, image, transmittance, grad_image, grad_alpha, tile_x, tile_y, columns_inside, rows_inside):
    """What lies behind, and the picture's gradient."""
    for row in range(rows_inside):
        y, first = tile_y + row, row // 4 * 8 * _HELD + row % 4
        for block in range((columns_inside + 3) // 4):
            for column in range(min(4, columns_inside - 4 * block)):
                at, x = first + block * _HELD + 4 * column, tile_x + 4 * block + column
                red, green, blue = grad_image[y, x, 0], grad_image[y, x, 1], grad_image[y, x, 2]
                shown = red * image[y, x, 0] + green * image[y, x, 1] + blue * image[y, x, 2]
                state[at + BLOCK] = shown - grad_alpha[y, x] * transmittance[y, x]
                state[at + 2 * BLOCK], state[at + 3 * BLOCK], state[at + 4 * BLOCK] = red, green, blue


@compiled()
def _replay(state, centres, still, touched, records, entries, pairs, first, batch, last, tile_x, tile_y, flat, shelf, lanes):
    """Gradients of `batch` entries from `first` on.

    shelf: (16 (PLACES + 9),) to be written on. lanes: WIDTH; as a number that LLVM does not know it keeps the two halves of a block from
    being computed in turn, for which there are too few registers.
    """
    zero = splat(f32(0.0))
    numbers = shelved(shelf, zero)
    for entry in range(first, first + batch):
        prefetch(records, entries[min(entry + _AHEAD, last - 1)])
        i = entries[entry]
        x, y = splat(records[i, X] - f32(tile_x)), splat(records[i, Y] - f32(tile_y))
        slope, across = splat(-records[i, SLOPE]), splat(records[i, ACROSS])
        down, bright = splat(records[i, DOWN]), splat(records[i, LIGHT])
        red, green, blue = splat(records[i, RED]), splat(records[i, GREEN]), splat(records[i, BLUE])
        own = (x, y, slope, across, down, bright, red, green, blue)
        for place in range(len(own)):
            shelve(shelf, PLACES + place, own[place])
        sum_1, sum_u, sum_y, sum_uu, sum_uy, sum_yy = zero, zero, zero, zero, zero, zero
        sum_red, sum_green, sum_blue = zero, zero, zero
        blocks = touched[entry] & still
        while blocks != 0:
            block = lowest_bit(blocks)
            blocks = without_lowest(blocks)
            for lane in range(0, BLOCK, lanes):
                at, centre = block * _HELD + lane, block * 2 * BLOCK + lane
                dy = load(centres, centre + BLOCK) - recall(shelf, PLACES + 1, y)
                u = fma(recall(shelf, PLACES + 2, slope), dy, load(centres, centre) - recall(shelf, PLACES, x))
                exponent = fma(
                    recall(shelf, PLACES + 3, across) * u,
                    u,
                    fma(recall(shelf, PLACES + 4, down) * dy, dy, recall(shelf, PLACES + 5, bright)),
                )
                alpha, raw = covered(shelf, numbers, exponent, zero)
                light = load(state, at)
                through = recall(shelf, ONE, numbers[ONE]) - alpha
                left_over = light * through
                stop = recall(shelf, END, numbers[END])
                store(state, at, where_greater(left_over, stop, left_over, signed(light, recall(shelf, SIGN, numbers[SIGN]))))
                alpha = where_greater(left_over, stop, alpha, zero)
                weight = alpha * light
                grad_red, grad_green, grad_blue = load(state, at + 2 * BLOCK), load(state, at + 3 * BLOCK), load(state, at + 4 * BLOCK)
                shown = recall(shelf, PLACES + 8, blue) * grad_blue
                shown = fma(recall(shelf, PLACES + 7, green), grad_green, shown)
                shown = weight * fma(recall(shelf, PLACES + 6, red), grad_red, shown)
                sum_red, sum_green = fma(weight, grad_red, sum_red), fma(weight, grad_green, sum_green)
                sum_blue = fma(weight, grad_blue, sum_blue)
                rest = load(state, at + BLOCK) - shown
                store(state, at + BLOCK, rest)
                # v = dL/dsigma = -alpha dL/dalpha, nothing where alpha was capped.
                v = fma(alpha * rest, inverse(through), -shown)
                v = where_greater(raw, recall(shelf, MOST, numbers[MOST]), zero, v)
                v_u, v_y = v * u, v * dy
                sum_1, sum_u, sum_y = sum_1 + v, sum_u + v_u, sum_y + v_y
                sum_uu, sum_uy, sum_yy = fma(v_u, u, sum_uu), fma(v_u, dy, sum_uy), fma(v_y, dy, sum_yy)
        at = pairs[entry] * PAIR
        store_totals(flat, at, sum_1, sum_u, sum_y, sum_uu, sum_uy, sum_yy, sum_red, sum_green)
        flat[at + 8] = total(sum_blue)


@compiled(parallel=True)
def blend_backward(records, starts, entries, pairs, visited, touched, image, transmittance, grad_image, grad_alpha, centres, lanes):
    """Replay the tiles; returns slots (P + 1,9) float32, the gradient of every pair by what PAIR lists.

    With S the colour blended up to and including this Gaussian, T the light that reached it and B the background,
    dL/dalpha = T g.c - rest / (1 - alpha), where rest = g.(image - S) - grad_alpha T_final: the image includes
    T_final B, and what lies behind loses light in proportion to alpha. rest starts at g.image - grad_alpha T_final.
    """
    height, width = transmittance.shape
    tiles_wide = (width + TILE - 1) // TILE
    count = starts.shape[0] - 1
    step = stride(count)
    slots = np.empty((pairs.shape[0] + 1, PAIR), dtype=np.float32)  # one to spare: sixteen numbers are read where nine are meant
    flat = slots.reshape(-1)
    for turn in numba.prange(count):
        tile = (turn * step) % count
        first, last = starts[tile], starts[tile] + visited[tile]
        if first < last:
            tile_x, tile_y = (tile % tiles_wide) * TILE, (tile // tiles_wide) * TILE
            columns_inside, rows_inside = min(TILE, width - tile_x), min(TILE, height - tile_y)
            state, shelf = np.zeros(BLOCKS * _HELD + 16, dtype=np.float32), np.empty(16 * (PLACES + 10), dtype=np.float32)
            state, shelf = state[aligned(state) :], shelf[aligned(shelf) :]
            open_light(state, _HELD, columns_inside, rows_inside)
            _fill(state, image, transmittance, grad_image, grad_alpha, tile_x, tile_y, columns_inside, rows_inside)
            while first < last:
                still = _open_blocks(state)
                if still == 0:
                    break
                batch = min(_LOOK, last - first)
                _replay(state, centres, still, touched, records, entries, pairs, first, batch, last, tile_x, tile_y, flat, shelf, lanes)
                first += batch
        for entry in range(first, starts[tile + 1]):
            slots[pairs[entry]] = f32(0.0)
    return slots
