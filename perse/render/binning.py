"""Which Gaussians each tile of the picture draws, front to back."""

import numba
import numpy as np

from ..errors import PerseError
from .jit import compiled
from .projection import TILE

_CHUNKS = 8  # of the Gaussians, counted and listed side by side; a fixed number, so that nothing depends on the threads
# Pairs of a Gaussian and a tile that one picture may have, at 20 bytes each and 36 more where gradients are wanted; anything below
# 2**31 works. A close-up of a head in 2048 pixels has 0.7 million; with every edit put on and pushed into the lens it has 4.
MAX_PAIRS = 16_000_000


def bin_to_tiles(depths, tiles, width, height):
    """Lists of Gaussians by tile, nearest first; equal depths keep their order.

    depths: (N,) float32, at most 0 where culled. tiles: (N,4) int32, each Gaussian's tile columns, then rows, half-open,
    within the picture's grid.
    Returns starts (tiles + 1,) int32 into entries and pairs; entries (P,) int32, the Gaussian; pairs (P,) int32, where
    this pair's gradient goes; pair_starts (N + 1,) int32: the pairs of Gaussian i, none if it is culled.
    Raises PerseError for more than MAX_PAIRS, before there is memory for them.

    Lists are made in the Gaussians' own order, then every tile sorts its own, which the nearest cache holds.
    """
    free, chunk_pairs = _count(depths, tiles, width, height)
    if chunk_pairs.sum() > MAX_PAIRS:
        raise PerseError("These Gaussians are too large or too many to be drawn: please choose a smaller picture or another avatar.")
    return _list(depths, tiles, free, chunk_pairs, width)


@compiled(parallel=True)
def _count(depths, tiles, width, height):
    """How many Gaussians of each chunk a tile has (_CHUNKS, tiles) int32, and pairs of each chunk (_CHUNKS,) int64; a chunk that
    alone has more than MAX_PAIRS is not counted further."""
    total = depths.shape[0]
    tiles_wide = (width + TILE - 1) // TILE
    free = np.zeros((_CHUNKS, tiles_wide * ((height + TILE - 1) // TILE)), dtype=np.int32)
    chunk_pairs = np.zeros(_CHUNKS, dtype=np.int64)
    for chunk in numba.prange(_CHUNKS):
        held = 0
        for i in range(total * chunk // _CHUNKS, total * (chunk + 1) // _CHUNKS):
            if depths[i] > 0:
                left, right, top, bottom = tiles[i, 0], tiles[i, 1], tiles[i, 2], tiles[i, 3]
                held += (bottom - top) * (right - left)
                for row in range(top, bottom):
                    for column in range(left, right):
                        free[chunk, row * tiles_wide + column] += 1
                if held > MAX_PAIRS:
                    break
        chunk_pairs[chunk] = held
    return free, chunk_pairs


@compiled(parallel=True)
def _list(depths, tiles, free, chunk_pairs, width):
    """What `bin_to_tiles` returns, from what `_count` found."""
    total, count = depths.shape[0], free.shape[1]
    tiles_wide = (width + TILE - 1) // TILE
    starts = np.empty(count + 1, dtype=np.int32)
    position = 0
    for tile in range(count):
        starts[tile] = position
        for chunk in range(_CHUNKS):
            held = free[chunk, tile]
            free[chunk, tile] = position
            position += held
    starts[count] = position
    keys = np.empty(position, dtype=np.int64)  # depth in the upper half, pair in the lower
    owners = np.empty(position, dtype=np.int32)
    pair_starts = np.empty(total + 1, dtype=np.int32)
    pair_starts[total] = position
    bits = depths.view(np.int32)  # of positive floats: they order as the floats do
    for chunk in numba.prange(_CHUNKS):
        pair = chunk_pairs[:chunk].sum()
        for i in range(total * chunk // _CHUNKS, total * (chunk + 1) // _CHUNKS):
            pair_starts[i] = pair
            if depths[i] > 0:
                left, right, top, bottom = tiles[i, 0], tiles[i, 1], tiles[i, 2], tiles[i, 3]
                key = np.int64(bits[i]) << 32
                for row in range(top, bottom):
                    for column in range(left, right):
                        tile = row * tiles_wide + column
                        keys[free[chunk, tile]] = key | pair
                        free[chunk, tile] += 1
                        owners[pair] = i
                        pair += 1
    entries, pairs = np.empty(position, dtype=np.int32), np.empty(position, dtype=np.int32)
    for tile in numba.prange(count):
        first, last = starts[tile], starts[tile + 1]
        if first < last:
            ordered = _sorted(keys[first:last])
            for k in range(last - first):
                pair = ordered[k] & 0xFFFFFFFF
                pairs[first + k], entries[first + k] = pair, owners[pair]
    return starts, entries, pairs, pair_starts


@compiled()
def _sorted(keys):
    """Keys by their upper half, equal ones in the order given: a radix sort of the bits in which they differ."""
    lowest = highest = keys[0] >> 32
    for key in keys:
        lowest, highest = min(lowest, key >> 32), max(highest, key >> 32)
    source, target = keys, np.empty_like(keys)
    free = np.empty(256, dtype=np.int32)
    shift = 0
    while (highest - lowest) >> shift:
        free[:] = 0
        for key in source:
            free[(((key >> 32) - lowest) >> shift) & 255] += 1
        position = 0
        for digit in range(256):
            held = free[digit]
            free[digit] = position
            position += held
        for key in source:
            digit = (((key >> 32) - lowest) >> shift) & 255
            target[free[digit]] = key
            free[digit] += 1
        source, target = target, source
        shift += 8
    return source
