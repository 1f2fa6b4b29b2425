"""Skin that edits bring where they take hair off: Gaussians of its own, which lie on the head as it is without hair and rest invisible.

Hair's Gaussians are strands that stand out and lie over one another; painted in the colour of skin they would still be that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..avatar.seeds.seed import FLATNESS
from ..avatar.seeds.unseen import downwards, evenly, roundness
from ..edits.bare_skin import bare_head
from ..edits.edit import Edit, read
from ..edits.workshop import Workshop
from ..render.geometry import triangle_frames, triangle_normals, unit
from ..rig.ears import ears_of
from ..texture.atlas import ATLAS, Texture, sample
from .overlays import frame_quats

SPACING, IN_EARS = 0.05, 0.5  # distance between Gaussians, eye distances, and share of it on ears
WIDTH = 0.8  # standard deviation over that distance: they close their own gaps
LEAST, WHOLE = 0.08, 0.9  # weight from which there is skin, and from which it is as the edit paints it
# Times the opacity that is there: strands go and skin comes a little too far, so that what lessons learn of it leaves neither half there.
SURELY = 1.15
CROPPED = 0.95  # of that, what an edit that crops hair before it goes has of both half way: it has come to the skin with its stubble


@dataclass
class Bared:
    """Of the skin that one edit brings: rows (n,) among all Gaussians, opacity (n,), and the change (n, 3) from clean skin to what the edit
    leaves of stubble; halfway (n, 3): the same at half of the amount, of an edit that crops hair before it goes, or None."""

    rows: np.ndarray
    opacity: np.ndarray
    color: np.ndarray
    halfway: np.ndarray | None


def bared_skin(edit: Edit, skin: dict[str, np.ndarray] | None, texture: Texture) -> Bared | None:
    """What an edit shows of the skin that all of them bring; None if it takes no hair off."""
    if skin is None or edit.fresh is None:
        return None
    at = skin["uv"] * ATLAS
    opacity = sample(edit.fresh, at[None])[0]
    chosen = opacity > LEAST
    change = edit.color_at(texture, at[chosen])
    assert change is not None  # what uncovers skin paints it
    was, whole = sample(texture.color, at[None, chosen])[0], (opacity[chosen] > WHOLE)[:, None]
    halfway = None
    if edit.halfway is not None:
        halfway = (was + 0.5 * change + read(edit.halfway, at[chosen]) - skin["color"][chosen]) * whole
    return Bared(skin["rows"][chosen], SURELY * opacity[chosen], (was + change - skin["color"][chosen]) * whole, halfway)


def fresh_skin(workshop: Workshop, edits: Iterable[Edit]) -> dict[str, np.ndarray] | None:
    """Gaussians of all the skin that any of these edits brings, with their atlas coordinates `uv`; None if there is none."""
    weights = [edit.fresh for edit in edits if edit.fresh is not None]
    if not weights:
        return None
    rig, shaper, weight = workshop.rig, workshop.shaper, np.maximum.reduce(weights)
    bald = rig.vertices.astype(np.float64).copy()
    bald[shaper.shell] = shaper.bald
    corners = bald[rig.faces]
    across = triangle_normals(corners)
    near = np.concatenate([rig.uvs, rig.uvs.mean(1, keepdims=True)], 1)
    there = np.isin(np.arange(len(rig.faces)), rig.part_faces("shell")) & (sample(weight, near * ATLAS).max(1) > LEAST)
    spacing = SPACING * (1 - (1 - IN_EARS) * np.clip(ears_of(rig)[rig.faces].mean(1), 0, 1))
    face, bary = evenly(0.5 * np.linalg.norm(across, axis=1) / spacing**2 * there, np.random.default_rng(workshop.seed))
    uv = rig.uvs_on(face, bary)
    keep = sample(weight, uv[None] * ATLAS)[0] > LEAST
    face, bary, uv = face[keep], bary[keep], uv[keep]
    if not len(face):
        return None
    # Out of the flat triangles to the round head, as they will lie when the hair is gone.
    normals = rig.vertex_normals.astype(np.float64).copy()
    normals[: len(shaper.surface.vertices)] = shaper.bald_form()[0]
    round_ = roundness(corners[face], normals[rig.faces[face]], bary)
    rest = rig.vertices.astype(np.float64)[rig.faces[face]]
    back = triangle_frames(rest) @ triangle_frames(corners[face]).transpose(0, 2, 1)
    normal, sigma = unit(triangle_normals(rest)), WIDTH * spacing[face]
    return dict(
        face=face,
        bary=bary,
        offset=(back @ round_[..., None])[..., 0],
        quats=frame_quats(downwards(normal), normal),
        scales=np.stack([sigma, sigma, FLATNESS * spacing[face]], 1),
        color=sample(bare_head(workshop.regions, workshop.texture, rig, shaper), uv[None] * ATLAS)[0],
        opacity=np.zeros(len(face)),
        uv=uv,
    )
