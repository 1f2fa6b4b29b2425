"""Patterns painted on the skin, drawn once on the mean face and carried to a person by the shared topology."""

from collections.abc import Callable

import cv2
import numpy as np

from ..face.landmarks import EYE
from ..face.triangles import canonical
from .atlas_regions import SHEET_SCALE, Regions

# Lines of age on the mean face's left half: points (x, y), width in eye distances, strength.
LINES = (
    (((0.0, -0.505), (0.18, -0.515), (0.36, -0.485)), 0.012, 0.7),
    (((0.0, -0.435), (0.20, -0.450), (0.42, -0.415)), 0.013, 0.9),
    (((0.0, -0.370), (0.16, -0.385), (0.34, -0.350)), 0.012, 0.7),
    (((0.045, -0.20), (0.055, -0.26), (0.050, -0.32)), 0.011, 0.8),
    (((0.555, 0.000), (0.63, -0.035), (0.68, -0.075)), 0.008, 0.8),
    (((0.560, 0.022), (0.64, 0.020), (0.70, 0.012)), 0.008, 0.8),
    (((0.550, 0.045), (0.62, 0.075), (0.67, 0.105)), 0.008, 0.7),
    (((0.20, 0.100), (0.33, 0.128), (0.45, 0.110), (0.53, 0.075)), 0.011, 0.8),
    (((0.235, 0.385), (0.31, 0.46), (0.365, 0.56), (0.385, 0.64)), 0.018, 1.0),
    (((0.325, 0.745), (0.355, 0.83), (0.350, 0.92)), 0.014, 0.8),
    (((0.46, 0.44), (0.53, 0.54), (0.55, 0.64)), 0.010, 0.35),
    (((0.06, 0.885), (0.16, 0.875)), 0.016, 0.4),
)


def _both(sheet: np.ndarray, points: np.ndarray, width: float, value: float) -> None:
    for flip in (1, -1):
        layer = np.zeros_like(sheet)
        cv2.polylines(
            layer, [Regions.to_sheet(points * [flip, 1])], False, value, max(1, round(1.25 * width * SHEET_SCALE)), cv2.LINE_AA, 4
        )
        np.maximum(sheet, layer, out=sheet)


def _smooth(points) -> np.ndarray:
    """A polyline (N, 2) through a few points as a quadratic or cubic curve (25, 2)."""
    points = np.asarray(points, np.float64)
    t = np.linspace(0, 1, len(points))
    fine = np.linspace(0, 1, 25)
    degree = min(len(points) - 1, 3)
    return np.stack([np.polyval(np.polyfit(t, points[:, k], degree), fine) for k in (0, 1)], 1)


def wrinkles(regions: Regions, rng: np.random.Generator) -> np.ndarray:
    """Furrows with a lit lower edge: forehead, frown, crow's feet, below the eyes, beside nose and mouth."""
    dark, light = regions.sheet(), regions.sheet()
    for points, width, strength in LINES:
        curve = _smooth(points)
        curve[:, 1] += 0.004 * np.sin(np.linspace(0, 9, len(curve)) + rng.uniform(0, 6))
        # Thin at its ends.
        for part, share in ((curve, 0.55), (curve[4:-4], 1.0)):
            _both(dark, part, width * share, strength * share)
        _both(light, curve[3:-3] + [0.0, 1.2 * width], 0.8 * width, 0.25 * strength)
    blur = 0.006 * SHEET_SCALE
    return cv2.GaussianBlur(dark, (0, 0), blur) - cv2.GaussianBlur(light, (0, 0), 1.3 * blur)


def freckles(regions: Regions, rng: np.random.Generator) -> np.ndarray:
    """Small soft spots of uneven strength; each its own on either side."""
    sheet = regions.sheet()
    for x, y, size, value in zip(
        rng.uniform(-0.68, 0.68, 240), rng.uniform(0.04, 0.5, 240), rng.uniform(0.008, 0.019, 240), rng.uniform(0.3, 1.0, 240)
    ):
        cv2.circle(sheet, tuple(int(k) for k in regions.to_sheet((x, y))), int(size * SHEET_SCALE * 16), float(value), -1, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(sheet, (0, 0), 0.0045 * SHEET_SCALE)


def eyeliner(regions: Regions, rng: np.random.Generator) -> np.ndarray:
    """A line along the upper lid that thickens outwards and ends in a small wing; a finer one on the outer lower lid."""
    mean = canonical()[0]
    eye = EYE["left"]
    upper = mean[[eye["outer"], *eye["upper"], eye["inner"]], :2]
    lower = mean[[eye["outer"], *eye["lower"][:4]], :2]
    sheet = regions.sheet()
    wing = upper[0] + [0.055, -0.040]
    for k, (a, b) in enumerate(zip(upper[:-1], upper[1:])):
        width = np.interp(k, [0, 3, 7], [0.030, 0.024, 0.010])
        _both(sheet, np.stack([a, b]) - [0, 0.35 * width], width, 1.0)
    _both(sheet, np.stack([upper[0] - [0.01, 0.006], (upper[0] + wing) / 2]), 0.022, 1.0)
    _both(sheet, np.stack([(upper[0] + wing) / 2, wing]), 0.012, 0.9)
    _both(sheet, lower + [0, 0.006], 0.011, 0.55)
    return cv2.GaussianBlur(sheet, (0, 0), 0.005 * SHEET_SCALE)


# Painters: (regions, random numbers) -> sheet of the mean face with the strength of the pattern.
PATTERNS: dict[str, Callable[[Regions, np.random.Generator], np.ndarray]] = {
    "wrinkles": wrinkles,
    "freckles": freckles,
    "eyeliner": eyeliner,
}
