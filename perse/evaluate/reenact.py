"""The first frame of a clip becomes an avatar, the rest drives it, and the result is compared with the clip."""

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ..errors import PerseError
from ..media import Clip
from ..media.source import called
from ..motion.driving.curves import Curves
from ..motion.driving.drive import follow
from ..pipeline import PersePipeline
from ..portrait import face_landmarks
from ..renderer import Renderer
from ..tracking.track import Track, track
from .baselines import BASELINES
from .metrics import NAMES, Truth, measure

MAX_FRAMES = 40
MIN_STRIDE = 5
SIZES = (128, 2048)


def evaluate(
    pipeline: PersePipeline,
    clip: str | Path,
    size: int | None = None,
    budget: float | None = None,
    seed: int = 0,
    show: Callable[[int, dict[str, np.ndarray]], None] = lambda index, pictures: None,
) -> dict:
    """Self-reenactment of a real clip.

    The first frame is the portrait. At most 40 later frames (every max(5, n/40)-th) are rendered in the clip's own
    camera over the original background, and compared as `metrics.measure` says; so are the `baselines`.

    Args:
        size: longer side in pixels at which pictures are compared, if smaller than the clip's.
        budget: seconds for the build.
        show: called with (frame index, pictures by name) for each measured frame; "true" and "avatar" among them.

    Returns:
        {"clip", "frames", "size", "build_seconds", "solve_ms", "means": {method: {metric: value}},
        "per_frame": {method: [{metric: value, "frame": index} or {"frame": index, "fail": true}]}}; `fail` among the
        means counts the frames in which no face is found.

    Raises:
        PerseError: the clip cannot be read, is too short, or its first frame is no portrait.
    """
    if size is not None and not SIZES[0] <= size <= SIZES[1]:
        raise PerseError(f"The size must lie between {SIZES[0]} and {SIZES[1]} pixels, not {size}.")
    tracked = track(clip)
    count = len(tracked.landmarks)
    if count <= MIN_STRIDE:
        raise PerseError(f"{called(clip)} has only {count} frames: a clip to measure needs more than {MIN_STRIDE}.")
    with Clip(clip, frames=1) as frames:
        first = next(frames).pixels
    start = time.monotonic()
    portrait = pipeline.prepare(first)
    avatar = pipeline.build(portrait, seed=seed, **({} if budget is None else {"budget": budget}))
    build_seconds = time.monotonic() - start
    start = time.monotonic()
    curves = follow(avatar, tracked)
    solve_ms = 1000 * (time.monotonic() - start) / count
    reported = reenact(Renderer(avatar, background="original", framing="source"), clip, tracked, curves, size, show)
    return {"clip": Path(clip).name, "build_seconds": round(build_seconds, 1), "solve_ms": round(solve_ms, 1), **reported}


def chosen_frames(count: int) -> list[int]:
    """The frames that are measured: every max(5, n/40)-th after the first, at most 40."""
    return list(range(0, count, max(MIN_STRIDE, count // MAX_FRAMES)))[1 : MAX_FRAMES + 1]


def reenact(
    renderer: Renderer,
    clip: str | Path,
    tracked: Track,
    curves: Curves,
    size: int | None = None,
    show: Callable[[int, dict[str, np.ndarray]], None] = lambda index, pictures: None,
) -> dict:
    """Measure an avatar that follows a clip: frames, size, means and per_frame of `evaluate`."""
    wanted = [i for i in chosen_frames(len(curves)) if tracked.found[i]]
    longest = max(tracked.width, tracked.height, 1)
    scale = min(max(renderer.width, renderer.height), size or longest) / longest
    shape = (round(tracked.width * scale), round(tracked.height * scale))

    def exact(frame: np.ndarray, index: int) -> np.ndarray:
        """A frame's landmarks as pictures are measured by; where nothing is found, as it was tracked."""
        near = (tracked.landmarks[index] * scale).astype(np.float32)
        found = face_landmarks(frame, near)
        return near if found is None else found

    per_frame: dict[str, list[dict]] = {name: [] for name in ("avatar", *BASELINES)}
    first = source = None
    for index, frame in enumerate(pixels for _, pixels in Clip(clip)):
        if index and index not in wanted:
            continue
        frame = cv2.resize(frame, shape, interpolation=cv2.INTER_AREA) if scale != 1 else frame
        if first is None:
            first, source = frame, exact(frame, index)
            continue
        truth = Truth.of(frame, exact(frame, index))
        picture = renderer.frame(curves.at(index))
        if picture.shape[1::-1] != shape:
            picture = cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
        pictures = {"avatar": picture}
        pictures |= {name: baseline(first, source, truth.landmarks) for name, baseline in BASELINES.items()}
        for name, picture in pictures.items():
            values = measure(truth, picture)
            per_frame[name].append(
                {"frame": index, "fail": True} if values is None else {"frame": index, **{k: round(v, 4) for k, v in values.items()}}
            )
        show(index, {"true": frame, **pictures})
    return {
        "frames": len(per_frame["avatar"]),
        "size": list(shape),
        "means": {name: _means(rows) for name, rows in per_frame.items()},
        "per_frame": per_frame,
    }


def _means(rows: list[dict]) -> dict[str, float]:
    good = [row for row in rows if "fail" not in row]
    means = {k: round(float(np.mean([row[k] for row in good])), 3) if good else None for k in NAMES}
    return {**means, "fail": len(rows) - len(good)}
