"""Edits of colour: a region's texels moved in Lab, its detail strengthened, hair replaced by skin, pupils widened."""

import cv2
import numpy as np

from ..attributes.edits import Bare, Detail, Pupil, Recolor, Tint
from ..face.landmarks import FACE, OVAL
from ..render.geometry import interpolated
from ..texture.atlas import ATLAS, Texture, chart_slice, sample
from ..texture.fill import diffuse
from ..texture.lab import to_lab, to_rgb
from .regions import Box, Regions, box_of, soft

Patch = tuple[Box, np.ndarray]  # where in the atlas, and what is added to its colour there (h, w, 3)


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
    change[active] = (to_rgb(moved(lab, mean, step, sign)) - color) * (step.strength * weight)[:, None]
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


def skin_light(regions: Regions, texture: Texture, rig) -> tuple[np.ndarray, np.ndarray]:
    """The face's skin colour as a linear function of the surface normal: (4, 3) coefficients of (1, normal), fitted to
    the skin that the photo shows; and the vertex normals (V, 3)."""
    normals = rig.vertex_normals
    block = chart_slice("face")
    take = np.zeros((ATLAS, ATLAS), bool)
    take[block] = (regions("bare_skin")[block] > 0.6) & (texture.seen[block] > 0.3)
    take[::2] = False
    rows = np.flatnonzero(take)
    if len(rows) < 100:
        rows = np.flatnonzero((regions("skin") > 0.3) & (texture.faces >= 0))
    if len(rows) < 100:  # the segmenter found no skin: the face is what is there
        take[block] = texture.faces[block] >= 0
        rows = np.flatnonzero(take)
    ids, bary = texture.faces.ravel()[rows], texture.bary.reshape(-1, 3)[rows]
    normal = interpolated(normals[rig.faces[ids]], bary)
    terms = np.column_stack([np.ones(len(rows)), normal])
    color = texture.color.reshape(-1, 3)[rows]
    ridge = np.diag([1e-6, 0.06, 0.06, 0.06]) * len(rows)
    return np.linalg.solve(terms.T @ terms + ridge, terms.T @ color), normals


def bare(regions: Regions, texture: Texture, rig, step: Bare) -> tuple[Patch, np.ndarray] | None:
    """Hair of a region replaced by skin under the light of the face, joined to the skin around it; and how much of what was
    there it hides (ATLAS, ATLAS). None if there is no hair."""
    weight = regions(step.region).copy()
    weight[chart_slice("body")] = 0
    weight = np.clip(soft(weight, 2) * 1.5, 0, 1)
    if (box := box_of(weight)) is None:
        return None
    change = np.zeros((ATLAS, ATLAS, 3), np.float32)
    for part in ("face", "shell"):
        block = chart_slice(part)
        painted = regions.remembered(f"bare {part}", lambda part=part: _painted(regions, texture, rig, part))
        if part == "face":
            # What the light does not explain of the skin next to the hair goes on under it.
            known = np.clip(regions("bare_skin")[block] * 1.2 - 0.1, 0, 1) * (texture.seen[block] > 0.2) * (weight[block] < 0.05)
            rest = diffuse(cv2.GaussianBlur(texture.color[block] - painted, (0, 0), 3).astype(np.float32), known.astype(np.float32))
            painted = painted + rest
            # And on behind the outline of the face.
            ring = at_oval(rest, rig)
        else:
            height, width = painted.shape[:2]
            columns = np.arange(width) / width * len(ring)
            edge = np.stack([np.interp(columns, np.arange(len(ring) + 1), np.append(ring[:, k], ring[0, k])) for k in range(3)], -1)
            fade = np.clip(1 - np.arange(height) / height / 0.5, 0, 1)[:, None, None]
            painted = painted + edge[None] * fade + ring.mean(0) * (1 - fade)
        change[block] = (np.clip(painted, 0, 1) - texture.color[block]) * weight[block][..., None]
    return (box, change[regions.nearest][box]), weight


def _painted(regions: Regions, texture: Texture, rig, part: str) -> np.ndarray:
    """Bare skin on all of a part's chart (h, w, 3), in the light of the face."""
    light, normals = regions.remembered("skin light", lambda: skin_light(regions, texture, rig))
    front = normals[:FACE].mean(0)
    middle = np.clip(light[0] + front / np.linalg.norm(front) @ light[1:], 0.05, 1)
    block = chart_slice(part)
    ids = np.maximum(texture.faces[block], 0)
    normal = np.einsum("hwk,hwkc->hwc", texture.bary[block], normals[rig.faces[ids]])
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    # The face says little of the light on the back of the head: no darker there than its own shaded side.
    return np.clip(light[0] + normal @ light[1:], 0.72 * middle, 1)


def at_oval(chart: np.ndarray, rig) -> np.ndarray:
    """Values (36, C) of a picture of the face's chart at the face's outline, smoothed along it."""
    at = np.zeros((FACE, 2), np.float32)
    faces = rig.part_faces("face")
    at[rig.faces[faces].ravel()] = rig.uvs[faces].reshape(-1, 2) * ATLAS
    block = chart_slice("face")
    ring = sample(chart, (at[OVAL] - [block[1].start, block[0].start])[None])[0]
    return (np.roll(ring, 1, 0) + 2 * ring + np.roll(ring, -1, 0)) / 4


def pupil(regions: Regions, texture: Texture, step: Pupil, sign: int) -> Patch:
    """Iris and pupil drawn nearer to or further from the centre; the iris' edge stays."""
    edge, grown = 0.38, 0.38 * (1 + sign * step.by * (1 if sign > 0 else 0.8))
    blocks = [chart_slice(p) for p in ("eye_right", "eye_left")]
    box = np.s_[min(b[0].start for b in blocks):max(b[0].stop for b in blocks),
                min(b[1].start for b in blocks):max(b[1].stop for b in blocks)]
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
        here = np.s_[block[0].start - box[0].start:block[0].stop - box[0].start, block[1].start - box[1].start:block[1].stop - box[1].start]
        change[here] = (moved_color - color) * (radius < 1.02)[..., None]
    return box, change
