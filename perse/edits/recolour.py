"""Edits of colour: a region's texels moved in Lab, its detail strengthened, pupils widened."""

import cv2
import numpy as np

from ..attributes.edit_vocabulary import Detail, Pupil, Recolor, Tint
from ..texture.atlas import Texture, chart_slice, sample
from ..texture.cie_lab import to_lab, to_rgb
from .atlas_regions import Regions, box_of
from .edit import Patch


def moved(lab: np.ndarray, mean: np.ndarray, step: Recolor | Tint, sign: int) -> np.ndarray:
    """Colours (..., 3) in Lab after a step, given the mean (3,) of what they belong to."""
    if step.shift is not None:
        return lab + sign * np.array(step.shift, np.float32)
    to = np.array(step.to, np.float32)
    light = np.clip(to[0] - mean[0], -step.lightness, step.lightness)
    factor = np.clip((mean[0] + light) / max(mean[0], 8.0), 0.45, 1.9)
    target = np.empty_like(lab)
    # Lightness scales about the mean, so that strands keep their contrast; chroma keeps a third of its play.
    target[..., 0] = mean[0] + light + (lab[..., 0] - mean[0]) * np.clip(factor, 0.7, 1.25) * getattr(step, "contrast", 1.0)
    # Shadows carry less colour than lit strands.
    play = np.clip(target[..., 0] / max(to[0], 1.0), 0.25, 1.25)[..., None]
    target[..., 1:] = to[1:] * play + 0.3 * (lab[..., 1:] - mean[1:])
    return target


def recolor(regions: Regions, texture: Texture, step: Recolor, sign: int) -> Patch | None:
    """A region's colour moved; None if the person has no such region."""
    known = regions.colors(step.region)
    if known is None:
        return None
    box, active, weight, lab, mean, color = known
    height, width = (side.stop - side.start for side in box)
    change = np.zeros((height * width, 3), np.float32)
    made = to_rgb(moved(lab, mean, step, sign))
    made -= color
    made *= (step.strength * weight)[:, None]
    change[active] = made
    return box, change.reshape(height, width, 3)


def tint(colors: np.ndarray, step: Tint, sign: int) -> np.ndarray:
    """Change (N, 3) of the colours (N, 3) of an object or of strands."""
    lab = to_lab(colors)
    return to_rgb(moved(lab, lab.mean(0), step, sign)) - colors


def detail(regions: Regions, texture: Texture, step: Detail, sign: int) -> Patch | None:
    """A region's detail strengthened or, at the other sign, smoothed, without mixing in what lies beside it."""
    weight = regions(step.region)
    if (box := box_of(weight)) is None:
        return None
    weight, color = weight[box], np.ascontiguousarray(texture.color[box], np.float32)
    sigma = step.size * 225
    known = np.clip(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3, None)[..., None]
    base = cv2.GaussianBlur(color * weight[..., None], (0, 0), sigma) / known
    # Strong edges are features, not detail.
    fine = np.clip(color - base, -0.12, 0.12)
    return box, sign * step.by * fine * weight[..., None]


def pupil(regions: Regions, texture: Texture, step: Pupil, sign: int) -> Patch:
    """Iris and pupil drawn nearer to or further from the centre; the iris' edge stays."""
    edge, grown = 0.38, 0.38 * (1 + sign * step.by * (1 if sign > 0 else 0.8))
    blocks = [chart_slice(p) for p in ("eye_right", "eye_left")]
    box = np.s_[
        min(b[0].start for b in blocks) : max(b[0].stop for b in blocks), min(b[1].start for b in blocks) : max(b[1].stop for b in blocks)
    ]
    change = np.zeros_like(texture.color[box])
    for part, block in zip(("eye_right", "eye_left"), blocks):
        radius = regions.iris_radius(part)
        source = np.where(radius < grown, radius * edge / grown, edge + (radius - grown) * (1 - edge) / (1 - grown))
        source = np.where(radius < 1, source, radius)
        size = radius.shape[0]
        grid = (np.arange(size) + 0.5) / size * 2 - 1
        scale = source / np.maximum(radius, 1e-6)
        xy = (np.stack(np.broadcast_arrays(grid[None], grid[:, None]), -1) * scale[..., None] + 1) * size / 2
        color = np.ascontiguousarray(texture.color[block], np.float32)
        moved_color = sample(color, xy)
        # A pupil is nearly black, whatever the photo's few pixels of it say.
        dark = np.clip((grown - radius) / 0.10, 0, 1)[..., None]
        moved_color = moved_color * (1 - 0.6 * dark) + 0.6 * dark * np.minimum(moved_color, 0.05)
        here = np.s_[
            block[0].start - box[0].start : block[0].stop - box[0].start, block[1].start - box[1].start : block[1].stop - box[1].start
        ]
        change[here] = (moved_color - color) * (radius < 1.02)[..., None]
    return box, change
