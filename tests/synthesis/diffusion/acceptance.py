"""What becomes of an editor's faults: which pictures are refused, and how much of the others' fault is left in what teaches.

`python -m tests.synthesis.diffusion.acceptance` prints the table that test_acceptance.py asserts and docs/measurements.md shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from perse.attributes.catalogue import AXES
from perse.face.measures import eye_distance
from perse.portrait import Portrait, load_portrait
from perse.synthesis.diffusion.compose import region_mask
from perse.synthesis.diffusion.filters import Inspector

RED = np.array([0.75, 0.10, 0.06], np.float32)
AXIS = "hair_red"
DRIFT = np.array([1.10, 1.0, 0.86], np.float32)  # warmer all over, as encoders and editors drift


@dataclass(frozen=True)
class Row:
    """fault; reason: why the picture is refused, empty if it is not; raw: mean absolute fault in it, within the region or, of a seam, along its
    edge; left: the same of the picture that would teach."""

    fault: str
    reason: str
    raw: float
    left: float


def painted(portrait: Portrait) -> np.ndarray:
    """The portrait with red hair, as a flawless editor would give it."""
    weight = 0.9 * cv2.GaussianBlur(portrait.masks["hair"], (0, 0), 1)[..., None]
    tinted = np.clip(RED * (0.35 + 1.6 * portrait.image.mean(-1, keepdims=True)), 0, 1)
    return (portrait.image + weight * (tinted - portrait.image)).astype(np.float32)


def _warped(image: np.ndarray, centre: np.ndarray, by: float) -> np.ndarray:
    """The face broader by a factor: another person's."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    away = np.exp(-(((x - centre[0]) / 130) ** 4 + ((y - centre[1]) / 150) ** 4))
    return cv2.remap(image, x - (x - centre[0]) * (1 - 1 / by) * away, y, cv2.INTER_LINEAR)


def faults(portrait: Portrait, mask: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Names and pictures (S, S, 3): the flawless edit first, then it with one fault each."""
    good, eye, nose = painted(portrait), eye_distance(portrait.landmarks[:, :2]), portrait.landmarks[1]
    yield "none", good
    yield "nothing done", portrait.image.copy()
    yield "no face", np.random.default_rng(0).random(good.shape).astype(np.float32)
    for percent in (3, 16, 25):
        yield f"wrong person: face {percent} % broader", _warped(good, nose, 1 + percent / 100)
    yield "moved by 14 pixels", np.roll(good, 14, 1)
    elsewhere = good.copy()
    elsewhere[portrait.masks["clothes"] > 0.5] = (0.1, 0.5, 0.9)
    yield "wrong region: clothes painted, too", elsewhere
    yield "wrong region: clothes instead of hair", np.where(portrait.masks["clothes"][..., None] > 0.5, elsewhere, portrait.image)
    edge = cv2.morphologyEx((mask > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    seam = good.copy()
    seam[edge] = 1.0
    yield "seam: a white line around the region", seam
    halo = cv2.GaussianBlur(edge.astype(np.float32), (0, 0), 0.06 * eye)
    yield "seam: a broad light rim", np.clip(good + 0.5 * (halo / halo.max())[..., None], 0, 1)
    yield "colour drift: warmer", np.clip(good * DRIFT, 0, 1)
    yield "colour drift: four times that", np.clip(good * DRIFT**4, 0, 1)


def table(portrait: Portrait, mask: np.ndarray) -> list[Row]:
    """A row a fault. mask: (S, S) where the hair may change."""
    inspector, good, rows = Inspector(portrait), None, []
    band = cv2.morphologyEx((mask > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((9, 9), np.uint8)) > 0
    flawless = painted(portrait)
    for fault, raw in faults(portrait, mask):
        verdict = inspector.edit(raw, mask, shape=False)
        where = band if fault.startswith("seam") else mask > 0.5
        if good is None:
            good = verdict.picture
        left = 0.0 if verdict.picture is None or good is None else float(np.abs(verdict.picture - good)[where].mean())
        rows.append(Row(fault, verdict.reason, float(np.abs(raw - flawless)[where].mean()), left))
    return rows


def shown(rows: list[Row]) -> str:
    """The table in Markdown."""
    lines = [f"| {r.fault} | {r.reason or 'accepted'} | {r.raw:.3f} | {'' if r.reason else f'{r.left:.3f}'} |" for r in rows]
    return "\n".join(["| fault | verdict | fault in the picture | left in what teaches |", "|---|---|---|---|", *lines])


def main() -> None:
    """Print the table for scikit-image's portrait."""
    from skimage.data import astronaut

    from perse.rig.build import build_rig
    from perse.synthesis.base import Plan
    from perse.synthesis.procedural import Studio
    from perse.texture.bake import bake

    portrait = load_portrait(astronaut())
    rig = build_rig(portrait)
    studio = Studio(rig, bake(portrait, rig), Plan(size=96, source_frames=3, seed=0))
    print(shown(table(portrait, region_mask(*AXES[AXIS], studio.workshop, portrait))))


if __name__ == "__main__":
    main()
