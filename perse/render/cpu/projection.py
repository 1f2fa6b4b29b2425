"""From Gaussians in the world to ellipses in the picture, and the gradients back. reference.py has the mathematics.

Sixteen Gaussians at a time, one a lane; a lane whose Gaussian is culled computes nonsense that nobody reads.
"""

import math

import numba
import numpy as np

from ..jit import compiled
from .bits import TILE
from .layout import ROWS, load3, load4, load_rows, store3, store4, store_ranges, store_rows
from .vector import any_positive, divide, floor, fma, highest, log2, lowest, minus_abs, root, store, where_at_least, where_greater
from .vector import load16 as load
from .vector import splat16 as splat

f32 = np.float32
NEAR_PLANE = f32(0.01)
FAR_PLANE = f32(1e10)
EPS_2D = f32(0.3)  # pixels^2 added to the projected covariance
MIN_ALPHA = f32(1.0 / 255.0)
FAR_OFF = f32(2.0**24)  # pixels from the picture's corner, beyond which float32 does not tell two pixels apart: centres lie nearer

LARGEST = np.finfo(np.float32).max
LN2 = f32(math.log(2.0))
LOG2E = f32(1.0 / math.log(2.0))
MARGIN = f32(0.01)  # pixels added to every extent, far more than its rounding error; the alpha test decides

# Columns of a Gaussian's record, 16 floats: one cache line. With the square completed, u = dx - SLOPE dy, alpha is
# 2 ** (LIGHT + ACROSS u^2 + DOWN dy^2), the last two negative: thin Gaussians lose no digits, as they do in conic form.
# At height dy the ellipse of alpha = 1/255 spans dx = SLOPE dy +- sqrt(REACH - BEND dy^2); its rightmost point is at
# dy = LEAN.
X, Y, SLOPE, ACROSS, DOWN, LIGHT, RED, GREEN, BLUE, REACH, BEND, LEAN = range(12)
RECORD = 16
# Columns of a pair's gradient: sums of v = dL/dsigma times 1, u, dy, u^2, u dy, dy^2, then the colour's gradient.
PAIR = 9
_CHUNK = 64  # groups of sixteen that a thread takes at once


@compiled(inline="always")
def _rotation(w, x, y, z):
    """The nine entries of the rotation of a unit quaternion."""
    one, two = splat(f32(1.0)), splat(f32(2.0))
    return (
        one - two * (y * y + z * z),
        two * (x * y - w * z),
        two * (x * z + w * y),
        two * (x * y + w * z),
        one - two * (x * x + z * z),
        two * (y * z - w * x),
        two * (x * z - w * y),
        two * (y * z + w * x),
        one - two * (x * x + y * y),
    )


@compiled(inline="always")
def _unit(q):
    """The quaternion at unit length and the inverse of its own length."""
    length = root(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    inverse = divide(splat(f32(1.0)), highest(length, splat(f32(1e-12))))
    return q[0] * inverse, q[1] * inverse, q[2] * inverse, q[3] * inverse, inverse


@compiled(inline="always")
def _row(view, row, x, y, z):
    return fma(splat(view[row, 0]), x, fma(splat(view[row, 1]), y, fma(splat(view[row, 2]), z, splat(view[row, 3]))))


@compiled(inline="always")
def _clamped(u, focal, centre, extent):
    """A direction x/z or y/z, kept to where the projection is linearised: 15 % beyond the picture."""
    extra = f32(0.15) * f32(extent) / focal
    return lowest(highest(u, splat(-(centre / focal + extra))), splat((f32(extent) - centre) / focal + extra))


@compiled(inline="always")
def _rows_of_projection(view, fx, fy, ux, uy, inverse_z):
    """J W, the (2,3) derivative of the pixel by the world position, where J is taken at the clamped direction."""
    j00, j11 = splat(fx) * inverse_z, splat(fy) * inverse_z
    j02, j12 = -(j00 * ux), -(j11 * uy)
    w0, w1, w2 = splat(view[2, 0]), splat(view[2, 1]), splat(view[2, 2])
    return (
        fma(j02, w0, j00 * splat(view[0, 0])),
        fma(j02, w1, j00 * splat(view[0, 1])),
        fma(j02, w2, j00 * splat(view[0, 2])),
        fma(j12, w0, j11 * splat(view[1, 0])),
        fma(j12, w1, j11 * splat(view[1, 1])),
        fma(j12, w2, j11 * splat(view[1, 2])),
    )


@compiled(inline="always")
def _splat_axes(a, r):
    """The rows of (J W) R: how the picture moves along each of the Gaussian's own axes."""
    return (
        a[0] * r[0] + a[1] * r[3] + a[2] * r[6],
        a[0] * r[1] + a[1] * r[4] + a[2] * r[7],
        a[0] * r[2] + a[1] * r[5] + a[2] * r[8],
        a[3] * r[0] + a[4] * r[3] + a[5] * r[6],
        a[3] * r[1] + a[4] * r[4] + a[5] * r[7],
        a[3] * r[2] + a[4] * r[5] + a[5] * r[8],
    )


@compiled(inline="always")
def _covariance(u, s):
    """Of the splat in the picture: xx, xy, yy and the determinant, from u diag(s) = t as t t' + EPS_2D.

    The determinant comes from the cross product of the rows of t: no cancellation, as in xx yy - xy^2.
    """
    eps = splat(EPS_2D)
    t0, t1, t2, t3, t4, t5 = u[0] * s[0], u[1] * s[1], u[2] * s[2], u[3] * s[0], u[4] * s[1], u[5] * s[2]
    xx = fma(t0, t0, fma(t1, t1, fma(t2, t2, eps)))
    xy = fma(t0, t3, fma(t1, t4, t2 * t5))
    yy = fma(t3, t3, fma(t4, t4, fma(t5, t5, eps)))
    c0, c1, c2 = t1 * t5 - t2 * t4, t2 * t3 - t0 * t5, t0 * t4 - t1 * t3
    return xx, xy, yy, fma(c0, c0, fma(c1, c1, fma(c2, c2, eps * (xx + yy - eps))))


@compiled(parallel=True)
def project(means, quats, scales, opacities, colors, view, K, width, height):
    """Records (N,16), depth (N,) float32 (-1: culled) and tile ranges (N,4) int32 (columns, then rows; half-open); N >= 16.

    A Gaussian of which any number is not finite, or that lies FAR_OFF, is culled; the ranges of all others lie within the grid.
    """
    count = means.shape[0]
    records = np.empty((count, RECORD), dtype=np.float32)
    depths = np.empty(count, dtype=np.float32)
    tiles = np.empty((count, 4), dtype=np.int32)
    flat_means, flat_quats, flat_scales, flat_colors = means.reshape(-1), quats.reshape(-1), scales.reshape(-1), colors.reshape(-1)
    flat_records, flat_tiles = records.reshape(-1), tiles.reshape(-1)
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    tiles_wide, tiles_high = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    for group in numba.prange((count + ROWS - 1) // ROWS):
        i = min(group * ROWS, count - ROWS)  # the last group overlaps the one before it, and finds the same
        zero, one, half = splat(f32(0.0)), splat(f32(1.0)), splat(f32(0.5))
        culled = splat(f32(-1.0))
        opacity = load(opacities, i)
        seen = where_at_least(opacity, splat(MIN_ALPHA), one, zero)
        if not any_positive(seen):
            store(depths, i, culled)
            continue
        mean = load3(flat_means, 3 * i)
        x, y = _row(view, 0, mean[0], mean[1], mean[2]), _row(view, 1, mean[0], mean[1], mean[2])
        z = _row(view, 2, mean[0], mean[1], mean[2])
        seen = where_greater(z, splat(NEAR_PLANE), where_greater(splat(FAR_PLANE), z, seen, zero), zero)
        inverse_z = divide(one, z)
        ux, uy = x * inverse_z, y * inverse_z
        mx, my = fma(splat(fx), ux, splat(cx)), fma(splat(fy), uy, splat(cy))
        a = _rows_of_projection(view, fx, fy, _clamped(ux, fx, cx, width), _clamped(uy, fy, cy, height), inverse_z)
        qw, qx, qy, qz, _ = _unit(load4(flat_quats, 4 * i))
        xx, xy, yy, determinant = _covariance(_splat_axes(a, _rotation(qw, qx, qy, qz)), load3(flat_scales, 3 * i))
        seen = where_greater(determinant, zero, where_greater(splat(f32(1e37)), determinant, seen, zero), zero)
        # exp(-sigma) opacity >= 1/255 inside this ellipse; the excess covers the rounding of the exponent.
        light = log2(opacity)
        reach = fma(light, splat(f32(2.0) * LN2), splat(f32(2.0 * math.log(255.0) + 1e-4)))
        radius_x, radius_y = root(reach * xx) + splat(MARGIN), root(reach * yy) + splat(MARGIN)
        left, right = mx - half - radius_x, mx - half + radius_x
        top, bottom = my - half - radius_y, my - half + radius_y
        # The first and last column and row with a pixel's centre inside (MARGIN covers whole numbers).
        first_x, first_y = floor(highest(left + one, zero)), floor(highest(top + one, zero))
        last_x, last_y = floor(lowest(right, splat(f32(width - 1)))), floor(lowest(bottom, splat(f32(height - 1))))
        seen = where_at_least(last_x, first_x, where_at_least(last_y, first_y, seen, zero), zero)
        if not any_positive(seen):
            store(depths, i, culled)
            continue
        color = load3(flat_colors, 3 * i)
        inverse_yy = divide(one, yy)
        log2e = splat(f32(-0.5) * LOG2E)
        rest = determinant * inverse_yy
        slope, across, down = xy * inverse_yy, divide(log2e, rest), log2e * inverse_yy
        extent, bend, lean = reach * rest, rest * inverse_yy, xy * root(divide(reach, xx))
        seen = where_at_least(minus_abs(mx), splat(-FAR_OFF), where_at_least(minus_abs(my), splat(-FAR_OFF), seen, zero), zero)
        # Zero times anything that is not finite is NaN, and so is the sum with it.
        sound = fma(zero, slope, fma(zero, across, fma(zero, down, fma(zero, opacity, fma(zero, color[0], zero)))))
        sound = fma(zero, color[1], fma(zero, color[2], fma(zero, extent, fma(zero, bend, fma(zero, lean, sound)))))
        seen = where_at_least(sound, zero, seen, zero)
        store(depths, i, where_greater(seen, zero, z, culled))
        share = splat(f32(1.0 / TILE))
        store_ranges(
            flat_tiles,
            4 * i,
            where_greater(seen, zero, first_x * share, zero),
            where_greater(seen, zero, fma(last_x, share, one), zero),
            where_greater(seen, zero, first_y * share, zero),
            where_greater(seen, zero, fma(last_y, share, one), zero),
            tiles_wide,
            tiles_high,
        )
        store_rows(flat_records, RECORD * i, (mx, my, slope, across, down, light, color[0], color[1], color[2], extent, bend, lean))
    return records, depths, tiles


@compiled(inline="always")
def _kept(seen, gradient):
    """A gradient where its Gaussian was drawn and the number is finite, else 0."""
    zero = splat(f32(0.0))
    return where_greater(seen, zero, where_at_least(minus_abs(gradient), splat(-LARGEST), gradient, zero), zero)


@compiled(parallel=True)
def project_backward(means, quats, scales, opacities, view, K, width, height, pair_starts, slots):
    """Sum every Gaussian's pairs and take them back through the projection: gradients of the five inputs."""
    count = means.shape[0]
    grad_means, grad_quats, grad_scales = np.empty_like(means), np.empty_like(quats), np.empty_like(scales)
    grad_opacities, grad_colors = np.empty_like(opacities), np.empty_like(means)
    flat_means, flat_quats, flat_scales = means.reshape(-1), quats.reshape(-1), scales.reshape(-1)
    to_means, to_quats, to_scales = grad_means.reshape(-1), grad_quats.reshape(-1), grad_scales.reshape(-1)
    to_colors, flat_slots = grad_colors.reshape(-1), slots.reshape(-1)
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    groups = (count + ROWS - 1) // ROWS
    for chunk in numba.prange((groups + _CHUNK - 1) // _CHUNK):
        sums, held = np.zeros(ROWS * ROWS, dtype=np.float32), np.empty(ROWS, dtype=np.float32)
        zero, one, two, half = splat(f32(0.0)), splat(f32(1.0)), splat(f32(2.0)), splat(f32(0.5))
        for group in range(chunk * _CHUNK, min((chunk + 1) * _CHUNK, groups)):
            i = min(group * ROWS, count - ROWS)
            if pair_starts[i] == pair_starts[i + ROWS]:
                store3(to_means, 3 * i, zero, zero, zero)
                store4(to_quats, 4 * i, zero, zero, zero, zero)
                store3(to_scales, 3 * i, zero, zero, zero)
                store(grad_opacities, i, zero)
                store3(to_colors, 3 * i, zero, zero, zero)
                continue
            for k in range(ROWS):
                added = zero
                for pair in range(pair_starts[i + k], pair_starts[i + k + 1]):
                    added = added + load(flat_slots, PAIR * pair)
                store(sums, ROWS * k, added)
                held[k] = f32(pair_starts[i + k + 1] - pair_starts[i + k])
            total = load_rows(sums, 0)
            v, v_u, v_y, v_uu, v_uy, v_yy = total[0], total[1], total[2], total[3], total[4], total[5]
            seen = load(held, 0)
            store3(to_colors, 3 * i, _kept(seen, total[6]), _kept(seen, total[7]), _kept(seen, total[8]))
            store(grad_opacities, i, _kept(seen, -divide(v, load(opacities, i))))

            # The projection again, as in `project`.
            mean = load3(flat_means, 3 * i)
            x, y = _row(view, 0, mean[0], mean[1], mean[2]), _row(view, 1, mean[0], mean[1], mean[2])
            inverse_z = divide(one, _row(view, 2, mean[0], mean[1], mean[2]))
            ux, uy = x * inverse_z, y * inverse_z
            clamped_x, clamped_y = _clamped(ux, fx, cx, width), _clamped(uy, fy, cy, height)
            a = _rows_of_projection(view, fx, fy, clamped_x, clamped_y, inverse_z)
            qw, qx, qy, qz, inverse_length = _unit(load4(flat_quats, 4 * i))
            r = _rotation(qw, qx, qy, qz)
            u = _splat_axes(a, r)
            s = load3(flat_scales, 3 * i)
            xx, xy, yy, determinant = _covariance(u, s)
            # sigma = u^2 / (2 rest) + dy^2 / (2 yy) with u = dx - slope dy, slope = xy / yy, rest = xx - xy^2 / yy.
            inverse_yy = divide(one, yy)
            slope = xy * inverse_yy
            inverse_rest = divide(yy, determinant)
            grad_mx = -(inverse_rest * v_u)
            grad_my = -(slope * grad_mx) - inverse_yy * v_y
            grad_slope = -(inverse_rest * v_uy)
            grad_xx = -(half * inverse_rest * inverse_rest * v_uu)  # of rest, too
            grad_xy = grad_slope * inverse_yy - two * slope * grad_xx
            grad_yy = slope * (slope * grad_xx - grad_slope * inverse_yy) - half * inverse_yy * inverse_yy * v_yy

            # cov = t t' with rows t = u diag(s), u = a R.
            twice_xx, twice_yy = two * grad_xx, two * grad_yy
            g0, g1, g2 = (fma(twice_xx, u[0], grad_xy * u[3]), fma(twice_xx, u[1], grad_xy * u[4]), fma(twice_xx, u[2], grad_xy * u[5]))
            g3, g4, g5 = (fma(twice_yy, u[3], grad_xy * u[0]), fma(twice_yy, u[4], grad_xy * u[1]), fma(twice_yy, u[5], grad_xy * u[2]))
            store3(
                to_scales,
                3 * i,
                _kept(seen, fma(g0, u[0], g3 * u[3]) * s[0]),
                _kept(seen, fma(g1, u[1], g4 * u[4]) * s[1]),
                _kept(seen, fma(g2, u[2], g5 * u[5]) * s[2]),
            )
            w00, w01, w02 = g0 * s[0] * s[0], g1 * s[1] * s[1], g2 * s[2] * s[2]
            w10, w11, w12 = g3 * s[0] * s[0], g4 * s[1] * s[1], g5 * s[2] * s[2]
            grad_a0 = r[0] * w00 + r[1] * w01 + r[2] * w02
            grad_a1 = r[3] * w00 + r[4] * w01 + r[5] * w02
            grad_a2 = r[6] * w00 + r[7] * w01 + r[8] * w02
            grad_a3 = r[0] * w10 + r[1] * w11 + r[2] * w12
            grad_a4 = r[3] * w10 + r[4] * w11 + r[5] * w12
            grad_a5 = r[6] * w10 + r[7] * w11 + r[8] * w12
            r00, r01, r02 = fma(a[0], w00, a[3] * w10), fma(a[0], w01, a[3] * w11), fma(a[0], w02, a[3] * w12)
            r10, r11, r12 = fma(a[1], w00, a[4] * w10), fma(a[1], w01, a[4] * w11), fma(a[1], w02, a[4] * w12)
            r20, r21, r22 = fma(a[2], w00, a[5] * w10), fma(a[2], w01, a[5] * w11), fma(a[2], w02, a[5] * w12)
            grad_w = two * (qx * (r21 - r12) + qy * (r02 - r20) + qz * (r10 - r01))
            grad_x = two * (-(two * qx * (r11 + r22)) + qy * (r01 + r10) + qz * (r02 + r20) + qw * (r21 - r12))
            grad_y = two * (qx * (r01 + r10) - two * qy * (r00 + r22) + qz * (r12 + r21) + qw * (r02 - r20))
            grad_z = two * (qx * (r02 + r20) + qy * (r12 + r21) - two * qz * (r00 + r11) + qw * (r10 - r01))
            along = grad_w * qw + grad_x * qx + grad_y * qy + grad_z * qz
            store4(
                to_quats,
                4 * i,
                _kept(seen, (grad_w - along * qw) * inverse_length),
                _kept(seen, (grad_x - along * qx) * inverse_length),
                _kept(seen, (grad_y - along * qy) * inverse_length),
                _kept(seen, (grad_z - along * qz) * inverse_length),
            )

            # a = J W with J = [[fx/z, 0, -fx ux/z], [0, fy/z, -fy uy/z]], ux and uy clamped.
            v00, v01, v02 = splat(view[0, 0]), splat(view[0, 1]), splat(view[0, 2])
            v10, v11, v12 = splat(view[1, 0]), splat(view[1, 1]), splat(view[1, 2])
            v20, v21, v22 = splat(view[2, 0]), splat(view[2, 1]), splat(view[2, 2])
            grad_j00, grad_j02 = grad_a0 * v00 + grad_a1 * v01 + grad_a2 * v02, grad_a0 * v20 + grad_a1 * v21 + grad_a2 * v22
            grad_j11, grad_j12 = grad_a3 * v10 + grad_a4 * v11 + grad_a5 * v12, grad_a3 * v20 + grad_a4 * v21 + grad_a5 * v22
            j00, j11 = splat(fx) * inverse_z, splat(fy) * inverse_z
            # Where a direction was clamped the linearisation does not follow it: one less than the other is > 0 there.
            bent_x, bent_y = (clamped_x - ux) * (clamped_x - ux), (clamped_y - uy) * (clamped_y - uy)
            grad_ux = splat(fx) * grad_mx - where_greater(bent_x, zero, zero, j00 * grad_j02)
            grad_uy = splat(fy) * grad_my - where_greater(bent_y, zero, zero, j11 * grad_j12)
            local_x, local_y = grad_ux * inverse_z, grad_uy * inverse_z
            local_z = inverse_z * (
                j00 * (clamped_x * grad_j02 - grad_j00) + j11 * (clamped_y * grad_j12 - grad_j11) - (grad_ux * ux + grad_uy * uy)
            )
            store3(
                to_means,
                3 * i,
                _kept(seen, v00 * local_x + v10 * local_y + v20 * local_z),
                _kept(seen, v01 * local_x + v11 * local_y + v21 * local_z),
                _kept(seen, v02 * local_x + v12 * local_y + v22 * local_z),
            )
    return grad_means, grad_quats, grad_scales, grad_opacities, grad_colors
