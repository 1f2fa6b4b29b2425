"""Avatars an hour: `python -m tests.proof.scale --processes 1 2 4 --portraits 8`. Prints JSON; exits 1 if a build failed.

The many-portraits path of the command line, shared by more and more processes of `accelerate launch`. Portraits are scikit-image's and
matplotlib's public-domain ones, mirrored and at several sizes: as much work as as many people.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.cbook
import skimage.data
from PIL import Image, ImageOps

from perse.bench.bench import machine

from .targets import ROOT


def portraits(folder: Path, count: int) -> list[Path]:
    """As many files."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        people = [Image.fromarray(skimage.data.astronaut()), Image.open(file).convert("RGB")]
    paths = []
    for k in range(count):
        photo = people[k % 2]
        photo = ImageOps.mirror(photo) if k // 2 % 2 else photo
        photo = photo.resize([round(side * (1 - 0.05 * (k // 4))) for side in photo.size])
        paths.append(folder / f"{k}.png")
        photo.save(paths[-1])
    return paths


def run(processes: int, count: int, budget: float) -> dict:
    """Build all with that many processes, each with its share of the cores."""
    with tempfile.TemporaryDirectory(prefix="perse-scale-") as name:
        folder = Path(name)
        threads = str(max(1, (os.cpu_count() or 1) // processes))
        launch = (
            []
            if processes == 1
            else [
                "-m",
                "accelerate.commands.launch",
                "--cpu",
                "--num_processes",
                str(processes),
                "--num_machines",
                "1",
                "--mixed_precision",
                "no",
                "--dynamo_backend",
                "no",
            ]
        )
        start = time.monotonic()
        done = subprocess.run(
            [
                sys.executable,
                *launch,
                "-m",
                "perse",
                "build",
                *map(str, portraits(folder, count)),
                "--output",
                f"{folder / 'out'}/",
                "--budget",
                str(budget),
            ],
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads},
            capture_output=True,
            text=True,
        )
        seconds = time.monotonic() - start
        if done.returncode:
            return {"processes": processes, "error": done.stderr[-1000:]}
        summary = json.loads((folder / "out" / "summary.json").read_text())
        return {
            "processes": processes,
            "threads_each": int(threads),
            "avatars": len(summary["avatars"]),
            "failed": len(summary["failed"]),
            "seconds": round(seconds, 1),
            "avatars_an_hour": round(3600 * len(summary["avatars"]) / seconds, 1),
            "psnr_head": [row.get("psnr_head") for row in summary["avatars"]],
        }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--portraits", type=int, default=8)
    parser.add_argument("--budget", type=float, default=30.0)
    args = parser.parse_args(arguments)
    rows = []
    for processes in args.processes:
        rows.append(run(processes, args.portraits, args.budget))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    print(json.dumps({"machine": machine(), "portraits": args.portraits, "budget": args.budget, "runs": rows}, indent=1))
    return 1 if any("error" in row or row["failed"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
