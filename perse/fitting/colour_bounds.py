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
from ..rig.skeleton import PART
from ..texture.belief.surfaces import LIP_ERROR, unlike_lips
from ..texture.fill_holes import diffuse
from .colours import View
from .losses import Target

PLAY = 0.05  # how far beyond the photo's colours around it a colour may be where they are all the same
AROUND = 0.006  # of the photo's side: how far around a Gaussian lie the colours that it may have
OVERSHOOT = 1.0  # how far it may exceed them, in their own spread
IN_MOUTH = 0.2  # share of a pixel that lies between the lips, from which it may show what is behind them
OPENLY = 0.8  # the share of itself that a Gaussian shows which nothing hides: some of it is always behind its neighbours


@torch.no_grad()
def bound_colours(freedom: Freedom, avatar: Avatar, rest: State, portrait: Portrait, photo: tuple[Target, Camera]) -> None:
    """Fill in `freedom.darkest` and `freedom.lightest` by what the photo shows of the avatar as it begins, and give the rims of open lips,
    which began with teeth, colours of lips (in place).

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
    around = np.ones((2 * round(AROUND * size) + 1,) * 2, np.uint8)
    column, row = np.clip(xy.astype(int), 0, size - 1).T

    def colours_around(picture: np.ndarray) -> np.ndarray:
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        return np.stack([reach(picture, around)[row, column] for reach in (cv2.erode, cv2.dilate)])

    colors, reach, lips = avatar.colors, colours_around(portrait.foreground), np.zeros(len(xy), bool)
    if avatar.rig.mouth_open:
        near = _beside_mouth(portrait)
        of_face = avatar.rig.face_part[avatar.binding.face.cpu().numpy()] == PART["face"]
        reach[:, of_face] = colours_around(_without_mouth(portrait, near))[:, of_face]
        lips = of_face & (cv2.resize(near.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST) > 0)[row, column]
    low, high = torch.from_numpy(reach).to(share)
    rims = torch.from_numpy(lips).to(colors.device) & (freedom.colors > 0)  # which began with what the photo shows between the lips
    colors[rims] = torch.maximum(torch.minimum(colors, high + PLAY), low - PLAY)[rims]
    beyond = PLAY + OVERSHOOT * (high - low)
    play = freedom.play[:, None]
    share = share * freedom.open[:, None]
    least = colors - play - share * (colors - play - torch.minimum(colors, low - beyond))
    greatest = colors + play + share * (torch.maximum(colors, high + beyond) - colors - play)
    freedom.darkest, freedom.lightest = least.clamp_min(0), greatest.clamp_max(1)


def _beside_mouth(portrait: Portrait) -> np.ndarray:
    """(S, S) bool: pixels of the photo between the lips, or so near that landmarks may have missed them."""
    mouth = (portrait.masks["mouth"] > IN_MOUTH).astype(np.uint8)
    return cv2.dilate(mouth, np.ones((2 * round(LIP_ERROR * len(mouth) / 512) + 1,) * 2)) > 0


def _without_mouth(portrait: Portrait, near: np.ndarray) -> np.ndarray:
    """The photo (S, S, 3) with lips going on where it shows teeth or the dark between them, within `near` (S, S) bool: on a lip's rim those
    would be drawn apart with it, as a string of beads, once the mouth closes or opens."""
    return diffuse(portrait.foreground, 1.0 - ((portrait.masks["mouth"] > IN_MOUTH) | near & unlike_lips(portrait)))
