"""Spectacles and sunglasses."""

import numpy as np

from ..face.landmarks import BROW_PEAKS, CHEEKBONES, EYE
from ..render.geometry import vertex_normals
from .bound_mesh import BoundMesh
from .head_measures import Head
from .solids import lit, merged, metal, sheet, tube

LENS_COLOR = np.array([0.055, 0.055, 0.065])


def _rim(kind: str, centre: np.ndarray, width: float, height: float, outward: float) -> np.ndarray:
    """Outline (48, 3) of one lens."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    power = {"round": 1.0, "square": 0.42, "aviator": 0.80}[kind]
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    if kind == "aviator":  # a drop: narrower towards the nose and below
        x = x * (1 - 0.16 * np.clip(y, 0, 1)) + 0.10 * outward * np.clip(y, 0, 1)
        y = np.where(y < 0, 0.80 * y, 1.06 * y)
    return centre + np.stack([width * x, height * y, 0 * x], 1)


def glasses(head: Head, color: np.ndarray, kind: str) -> BoundMesh:
    """Spectacles: two rims, a bridge on the nose, temples to the ears; dark lenses if they are sunglasses.

    Args:
        color: (3,) RGB of the frame.
        kind: "round", "square" or "aviator".
    """
    v = head.rig.vertices.astype(np.float64)
    pieces, radius = [], {"round": 0.0105, "square": 0.0155, "aviator": 0.0095}[kind]
    scale = {"round": (0.70, 0.66), "square": (0.76, 0.53), "aviator": (0.86, 0.80)}[kind]
    rims, centres, lenses = {}, {}, []
    for side in ("right", "left"):
        eye = EYE[side]
        corners = v[[eye["outer"], eye["inner"]]]
        centre = v[[eye["outer"], eye["inner"], eye["upper"][3], eye["lower"][3]]].mean(0)
        span = np.linalg.norm(corners[0] - corners[1])
        outward = np.sign(corners[0, 0] - corners[1, 0])
        # In front of lids, brow ridge and cheek alike.
        lane = v[[eye["upper"][3], eye["lower"][3], eye["inner"], eye["outer"]]]
        front = min(lane[:, 2].min(), v[BROW_PEAKS[side == "left"], 2], v[CHEEKBONES[side == "left"], 2] + 0.02) - 0.085
        centre = np.array([centre[0] + 0.02 * outward, centre[1] + 0.035, front])
        rim = _rim(kind, centre, scale[0] * span, scale[1] * span, outward)
        # The outer half bends back a little, as lenses follow the face.
        rim[:, 2] += 0.12 * np.maximum(outward * (rim[:, 0] - centre[0]), 0)
        rims[side], centres[side] = rim, centre
        pieces.append(tube(rim, radius, True))
        if kind == "aviator":
            middle = rim.mean(0) - [0, 0, 0.012]
            lenses.append(sheet(middle + np.linspace(0.02, 1, 8)[:, None, None] * (rim - middle), False, True))
    inner = {s: rims[s][np.argmin(np.abs(rims[s][:, 0]) + 0.3 * np.abs(rims[s][:, 1] - centres[s][1] + 0.05))] for s in rims}
    t = np.linspace(0, 1, 10)[:, None]
    for rise in (0.0, -0.085) if kind == "aviator" else (0.0,):
        bridge = (1 - t) * (inner["right"] + [-0.02 * (rise < 0), rise, 0]) + t * (inner["left"] + [0.02 * (rise < 0), rise, 0])
        bridge[:, 1] -= (0.045 if rise == 0 else 0.012) * np.sin(np.pi * t[:, 0])
        bridge[:, 2] -= 0.03 * np.sin(np.pi * t[:, 0])
        pieces.append(tube(bridge, radius, False))
    for side, ear in (("right", 234), ("left", 454)):
        outward = -1.0 if side == "right" else 1.0
        start = rims[side][np.argmax(outward * rims[side][:, 0] - 0.8 * np.abs(rims[side][:, 1] - centres[side][1] + 0.05))]
        beside = np.array(
            [outward * max(abs(v[ear, 0]), abs(v[[127, 356][side == "left"], 0])) + 0.05 * outward, start[1], v[ear, 2] - 0.15]
        )
        behind = np.array([beside[0] - 0.01 * outward, start[1] + 0.04, v[ear, 2] + 0.25])
        path = np.concatenate(
            [start + (beside - start) * np.linspace(0, 1, 12)[:, None], beside + (behind - beside) * np.linspace(0, 1, 8)[1:, None]]
        )
        pieces.append(tube(path, radius, False))
    points, triangles = merged(pieces)
    # A light from above gives the frame its form.
    normal = vertex_normals(points, triangles)
    shade = lit(normal)[:, None]
    colors = metal(color, normal) if kind == "aviator" else np.clip(color[None] * (0.75 + 0.5 * shade) + 0.10 * shade**4, 0, 1)
    if not lenses:
        return head.fixed(points, triangles, colors, "glasses")
    # Lenses darken from below upwards and mirror a little sky.
    glass, faces = merged(lenses)
    height = (glass[:, 1:2] - glass[:, 1].min()) / np.ptp(glass[:, 1])
    shine = LENS_COLOR * (0.8 + 0.9 * height) + 0.10 * np.exp(-(((height - 0.16) / 0.10) ** 2)) * np.array([0.8, 0.9, 1.0])
    points, triangles = merged([(points, triangles), (glass, faces)])
    return head.fixed(points, triangles, np.clip(np.concatenate([colors, shine]), 0, 1), "sunglasses")
