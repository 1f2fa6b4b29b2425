"""A contact sheet of one avatar: views, expressions and every style on one picture."""

import numpy as np

from ..attributes.catalogue import CATEGORIES
from ..avatar.avatar import Avatar
from ..controls import Controls
from ..renderer import Renderer

VIEWS = [(0, 0), (-45, 0), (-22, 0), (22, 0), (45, 0), (0, -20), (15, 20), (90, 0), (180, 0)]  # the camera's yaw and pitch, degrees
EXPRESSIONS = ["smile", "grin", "jaw_open", "blink", "surprise", "pucker", "angry", "sad", "wink"]
TURNS = (-22.0, 0.0, 22.0)  # yaw of the camera, degrees, one picture after another


def contact_sheet(avatar: Avatar, size: int = 256, columns: int = 9, zoom: float = 1.25, full: bool = True) -> np.ndarray:
    """Rows of pictures (H, W, 3) uint8.

    Args:
        size: side of one picture, pixels.
        full: every style of every category; else one style of each category.
    """
    renderer = Renderer(avatar, size, "white")
    frames = [renderer.frame(Controls(zoom=zoom, yaw=yaw, pitch=pitch)) for yaw, pitch in VIEWS]
    frames += [renderer.frame(Controls(zoom=zoom, expression={name: 1.0}, yaw=TURNS[i % 3])) for i, name in enumerate(EXPRESSIONS)]
    styles = [(c.name, s.name) for c in CATEGORIES if c.name in avatar.space.categories for s in (c.styles if full else c.styles[:1])]
    frames += [renderer.frame(Controls(zoom=zoom, styles={c: {s: 1.0}}, yaw=TURNS[i % 3])) for i, (c, s) in enumerate(styles)]
    frames += [np.full_like(frames[0], 255)] * (-len(frames) % columns)
    return np.concatenate([np.concatenate(frames[i : i + columns], 1) for i in range(0, len(frames), columns)], 0)
