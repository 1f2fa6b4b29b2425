"""A driving clip -> one set of face landmarks for every frame."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import PerseError
from ..portrait import track_landmarks
from ..portrait.detect import is_human
from ..render.video import read_video
from .anchors import Anchors
from .between_lips import between_lips
from .skin import Skin

MAX_FRAMES = 4_500  # two and a half minutes at 30 frames a second: what fits in memory; longer clips are cut
# A first face that fails the human check is looked at again this many times before the clip is refused.
CHECKED_FRAMES = 8


@dataclass(frozen=True)
class Track:
    """landmarks (T, 478, 3) float64 in frame pixels, z in the same unit; found (T,) bool, False where the face was
    lost and the last good landmarks stand in; fps; width, height of the frames; anchors (T, M, 2) in frame pixels:
    textured points of the head that expressions do not move, and anchored (T, M) bool where they were seen; drift (T, 468, 2) in
    frame pixels: how far from the landmarks the skin lies that was under them in the first frame; light (T, 468, 3): the logarithm
    of the light on it against the first frame's; mouth (T, BANDS) and mouth_seen (T,): see `between_lips`."""

    landmarks: np.ndarray
    found: np.ndarray
    fps: float
    width: int
    height: int
    anchors: np.ndarray
    anchored: np.ndarray
    drift: np.ndarray
    light: np.ndarray
    mouth: np.ndarray
    mouth_seen: np.ndarray


def track(clip: str | Path, seconds: float | None = None) -> Track:
    """Follow the largest face through a clip.

    Args:
        clip: a video file.
        seconds: how much of it is wanted; all if None.

    Raises:
        PerseError: the file is no readable video, or no human face is found in it.
    """
    frames, info = read_video(clip)
    limit = MAX_FRAMES if seconds is None else int(np.clip(np.ceil(seconds * info.fps), 1, MAX_FRAMES))
    faces: list[np.ndarray | None] = []
    points: list[tuple[np.ndarray, ...]] = []
    last, refused, anchors, skin = None, 0, None, None
    for frame in frames:
        face = track_landmarks(frame, last)
        if face is not None and last is None and not is_human(frame, face):
            face, refused = None, refused + 1
            if refused == CHECKED_FRAMES:
                break
        if face is not None:
            anchors, skin = anchors or Anchors(frame, face), skin or Skin(frame, face)
            points.append((*anchors.follow(frame, face), *skin.compare(frame, face), *between_lips(frame, face)))
        faces.append(face)
        last = last if face is None else face
        if len(faces) == limit:
            break
    if last is None:
        raise PerseError(f"No human face was found in {Path(clip).name}: please drive with a clip that shows one.")
    found = np.array([face is not None for face in faces])
    # Before the first face there is no good frame to keep: the first one stands in.
    source = np.maximum.accumulate(np.where(found, np.arange(len(faces)), 0))
    source = np.maximum(source, found.argmax())
    landmarks = np.stack([faces[i] for i in source]).astype(np.float64)
    order = np.cumsum(found)[source] - 1
    measured = [np.stack(column)[order] for column in zip(*points)]
    return Track(landmarks, found, info.fps, info.width, info.height, *measured)
