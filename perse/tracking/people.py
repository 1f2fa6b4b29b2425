"""Who is seen where a clip begins, for somebody to say which of them drives."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import PerseError, asking
from ..media import Clip
from ..media.source import called
from ..portrait import faces_in
from ..portrait.landmarker import CLOSE_UP_BOXES, close_up, levelled_square

CHECKED_FRAMES = 8  # in which a face is looked for before it counts as none
PICTURE, AROUND = 144, 1.4  # pixels of a picture of somebody; times the face's box that it shows


def people(clip: str | Path, cancelled: Callable[[], bool] = lambda: False) -> list[tuple[np.ndarray, float]]:
    """The people in the first frame that shows any, from left to right: pictures (PICTURE, PICTURE, 3) uint8, and how large they are, pixels.

    Raises:
        PerseError: the file is no readable video, or nobody is seen in its first frames.
        BuildCancelled: when `cancelled` says so.
    """
    with Clip(clip, cancelled=cancelled) as frames:
        for _, (_, frame) in zip(range(CHECKED_FRAMES), asking(frames, cancelled)):
            if faces := faces_in(frame, cancelled):
                return [likeness(frame, face) for face in faces]
    raise PerseError(f"No human face was found where {called(clip)} begins: please drive with a clip that shows one.")


def likeness(frame: np.ndarray, face: np.ndarray) -> tuple[np.ndarray, float]:
    """A levelled picture of somebody with landmarks (478, 3) in a frame (H, W, 3) uint8, and how large the face is, pixels."""
    centre, side, angle = levelled_square(face)
    return close_up(frame, centre, AROUND * side / CLOSE_UP_BOXES, angle, PICTURE)[0], side / CLOSE_UP_BOXES


def picked(faces: list[np.ndarray], person: int, name: str) -> np.ndarray:
    """The face of this number, from 1; PerseError if there is none. name: of the file, for people."""
    if not 1 <= person <= len(faces):
        seen = "Only one face is" if len(faces) == 1 else f"{len(faces)} faces are"
        raise PerseError(f"There is no face number {person}, counted from the left: {seen} seen where {name} begins.")
    return faces[person - 1]
