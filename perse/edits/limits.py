"""What a portrait does not allow: sliders that would do nothing, or would lie on top of what the photo already shows."""

import numpy as np

from ..attributes.edit_vocabulary import Axis, Bare, Category, Locks, Prop
from .already_worn import wears_glasses
from .workshop import Workshop

NOTICEABLE = 0.025  # mean change of colour of a region that a visitor would notice, RGB in [0, 1]
BELONGS = 0.5  # of a region's weight, from which a texel belongs to it
MISSING = {
    "hair": "hair",
    "dyed_hair": "hair",
    "temples": "hair",
    "bald_area": "hair",
    "undercut": "hair",
    "clothes": "clothes",
    "lips": "lips",
    "brow_area": "eyebrows",
    "own_beard": "beard to take off",
}
# Parts of the hair that a cut takes off if there are any: of short hair there is nothing, and nothing is missed.
IF_ANY = {"hanging", "covered_ears", "own_fringe"}
COVERED = 0.4  # of the hair and what is worn in its place, from which on a hat or scarf leaves no room for locks
HEADWEAR = "The photo shows a hat, a scarf or a veil, and this would grow through it."
GLASSES = "The photo shows glasses, which hide what is behind them: they cannot be taken off, and a second pair would lie over them."


def find_limits(workshop: Workshop, categories: list[Category]) -> dict[str, str]:
    """Axis -> why this portrait does not offer it, in one sentence for the visitor. All other axes work."""
    reasons: dict[str, str] = {}
    for category in categories:
        for axis in category.axes:
            if reason := _reason(workshop, axis):
                reasons[axis.name] = reason
    if wears_glasses(workshop.texture):
        reasons |= {a.name: GLASSES for c in categories if c.name == "glasses" for a in c.axes}
    return reasons


def _reason(workshop: Workshop, axis: Axis) -> str | None:
    if any(isinstance(step, Locks) for step in axis.edits) and _covered(workshop):
        return HEADWEAR
    if not axis.edits or axis.needs or IF_ANY & {*axis.regions} or any(isinstance(step, Prop) for step in axis.edits):
        return None
    bares = any(isinstance(step, Bare) for step in axis.edits)
    edits = [workshop.edit(axis, sign) for sign in ((1, -1) if axis.low < 0 else (1,))]
    if not bares and any(edit.shape is not None and np.abs(edit.shape).max() > 1e-4 or edit.overlay is not None for edit in edits):
        return None
    region = workshop.owned(axis)
    if not (region > BELONGS).any():
        what = next((MISSING[name] for name in axis.regions if name in MISSING), None)
        return f"The photo shows no {what}." if what else "The photo does not show what this would change."
    if bares:
        return None
    change = max(_change(workshop, edit, region) for edit in edits)
    seen = "changes nothing that can be seen on this photo: it is like that already, or too small to show."
    return f"{axis.label} {seen}" if change < NOTICEABLE else None


def _covered(workshop: Workshop) -> bool:
    worn, cover = workshop.texture.regions["worn"].sum(), workshop.texture.cover().sum()
    return bool(worn > COVERED * max(float(cover), 1.0))


def _change(workshop: Workshop, edit, region: np.ndarray) -> float:
    """Mean change of colour over the quarter of the region's texels that change most: patterns leave most of a region alone."""
    patch = edit.change(workshop.texture)
    if patch is None:
        return 0.0
    box, change = patch
    values = sum(np.abs(change[region[box] > BELONGS]).T) / 3  # not `mean`, which is slow along so short an axis
    most = max(1, len(values) // 4)
    return float(np.partition(values, -most)[-most:].mean()) if len(values) else 0.0
