"""Measuring this machine: what a build, a preview, a video and the rasterizer cost."""

import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch

from .controls import Controls
from .motion.presets import preset_motion
from .pipeline import DEFAULT_BUDGET, PersePipeline, Renderer
from .render.camera import Camera
from .render.cloud import GaussianCloud
from .render.rasterize import rasterize, warm_up


def _median_ms(action, times: int) -> float:
    samples = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        samples.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(samples), 2)


def run(photo: str | None = None, budget: float | None = None) -> dict:
    """Build one avatar and time everything a visitor waits for.

    Args:
        photo: portrait to build; scikit-image's astronaut if None.
        budget: seconds for the build, as in `PersePipeline.build`.

    Returns:
        Plain JSON values: build_seconds, stages, likeness, peak_memory_mb, preview_ms (512 px), video_fps (512 px, encoding
        included), avatar_bytes, rasterizer (ms by scene), machine.
    """
    if photo is None:
        from skimage.data import astronaut
        photo = astronaut()
    warm_up()
    pipeline = PersePipeline.from_pretrained()
    start = time.perf_counter()
    portrait = pipeline.prepare(photo)
    stages: dict[str, float] = {"portrait": time.perf_counter() - start}
    last = [time.perf_counter(), "rig"]

    def progress(share, text, preview=None):
        stage = "synthesis" if text.startswith("synthesizing") else text
        if stage != last[1]:
            now = time.perf_counter()
            stages[last[1]] = stages.get(last[1], 0.0) + now - last[0]
            last[:] = [now, stage]

    avatar = pipeline.build(portrait, budget or DEFAULT_BUDGET, progress=progress)
    seconds = time.perf_counter() - start
    renderer = Renderer(avatar, 512)
    edits = iter(Controls(attributes={"nose_width": 0.01 * i}, expression={"smile": 0.5}) for i in range(1000))
    preview = _median_ms(lambda: renderer.frame(next(edits)), 40)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        pipeline.save(avatar, path)
        size = path.stat().st_size
        motion = preset_motion("alive", Controls(), 4.0, 25.0)
        begun = time.perf_counter()
        pipeline.video(avatar, motion, Path(folder) / "a.mp4")
        fps = motion.count / (time.perf_counter() - begun)
    return {
        "machine": {"cpus": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__,
                    "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        "build_seconds": round(seconds, 1), "stages": {k: round(v, 2) for k, v in stages.items() if v >= 0.005},
        "report": avatar.report.build, "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "preview_ms": preview, "video_fps": round(fps, 1), "avatar_bytes": size, "rasterizer": _rasterizer(),
    }


def _rasterizer() -> list[dict]:
    """Forward and forward + backward on head-like scenes: projected sigma 1 to 3 pixels."""
    rows = []
    for count, size in ((20_000, 256), (60_000, 512), (120_000, 768)):
        generator = torch.Generator().manual_seed(0)
        direction = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=1)
        sigma = torch.rand(count, 3, generator=generator) * 2 + 1
        cloud = GaussianCloud(direction, torch.randn(count, 4, generator=generator), sigma * 2.4 / size,
                              torch.rand(count, generator=generator) * 0.5 + 0.5, torch.rand(count, 3, generator=generator))
        view = torch.eye(4)
        view[2, 3] = 6.0
        K = torch.tensor([[2.4 * size, 0, size / 2], [0, 2.4 * size, size / 2], [0, 0, 1.0]])
        camera = Camera(view.numpy(), K.numpy(), size, size)
        leaves = GaussianCloud(*(t.clone().requires_grad_() for t in (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors)))

        def both():
            rasterize(leaves, camera)[0].sum().backward()

        rasterize(cloud, camera)
        both()
        rows.append({"gaussians": count, "size": size, "forward_ms": _median_ms(lambda: rasterize(cloud, camera), 15),
                     "forward_backward_ms": _median_ms(both, 10)})
    return rows
