"""A driving clip -> the avatar's controls: expression, head and gaze follow a real face.

The transfer is relative: what the driver's face does since the clip's first frame is added to the avatar's portrait.
The driver's first frame is laid over the portrait's place in the picture, so a clip that begins with the portrait
itself is reproduced where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...avatar.avatar import Avatar
from ...controls import RANGES, Controls
from ...errors import asking
from ...face import alignment
from ...face.alignment import procrustes
from ...face.landmarks import EYE, FACE, LIPS, STABLE
from ...face.topology import canonical
from ...media import limits
from ...render.camera import Camera
from ...render.mesh import rasterize_ids
from ...rig.expressions import INDEX, NAMES
from ...rig.eyes import build_eye
from ...rig.pose_fit import CAMERA_DISTANCE, lift
from ...rig.rig import named_weights
from ...rig.skeleton import NECK_PIVOT, PART
from ...tracking.residual import residual_detail
from ...tracking.smooth import smooth
from ...tracking.solve import Face, Fit, Fixed, solve
from ...tracking.track import FEWEST, Track, track
from ..motion import Motion, overlay
from .refine import IRISES, refine

# Proportions are carried over within these bounds; beyond them a first frame is an exception (a blink, a yawn).
PROPORTION = (0.6, 1.7)
# Above this blink the iris cannot be seen, and gaze is what it was before.
HIDDEN_EYE = 0.6
# What counts as jitter: degrees, eye distances, weights, logarithms.
ANGLE_NOISE, SHIFT_NOISE, WEIGHT_NOISE, GAZE_NOISE, DETAIL_NOISE, LIGHT_NOISE = 0.5, 0.01, 0.06, 2.0, 0.006, 0.1
# A moment that lies so near to a frame of the clip, in frames, is that frame: files round their time stamps.
NEAR = 0.1
# How much of the work is done when the face has been tracked, and of the rest when its expressions are known, as shares.
TRACKED, SOLVED = 0.5, 0.4


def drive(avatar: Avatar, clip: str | Path, edit: Controls = Controls(), fps: float | None = None, seconds: float | None = None, *,
          progress: Callable[[float, str], None] = lambda share, text: None, cancelled: Callable[[], bool] = lambda: False) -> Motion:
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
    tracked = track(clip, seconds, fps, progress=lambda share: progress(TRACKED * share, "following the face in your clip"),
                    cancelled=cancelled)
    frames = follow(avatar, tracked, lambda share, text: progress(TRACKED + (1 - TRACKED) * share, text), cancelled)
    rate = fps or tracked.fps
    # The last frame is shown as long as the others on average, but not beyond what is wanted.
    last = tracked.times[-1]
    end = min(last + 1 / tracked.fps, max(limits.SECONDS if seconds is None else seconds, last + 1 / FEWEST))
    count = max(1, round(end * rate))
    place = np.interp(np.arange(count) / rate, tracked.times, np.arange(len(frames)))
    near = place.round()
    place = np.where(np.abs(place - near) < NEAR, near, place)

    def at(i: int) -> Controls:
        first, share = divmod(float(place[i]), 1.0)
        frame = frames[int(first)]
        return overlay(edit, frame.mix(frames[int(first) + 1], share) if share else frame)

    return Motion(count, rate, at)


def follow(avatar: Avatar, tracked: Track, progress: Callable[[float, str], None] = lambda share, text: None,
           cancelled: Callable[[], bool] = lambda: False) -> list[Controls]:
    """Controls for every frame of a track; all zero for the first. progress, cancelled: as in `drive`."""
    progress(0.0, "reading the expressions")
    scale, offset = _lay_over(avatar, tracked.landmarks[0])
    landmarks = tracked.landmarks * scale
    landmarks[..., :2] += offset
    driver = _driver(avatar, landmarks[0])
    fixed = _fixed(avatar, driver, tracked.anchors * scale + offset, tracked.anchored)
    K = avatar.rig.camera.K.astype(np.float64)

    def effective(weights, rotation, shift, frames):
        pitch = np.degrees(_gaze(driver, landmarks[frames], rotation, shift, weights, K))[:, 1]
        rows = [avatar.state(Controls(expression=named_weights(w), gaze_pitch=float(p))).weights.cpu().numpy()
                for w, p in zip(asking(weights, cancelled), pitch)]
        return np.stack(rows).astype(np.float64)

    rotation, shift = _poses(driver, landmarks)
    skin = landmarks[:, :FACE, :2] + tracked.drift * scale
    fit = solve(driver.face, skin, fixed, K, rotation, shift, effective, cancelled)
    gaze = _gaze(driver, landmarks, fit.rotation, fit.shift, fit.weights, K)
    angles, moved = _head(driver, fit.rotation, fit.shift)
    angles, moved = smooth(np.degrees(angles), ANGLE_NOISE), smooth(moved, SHIFT_NOISE)
    weights, gaze = smooth(fit.weights, WEIGHT_NOISE), smooth(np.degrees(gaze), GAZE_NOISE)
    frames = [_controls(*row) for row in zip(weights, angles, moved, gaze)]
    # What the rig will really show, smoothed and clamped as it is, and what is missing from it.
    states = [avatar.state(frame) for frame in asking(frames, cancelled)]
    used = np.stack([s.weights.cpu().numpy() for s in states]).astype(np.float64)
    shown = Fit(*_pose_of(driver, angles, moved), used)
    detail = residual_detail(driver.face, shown, skin, K) / driver.proportions[:, None]
    detail = smooth(detail.reshape(len(detail), -1), DETAIL_NOISE)
    light = np.clip(smooth(tracked.light.reshape(len(frames), -1), LIGHT_NOISE), -1, 1)
    frames = [frame.with_(detail=tuple(np.round(d, 5).tolist()), light=tuple(np.round(x, 3).tolist()))
              for frame, d, x in asking(zip(frames, detail, light), cancelled)]
    predicted = _predicted(driver, shown, detail.reshape(-1, FACE, 3) * driver.proportions[:, None], np.radians(gaze), K)
    refined = refine(avatar, frames, landmarks[:, [*range(FACE), *IRISES], :2] - predicted, tracked.mouth, tracked.mouth_seen,
                     lambda share: progress(SOLVED + (1 - SOLVED) * share, "comparing the avatar with your clip"), cancelled)
    return [Controls(), *refined[1:]]  # smoothing in time may have moved what everything else is measured from


@dataclass
class Driver:
    """The driving person in the first frame: face; proportions (468,) against the avatar; landmarks
    points (478, 3) in the head's frame; pose of the head there (rotation (3, 3), shift (3,)); eyes by side;
    iris axes are read against those of the first frame."""

    face: Face
    proportions: np.ndarray
    points: np.ndarray
    rotation: np.ndarray
    shift: np.ndarray
    eyes: dict


def _lay_over(avatar: Avatar, first: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift (2,) that take pixels of the clip to those of the avatar's camera, such that the first frame's
    face (478, 3) lies where the portrait's does."""
    rest, _ = avatar.rig.camera.project(avatar.rig.vertices[:FACE])
    here, there = first[STABLE, :2] - first[STABLE, :2].mean(0), rest[STABLE] - rest[STABLE].mean(0)
    scale = float(np.sqrt((there ** 2).sum() / (here ** 2).sum()))
    return scale, rest[STABLE].mean(0) - scale * first[STABLE, :2].mean(0)


def _fixed(avatar: Avatar, driver: "Driver", anchors: np.ndarray, seen: np.ndarray) -> Fixed:
    """Anchors (T, M, 2) in pixels of the avatar's camera as points of the head; their depth is the rig's."""
    rig = avatar.rig
    camera = rig.camera
    ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    x, y = np.clip(np.round(anchors[0] - 0.5).astype(int), 0, [camera.width - 1, camera.height - 1]).T
    hit = ids[y, x]
    inside = ((anchors[0] >= 0) & (anchors[0] < [camera.width, camera.height])).all(1)
    inside &= (hit >= 0) & np.isin(rig.face_part[hit], [PART["face"], PART["shell"]])
    corners = rig.vertices[rig.faces[np.maximum(hit, 0)]]
    depth = camera.to_camera(np.einsum("mk,mkc->mc", bary[y, x], corners))[:, 2:]
    K = camera.K.astype(np.float64)
    points = np.concatenate([(anchors[0] - K[:2, 2]) / K[0, 0], np.ones((len(depth), 1))], 1) * depth
    return Fixed(((points - driver.shift) @ driver.rotation)[inside], anchors[:, inside], seen[:, inside])


def _lifted(landmarks: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One frame's landmarks (478, 3) in the head's frame, and the head's pose: rotation (3, 3), shift (3,)."""
    size = (2 * K[0, 2], 2 * K[1, 2])
    points, _, _ = lift(landmarks, size, K[0, 0] / CAMERA_DISTANCE)
    scale, rotation, shift = procrustes(canonical()[0][STABLE], points[STABLE])
    return (points - shift) @ rotation / scale, rotation, shift / scale


def _driver(avatar: Avatar, first: np.ndarray) -> Driver:
    """The driver's face and the avatar's blendshapes in the driver's proportions."""
    rig, K = avatar.rig, avatar.rig.camera.K.astype(np.float64)
    points, rotation, shift = _lifted(first, K)
    proportions = _proportions(rig.vertices[:FACE], points[:FACE])
    basis = rig.blendshapes[:, :FACE].astype(np.float64) * proportions[:, None]
    viewmat = np.eye(4)
    viewmat[:3, :3], viewmat[:3, 3] = rotation, shift
    camera = Camera(viewmat, K, rig.camera.width, rig.camera.height)
    eyes = {side: build_eye(points, first, camera, side) for side in EYE}
    face = Face(points[:FACE], basis, rig.jaw[:FACE].astype(np.float64))
    return Driver(face, proportions, points, rotation, shift, eyes)


def _proportions(avatar: np.ndarray, driver: np.ndarray) -> np.ndarray:
    """(468,) how much larger the driver's features are: lids by their gap, lips by the mouth's width."""
    out = np.ones(FACE)

    def ratio(a, b):
        return float(np.clip(np.linalg.norm(driver[a] - driver[b], axis=-1).mean()
                             / max(np.linalg.norm(avatar[a] - avatar[b], axis=-1).mean(), 1e-6), *PROPORTION))

    out[[i for row in LIPS.values() for i in row]] = ratio([61], [291])
    for eye in EYE.values():
        out[eye["upper"] + eye["lower"]] = ratio(eye["upper"], eye["lower"])
    return out


def _poses(driver: Driver, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A first guess of every frame's pose from the landmarks' own depth: rotations (T, 3, 3), shifts (T, 3)."""
    rotations, shifts = [], []
    eye = np.linalg.norm(landmarks[0, 33] - landmarks[0, 263])
    for frame in landmarks:
        scale, rotation, _ = procrustes(driver.points[STABLE], frame[STABLE])
        rotations.append(rotation)
        # Nearer faces are larger; the first frame lies at the distance of its own pose.
        shifts.append(driver.shift * [1, 1, eye / max(scale, 1e-6)])
    first = rotations[0].T @ driver.rotation
    return np.stack(rotations) @ first, np.stack(shifts)


def _gaze(driver: Driver, landmarks: np.ndarray, rotation: np.ndarray, shift: np.ndarray, weights: np.ndarray,
          K: np.ndarray) -> np.ndarray:
    """Yaw and pitch (T, 2), radians, of the eyes since the first frame: where the rays through the irises meet the
    eyeballs, averaged over both eyes by how well each is seen."""
    total, share = np.zeros((len(landmarks), 2)), np.zeros((len(landmarks), 1))
    for side, eye in driver.eyes.items():
        pixels = landmarks[:, EYE[side]["iris"][0], :2]
        ray = np.concatenate([(pixels - K[:2, 2]) / K[0, 0], np.ones((len(pixels), 1))], 1)
        ray = np.einsum("tji,tj->ti", rotation, ray / np.linalg.norm(ray, axis=1, keepdims=True))
        origin = -np.einsum("tji,tj->ti", rotation, shift)
        along = ((eye.centre - origin) * ray).sum(1, keepdims=True)
        offset = origin + along * ray - eye.centre
        inside = np.maximum(eye.radius ** 2 - (offset ** 2).sum(1, keepdims=True), 0)
        axis = offset - ray * np.sqrt(inside)
        angle = _angles(axis) - _angles(eye.axis[None])
        open_ = np.clip(1 - weights[:, INDEX[f"eye_blink_{side}"]] / HIDDEN_EYE, 0, 1)[:, None]
        # A foreshortened eye tells less.
        seen = open_ * np.clip(-(axis * ray).sum(1, keepdims=True) / eye.radius, 0.05, 1) ** 2
        total, share = total + seen * angle, share + seen
    gaze = total / np.maximum(share, 1e-6)
    hidden = share[:, 0] < 1e-3
    if hidden.any() and not hidden.all():
        known = np.flatnonzero(~hidden)
        gaze = np.stack([np.interp(np.arange(len(gaze)), known, gaze[known, k]) for k in (0, 1)], 1)
    return gaze


def _predicted(driver: Driver, fit: Fit, detail: np.ndarray, gaze: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Pixels (T, 470, 2) at which the driver's landmarks and irises would lie if they did what the fit says.

    detail: (T, 468, 3); gaze: (T, 2) radians.
    """
    turns = np.stack([alignment.rotation(*torch.from_numpy(np.append(g, 0.0))).numpy() for g in gaze])
    poles = np.stack([driver.eyes[side].centre + driver.eyes[side].radius * turns @ driver.eyes[side].axis for side in ("right", "left")], 1)
    points = np.concatenate([driver.face.pose(fit.weights, detail), poles], 1)
    points = points @ fit.rotation.transpose(0, 2, 1) + fit.shift[:, None]
    return points[..., :2] * K[0, 0] / points[..., 2:] + K[:2, 2]


def _angles(axis: np.ndarray) -> np.ndarray:
    """Directions (T, 3) in the head's frame -> yaw, pitch (T, 2), as `rig.rotation_matrix` turns (0, 0, -1)."""
    unit = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    return np.stack([np.arctan2(-unit[:, 0], -unit[:, 2]), np.arcsin(np.clip(unit[:, 1], -1, 1))], 1)


def _head(driver: Driver, rotation: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The head since the first frame: yaw, pitch, roll (T, 3), radians, about the neck, and its shift (T, 3)."""
    turn = driver.rotation.T @ rotation
    yaw = np.arctan2(turn[:, 0, 2], turn[:, 2, 2])
    pitch = np.arcsin(np.clip(-turn[:, 1, 2], -1, 1))
    roll = np.arctan2(turn[:, 1, 0], turn[:, 1, 1])
    pivot = rotation @ np.asarray(NECK_PIVOT) + shift
    return np.stack([yaw, pitch, roll], 1), (pivot - driver.shift) @ driver.rotation - NECK_PIVOT


def _pose_of(driver: Driver, angles: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `_head`, angles in degrees: rotations (T, 3, 3) and shifts (T, 3) of the head in the camera."""
    turn = np.stack([alignment.rotation(*torch.from_numpy(np.radians(a))).numpy() for a in angles])
    rotation = driver.rotation @ turn
    pivot = (moved + NECK_PIVOT) @ driver.rotation.T + driver.shift
    return rotation, pivot - rotation @ np.asarray(NECK_PIVOT)


def _controls(weights: np.ndarray, angles: np.ndarray, moved: np.ndarray, gaze: np.ndarray) -> Controls:
    names = ("head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z", "gaze_yaw", "gaze_pitch")
    values = dict(zip(names, np.concatenate([angles, moved, gaze])))
    return Controls(expression={n: round(float(w), 4) for n, w in zip(NAMES, weights) if w > 1e-3},
                    **{n: round(float(np.clip(v, *RANGES[n])), 4) for n, v in values.items()})
