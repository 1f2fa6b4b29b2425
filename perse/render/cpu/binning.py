"""Which Gaussians each tile of the picture draws, front to back."""

import numba
import numpy as np

from ...errors import PerseError
from ..jit import compiled
from .bits import TILE

_CHUNKS = 8  # of the Gaussians, counted and listed side by side; a fixed number, so that nothing depends on the threads
# Pairs of a Gaussian and a tile that one picture may have, at 20 bytes each and 36 more where gradients are wanted; anything below
# 2**31 works. A close-up of a head in 2048 pixels has 0.7 million; with every edit put on and pushed into the lens it has 4.
MAX_PAIRS = 16_000_000


_DIGIT = 11  # bits that one round of the sort looks at: three rounds for any depth, two where near and far differ less than twofold


def bin_to_tiles(depths, tiles, width, height):
    """Lists of Gaussians by tile, nearest first; equal depths keep their order.

    depths: (N,) float32, at most 0 where culled. tiles: (N,4) int32, each Gaussian's tile columns, then rows, half-open,
    within the picture's grid.
    Returns starts (tiles + 1,) int32 into entries and pairs; entries (P,) int32, the Gaussian; pairs (P,) int32, where
    this pair's gradient goes; pair_starts (N + 1,) int32: the pairs of Gaussian i, none if it is culled.
    Raises PerseError for more than MAX_PAIRS, before there is memory for them.

    Gaussians are sorted once, and handed out to their tiles in that order: a tile has nothing left to sort.
    """
    order = _sorted(depths)
    free, chunk_pairs, each = _count(order, len(depths), tiles, width, height)
    if chunk_pairs.sum() > MAX_PAIRS:
        raise PerseError("These Gaussians are too large or too many to be drawn: please choose a smaller picture or another avatar.")
    return _list(order, each, tiles, free, width)


@compiled()
def _sorted(depths):
    """The Gaussians that are not culled (M,) int32, nearest first: a radix sort of the bits in which their depths differ."""
    count, least, most = 0, 0x7FFFFFFF, 0
    bits = depths.view(np.int32)  # of positive floats: they order as the floats do
    for i in range(depths.shape[0]):
        if depths[i] > 0:
            count += 1
            least, most = min(least, bits[i]), max(most, bits[i])
    source, target = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)  # depth in the upper half, Gaussian in the lower
    k = 0
    for i in range(depths.shape[0]):
        if depths[i] > 0:
            source[k] = (np.int64(bits[i] - least) << 32) | i
            k += 1
    free = np.empty(1 << _DIGIT, dtype=np.int32)
    shift = 32
    while (np.int64(most) - least) >> (shift - 32) > 0:
        free[:] = 0
        for key in source:
            free[(key >> shift) & ((1 << _DIGIT) - 1)] += 1
        position = 0
        for digit in range(1 << _DIGIT):
            held = free[digit]
            free[digit] = position
            position += held
        for key in source:
            place = (key >> shift) & ((1 << _DIGIT) - 1)
            target[free[place]] = key
            free[place] += 1
        source, target = target, source
        shift += _DIGIT
    return (source & 0xFFFFFFFF).astype(np.int32)


@compiled(inline="always")
def _next(tile, column, left, right, tiles_wide):
    """The tile after this one, and its column, of those from column `left` to `right`, row by row."""
    ends = column + 1 == right
    return tile + (tiles_wide - (right - left) + 1 if ends else 1), left if ends else column + 1


@compiled(parallel=True)
def _count(order, gaussians, tiles, width, height):
    """How many Gaussians of each chunk a tile has (_CHUNKS, tiles) int32, pairs of each chunk (_CHUNKS,) int64, and of each
    Gaussian (gaussians,) int32, 0 where it is culled."""
    total = order.shape[0]
    tiles_wide, tiles_high = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    pitch = tiles_wide + 1
    free = np.empty((_CHUNKS, tiles_wide * tiles_high), dtype=np.int32)
    chunk_pairs, each = np.zeros(_CHUNKS, dtype=np.int64), np.zeros(gaussians, dtype=np.int32)
    for chunk in numba.prange(_CHUNKS):
        # A range of tiles as four corners, from which running sums make it: no loop whose length differs from Gaussian to Gaussian.
        corners = np.zeros((tiles_high + 1) * pitch, dtype=np.int32)
        held = 0
        for rank in range(total * chunk // _CHUNKS, total * (chunk + 1) // _CHUNKS):
            i = order[rank]
            left, right, top, bottom = tiles[i, 0], tiles[i, 1], tiles[i, 2], tiles[i, 3]
            each[i] = (bottom - top) * (right - left)
            held += each[i]
            corners[top * pitch + left] += 1
            corners[top * pitch + right] -= 1
            corners[bottom * pitch + left] -= 1
            corners[bottom * pitch + right] += 1
        chunk_pairs[chunk] = held
        for row in range(tiles_high):
            running = 0
            for column in range(tiles_wide):
                running += corners[row * pitch + column]
                free[chunk, row * tiles_wide + column] = running + (free[chunk, (row - 1) * tiles_wide + column] if row else 0)
    return free, chunk_pairs, each


@compiled(parallel=True)
def _list(order, each, tiles, free, width):
    """What `bin_to_tiles` returns, from what `_count` found."""
    total, count = order.shape[0], free.shape[1]
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
    pair_starts = np.empty(each.shape[0] + 1, dtype=np.int32)
    pair_starts[0] = pair = 0
    for i in range(each.shape[0]):
        pair += each[i]
        pair_starts[i + 1] = pair
    entries, pairs = np.empty(position, dtype=np.int32), np.empty(position, dtype=np.int32)
    for chunk in numba.prange(_CHUNKS):
        for rank in range(total * chunk // _CHUNKS, total * (chunk + 1) // _CHUNKS):
            i = order[rank]
            left, right = tiles[i, 0], tiles[i, 1]
            tile, column = tiles[i, 2] * tiles_wide + left, left
            for pair in range(pair_starts[i], pair_starts[i + 1]):
                at = free[chunk, tile]
                entries[at], pairs[at] = i, pair
                free[chunk, tile] = at + 1
                tile, column = _next(tile, column, left, right, tiles_wide)
    return starts, entries, pairs, pair_starts
