"""A driving clip -> one set of face landmarks for every frame."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import PerseError
from ..media import Clip, limits
from ..media.source import called
from .mouth_gap import between_lips
from .one_person import OnePerson
from .shoulders import Shoulders
from .skin_flow import SkinFlow
from .still_points import StillPoints

# Frames a second: of fewer a face may move too far between two to be followed, however few are wanted.
LEAST_RATE = 25.0
# A frame's landmarks wait for those of the frame before, what is compared under them does not: so many threads keep up with them,
# at most so many frames behind.
COMPARING_THREADS, MOST_WAITING = 2, 4
# What a clip says of its frames a second is believed if its time stamps agree to this share.
RATE_TOLERANCE = 0.02
# What is measured of each frame against the first, as `Track` calls it.
MEASURED = ("still", "still_seen", "drift", "light", "mouth", "mouth_seen", "body", "body_seen")


@dataclass(frozen=True)
class Track:
    """landmarks (T, 478, 3) float64 in frame pixels, z in the same unit; found (T,) bool, False where the face was
    lost and the last good landmarks stand in; times (T,): seconds since the first frame, growing; fps: frames a second, over all;
    width, height of the frames; still (T, M, 2) in frame pixels: textured points of the head that expressions do not move, and
    still_seen (T, M) bool where they were seen; drift (T, 468, 2) in frame pixels: how far from the landmarks the skin lies that was
    under them in the first frame; light (T, 468, 3): the logarithm of the light on it against the first frame's; mouth (T, BANDS) and
    mouth_seen (T,): see `between_lips`; body (T, 2, 3) and body_seen (T,) bool: see `Shoulders`; other (T,) bool: where another person is
    seen, who counts as none. begins, heard, more: see `Clip`."""

    landmarks: np.ndarray
    found: np.ndarray
    times: np.ndarray
    fps: float
    width: int
    height: int
    still: np.ndarray
    still_seen: np.ndarray
    drift: np.ndarray
    light: np.ndarray
    mouth: np.ndarray
    mouth_seen: np.ndarray
    body: np.ndarray
    body_seen: np.ndarray
    other: np.ndarray
    begins: float = 0.0
    heard: bool = False
    more: bool = False


def track(
    clip: str | Path,
    seconds: float | None = None,
    fps: float | None = None,
    *,
    person: int | None = None,
    progress: Callable[[float], None] = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Track:
    """Follow one person's face through a clip.

    Args:
        clip: a video file.
        seconds: how much of it is wanted; as much as `media.limits` allows if None.
        fps: frames a second that are wanted; of a faster clip some are skipped.
        person: which of the faces of comparable size where the clip begins, counted from the left; the largest if None.
        progress: told the share in [0, 1] that is done.
        cancelled: asked with every frame.

    Raises:
        PerseError: the file is no readable video, no human face is found in it, or none of this number.
        BuildCancelled: cancelled.
    """
    faces: list[np.ndarray | None] = []
    times: list[float] = []
    compared: list[Future] = []
    one, first, other = OnePerson(person, called(clip)), None, []
    rate = limits.RATE if fps is None else max(fps, LEAST_RATE)
    length = limits.SECONDS if seconds is None else seconds
    with Clip(clip, rate, length, cancelled=cancelled) as frames, ThreadPoolExecutor(COMPARING_THREADS, "perse-track") as pool:
        length = min(length, frames.duration or length)
        for time, frame in frames:
            progress(min(time / length, 1.0))
            face, somebody_else = one.find(frame)
            if one.hopeless:
                break
            if face is not None:
                first = first or _First(frame, face)
                compared.append(pool.submit(first.compare, frame, face))
                if len(compared) > MOST_WAITING:
                    compared[-1 - MOST_WAITING].result()
            faces.append(face)
            other.append(somebody_else)
            times.append(time)
    if one.last is None:
        raise PerseError(f"No human face was found in {called(clip)}: please drive with a clip that shows one.")
    found = np.array([face is not None for face in faces])
    # Before the first face there is no good frame to keep: the first one stands in.
    source = np.maximum.accumulate(np.where(found, np.arange(len(faces)), 0))
    source = np.maximum(source, found.argmax())
    landmarks = np.stack([faces[i] for i in source]).astype(np.float64)
    order = np.cumsum(found)[source] - 1
    measured = [np.stack(column)[order] for column in zip(*(future.result() for future in compared))]
    size = (frames.width or 0, frames.height or 0)  # known since the first frame
    kept = dict(zip(MEASURED, measured))
    tracked = Track(landmarks, found, np.array(times), pace(times, frames.fps), *size, **kept, other=np.array(other))
    return replace(tracked, begins=frames.begins, heard=frames.heard, more=frames.more)


def measured_from(tracked: Track, index: int) -> Track:
    """The same with `drift`, `light` and `body` since another frame than the first."""
    there = tracked.body[index]
    back = np.linalg.inv(there[:, :2])
    body = tracked.body.copy()
    body[..., :2] = tracked.body[..., :2] @ back
    body[..., 2] = tracked.body[..., 2] - body[..., :2] @ there[:, 2]
    drift, light = (series - series[index] for series in (tracked.drift, tracked.light))
    return replace(tracked, drift=drift, light=light, body=body)


class _First:
    """The first frame that shows the face, (H, W, 3) uint8 with landmarks (478, 3): what later ones are compared with."""

    def __init__(self, frame: np.ndarray, face: np.ndarray):
        self.still, self.skin, self.shoulders = StillPoints(frame, face), SkinFlow(frame, face), Shoulders(frame, face)

    def compare(self, frame: np.ndarray, face: np.ndarray) -> tuple:
        """What `Track` tells of a frame from its still points on."""
        return (
            *self.still.follow(frame, face),
            *self.skin.compare(frame, face),
            *between_lips(frame, face),
            *self.shoulders.follow(frame, face),
        )


def pace(times: list[float], said: float) -> float:
    """Frames a second by their times (T,), growing seconds; as the file says, `said`, if that is nearly so; LEAST_RATE of a single frame."""
    if len(times) == 1:
        return LEAST_RATE
    measured = (len(times) - 1) / (times[-1] - times[0])
    return float(min(said if abs(said / measured - 1) < RATE_TOLERANCE else measured, limits.RATE))
