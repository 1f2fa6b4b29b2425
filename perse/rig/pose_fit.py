"""The portrait's camera and the person's face in the head's own frame.

Landmark depth is used as MediaPipe gives it: it is usable. How far away the camera is landmarks do not tell; the head's outline does
(`anatomy.prior.fit_outline`).
"""

import numpy as np

from ..face.alignment import procrustes
from ..face.landmarks import EYE_CORNERS, STABLE
from ..face.triangles import canonical
from ..render.camera import Camera

CAMERA_DISTANCE = 9.0  # eye distances, where nothing tells of another: between a selfie's and a studio's


def lift(
    landmarks: np.ndarray,
    size: tuple[int, int],
    scale: float | None = None,
    depth: np.ndarray | None = None,
    distance: float = CAMERA_DISTANCE,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Landmarks in pixels -> camera space.

    Args:
        landmarks: (N >= 468, 3) pixels, z in the same unit.
        size: picture (width, height); the principal point is its centre.
        scale: pixels per eye distance; measured from the landmarks if None.
        distance: from the camera to the eyes, eye distances.
        depth: (N,) depths in eye distances relative to the eyes, to be used instead of the landmarks' z.

    Returns:
        points (N, 3) in eye-distance units, K (3, 3), scale.
    """
    face = canonical()[0]
    if scale is None:
        scale = procrustes(face[STABLE], landmarks[STABLE].astype(np.float64))[0]
    focal = distance * scale
    K = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    if depth is None:
        depth = (landmarks[:, 2] - (landmarks[EYE_CORNERS[0], 2] + landmarks[EYE_CORNERS[1], 2]) / 2) / scale
    z = distance + depth
    x = (landmarks[:, 0] - K[0, 2]) * z / focal
    y = (landmarks[:, 1] - K[1, 2]) * z / focal
    return np.stack([x, y, z], 1), K, scale


def fit_portrait(landmarks: np.ndarray, size: int, distance: float = CAMERA_DISTANCE) -> tuple[Camera, np.ndarray]:
    """The portrait's camera, whose viewmat is the head's pose, and the landmarks (478, 3) in the head frame.

    Args:
        landmarks: (478, 3) crop pixels.
        size: side of the square crop.
        distance: from the camera to the eyes, eye distances.
    """
    points, K, _ = lift(landmarks, (size, size), distance=distance)
    scale, rotation, shift = procrustes(canonical()[0][STABLE], points[STABLE])
    viewmat = np.eye(4)
    viewmat[:3, :3] = rotation
    viewmat[:3, 3] = shift / scale
    head = (points - shift) @ rotation / scale
    return Camera(viewmat.astype(np.float32), K.astype(np.float32), size, size), head


def distance_of(camera: Camera, landmarks: np.ndarray) -> float:
    """The distance, eye distances, with which `fit_portrait` made a camera from landmarks (478, 3)."""
    return float(camera.K[0, 0]) / lift(landmarks.astype(np.float64), (camera.width, camera.height))[2]
