"""How far the CPU rasterizer is from what the machine allows: its own work, counted, against bandwidth and arithmetic, measured."""

import statistics
import time
from functools import partial

import numba
import numpy as np
import torch

from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..render.cpu.binning import bin_to_tiles
from ..render.cpu.bits import BLOCK
from ..render.cpu.blend import blend
from ..render.cpu.lanes import WIDTH
from ..render.cpu.projection import PAIR, RECORD, project
from ..render.cpu.vector import fma, splat, total
from ..render.rasterize import rasterize

COUNTS = (20_000, 60_000, 120_000)
SIZES = (256, 512, 768)
# Floating point operations, a fused multiply-add as two: of a Gaussian through the projection, forth and back; of a pixel
# that a Gaussian meets, forth and back (a comparison, a selection or a guess counts as one).
PROJECT, PROJECT_BACK = 190, 420
PIXEL, PIXEL_BACK = 39, 67


def head_scene(count: int, size: int, seed: int = 0) -> tuple[GaussianCloud, Camera]:
    """Gaussians on a sphere that fills most of a square picture, each 1 to 3 pixels (sigma) along each of its axes."""
    generator = torch.Generator().manual_seed(seed)
    means = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
    scales = (torch.rand(count, 3, generator=generator) * 2 + 1) * 2.5 / size
    cloud = GaussianCloud(
        means,
        torch.randn(count, 4, generator=generator),
        scales,
        torch.rand(count, generator=generator) * 0.5 + 0.5,
        torch.rand(count, 3, generator=generator),
    )
    view = np.eye(4, dtype=np.float32)
    view[2, 3] = 6.0
    K = np.array([[2.4 * size, 0, size / 2], [0, 2.4 * size, size / 2], [0, 0, 1]], np.float32)
    return cloud, Camera(view, K, size, size)


def milliseconds(action, times: int) -> float:
    """Median duration of an action."""
    samples = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        samples.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(samples), 2)


@numba.njit(parallel=True)
def _copy(source, target):
    for i in numba.prange(source.shape[0]):
        target[i] = source[i]


@numba.njit(parallel=True, error_model="numpy")
def _multiply_add(turns, lots, out):
    for lot in numba.prange(lots):
        a, b, c, d = splat(np.float32(0.1)), splat(np.float32(0.2)), splat(np.float32(0.3)), splat(np.float32(0.4))
        e, f, g, h = splat(np.float32(0.5)), splat(np.float32(0.6)), splat(np.float32(0.7)), splat(np.float32(0.8))
        by, plus = splat(np.float32(0.999)), splat(np.float32(0.001))
        for _ in range(turns):
            a, b, c, d = fma(a, by, plus), fma(b, by, plus), fma(c, by, plus), fma(d, by, plus)
            e, f, g, h = fma(e, by, plus), fma(f, by, plus), fma(g, by, plus), fma(h, by, plus)
        out[lot] = total(a + b + c + d + (e + f + g + h))


def machine() -> dict:
    """What all cores together reach: bytes a second in a copy (read and written), operations a second in float32 multiply-adds."""
    source, target = np.ones(32 << 20, np.float32), np.empty(32 << 20, np.float32)
    _copy(source, target)
    copying = min(_seconds(lambda: _copy(source, target)) for _ in range(5))
    turns, lots = 40_000, 64
    out = np.empty(lots, np.float32)
    _multiply_add(1, lots, out)
    adding = min(_seconds(lambda: _multiply_add(turns, lots, out)) for _ in range(5))
    return {
        "copy_gb_s": round(2 * source.nbytes / copying / 1e9, 1),
        "multiply_add_gflops": round(2.0 * 8 * WIDTH * turns * lots / adding / 1e9),
    }


def _seconds(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def work(cloud: GaussianCloud, camera: Camera) -> dict:
    """Bytes and operations of one picture, forward and backward, by counting what the kernels visit.

    Every array that a kernel reads or writes counts once a pass, as if a cache held nothing from one pass to the next and
    everything within one.
    """
    arrays = [t.detach().numpy() for t in (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors)]
    records, depths, tiles = project(*arrays, camera.viewmat, camera.K, camera.width, camera.height)
    starts, entries, pairs, pair_starts = bin_to_tiles(depths, tiles, camera.width, camera.height)
    _, _, visited, _, met = blend(records, starts, entries, np.zeros(3, np.float32), camera.width, camera.height)
    inputs, seen, count, pixels = sum(a.nbytes for a in arrays), int((depths > 0).sum()), len(depths), camera.width * camera.height
    listed, drawn, blocks = len(entries), int(visited.sum()), int(met.sum())
    forward = inputs + 4 * RECORD * seen + 20 * count  # project
    forward += 2 * 20 * count + 2 * 16 * seen + 12 * listed  # bin
    forward += (4 * RECORD + 12) * drawn + 16 * pixels  # blend
    backward = (4 * RECORD + 16 + 4 * PAIR) * drawn + 32 * pixels + 4 * PAIR * listed + 2 * inputs
    return {
        "pairs": listed,
        "blocks": blocks,
        "forward_bytes": forward,
        "backward_bytes": backward,
        "forward_flops": PROJECT * seen + PIXEL * BLOCK * blocks,
        "backward_flops": PROJECT_BACK * seen + PIXEL_BACK * BLOCK * blocks,
    }


def table(counts: tuple[int, ...] = COUNTS, sizes: tuple[int, ...] = SIZES) -> dict:
    """Medians by scene beside the least time that bandwidth or arithmetic allows; `of_limit` is their ratio, 1 at the limit."""
    limits = machine()

    def least(bytes_moved: int, operations: int) -> float:
        return max(bytes_moved / limits["copy_gb_s"], operations / limits["multiply_add_gflops"]) / 1e6

    rows = []
    for size in sizes:
        for count in counts:
            cloud, camera = head_scene(count, size)
            leaves = GaussianCloud(
                *(t.clone().requires_grad_() for t in (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors))
            )

            def both(leaves=leaves, camera=camera):
                rasterize(leaves, camera)[0].sum().backward()

            rasterize(cloud, camera)
            both()
            done = work(cloud, camera)
            forward, together = milliseconds(partial(rasterize, cloud, camera), 15), milliseconds(both, 11)
            floor = least(done["forward_bytes"], done["forward_flops"])
            floor_both = floor + least(done["backward_bytes"], done["backward_flops"])
            rows.append(
                {
                    "gaussians": count,
                    "size": size,
                    "forward_ms": forward,
                    "forward_backward_ms": together,
                    "forward_limit_ms": round(floor, 2),
                    "forward_backward_limit_ms": round(floor_both, 2),
                    "forward_of_limit": round(floor / forward, 2),
                    "forward_backward_of_limit": round(floor_both / together, 2),
                    **done,
                }
            )
    return {"machine": limits, "scenes": rows}
