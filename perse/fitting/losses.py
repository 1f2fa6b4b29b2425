"""What a rendered teaching picture is compared by.

`picture_loss` is written twice: `plain` in torch is the specification and serves CUDA; on the CPU fused kernels give the
value and its gradient in two passes over the picture, where autograd makes some forty.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numba import prange
from torch import Tensor

from ..render.jit import compiled

SSIM_WEIGHT = 0.15
ALPHA_WEIGHT = 0.25
LONGEST = 128  # side of the copy that SSIM sees: at full size it costs three times the rasterizer and teaches little more
WINDOW = 7
C1, C2 = 0.01**2, 0.03**2


@dataclass
class Target:
    """A teaching picture.

    image (H, W, 3) premultiplied by alpha (H, W), float32 in [0, 1] or uint8; weight (H, W), of the same types, or None for 1:
    where the picture teaches.
    """

    image: Tensor
    alpha: Tensor
    weight: Tensor | None = None

    def as_float(self) -> "Target":
        """The same in float32."""

        def convert(t):
            return t.float() / 255 if t is not None and t.dtype == torch.uint8 else t

        return Target(convert(self.image), convert(self.alpha), convert(self.weight))


def structure(a: Tensor, b: Tensor, longest: int = LONGEST) -> Tensor:
    """1 - mean SSIM (Wang et al. 2004) of two pictures (H, W, C), on a copy of at most about `longest` pixels, with a
    7 x 7 box window."""
    x = torch.stack([a, b]).permute(0, 3, 1, 2).contiguous()
    factor = -(-max(a.shape[:2]) // longest)
    if factor > 1:
        x = F.avg_pool2d(x, factor)
    # A box window is separable: two passes of 7 cost less than one of 49.
    ma, mb, sa, sb, cross = F.avg_pool2d(F.avg_pool2d(torch.cat([x, x * x, x[:1] * x[1:]]), (7, 1), 1), (1, 7), 1).unbind(0)
    variance_a, variance_b, covariance = sa - ma * ma, sb - mb * mb, cross - ma * mb
    ssim = ((2 * ma * mb + C1) * (2 * covariance + C2)) / ((ma * ma + mb * mb + C1) * (variance_a + variance_b + C2))
    return 1 - ssim.mean()


def picture_loss(image: Tensor, alpha: Tensor, target: Target, background: Tensor) -> Tensor:
    """L1 + SSIM + alpha where the target teaches, of an image (H, W, 3) rendered over `background` (3,), and its alpha (H, W)."""
    if image.device.type == "cpu":
        return _PictureLoss.apply(image, alpha, target, background)
    return plain(image, alpha, target, background)


def plain(image: Tensor, alpha: Tensor, target: Target, background: Tensor) -> Tensor:
    """`picture_loss` in torch."""
    target = target.as_float()
    goal, goal_alpha = target.image + (1 - target.alpha[..., None]) * background, target.alpha
    taught, taught_alpha = image, alpha
    if target.weight is not None:
        # Where the target does not teach the picture is its own goal.
        w = target.weight
        goal, goal_alpha = goal * w[..., None] + image.detach() * (1 - w[..., None]), goal_alpha * w + alpha.detach() * (1 - w)
        taught, taught_alpha = image * w[..., None] + image.detach() * (1 - w[..., None]), alpha * w + alpha.detach() * (1 - w)
    return (taught - goal).abs().mean() + SSIM_WEIGHT * structure(taught, goal) + ALPHA_WEIGHT * (taught_alpha - goal_alpha).abs().mean()


class _PictureLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, image, alpha, target, background):
        def array(t, like):
            return np.empty((0,) * like, np.float32) if t is None else np.ascontiguousarray(t.detach().numpy())

        picture = array(image, 3)
        height, width = picture.shape[:2]
        factor = -(-max(height, width) // LONGEST)
        small = np.zeros((2, height // factor, width // factor, 3), np.float32)
        grad, grad_alpha = np.empty_like(picture), np.empty((height, width), np.float32)
        weight = array(target.weight, 2)
        parts = _pixels(
            picture,
            array(alpha, 2),
            array(target.image, 3),
            array(target.alpha, 2),
            weight,
            array(background, 1),
            factor,
            small,
            grad,
            grad_alpha,
        )
        dissimilar, grad_small = _structure(small[0], small[1])
        _spread(grad, grad_small, weight, factor)
        ctx.grads = torch.from_numpy(grad), torch.from_numpy(grad_alpha)
        return torch.tensor(float(parts.sum() + SSIM_WEIGHT * dissimilar), dtype=torch.float32)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        grad, grad_alpha = ctx.grads
        if float(upstream) != 1.0:
            grad, grad_alpha = grad * upstream, grad_alpha * upstream
        return grad, grad_alpha, None, None


_f32 = np.float32


@compiled(parallel=True)
def _pixels(image, alpha, target, target_alpha, weight, background, factor, small, grad, grad_alpha):
    """The parts of the loss that pixels have on their own, with their gradients; and both pictures shrunk by `factor`.

    Returns (bands,) float64, to be summed. weight is empty where there is none.
    """
    height, width = alpha.shape
    bands = (height + factor - 1) // factor
    parts = np.zeros(bands)
    stored = _f32(1 / 255) if target.itemsize == 1 else _f32(1)
    weighed = _f32(1 / 255) if weight.itemsize == 1 else _f32(1)
    each, area = _f32(1 / (3 * height * width)), _f32(1 / (height * width))
    share = _f32(1 / (factor * factor))
    has_weight = weight.size > 0
    rows, columns = small.shape[1], small.shape[2]
    for band in prange(bands):
        value = 0.0
        for y in range(band * factor, min((band + 1) * factor, height)):
            for x in range(width):
                w = _f32(weight[y, x]) * weighed if has_weight else _f32(1)
                opaque = _f32(target_alpha[y, x]) * stored
                off = alpha[y, x] - opaque
                value += ALPHA_WEIGHT * area * w * abs(off)
                grad_alpha[y, x] = _f32(ALPHA_WEIGHT) * area * w * np.sign(off)
                at = x // factor
                for c in range(3):
                    shown = image[y, x, c]
                    wanted = _f32(target[y, x, c]) * stored + (_f32(1) - opaque) * background[c]
                    off = shown - wanted
                    value += each * w * abs(off)
                    grad[y, x, c] = each * w * np.sign(off)
                    if band < rows and at < columns:
                        small[0, band, at, c] += share * shown
                        small[1, band, at, c] += share * (w * wanted + (_f32(1) - w) * shown)
        parts[band] = value
    return parts


@compiled(parallel=True)
def _structure(a, b):
    """1 - mean SSIM of (h, w, 3) pictures with a box window, and its gradient by the first."""
    height, width = a.shape[:2]
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    share = _f32(1 / (WINDOW * WINDOW))
    scale = _f32(-1 / (rows * columns * 3))
    tall = np.empty((rows, 5, width * 3), np.float32)
    flat_a, flat_b = a.reshape(height, width * 3), b.reshape(height, width * 3)
    pull = np.empty((rows, 3, columns * 3), np.float32)  # of the mean, the square, the product
    sums = np.zeros(rows)
    for y in prange(rows):
        line = tall[y]
        line[:] = 0
        for k in range(WINDOW):
            for x in range(width * 3):
                p, q = flat_a[y + k, x], flat_b[y + k, x]
                line[0, x] += p
                line[1, x] += q
                line[2, x] += p * p
                line[3, x] += q * q
                line[4, x] += p * q
        total = 0.0
        for x in range(columns * 3):
            m, n, mm, nn, mn = _f32(0), _f32(0), _f32(0), _f32(0), _f32(0)
            for k in range(WINDOW):
                m += line[0, x + 3 * k]
                n += line[1, x + 3 * k]
                mm += line[2, x + 3 * k]
                nn += line[3, x + 3 * k]
                mn += line[4, x + 3 * k]
            m, n, mm, nn, mn = m * share, n * share, mm * share, nn * share, mn * share
            near, alike = 2 * m * n + _f32(C1), 2 * (mn - m * n) + _f32(C2)
            bright, rough = m * m + n * n + _f32(C1), mm - m * m + nn - n * n + _f32(C2)
            inverse = _f32(1) / (bright * rough)
            ssim = near * alike * inverse
            total += ssim
            pull[y, 0, x] = scale * (2 * n * (alike - near) * inverse - 2 * m * ssim * (_f32(1) / bright - _f32(1) / rough))
            pull[y, 1, x] = -scale * ssim / rough
            pull[y, 2, x] = scale * 2 * near * inverse
        sums[y] = total
    grad = np.empty((height, width, 3), np.float32)
    flat_grad = grad.reshape(height, width * 3)
    for y in prange(height):
        line = np.zeros((3, columns * 3), np.float32)
        for row in range(max(0, y - WINDOW + 1), min(rows, y + 1)):
            for kind in range(3):
                for x in range(columns * 3):
                    line[kind, x] += pull[row, kind, x]
        for x in range(width * 3):
            column, channel = x // 3, x % 3
            mean, square, product = _f32(0), _f32(0), _f32(0)
            for k in range(max(0, column - WINDOW + 1), min(columns, column + 1)):
                mean += line[0, 3 * k + channel]
                square += line[1, 3 * k + channel]
                product += line[2, 3 * k + channel]
            flat_grad[y, x] = share * (mean + 2 * flat_a[y, x] * square + flat_b[y, x] * product)
    return 1 - sums.sum() / (rows * columns * 3), grad


@compiled(parallel=True)
def _spread(grad, grad_small, weight, factor):
    """Add the gradient of the shrunk picture to that of the picture, where it teaches."""
    rows, columns = grad_small.shape[:2]
    share = _f32(SSIM_WEIGHT / (factor * factor))
    weighed = _f32(1 / 255) if weight.itemsize == 1 else _f32(1)
    for y in prange(rows * factor):
        for x in range(columns * factor):
            w = share * (_f32(weight[y, x]) * weighed if weight.size else _f32(1))
            for c in range(3):
                grad[y, x, c] += w * grad_small[y // factor, x // factor, c]
