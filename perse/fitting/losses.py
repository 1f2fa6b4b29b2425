"""What a rendered teaching picture is compared by."""

import torch
import torch.nn.functional as F
from torch import Tensor

SSIM_WEIGHT = 0.15
ALPHA_WEIGHT = 0.25
LEAK_WEIGHT = 0.5


def structure(a: Tensor, b: Tensor, longest: int = 128) -> Tensor:
    """1 - mean SSIM (Wang et al. 2004) of two pictures (H, W, C), on a copy of at most about `longest` pixels, with a
    7 x 7 box window: at full size SSIM costs three times the rasterizer and teaches little more."""
    x = torch.stack([a, b]).permute(0, 3, 1, 2).contiguous()
    factor = -(-max(a.shape[:2]) // longest)
    if factor > 1:
        x = F.avg_pool2d(x, factor)
    # A box window is separable: two passes of 7 cost less than one of 49.
    ma, mb, sa, sb, cross = F.avg_pool2d(F.avg_pool2d(torch.cat([x, x * x, x[:1] * x[1:]]), (7, 1), 1), (1, 7), 1).unbind(0)
    variance_a, variance_b, covariance = sa - ma * ma, sb - mb * mb, cross - ma * mb
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    ssim = ((2 * ma * mb + c1) * (2 * covariance + c2)) / ((ma * ma + mb * mb + c1) * (variance_a + variance_b + c2))
    return 1 - ssim.mean()


def picture_loss(image: Tensor, alpha: Tensor, target: Tensor, target_alpha: Tensor, owned: Tensor | None = None,
                 source: Tensor | None = None) -> Tensor:
    """L1 + SSIM + alpha, and the penalty that keeps an edit at home.

    Args:
        image, target: (H, W, 3) over the same background; alpha, target_alpha: (H, W).
        owned: (H, W) in [0, 1], where the edit may change the picture; source: (H, W, 3) the same pose unedited.
    """
    loss = (image - target).abs().mean() + SSIM_WEIGHT * structure(image, target) \
        + ALPHA_WEIGHT * (alpha - target_alpha).abs().mean()
    if owned is not None and source is not None:
        loss = loss + LEAK_WEIGHT * ((1 - owned)[..., None] * (image - source)).abs().mean()
    return loss
