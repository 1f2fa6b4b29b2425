"""Which Gaussians each tile of the picture draws, front to back."""

import numpy as np

from .jit import compiled
from .projection import TILE_HEIGHT, TILE_WIDTH


@compiled()
def sort_by_depth(depths):
    """Indices of the visible Gaussians (depth > 0), nearest first; equal depths keep their order. int32.

    A radix sort on the bits of the positive floats, which order as integers do.
    """
    bits = depths.view(np.int32)
    visible = 0
    histogram = np.zeros((3, 2048), dtype=np.int32)
    for i in range(depths.shape[0]):
        key = bits[i]
        if key > 0:
            visible += 1
            histogram[0, key & 2047] += 1
            histogram[1, (key >> 11) & 2047] += 1
            histogram[2, (key >> 22) & 2047] += 1
    source = np.empty(visible, dtype=np.int32)
    target = np.empty(visible, dtype=np.int32)
    position = 0
    for i in range(depths.shape[0]):
        if bits[i] > 0:
            source[position] = i
            position += 1
    for digit in range(3):
        shift = 11 * digit
        if histogram[digit].max() == visible:
            continue
        position = 0
        for value in range(2048):
            held = histogram[digit, value]
            histogram[digit, value] = position
            position += held
        for k in range(visible):
            value = (bits[source[k]] >> shift) & 2047
            target[histogram[digit, value]] = source[k]
            histogram[digit, value] += 1
        source, target = target, source
    return source


@compiled()
def bin_to_tiles(order, tiles, width, height):
    """Lists of Gaussians by tile, in the order given.

    order: (visible,) int32. tiles: (N,4) int32, each Gaussian's tile columns, then rows, half-open.
    Returns starts (tiles + 1,) int32 into entries and pairs; entries (P,) int32, the Gaussian; pairs (P,) int32, where
    this pair's gradient goes; pair_starts (N + 1,) int32: the pairs of Gaussian i, none if it is culled.

    On one thread on purpose: two gain half a millisecond, and lose many when another process holds a core.
    """
    tiles_wide = (width + TILE_WIDTH - 1) // TILE_WIDTH
    count = tiles_wide * ((height + TILE_HEIGHT - 1) // TILE_HEIGHT)
    pair_starts = np.zeros(tiles.shape[0] + 1, dtype=np.int32)
    starts = np.zeros(count + 1, dtype=np.int32)
    for i in order:
        left, right, top, bottom = tiles[i, 0], tiles[i, 1], tiles[i, 2], tiles[i, 3]
        pair_starts[i + 1] = (bottom - top) * (right - left)
        for row in range(top, bottom):
            for column in range(left, right):
                starts[row * tiles_wide + column + 1] += 1
    for i in range(tiles.shape[0]):
        pair_starts[i + 1] += pair_starts[i]
    for tile in range(count):
        starts[tile + 1] += starts[tile]
    free = starts.copy()
    entries = np.empty(starts[count], dtype=np.int32)
    pairs = np.empty(starts[count], dtype=np.int32)
    for i in order:
        left, right, top, bottom = tiles[i, 0], tiles[i, 1], tiles[i, 2], tiles[i, 3]
        pair = pair_starts[i]
        for row in range(top, bottom):
            for column in range(left, right):
                tile = row * tiles_wide + column
                slot = free[tile]
                free[tile] = slot + 1
                entries[slot], pairs[slot] = i, pair
                pair += 1
    return starts, entries, pairs, pair_starts
