"""Compositing the tiles, forward and backward: where the time goes.

A tile lies in memory as planes (transmittance, colours, gradients), each eight strips of four rows stored column by
column, so that sixteen neighbouring floats are a block of 4 x 4 pixels, one cache line. Only the blocks that a Gaussian's
ellipse touches are visited, sixteen pixels at once.

The Gaussians of a tile come in batches: first the blocks of the whole batch are listed, without a branch that depends
on their shape, then they are composited in one plain loop a Gaussian. Listing and compositing in turn, Gaussian by
Gaussian, costs twice as much: every loop's length would be known only when it is already running.

A pixel that is finished (its transmittance would fall to 1e-4) is marked by the sign of its transmittance.
"""

import math

import numba
import numpy as np

from .jit import compiled
from .projection import (
    ACROSS,
    BEND,
    BLUE,
    DOWN,
    GREEN,
    LEAN,
    LIGHT,
    MARGIN,
    PAIR,
    REACH,
    RED,
    SLOPE,
    TILE,
    X,
    Y,
)
from .vector import (
    aligned,
    any_positive,
    exp2,
    fma,
    highest,
    inverse,
    load,
    lowest,
    minus_abs,
    prefetch,
    root,
    sides,
    splat,
    store,
    store_run,
    store_strips,
    store_totals,
    strip_rows,
    total,
    where_at_least,
    where_greater,
)

f32 = np.float32
MAX_ALPHA = f32(0.999)
STOP = f32(1e-4)
FAINTEST = f32(-math.log2(255.0))  # the exponent of MIN_ALPHA

_STRIPS = TILE // 4
_PITCH = (TILE + 4) * 4  # floats a strip; one spare block takes what overhangs on the right
_PLANE = _STRIPS * _PITCH
_BATCH = 32  # Gaussians whose blocks are listed at once; also how often a strip is looked at whether it is finished
_AHEAD = 8  # Gaussians between asking for a record and using it
_BLOCKS = _BATCH * _STRIPS * (TILE // 4) + 16


def _pixel_centres() -> np.ndarray:
    """Two planes: x and y of every pixel's centre in its tile. On a cache line, as all planes: blocks then lie in one each."""
    at = np.arange(_PLANE)
    room = np.empty(2 * _PLANE + 16, np.float32)
    planes = room[-room.ctypes.data % 64 // 4:][:2 * _PLANE]
    planes[:_PLANE] = at % _PITCH // 4 + f32(0.5)
    planes[_PLANE:] = at // _PITCH * 4 + at % 4 + f32(0.5)
    return planes


CENTRES = _pixel_centres()


@compiled()
def _stride(count):
    """A step that visits every tile once and scatters neighbours, so that threads get equal shares."""
    step = max(1, int(count * 0.618))
    while math.gcd(step, count) != 1:
        step += 1
    return step


@compiled(inline="always")
def _list_blocks(blocks, free, spans, limits, records, i, tile_x, tile_y):
    """Append where the blocks inside Gaussian i's ellipse begin in a plane; returns the list's new length.

    limits: for each strip, how many of its columns are still open, twice (a lane for the left ends, one for the right).
    All strips and both sides at once, one a lane. Cutting off to an integer is the floor of a number > 0 and the ceiling of
    one less; MARGIN covers whole numbers. A NaN becomes an end at 0: what is written and counted lies within the plane whatever a
    record holds, and a needle whose two ends disagree about whether a strip is empty has no block there.
    """
    side, zero = sides(), splat(f32(0.0))
    low = strip_rows() + splat(f32(tile_y) + f32(0.5) - records[i, Y])
    high = low + splat(f32(3.0))
    at = lowest(highest(side * splat(records[i, LEAN]), low), high)
    inside = splat(records[i, REACH]) - splat(records[i, BEND]) * at * at
    edge = fma(splat(records[i, SLOPE]), at, side * (root(inside) + splat(MARGIN)))
    edge = lowest(highest(edge + splat(records[i, X] + f32(0.5) - f32(tile_x)), zero), load(limits, 0))
    store_strips(spans, 0, where_greater(inside, zero, edge, zero), _PITCH)
    for strip in range(_STRIPS):
        store_run(blocks, free, spans[strip], 16)
        free += spans[_STRIPS + strip]
    return free


@compiled(inline="always")
def _list_batch(blocks, ends, spans, limits, records, entries, first, batch, last, tile_x, tile_y):
    """The blocks of `batch` entries from `first` on, one after the other; ends[k]: where those of the k-th end in the list."""
    free = 0
    for k in range(batch):
        prefetch(records, entries[min(first + k + _AHEAD, last - 1)])
        free = _list_blocks(blocks, free, spans, limits, records, entries[first + k], tile_x, tile_y)
        ends[k] = free


@compiled(inline="always")
def _open(planes, limits, columns_inside, rows_inside):
    """Transmittance 1 inside the picture, -1 (finished) in the spare columns and outside; limits to match."""
    for strip in range(_STRIPS):
        for column in range(TILE + 4):
            for row in range(4):
                inside = column < columns_inside and strip * 4 + row < rows_inside
                planes[strip * _PITCH + column * 4 + row] = f32(1.0) if inside else f32(-1.0)
        limits[strip] = limits[_STRIPS + strip] = f32(columns_inside)


@compiled(inline="always")
def _close_finished(planes, limits):
    """Set the limits of strips without an open pixel to 0; returns whether any strip is open."""
    some = False
    for strip in range(_STRIPS):
        if limits[strip] > f32(0.0):
            found = splat(f32(-1.0))
            for offset in range(0, _PITCH, 16):
                found = highest(load(planes, strip * _PITCH + offset), found)
            if any_positive(found):
                some = True
            else:
                limits[strip] = limits[_STRIPS + strip] = f32(0.0)
    return some


@compiled()
def count_blocks(records, starts, entries, visited, width, height):
    """How many blocks `blend` composites, were no strip finished early: what its work is counted by."""
    tiles_wide = (width + TILE - 1) // TILE
    blocks, spans = np.empty(_BLOCKS, dtype=np.int32), np.empty(2 * _STRIPS, dtype=np.int32)
    limits = np.empty(2 * _STRIPS, dtype=np.float32)
    found = 0
    for tile in range(starts.shape[0] - 1):
        tile_x, tile_y = (tile % tiles_wide) * TILE, (tile // tiles_wide) * TILE
        limits[:] = f32(min(TILE, width - tile_x))
        for entry in range(starts[tile], starts[tile] + visited[tile]):
            found += _list_blocks(blocks, 0, spans, limits, records, entries[entry], tile_x, tile_y)
    return found


@compiled(parallel=True)
def blend(records, starts, entries, background, width, height, centres):
    """Composite all tiles.

    Returns image (H,W,3), transmittance (H,W), and visited (tiles,) int32: how many of a tile's entries were needed.
    """
    image = np.empty((height, width, 3), dtype=np.float32)
    transmittance = np.empty((height, width), dtype=np.float32)
    tiles_wide = (width + TILE - 1) // TILE
    count = starts.shape[0] - 1
    visited = np.zeros(count, dtype=np.int32)
    stride = _stride(count)
    red_at, green_at, blue_at = _PLANE, 2 * _PLANE, 3 * _PLANE
    for turn in numba.prange(count):
        tile = (turn * stride) % count
        tile_x, tile_y = (tile % tiles_wide) * TILE, (tile // tiles_wide) * TILE
        columns_inside, rows_inside = min(TILE, width - tile_x), min(TILE, height - tile_y)
        planes, limits = np.zeros(4 * _PLANE + 16, dtype=np.float32), np.empty(2 * _STRIPS, dtype=np.float32)
        blocks, spans = np.empty(_BLOCKS, dtype=np.int32), np.empty(2 * _STRIPS, dtype=np.int32)
        ends = np.empty(_BATCH, dtype=np.int32)
        planes = planes[aligned(planes):]
        _open(planes, limits, columns_inside, rows_inside)
        zero, one = splat(f32(0.0)), splat(f32(1.0))
        max_alpha, faintest, stop = splat(MAX_ALPHA), splat(FAINTEST), splat(STOP)
        first, last = starts[tile], starts[tile + 1]
        while first < last and _close_finished(planes, limits):
            batch = min(_BATCH, last - first)
            _list_batch(blocks, ends, spans, limits, records, entries, first, batch, last, tile_x, tile_y)
            block = 0
            for k in range(batch):
                i = entries[first + k]
                x, y = splat(records[i, X] - f32(tile_x)), splat(records[i, Y] - f32(tile_y))
                slope, across = splat(-records[i, SLOPE]), splat(records[i, ACROSS])
                down, bright = splat(records[i, DOWN]), splat(records[i, LIGHT])
                red, green, blue = splat(records[i, RED]), splat(records[i, GREEN]), splat(records[i, BLUE])
                while block < ends[k]:
                    at = blocks[block]
                    block += 1
                    dy = load(centres, at + _PLANE) - y
                    u = fma(slope, dy, load(centres, at) - x)
                    exponent = fma(across * u, u, fma(down * dy, dy, bright))
                    alpha = where_at_least(exponent, faintest, lowest(exp2(exponent), max_alpha), zero)
                    light = load(planes, at)
                    left_over = light * (one - alpha)
                    weight = where_greater(left_over, stop, alpha * light, zero)
                    store(planes, at, where_greater(left_over, stop, left_over, minus_abs(light)))
                    store(planes, at + red_at, fma(weight, red, load(planes, at + red_at)))
                    store(planes, at + green_at, fma(weight, green, load(planes, at + green_at)))
                    store(planes, at + blue_at, fma(weight, blue, load(planes, at + blue_at)))
            first += batch
        visited[tile] = first - starts[tile]
        for row in range(rows_inside):
            at = (row // 4) * _PITCH + row % 4
            for column in range(columns_inside):
                light = abs(planes[at])
                transmittance[tile_y + row, tile_x + column] = light
                image[tile_y + row, tile_x + column, 0] = planes[at + red_at] + light * background[0]
                image[tile_y + row, tile_x + column, 1] = planes[at + green_at] + light * background[1]
                image[tile_y + row, tile_x + column, 2] = planes[at + blue_at] + light * background[2]
                at += 4
    return image, transmittance, visited


@compiled(parallel=True)
def blend_backward(records, starts, entries, pairs, visited, image, transmittance, grad_image, grad_alpha, centres):
    """Replay the tiles; returns slots (P + 1,9) float32, the gradient of every pair by what PAIR lists.

    With S the colour blended up to and including this Gaussian, T the light that reached it and B the background,
    dL/dalpha = T g.c - rest / (1 - alpha), where rest = g.(image - S) - grad_alpha T_final: the image includes
    T_final B, and what lies behind loses light in proportion to alpha. rest starts at g.image - grad_alpha T_final.
    """
    height, width = transmittance.shape
    tiles_wide = (width + TILE - 1) // TILE
    count = starts.shape[0] - 1
    stride = _stride(count)
    slots = np.empty((pairs.shape[0] + 1, PAIR), dtype=np.float32)  # one to spare: sixteen numbers are read where nine are meant
    flat = slots.reshape(-1)
    rest_at, red_at, green_at, blue_at = _PLANE, 2 * _PLANE, 3 * _PLANE, 4 * _PLANE
    for turn in numba.prange(count):
        tile = (turn * stride) % count
        first, last = starts[tile], starts[tile] + visited[tile]
        for entry in range(last, starts[tile + 1]):
            slots[pairs[entry]] = f32(0.0)
        tile_x, tile_y = (tile % tiles_wide) * TILE, (tile // tiles_wide) * TILE
        columns_inside, rows_inside = min(TILE, width - tile_x), min(TILE, height - tile_y)
        planes, limits = np.zeros(5 * _PLANE + 16, dtype=np.float32), np.empty(2 * _STRIPS, dtype=np.float32)
        blocks, spans = np.empty(_BLOCKS, dtype=np.int32), np.empty(2 * _STRIPS, dtype=np.int32)
        ends = np.empty(_BATCH, dtype=np.int32)
        planes = planes[aligned(planes):]
        _open(planes, limits, columns_inside, rows_inside)
        for row in range(rows_inside):
            at = (row // 4) * _PITCH + row % 4
            for column in range(columns_inside):
                y, x = tile_y + row, tile_x + column
                red, green, blue = grad_image[y, x, 0], grad_image[y, x, 1], grad_image[y, x, 2]
                shown = red * image[y, x, 0] + green * image[y, x, 1] + blue * image[y, x, 2]
                planes[at + rest_at] = shown - grad_alpha[y, x] * transmittance[y, x]
                planes[at + red_at], planes[at + green_at], planes[at + blue_at] = red, green, blue
                at += 4
        zero, one = splat(f32(0.0)), splat(f32(1.0))
        max_alpha, faintest, stop = splat(MAX_ALPHA), splat(FAINTEST), splat(STOP)
        while first < last:
            _close_finished(planes, limits)
            batch = min(_BATCH, last - first)
            _list_batch(blocks, ends, spans, limits, records, entries, first, batch, last, tile_x, tile_y)
            block = 0
            for k in range(batch):
                i = entries[first + k]
                x, y = splat(records[i, X] - f32(tile_x)), splat(records[i, Y] - f32(tile_y))
                slope, across = splat(-records[i, SLOPE]), splat(records[i, ACROSS])
                down, bright = splat(records[i, DOWN]), splat(records[i, LIGHT])
                red, green, blue = splat(records[i, RED]), splat(records[i, GREEN]), splat(records[i, BLUE])
                sum_1, sum_u, sum_y, sum_uu, sum_uy, sum_yy = zero, zero, zero, zero, zero, zero
                sum_red, sum_green, sum_blue = zero, zero, zero
                while block < ends[k]:
                    at = blocks[block]
                    block += 1
                    dy = load(centres, at + _PLANE) - y
                    u = fma(slope, dy, load(centres, at) - x)
                    exponent = fma(across * u, u, fma(down * dy, dy, bright))
                    raw = exp2(exponent)
                    alpha = where_at_least(exponent, faintest, lowest(raw, max_alpha), zero)
                    light = load(planes, at)
                    left_over = light * (one - alpha)
                    weight = where_greater(left_over, stop, alpha * light, zero)
                    store(planes, at, where_greater(left_over, stop, left_over, minus_abs(light)))
                    grad_red, grad_green = load(planes, at + red_at), load(planes, at + green_at)
                    grad_blue = load(planes, at + blue_at)
                    shown = fma(grad_red, red, fma(grad_green, green, grad_blue * blue))
                    rest = load(planes, at + rest_at) - weight * shown
                    store(planes, at + rest_at, rest)
                    # v = dL/dsigma = -alpha dL/dalpha, nothing where alpha was capped.
                    v = alpha * rest * inverse(one - alpha) - weight * shown
                    v = where_greater(weight, zero, where_greater(raw, max_alpha, zero, v), zero)
                    v_u, v_y = v * u, v * dy
                    sum_1, sum_u, sum_y = sum_1 + v, sum_u + v_u, sum_y + v_y
                    sum_uu, sum_uy, sum_yy = fma(v_u, u, sum_uu), fma(v_u, dy, sum_uy), fma(v_y, dy, sum_yy)
                    sum_red, sum_green = fma(weight, grad_red, sum_red), fma(weight, grad_green, sum_green)
                    sum_blue = fma(weight, grad_blue, sum_blue)
                at = pairs[first + k] * PAIR
                store_totals(flat, at, sum_1, sum_u, sum_y, sum_uu, sum_uy, sum_yy, sum_red, sum_green)
                flat[at + 8] = total(sum_blue)
            first += batch
    return slots
