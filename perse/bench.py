"""Measuring this machine: what a build, a preview, a video and the rasterizer cost."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from . import roofline
from .controls import Controls
from .motion.presets import preset_motion
from .pipeline import DEFAULT_BUDGET, PersePipeline, Renderer
from .render.rasterize import warm_up
from .roofline import milliseconds


def run(photo: str | None = None, budget: float | None = None) -> dict:
    """Build one avatar and time everything a visitor waits for.

    Args:
        photo: portrait to build; scikit-image's astronaut if None.
        budget: seconds for the build, as in `PersePipeline.build`.

    Returns:
        Plain JSON values: build_seconds, stages, report, peak_memory_mb, first_frame_seconds (of a fresh process, from the start
        of the import), preview_ms (512 px), video_fps (by size, encoding included), avatar_bytes, rasterizer (`roofline.table`), machine.
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
    preview = milliseconds(lambda: renderer.frame(next(edits)), 40)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        pipeline.save(avatar, path)
        size = path.stat().st_size
        motion = preset_motion("alive", Controls(), 4.0, 25.0)
        fps = {}
        for side in (512, 768):
            begun = time.perf_counter()
            pipeline.video(avatar, motion, Path(folder) / "a.mp4", size=side)
            fps[str(side)] = round(motion.count / (time.perf_counter() - begun), 1)
        first = _first_frame(path)
    return {
        "machine": {"cpus": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__,
                    "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        "build_seconds": round(seconds, 1), "stages": {k: round(v, 2) for k, v in stages.items() if v >= 0.005},
        "report": avatar.report.build, "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "first_frame_seconds": first, "preview_ms": preview, "video_fps": fps, "avatar_bytes": size,
        "rasterizer": roofline.table(),
    }


def _first_frame(avatar: Path) -> float:
    """Seconds until a fresh process has rendered a saved avatar, kernels from their cache."""
    code = ("import sys, time; start = time.perf_counter(); from perse.pipeline import Renderer, load_avatar; "
            "Renderer(load_avatar(sys.argv[1])).frame(); print(time.perf_counter() - start)")
    done = subprocess.run([sys.executable, "-c", code, str(avatar)], capture_output=True, text=True, check=True)
    return round(float(done.stdout), 2)
