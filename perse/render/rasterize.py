"""The one entry to Gaussian rasterizing: gsplat's kernels on CUDA, our own on the CPU, the same pictures from both."""

import numpy as np
import torch
from torch import Tensor

from .camera import Camera
from .cloud import GaussianCloud
from .cpu.rasterize import rasterize_cpu


def rasterize(
    cloud: GaussianCloud,
    cameras: Camera | list[Camera],
    width: int | None = None,
    height: int | None = None,
    backgrounds: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Render a cloud through one or several cameras, differentiably.

    cloud: of C frames, if it has a dimension for them, else the same for all.
    cameras: C of them; all pictures have one size, that of the first unless width and height (pixels) say otherwise:
        cameras of another size are resized. Skew in K is ignored, as gsplat does.
    backgrounds: (3,) for all or (C,3), float32 RGB; None is black.

    Returns rgb (C,H,W,3), composited over the background (premultiplied over black if there is none), and alpha
    (C,H,W,1), on the cloud's device. Gradients reach means, quats (of any length), scales, opacities, colors and
    backgrounds, not the cameras. A Gaussian with opacity below 1/255 costs nothing and gets no gradient at all.

    Semantics of gsplat 1.5.3 `rasterization`, classic mode: eps2d 0.3, near 0.01, far 1e10, alpha = min(0.999,
    opacity exp(-sigma)) dropped below 1/255, a pixel is finished when its transmittance would fall to 1e-4.
    A Gaussian with a number that is not finite, or whose centre lies 2**24 pixels off, is left out.
    Raises ValueError for no camera, backgrounds of the wrong shape, or not one camera a frame; PerseError for a picture with a side
    above camera.MAX_SIDE and, on the CPU, for more pairs of Gaussians and tiles than binning.MAX_PAIRS: memory and time of a picture
    are bounded. Safe to call from several threads at once.
    """
    cameras = [cameras] if isinstance(cameras, Camera) else list(cameras)
    if not cameras:
        raise ValueError("rasterize needs at least one camera")
    width, height = width or cameras[0].width, height or cameras[0].height
    cameras = [camera if (camera.width, camera.height) == (width, height) else camera.resized(width, height) for camera in cameras]
    cameras[0].check_size()
    if backgrounds is not None:
        if tuple(backgrounds.shape) not in ((3,), (len(cameras), 3)):
            raise ValueError(f"backgrounds must be (3,) or ({len(cameras)}, 3), not {tuple(backgrounds.shape)}")
        backgrounds = backgrounds.to(cloud.means).expand(len(cameras), 3)
    frames = cloud.means.dim() == 3
    if frames and len(cloud.means) != len(cameras):
        raise ValueError(f"{len(cloud.means)} frames need as many cameras, not {len(cameras)}")
    if cloud.means.is_cuda:
        return _rasterize_cuda(cloud, cameras, backgrounds)
    each = [None] * len(cameras) if backgrounds is None else backgrounds
    clouds = [cloud.select(k) for k in range(len(cameras))] if frames else [cloud] * len(cameras)
    pictures = [rasterize_cpu(*job) for job in zip(clouds, cameras, each)]
    if len(pictures) == 1:  # the common case, without a copy
        return pictures[0][0][None], pictures[0][1][None]
    return torch.stack([rgb for rgb, _ in pictures]), torch.stack([alpha for _, alpha in pictures])


def _rasterize_cuda(cloud: GaussianCloud, cameras: list[Camera], backgrounds: Tensor | None) -> tuple[Tensor, Tensor]:
    """All pictures in one call: a frame is a batch of one camera to gsplat, a still cloud one batch of many."""
    from gsplat import rasterization  # needs CUDA and takes over a second to import

    viewmats = torch.from_numpy(np.stack([camera.viewmat for camera in cameras])).to(cloud.means)
    Ks = torch.from_numpy(np.stack([camera.K for camera in cameras])).to(cloud.means)
    frames = cloud.means.dim() == 3
    if frames:
        viewmats, Ks = viewmats[:, None], Ks[:, None]
        backgrounds = None if backgrounds is None else backgrounds[:, None]
    rgb, alpha, _ = rasterization(
        cloud.means,
        cloud.quats,
        cloud.scales,
        cloud.opacities,
        cloud.colors,
        viewmats=viewmats,
        Ks=Ks,
        width=cameras[0].width,
        height=cameras[0].height,
        backgrounds=backgrounds,
        packed=False,
    )
    return (rgb.squeeze(1), alpha.squeeze(1)) if frames else (rgb, alpha)
