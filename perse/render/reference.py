"""The rasterizer's specification: what rasterize.py means, in plain torch, for tests and small scenes.

Every pixel looks at every Gaussian; gradients are torch's own. The mathematics is that of gsplat 1.5.3, classic mode
(Kerbl et al. 2023, "3D Gaussian Splatting"; Ye et al. 2024, "gsplat", arXiv 2409.06765).
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .camera import Camera
from .cloud import GaussianCloud

NEAR_PLANE = 0.01
FAR_PLANE = 1e10
EPS_2D = 0.3
MAX_ALPHA = 0.999
MIN_ALPHA = 1.0 / 255.0
STOP = 1e-4
FAR_OFF = 2.0**24  # pixels
_ROWS_AT_ONCE = 16


def rasterize_reference(cloud: GaussianCloud, camera: Camera, background: Tensor | None) -> tuple[Tensor, Tensor]:
    """One camera's picture: rgb (H,W,3) and alpha (H,W,1). background: (3,) or None for black."""
    means2d, conics, depths = project(cloud, camera)
    # A Gaussian fainter than one grey level is skipped: its opacity gets no gradient.
    visible = (depths > NEAR_PLANE) & (depths < FAR_PLANE) & (cloud.opacities >= MIN_ALPHA) & cloud.opacities.isfinite()
    visible &= conics.isfinite().all(-1) & (means2d.abs() < FAR_OFF).all(-1) & cloud.colors.isfinite().all(-1)
    index = visible.nonzero()[:, 0]
    index = index[depths[index].argsort(stable=True)]
    sorted_values = means2d[index], conics[index], cloud.opacities[index], cloud.colors[index]
    strips = [
        _composite(*sorted_values, top, min(top + _ROWS_AT_ONCE, camera.height), camera.width)
        for top in range(0, camera.height, _ROWS_AT_ONCE)
    ]
    rgb = torch.cat([strip[0] for strip in strips])
    light = torch.cat([strip[1] for strip in strips])[..., None]
    if background is not None:
        rgb = rgb + light * background
    return rgb, 1.0 - light


def project(cloud: GaussianCloud, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel means (N,2), inverse covariances (N,3) as xx, xy, yy, and depths (N,).

    The perspective is linearised at the mean, its direction clamped to 15 % of the picture beyond each edge.
    """
    viewmat = torch.from_numpy(camera.viewmat).to(cloud.means)
    fx, fy, cx, cy = (float(camera.K[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2)))
    rotation = viewmat[:3, :3]
    local = cloud.means @ rotation.T + viewmat[:3, 3]
    # A depth of one stands in where the Gaussian is culled anyway, so that no infinity enters its gradient.
    depths = local[:, 2]
    z = torch.where(depths > NEAR_PLANE, depths, torch.ones_like(depths))
    x, y = local[:, 0] / z, local[:, 1] / z
    extra_x, extra_y = 0.15 * camera.width / fx, 0.15 * camera.height / fy
    clamped_x = x.clamp(-(cx / fx + extra_x), (camera.width - cx) / fx + extra_x)
    clamped_y = y.clamp(-(cy / fy + extra_y), (camera.height - cy) / fy + extra_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [torch.stack([fx / z, zero, -fx * clamped_x / z], dim=-1), torch.stack([zero, fy / z, -fy * clamped_y / z], dim=-1)], dim=-2
    )
    spread = jacobian @ rotation @ (rotations(cloud.quats) * cloud.scales[:, None, :])
    covariance = spread @ spread.transpose(-1, -2) + EPS_2D * torch.eye(2).to(spread)
    xx, xy, yy = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    determinant = xx * yy - xy * xy
    conics = torch.stack([yy, -xy, xx], dim=-1) / determinant[:, None]
    return torch.stack([fx * x + cx, fy * y + cy], dim=-1), conics, depths


def rotations(quats: Tensor) -> Tensor:
    """Matrices (N, 3, 3) of wxyz quaternions (N, 4) of any length."""
    w, x, y, z = normalize(quats, dim=-1).unbind(-1)
    return torch.stack(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y - w * z),
            2 * (x * z + w * y),
            2 * (x * y + w * z),
            1 - 2 * (x * x + z * z),
            2 * (y * z - w * x),
            2 * (x * z - w * y),
            2 * (y * z + w * x),
            1 - 2 * (x * x + y * y),
        ],
        dim=-1,
    ).reshape(-1, 3, 3)


def _composite(means2d, conics, opacities, colors, top: int, bottom: int, width: int) -> tuple[Tensor, Tensor]:
    """Rows top..bottom from Gaussians sorted front to back: colour (h,W,3) and the light that passes (h,W)."""
    y, x = torch.meshgrid(torch.arange(top, bottom) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    dx = x.to(means2d)[..., None] - means2d[:, 0]
    dy = y.to(means2d)[..., None] - means2d[:, 1]
    sigma = 0.5 * (conics[:, 0] * dx * dx + conics[:, 2] * dy * dy) + conics[:, 1] * dx * dy
    alpha = (opacities * torch.exp(-sigma)).clamp(max=MAX_ALPHA)
    alpha = torch.where((alpha >= MIN_ALPHA) & (sigma >= 0), alpha, torch.zeros_like(alpha))
    after = torch.cumprod(1.0 - alpha, dim=-1)
    # The Gaussian that would bring the light down to STOP is left out, and with it everything behind.
    alpha = torch.where(after > STOP, alpha, torch.zeros_like(alpha))
    after = torch.cumprod(1.0 - alpha, dim=-1)
    light = torch.cat([torch.ones_like(x).to(after)[..., None], after], dim=-1)  # before each of them, and behind the last
    return (alpha * light[..., :-1]) @ colors, light[..., -1]
