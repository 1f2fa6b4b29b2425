"""The portrait's camera and the person's face in the head's own frame.

Landmark depth is used as MediaPipe gives it (FINDINGS: usable); a perspective camera six eye distances away explains
turned heads better than weak perspective does.
"""

import numpy as np

from ..face.alignment import procrustes
from ..face.landmarks import EYE_CORNERS, STABLE
from ..face.triangles import canonical
from ..render.camera import Camera

CAMERA_DISTANCE = 6.0


def lift(
    landmarks: np.ndarray, size: tuple[int, int], scale: float | None = None, depth: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Landmarks in pixels -> camera space.

    Args:
        landmarks: (N >= 468, 3) pixels, z in the same unit.
        size: picture (width, height); the principal point is its centre.
        scale: pixels per eye distance; measured from the landmarks if None.
        depth: (N,) depths in eye distances relative to the eyes, to be used instead of the landmarks' z.

    Returns:
        points (N, 3) in eye-distance units, K (3, 3), scale.
    """
    face = canonical()[0]
    if scale is None:
        scale = procrustes(face[STABLE], landmarks[STABLE].astype(np.float64))[0]
    focal = CAMERA_DISTANCE * scale
    K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    if depth is None:
        depth = (landmarks[:, 2] - (landmarks[EYE_CORNERS[0], 2] + landmarks[EYE_CORNERS[1], 2]) / 2) / scale
    z = CAMERA_DISTANCE + depth
    x = (landmarks[:, 0] - K[0, 2]) * z / focal
    y = (landmarks[:, 1] - K[1, 2]) * z / focal
    return np.stack([x, y, z], 1), K, scale


def fit_portrait(landmarks: np.ndarray, size: int) -> tuple[Camera, np.ndarray]:
    """The portrait's camera, whose viewmat is the head's pose, and the landmarks (478, 3) in the head frame.

    Args:
        landmarks: (478, 3) crop pixels.
        size: side of the square crop.
    """
    points, K, _ = lift(landmarks, (size, size))
    scale, rotation, shift = procrustes(canonical()[0][STABLE], points[STABLE])
    viewmat = np.eye(4)
    viewmat[:3, :3] = rotation
    viewmat[:3, 3] = shift / scale
    head = (points - shift) @ rotation / scale
    return Camera(viewmat.astype(np.float32), K.astype(np.float32), size, size), head
