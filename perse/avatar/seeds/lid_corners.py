"""What lies behind the corners of the lids, where an eyeball does not reach when it turns: a sheet of Gaussians through the ball."""

import numpy as np

from ...face.landmarks import EYE
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ...texture.atlas import ATLAS, Texture, chart_slice, sample
from .seed import Seeds

SPACING = 0.012  # between the sheet's Gaussians, eye distances
WIDTHS = 0.7, 0.7, 0.1  # their standard deviations over that distance: along the eye, across it, towards the camera
OVERHANG = 0.06  # of the eye's width, by which the sheet reaches beyond its corners
BEFORE_CENTRE = 0.25  # of the eyeball's radius, by which the sheet lies behind its centre
SHADE = 0.75  # of the light that eye and skin have
WHITE_RING = 0.35, 0.6  # radii of the eye's chart between which it shows the white
OPACITY = 0.95


def behind_lid_corners(rig: Rig, texture: Texture, side: str) -> Seeds:
    """The sheet of one eye, right or left: fixed to the face, of a shade between the eye's white and the skin beside it."""
    along, points = _sheet(rig, side)
    eye = EYE[side]
    ends = [eye["outer"], eye["inner"]]
    # On the nearer corner's triangle.
    of_face = rig.part_faces("face")
    triangles = [next(f for f in of_face if end in rig.faces[f]) for end in ends]
    outer = along < 0.5
    face, vertex = np.where(outer, triangles[0], triangles[1]), np.where(outer, ends[0], ends[1])
    bary = (rig.faces[face] == vertex[:, None]).astype(np.float64)
    beside = np.stack([rig.uvs[f][rig.faces[f] == end][0] for f, end in zip(triangles, ends)])
    skin = sample(texture.color, beside[None] * ATLAS)[0]
    chart, count = chart_slice(f"eye_{side}"), len(points)
    color = SHADE * (_white(texture, chart) + np.where(outer[:, None], skin[0], skin[1])) / 2
    normal, tangent = np.tile([0.0, 0.0, -1.0], (count, 1)), np.tile([1.0, 0.0, 0.0], (count, 1))
    # Of the eye's chart, so that no edit of the skin reaches it.
    uv = np.tile(np.array([chart[1].stop - 2, chart[0].stop - 2]) / ATLAS, (count, 1))
    none, scales = np.zeros(count, bool), np.tile(SPACING * np.array(WIDTHS), (count, 1))
    return Seeds(face, bary, points - rig.vertices[vertex], normal, tangent, scales, color, np.full(count, OPACITY), uv, none, ~none, none)


def _sheet(rig: Rig, side: str) -> tuple[np.ndarray, np.ndarray]:
    """How far along the eye (N,), 0 at the outer corner and 1 at the inner one, and where (N, 3) the sheet's Gaussians lie."""
    eye = EYE[side]
    centre = rig.eye_centres[0 if side == "right" else 1].astype(np.float64)
    outer, inner = (rig.vertices[corner].astype(np.float64) for corner in (eye["outer"], eye["inner"]))
    radius = np.linalg.norm(rig.vertices[rig.vertex_part == PART[f"eye_{side}"]] - centre, axis=1).max()
    gap = max(np.linalg.norm(rig.vertices[eye["upper"]] - rig.vertices[eye["lower"]], axis=1).max(), SPACING)
    along, across = np.meshgrid(
        np.arange(-OVERHANG, 1 + OVERHANG, SPACING / np.linalg.norm(inner - outer)), np.arange(-0.5, 0.5, SPACING / gap)
    )
    points = outer + along.ravel()[:, None] * (inner - outer)
    points[:, 1] += across.ravel() * gap
    points[:, 2] = centre[2] - BEFORE_CENTRE * radius
    return along.ravel(), points


def _white(texture: Texture, chart: tuple[slice, slice]) -> np.ndarray:
    """The colour (3,) of an eye's white."""
    grid = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, n) for n in texture.seen[chart].shape[::-1])))
    return np.median(texture.color[chart][(grid > WHITE_RING[0]) & (grid < WHITE_RING[1])], axis=0)
