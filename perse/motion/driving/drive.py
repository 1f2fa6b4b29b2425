"""A driving clip -> the avatar's controls: expression, head and gaze follow a real face.

The transfer is relative: what the driver's face does since the clip's first frame is added to the avatar's portrait.
The driver's first frame is laid over the portrait's place in the picture, so a clip that begins with the portrait
itself is reproduced where it was.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...avatar.avatar import Avatar
from ...controls import Controls
from ...face.landmarks import FACE
from ...media import limits
from ...tracking.residual import residual_detail
from ...tracking.smooth import filled, smooth
from ...tracking.solve import Fit, solve
from ...tracking.track import LEAST_RATE, Track, track
from ..motion import Motion, overlay
from .curves import BODY, Curves, shown_weights
from .performer import Driver, laid_over, lay_over
from .refine import IRISES, refine

# What counts as jitter: degrees and eye distances of the head, weights, degrees of the gaze, eye distances of landmarks, logarithms of light.
ANGLE_NOISE, SHIFT_NOISE, WEIGHT_NOISE, GAZE_NOISE, DETAIL_NOISE, LIGHT_NOISE = 0.5, 0.01, 0.06, 2.0, 0.006, 0.1
# Of the shoulders, as of the head: plain clothes tell less of their turns and of their distance than a face does of its own.
BODY_NOISE = np.array([2.0, 2.0, 2.0, 0.03, 0.03, 0.3])
FAINTEST = 1e-3  # weights up to this are none
MOST_LIGHT = 1.0  # logarithm by which light on the skin may change
# A moment that lies so near to a frame of the clip, in frames, is that frame: files round their time stamps.
SAME_FRAME = 0.1
# How much of the work is done when the face has been tracked, and of the rest when its expressions are known, as shares.
TRACKED, SOLVED = 0.5, 0.4


def drive(
    avatar: Avatar,
    clip: str | Path,
    edit: Controls = Controls(),
    fps: float | None = None,
    seconds: float | None = None,
    *,
    progress: Callable[[float, str], None] = lambda share, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Motion:
    """The motion of the face in a clip, for this avatar.

    Args:
        clip: a video of any person; the largest face counts. Frames without a face keep the last pose.
        edit: what the visitor has set; the motion is added to it.
        fps: frames a second of the motion; the clip's own if None.
        seconds: use no more than this much of the clip.
        progress: told the share in [0, 1] that is done and what is being done.
        cancelled: asked with every frame.

    Raises:
        PerseError: the clip cannot be read or shows no face.
        BuildCancelled: cancelled.
    """
    tracked = track(
        clip, seconds, fps, progress=lambda share: progress(TRACKED * share, "following the face in your clip"), cancelled=cancelled
    )
    curves = follow(avatar, tracked, lambda share, text: progress(TRACKED + (1 - TRACKED) * share, text), cancelled)
    rate = fps or tracked.fps
    # The last frame is shown as long as the others on average, but not beyond what is wanted.
    last = tracked.times[-1]
    end = min(last + 1 / tracked.fps, max(limits.SECONDS if seconds is None else seconds, last + 1 / LEAST_RATE))
    count = max(1, round(end * rate))
    place = np.interp(np.arange(count) / rate, tracked.times, np.arange(len(curves)))
    near = place.round()
    place = np.where(np.abs(place - near) < SAME_FRAME, near, place)
    return Motion(count, rate, lambda i: overlay(edit, curves.at(float(place[i]))))


def follow(
    avatar: Avatar,
    tracked: Track,
    progress: Callable[[float, str], None] = lambda share, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Curves:
    """What every frame of a track makes the avatar do; nothing in the first. progress, cancelled: as in `drive`."""
    progress(0.0, "reading the expressions")
    scale, offset = lay_over(avatar, tracked.landmarks[0])
    landmarks = tracked.landmarks * scale
    landmarks[..., :2] += offset
    driver = Driver.of(avatar, landmarks[0])
    fixed = driver.fixed(avatar, tracked.still * scale + offset, tracked.still_seen)

    def effective(weights, rotation, shift, frames):
        return shown_weights(weights, np.degrees(driver.gaze(landmarks[frames], rotation, shift, weights))[:, 1])

    skin = landmarks[:, :FACE, :2] + tracked.drift * scale
    fit = solve(driver.face, skin, fixed, driver.K, *driver.poses(landmarks), effective, cancelled)
    gaze = smooth(np.degrees(driver.gaze(landmarks, fit.rotation, fit.shift, fit.weights)), GAZE_NOISE)
    head = smooth(driver.head(fit.rotation, fit.shift), np.repeat([ANGLE_NOISE, SHIFT_NOISE], 3))
    weights = smooth(fit.weights, WEIGHT_NOISE)
    body = smooth(_body(driver, laid_over(tracked.body, scale, offset), tracked.body_seen), BODY_NOISE)
    curves = Curves.still(len(landmarks)).with_(weights=np.where(weights > FAINTEST, weights, 0.0), head=head, body=body, gaze=gaze)
    # What the rig will really show, smoothed and clamped as it is, and what is missing from it.
    shown = Fit(*driver.pose(head), shown_weights(curves.weights, curves.gaze[:, 1]))
    detail = residual_detail(driver.face, shown, skin, driver.K) / driver.proportions[:, None]
    detail = smooth(detail, DETAIL_NOISE)
    light = np.clip(smooth(tracked.light, LIGHT_NOISE), -MOST_LIGHT, MOST_LIGHT)
    beyond = landmarks[:, [*range(FACE), *IRISES], :2] - driver.predicted(shown, detail, gaze)
    refined = refine(
        avatar,
        curves.with_(detail=detail, light=light),
        beyond,
        tracked.mouth,
        tracked.mouth_seen,
        lambda share: progress(SOLVED + (1 - SOLVED) * share, "comparing the avatar with your clip"),
        cancelled,
    )
    return refined.begins_with_the_portrait()


def _body(driver: Driver, moved: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The body's poses (T, 6) of its maps (T, 2, 3) in the avatar's picture; still where it is never seen (T,): then the neck takes it along."""
    known = np.flatnonzero(seen)
    return filled(known, driver.body(moved[known]), len(seen)) if len(known) else np.zeros((len(seen), len(BODY)))
