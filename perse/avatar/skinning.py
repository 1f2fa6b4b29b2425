"""The binding's inner loop: one fused CPU kernel, and the plain torch form of the same for every other device.

Per triangle the rotation from rest and the growth are found once; per Gaussian they are applied. Fused, this costs a
tenth of the torch form on the CPU, where every intermediate (N, 3, 3) tensor is a trip to memory.
"""

import numpy as np
import torch
from numba import prange
from torch import Tensor

from ..render.jit import compiled
from .binding import STRETCH, Binding, matrix_to_quaternion, quaternion_multiply, triangle_frames

_LOW, _HIGH = STRETCH
_POINT = np.float32(1e-6)  # size of what is left out
UNSEEN = 1 / 255  # opacity below which rasterizers leave a Gaussian out


@compiled(parallel=True)
def _forward(
    vertices,
    faces,
    rest_frames,
    rest_size,
    face,
    bary,
    rigid,
    offset,
    quats,
    log_scales,
    wanted,
    means,
    out_quats,
    scales,
    turn,
    turn_quat,
    stretch,
):
    for f in prange(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        e0, e1, e2 = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        d0, d1, d2 = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        n0, n1, n2 = e1 * d2 - e2 * d1, e2 * d0 - e0 * d2, e0 * d1 - e1 * d0
        length = max(np.sqrt(e0 * e0 + e1 * e1 + e2 * e2), np.float32(1e-9))
        double_area = max(np.sqrt(n0 * n0 + n1 * n1 + n2 * n2), np.float32(1e-12))
        e0, e1, e2 = e0 / length, e1 / length, e2 / length
        n0, n1, n2 = n0 / double_area, n1 / double_area, n2 / double_area
        s0, s1, s2 = n1 * e2 - n2 * e1, n2 * e0 - n0 * e2, n0 * e1 - n1 * e0
        for j in range(3):
            r0, r1, r2 = rest_frames[f, j, 0], rest_frames[f, j, 1], rest_frames[f, j, 2]
            turn[f, 0, j] = e0 * r0 + s0 * r1 + n0 * r2
            turn[f, 1, j] = e1 * r0 + s1 * r1 + n1 * r2
            turn[f, 2, j] = e2 * r0 + s2 * r1 + n2 * r2
        growth = np.sqrt(np.float32(0.5) * double_area) / max(rest_size[f], np.float32(1e-9))
        stretch[f] = min(max(growth, np.float32(_LOW)), np.float32(_HIGH))
        m00, m11, m22 = turn[f, 0, 0], turn[f, 1, 1], turn[f, 2, 2]
        x, y, z = turn[f, 2, 1] - turn[f, 1, 2], turn[f, 0, 2] - turn[f, 2, 0], turn[f, 1, 0] - turn[f, 0, 1]
        xy, xz, yz = turn[f, 0, 1] + turn[f, 1, 0], turn[f, 0, 2] + turn[f, 2, 0], turn[f, 1, 2] + turn[f, 2, 1]
        tw, tx, ty, tz = m00 + m11 + m22, m00 - m11 - m22, m11 - m00 - m22, m22 - m00 - m11
        if tw >= tx and tw >= ty and tw >= tz:
            q0, q1, q2, q3 = 1 + tw, x, y, z
        elif tx >= ty and tx >= tz:
            q0, q1, q2, q3 = x, 1 + tx, xy, xz
        elif ty >= tz:
            q0, q1, q2, q3 = y, xy, 1 + ty, yz
        else:
            q0, q1, q2, q3 = z, xz, yz, 1 + tz
        norm = np.float32(1) / max(np.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3), np.float32(1e-12))
        turn_quat[f, 0], turn_quat[f, 1], turn_quat[f, 2], turn_quat[f, 3] = q0 * norm, q1 * norm, q2 * norm, q3 * norm
    for i in prange(face.shape[0]):
        if not wanted[i]:
            for j in range(3):
                means[i, j] = out_quats[i, j + 1] = 0
                scales[i, j] = _POINT
            out_quats[i, 0] = 1
            continue
        f = face[i]
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        k = np.float32(1) if rigid[i] else stretch[f]
        o0, o1, o2 = offset[i, 0] * k, offset[i, 1] * k, offset[i, 2] * k
        for j in range(3):
            means[i, j] = (
                bary[i, 0] * vertices[a, j]
                + bary[i, 1] * vertices[b, j]
                + bary[i, 2] * vertices[c, j]
                + turn[f, j, 0] * o0
                + turn[f, j, 1] * o1
                + turn[f, j, 2] * o2
            )
            scales[i, j] = np.exp(log_scales[i, j]) * k
        aw, ax, ay, az = turn_quat[f, 0], turn_quat[f, 1], turn_quat[f, 2], turn_quat[f, 3]
        bw, bx, by, bz = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
        out_quats[i, 0] = aw * bw - ax * bx - ay * by - az * bz
        out_quats[i, 1] = aw * bx + ax * bw + ay * bz - az * by
        out_quats[i, 2] = aw * by - ax * bz + ay * bw + az * bx
        out_quats[i, 3] = aw * bz + ax * by - ay * bx + az * bw


@compiled(parallel=True)
def _backward(face, rigid, turn, turn_quat, stretch, wanted, scales, g_means, g_quats, g_scales, g_offset, g_q, g_log_scales):
    for i in prange(face.shape[0]):
        if not wanted[i]:
            for j in range(3):
                g_offset[i, j] = g_log_scales[i, j] = g_q[i, j] = 0
            g_q[i, 3] = 0
            continue
        f = face[i]
        k = np.float32(1) if rigid[i] else stretch[f]
        for j in range(3):
            g_offset[i, j] = k * (turn[f, 0, j] * g_means[i, 0] + turn[f, 1, j] * g_means[i, 1] + turn[f, 2, j] * g_means[i, 2])
            g_log_scales[i, j] = g_scales[i, j] * scales[i, j]
        # The product's transpose is the product with the conjugate.
        aw, ax, ay, az = turn_quat[f, 0], -turn_quat[f, 1], -turn_quat[f, 2], -turn_quat[f, 3]
        bw, bx, by, bz = g_quats[i, 0], g_quats[i, 1], g_quats[i, 2], g_quats[i, 3]
        g_q[i, 0] = aw * bw - ax * bx - ay * by - az * bz
        g_q[i, 1] = aw * bx + ax * bw + ay * bz - az * by
        g_q[i, 2] = aw * by - ax * bz + ay * bw + az * bx
        g_q[i, 3] = aw * bz + ax * by - ay * bx + az * bw


@compiled()
def _scatter(faces, face, bary, g_means, out):
    for i in range(face.shape[0]):
        f = face[i]
        for corner in range(3):
            v = faces[f, corner]
            w = bary[i, corner]
            for j in range(3):
                out[v, j] += w * g_means[i, j]


class _Follow(torch.autograd.Function):
    @staticmethod
    def forward(ctx, vertices, offset, quats, log_scales, wanted, fixed):
        n, f = len(offset), len(fixed.faces)
        means, out_quats, scales = (torch.empty(n, c) for c in (3, 4, 3))
        turn, turn_quat, stretch = np.empty((f, 3, 3), np.float32), np.empty((f, 4), np.float32), np.empty(f, np.float32)
        args = [np.ascontiguousarray(t.detach().numpy()) for t in (vertices, offset, quats, log_scales)]
        _forward(
            args[0],
            fixed.faces,
            fixed.rest_frames,
            fixed.rest_size,
            fixed.face,
            fixed.bary,
            fixed.keeps_size,
            *args[1:],
            wanted,
            means.numpy(),
            out_quats.numpy(),
            scales.numpy(),
            turn,
            turn_quat,
            stretch,
        )
        ctx.fixed, ctx.frames, ctx.scales, ctx.vertex_count = fixed, (turn, turn_quat, stretch, wanted), scales, len(vertices)
        return means, out_quats, scales

    @staticmethod
    def backward(ctx, g_means, g_quats, g_scales):
        n = len(g_means)
        grads = [np.ascontiguousarray(g.numpy()) for g in (g_means, g_quats, g_scales)]
        outs = [np.empty((n, c), np.float32) for c in (3, 4, 3)]
        if any(ctx.needs_input_grad[1:4]):
            _backward(ctx.fixed.face, ctx.fixed.keeps_size, *ctx.frames, ctx.scales.numpy(), *grads, *outs)
        g_vertices = None
        if ctx.needs_input_grad[0]:
            g_vertices = np.zeros((ctx.vertex_count, 3), np.float32)
            _scatter(ctx.fixed.faces, ctx.fixed.face, ctx.fixed.bary, grads[0], g_vertices)
            g_vertices = torch.from_numpy(g_vertices)
        return (g_vertices, *(torch.from_numpy(g) if need else None for g, need in zip(outs, ctx.needs_input_grad[1:4])), None, None)


class Follower:
    """Carries bound Gaussians along with a moving mesh: skin stretches with its triangle, what hangs on it only turns.

    Args:
        rest: (V, 3) rest vertices; faces: (F, 3); binding: where the N Gaussians sit; rigid: (N,) bool, which keep their size and their
            distance from it, or None for none: strands and objects, as the teaching clips have them. All on one device.
    """

    def __init__(self, rest: Tensor, faces: Tensor, binding: Binding, rigid: Tensor | None = None):
        self.rest_faces, self.binding = faces, binding
        self.rigid = torch.zeros(len(binding), dtype=torch.bool, device=rest.device) if rigid is None else rigid
        self.frames, self.size = triangle_frames(rest, faces)
        if rest.device.type == "cpu":
            self.faces = np.ascontiguousarray(faces.numpy(), np.int32)
            self.rest_frames, self.rest_size = self.frames.contiguous().numpy(), self.size.numpy()
            self.face = np.ascontiguousarray(binding.face.numpy(), np.int32)
            self.bary = np.ascontiguousarray(binding.bary.numpy())
            self.keeps_size = self.rigid.numpy()

    def __call__(
        self, vertices: Tensor, offset: Tensor, quats: Tensor, log_scales: Tensor, opacities: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Posed means (..., N, 3), quats (..., N, 4), scales (..., N, 3).

        Args:
            vertices: (..., V, 3) posed; gradients reach them through the bound points.
            offset: (N, 3) from the bound point, in head-frame units at rest.
            quats, log_scales: (N, 4), (N, 3) at rest.
            opacities: (N,); Gaussians that nobody will see may be left out: a point at the origin.
        """
        if vertices.device.type == "cpu" and vertices.dim() == 2:
            wanted = np.ones(len(offset), bool) if opacities is None else opacities.detach().numpy() >= UNSEEN
            return _Follow.apply(vertices, offset, quats, log_scales, wanted, self)
        return self.plain(vertices, offset, quats, log_scales)

    def plain(self, vertices: Tensor, offset: Tensor, quats: Tensor, log_scales: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same in torch: the specification, and what runs on CUDA, for many frames at once where there are leading dimensions."""
        binding = self.binding
        corners = vertices[..., self.rest_faces[binding.face], :]
        point = (binding.bary[..., None] * corners).sum(-2)
        with torch.no_grad():
            frames, size = triangle_frames(vertices.detach(), self.rest_faces)
            turn = frames @ self.frames.transpose(-1, -2)
            stretch = (size / self.size.clamp_min(1e-9)).clamp(*STRETCH)
            turn_quat = matrix_to_quaternion(turn)[..., binding.face, :]
            turn, stretch = turn[..., binding.face, :, :], stretch[..., binding.face].masked_fill(self.rigid, 1.0)[..., None]
        means = point + (turn @ offset[..., None])[..., 0] * stretch
        return means, quaternion_multiply(turn_quat, quats.expand_as(turn_quat)), log_scales.exp() * stretch
