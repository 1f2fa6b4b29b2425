"""Closing the loop: the driven avatar is rendered and looked at like the clip, and what differs is corrected.

A landmark detector answers to the picture, not to the mesh: where light, teeth or the edge of a chin differ a little
from the real face, it sees the landmark elsewhere than the rig has put it. Analysis by synthesis removes that part.

How far a detector is off depends on the expression and the pose alone. So it is asked about few frames that have as little as possible
in common (`key_frames`), and what it says of them holds, mixed, for all that are like them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from ...avatar.avatar import Avatar
from ...controls import BANDS, Controls
from ...errors import asking
from ...face.alignment import plane_rotation, rotation
from ...face.landmarks import EYE, FACE
from ...portrait.landmarker import CLOSE_UP_BOXES, levelled_square
from ...portrait.models import mesh_face_at
from ...render.camera import Camera
from ...render.rasterize import rasterize
from ...rig.expressions import INDEX
from ...rig.skeleton import EYE_LOOK, NECK_PIVOT
from ...tracking.mouth_gap import between_lips
from ...tracking.residual import LARGEST, surface_filter
from ...tracking.smooth import filled, smooth
from .curves import Curves, turned_apart
from .key_frames import choose, features, spread

GAIN = (
    0.85  # of a landmark's correction: where the skin went is known from its texture as well (`SkinFlow`), and neither is the whole truth
)
# Pixels of a side of the pictures that are looked at, how many times the face's box they show, and the grey behind the avatar.
LOOKED_AT, FRAMED, GREY = 288, 1.5, 0.5
DETECTOR_NOISE = 0.0015  # eye distances
# Eye distances. Farther than a few of these from where the rig has put it, nothing is a landmark out of place: the detector has taken
# teeth for a lip, and what follows it tears the mouth open.
MISREAD = 0.05
MOST_APART = 8.0  # degrees by which each eye may turn away from their common gaze
MOST_TURNED = 10.0  # degrees by which the eyes may be turned
SHUT = 0.5  # blink above which nothing is learnt of the eyes
MOST_LOOKS = 64  # frames looked at; with 128 no figure of three real clips changes by more than a hundredth of itself or so
LOOKING = 0.9  # how much of the work is looking, as a share
CORRECTION_NOISE = 0.003  # eye distances: what counts as jitter of a correction
DARKEST, BRIGHTEST, MOUTH_NOISE = 2.5, 0.35, 0.15  # logarithms of light between the lips; what counts as its jitter
# The right one first.
IRISES = [EYE[side]["iris"][0] for side in EYE]
CORNERS = [[EYE[side]["outer"], EYE[side]["inner"]] for side in EYE]


class Look(NamedTuple):
    """What a detector sees of a rendered frame: how far from the rig's landmarks and irises it sees them, off (940,), pixels of the avatar's
    camera; the light between the lips (BANDS,), and how far to believe it."""

    off: np.ndarray
    light: np.ndarray
    parted: float


def refine(
    avatar: Avatar,
    curves: Curves,
    beyond: np.ndarray,
    mouth: np.ndarray,
    mouth_seen: np.ndarray,
    progress: Callable[[float], None] = lambda share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Curves:
    """The same frames with `detail`, gaze and `mouth_light` corrected, so that a detector sees the landmarks where they ought to be, and
    the mouth shows as much of the teeth. At most MOST_LOOKS of them are rendered, each once.

    Args:
        beyond: (T, 470, 2) pixels of the avatar's camera: what the driver's landmarks and irises do beyond what the
            frames make of them.
        mouth (T, BANDS), mouth_seen (T,): what the driver's mouth shows, see `between_lips`.
        progress: told the share in [0, 1] that is done. cancelled: asked with every look; BuildCancelled is raised when it says so.
    """
    places, looks = features(curves), dict[int, Look | None]()
    chosen = choose(places, MOST_LOOKS)
    for i in asking(chosen, cancelled):
        progress(LOOKING * len(looks) / len(chosen))
        looks[int(i)] = _look(avatar, curves.at(int(i)))
    progress(LOOKING)
    seen = {i: look for i, look in looks.items() if look is not None}
    if not seen:
        return curves
    chosen = np.array(list(seen))
    off, light, parted = (np.stack([np.atleast_1d(part) for part in column]) for column in zip(*seen.values()))
    to_head = _to_head(avatar, curves)

    def missing(told: np.ndarray) -> np.ndarray:
        """(T, 470, 2) pixels, by the looks (K,) bool that tell something."""
        return beyond - spread(places, chosen[told], off[told]).reshape(beyond.shape)

    detail = curves.detail + GAIN * smooth(_detail(to_head(missing(np.ones(len(chosen), bool)))[:, :FACE]), CORRECTION_NOISE)
    # Eyes are read against their corners, as gaze is; nothing is learnt of shut ones.
    open_ = curves.weights[:, [INDEX[f"eye_blink_{side}"] for side in EYE]].max(1) < SHUT
    eyes, told = np.zeros((len(curves), 3)), open_[chosen]
    if told.any():
        eyes = filled(np.flatnonzero(open_), _eyes(avatar, to_head, missing(told))[open_], len(curves))  # not smoothed: eyes jump
    inside, told = np.zeros((len(curves), BANDS)), parted[:, 0] > 0
    if told.any():
        shown, opening = spread(places, chosen[told], light[told]), spread(places, chosen, parted)
        inside = np.minimum(opening.clip(0, 1), mouth_seen[:, None]) * (mouth - shown)
        inside = np.clip(smooth(inside, MOUTH_NOISE), -DARKEST, BRIGHTEST)
    weights = turned_apart(curves.weights, np.clip(eyes[:, 2], -MOST_APART, MOST_APART), float(np.degrees(EYE_LOOK)))
    return curves.with_(weights=weights, gaze=curves.gaze + eyes[:, :2], detail=np.clip(detail, -LARGEST, LARGEST), mouth_light=inside)


def projected(avatar: Avatar, controls: Controls) -> np.ndarray:
    """Where the posed rig has its landmarks and irises: pixels (470, 2) of the avatar's camera."""
    state = avatar.state(controls)
    shape = None if state.detail is None else avatar.poser.spread(state.detail)
    poles = [int(i[0]) for i in avatar.poser.eyes]
    vertices = avatar.poser(state.weights, state.head, state.gaze, shape)[[*range(FACE), *poles]].cpu().numpy().astype(np.float64)
    return avatar.rig.camera.project(vertices)[0]


@torch.no_grad()
def _look(avatar: Avatar, controls: Controls) -> Look | None:
    """What a detector sees of the avatar; None if it sees no face."""
    rig = projected(avatar, controls)
    centre, side, angle = levelled_square(rig[:FACE])
    scale = LOOKED_AT / (FRAMED / CLOSE_UP_BOXES * side)
    level = plane_rotation(-angle)
    picture = rasterize(
        avatar(controls), _close(avatar.rig.camera, centre, scale, level), backgrounds=torch.full((3,), GREY, device=avatar.device)
    )
    picture = (picture[0][0].clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()
    seen = mesh_face_at(picture, FRAMED)
    if seen is None:
        return None
    light, parted = between_lips(picture, seen)
    seen = centre + (seen[[*range(FACE), *IRISES], :2].astype(np.float64) - LOOKED_AT / 2) @ level / scale
    return Look((seen - rig).ravel(), light, parted)


def _close(camera: Camera, centre: np.ndarray, scale: float, level: np.ndarray) -> Camera:
    """A camera at the same place whose picture of LOOKED_AT pixels shows what lies around `centre` (2,), pixels, enlarged by `scale` and turned
    by `level` (2, 2)."""
    viewmat, K = camera.viewmat.astype(np.float64), camera.K.astype(np.float64)
    viewmat[:2] = level @ viewmat[:2]
    K[:2, 2] = scale * level @ (K[:2, 2] - centre) + LOOKED_AT / 2
    K[[0, 1], [0, 1]] *= scale
    return Camera(viewmat, K, LOOKED_AT, LOOKED_AT)


def _to_head(avatar: Avatar, curves: Curves) -> Callable[[np.ndarray], np.ndarray]:
    """A function that takes movements (T, 470, 2) of the landmarks and irises in the picture, pixels, to those (T, 470, 3) in the
    head's frame; their depth is that of the head at rest, turned and moved."""
    camera = avatar.rig.camera
    turn = rotation(*np.radians(curves.head[:, :3]).T)
    rest = avatar.rig.vertices[[*range(FACE), *(int(i[0]) for i in avatar.poser.eyes)]].astype(np.float64)
    moved = (rest - NECK_PIVOT) @ turn.transpose(0, 2, 1) + NECK_PIVOT + curves.head[:, None, 3:]
    depth = moved @ camera.viewmat[2, :3] + camera.viewmat[2, 3]

    def to_head(pixels: np.ndarray) -> np.ndarray:
        across = pixels * depth[..., None] / camera.K[0, 0]
        return across @ (camera.viewmat[:2, :3] @ turn)

    return to_head


def _detail(missing: np.ndarray) -> np.ndarray:
    """What is to be corrected of the landmarks' displacements (T, 468, 3)."""
    detail = np.einsum("mn,tnc->tmc", surface_filter(), missing, optimize=True)
    # What a detector cannot tell from noise stays as it is: textures would jitter for nothing.
    far = np.linalg.norm(detail, axis=-1, keepdims=True)
    return detail * np.clip(1 - DETECTOR_NOISE / np.maximum(far, 1e-9), 0, None) / (1 + (far / MISREAD) ** 2)  # Cauchy's weight


def _eyes(avatar: Avatar, to_head: Callable[[np.ndarray], np.ndarray], missing: np.ndarray) -> np.ndarray:
    """Yaw and pitch of the gaze and how far the eyes turn apart, degrees (T, 3), that move the irises as is missing (T, 470, 2), pixels."""
    against = missing.copy()
    against[:, FACE:] -= np.stack([missing[:, c].mean(1) for c in CORNERS], 1)
    iris = to_head(against)[:, FACE:]
    radius = np.array([np.linalg.norm(avatar.rig.vertices[int(i[0])] - c) for i, c in zip(avatar.poser.eyes, avatar.rig.eye_centres)])
    yaw, pitch = -np.degrees(iris[..., 0] / radius), np.degrees(iris[..., 1] / radius)
    return np.clip(np.stack([yaw.mean(1), pitch.mean(1), (yaw[:, 0] - yaw[:, 1]) / 2], 1), -MOST_TURNED, MOST_TURNED)
