"""Fuzzing that is led by what the code did: `python -m tests.proof.fuzz_guided --seconds 60`. Prints JSON; exits 1 if anything went wrong.

Atheris (`pip install atheris`) watches which lines of PERSE's own readers an input reaches, and keeps bending those that reached new ones. Each
reader has a process and its share of the time. What decodes in a child process does so here, too: of a foreign library only the outside is seen.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

# PERSE is imported where it is watched, and not before.
ROOT = Path(__file__).parents[2]
LONGEST = {"controls": 8192, "looks": 8192, "avatars": 131_072, "photos": 65_536, "clips": 65_536, "sound": 65_536}  # bytes of an input
SEEDS = 60
MEMORY, LIMIT = 1500, 120  # MB, seconds of one input


def reader(name: str, folder: Path):
    """The function that reads bytes as this kind."""
    path = folder / "input"

    def from_file(read):
        def call(data: bytes) -> None:
            path.write_bytes(data)
            read(path)

        return call

    if name == "controls":
        from perse.controls import Controls

        return Controls.from_json
    if name == "looks":
        from perse.controls import read_look

        return from_file(read_look)
    if name == "avatars":
        from perse.avatar.io import load_avatar

        return from_file(load_avatar)
    if name == "photos":
        from perse.portrait.decode import decode

        return decode
    from perse.media import Clip, read_sound

    return from_file(read_sound if name == "sound" else lambda file: list(Clip(file, frames=10)))


def seeds(name: str, folder: Path) -> list[bytes]:
    """Inputs to begin with."""
    import random

    import numpy as np

    from .. import hostile_clips, hostile_controls, hostile_photos
    from .targets import example

    rng = np.random.default_rng(1)
    if name in ("controls", "looks"):
        inputs = (data for _, data in hostile_controls.looks(random.Random(1)))
    elif name == "avatars":
        whole = example()[0]
        head = 8 + int.from_bytes(whole[:8], "little")
        inputs = iter([whole[:head], whole[: head + 1024], whole[:8], b""])
    elif name == "photos":
        inputs = (data for _, data in hostile_photos.photos(rng))
    else:
        made = hostile_clips.sounds if name == "sound" else hostile_clips.clips
        inputs = (path.read_bytes() for _, path in made(folder, rng) if path.is_file())
    return [data for data in islice(inputs, SEEDS) if len(data) <= LONGEST[name]]


def one(name: str, folder: Path, flags: list[str]) -> None:
    """Fuzz one reader in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["perse"]):
        from perse.errors import PerseError

        from .targets import refusal

        read = reader(name, folder)
    corpus = folder / "corpus"
    corpus.mkdir()
    (folder / "seeds").mkdir()
    for i, data in enumerate(seeds(name, folder / "seeds")):
        (corpus / f"seed-{i}").write_bytes(data)

    def receive(data: bytes) -> None:
        try:
            read(data)
        except PerseError as error:
            if wrong := refusal(error):
                raise AssertionError(wrong) from None

    atheris.Setup([sys.argv[0], *flags, f"-max_len={LONGEST[name]}", str(corpus)], receive)
    atheris.Fuzz()


def run(names: list[str], seconds: float, seed: int, kept: Path | None) -> dict:
    """Fuzz these readers, `seconds` each."""
    told = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="perse-guided-") as place:
            keep = kept or Path(place)
            flags = [
                f"-max_total_time={max(1, round(seconds))}",
                f"-timeout={LIMIT}",
                f"-rss_limit_mb={MEMORY}",
                f"-seed={seed}",
                "-print_final_stats=1",
                f"-artifact_prefix={keep}/{name}-",
            ]
            folder = Path(place) / "work"
            folder.mkdir()
            done = subprocess.run(
                [sys.executable, "-m", "tests.proof.fuzz_guided", "--one", name, "--folder", str(folder), *flags],
                cwd=ROOT,
                env=os.environ | {"TMPDIR": str(folder), "HF_HUB_OFFLINE": "1"},
                capture_output=True,
                text=True,
                errors="replace",
            )
            number = {
                key: int(found[1]) if (found := re.search(pattern, done.stderr)) else None
                for key, pattern in {
                    "inputs": r"number_of_executed_units:\s*(\d+)",
                    "new_paths": r"new_units_added:\s*(\d+)",
                    "peak_mb": r"peak_rss_mb:\s*(\d+)",
                }.items()
            }
            told[name] = {**number, "exit": done.returncode, "wrong": [] if done.returncode == 0 else [done.stderr[-2500:]]}
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", default=",".join(LONGEST), help="readers, comma-separated")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for inputs that did something wrong")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args, flags = parser.parse_known_args(arguments)
    if args.one:
        one(args.one, args.folder, flags)
        return 0
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    told = run(args.what.split(","), args.seconds, args.seed, args.keep)
    print(json.dumps(told, indent=1))
    return 1 if any(t["wrong"] for t in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
