"""Has a change of the code changed an avatar? `python -m tests.proof.unchanged --write FILE` before it, `--against FILE` after it.

Builds count their steps instead of asking a clock, so one machine gives the same numbers until the arithmetic changes. Each tensor of the
avatar file has a digest, and so do three pictures; what differs is named, and pictures also by how much. Exits 1 if anything differs.
Further photos can be named; a file written here holds digests and pictures of them, so it belongs outside the project.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from perse.controls import Controls
from perse.pipeline import PersePipeline

from .scale import portraits

# Fixed work: as many steps as a fast machine makes in these seconds, without a clock.
BUDGET, PATIENCE = 10.0, 100.0
LOOKS = {
    "front": Controls(),
    "turned": Controls(head_yaw=35.0, expression={"jaw_open": 0.7, "eye_blink_left": 1.0}),
    "edited": Controls(yaw=-30.0, styles={"beard": {"full": 1.0}, "hat": {"beanie": 1.0}}, attributes={"nose_width": 1.0}),
}


def record(photos: list[Path]) -> dict[str, np.ndarray]:
    """Digests (as bytes) of all tensors and pictures (H, W, 3) uint8, by photo and name."""
    pipeline, out = PersePipeline.from_pretrained("procedural", "cpu"), {}
    for photo in photos:
        start = time.monotonic()
        avatar = pipeline.build(pipeline.prepare(photo), budget=BUDGET, patience=PATIENCE)
        print(f"{photo.stem}: {time.monotonic() - start:.0f} s, {avatar.report.build['psnr_head']} dB", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="perse-unchanged-") as folder:
            path = Path(folder) / "avatar.safetensors"
            pipeline.save(avatar, path)
            for name, tensor in load_file(path).items():
                out[f"{photo.stem}/{name}"] = np.frombuffer(
                    hashlib.sha256(tensor.tobytes() + str(tensor.dtype).encode()).digest(), np.uint8
                )
        for name, look in LOOKS.items():
            out[f"{photo.stem}/picture {name}"] = pipeline.render(avatar, look, size=384)
    return out


def differences(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> list[str]:
    """One line for each thing that is not the same."""
    out = [f"{name}: only {'before' if name in before else 'after'}" for name in sorted(before.keys() ^ after.keys())]
    for name in sorted(before.keys() & after.keys()):
        a, b = before[name], after[name]
        if not np.array_equal(a, b):
            far = f" by up to {np.abs(a.astype(int) - b.astype(int)).max()}/255" if "picture" in name else ""
            out.append(f"{name}: differs{far}")
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="*", type=Path, help="instead of the two free portraits")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", type=Path)
    choice.add_argument("--against", type=Path)
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="perse-unchanged-") as folder:
        found = record(args.photos or portraits(Path(folder), 2))
    if args.write:
        with args.write.open("wb") as file:
            np.savez_compressed(file, **found)
        return 0
    with np.load(args.against) as before:
        different = differences(dict(before), found)
    print("\n".join(different) or "unchanged")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
