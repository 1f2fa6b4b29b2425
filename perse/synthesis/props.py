"""Rigid objects built to a person's measure, in the head frame, and fixed to the skull."""

import numpy as np

from ..rig.rig import PART, Rig
from ..rig.topology import EYE
from .bound import BoundMesh

TUBE_SIDES = 8


def _tube(path: np.ndarray, radius: float, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """A tube around a polyline (P, 3): vertices (P * TUBE_SIDES, 3), triangles."""
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-12
    reference = np.array([0.0, 0.0, 1.0])
    side = np.cross(ahead, reference)
    weak = np.linalg.norm(side, axis=1) < 0.2
    side[weak] = np.cross(ahead[weak], [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-12
    up = np.cross(ahead, side)
    angle = np.linspace(0, 2 * np.pi, TUBE_SIDES, endpoint=False)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    vertices = (path[:, None] + radius * ring).reshape(-1, 3)
    count = len(path)
    triangles = []
    for i in range(count if closed else count - 1):
        a = i * TUBE_SIDES + np.arange(TUBE_SIDES)
        b = i * TUBE_SIDES + (np.arange(TUBE_SIDES) + 1) % TUBE_SIDES
        c, d = a + TUBE_SIDES, b + TUBE_SIDES
        triangles.append(np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]))
    return vertices, np.concatenate(triangles) % (count * TUBE_SIDES)


def _rim(kind: str, centre: np.ndarray, width: float, height: float) -> np.ndarray:
    """Outline (48, 3) of one lens."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    power = {"round": 1.0, "square": 0.42}[kind]
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
    return centre + np.stack([width * x, height * y, 0 * x], 1)


def glasses(rig: Rig, kind: str, color: np.ndarray) -> BoundMesh:
    """Spectacles: two rims, a bridge on the nose, temples to the ears.

    Args:
        kind: "round" or "square".
        color: (3,) RGB of the frame.
    """
    v = rig.vertices.astype(np.float64)
    pieces, radius = [], 0.0105 if kind == "round" else 0.0155
    rims, centres = {}, {}
    for side in ("right", "left"):
        eye = EYE[side]
        corners = v[[eye["outer"], eye["inner"]]]
        centre = v[[eye["outer"], eye["inner"], eye["upper"][3], eye["lower"][3]]].mean(0)
        span = np.linalg.norm(corners[0] - corners[1])
        outward = np.sign(corners[0, 0] - corners[1, 0])
        # In front of lids, brow ridge and cheek alike.
        lane = v[[eye["upper"][3], eye["lower"][3], eye["inner"], eye["outer"]]]
        front = min(lane[:, 2].min(), v[[105, 334][side == "left"], 2], v[[50, 280][side == "left"], 2] + 0.02) - 0.085
        centre = np.array([centre[0] + 0.02 * outward, centre[1] + 0.035, front])
        width, height = (0.70 * span, 0.66 * span) if kind == "round" else (0.76 * span, 0.53 * span)
        rim = _rim(kind, centre, width, height)
        # The outer half bends back a little, as lenses follow the face.
        rim[:, 2] += 0.12 * np.maximum(outward * (rim[:, 0] - centre[0]), 0)
        rims[side], centres[side] = rim, centre
        pieces.append(_tube(rim, radius, True))
    inner = {s: rims[s][np.argmin(np.abs(rims[s][:, 0]) + 0.3 * np.abs(rims[s][:, 1] - centres[s][1] + 0.05))] for s in rims}
    t = np.linspace(0, 1, 10)[:, None]
    bridge = (1 - t) * inner["right"] + t * inner["left"]
    bridge[:, 1] -= 0.045 * np.sin(np.pi * t[:, 0])
    bridge[:, 2] -= 0.03 * np.sin(np.pi * t[:, 0])
    pieces.append(_tube(bridge, radius, False))
    for side, ear in (("right", 234), ("left", 454)):
        outward = -1.0 if side == "right" else 1.0
        start = rims[side][np.argmax(outward * rims[side][:, 0] - 0.8 * np.abs(rims[side][:, 1] - centres[side][1] + 0.05))]
        beside = np.array([outward * max(abs(v[ear, 0]), abs(v[[127, 356][side == "left"], 0])) + 0.05 * outward, start[1] - 0.0, v[ear, 2] - 0.15])
        behind = np.array([beside[0] - 0.01 * outward, start[1] + 0.04, v[ear, 2] + 0.25])
        path = np.concatenate([start + (beside - start) * np.linspace(0, 1, 12)[:, None],
                               beside + (behind - beside) * np.linspace(0, 1, 8)[1:, None]])
        pieces.append(_tube(path, radius, False))
    vertices, triangles, offset = [], [], 0
    for points, faces in pieces:
        vertices.append(points)
        triangles.append(faces + offset)
        offset += len(points)
    points = np.concatenate(vertices)
    # A light from above gives the frame its form.
    shade = np.concatenate([_lit(p, f) for p, f in pieces])
    colors = np.clip(color[None] * (0.75 + 0.5 * shade[:, None]) + 0.10 * shade[:, None] ** 4, 0, 1)
    return _fix_to_skull(rig, points, np.concatenate(triangles), colors)


def _lit(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    normal = np.zeros_like(points)
    face_normal = np.cross(points[triangles[:, 1]] - points[triangles[:, 0]], points[triangles[:, 2]] - points[triangles[:, 0]])
    for i in range(3):
        np.add.at(normal, triangles[:, i], face_normal)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    return np.clip(normal @ np.array([0.0, -0.8, -0.6]), 0, 1)


def _fix_to_skull(rig: Rig, points: np.ndarray, triangles: np.ndarray, colors: np.ndarray) -> BoundMesh:
    """Bind to one triangle at the back of the shell: it turns with the head and knows no expression."""
    anchor = rig.part_faces("shell")[-1]
    assert rig.face_part[anchor] == PART["shell"]
    bary = np.tile([1 / 3, 1 / 3, 1 / 3], (len(points), 1))
    centre = rig.vertices[rig.faces[anchor]].mean(0)
    return BoundMesh(np.full(len(points), anchor), bary, points - centre, triangles, colors, np.zeros((0, 2), int))
