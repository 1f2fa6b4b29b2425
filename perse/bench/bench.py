"""Measuring this machine: what a build, a preview, a video, the page's start and the rasterizer cost; two such measurements side by side."""

import json
import os
import platform
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import torch

from .. import compile_ahead, stages
from ..controls import Controls
from ..errors import PerseError
from ..files import read_short
from ..motion.presets import preset_motion
from ..pipeline import PersePipeline
from ..render.cpu.lanes import WIDTH
from ..renderer import Renderer
from ..settings import DEFAULT_BUDGET
from . import roofline
from .live import live_quality
from .roofline import milliseconds

ROOT = Path(__file__).parents[2]
LARGEST = 1_000_000  # bytes of a measurement that is read again; one has 10,000


def run(photo: str | None = None, budget: float | None = None) -> dict:
    """Build one avatar and time everything a visitor waits for.

    Args:
        photo: portrait to build; scikit-image's astronaut if None.
        budget: seconds for the build, as in `PersePipeline.build`.

    Returns:
        Plain JSON values: machine (processor, vectors, …), build_seconds, build_of_budget (their ratio), stages, report, peak_memory_mb,
        first_frame_seconds (of a fresh process, from the start of the import), page (`_page`), preview_ms (512 px), video_fps (by size,
        encoding included), avatar_bytes, live (`live.live_quality`), rasterizer (`roofline.table`).
    """
    if photo is None:
        from skimage.data import astronaut

        photo = astronaut()
    compile_ahead.ready()
    pipeline = PersePipeline.from_pretrained()
    start = time.perf_counter()
    portrait = pipeline.prepare(photo)
    taken: dict[str, float] = {"portrait": time.perf_counter() - start}
    current, since = "warming", time.perf_counter()

    def progress(share, text, preview=None):
        nonlocal current, since
        if (stage := stages.key(text)) != current:
            now = time.perf_counter()
            taken[current] = taken.get(current, 0.0) + now - since
            current, since = stage, now

    budget = budget or DEFAULT_BUDGET
    avatar = pipeline.build(portrait, budget, progress=progress)
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
        "machine": machine(),
        "build_seconds": round(seconds, 1),
        "build_of_budget": round(seconds / budget, 2),
        "stages": {k: round(v, 2) for k, v in taken.items() if v >= 0.005},
        "report": avatar.report.build,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "first_frame_seconds": first,
        "page": _page(),
        "preview_ms": preview,
        "video_fps": fps,
        "avatar_bytes": size,
        "live": live_quality(avatar),
        "rasterizer": roofline.table(),
    }


def machine() -> dict:
    """What this machine is: processor, how wide the kernels' vectors are here, cores, threads."""
    named = (
        re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.M)
        if Path("/proc/cpuinfo").exists()
        else None
    )
    vectors = "16 lanes (AVX-512)" if WIDTH == 16 else f"{WIDTH} lanes (no AVX-512)"
    return {
        "processor": named[1] if named else platform.processor() or platform.machine(),
        "vectors": vectors,
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _first_frame(avatar: Path) -> float:
    """Seconds until a fresh process has rendered a saved avatar, kernels from their cache."""
    code = (
        "import sys, time; start = time.perf_counter(); from perse.avatar.io import load_avatar; from perse.renderer import Renderer; "
        "Renderer(load_avatar(sys.argv[1])).frame(); print(time.perf_counter() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(avatar)], capture_output=True, text=True, check=True)
    return round(float(done.stdout), 2)


def _page(patience: float = 300.0) -> dict:
    """The page in a process of its own: import_seconds of the app alone, seconds until it answers and until everything is ready, and the
    memory (MB) that it holds then, with nobody there. Empty where the app's file is not beside this package."""
    if not (ROOT / "app.py").exists():
        return {}
    code = "import time; start = time.perf_counter(); import app; print(time.perf_counter() - start)"
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        env = os.environ | {"GRADIO_TEMP_DIR": folder, "GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_ANALYTICS_ENABLED": "False"}
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=env | {"GRADIO_SERVER_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            answers = None
            while time.monotonic() - start < patience and process.poll() is None:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/perse/health", timeout=30) as answer:
                        health = json.load(answer)
                except OSError:
                    time.sleep(0.1)
                    continue
                answers = answers or time.monotonic() - start
                if health["warming_seconds"] == 0:
                    break
                time.sleep(0.3)
            ready = time.monotonic() - start
            time.sleep(3.0)  # what is only needed for the start is given back
            held = psutil.Process(process.pid).memory_info().rss / 2**20
        finally:
            process.terminate()
            process.wait(60)
    return {
        "import_seconds": round(float(done.stdout.splitlines()[-1]), 2),
        "answers_seconds": round(answers or ready, 2),
        "ready_seconds": round(ready, 1),
        "idle_memory_mb": round(held),
    }


def read(path: str | Path) -> dict:
    """A measurement that `run` made, from a file; PerseError if it is none."""
    kind = "a file that holds what `python -m perse bench` printed"
    try:
        told = json.loads(read_short(path, LARGEST, kind))
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("machine"), dict):
        raise PerseError(f"{Path(path).name} is no measurement: choose {kind}.")
    return told


def compare(before: dict, after: dict) -> dict:
    """Two measurements side by side: {"machines": [two], "numbers": {name: [before, after, after / before]}} of what both have."""
    numbers = {}
    one, two = _flat(before), _flat(after)
    for name in one:
        if name in two:
            numbers[name] = [one[name], two[name], round(two[name] / one[name], 3) if one[name] else None]
    return {"machines": [before["machine"], after["machine"]], "numbers": numbers}


def lines(compared: dict) -> str:
    """The same for eyes: a line a number."""
    both = [f"{m.get('processor', '?')}, {m.get('vectors', '?')}, {m.get('cpus', '?')} cores" for m in compared["machines"]]
    rows = [
        (name, f"{one:g}", f"{two:g}", "" if ratio is None else f"{ratio:.2f}") for name, (one, two, ratio) in compared["numbers"].items()
    ]
    wide = [max(map(len, column)) for column in zip(("", "before", "after", "ratio"), *rows)]
    table = [
        " ".join(cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, wide)))
        for row in (("", "before", "after", "ratio"), *rows)
    ]
    return "\n".join([f"before: {both[0]}", f"after:  {both[1]}", *table])


def _flat(told: object, name: str = "") -> dict[str, float]:
    """Every number by where it stands; rows of the rasterizer's table by their scene."""
    if isinstance(told, dict):
        parts = [(str(key), value) for key, value in told.items() if key not in ("gaussians", "size")]
    elif isinstance(told, list):
        parts = [(f"{row['gaussians']}@{row['size']}", row) for row in told if isinstance(row, dict) and {"gaussians", "size"} <= set(row)]
    else:
        parts = []
        if isinstance(told, (int, float)) and not isinstance(told, bool):
            return {name: told}
    return {k: v for key, value in parts for k, v in _flat(value, f"{name}.{key}" if name else key).items()}
