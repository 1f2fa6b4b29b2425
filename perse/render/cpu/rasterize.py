"""The CPU rasterizer: numba kernels with gsplat's semantics (see reference.py for the specification), differentiable.

How a picture is made:

1. projection.py  every Gaussian becomes a record of 16 floats, or is culled, sixteen at a time;
2. binning.py     the visible ones are listed by tile of 32 x 32 pixels, front to back;
3. blend.py       every tile is composited on its own, in parallel.

The backward pass replays the tiles front to back, as the forward pass did, and writes one gradient per (tile, Gaussian)
pair; a last pass sums the pairs of each Gaussian and takes them back through the projection. No two threads ever add to
the same number, so gradients are the same in every run.
"""

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from ..cloud import GaussianCloud
from .binning import bin_to_tiles
from .blend import blend
from .blend_backward import CENTRES, blend_backward
from .lanes import WIDTH
from .layout import ROWS
from .projection import project, project_backward


def rasterize_cpu(cloud: GaussianCloud, camera: Camera, background: Tensor | None) -> tuple[Tensor, Tensor]:
    """One camera's picture of a cloud on the CPU.

    background: (3,) float32 or None for black. Returns rgb (H,W,3) and alpha (H,W,1), float32, differentiable with
    respect to everything in the cloud and to the background.
    """
    return _Rasterize.apply(cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors, background, camera)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx, means, quats, scales, opacities, colors, background, camera):
        arrays = [_filled(_array(tensor)) for tensor in (means, quats, scales, opacities, colors)]
        view = (camera.viewmat, camera.K, camera.width, camera.height)
        backdrop = np.zeros(3, dtype=np.float32) if background is None else _array(background)
        records, depths, tiles = project(*arrays, *view)
        bins = bin_to_tiles(depths, tiles, camera.width, camera.height)
        image, transmittance, *found, _ = blend(records, *bins[:2], backdrop, camera.width, camera.height)
        rgb, alpha = torch.from_numpy(image), torch.from_numpy(1.0 - transmittance[..., None])
        if any(ctx.needs_input_grad):
            # Tensors that the caller could change in place go through torch, which notices.
            ctx.save_for_backward(means, quats, scales, opacities, rgb)
            ctx.view, ctx.state = view, (records, bins, transmittance, found)
        return rgb, alpha

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_image, grad_alpha):
        *inputs, image = [_array(tensor) for tensor in ctx.saved_tensors]
        count, inputs = len(inputs[0]), [_filled(array) for array in inputs]
        records, (starts, entries, pairs, pair_starts), transmittance, found = ctx.state
        grad_image, grad_alpha = _array(grad_image), _array(grad_alpha).reshape(transmittance.shape)
        slots = blend_backward(records, starts, entries, pairs, *found, image, transmittance, grad_image, grad_alpha, CENTRES, WIDTH)
        gradients = project_backward(*inputs, *ctx.view, pair_starts, slots)
        grad_background = None
        if ctx.needs_input_grad[5]:
            grad_background = torch.from_numpy(transmittance.reshape(-1) @ grad_image.reshape(-1, 3))
        return *(torch.from_numpy(gradient[:count]) for gradient in gradients), grad_background, None


def _array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _filled(array: np.ndarray) -> np.ndarray:
    """At least as many rows as the kernels take at once, the further ones zero: of no opacity."""
    short = ROWS - len(array)
    return np.concatenate([array, np.zeros((short, *array.shape[1:]), np.float32)]) if short > 0 else array
