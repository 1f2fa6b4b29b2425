"""Closing the loop: the driven avatar is rendered and looked at like the clip, and what differs is corrected.

A landmark detector answers to the picture, not to the mesh: where light, teeth or the edge of a chin differ a little
from the real face, it sees the landmark elsewhere than the rig has put it. Analysis by synthesis removes that part.
"""

from collections.abc import Callable

import numpy as np
import torch

from ..avatar.avatar import Avatar
from ..controls import BANDS, RANGES, Controls
from ..errors import asking
from ..portrait.landmarks import second_pass
from ..render.rasterize import rasterize
from ..rig.rig import EYE_LOOK, rotation_matrix
from ..rig.topology import EYE, FACE
from .between_lips import between_lips
from .detail import LIMIT, surface_filter
from .smooth import smooth

PASSES = 2
GAIN = 0.85  # of a landmark's correction: where the skin went is known from its texture as well (`skin`), and neither is the whole truth
SIZE = 448  # side of the pictures that are looked at
GREY = 0.5
FLOOR = 0.0015  # eye distances: a detector's own noise
# Eye distances. Farther than a few of these from where the rig has put it, nothing is a landmark out of place: the detector has taken
# teeth for a lip, and what follows it tears the mouth open.
MISREAD = 0.05
APART = 8.0  # degrees by which each eye may turn away from their common gaze
GAZE_STEP = 6.0  # degrees by which one pass may turn the eyes
SHUT = 0.5  # blink above which nothing is learnt of the eyes
MOST = 240  # frames looked at: of longer clips evenly many, and what lies between is interpolated
DETAIL_NOISE = 0.003  # eye distances: what counts as jitter of a correction
MOUTH = 3 + 3 * FACE  # where the mouth's light begins in a correction
DARKEST, BRIGHTEST, MOUTH_NOISE = 2.5, 0.35, 0.15  # logarithms of light
# The right one first.
IRISES = [EYE["right"]["iris"][0], EYE["left"]["iris"][0]]
CORNERS = [[EYE[side]["outer"], EYE[side]["inner"]] for side in ("right", "left")]


def refine(avatar: Avatar, frames: list[Controls], beyond: np.ndarray, mouth: np.ndarray, mouth_seen: np.ndarray,
           progress: Callable[[float], None] = lambda share: None, cancelled: Callable[[], bool] = lambda: False) -> list[Controls]:
    """The same frames with `detail`, gaze and `mouth_light` corrected, so that a detector sees the landmarks where they ought to be, and
    the mouth shows as much of the teeth.

    Args:
        beyond: (T, 470, 2) pixels of the avatar's camera: what the driver's landmarks and irises do beyond what the
            frames make of them.
        mouth (T, BANDS), mouth_seen (T,): what the driver's mouth shows, see `between_lips`.
        progress: told the share in [0, 1] that is done. cancelled: asked with every frame; BuildCancelled is raised when it says so.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST)).round().astype(int))
    target = {i: projected(avatar, frames[i])[0] + beyond[i] for i in asking(chosen, cancelled)}
    apart, inside = np.zeros(len(frames)), np.zeros((len(frames), BANDS))
    open_ = np.flatnonzero([max(f.expression.get(f"eye_blink_{side}", 0.0) for side in ("right", "left")) < SHUT for f in frames])
    for done in range(PASSES):
        seen = []
        for i in asking(chosen, cancelled):
            progress((done + len(seen) / len(chosen)) / PASSES)
            seen.append(_correction(avatar, frames[i], target[i], mouth[i], mouth_seen[i]))
        good = np.array([s is not None for s in seen])
        if not good.any():
            break
        step = _fill(chosen[good], np.stack([s for s in seen if s is not None]), len(frames))
        eyes = _fill(open_, step[open_, :3], len(frames)) if len(open_) else np.zeros((len(frames), 3))  # not smoothed: eyes jump
        detail = np.stack([np.reshape(f.detail or np.zeros(3 * FACE), -1) for f in frames]) + GAIN * smooth(step[:, 3:MOUTH], DETAIL_NOISE)
        inside = np.clip(inside + smooth(step[:, MOUTH:], MOUTH_NOISE), -DARKEST, BRIGHTEST)
        gaze = np.array([(f.gaze_yaw, f.gaze_pitch) for f in frames]) + eyes[:, :2]
        gaze = np.clip(gaze, *np.array([RANGES["gaze_yaw"], RANGES["gaze_pitch"]]).T)
        apart = np.clip(apart + eyes[:, 2], -APART, APART)
        frames = [f.with_(detail=tuple(np.round(np.clip(d, -LIMIT, LIMIT), 5).tolist()), gaze_yaw=round(float(g[0]), 4),
                          gaze_pitch=round(float(g[1]), 4), expression=_diverging(f.expression, w),
                          mouth_light=tuple(np.round(m, 3).tolist()) if m.any() else ())
                  for f, d, g, w, m in asking(zip(frames, detail, gaze, apart, inside), cancelled)]
    return frames


def _diverging(expression: dict[str, float], degrees: float) -> dict[str, float]:
    """An expression with each eye turned outwards by so much (negative: inwards) beyond their common gaze."""
    rest = {name: w for name, w in expression.items() if not name.startswith(("eye_look_in_", "eye_look_out_"))}
    weight = round(abs(float(degrees)) / np.degrees(EYE_LOOK), 4)
    return rest | ({f"eye_look_{'out' if degrees > 0 else 'in'}_{side}": weight for side in ("left", "right")} if weight else {})


def projected(avatar: Avatar, controls: Controls) -> tuple[np.ndarray, np.ndarray]:
    """Where the posed rig has its landmarks and irises: pixels (470, 2) of the avatar's camera, and depths (470,)."""
    state = avatar.state(controls)
    shape = None if state.detail is None else avatar.poser.spread(state.detail)
    poles = [int(i[0]) for i in avatar.poser.eyes]
    vertices = avatar.poser(state.weights, state.head, state.gaze, shape)[[*range(FACE), *poles]].cpu().numpy().astype(np.float64)
    return avatar.rig.camera.project(vertices)


def _fill(known: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Values (K, N) at frames `known` -> (count, N), linear in between."""
    position = np.interp(np.arange(count), known, np.arange(len(known)))
    low = np.floor(position).astype(int)
    share = (position - low)[:, None]
    return (1 - share) * values[low] + share * values[np.minimum(low + 1, len(known) - 1)]


@torch.no_grad()
def _correction(avatar: Avatar, controls: Controls, target: np.ndarray, mouth: np.ndarray, mouth_seen: float) -> np.ndarray | None:
    """(3 + 3 * 468 + BANDS,) for one frame: gaze and how far the eyes turn apart, degrees, detail, and the mouth's light; None if
    no face is seen."""
    camera = avatar.rig.camera
    scale = camera.width / SIZE
    grey = torch.full((3,), GREY, device=avatar.device)
    picture = rasterize(avatar(controls), avatar.camera(Controls(), SIZE, SIZE), backgrounds=grey)[0][0]
    picture = (picture.clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()
    seen = second_pass(picture, target / scale)
    if seen is None:
        return None
    shown, parted = between_lips(picture, seen)
    light = min(parted, mouth_seen) * (mouth - shown)
    seen = seen[:, :2].astype(np.float64) * scale
    _, depth = projected(avatar, controls)
    state = avatar.state(controls)
    turn = camera.viewmat[:3, :3] @ rotation_matrix(*state.head[:3]).cpu().numpy()

    def missing(pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Movements (N, 2) in the picture as movements (N, 3) in the head's frame."""
        return np.concatenate([pixels * depth[:, None] / camera.K[0, 0], np.zeros((len(pixels), 1))], 1) @ turn

    detail = surface_filter() @ missing(target[:FACE] - seen[:FACE], depth[:FACE])
    # What a detector cannot tell from noise stays as it is: textures would jitter for nothing.
    far = np.linalg.norm(detail, axis=1, keepdims=True)
    detail *= np.clip(1 - FLOOR / np.maximum(far, 1e-9), 0, None) / (1 + (far / MISREAD) ** 2)  # Cauchy's weight
    # Eyes are read against their corners, as gaze is.
    wanted = target[FACE:] - np.stack([target[c].mean(0) for c in CORNERS])
    have = seen[IRISES] - np.stack([seen[c].mean(0) for c in CORNERS])
    iris = missing(wanted - have, depth[FACE:])
    radius = np.array([np.linalg.norm(avatar.rig.vertices[int(i[0])] - c) for i, c in zip(avatar.poser.eyes, avatar.rig.eye_centres)])
    yaw, pitch = np.degrees(iris[:, :2] / radius[:, None]).T * [[-1], [1]]
    eyes = [yaw.mean(), pitch.mean(), (yaw[0] - yaw[1]) / 2]
    return np.concatenate([np.clip(eyes, -GAZE_STEP, GAZE_STEP), detail.ravel(), light])
