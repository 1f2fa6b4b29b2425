"""Which frame of a clip a relative transfer is measured from: the one in which the driver does least."""

import numpy as np

from ...avatar.avatar import Avatar
from ...face.alignment import Similarity, angles_of, procrustes
from ...face.landmarks import FACE, STABLE
from ...face.measures import eye_distance
from ...face.triangles import canonical
from ...rig.rig import Rig
from ...tracking.expression import expression_of
from ...tracking.solve import Face
from ...tracking.track import Track

LOOKED_AT = 48  # frames, evenly through the clip and the first of all
TURN = 20.0  # degrees of the head that make as much of a difference as a whole blendshape
# By how much (squared weights and turns, summed) another frame must be calmer than the first to be taken instead. Still faces differ by .1
# from frame to frame.
CALMER = 0.25
# Eye distances that a face's landmarks, laid over the portrait's, lie off them on the whole where a clip begins with the portrait itself:
# such a clip is reproduced frame by frame, whatever the face does in it.
ITSELF = 0.02


def reference_frame(avatar: Avatar, tracked: Track, believed: np.ndarray) -> int:
    """Its index: the first that is believed (T,) bool if that is nearly as calm as any, or shows the avatar's own portrait."""
    known = np.flatnonzero(believed)
    first = int(known[0])
    if _shows(avatar.rig, tracked.landmarks[first]):
        return first
    face = Face.of(avatar.rig)
    some = known[np.unique(np.linspace(0, len(known) - 1, LOOKED_AT).round().astype(int))]
    efforts = np.array([_effort(tracked.landmarks[i], face) for i in some])
    calmest = int(efforts.argmin())
    return int(some[calmest]) if efforts[calmest] < efforts[0] - CALMER else first


def head_frame(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (478, 3) of a picture in the head frame, by a distant camera, and the head's rotation (3, 3)."""
    scale, rotation, shift = procrustes(canonical()[0][STABLE], landmarks[STABLE])
    return (landmarks - shift) @ rotation / scale, rotation


def yaws(landmarks: np.ndarray) -> np.ndarray:
    """(T,) degrees by which heads, landmarks (T, 478, 3), are turned from the camera."""
    return np.array([np.degrees(angles_of(head_frame(frame)[1]))[0] for frame in landmarks])


def _effort(landmarks: np.ndarray, face: Face) -> float:
    points, rotation = head_frame(landmarks)
    turned = np.degrees(angles_of(rotation)) / TURN
    return float((expression_of(points, face) ** 2).sum() + (turned**2).sum())


def _shows(rig: Rig, landmarks: np.ndarray) -> bool:
    """Whether a face is the portrait's own, in its own pose."""
    points, there = landmarks[:FACE, :2], rig.camera.project(rig.vertices[:FACE])[0]
    off = np.linalg.norm(Similarity.fit(points, there)(points) - there, axis=1).mean()
    return bool(off < ITSELF * eye_distance(there))
