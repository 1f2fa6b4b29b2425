"""Hair replaced by the skin that would be under it, in the light that lies on the face."""

from functools import partial

import cv2
import numpy as np

from ..attributes.edit_vocabulary import Bare
from ..face.landmarks import FACE, OVAL
from ..render.geometry import interpolated
from ..texture.atlas import ATLAS, Texture, chart_slice, sample
from ..texture.fill_holes import diffuse
from .atlas_regions import Regions, box_of, soft
from .edit import Patch


def skin_light(regions: Regions, texture: Texture, rig) -> tuple[np.ndarray, np.ndarray]:
    """The face's skin colour as a linear function of the surface normal: (4, 3) coefficients of (1, normal), fitted to
    the skin that the photo shows, once a person; and the vertex normals (V, 3)."""
    return regions.remembered("skin light", partial(_fitted_light, regions, texture, rig))


def _fitted_light(regions: Regions, texture: Texture, rig) -> tuple[np.ndarray, np.ndarray]:
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
        painted = regions.remembered(f"bare {part}", partial(_painted, regions, texture, rig, part))
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
    return (box, change[tuple(at[box] for at in regions.nearest)]), weight


def _painted(regions: Regions, texture: Texture, rig, part: str) -> np.ndarray:
    """Bare skin on all of a part's chart (h, w, 3), in the light of the face."""
    light, normals = skin_light(regions, texture, rig)
    front = normals[:FACE].mean(0)
    middle = np.clip(light[0] + front / np.linalg.norm(front) @ light[1:], 0.05, 1)
    block = chart_slice(part)
    ids = np.maximum(texture.faces[block], 0)
    normal = interpolated(normals[rig.faces[ids]], texture.bary[block])
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
