"""A driving clip -> the avatar's controls: expression, head and gaze follow a real face.

The transfer is relative unless asked otherwise: what the driver's face does since a calm frame of the clip is added to the avatar's
portrait. That frame is laid over the portrait's place in the picture, so a clip that begins with the portrait itself is reproduced where it
was.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...avatar.avatar import Avatar
from ...controls import Controls
from ...errors import PerseError
from ...face.landmarks import FACE
from ...media import limits, read_sound
from ...sound import Sound
from ...tracking.residual import residual_detail
from ...tracking.smooth import filled, smooth
from ...tracking.solve import Fit, solve
from ...tracking.track import LEAST_RATE, Track, measured_from, track
from ..motion import Motion, between, overlay
from .absolute import absolute
from .choices import Choices, chosen
from .curves import BODY, Curves, shown_weights
from .gaps import believed, bridged, shown_until, told
from .performer import Driver, laid_over, lay_over
from .photo import is_photo, photo_pose
from .reference import reference_frame, yaws
from .refine import IRISES, refine

# What counts as jitter: degrees and eye distances of the head, weights, degrees of the gaze, eye distances of landmarks, logarithms of light.
ANGLE_NOISE, SHIFT_NOISE, WEIGHT_NOISE, GAZE_NOISE, DETAIL_NOISE, LIGHT_NOISE = 0.5, 0.01, 0.06, 2.0, 0.006, 0.1
# Of the shoulders, as of the head: plain clothes tell less of their turns and of their distance than a face does of its own.
BODY_NOISE = np.array([2.0, 2.0, 2.0, 0.03, 0.03, 0.3])
FAINTEST = 1e-3  # weights up to this are none
MOST_LIGHT = 1.0  # logarithm by which light on the skin may change
# A moment that lies so near to a frame of the clip, in frames, is that frame: files round their time stamps.
SAME_FRAME = 0.1
SOUND_RATE = 48_000  # samples a second of a clip's sound: those of the files that are written
POSED = 4.0  # seconds in which a photo's expression comes and goes
# How much of the work is done when the face has been tracked, and of the rest when its expressions are known, as shares.
TRACKED, SOLVED = 0.5, 0.4


def drive(
    avatar: Avatar,
    clip: str | Path,
    edit: Controls = Controls(),
    fps: float | None = None,
    seconds: float | None = None,
    *,
    choices: Choices = Choices(),
    posed: float | None = None,
    progress: Callable[[float, str], None] = lambda share, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Motion:
    """The motion of the face in a clip, for this avatar, with the clip's own sound; of a photo, its expression as a pose that comes and goes.

    Args:
        clip: a video of any person; of several the largest face counts, unless `choices` say another. Frames without it, and those that
            show it from the side, are bridged.
        edit: what the visitor has set; the motion is added to it.
        fps: frames a second of the motion; the clip's own if None.
        seconds: use no more than this much of the clip.
        choices: what is taken over, and how much of it.
        posed: seconds in which a photo's expression comes and goes; as `seconds` say, or POSED, if None.
        progress: told the share in [0, 1] that is done and what is being done.
        cancelled: asked with every frame.

    Raises:
        PerseError: the clip cannot be read or shows no face.
        BuildCancelled: cancelled.
    """
    try:
        tracked = track(
            clip,
            seconds,
            fps,
            person=choices.face,
            progress=lambda share: progress(TRACKED * share, "following the face in your clip"),
            cancelled=cancelled,
        )
        one = len(tracked.times) == 1
    except PerseError:
        if not is_photo(clip):
            raise
        one = True
    if one and is_photo(clip):
        pose, notes = photo_pose(avatar, clip, choices, cancelled)
        return replace(between(edit, overlay(edit, pose), posed or seconds or POSED, fps or LEAST_RATE), notes=notes)
    curves, notes = performed(avatar, tracked, choices, lambda share, text: progress(TRACKED + (1 - TRACKED) * share, text), cancelled)
    rate = fps or tracked.fps
    # The last frame is shown as long as the others on average, but not beyond what is wanted.
    last = tracked.times[len(curves) - 1]
    end = min(last + 1 / tracked.fps, max(limits.SECONDS if seconds is None else seconds, last + 1 / LEAST_RATE))
    count = max(1, round(end * rate))
    place = np.interp(np.arange(count) / rate, tracked.times[: len(curves)], np.arange(len(curves)))
    near = place.round()
    place = np.where(np.abs(place - near) < SAME_FRAME, near, place)
    if tracked.more:
        notes = (f"The clip goes on: its first {count / rate:.1f} seconds are followed.", *notes)
    sound, silence = _heard(clip, tracked, count / rate, cancelled)
    own = edit.with_(neutralise=1.0) if choices.absolute and choices.region != "head" else edit
    return Motion(count, rate, lambda i: overlay(own, curves.at(float(place[i]))), sound, (*notes, *silence))


def performed(
    avatar: Avatar,
    tracked: Track,
    choices: Choices,
    progress: Callable[[float, str], None] = lambda share, text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Curves, tuple[str, ...]]:
    """What the frames of a track make the avatar do, as far as the first person is seen; sentences for people. progress, cancelled: as in
    `drive`."""
    yaw = yaws(tracked.landmarks)
    good = believed(tracked, yaw)
    curves = follow(avatar, tracked, progress, cancelled, reference_frame(avatar, tracked, good), choices.absolute)
    count = shown_until(tracked)
    curves = chosen(bridged(curves, good), choices)
    return Curves(*(series[:count] for series in vars(curves).values())), told(tracked, yaw, count)


def _heard(clip: str | Path, tracked: Track, seconds: float, cancelled: Callable[[], bool]) -> tuple[Sound | None, tuple[str, ...]]:
    """The clip's own sound from its first frame on; none, and a sentence, if it cannot be read."""
    if not tracked.heard:
        return None, ()
    try:
        return Sound(read_sound(clip, SOUND_RATE, seconds, cancelled, tracked.begins), SOUND_RATE), ()
    except PerseError:
        return None, ("The clip's sound cannot be read: the video is silent.",)


def follow(
    avatar: Avatar,
    tracked: Track,
    progress: Callable[[float, str], None] = lambda share, text: None,
    cancelled: Callable[[], bool] = lambda: False,
    reference: int = 0,
    is_absolute: bool = False,
) -> Curves:
    """What every frame of a track makes the avatar do: nothing in the reference frame, or, if absolute, what the driver does there.
    progress, cancelled: as in `drive`."""
    progress(0.0, "reading the expressions")
    if reference:
        tracked = measured_from(tracked, reference)
    scale, offset = lay_over(avatar, tracked.landmarks[reference])
    landmarks = tracked.landmarks * scale
    landmarks[..., :2] += offset
    driver = Driver.of(avatar, landmarks[reference])
    fixed = driver.fixed(avatar, tracked.still * scale + offset, tracked.still_seen, reference)

    def effective(weights, rotation, shift, frames):
        return shown_weights(weights, np.degrees(driver.gaze(landmarks[frames], rotation, shift, weights))[:, 1])

    skin = landmarks[:, :FACE, :2] + tracked.drift * scale
    fit = solve(driver.face, skin, fixed, driver.K, *driver.poses(landmarks, reference), effective, cancelled)
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
    curves = refined.at_rest_in(reference)
    return absolute(avatar, driver, curves) if is_absolute else curves


def _body(driver: Driver, moved: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The body's poses (T, 6) of its maps (T, 2, 3) in the avatar's picture; still where it is never seen (T,): then the neck takes it along."""
    known = np.flatnonzero(seen)
    return filled(known, driver.body(moved[known]), len(seen)) if len(known) else np.zeros((len(seen), len(BODY)))
