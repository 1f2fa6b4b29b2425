"""Which colours a Gaussian may have: what the photo shows openly, those around it there; what others hide, nearly the one that it has."""

import cv2
import numpy as np
import torch

from ..avatar.avatar import Avatar
from ..avatar.seeds.freedom import Freedom
from ..avatar.seeds.seed import GRID_SCALE
from ..avatar.state import State
from ..portrait import Portrait
from ..render.camera import Camera
from .colours import View
from .losses import Target

PLAY = 0.05  # how far beyond the photo's colours around it a colour may be where they are all the same
AROUND = 0.006  # of the photo's side: how far around a Gaussian lie the colours that it may have
OVERSHOOT = 1.0  # how far it may exceed them, in their own spread
OPENLY = 0.8  # the share of itself that a Gaussian shows which nothing hides: some of it is always behind its neighbours


@torch.no_grad()
def bound_colours(freedom: Freedom, avatar: Avatar, rest: State, portrait: Portrait, photo: tuple[Target, Camera]) -> None:
    """Fill in `freedom.darkest` and `freedom.lightest` by what the photo shows of the avatar as it begins.

    Without bounds a colour would be tinted without measure to help its neighbours, or by clips that show a tooth where the photo shows a
    lip, and be a speck as soon as a lip or the jaw moves.
    """
    target, camera = photo
    cloud = avatar.cloud(rest, lit=False)
    covered = View(cloud, target, camera).hand_back(torch.ones_like(target.image))[:, :1]
    xy, depth = camera.project(cloud.means.cpu().numpy())
    large = cloud.scales.topk(2, dim=1).values.prod(1).cpu().numpy()
    own = large / GRID_SCALE**2 * (float(camera.K[0, 0]) / np.maximum(depth, 0.1)) ** 2  # pixels, if it lay openly among its like
    share = (covered / torch.from_numpy(own[:, None]).to(covered).clamp_min(1e-6) / OPENLY).clamp_max(1) ** 2

    size = len(target.image)
    picture = cv2.resize(portrait.foreground, (size, size), interpolation=cv2.INTER_AREA)
    around = np.ones((2 * round(AROUND * size) + 1,) * 2, np.uint8)
    column, row = np.clip(xy.astype(int), 0, size - 1).T
    low, high = (torch.from_numpy(reach(picture, around)[row, column]).to(share) for reach in (cv2.erode, cv2.dilate))
    beyond = PLAY + OVERSHOOT * (high - low)
    play = freedom.play[:, None].clone()
    if avatar.rig.mouth_open:
        # What shows between the lips is not all its own: their rims make up for what is painted there.
        mouth = cv2.resize(cv2.dilate(portrait.masks["mouth"], around), (size, size))
        play[torch.from_numpy(mouth[row, column] > 0.5).to(play.device) & (freedom.open > 0)] = 1.0
    share = share * freedom.open[:, None]
    colors = avatar.colors
    least = colors - play - share * (colors - play - torch.minimum(colors, low - beyond))
    greatest = colors + play + share * (torch.maximum(colors, high + beyond) - colors - play)
    freedom.darkest, freedom.lightest = least.clamp_min(0), greatest.clamp_max(1)
