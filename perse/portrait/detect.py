"""Find the largest human face of a photo, or the one that is asked for, whichever way up, and refuse what is not one."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import BuildCancelled, PerseError
from ..face.landmarks import CHIN, EYE_CORNERS, FOREHEAD_TOP, INNER_EYE_CORNERS, MOUTH_CORNERS, NASION, NOSE_FRONT, NOSE_TIP
from .landmarker import close_up, eye_line, first_pass, levelled_square, refine, second_pass
from .models import detect_faces

# Measured on levelled close-ups: people, paintings and cartoons score above 0.85 with the short-range detector and
# above 0.75 with the full-range one, blurred ones above 0.8 and 0.6; a dog portrait 0.69 and 0.
MIN_SHORT_RANGE = 0.75
MIN_FULL_RANGE = 0.45
# RMS distance of the key points in a picture and in its mirror image, in outer eye-corner distances: people 0.01 to
# 0.04, a dog 0.055 and erratic.
MAX_MIRROR_ERROR = 0.08
# Outline, nose and eye and mouth corners, and what they become in a mirror.
MIDLINE = [FOREHEAD_TOP, CHIN, NOSE_TIP, NOSE_FRONT, NASION]
PAIRS = [EYE_CORNERS, INNER_EYE_CORNERS, MOUTH_CORNERS]
MIRROR_POINTS, MIRROR_TWINS = ([*MIDLINE, *(i for pair in PAIRS for i in pair[::step])] for step in (1, -1))
MAX_CANDIDATES = 5
# Another face counts as one when it is at least this large compared with the largest.
OTHER_FACE_SIZE = 0.4
# Quarter turns and window size (in shorter sides of the photo) of the searches for small faces, in this order.
SMALL_FACE_SEARCH = ((0, 0.5), (0, 0.25), (1, 0.5), (3, 0.5))
# Of one search: what quarters of a photo of 2 : 1 need; those of a longer one are larger.
MAX_WINDOWS = 110
# Runs of a model that any photo costs at most, 2 to 30 ms each: two detectors look at a picture and each candidate is verified by seven
# runs, at four turns with and without room around, in the windows, and once more for a face that lies on its side.
VERIFYING = 7 * MAX_CANDIDATES
MOST_RUNS = 8 * (2 + VERIFYING) + len(SMALL_FACE_SEARCH) * (2 * MAX_WINDOWS + VERIFYING) + 2 * (2 + VERIFYING)


@dataclass(frozen=True)
class Found:
    """The faces that were found.

    quarter_turns: counter-clockwise, as np.rot90, that make the photo upright. landmarks: (478,3) in pixels of the upright photo, of the
    face that is used. boxes: (x0, y0, x1, y1) in the same pixels, of all faces of comparable size, from left to right. chosen: which of
    them it is, from 0.
    """

    quarter_turns: int
    landmarks: np.ndarray
    boxes: tuple[tuple[float, float, float, float], ...]
    chosen: int


def find_face(photo: np.ndarray, cancelled: Callable[[], bool] = lambda: False, face: int | None = None) -> Found:
    """Find a face of a photo (H,W,3) uint8 by at most MOST_RUNS runs of the models.

    Args:
        cancelled: asked between them.
        face: which of the faces of comparable size, from 1, counted from left to right; the largest if None.

    Raises:
        PerseError: no human face, or only something that resembles one; or not so many.
        BuildCancelled: when `cancelled` says so.
    """
    for turns in (0, 1, 3, 2):
        picture = np.ascontiguousarray(np.rot90(photo, turns))
        faces = _faces(picture, cancelled)
        if faces:
            return _upright(photo, turns, faces, cancelled, face)
    # Small faces last: many windows are slow, and most photos never need them.
    for turns, fraction in SMALL_FACE_SEARCH:
        picture = np.ascontiguousarray(np.rot90(photo, turns))
        faces = _verified(picture, _windowed_candidates(picture, fraction, cancelled), cancelled)
        if faces:
            return _upright(photo, turns, faces, cancelled, face)
    raise PerseError("No human face was found: please upload a photo that shows one person's face from the front, well lit.")


def faces_in(picture: np.ndarray, cancelled: Callable[[], bool] = lambda: False) -> list[np.ndarray]:
    """Landmarks (478,3) of the human faces of comparable size in an upright picture (H,W,3) uint8, from left to right; none, if nobody is
    seen at once. BuildCancelled when `cancelled` says so."""
    return sorted(_faces(picture, cancelled), key=lambda face: float(face[:, 0].mean()))


def _ask(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise BuildCancelled()


def _faces(picture: np.ndarray, cancelled: Callable[[], bool]) -> list[np.ndarray]:
    """The faces that are seen at once, or with room around the picture."""
    return _verified(picture, _candidates(picture), cancelled) or _verified(picture, _padded_candidates(picture), cancelled)


def _upright(photo: np.ndarray, turns: int, faces: list[np.ndarray], cancelled: Callable[[], bool], wanted: int | None) -> Found:
    """A face may be found lying on its side: then the photo needs another quarter turn."""
    _, angle = eye_line(faces[0])
    extra = int(np.round(angle / (np.pi / 2))) % 4
    if extra:
        # A face whose eye line points down (+90 degrees in image coordinates) is levelled by a counter-clockwise turn.
        turns = (turns + extra) % 4
        picture = np.ascontiguousarray(np.rot90(photo, turns))
        faces = _faces(picture, cancelled)
        if not faces:
            raise PerseError("The face lies on its side: please turn the photo upright and upload it again.")
    return _chosen(turns, faces, wanted)


def _chosen(turns: int, faces: list[np.ndarray], wanted: int | None) -> Found:
    """faces: the largest first."""
    in_order = sorted(faces, key=lambda face: float(face[:, 0].mean()))
    if wanted is not None and not 1 <= wanted <= len(faces):
        there = "only one face" if len(faces) == 1 else f"{len(faces)} faces, counted from left to right"
        raise PerseError(f"There is no face {wanted}: the photo shows {there}.")
    chosen = next(i for i, face in enumerate(in_order) if face is faces[0]) if wanted is None else wanted - 1
    boxes = tuple((*map(float, face[:, :2].min(0)), *map(float, face[:, :2].max(0))) for face in in_order)
    return Found(turns, in_order[chosen], boxes, chosen)  # type: ignore[arg-type]  # two and two are four


def _candidates(picture: np.ndarray) -> list[tuple]:
    return detect_faces(picture, full_range=False) + detect_faces(picture, full_range=True)


def _padded_candidates(picture: np.ndarray) -> list[tuple]:
    """Faces that fill the frame are found once there is room around them."""
    height, width = picture.shape[:2]
    pad = max(height, width) // 2
    padded = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(128, 128, 128))
    return [_moved(face, -pad, -pad) for face in _candidates(padded)]


def _windowed_candidates(picture: np.ndarray, fraction: float, cancelled: Callable[[], bool]) -> list[tuple]:
    found = []
    height, width = picture.shape[:2]
    for x, y, side in _windows(height, width, fraction):
        _ask(cancelled)
        found += [_moved(face, x, y) for face in _candidates(picture[y : y + side, x : x + side])]
    return found


def _windows(height: int, width: int, fraction: float) -> list[tuple[int, int, int]]:
    """Squares (x, y, side) that cover a picture: `fraction` of its shorter side, or as much more as makes them MAX_WINDOWS at most."""
    side = max(1, int(min(height, width) * fraction))
    while len(rows := _starts(height, side)) * len(columns := _starts(width, side)) > MAX_WINDOWS and side < min(height, width):
        side = min(round(1.1 * side) + 1, height, width)
    return [(x, y, side) for y in rows for x in columns]


def _starts(length: int, side: int) -> np.ndarray:
    """Starts of windows of `side` that overlap by half and cover `length`."""
    return np.linspace(0, length - side, int(np.ceil((length - side) / (side / 2))) + 1).astype(int)


def _moved(face: tuple, x: float, y: float) -> tuple:
    score, box, points = face
    return score, box + (x, y, x, y), points + (x, y)


def _verified(picture: np.ndarray, candidates: list[tuple], cancelled: Callable[[], bool]) -> list[np.ndarray]:
    """Landmarks of the candidates that are human faces, largest first, only those of comparable size."""
    by_size = sorted(candidates, key=lambda face: face[1][2] - face[1][0], reverse=True)
    faces: list[np.ndarray] = []
    tried = 0
    for _, box, points in by_size:
        if tried == MAX_CANDIDATES or any(_inside((box[:2] + box[2:]) / 2, face) for face in faces):
            continue
        tried += 1
        _ask(cancelled)
        rough = first_pass(picture, box, points[:2])
        face = second_pass(picture, rough) if rough is not None else None
        if face is None or not is_human(picture, face):
            continue
        if faces and np.ptp(face[:, 1]) < OTHER_FACE_SIZE * np.ptp(faces[0][:, 1]):
            break
        faces.append(face)
    return faces


def _inside(point: np.ndarray, landmarks: np.ndarray) -> bool:
    return bool((landmarks[:, :2].min(0) < point).all() and (point < landmarks[:, :2].max(0)).all())


def is_human(picture: np.ndarray, landmarks: np.ndarray) -> bool:
    """The second check: both detectors must see a face in the levelled close-up, and the mesh must be the same in a
    mirror, which it is not on animals."""
    centre, side, angle = levelled_square(landmarks)
    scores = np.zeros(2)
    for zoom in (1.0, 1.5):
        view, _ = close_up(picture, centre, side * zoom, angle)
        for i, full_range in enumerate((False, True)):
            scores[i] = max([scores[i]] + [face[0] for face in detect_faces(view, full_range)])
    if scores[0] < MIN_SHORT_RANGE or scores[1] < MIN_FULL_RANGE:
        return False
    width = picture.shape[1]
    mirrored = refine(np.ascontiguousarray(picture[:, ::-1]), (width - centre[0], centre[1]), side, -angle)
    if mirrored is None:
        return False
    twins = mirrored[MIRROR_TWINS, :2] * (-1, 1) + (width, 0)
    error = np.sqrt(((twins - landmarks[MIRROR_POINTS, :2]) ** 2).sum(1).mean())
    return bool(error < MAX_MIRROR_ERROR * np.linalg.norm(eye_line(landmarks)[0]))
