"""The texture atlas: one picture for the whole rig, a chart for each part, and how to read it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from ..rig.charts import CHARTS
from .fill_holes import nearest_covered
from .view import View

ATLAS = 1024
REGIONS = ("hair", "skin", "brows", "lips", "neck", "clothes", "glasses")


@dataclass
class Texture:
    """Atlas arrays, (ATLAS, ATLAS, ...) float32.

    color RGB; alpha opacity (soft at the hair's edge); seen: how far the photo is believed at the texel, 0..1 (`belief`);
    regions: what it is, by name of REGIONS, and "worn", what would be hair and is a hat, a scarf or a veil; faces (int32, -1 empty) and
    bary: the rig triangle under each texel; points: where that is in the head's frame; pixels: and in the portrait, x and y; facing: cosine
    between the surface's normal and the way to the camera.
    view: the rig as the portrait's camera sees it.
    workshops: what the edits need of this texture, by seed, made once and kept with it (`edits.workshop`).
    """

    color: np.ndarray
    alpha: np.ndarray
    seen: np.ndarray
    regions: dict[str, np.ndarray]
    faces: np.ndarray
    bary: np.ndarray
    points: np.ndarray
    pixels: np.ndarray
    facing: np.ndarray
    view: View
    workshops: dict[int, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column (ATLAS, ATLAS) of the texel nearest to each that lies on a triangle."""
        return nearest_covered(self.faces >= 0)

    def cover(self) -> np.ndarray:
        """How much (ATLAS, ATLAS) of each texel is hair or what is worn in its place."""
        return self.regions["hair"] + self.regions["worn"]

    def rgba(self) -> np.ndarray:
        """(ATLAS, ATLAS, 4), as `render_mesh(alpha_channel=True)` takes it."""
        return np.concatenate([self.color, self.alpha[..., None]], -1)


def chart_slice(part: str) -> tuple[slice, slice]:
    """Rows and columns of a part's chart in the atlas."""
    u0, v0, u1, v1 = (int(round(c * ATLAS)) for c in CHARTS[part])
    return slice(v0, v1), slice(u0, u1)


def sample(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Bilinear read at pixel positions xy (..., 2) (centre of the top-left pixel: 0.5, 0.5), border repeated."""
    shape, rows = xy.shape[:-1], 4096
    flat = np.asarray(xy, np.float32).reshape(-1, 2) - np.float32(0.5)
    # OpenCV's remap takes at most 32767 pixels a side: fold the points into a sheet.
    sheet = np.zeros((max(-(-len(flat) // rows), 1) * rows, 2), np.float32)  # nor none at all
    sheet[: len(flat)] = flat
    x, y = sheet[:, 0].reshape(-1, rows), sheet[:, 1].reshape(-1, rows)
    out = cv2.remap(np.ascontiguousarray(image, np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(-1, *image.shape[2:])[: len(flat)].reshape(*shape, *image.shape[2:])
