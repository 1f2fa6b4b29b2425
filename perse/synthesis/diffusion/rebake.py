"""An accepted picture becomes an `Edit`: unrolled over the rig again, shaped by its landmarks, bearded by its colours."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from ...attributes.edit_vocabulary import Axis, Category, Strands
from ...edits.bound_mesh import BoundMesh
from ...edits.edit import Edit
from ...edits.facial_hair import grow
from ...edits.workshop import Workshop
from ...face.alignment import Similarity, procrustes
from ...face.landmarks import FACE, STABLE
from ...face.measures import eye_distance
from ...face.triangles import canonical
from ...portrait import Portrait, networks
from ...portrait.masks import region_masks
from ...portrait.matting import person_matte
from ...portrait.models import segment_person
from ...rig.build import build_rig
from ...rig.pose_fit import distance_of, lift
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ...texture.atlas import ATLAS, Texture, chart_slice, sample
from ...texture.bake import bake
from ...texture.fill_holes import diffuse, mirror_fill
from .compose import dyes_hair, grows_hair
from .filters import Verdict

HAIR_REACH = 0.7  # eye distances: farther than this a hair outline is a mistake of the matte
BEARD_CHANGE = 0.06  # mean channel difference at which a strand has something to stand in
FEW_STRANDS = 150


def edited_portrait(portrait: Portrait, verdict: Verdict, outline: bool) -> Portrait:
    """The portrait as it would be with the edit; with a new matte and new masks inside the edit if `outline`."""
    weight = verdict.weight[..., None]
    foreground = portrait.foreground + weight * (verdict.picture - portrait.foreground)
    if not outline:
        return replace(portrait, image=verdict.picture, foreground=foreground)
    person = segment_person((np.clip(verdict.picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    alpha, own = person_matte(verdict.picture, portrait.landmarks, person, None, networks.cut())
    alpha = portrait.alpha + verdict.weight * (alpha - portrait.alpha)
    foreground = portrait.foreground + weight * (own - portrait.foreground)
    parts = networks.parts()
    masks = region_masks(foreground, alpha, portrait.landmarks, None if parts is None else parts(verdict.picture, portrait.landmarks))
    masks = {name: old + verdict.weight * (masks[name] - old) for name, old in portrait.masks.items()}
    return replace(portrait, image=verdict.picture, foreground=foreground, alpha=alpha, masks=masks)


@dataclass
class Lesson:
    """What one accepted picture teaches: the edit; the atlas weight (ATLAS, ATLAS) of what it owns beyond its region, or
    None; the portrait as edited."""

    edit: Edit
    owned: np.ndarray | None
    portrait: Portrait


def to_lesson(category: Category, axis: Axis, sign: int, verdict: Verdict, portrait: Portrait, workshop: Workshop) -> Lesson:
    """Unroll an accepted picture of one end of an axis."""
    rig, texture = workshop.rig, workshop.texture
    own = workshop.edit(axis, sign)
    edit, owned = Edit(texture.color), None
    edit.tints = own.tints  # strands of other axes follow the hair's colour as before
    if grows_hair(category) or dyes_hair(category):  # what the picture shows of hair is carried on behind the head, as the photo's own is
        changed = edited_portrait(portrait, verdict, outline=grows_hair(category))
        weight = workshop.owned(axis)
        if grows_hair(category):
            edit.shape = hair_shape(changed, rig)
            baked = bake(changed, _shifted(rig, edit.shape))
            weight = owned = np.maximum(weight, cv2.GaussianBlur(baked.regions["hair"], (0, 0), 1.5))
        else:
            baked = bake(changed, rig)
        edit.color = texture.color + weight[..., None] * (baked.color - texture.color)
        return Lesson(edit, owned, changed)
    # Words may mean form or colour; a catalogue entry says which: what its own edit changes.
    strands = [e for a in ((axis,) if axis.edits else category.axes) for e in a.edits if isinstance(e, Strands)]
    if own.change(texture) is not None or not axis.edits:
        change = unrolled_change(verdict, portrait, rig, texture)
        edit.color = np.clip(texture.color + workshop.owned(axis)[..., None] * change, 0, 1)
    if own.shape is not None or not (axis.edits or strands):
        edit.shape = landmark_shape(verdict, portrait, rig, landmark_weight(axis, workshop))
    if strands:
        longest = max(strands, key=lambda e: e.length)
        edit.overlay, edit.opacity = coloured_strands(longest, workshop.owned(axis), verdict, portrait, workshop), longest.opacity
    return Lesson(edit, owned, edited_portrait(portrait, verdict, outline=False))


def _shifted(rig: Rig, shape: np.ndarray) -> Rig:
    return replace(rig, vertices=(rig.vertices + shape).astype(np.float32))


def hair_shape(changed: Portrait, rig: Rig) -> np.ndarray:
    """Displacement (V, 3) of the skull's shell that gives it the outline of another hair: the rig is built once more from
    the edited portrait, whose face and camera are the same, so that only shell and bust can differ."""
    other = build_rig(changed, distance_of(rig.camera, changed.landmarks))
    shape = np.zeros(rig.vertices.shape)
    shell = rig.vertex_part == PART["shell"]
    shape[shell] = other.vertices[shell] - rig.vertices[shell]
    length = np.linalg.norm(shape, axis=1, keepdims=True)
    # Less than the matte's own uncertainty is no change of hair.
    return shape * np.clip((length - 0.015) / 0.03, 0, 1) * np.minimum(1, HAIR_REACH / np.maximum(length, 1e-9))


def unrolled_change(verdict: Verdict, portrait: Portrait, rig: Rig, texture: Texture) -> np.ndarray:
    """The edit's change of colour over the atlas (ATLAS, ATLAS, 3): as seen where it is seen, from the twin half of the
    face or from around where it is not."""
    change = sample(verdict.picture - portrait.image, texture.pixels)
    seen = texture.seen
    out = np.zeros_like(change)
    area = chart_slice("face")
    # The filler works on pictures: changes are shifted to be one.
    out[area] = 2 * mirror_fill(0.5 + 0.5 * change[area], seen[area], texture.faces[area] >= 0) - 1
    for part in ("shell", "body", "eye_right", "eye_left"):
        area = chart_slice(part)
        out[area] = diffuse(change[area], np.clip(2 * seen[area], 0, 1))
    return out


def landmark_weight(axis: Axis, workshop: Workshop) -> np.ndarray:
    """(468,) how much an axis' region holds each landmark."""
    rig, weight = workshop.rig, np.zeros(FACE)
    face = rig.part_faces("face")
    value = sample(workshop.owned(axis), rig.uvs[face] * ATLAS)
    np.maximum.at(weight, rig.faces[face].ravel(), value.ravel())
    return weight


def landmark_shape(verdict: Verdict, portrait: Portrait, rig: Rig, weight: np.ndarray) -> np.ndarray:
    """Displacement (V, 3) of the rig by the landmarks that the edit moved; weight (468,) says which may move."""
    size = portrait.image.shape[0]
    before = portrait.landmarks[:FACE].astype(np.float64)
    still = np.flatnonzero(weight < 0.05)
    after = verdict.landmarks[:FACE].astype(np.float64)
    use = still if len(still) >= 20 else np.arange(FACE)
    after[:, :2] = Similarity.fit(after[use, :2], before[use, :2])(after[:, :2])
    after = before + weight[:, None] * (after - before)
    distance = distance_of(rig.camera, portrait.landmarks)
    points, _, scale = lift(before, (size, size), distance=distance)
    # The head's frame is the portrait's, or the edit would shift everything against it.
    unit, rotation, _shift = procrustes(canonical()[0][STABLE], points[STABLE])
    moved, _, _ = lift(after, (size, size), scale, distance=distance)
    detail = ((moved - points) @ rotation / unit).astype(np.float32)
    return rig.poser().spread(torch.from_numpy(detail)).numpy().astype(np.float64)


def coloured_strands(step: Strands, region: np.ndarray, verdict: Verdict, portrait: Portrait, workshop: Workshop) -> BoundMesh | None:
    """Facial hair with the generated picture's colours, where the picture shows any; None if there is next to none."""
    rig = workshop.rig
    strands = grow(rig, workshop.texture, step, region, workshop.hair_color(), workshop.seed)
    points = strands.pose(rig, rig.vertices).astype(np.float32)
    xy, _ = rig.camera.project(points)
    change = cv2.GaussianBlur(np.abs(verdict.picture - portrait.image).mean(-1), (0, 0), 0.02 * eye_distance(portrait.landmarks[:, :2]))
    # What the portrait does not show grows as its twin side does.
    size = portrait.image.shape[0]
    ids = workshop.texture.view.triangles
    shown = np.zeros(len(rig.faces), bool)
    shown[ids[ids >= 0]] = True
    inside = ((xy > 0) & (xy < size)).all(1) & shown[strands.face]
    grown = sample(change, xy[None])[0]
    known = grown[inside].mean() if inside.any() else 0.0
    grown = np.where(inside, grown, known)
    per_strand = 2 * (step.pieces + 1)  # vertices
    keep = grown.reshape(-1, per_strand).max(1) > BEARD_CHANGE
    if keep.sum() < FEW_STRANDS:
        return None
    seen = sample(verdict.picture, xy[None])[0]
    lit = inside & (grown > BEARD_CHANGE)
    common = seen[lit].mean(0) if lit.any() else workshop.hair_color()
    tone = strands.color / np.maximum(strands.color.mean(0), 1e-3)
    colour = np.clip(np.where(lit[:, None], seen, common * tone), 0, 1)
    kept = np.repeat(keep, per_strand)
    index = np.cumsum(kept) - 1
    return replace(
        strands,
        face=strands.face[kept],
        bary=strands.bary[kept],
        offset=strands.offset[kept],
        color=colour[kept],
        triangles=index[strands.triangles[kept[strands.triangles].all(1)]],
        segments=index[strands.segments[kept[strands.segments].all(1)]],
        start=None if strands.start is None else strands.start[kept],
    )
