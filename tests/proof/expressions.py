"""Does an expression look like itself to a detector? `python -m tests.proof.expressions AVATAR... [--write FILE]`.

Each avatar is drawn at rest and with each expression, its landmarks are found anew in the picture, and one measure that the expression is
about is compared with the same measure of the rig's own landmarks, as they were posed. Printed per expression: the change that the rig
makes, in eye distances; the share of it that was found again; over avatars the mean and the least. A closed eye's measure is what is left
of the gap between its lids. On smiling portraits, `neutral` tells how much of the smile is left when the mouth does something else.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from perse.avatar.avatar import Avatar
from perse.avatar.io import load_avatar
from perse.controls import Controls
from perse.face.landmarks import BROW, EYE, FACE, INNER_MOUTH_CORNERS, LOWER_LIP, MOUTH_CORNERS, UPPER_LIP
from perse.face.measures import distance, eye_distance, lid_gap, lip_gap
from perse.portrait import face_landmarks
from perse.renderer import Renderer

SIZE = 640
Measure = Callable[[np.ndarray], float]


def _corners_up(p: np.ndarray) -> float:
    """How high the mouth's corners stand above the lips' middle."""
    return float((p[UPPER_LIP, 1] + p[LOWER_LIP, 1]) / 2 - p[list(MOUTH_CORNERS), 1].mean())


def _brow_height(*which: int) -> Measure:
    """From the lower edges of the brows to the eyes' outer and inner corners; which: of a brow's five landmarks."""

    def measure(p: np.ndarray) -> float:
        brows = [p[BROW[side]["lower"]][list(which), 1].mean() for side in EYE]
        eyes = [p[[EYE[side]["outer"], EYE[side]["inner"]], 1].mean() for side in EYE]
        return float(np.mean(eyes) - np.mean(brows))

    return measure


def _lids(p: np.ndarray) -> float:
    return float(np.mean([lid_gap(p, side, slice(1, 6)) for side in EYE]))


def _inner_width(p: np.ndarray) -> float:
    return distance(p, *INNER_MOUTH_CORNERS)


def _outer_width(p: np.ndarray) -> float:
    return distance(p, *MOUTH_CORNERS)


def _nose_wings(p: np.ndarray) -> float:
    """How high the wings of the nose stand above its base."""
    return float(p[2, 1] - p[[129, 358], 1].mean())


def _cheeks(p: np.ndarray) -> float:
    """Width between the cheeks beside the mouth."""
    return distance(p, 207, 427)


# Expression -> what is measured.
MEASURES: dict[str, tuple[dict[str, float], Measure]] = {
    "smile": ({"smile": 1.0}, _corners_up),
    "grin": ({"grin": 1.0}, _outer_width),
    "jaw": ({"jaw_open": 1.0}, lip_gap),
    "pucker": ({"pucker": 1.0}, _outer_width),
    "funnel": ({"mouth_funnel": 1.0}, _outer_width),
    "blink": ({"blink": 1.0}, _lids),
    "squint": ({"eye_squint_left": 1.0, "eye_squint_right": 1.0}, _lids),
    "brows_up": ({"brows_up": 1.0}, _brow_height(0, 1, 2, 3, 4)),
    "brow_down": ({"brows_down": 1.0}, _brow_height(0, 1, 2, 3, 4)),
    "sneer": ({"nose_sneer_left": 1.0, "nose_sneer_right": 1.0}, _nose_wings),
    "sad": ({"sad": 1.0}, _corners_up),
    "puff": ({"cheek_puff": 1.0}, _cheeks),
}


def found(avatar: Avatar, renderer: Renderer, controls: Controls) -> tuple[np.ndarray, np.ndarray] | None:
    """Landmarks (468, 2) found in the picture, and posed by the rig, both over the eye distance of the portrait's; None without a face."""
    picture = renderer.frame(controls)
    seen = face_landmarks(picture)
    if seen is None:
        return None
    camera = avatar.camera(controls, SIZE, SIZE)
    state = avatar.state(controls)
    posed = camera.project(avatar.poser(state.weights, state.head, state.gaze)[:FACE].double().numpy())[0]
    rest = camera.project(avatar.rig.vertices[:FACE].astype(np.float64))[0]
    unit = eye_distance(rest)
    return seen[:FACE, :2] / unit, posed / unit


def measured(avatar: Avatar) -> dict[str, dict[str, float]]:
    """Per expression: `made` by the rig, `found` again, `share`; and what a measure is with and without it."""
    renderer, out = Renderer(avatar, SIZE), {}
    rest = found(avatar, renderer, Controls())
    if rest is None:
        return {}
    for name, (weights, measure) in MEASURES.items():
        moved = found(avatar, renderer, Controls(expression=weights))
        if moved is None:
            out[name] = {"made": float("nan"), "found": float("nan"), "share": 0.0, "left": float("nan")}
            continue
        seen, made = measure(moved[0]) - measure(rest[0]), measure(moved[1]) - measure(rest[1])
        out[name] = {"made": made, "found": seen, "share": seen / made if abs(made) > 1e-3 else float("nan"), "left": measure(moved[0])}
    return {name: {key: round(value, 4) for key, value in row.items()} for name, row in out.items()}


def main() -> int:
    """Print a table, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("avatars", nargs="+", type=Path)
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    rows = {path.stem: measured(load_avatar(path)) for path in args.avatars}
    print(f"{'':10}{'mean':>7}{'least':>7}   " + "".join(f"{name[:14]:>22}" for name in rows))
    for name in MEASURES:
        shares = [row[name]["share"] for row in rows.values() if row]
        each = "".join(
            f"{r[name]['made']:+9.3f}{r[name]['found']:+7.3f}{r[name]['left']:6.2f}" if r else f"{'-':>22}" for r in rows.values()
        )
        print(f"{name:10}{np.nanmean(shares):7.2f}{np.nanmin(shares):7.2f}   {each}")
    if args.write:
        args.write.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
