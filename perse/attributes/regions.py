"""Regions that edits own, on the mean face: convex-ish outlines in eye distances, mirrored about x = 0.

Outlines are polygons over (|x|, y) of the mean face (x to the subject's left, y down), so that they sit on every
person's own features through the shared topology. `soft` is the width of the fading edge.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Area:
    """outline: polygon over (|x|, y); soft: edge width; below: whether it runs on under the jaw."""

    outline: tuple[tuple[float, float], ...]
    soft: float = 0.05
    below: bool = False


AREAS: dict[str, Area] = {
    "beard": Area(((0, 0.535), (0.13, 0.545), (0.27, 0.60), (0.36, 0.72), (0.48, 0.70), (0.60, 0.58), (0.69, 0.40), (0.73, 0.24), (0.86, 0.20),
                   (0.86, 1.4), (0, 1.4)), 0.05, True),
    "moustache": Area(((0, 0.545), (0.14, 0.545), (0.27, 0.60), (0.36, 0.72), (0.33, 0.80), (0.27, 0.715), (0.15, 0.67), (0, 0.665)), 0.03),
    "goatee": Area(((0, 0.80), (0.10, 0.80), (0.14, 0.86), (0.25, 0.84), (0.34, 0.80), (0.36, 0.95), (0.30, 1.4), (0, 1.4)), 0.04, True),
    "cheeks": Area(((0.30, 0.30), (0.45, 0.22), (0.62, 0.22), (0.66, 0.36), (0.55, 0.50), (0.38, 0.50)), 0.14),
    "brow_area": Area(((0.02, -0.16), (0.02, -0.42), (0.35, -0.52), (0.70, -0.34), (0.72, -0.05), (0.45, -0.08)), 0.06),
    "eye_area": Area(((0.08, -0.20), (0.62, -0.20), (0.66, 0.14), (0.35, 0.20), (0.10, 0.14)), 0.06),
    "nose_area": Area(((0, -0.10), (0.12, -0.05), (0.20, 0.20), (0.36, 0.34), (0.36, 0.50), (0.2, 0.60), (0, 0.60)), 0.07),
    "mouth_area": Area(((0, 0.50), (0.25, 0.52), (0.50, 0.66), (0.46, 0.84), (0.25, 1.0), (0, 1.02)), 0.06),
    "jaw_area": Area(((0.30, 0.25), (0.80, 0.05), (0.95, 0.40), (0.95, 1.5), (0, 1.5), (0, 0.86), (0.30, 0.80), (0.36, 0.60)), 0.10, True),
}
