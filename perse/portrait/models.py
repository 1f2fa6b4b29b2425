"""MediaPipe's models of faces and people, loaded once and run one at a time, for each caller in turn."""

import os
import sys
import threading
from collections import deque
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from . import blaze_face, face_mesh
from .tflite import Network


class Turns:
    """A lock that goes to whoever has waited longest: one caller's thousand runs keep nobody waiting for longer than one of them."""

    def __init__(self):
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        try:
            turn.acquire()
        except BaseException:  # interrupted while it waited
            with self._guard:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    raise
            self.__exit__()
            raise

    def __exit__(self, *_) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


FOLDER = Path(__file__).with_name("face_models")  # from MediaPipe's wheel, docs/licences.md
# What `mesh_face_at` is told is a share of a face's longer side; the model was trained on squares of so many of them.
_ROOM = 1.5
_ANY = blaze_face.SHORT._replace(least=0.3)  # that the mesh takes for a face: it tells itself whether it is one
SEEN = 256  # side of the picture in which people are looked for

_lock = Turns()


@contextmanager
def _quiet():
    """Drop what native code writes to standard error: the first network greets there."""
    sys.stderr.flush()
    saved = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)


@cache
def _network(name: str) -> Network:
    with _quiet():
        return Network(FOLDER / f"{name}.tflite")


def detect_faces(image: np.ndarray, full_range: bool) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Run BlazeFace on an (H,W,3) uint8 image.

    Returns:
        One (score, box (x0,y0,x1,y1), keypoints (6,2)) a face, in pixels; keypoints 0 and 1 are the eyes, the one
        on the left of the picture first.
    """
    name, kind = ("full_range_sparse", blaze_face.FULL) if full_range else ("short_range", blaze_face.SHORT)
    with _lock:
        return blaze_face.detect(_network(f"face_detection_{name}"), kind, image)


def mesh_face(image: np.ndarray) -> np.ndarray | None:
    """Landmarks (478,3) float32 of the clearest face in an (H,W,3) uint8 image, in pixels (z in pixels too), or None."""
    with _lock:
        faces = blaze_face.detect(_network("face_detection_short_range"), _ANY, image)
    if not faces:
        return None
    _, box, points = faces[0]
    return _mesh(image, *face_mesh.square_of(box, points[:2]))


def mesh_face_at(image: np.ndarray, boxes: float) -> np.ndarray | None:
    """What `mesh_face` gives, of an upright face that is known to lie in the middle of an (S,S,3) uint8 image: a third faster, and
    steadier, since no detector says anew each time where to look.

    Args:
        boxes: S over the longer side of the face's box.
    """
    side = len(image)
    return _mesh(image, (side / 2, side / 2), side * _ROOM / boxes, 0.0)


def _mesh(image: np.ndarray, centre, side: float, angle: float) -> np.ndarray | None:
    with _lock:
        return face_mesh.landmarks(_network("face_landmark_with_attention"), image, centre, side, angle)


def segment_person(image: np.ndarray) -> np.ndarray:
    """Coarse person probability (H,W) float32 of an (H,W,3) uint8 image."""
    height, width = image.shape[:2]
    seen = blaze_face.crop(image, (width / 2, height / 2), (width, height), 0.0, SEEN, cv2.BORDER_CONSTANT)
    with _lock:
        (mask,) = _network("selfie_segmentation")(seen.astype(np.float32) / 255).values()
    return cv2.resize(mask[0, :, :, 0], (width, height), interpolation=cv2.INTER_LINEAR)
