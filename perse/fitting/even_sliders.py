"""Even sliders: what fades or grows in gets a pace at which equal steps of the slider are equal steps of the picture.

Strands and tubes lie several deep, so their picture saturates long before their opacity does: unpaced, the first third of a
beard's slider shows most of the beard. The remedy is the arc length of the axis' own path of pictures.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise

import numpy as np
import torch

from ..avatar.avatar import Avatar
from ..avatar.latent_space import KNOTS, MOST_OPAQUE, AxisBasis
from ..controls import Controls
from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..render.rasterize import rasterize
from ..side_by_side import SideBySide

GREY = 0.93  # of the background
PICTURE_SIZE, YAW = 320, 20.0  # side of the pictures, and degrees of yaw: earrings and frames show from the front and from the side
# Where pictures are taken: strands that lie deep show most of themselves in the first fifth.
PAINT_AT = (0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.22, 0.27, 0.34, 0.40, 0.47, 0.55, 0.65, 0.8, 1.0)
SHAPE_AT = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the surface, which moves evenly or slows down
LEAST_SLOPE = 0.12  # over the curve's mean slope: no part of a slider stands still
TYPICAL_PACE = ((0.0, 0.05, 0.2, 0.5, 0.75, 0.9, 1.0), (0.0, 0.06, 0.11, 0.20, 0.31, 0.48, 1.0))  # the curve of beards and frames


def typical_pace() -> torch.Tensor:
    """Knots (KNOTS,) for what fades in, before there are pictures to go by: the fit then teaches nearly even sliders."""
    return torch.from_numpy(np.interp(np.linspace(0, 1, KNOTS), *TYPICAL_PACE)).float()


@torch.no_grad()
def even_pace(avatar: Avatar, deadline: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
    """Set the pace of every axis that fades something in, in place. About 0.1 s an axis; those that are not reached by the deadline
    (seconds on `clock`) keep the one they have."""
    owner = {a.name: a for c in avatar.space.categories.values() for a in c.axes}
    camera = avatar.camera(Controls(yaw=YAW), PICTURE_SIZE, PICTURE_SIZE)
    background = torch.full((3,), GREY, device=avatar.device)
    still = avatar(Controls())
    rest = rasterize(still, camera, backgrounds=background)[0]

    def even(name: str) -> None:
        if clock() > deadline:
            return
        basis, full = avatar.space.axes[name], avatar(Controls(attributes={name: 1.0}))
        change = rasterize(full, camera, backgrounds=background)[0] - rest
        window = _window(camera, change[0].abs().amax(-1) > 1 / 255)
        if window is None:
            return
        shape = np.zeros(len(SHAPE_AT) - 1)
        if len(basis.vertices):
            between = (avatar.cloud(avatar.state(Controls(attributes={name: z})), lit=False) for z in SHAPE_AT[1:-1])
            posed = chain([still], between, [full])
            shape = _steps((GaussianCloud(c.means, c.quats, c.scales, avatar.opacities, avatar.colors) for c in posed), window)
        paint = _steps(_partly(avatar, full, basis), window)
        basis.pace.copy_(torch.from_numpy(pace(np.array(PAINT_AT), paint, SHAPE_AT, shape)))

    uneven = [name for name, basis in avatar.space.axes.items() if basis.terms > 1 and owner[name].low >= 0]
    with SideBySide(avatar.device) as together:
        for _ in together.each(even, uneven):
            pass


def _steps(clouds: Iterable[GaussianCloud], camera: Camera) -> np.ndarray:
    """Distances (n,) between the n + 1 successive pictures."""
    pictures = [rasterize(cloud, camera, backgrounds=torch.full((3,), GREY, device=cloud.means.device))[0] for cloud in clouds]
    return np.array([float((b - a).abs().mean()) for a, b in pairwise(pictures)])


def _partly(avatar: Avatar, full: GaussianCloud, basis: AxisBasis) -> Iterator[GaussianCloud]:
    """At each of `PAINT_AT`, what can be seen of the avatar with the shape of the finished edit, and as much of its colours and strands as there
    is then."""
    seen = avatar.opacities > 0
    seen[basis.gaussians] = True
    rows = (seen.cumsum(0) - 1)[basis.gaussians]
    colors, opacities, means, quats, scales = (x[seen] for x in (avatar.colors, avatar.opacities, full.means, full.quats, full.scales))
    finished = basis.painted(torch.ones(basis.terms, device=avatar.device))[2]
    for u in PAINT_AT:
        color, opacity, scale = basis.painted(torch.tensor([u, u * u], device=avatar.device))
        there = scales.index_copy(0, rows, scales[rows] * (scale - finished).exp()[:, None])
        yield GaussianCloud(
            means, quats, there, opacities.index_add(0, rows, opacity).clamp(0, MOST_OPAQUE), colors.index_add(0, rows, color).clamp(0, 1)
        )


def _window(camera: Camera, changed: torch.Tensor) -> Camera | None:
    """The part of the camera's picture that holds all of `changed` (H, W) bool; None if there is none."""
    rows, columns = changed.any(1).nonzero()[:, 0], changed.any(0).nonzero()[:, 0]
    if not len(rows):
        return None
    top, left = int(rows[0]), int(columns[0])
    K = camera.K.copy()
    K[:2, 2] -= (left, top)
    return Camera(camera.viewmat, K, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1)


def pace(at: np.ndarray, steps: np.ndarray, at_shape=(0.0, 1.0), shape=(0.0,)) -> np.ndarray:
    """Knots (KNOTS,) float32 of the curve u(z) that walks a path at constant speed, as far as it can.

    Args:
        at: (n + 1,) rising coordinates u from 0 to 1; steps: (n,) distances between the pictures there.
        at_shape: (m + 1,) coordinates z; shape: (m,) distances that the moving surface adds there whatever u is. Where it runs
            ahead (hair is tucked before the hat is there) u waits.
    """
    z = np.linspace(0, 1, KNOTS)
    if steps.sum() <= 0:
        return z.astype(np.float32)
    speed = np.maximum(steps / np.diff(at), LEAST_SLOPE * steps.sum())
    way = np.concatenate([[0.0], np.cumsum(speed * np.diff(at))])
    surface = np.interp(z, at_shape, np.concatenate([[0.0], np.cumsum(shape)]))
    wanted = z * (way[-1] + surface[-1]) - surface
    # It never goes back, and never stands still.
    rises = np.maximum(np.diff(wanted), LEAST_SLOPE * way[-1] / KNOTS)
    wanted = np.concatenate([[0.0], np.cumsum(rises)])
    return np.interp(wanted / wanted[-1], way / way[-1], at).astype(np.float32)
