"""What of a cut-out belongs to somebody else: a neighbour's head, a raised arm."""

import cv2
import numpy as np

from ..face.landmarks import FACE_OUTLINE
from ..face.polygons import polygon
from .face_frame import BEHIND, FaceFrame

WORKING_SIDE = 384  # pixels
# How far from the middle anything but hair may reach, (height below the chin, reach), in face heights.
SHOULDER_REACH = [(-0.4, 0.75), (0.0, 1.0), (0.2, 1.35), (0.5, 1.9)]
# Heights below the chin, in face heights, at which it is asked whether things hang together with the head above.
LEVELS = np.arange(-0.7, 0.15, 0.1)


def own_share(picture: np.ndarray, alpha: np.ndarray, hair: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """What of the cut-out is this person's head and bust (S,S) in [0, 1], and not a neighbour or a raised arm.

    What stands beside the head and hangs together with it only from below is somebody else's head or an arm; so is what is no hair
    and reaches farther out than shoulders do.

    Args:
        picture: (S,S,3); alpha, hair: (S,S) float32; landmarks: (478,3) in pixels.
    """
    size = len(alpha)
    side = min(WORKING_SIDE, size)
    person = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA)
    hairy = cv2.resize(hair, (side, side), interpolation=cv2.INTER_AREA) > 0.5
    frame = FaceFrame(landmarks * (side / size), side)
    u, v = frame.u, frame.v
    face = polygon(frame.landmarks, FACE_OUTLINE, side) > 0.5
    radius = frame.radius(0.03)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    solid = cv2.morphologyEx((person > 0.4).astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0

    strange = solid & _seeds(solid, hairy, face, frame, kernel)
    if strange.sum() < 0.002 * side * side:
        return np.ones_like(alpha)
    # Of what is known to be strange the rest is reached without crossing an edge of the picture.
    sure = face | (solid & (np.abs(u) < 0.45) & (v < -0.4)) | (solid & (v > 0.1) & (np.abs(u) < 0.35 + v))
    markers = np.where(sure & ~strange, 1, np.where(strange, 2, np.where(person < 0.4, 3, 0))).astype(np.int32)
    small = cv2.GaussianBlur(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    cv2.watershed((np.clip(small, 0, 1) * 255).astype(np.uint8), markers)
    strange = _outwards((markers == 2) & solid, u) & (person > 0.1)
    # And what now hangs together with the head no more.
    _, labels = cv2.connectedComponents(((person > 0.1) & ~strange).astype(np.uint8))
    own = np.unique(labels[face])
    strange |= (person > 0.1) & ~np.isin(labels, own[own > 0])
    to_other = cv2.distanceTransform(1 - strange.astype(np.uint8), cv2.DIST_L2, 3)
    to_own = cv2.distanceTransform(1 - (solid & ~strange).astype(np.uint8), cv2.DIST_L2, 3)
    share = cv2.GaussianBlur((to_own <= to_other).astype(np.float32), (0, 0), 0.012 * frame.height)
    return cv2.resize(share, (size, size), interpolation=cv2.INTER_LINEAR)


def _seeds(solid: np.ndarray, hairy: np.ndarray, face: np.ndarray, frame: FaceFrame, kernel: np.ndarray) -> np.ndarray:
    """(S,S) bool: what is surely somebody else's, by where it is and by what it hangs together with.

    Args:
        solid, hairy, face: (S,S) bool, of the person, the hair and the face; kernel: what is smaller is a lock or an ornament.
    """
    far = np.interp(frame.v, *np.transpose(SHOULDER_REACH)).astype(np.float32)
    # The back of a head that is turned away lies to one side of its face.
    from_middle = np.abs(frame.u - BEHIND * np.sin(frame.yaw))
    outside = solid & (np.minimum(from_middle, np.abs(frame.u)) > far) & ~hairy & (frame.v > -0.9)
    other = cv2.morphologyEx(outside.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    for level in LEVELS:
        above = solid & (frame.v < level) & ~other
        _, labels = cv2.connectedComponents(above.astype(np.uint8))
        own = np.unique(labels[face & above])
        pieces = above & ~np.isin(labels, own[own > 0])
        other |= cv2.morphologyEx(pieces.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    return other


def _outwards(mask: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The mask (S,S) bool and, row by row, all that lies farther from the middle (u = 0) on the same side."""
    right = np.maximum.accumulate(mask & (u > 0), axis=1) & (u > 0)
    left = np.maximum.accumulate((mask & (u < 0))[:, ::-1], axis=1)[:, ::-1] & (u < 0)
    return mask | left | right
