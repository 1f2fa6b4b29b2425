"""From Gaussians in the world to ellipses in the picture, and the gradients back. reference.py has the mathematics."""

import math

import numba
import numpy as np

from .jit import compiled

f32 = np.float32
NEAR_PLANE = f32(0.01)
FAR_PLANE = f32(1e10)
EPS_2D = f32(0.3)  # pixels^2 added to the projected covariance
MIN_ALPHA = f32(1.0 / 255.0)
TILE = 32  # pixels a side

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


@compiled(inline="always")
def _rotation(w, x, y, z):
    """The nine entries of the rotation of a unit quaternion."""
    one, two = f32(1.0), f32(2.0)
    return (
        one - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y),
        two * (x * y + w * z), one - two * (x * x + z * z), two * (y * z - w * x),
        two * (x * z - w * y), two * (y * z + w * x), one - two * (x * x + y * y),
    )


@compiled(inline="always")
def _unit(w, x, y, z):
    """The quaternion at unit length and the inverse of its own length."""
    inverse = f32(1.0) / max(math.sqrt(w * w + x * x + y * y + z * z), f32(1e-12))
    return w * inverse, x * inverse, y * inverse, z * inverse, inverse


@compiled(inline="always")
def _to_camera(means, view, i):
    x, y, z = means[i, 0], means[i, 1], means[i, 2]
    return (
        view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3],
        view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3],
        view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3],
    )


@compiled(inline="always")
def _limits(K, width, height):
    """How far off the axis, in x/z and y/z, the projection is linearised: lowest x, highest x, lowest y, highest y."""
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    extra_x, extra_y = f32(0.15) * f32(width) / fx, f32(0.15) * f32(height) / fy
    return (
        -(cx / fx + extra_x), (f32(width) - cx) / fx + extra_x,
        -(cy / fy + extra_y), (f32(height) - cy) / fy + extra_y,
    )


@compiled(inline="always")
def _rows_of_projection(view, fx, fy, ux, uy, inverse_z):
    """J W, the (2,3) derivative of the pixel by the world position, where J is taken at the clamped direction."""
    j00, j02, j11, j12 = fx * inverse_z, -fx * ux * inverse_z, fy * inverse_z, -fy * uy * inverse_z
    return (
        j00 * view[0, 0] + j02 * view[2, 0], j00 * view[0, 1] + j02 * view[2, 1], j00 * view[0, 2] + j02 * view[2, 2],
        j11 * view[1, 0] + j12 * view[2, 0], j11 * view[1, 1] + j12 * view[2, 1], j11 * view[1, 2] + j12 * view[2, 2],
    )


@compiled(inline="always")
def _splat_axes(a, r):
    """The rows of (J W) R: how the picture moves along each of the Gaussian's own axes."""
    return (
        a[0] * r[0] + a[1] * r[3] + a[2] * r[6], a[0] * r[1] + a[1] * r[4] + a[2] * r[7],
        a[0] * r[2] + a[1] * r[5] + a[2] * r[8],
        a[3] * r[0] + a[4] * r[3] + a[5] * r[6], a[3] * r[1] + a[4] * r[4] + a[5] * r[7],
        a[3] * r[2] + a[4] * r[5] + a[5] * r[8],
    )


@compiled(inline="always")
def _determinant(u, scales, i, xx, yy):
    """Of the covariance t t' + EPS_2D, from the cross product of the rows of t: no cancellation, as in xx yy - xy^2."""
    c0 = (u[1] * u[5] - u[2] * u[4]) * scales[i, 1] * scales[i, 2]
    c1 = (u[2] * u[3] - u[0] * u[5]) * scales[i, 2] * scales[i, 0]
    c2 = (u[0] * u[4] - u[1] * u[3]) * scales[i, 0] * scales[i, 1]
    return c0 * c0 + c1 * c1 + c2 * c2 + EPS_2D * (xx + yy - EPS_2D)


@compiled(parallel=True)
def project(means, quats, scales, opacities, colors, view, K, width, height):
    """Records (N,16), depth (N,) float32 (-1: culled) and tile ranges (N,4) int32 (columns, then rows; half-open)."""
    count = means.shape[0]
    records = np.empty((count, RECORD), dtype=np.float32)
    depths = np.empty(count, dtype=np.float32)
    tiles = np.empty((count, 4), dtype=np.int32)
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    low_x, high_x, low_y, high_y = _limits(K, width, height)
    half, two, one = f32(0.5), f32(2.0), f32(1.0)
    for i in numba.prange(count):
        depths[i] = f32(-1.0)
        opacity = opacities[i]
        if not opacity >= MIN_ALPHA:
            continue
        x, y, z = _to_camera(means, view, i)
        if not (z > NEAR_PLANE and z < FAR_PLANE):
            continue
        inverse_z = one / z
        ux, uy = x * inverse_z, y * inverse_z
        mx, my = fx * ux + cx, fy * uy + cy
        a = _rows_of_projection(
            view, fx, fy, min(max(ux, low_x), high_x), min(max(uy, low_y), high_y), inverse_z
        )
        qw, qx, qy, qz, _ = _unit(quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3])
        u = _splat_axes(a, _rotation(qw, qx, qy, qz))
        s0, s1, s2 = scales[i, 0] * scales[i, 0], scales[i, 1] * scales[i, 1], scales[i, 2] * scales[i, 2]
        xx = u[0] * u[0] * s0 + u[1] * u[1] * s1 + u[2] * u[2] * s2 + EPS_2D
        xy = u[0] * u[3] * s0 + u[1] * u[4] * s1 + u[2] * u[5] * s2
        yy = u[3] * u[3] * s0 + u[4] * u[4] * s1 + u[5] * u[5] * s2 + EPS_2D
        determinant = _determinant(u, scales, i, xx, yy)
        if not (determinant > f32(0.0) and determinant < f32(1e37)):
            continue
        # exp(-sigma) opacity >= 1/255 inside this ellipse; the excess covers the rounding of the exponent.
        light = math.log(opacity)
        reach = two * (light + f32(math.log(255.0))) + f32(1e-4)
        radius_x, radius_y = math.sqrt(reach * xx) + MARGIN, math.sqrt(reach * yy) + MARGIN
        left, right = mx - half - radius_x, mx - half + radius_x
        top, bottom = my - half - radius_y, my - half + radius_y
        if not (right >= f32(0.0) and left <= f32(width - 1) and bottom >= f32(0.0) and top <= f32(height - 1)):
            continue
        # int() cuts off: of a number > 0 it is the floor, of one more the ceiling (MARGIN covers whole numbers).
        first_x, last_x = int(max(left + one, f32(0.0))), int(min(right, f32(width - 1)))
        first_y, last_y = int(max(top + one, f32(0.0))), int(min(bottom, f32(height - 1)))
        if first_x > last_x or first_y > last_y:
            continue
        depths[i] = z
        tiles[i, 0], tiles[i, 1] = first_x // TILE, last_x // TILE + 1
        tiles[i, 2], tiles[i, 3] = first_y // TILE, last_y // TILE + 1
        records[i, X], records[i, Y], records[i, SLOPE] = mx, my, xy / yy
        records[i, ACROSS] = -half * LOG2E * yy / determinant
        records[i, DOWN] = -half * LOG2E / yy
        records[i, LIGHT] = light * LOG2E
        records[i, RED], records[i, GREEN], records[i, BLUE] = colors[i, 0], colors[i, 1], colors[i, 2]
        records[i, REACH] = reach * determinant / yy
        records[i, BEND] = determinant / (yy * yy)
        records[i, LEAN] = xy * math.sqrt(reach / xx)
    return records, depths, tiles


@compiled(parallel=True)
def project_backward(means, quats, scales, opacities, view, K, width, height, pair_starts, slots):
    """Sum every Gaussian's pairs and take them back through the projection: gradients of the five inputs."""
    grad_means, grad_quats, grad_scales = np.empty_like(means), np.empty_like(quats), np.empty_like(scales)
    grad_opacities, grad_colors = np.empty_like(opacities), np.empty_like(means)
    fx, fy = K[0, 0], K[1, 1]
    low_x, high_x, low_y, high_y = _limits(K, width, height)
    half, two, one = f32(0.5), f32(2.0), f32(1.0)
    for i in numba.prange(means.shape[0]):
        if pair_starts[i] == pair_starts[i + 1]:
            for axis in range(3):
                grad_means[i, axis] = grad_scales[i, axis] = grad_colors[i, axis] = f32(0.0)
            for axis in range(4):
                grad_quats[i, axis] = f32(0.0)
            grad_opacities[i] = f32(0.0)
            continue
        v, v_u, v_y, v_uu, v_uy, v_yy = f32(0.0), f32(0.0), f32(0.0), f32(0.0), f32(0.0), f32(0.0)
        red, green, blue = f32(0.0), f32(0.0), f32(0.0)
        for pair in range(pair_starts[i], pair_starts[i + 1]):
            v += slots[pair, 0]
            v_u += slots[pair, 1]
            v_y += slots[pair, 2]
            v_uu += slots[pair, 3]
            v_uy += slots[pair, 4]
            v_yy += slots[pair, 5]
            red += slots[pair, 6]
            green += slots[pair, 7]
            blue += slots[pair, 8]
        grad_colors[i, 0], grad_colors[i, 1], grad_colors[i, 2] = red, green, blue
        grad_opacities[i] = -v / opacities[i]

        # The projection again, as in _project.
        x, y, z = _to_camera(means, view, i)
        inverse_z = one / z
        ux, uy = x * inverse_z, y * inverse_z
        clamped_x, clamped_y = min(max(ux, low_x), high_x), min(max(uy, low_y), high_y)
        a = _rows_of_projection(view, fx, fy, clamped_x, clamped_y, inverse_z)
        qw, qx, qy, qz, inverse_length = _unit(quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3])
        r = _rotation(qw, qx, qy, qz)
        u = _splat_axes(a, r)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        xx = u[0] * u[0] * s0 * s0 + u[1] * u[1] * s1 * s1 + u[2] * u[2] * s2 * s2 + EPS_2D
        xy = u[0] * u[3] * s0 * s0 + u[1] * u[4] * s1 * s1 + u[2] * u[5] * s2 * s2
        yy = u[3] * u[3] * s0 * s0 + u[4] * u[4] * s1 * s1 + u[5] * u[5] * s2 * s2 + EPS_2D
        # sigma = u^2 / (2 rest) + dy^2 / (2 yy) with u = dx - slope dy, slope = xy / yy, rest = xx - xy^2 / yy.
        inverse_yy = one / yy
        slope = xy * inverse_yy
        inverse_rest = yy / _determinant(u, scales, i, xx, yy)
        grad_mx = -inverse_rest * v_u
        grad_my = -slope * grad_mx - inverse_yy * v_y
        grad_slope = -inverse_rest * v_uy
        grad_rest = -half * inverse_rest * inverse_rest * v_uu
        grad_xx = grad_rest
        grad_xy = grad_slope * inverse_yy - two * slope * grad_rest
        grad_yy = slope * (slope * grad_rest - grad_slope * inverse_yy) - half * inverse_yy * inverse_yy * v_yy

        # cov = t t' with rows t = u diag(s), u = a R.
        squares = (s0 * s0, s1 * s1, s2 * s2)
        size = (s0, s1, s2)
        grad_a0, grad_a1, grad_a2 = f32(0.0), f32(0.0), f32(0.0)
        grad_a3, grad_a4, grad_a5 = f32(0.0), f32(0.0), f32(0.0)
        g0 = (two * grad_xx * u[0] + grad_xy * u[3], two * grad_xx * u[1] + grad_xy * u[4],
              two * grad_xx * u[2] + grad_xy * u[5])
        g1 = (two * grad_yy * u[3] + grad_xy * u[0], two * grad_yy * u[4] + grad_xy * u[1],
              two * grad_yy * u[5] + grad_xy * u[2])
        for axis in range(3):
            grad_scales[i, axis] = (g0[axis] * u[axis] + g1[axis] * u[3 + axis]) * size[axis]
            w0, w1 = g0[axis] * squares[axis], g1[axis] * squares[axis]
            grad_a0 += r[axis] * w0
            grad_a1 += r[3 + axis] * w0
            grad_a2 += r[6 + axis] * w0
            grad_a3 += r[axis] * w1
            grad_a4 += r[3 + axis] * w1
            grad_a5 += r[6 + axis] * w1
        w00, w01, w02 = g0[0] * squares[0], g0[1] * squares[1], g0[2] * squares[2]
        w10, w11, w12 = g1[0] * squares[0], g1[1] * squares[1], g1[2] * squares[2]
        r00, r01, r02 = a[0] * w00 + a[3] * w10, a[0] * w01 + a[3] * w11, a[0] * w02 + a[3] * w12
        r10, r11, r12 = a[1] * w00 + a[4] * w10, a[1] * w01 + a[4] * w11, a[1] * w02 + a[4] * w12
        r20, r21, r22 = a[2] * w00 + a[5] * w10, a[2] * w01 + a[5] * w11, a[2] * w02 + a[5] * w12
        grad_w = two * (qx * (r21 - r12) + qy * (r02 - r20) + qz * (r10 - r01))
        grad_x = two * (-two * qx * (r11 + r22) + qy * (r01 + r10) + qz * (r02 + r20) + qw * (r21 - r12))
        grad_y = two * (qx * (r01 + r10) - two * qy * (r00 + r22) + qz * (r12 + r21) + qw * (r02 - r20))
        grad_z = two * (qx * (r02 + r20) + qy * (r12 + r21) - two * qz * (r00 + r11) + qw * (r10 - r01))
        along = grad_w * qw + grad_x * qx + grad_y * qy + grad_z * qz
        grad_quats[i, 0] = (grad_w - along * qw) * inverse_length
        grad_quats[i, 1] = (grad_x - along * qx) * inverse_length
        grad_quats[i, 2] = (grad_y - along * qy) * inverse_length
        grad_quats[i, 3] = (grad_z - along * qz) * inverse_length

        # a = J W with J = [[fx/z, 0, -fx ux/z], [0, fy/z, -fy uy/z]], ux and uy clamped.
        grad_j00 = grad_a0 * view[0, 0] + grad_a1 * view[0, 1] + grad_a2 * view[0, 2]
        grad_j02 = grad_a0 * view[2, 0] + grad_a1 * view[2, 1] + grad_a2 * view[2, 2]
        grad_j11 = grad_a3 * view[1, 0] + grad_a4 * view[1, 1] + grad_a5 * view[1, 2]
        grad_j12 = grad_a3 * view[2, 0] + grad_a4 * view[2, 1] + grad_a5 * view[2, 2]
        grad_ux, grad_uy = fx * grad_mx, fy * grad_my
        if clamped_x == ux:
            grad_ux -= fx * inverse_z * grad_j02
        if clamped_y == uy:
            grad_uy -= fy * inverse_z * grad_j12
        local_x, local_y = grad_ux * inverse_z, grad_uy * inverse_z
        local_z = -(grad_ux * ux + grad_uy * uy) * inverse_z + inverse_z * inverse_z * (
            fx * (clamped_x * grad_j02 - grad_j00) + fy * (clamped_y * grad_j12 - grad_j11)
        )
        for axis in range(3):
            grad_means[i, axis] = view[0, axis] * local_x + view[1, axis] * local_y + view[2, axis] * local_z
    return grad_means, grad_quats, grad_scales, grad_opacities, grad_colors
