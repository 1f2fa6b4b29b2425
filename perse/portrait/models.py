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


# The landmark model alone, told where to look: what the face mesh's own graph runs after its detector.
_LOOK = """
input_stream: "image" input_stream: "square" input_side_packet: "with_attention" output_stream: "landmarks"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image" input_stream: "ROI:square" input_side_packet: "WITH_ATTENTION:with_attention"
  output_stream: "LANDMARKS:landmarks"
}
"""
# The model was trained on squares of 1.5 times a face's longer side.
_ROOM = 1.5

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
    return _warmed(lambda: _solutions().face_detection.FaceDetection(model_selection=int(full_range), min_detection_confidence=0.3))


@cache
def _mesh():
    return _warmed(
        lambda: _solutions().face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3
        )
    )


@cache
def _look():
    _solutions()
    from google.protobuf import text_format
    from mediapipe.framework import calculator_pb2
    from mediapipe.python.solution_base import SolutionBase

    model = SolutionBase(
        graph_config=text_format.Parse(_LOOK, calculator_pb2.CalculatorGraphConfig()),
        side_inputs={"with_attention": True},
        outputs=["landmarks"],
    )
    with _quiet():  # as of the mesh
        model.process({"image": np.zeros((256, 256, 3), np.uint8), "square": _square(1.0)})
    return model


def _square(side: float):
    """A square in the middle of a picture, as a share of its side, as graphs take it."""
    from mediapipe.framework.formats.rect_pb2 import NormalizedRect

    return NormalizedRect(x_center=0.5, y_center=0.5, width=side, height=side)


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
    with _lock, nullcontext() if _mesh_has_spoken else _quiet():
        result = _mesh().process(np.ascontiguousarray(image))
        _mesh_has_spoken |= bool(result.multi_face_landmarks)
    if not result.multi_face_landmarks:
        return None
    return _points(result.multi_face_landmarks[0], *image.shape[:2])


def mesh_face_at(image: np.ndarray, boxes: float) -> np.ndarray | None:
    """What `mesh_face` gives, of an upright face that is known to lie in the middle of an (S,S,3) uint8 image: a third faster, and
    steadier, since no detector says anew each time where to look.

    Args:
        boxes: S over the longer side of the face's box.
    """
    with _lock:
        result = _look().process({"image": np.ascontiguousarray(image), "square": _square(_ROOM / boxes)})
    if not result.landmarks:
        return None
    return _points(result.landmarks, *image.shape[:2])


def _points(landmarks, height: int, width: int) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in landmarks.landmark], np.float32) * np.float32([width, height, width])


def segment_person(image: np.ndarray) -> np.ndarray:
    """Coarse person probability (H,W) float32 of an (H,W,3) uint8 image."""
    with _lock:
        result = _segmenter().process(np.ascontiguousarray(image))
    return np.array(result.segmentation_mask, np.float32)
