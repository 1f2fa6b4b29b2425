"""Which Gaussians each tile of the picture draws, front to back."""

import numba
import numpy as np

from .jit import compiled
from .projection import TILE

_CHUNKS = 8  # of the Gaussians, counted and listed side by side; a fixed number, so that nothing depends on the threads


@compiled(parallel=True)
def bin_to_tiles(depths, tiles, width, height):
    """Lists of Gaussians by tile, nearest first; equal depths keep their order.

    depths: (N,) float32, at most 0 where culled. tiles: (N,4) int32, each Gaussian's tile columns, then rows, half-open.
    Returns starts (tiles + 1,) int32 into entries and pairs; entries (P,) int32, the Gaussian; pairs (P,) int32, where
    this pair's gradient goes; pair_starts (N + 1,) int32: the pairs of Gaussian i, none if it is culled.

    Lists are made in the Gaussians' own order, then every tile sorts its own, which the nearest cache holds.
    """
    total = depths.shape[0]
    tiles_wide = (width + TILE - 1) // TILE
    count = tiles_wide * ((height + TILE - 1) // TILE)
    free = np.zeros((_CHUNKS, count), dtype=np.int32)
    chunk_pairs = np.zeros(_CHUNKS + 1, dtype=np.int32)
    for chunk in numba.prange(_CHUNKS):
        held = 0
        for i in range(total * chunk // _CHUNKS, total * (chunk + 1) // _CHUNKS):
            if depths[i] > 0:
                left, right, top, bottom = tiles[i, 0], tiles[i, 1], tiles[i, 2], tiles[i, 3]
                held += (bottom - top) * (right - left)
                for row in range(top, bottom):
                    for column in range(left, right):
                        free[chunk, row * tiles_wide + column] += 1
        chunk_pairs[chunk + 1] = held
    starts = np.empty(count + 1, dtype=np.int32)
    position = 0
    for tile in range(count):
        starts[tile] = position
        for chunk in range(_CHUNKS):
            held = free[chunk, tile]
            free[chunk, tile] = position
            position += held
    starts[count] = position
    for chunk in range(_CHUNKS):
        chunk_pairs[chunk + 1] += chunk_pairs[chunk]
    keys = np.empty(position, dtype=np.int64)  # depth in the upper half, pair in the lower
    owners = np.empty(position, dtype=np.int32)
    pair_starts = np.empty(total + 1, dtype=np.int32)
    pair_starts[total] = position
    bits = depths.view(np.int32)  # of positive floats: they order as the floats do
    for chunk in numba.prange(_CHUNKS):
        pair = chunk_pairs[chunk]
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
