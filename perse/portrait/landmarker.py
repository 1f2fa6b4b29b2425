"""478 face landmarks by two passes: detect, then a second look at a levelled close-up; in a film the frame before says where."""

import cv2
import numpy as np

from ..face.alignment import for_opencv, plane_rotation
from ..face.landmarks import EYE_CORNERS
from .models import detect_faces, mesh_face, mesh_face_at

CLOSE_UP = 512
CLOSE_UP_BOXES = 2.0
MAX_TRIED = 5  # detections of a frame that are looked at closely
LOOK = 320  # pixels of a close-up that need not be searched: beyond, jitter gets no less, and the model sees 192 of the face
# How far a face may lie from where it was looked for, in sides of its square, logarithms of its size and radians, to be taken as seen:
# landmarks that are looked for so much aside move by a small part of their own jitter (an estimate).
SETTLED = (0.006, 0.015, 0.0175)


def close_up(image: np.ndarray, centre, side: float, angle: float, size: int = CLOSE_UP) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square of `side` pixels turned by `angle` radians out of (H,W,3) and resample it to `size` pixels.

    Returns:
        The close-up (size,size,3) and the (2,3) matrix that takes close-up pixels to image pixels.
    """
    scale = side / size
    linear = scale * plane_rotation(angle)
    to_image = np.column_stack([linear, np.asarray(centre, float) - linear @ np.full(2, size / 2)])
    source, sample = image, to_image.copy()
    if scale > 2:
        # warpAffine samples four pixels only: reduce by area first, or large photos would alias. What lies outside is left out, down to
        # whole pixels of the reduced picture.
        corners = to_image @ np.array([[0, size, 0, size], [0, 0, size, size], [1, 1, 1, 1]])
        limit = np.array(image.shape[1::-1])
        low = np.clip(np.floor(corners.min(1) / scale - 2), 0, limit / scale - 1).astype(int)
        (x0, y0), (x1, y1) = np.round(low * scale).astype(int), np.clip(np.ceil(corners.max(1) + 2 * scale), 1, limit).astype(int)
        part = image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
        reduced = (max(1, round(part.shape[1] / scale)), max(1, round(part.shape[0] / scale)))
        source = cv2.resize(part, reduced, interpolation=cv2.INTER_AREA)
        sample[:, 2] -= (x0, y0)
        sample = np.diag([reduced[0] / part.shape[1], reduced[1] / part.shape[0]]) @ sample
    picture = cv2.warpAffine(
        source, for_opencv(sample), (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return picture, to_image


def refine(image: np.ndarray, centre, side: float, angle: float) -> np.ndarray | None:
    """Landmarks (478,3) of the face in a turned square of the image, in image pixels, or None.

    x and y turn and scale with the square; z points along the view, so it only scales.
    """
    picture, to_image = close_up(image, centre, side, angle)
    points = mesh_face(picture)
    return None if points is None else _placed(points, to_image, side / CLOSE_UP)


def look(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """Landmarks (478,3) of the face that is known to lie about where these (>=468, 2 or 3) do, or None if there is none."""
    centre, side, angle = levelled_square(landmarks)
    picture, to_image = close_up(image, centre, side, angle, LOOK)
    points = mesh_face_at(picture, CLOSE_UP_BOXES)
    return None if points is None else _placed(points, to_image, side / LOOK)


def _placed(points: np.ndarray, to_image: np.ndarray, scale: float) -> np.ndarray:
    xy = points[:, :2] @ to_image[:, :2].T + to_image[:, 2]
    return np.column_stack([xy, points[:, 2] * scale]).astype(np.float32)


def eye_line(landmarks: np.ndarray) -> tuple[np.ndarray, float]:
    """The vector from the subject's right to left outer eye corner (2,) and its angle to the horizontal (radians)."""
    across = landmarks[EYE_CORNERS[1], :2] - landmarks[EYE_CORNERS[0], :2]
    return across, float(np.arctan2(across[1], across[0]))


def second_pass(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
    """Look again at a face whose rough landmarks (>=468, 2 or 3) are known, levelled by its eyes."""
    centre, side, angle = levelled_square(landmarks)
    return refine(image, centre, side, angle)


def levelled_square(landmarks: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre, side and angle of the square that the second pass looks at: twice the levelled face box."""
    _, angle = eye_line(landmarks)
    turn = plane_rotation(angle)
    level = landmarks[:, :2] @ turn
    low, high = level.min(0), level.max(0)
    centre = turn @ ((low + high) / 2)
    return centre, CLOSE_UP_BOXES * float((high - low).max()), angle


def first_pass(image: np.ndarray, box: np.ndarray, eyes: np.ndarray) -> np.ndarray | None:
    """Rough landmarks from a detection: box (x0,y0,x1,y1) and the eye points (2,2), left of the picture first."""
    across = eyes[1] - eyes[0]
    side = CLOSE_UP_BOXES * float(max(box[2] - box[0], box[3] - box[1]))
    return refine(image, (box[:2] + box[2:]) / 2, side, float(np.arctan2(across[1], across[0])))


def face_landmarks(frame: np.ndarray, near: np.ndarray | None = None) -> np.ndarray | None:
    """Landmarks of the largest face in a picture, as a portrait's are found: what is compared with a portrait, or measured, goes by these.

    Args:
        frame: (H,W,3) uint8, or float in [0, 1].
        near: landmarks (478,3) of a face that is expected there, which save the search.

    Returns:
        (478,3) float32 in frame pixels (z in the same unit, smaller is nearer), or None when there is no face.
    """
    frame = _bytes(frame)
    if near is not None:
        found = second_pass(frame, near)
        if found is not None and _same_size(found, near):
            # Once more from its own position: the result must not depend on where the face was looked for.
            return second_pass(frame, found)
    faces = sorted(
        detect_faces(frame, full_range=True) + detect_faces(frame, full_range=False),
        key=lambda face: face[0] * (face[1][2] - face[1][0]),
        reverse=True,
    )
    for _, box, points in faces[:MAX_TRIED]:
        rough = first_pass(frame, box, points[:2])
        if rough is not None:
            return second_pass(frame, rough)
    return None


def track_landmarks(frame: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray | None:
    """The same for the frames of a film, one after the other: less than half of the work, and less jitter from frame to frame, but half a
    per cent to one of the eye distance off what `face_landmarks` finds, always in the same direction.

    Args:
        previous: landmarks of the frame before, (478,3), which save the search when the face has moved little.
    """
    frame = _bytes(frame)
    if previous is not None:
        found = _looked(frame, previous)
        if found is not None and _same_size(found, previous):
            return found
    found = face_landmarks(frame)
    return None if found is None else _looked(frame, found)


def _bytes(frame: np.ndarray) -> np.ndarray:
    return frame if frame.dtype == np.uint8 else (np.clip(frame, 0, 1) * 255 + 0.5).astype(np.uint8)


def _looked(frame: np.ndarray, start: np.ndarray) -> np.ndarray | None:
    """The face about `start`; looked at once more from its own position where that is another: the result must not depend on the start."""
    found = look(frame, start)
    return found if found is None or _settled(start, found) else look(frame, found)


def _same_size(first: np.ndarray, second: np.ndarray) -> bool:
    ratio = np.ptp(first[:, 1]) / max(np.ptp(second[:, 1]), 1e-6)
    return 0.7 < ratio < 1.4


def _settled(before: np.ndarray, now: np.ndarray) -> bool:
    (centre, side, angle), (new_centre, new_side, new_angle) = levelled_square(before), levelled_square(now)
    turn = (new_angle - angle + np.pi) % (2 * np.pi) - np.pi
    moved = (np.linalg.norm(new_centre - centre) / side, abs(np.log(new_side / side)), abs(turn))
    return all(m <= most for m, most in zip(moved, SETTLED))
