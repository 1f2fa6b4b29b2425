"""Which colours a Gaussian may have: what the photo shows openly, those around it there; what others hide, nearly the one that it has."""

import cv2
import numpy as np
import torch

from ..avatar.avatar import Avatar
from ..avatar.seeds.freedom import Freedom
from ..avatar.seeds.seed import GRID_SCALE
from ..avatar.state import State
from ..portrait import Portrait
from ..portrait.lip_line import not_of_lips
from ..render.camera import Camera
from ..rig.skeleton import PART
from ..texture.belief.surfaces import LIP_ERROR
from ..texture.fill_holes import diffuse
from .colours import View
from .losses import Target

PLAY = 0.05  # how far beyond the photo's colours around it a colour may be where they are all the same
AROUND = 0.006  # of the photo's side: how far around a Gaussian lie the colours that it may have
OVERSHOOT = 0.2  # how far it may exceed them, in their own spread: more of it is sharper by nothing from in front, and specks from the side (0 to .4)
IN_MOUTH = 0.2  # share of a pixel that lies between the lips, from which it may show what is behind them
CORNERS = 2.5  # times as far as landmarks miss a lip's edge otherwise, they miss it at a mouth's corners
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

    part = avatar.rig.face_part[avatar.binding.face.cpu().numpy()]
    colors, reach, lips = avatar.colors, colours_around(portrait.foreground), np.zeros(len(xy), bool)
    if avatar.rig.mouth_open:
        between, near = _beside_mouth(portrait)
        # Lips go on there: teeth on a lip's rim, or the dark beside them, would be drawn apart with it as a string of beads.
        of_face = part == PART["face"]
        reach[:, of_face] = colours_around(diffuse(portrait.foreground, 1.0 - between))[:, of_face]
        lips = of_face & (cv2.resize(near.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST) > 0)[row, column]
    low, high = torch.from_numpy(reach).to(share)
    rims = torch.from_numpy(lips).to(colors.device) & (freedom.colors > 0)  # which began with what the photo shows between the lips
    colors[rims] = torch.maximum(torch.minimum(colors, high + PLAY), low - PLAY)[rims]
    beyond = PLAY + OVERSHOOT * (high - low) * ~torch.from_numpy(lips[:, None]).to(share.device)
    play = freedom.play[:, None]
    share = share * freedom.open[:, None]
    least = colors - play - share * (colors - play - torch.minimum(colors, low - beyond))
    # A throat that took a tooth's light to help a pixel beside it would shine between lips that close.
    of_throat = np.isin(part, [PART["cavity"], PART["tongue"]])
    share = share * torch.from_numpy(~of_throat[:, None]).to(share)
    greatest = colors + play + share * (torch.maximum(colors, high + beyond) - colors - play)
    freedom.darkest, freedom.lightest = least.clamp_min(0), greatest.clamp_max(1)


def _beside_mouth(portrait: Portrait) -> tuple[np.ndarray, np.ndarray]:
    """What of the photo may lie between the lips, (S, S) bool: pixels beside them that look like it, farther at the corners of a smile than
    landmarks otherwise miss; and these with all pixels so near that they may be of either."""
    mouth = (portrait.masks["mouth"] > IN_MOUTH).astype(np.uint8)
    near, wide = (cv2.dilate(mouth, np.ones((2 * round(k * LIP_ERROR * len(mouth) / 512) + 1,) * 2)) > 0 for k in (1, CORNERS))
    between = (mouth > 0) | wide & not_of_lips(portrait.foreground, portrait.landmarks)
    return between, near | between
