"""The 468-landmark face topology and the landmark groups that the rest of the rig speaks of.

Indices are those of MediaPipe's face mesh. `data/canonical.npz` was measured for this project: the detector's
landmarks on a handful of portraits, aligned, averaged and made symmetric; its triangles are the 3-cycles of the
published landmark tessellation, oriented outwards. Left and right are the subject's own.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

FACE = 468

OVAL = [10, 109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148,
        152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356, 389, 251, 284, 332, 297, 338]
# Upper-lid and lower-lid rows run from the outer to the inner corner and pair up index by index.
EYE = {
    "right": dict(outer=33, inner=133, upper=[246, 161, 160, 159, 158, 157, 173],
                  lower=[7, 163, 144, 145, 153, 154, 155], iris=[468, 469, 470, 471, 472]),
    "left": dict(outer=263, inner=362, upper=[466, 388, 387, 386, 385, 384, 398],
                 lower=[249, 390, 373, 374, 380, 381, 382], iris=[473, 474, 475, 476, 477]),
}
BROW = {
    "right": dict(upper=[70, 63, 105, 66, 107], lower=[46, 53, 52, 65, 55]),
    "left": dict(upper=[300, 293, 334, 296, 336], lower=[276, 283, 282, 295, 285]),
}
LIPS = dict(
    upper_outer=[61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
    lower_outer=[61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
    upper_inner=[78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
    lower_inner=[78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
)
MOUTH_RING = LIPS["upper_inner"] + LIPS["lower_inner"][-2:0:-1]
# Vertices that expressions hardly move: what a head pose is measured on.
STABLE = [10, 151, 9, 8, 168, 6, 197, 195, 33, 133, 263, 362, 127, 356, 234, 454, 93, 323, 21, 251, 54, 284, 103, 332,
          67, 297, 109, 338, 162, 389, 48, 278, 4, 5, 1, 2, 98, 327, 129, 358]


@lru_cache
def canonical() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean face: vertices (478, 3) float64 in eye-distance units (iris centres included), mirror (478,) int, triangles (852, 3) int.

    Axes: x to the subject's left, y down, z backwards; origin midway between the outer eye corners.
    """
    data = np.load(Path(__file__).parent / "data" / "canonical.npz")
    return (data["vertices"].astype(np.float64), data["mirror"].astype(np.int64), data["triangles"].astype(np.int64))


def eye_ring(side: str) -> list[int]:
    """The 16 lid-edge vertices of one eye: outer corner, upper row, inner corner, lower row back."""
    eye = EYE[side]
    return [eye["outer"], *eye["upper"], eye["inner"], *eye["lower"][::-1]]


def flip_side(name: str) -> str:
    """The other side's name: eye_blink_left -> eye_blink_right."""
    if name.endswith("_left"):
        return name[:-5] + "_right"
    if name.endswith("_right"):
        return name[:-6] + "_left"
    return name
