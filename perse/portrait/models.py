"""MediaPipe's bundled models, created once and run one at a time (its graphs are not thread safe), for each caller in turn."""

import importlib
import os
import sys
import threading
from collections import deque
from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np


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


_lock = Turns()
# The mesh graph writes one warning of its own at the first face that it sees.
_mesh_has_spoken = False


@contextmanager
def _quiet():
    """Drop what native code writes to standard error: the first inference greets there, whatever the log level."""
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


def _solutions():
    """MediaPipe, whose import takes over half a second: who renders a finished avatar does not wait for it."""
    # Read by its C++ side when it is first imported.
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # In a thread of its own: modules below it keep a caught exception, and with it every frame of whoever imports them first,
    # a visitor's photo among their variables.
    thread = threading.Thread(target=importlib.import_module, args=("mediapipe.python.solutions",))
    thread.start()
    thread.join()
    from mediapipe.python import solutions
    return solutions


def _warmed(create):
    with _quiet():
        model = create()
        model.process(np.zeros((256, 256, 3), np.uint8))
    return model


@cache
def _detector(full_range: bool):
    # The threshold is low because callers apply their own gates to the scores.
    return _warmed(
        lambda: _solutions().face_detection.FaceDetection(model_selection=int(full_range), min_detection_confidence=0.3)
    )


@cache
def _mesh():
    return _warmed(
        lambda: _solutions().face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3
        )
    )


@cache
def _segmenter():
    return _warmed(lambda: _solutions().selfie_segmentation.SelfieSegmentation(model_selection=0))


def detect_faces(image: np.ndarray, full_range: bool) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Run BlazeFace on an (H,W,3) uint8 image.

    Returns:
        One (score, box (x0,y0,x1,y1), keypoints (6,2)) a face, in pixels; keypoints 0 and 1 are the eyes, the one
        on the left of the picture first.
    """
    height, width = image.shape[:2]
    with _lock:
        result = _detector(full_range).process(np.ascontiguousarray(image))
    faces = []
    for found in result.detections or []:
        box = found.location_data.relative_bounding_box
        corners = np.array([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height])
        points = np.array([(p.x, p.y) for p in found.location_data.relative_keypoints])
        faces.append((float(found.score[0]), corners * (width, height, width, height), points * (width, height)))
    return faces


def mesh_face(image: np.ndarray) -> np.ndarray | None:
    """Landmarks (478,3) float32 of the one face in an (H,W,3) uint8 image, in pixels (z in pixels too), or None."""
    global _mesh_has_spoken
    height, width = image.shape[:2]
    with _lock, nullcontext() if _mesh_has_spoken else _quiet():
        result = _mesh().process(np.ascontiguousarray(image))
        _mesh_has_spoken |= bool(result.multi_face_landmarks)
    if not result.multi_face_landmarks:
        return None
    points = np.array([(p.x, p.y, p.z) for p in result.multi_face_landmarks[0].landmark], np.float32)
    return points * np.float32([width, height, width])


def segment_person(image: np.ndarray) -> np.ndarray:
    """Coarse person probability (H,W) float32 of an (H,W,3) uint8 image."""
    with _lock:
        result = _segmenter().process(np.ascontiguousarray(image))
    return np.array(result.segmentation_mask, np.float32)
