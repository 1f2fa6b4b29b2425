"""Headroom: the camera makes way for what stands higher than the person's own head, a bun, an afro, a tall hat.

A portrait is cropped to the hair that it shows. Styles that end above the frame would have to be made lower to fit, which no bun on the crown
and no cowboy hat can be; so the frame moves, as a photographer's would: half of what is missing by looking higher, half by stepping back, which
keeps the picture's lower edge on the chest. The portrait as it is is framed as ever, and a camera that follows an amount moves as evenly.
"""

import numpy as np
import torch

from ..controls import Controls
from ..render.camera import Camera
from ..rig.skeleton import HEAD_CENTRE
from ..smooth_ramps import smooth_step
from .avatar import Avatar

MARGIN = 0.045  # of the frame, above whatever is highest
CUT = 0.02  # of the frame, below its upper edge, above which an axis must end for room to be made: all others leave the person where she is
LOOKS_UP = 0.5  # share of what is missing that the picture moves down; the rest it shrinks
CLOSE = (-0.12, -0.02)  # of the frame, from its upper edge to the top of the head: a close-up of the face is none of the hair
SOLID, HIGHEST = 0.5, 12  # opacity that counts, and the how-maniest Gaussian from above is the top: not a hair that stands out
LEAST = 0.004  # of the frame, which is worth a move
REST = ""  # the name of the head without any edit


def top(avatar: Avatar, axis: str = REST) -> float:
    """How far below the upper edge of the portrait's frame the top of the head is, as a share of the frame's side, with an axis at its end."""
    if axis not in avatar.tops:
        _measure(avatar, [axis])
    return avatar.tops[axis]


def tops(avatar: Avatar) -> dict[str, float]:
    """`top` of the head as it is, and of all axes that end higher."""
    names = (REST, *avatar.space.axes)
    _measure(avatar, [name for name in names if name not in avatar.tops])
    found = {name: avatar.tops[name] for name in names}
    return {name: y for name, y in found.items() if name == REST or y < min(found[REST] - LEAST, CUT)}


@torch.no_grad()
def _measure(avatar: Avatar, names: list[str]) -> None:
    """Remember `top` of axes."""
    found = {}
    rest: np.ndarray | None = None  # heights of all Gaussians; most edits move none, and need no head that is posed
    for name in names:
        basis = None if name == REST else avatar.space.axes[name]
        if basis is not None and len(basis.vertices):
            cloud = avatar.cloud(avatar.state(Controls(attributes={name: 1.0})), lit=False)
            seen = cloud.opacities > SOLID
            found[name] = _highest(_heights(avatar, cloud.means[seen].cpu().numpy()))
            continue
        opacities = avatar.opacities.detach().clone()
        if basis is not None and basis.paints:
            opacities.index_add_(0, basis.gaussians, basis.opacity_at(torch.ones((), device=opacities.device)))
        if rest is None:
            on_skin = avatar.rig.points_on(avatar.binding.face.cpu().numpy(), avatar.binding.bary.cpu().numpy())
            rest = _heights(avatar, on_skin + avatar.offset.detach().cpu().numpy())
        found[name] = _highest(rest[(opacities > SOLID).cpu().numpy()])
    # Replaced whole: visitors' threads may read it meanwhile.
    avatar.tops = {**avatar.tops, **found}


def _heights(avatar: Avatar, means: np.ndarray) -> np.ndarray:
    """Where points (n, 3) are below the frame's upper edge (n,), in shares of its side."""
    camera = avatar.rig.camera
    return camera.project(means)[0][:, 1] / camera.height


def _highest(heights: np.ndarray) -> float:
    """The HIGHEST-th of heights (n,)."""
    if not len(heights):
        return 0.0
    at = min(HIGHEST, len(heights) - 1)
    return float(np.partition(heights, at)[at])


def framed(avatar: Avatar, controls: Controls, width: int, height: int) -> Camera:
    """The camera of a picture of the head, with room above it for what `controls` put there."""
    camera, latents = avatar.camera(controls, width, height), avatar.state(controls).latents
    axes = {a.name: float(z) for c, at in latents.items() for a, z in zip(avatar.space.categories[c].axes, at) if z > 0}
    if not axes:
        return camera
    rest = top(avatar)
    tall = [rest + z * (top(avatar, name) - rest) for name, z in axes.items() if name in avatar.space.axes and top(avatar, name) < CUT]
    highest = min([rest, *tall])
    side, base = min(width, height), avatar.rig.camera
    pivot = float(base.project(np.array([HEAD_CENTRE], np.float32))[0][0, 1]) / base.height

    def row(y: float) -> float:
        return (pivot + (y - pivot) * controls.zoom) * side + (height - side) / 2

    return _lowered(camera, row(rest), row(highest), side)


def _lowered(camera: Camera, rest: float, highest: float, side: int) -> Camera:
    """The camera with a head at row `highest` where one at `rest` is now, or below the margin."""
    goal = min(rest, MARGIN * side)
    missing = max(goal - highest, 0.0) * float(smooth_step(np.array(rest / side), *CLOSE))
    if missing <= 0:
        return camera
    down = LOOKS_UP * missing
    smaller = (camera.height - goal + down) / (camera.height - goal + missing)
    K = camera.K.copy()
    K[:2, :2] *= smaller
    K[0, 2] = camera.width / 2 + (K[0, 2] - camera.width / 2) * smaller
    K[1, 2] = camera.height + (K[1, 2] - camera.height) * smaller + down
    return Camera(camera.viewmat, K, camera.width, camera.height)
