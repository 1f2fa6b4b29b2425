"""Compositing the tiles, forward and backward: where the time goes.

A tile lies in memory as planes (transmittance, colours, gradients), each four strips of four rows stored column by
column, so that sixteen neighbouring floats are a block of 4 x 4 pixels that may start at any column. Per Gaussian and
strip, only the columns inside its ellipse are visited, sixteen pixels at once.

A pixel that is finished (its transmittance would fall to 1e-4) is marked by the sign of its transmittance.
"""

import math

import numba
import numpy as np

from .jit import compiled
from .projection import (
    ACROSS, BEND, BLUE, DOWN, FIRST_ROW, GREEN, LAST_ROW, LEAN, LIGHT, MARGIN, PAIR, REACH, RED, SLOPE, TILE_HEIGHT,
    TILE_WIDTH, X, Y,
)
from .vector import (
    any_positive, columns, divide, exp2, fma, highest, load, lowest, minus_abs, prefetch, root, rows, sides, splat,
    store, store_int, store_totals, strip_rows, total, where_at_least, where_greater,
)

f32 = np.float32
MAX_ALPHA = f32(0.999)
STOP = f32(1e-4)
FAINTEST = f32(-math.log2(255.0))  # the exponent of MIN_ALPHA

_STRIPS = TILE_HEIGHT // 4
_PITCH = (TILE_WIDTH + 4) * 4  # floats a strip; one spare block takes what overhangs on the right
_PLANE = _STRIPS * _PITCH
_AHEAD = 6  # Gaussians between asking for a record and using it
_LIVENESS_MASK = 15  # look whether a strip is finished at every 16th Gaussian


@compiled()
def _stride(count):
    """A step that visits every tile once and scatters neighbours, so that threads get equal shares."""
    step = max(1, int(count * 0.618))
    while math.gcd(step, count) != 1:
        step += 1
    return step


@compiled(inline="always")
def _spans(spans, records, i, tile_x, tile_y, columns_inside):
    """Where the ellipse reaches into each strip of a tile: spans[strip] is the first column, spans[4 + strip] the one
    after the last. All four strips and both sides at once, one a lane.

    Cutting off to an integer is the floor of a number > 0 and the ceiling of one less; MARGIN covers whole numbers.
    """
    side, zero = sides(), splat(f32(0.0))
    low = strip_rows() + splat(f32(tile_y) + f32(0.5) - records[i, Y])
    high = low + splat(f32(3.0))
    at = lowest(highest(side * splat(records[i, LEAN]), low), high)
    half_width = root(highest(splat(records[i, REACH]) - splat(records[i, BEND]) * at * at, zero))
    edge = fma(splat(records[i, SLOPE]), at, side * (half_width + splat(MARGIN)))
    edge = edge + splat(records[i, X] + f32(0.5) - f32(tile_x))
    store_int(spans, 0, lowest(highest(edge, zero), splat(f32(columns_inside))))


@compiled(inline="always")
def _clear_transmittance(planes, base, columns_inside, rows_inside):
    """1 inside the picture, -1 (finished) in the spare columns and outside."""
    for strip in range(_STRIPS):
        for column in range(TILE_WIDTH + 4):
            for row in range(4):
                inside = column < columns_inside and strip * 4 + row < rows_inside
                planes[base + strip * _PITCH + column * 4 + row] = f32(1.0) if inside else f32(-1.0)


@compiled(inline="always")
def _strip_alive(planes, base):
    found = splat(f32(-1.0))
    for offset in range(0, _PITCH, 16):
        value = load(planes, base + offset)
        found = where_greater(value, found, value, found)
    return any_positive(found)


@compiled(parallel=True)
def blend(records, starts, entries, background, width, height):
    """Composite all tiles.

    Returns image (H,W,3), transmittance (H,W), and visited (tiles,) int32: how many of a tile's entries were needed.
    """
    image = np.empty((height, width, 3), dtype=np.float32)
    transmittance = np.empty((height, width), dtype=np.float32)
    tiles_wide = (width + TILE_WIDTH - 1) // TILE_WIDTH
    count = starts.shape[0] - 1
    visited = np.zeros(count, dtype=np.int32)
    stride = _stride(count)
    red_at, green_at, blue_at = _PLANE, 2 * _PLANE, 3 * _PLANE
    for turn in numba.prange(count):
        tile = (turn * stride) % count
        tile_x, tile_y = (tile % tiles_wide) * TILE_WIDTH, (tile // tiles_wide) * TILE_HEIGHT
        columns_inside, rows_inside = min(TILE_WIDTH, width - tile_x), min(TILE_HEIGHT, height - tile_y)
        planes = np.zeros(4 * _PLANE, dtype=np.float32)
        _clear_transmittance(planes, 0, columns_inside, rows_inside)
        spans = np.empty(16, dtype=np.int32)
        alive = (1 << _STRIPS) - 1
        zero, one, four = splat(f32(0.0)), splat(f32(1.0)), splat(f32(4.0))
        max_alpha, faintest, stop = splat(MAX_ALPHA), splat(FAINTEST), splat(STOP)
        first, last = starts[tile], starts[tile + 1]
        for entry in range(first, last):
            if (entry - first) & _LIVENESS_MASK == _LIVENESS_MASK:
                for strip in range(_STRIPS):
                    if (alive >> strip) & 1 and not _strip_alive(planes, strip * _PITCH):
                        alive &= ~(1 << strip)
                if alive == 0:
                    break
            visited[tile] = entry - first + 1
            i = entries[entry]
            prefetch(records, entries[min(entry + _AHEAD, last - 1)])
            first_strip = max(int(records[i, FIRST_ROW]) - tile_y, 0) // 4
            last_strip = min(int(records[i, LAST_ROW]) - tile_y, TILE_HEIGHT - 1) // 4
            _spans(spans, records, i, tile_x, tile_y, columns_inside)
            slope, across = splat(records[i, SLOPE]), splat(records[i, ACROSS])
            down, bright = splat(records[i, DOWN]), splat(records[i, LIGHT])
            red, green, blue = splat(records[i, RED]), splat(records[i, GREEN]), splat(records[i, BLUE])
            for strip in range(first_strip, last_strip + 1):
                if not (alive >> strip) & 1:
                    continue
                start, end = spans[strip], spans[_STRIPS + strip]
                low = f32(tile_y + 4 * strip) + f32(0.5) - records[i, Y]
                dy = splat(low) + rows()
                peak = fma(down * dy, dy, bright)
                u = splat(f32(tile_x + start) + f32(0.5) - records[i, X]) + columns() - slope * dy
                at = strip * _PITCH + start * 4
                while start < end:
                    exponent = fma(across * u, u, peak)
                    alpha = where_at_least(exponent, faintest, lowest(exp2(exponent), max_alpha), zero)
                    light = load(planes, at)
                    left_over = light * (one - alpha)
                    weight = where_greater(left_over, stop, alpha * light, zero)
                    store(planes, at, where_greater(left_over, stop, left_over, minus_abs(light)))
                    store(planes, at + red_at, fma(weight, red, load(planes, at + red_at)))
                    store(planes, at + green_at, fma(weight, green, load(planes, at + green_at)))
                    store(planes, at + blue_at, fma(weight, blue, load(planes, at + blue_at)))
                    u = u + four
                    at += 16
                    start += 4
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
def blend_backward(records, starts, entries, pairs, visited, image, transmittance, grad_image, grad_alpha):
    """Replay the tiles; returns slots (P,9) float32, the gradient of every pair by what PAIR lists.

    With S the colour blended up to and including this Gaussian, T the light that reached it and B the background,
    dL/dalpha = T g.c - rest / (1 - alpha), where rest = g.(image - S) - grad_alpha T_final: the image includes
    T_final B, and what lies behind loses light in proportion to alpha. rest starts at g.image - grad_alpha T_final.
    """
    height, width = transmittance.shape
    tiles_wide = (width + TILE_WIDTH - 1) // TILE_WIDTH
    count = starts.shape[0] - 1
    stride = _stride(count)
    slots = np.empty((pairs.shape[0], PAIR), dtype=np.float32)
    flat = slots.reshape(-1)
    rest_at, red_at, green_at, blue_at = _PLANE, 2 * _PLANE, 3 * _PLANE, 4 * _PLANE
    for turn in numba.prange(count):
        tile = (turn * stride) % count
        first, last = starts[tile], starts[tile] + visited[tile]
        for entry in range(last, starts[tile + 1]):
            slots[pairs[entry]] = f32(0.0)
        if first == last:
            continue
        tile_x, tile_y = (tile % tiles_wide) * TILE_WIDTH, (tile // tiles_wide) * TILE_HEIGHT
        columns_inside, rows_inside = min(TILE_WIDTH, width - tile_x), min(TILE_HEIGHT, height - tile_y)
        planes = np.zeros(5 * _PLANE, dtype=np.float32)
        _clear_transmittance(planes, 0, columns_inside, rows_inside)
        for row in range(rows_inside):
            at = (row // 4) * _PITCH + row % 4
            for column in range(columns_inside):
                y, x = tile_y + row, tile_x + column
                red, green, blue = grad_image[y, x, 0], grad_image[y, x, 1], grad_image[y, x, 2]
                shown = red * image[y, x, 0] + green * image[y, x, 1] + blue * image[y, x, 2]
                planes[at + rest_at] = shown - grad_alpha[y, x] * transmittance[y, x]
                planes[at + red_at], planes[at + green_at], planes[at + blue_at] = red, green, blue
                at += 4
        spans = np.empty(16, dtype=np.int32)
        alive = (1 << _STRIPS) - 1
        zero, one, four = splat(f32(0.0)), splat(f32(1.0)), splat(f32(4.0))
        max_alpha, faintest, stop = splat(MAX_ALPHA), splat(FAINTEST), splat(STOP)
        for entry in range(first, last):
            if (entry - first) & _LIVENESS_MASK == _LIVENESS_MASK:
                for strip in range(_STRIPS):
                    if (alive >> strip) & 1 and not _strip_alive(planes, strip * _PITCH):
                        alive &= ~(1 << strip)
            i = entries[entry]
            prefetch(records, entries[min(entry + _AHEAD, last - 1)])
            first_strip = max(int(records[i, FIRST_ROW]) - tile_y, 0) // 4
            last_strip = min(int(records[i, LAST_ROW]) - tile_y, TILE_HEIGHT - 1) // 4
            _spans(spans, records, i, tile_x, tile_y, columns_inside)
            slope, across = splat(records[i, SLOPE]), splat(records[i, ACROSS])
            down, bright = splat(records[i, DOWN]), splat(records[i, LIGHT])
            red, green, blue = splat(records[i, RED]), splat(records[i, GREEN]), splat(records[i, BLUE])
            sum_1, sum_u, sum_y, sum_uu, sum_uy, sum_yy = zero, zero, zero, zero, zero, zero
            sum_red, sum_green, sum_blue = zero, zero, zero
            for strip in range(first_strip, last_strip + 1):
                if not (alive >> strip) & 1:
                    continue
                start, end = spans[strip], spans[_STRIPS + strip]
                low = f32(tile_y + 4 * strip) + f32(0.5) - records[i, Y]
                dy = splat(low) + rows()
                peak = fma(down * dy, dy, bright)
                u = splat(f32(tile_x + start) + f32(0.5) - records[i, X]) + columns() - slope * dy
                at = strip * _PITCH + start * 4
                while start < end:
                    exponent = fma(across * u, u, peak)
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
                    v = divide(alpha * rest, one - alpha) - weight * shown
                    v = where_greater(weight, zero, where_greater(raw, max_alpha, zero, v), zero)
                    v_u, v_y = v * u, v * dy
                    sum_1, sum_u, sum_y = sum_1 + v, sum_u + v_u, sum_y + v_y
                    sum_uu, sum_uy, sum_yy = fma(v_u, u, sum_uu), fma(v_u, dy, sum_uy), fma(v_y, dy, sum_yy)
                    sum_red, sum_green = fma(weight, grad_red, sum_red), fma(weight, grad_green, sum_green)
                    sum_blue = fma(weight, grad_blue, sum_blue)
                    u = u + four
                    at += 16
                    start += 4
            at = pairs[entry] * PAIR
            store_totals(flat, at, sum_1, sum_u, sum_y, sum_uu, sum_uy, sum_yy, sum_red, sum_green)
            flat[at + 8] = total(sum_blue)
    return slots
