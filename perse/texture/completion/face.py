"""The face beyond what is seen of it: each half from the other, and where neither is known on from what lies around it."""

import cv2
import numpy as np

from ...face.landmarks import OVAL
from ...rig.build import face_chart
from ...smooth_ramps import smooth_step
from ..atlas import REGIONS, Texture, chart_slice
from ..belief.texels import DARKER, OTHER_HUE
from ..cie_lab import to_lab
from ..fill_holes import diffuse, from_twin

ROW_BEHIND_OVAL = 4  # row of the shell's chart, in texels from the face's oval, that is asked for the head's colour


def complete_face(texture: Texture, if_alike: np.ndarray) -> np.ndarray:
    """Complete the face's chart.

    Args:
        if_alike: (H, W) how far the photo is believed where it looks as expected: see `belief.texels.Belief`.

    Returns:
        (H, W) how well its texels are known now, 0 to 1.
    """
    area = chart_slice("face")
    values, seen = _color_and_regions(texture, area), texture.seen[area]
    completed, known = from_twin(values, seen, texture.faces[area] >= 0)
    completed = diffuse(completed, known)
    # What is there nearly as expected is the cheek's own shade after all; with another one its edge would be a seam.
    away = to_lab(cv2.GaussianBlur(values[..., :3], (0, 0), 2)) - to_lab(completed[..., :3])
    difference = np.maximum(np.abs(away[..., 0]) / DARKER, np.hypot(away[..., 1], away[..., 2]) / OTHER_HUE)
    own = np.maximum(cv2.GaussianBlur(if_alike * smooth_step(difference, 1.0, 0.6), (0, 0), 2), seen)[..., None]
    _write(texture, area, completed + own * (values - completed))
    texture.alpha[area] = 1.0
    return known


def join_face_to_scalp(texture: Texture, known: np.ndarray) -> None:
    """Where the face's sides are made up they meet the head's: hair there runs on over the temple, and no edge shows.

    Args:
        known: (H, W) how well the face's texels are known, 0 to 1.
    """
    # until the anatomical head
    area = chart_slice("face")
    height, width = known.shape
    # Along the oval, landmark by landmark: a place in the face's chart and the one beside it in the shell's.
    along = np.arange(0, len(OVAL), 1 / 64)
    oval = np.concatenate([face_chart()[OVAL], face_chart()[OVAL[:1]]])
    place = np.stack([np.interp(along, np.arange(len(OVAL) + 1), oval[:, k]) for k in (0, 1)], -1)
    inwards = [0.5, 0.5] + (place - [0.5, 0.5]) * (1 - 3 / width)
    column, row = np.clip((inwards * [width, height]).astype(int), 1, [width - 2, height - 2]).T
    shell = chart_slice("shell")
    beside = _color_and_regions(texture, shell)[ROW_BEHIND_OVAL, (along / len(OVAL) * (shell[1].stop - shell[1].start)).astype(int)]
    values = _color_and_regions(texture, area)
    border, ring = np.zeros_like(values), np.zeros((height, width), np.float32)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            border[row + down, column + right], ring[row + down, column + right] = beside, 1
    own, ring = known[..., None], (ring * (1 - known))[..., None]
    mixed = (values * own + border * ring) / np.maximum(own + ring, 1e-6)
    _write(texture, area, values * own + diffuse(mixed, (own + ring)[..., 0]) * (1 - own))


def _color_and_regions(texture: Texture, area: tuple[slice, slice]) -> np.ndarray:
    """(H, W, 3 + len(REGIONS)): colour and regions of a chart, so that both are completed alike."""
    return np.concatenate([texture.color[area], *(texture.regions[name][area][..., None] for name in REGIONS)], -1)


def _write(texture: Texture, area: tuple[slice, slice], values: np.ndarray) -> None:
    """Write back what `_color_and_regions` gave."""
    texture.color[area] = values[..., :3]
    for k, name in enumerate(REGIONS):
        texture.regions[name][area] = np.clip(values[..., 3 + k], 0, 1)
