"""Sliders on eight free faces: `python -m tests.proof.free_faces --write FILE`. Builds each of `bench.free_faces`, and writes what two styles
together are from their sum, and what the first style of each category does elsewhere, by face, as JSON; the means and the worst are printed.

`--avatars DIR` keeps the avatars there, and measures those that are there already.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from perse.bench.free_faces import VARIANTS, free_face
from perse.evaluate.composition import composition
from perse.evaluate.elsewhere import first_styles
from perse.evaluate.subject import AvatarSubject
from perse.pipeline import COUNTED, PersePipeline
from perse.settings import DEFAULT_BUDGET


def measured(name: str, folder: Path, budget: float) -> dict:
    """{"psnr", "composition", "elsewhere"} of one face, built with counted steps unless its avatar is there."""
    pipeline, path = PersePipeline.from_pretrained("procedural", "cpu"), folder / f"{name.replace(', ', '-').replace(' ', '-')}.safetensors"
    if not path.exists():
        pipeline.save(pipeline.build(pipeline.prepare(free_face(name)), budget, patience=COUNTED), path)
    avatar = pipeline.load(path)
    subject, limits = AvatarSubject(avatar), avatar.report.build["limits"]
    return {
        "psnr": avatar.report.build["psnr_head"],
        "composition": composition(subject, subject.categories, limits),
        "elsewhere": first_styles(subject, subject.categories, limits),
    }


def table(found: dict[str, dict]) -> list[str]:
    """Lines: by category the mean and the worst over all faces of what its first style does elsewhere; by pair its composition error."""
    lines = [
        "| category, first style | leakage: mean, worst | appearance: mean, worst | landmarks, %: mean, worst | faces |",
        "|---|---|---|---|---|",
    ]
    for category in {c: None for face in found.values() for c in face["elsewhere"]}:
        rows = [face["elsewhere"][category] for face in found.values() if category in face["elsewhere"]]
        cells = []
        for figure, digits in (("leakage", 4), ("appearance", 5), ("landmarks", 2)):
            values = [row[figure] for row in rows if row[figure] is not None]
            cells.append(f"{np.mean(values):.{digits}f}, {max(values):.{digits}f}" if values else "")
        lines.append(f"| {category}, {', '.join(dict.fromkeys(row['style'] for row in rows))} | {' | '.join(cells)} | {len(rows)} |")
    lines += ["", "| pair | error: mean, worst | faces |", "|---|---|---|"]
    for pair in {p: None for face in found.values() for p in face["composition"]["pairs"]}:
        errors = [face["composition"]["pairs"][pair]["error"] for face in found.values() if pair in face["composition"]["pairs"]]
        lines.append(f"| {pair} | {np.mean(errors):.4f}, {max(errors):.4f} | {len(errors)} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--avatars", type=Path)
    parser.add_argument("--budget", type=float, default=DEFAULT_BUDGET)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perse-free-") as folder:
        found = {name: measured(name, args.avatars or Path(folder), args.budget) for name in VARIANTS}
    if args.write:
        args.write.write_text(json.dumps(found, indent=1))
    print("\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
