"""Where a rig's triangles lie in an atlas: a chart for each part. Avatars are saved without it, and exports make it again."""

import numpy as np

from ..face.landmarks import FACE
from ..face.triangles import canonical
from .anatomy.template import head_template
from .bust import ANGLES, ROWS
from .rig import Rig
from .skeleton import PART

CHARTS = {
    "face": (0.0, 0.0, 0.5, 0.5),
    "shell": (0.5, 0.0, 1.0, 0.5),
    "body": (0.0, 0.5, 0.5, 1.0),
    "eye_right": (0.5, 0.5, 0.625, 0.625),
    "eye_left": (0.625, 0.5, 0.75, 0.625),
    "cavity": (0.75, 0.5, 0.875, 0.625),
    "upper_teeth": (0.5, 0.75, 0.75, 0.8125),
    "lower_teeth": (0.5, 0.8125, 0.75, 0.875),
    "tongue": (0.75, 0.75, 0.875, 0.875),
}
INSET = 2 / 1024


def atlas_uvs(rig: Rig) -> np.ndarray:
    """(F, 3, 2) in [0, 1], u to the right and v down: a chart for each part, as when the rig was built; eyes and what lies in the mouth are
    seen from the front, and a head that was built before there was an anatomical one from behind."""
    template = head_template()
    out = np.zeros((len(rig.faces), 3, 2))
    for part in CHARTS:
        faces = rig.part_faces(part)
        corners = rig.faces[faces]
        if part == "face":
            uv = face_chart()[corners]
        elif part == "shell":
            uv = template.head_chart if len(faces) == len(template.head_chart) else _from_behind(rig.vertices[corners].astype(np.float64))
        elif part == "body":
            uv = around(corners - np.flatnonzero(rig.vertex_part == PART[part])[0])
        else:
            flat = rig.vertices[corners][..., :2].astype(np.float64)
            low, high = flat.min((0, 1)), flat.max((0, 1))
            uv = (flat - low) / np.maximum(high - low, 1e-9)
        out[faces] = in_chart(part, uv)
    return out


def around(corners: np.ndarray) -> np.ndarray:
    """Chart coordinates of the body's rings of vertices, cut open down the back."""
    row, angle = corners // ANGLES, (corners % ANGLES).astype(np.float64)
    wraps = angle.max(1) - angle.min(1) > ANGLES / 2
    angle[wraps] = np.where(angle[wraps] < ANGLES / 2, angle[wraps] + ANGLES, angle[wraps])
    shifted = angle + ANGLES / 2  # column 0 faces the camera
    shifted = np.where(shifted.min(1, keepdims=True) >= ANGLES, shifted - ANGLES, shifted)
    return np.stack([shifted / ANGLES, row / (ROWS - 1)], -1)


def _from_behind(corners: np.ndarray) -> np.ndarray:
    """Chart coordinates of a bowl (F, 3, 3) that is open to the front: as far from the middle as the way from behind is round it."""
    from_middle = corners - corners.mean((0, 1))
    sideways = np.maximum(np.hypot(from_middle[..., 0], from_middle[..., 1]), 1e-9)
    around = np.arctan2(sideways, from_middle[..., 2])
    return 0.5 + (0.5 * around / around.max() / sideways)[..., None] * from_middle[..., :2]


def in_chart(part: str, uv: np.ndarray) -> np.ndarray:
    """Chart coordinates in [0, 1] -> atlas coordinates, kept off the chart's border."""
    u0, v0, u1, v1 = CHARTS[part]
    low, high = np.array([u0, v0]) + INSET, np.array([u1, v1]) - INSET
    return low + uv * (high - low)


def face_chart() -> np.ndarray:
    """Chart coordinates (468, 2) of the face: the mean face unrolled from a cylinder, symmetric about u = 0.5."""
    face = canonical()[0][:FACE]
    angle = np.arctan2(face[:, 0], 0.75 - face[:, 2])
    uv = np.stack([angle, face[:, 1]], 1)
    half = np.abs(uv[:, 0]).max() * 1.01
    top, bottom = uv[:, 1].min() - 0.01, uv[:, 1].max() + 0.01
    return np.stack([0.5 + 0.5 * uv[:, 0] / half, (uv[:, 1] - top) / (bottom - top)], 1)
