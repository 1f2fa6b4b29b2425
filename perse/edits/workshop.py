"""Attribute edits carried out on one person's rig and texture: the procedural answer to an image editor."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..attributes.edits import (
    Axis,
    Bare,
    Detail,
    Ears,
    EyeSize,
    EyeSpacing,
    HairVolume,
    Locks,
    Paint,
    Prop,
    Pupil,
    Recolor,
    Sculpt,
    Strands,
    Tint,
    Tuck,
)
from ..rig.rig import Rig
from ..texture.atlas import Texture, chart_slice, sample
from ..texture.lab import to_lab, to_rgb
from .bound_mesh import BoundMesh
from .head_measures import Head
from .locks import LOCKS
from .paint import PAINTERS
from .props import PROPS
from .recolour import Patch, bare, detail, pupil, recolor, tint
from .regions import Regions, box_of
from .reshape import Shaper
from .strands import grow


class Edit:
    """What one axis does at amount +1 or -1.

    shape (V, 3): displacement of the rest shape, or None; early: 1 if it is in step with the amount, up to 2 if it is
    ahead of it. patch: where in the atlas, and what is added to the colour there; color: the same as a whole texture
    (ATLAS, ATLAS, 3), for whoever has one. cover (ATLAS, ATLAS): how much of what was there the patch hides, or None.
    solid (ATLAS, ATLAS): where the surface becomes opaque and strands beyond the outline vanish, or None. overlay: what comes on
    top, or None; opacity: its, at full amount. tints: by kind of overlay, the change of colours (N, 3) -> (N, 3).
    """

    def __init__(self, base: np.ndarray | None = None):
        self.base = base
        self.shape: np.ndarray | None = None
        self.early = 1.0
        self.patch: Patch | None = None
        self.solid: np.ndarray | None = None
        self.cover: np.ndarray | None = None
        self.overlay: BoundMesh | None = None
        self.opacity = 0.95
        self.tints: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        self._whole: np.ndarray | None = None

    @property
    def color(self) -> np.ndarray | None:
        if self._whole is not None or self.patch is None:
            return self._whole
        out = self.base.copy()
        out[self.patch[0]] += self.patch[1]
        return out

    @color.setter
    def color(self, whole: np.ndarray) -> None:
        self._whole = whole

    def change(self, texture: Texture) -> Patch | None:
        """Where and by how much the colour changes, whichever way it was given."""
        if self.patch is None and self._whole is not None:
            difference = self._whole - texture.color
            box = box_of(25 * np.abs(difference).max(-1))
            self.patch = None if box is None else (box, difference[box])
        return self.patch

    def is_empty(self, texture: Texture) -> bool:
        """Whether it changes nothing of this person."""
        return self.shape is None and self.overlay is None and not self.tints and self.change(texture) is None

    def only_moves(self, texture: Texture) -> bool:
        """Whether it is a change of shape alone."""
        return self.overlay is None and not self.tints and self.change(texture) is None

    def color_at(self, texture: Texture, xy: np.ndarray) -> np.ndarray | None:
        """Change of colour (N, 3) at atlas pixels (N, 2); None if there is none anywhere."""
        patch = self.change(texture)
        if patch is None:
            return None
        (rows, columns), change = patch
        inside = (xy[:, 0] > columns.start) & (xy[:, 0] < columns.stop) & (xy[:, 1] > rows.start) & (xy[:, 1] < rows.stop)
        out = np.zeros((len(xy), 3), np.float32)
        out[inside] = sample(change, (xy[inside] - [columns.start, rows.start])[None])[0]
        return out

    def shape_at(self, share: float) -> np.ndarray | None:
        """Displacement (V, 3) at a share of the amount."""
        return None if self.shape is None else self.shape * (self.early * share + (1 - self.early) * share ** 2)

    def paint(self, patch: Patch | None) -> None:
        """Add one more change of colour."""
        if patch is None:
            return
        if self.patch is not None:
            (rows, columns), (old_rows, old_columns) = patch[0], self.patch[0]
            box = np.s_[min(rows.start, old_rows.start):max(rows.stop, old_rows.stop),
                        min(columns.start, old_columns.start):max(columns.stop, old_columns.stop)]
            joined = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start, 3), np.float32)
            for (r, c), change in (patch, self.patch):
                joined[r.start - box[0].start:r.stop - box[0].start, c.start - box[1].start:c.stop - box[1].start] += change
            patch = (box, joined)
        self.patch = patch

    def reshape(self, shape: np.ndarray) -> None:
        """Add one more displacement."""
        self.shape = shape if self.shape is None else self.shape + shape


@dataclass
class Workshop:
    """Everything edits need of one person, computed once."""

    rig: Rig
    texture: Texture
    seed: int = 0
    _edits: dict = field(default_factory=dict)
    _more: dict = field(default_factory=dict)
    _head: Head | None = None

    def __post_init__(self):
        self.regions = Regions(self.rig, self.texture)
        self.shaper = Shaper(self.rig)

    @property
    def head(self) -> Head:
        """The head's measures, for what is worn on it."""
        if self._head is None:
            self._head = Head(self.rig, self.texture, self.regions, self.shaper)
        return self._head

    def region(self, name: str) -> np.ndarray:
        """Weight (ATLAS, ATLAS) in [0, 1] of a region: a mask of the portrait, the irises, or an area of the mean face."""
        return self.head.under_hat if name == "under_hat" else self.regions(name)

    def owned(self, axis: Axis) -> np.ndarray:
        """Union (ATLAS, ATLAS) of the regions that an axis may change."""
        first, *others = (self.region(name) for name in axis.regions)
        others += self._more.get(axis.name, [])
        return np.maximum.reduce([first, *others]) if others else first

    def install(self, axis: Axis, sign: int, edit: Edit, more: np.ndarray | None = None) -> None:
        """Put an edit made elsewhere in the place of the axis' own; more: (ATLAS, ATLAS) that the axis then owns as well."""
        self._edits[axis.name, sign] = edit
        if more is not None:
            self._more.setdefault(axis.name, []).append(more)

    def hair_color(self) -> np.ndarray:
        """RGB (3,) for facial hair: the head's own hair where there is some, else the brows, a little darker."""
        for name in ("hair", "brows"):
            mask = (self.texture.regions[name] > 0.6) & (self.texture.seen > 0.3)
            if mask.sum() > 200:
                return np.percentile(self.texture.color[mask], 35, axis=0) * 0.85
        return np.array([0.16, 0.11, 0.08])

    @staticmethod
    def shared(rig: Rig, texture: Texture, seed: int) -> "Workshop":
        """The workshop of a texture, made once: synthesis and the avatar's start both need the same edits."""
        if seed not in texture.workshops:
            texture.workshops[seed] = Workshop(rig, texture, seed)
        return texture.workshops[seed]

    def edit(self, axis: Axis, sign: int) -> Edit:
        """The axis at amount `sign` (+1 or -1); remembered."""
        if (axis.name, sign) not in self._edits:
            self._edits[axis.name, sign] = self._make_edit(axis, sign)
        return self._edits[axis.name, sign]

    def _make_edit(self, axis: Axis, sign: int) -> Edit:
        out = Edit(self.texture.color)
        for step in axis.edits:
            match step:
                case Sculpt():
                    out.reshape(sign * self.shaper.sculpt(step))
                case EyeSize() | EyeSpacing():
                    out.reshape(sign * self.shaper.eyes(step))
                case Ears():
                    out.reshape(sign * self.shaper.ears(step, self.region("ear_area")))
                case HairVolume():
                    out.reshape(sign * self.shaper.volume(step, self.region("hair")))
                case Tuck():
                    weight = self.region(step.region)
                    out.reshape(self.shaper.tuck(step, weight))
                    out.early = step.early
                    out.solid = weight
                case Recolor():
                    out.paint(recolor(self.regions, self.texture, step, sign))
                case Tint():
                    out.tints[step.kind] = lambda colors, step=step: tint(colors, step, sign)
                case Detail():
                    out.paint(detail(self.regions, self.texture, step, sign))
                case Bare():
                    found = bare(self.regions, self.texture, self.rig, step)
                    if found is not None:
                        out.paint(found[0])
                        out.cover = found[1]
                case Pupil():
                    out.paint(pupil(self.regions, self.texture, step, sign))
                case Paint():
                    out.paint(self._paint(step, axis))
                case Strands():
                    weight, color = self.region(step.region), self.hair_color()
                    out.opacity = step.opacity
                    out.overlay = grow(self.rig, self.texture, step, weight, color, self.seed)
                    out.paint(self._shadow(step.shadow * weight, color))
                case Locks():
                    out.overlay = LOCKS[step.kind](self.head, step, self.hair_color(), self.seed)
                case Prop():
                    out.overlay = PROPS[step.kind](self.head, np.array(step.color))
        return out

    def _shadow(self, weight: np.ndarray, color: np.ndarray) -> Patch | None:
        """Skin darkened towards the colour (3,) of the hair that grows on it."""
        if (box := box_of(weight)) is None:
            return None
        return box, (0.65 * weight[box])[..., None] * (color.astype(np.float32) - self.texture.color[box])

    def _paint(self, step: Paint, axis: Axis) -> Patch | None:
        """A painted pattern on the face's chart."""
        sheet = PAINTERS[step.kind](self.regions, np.random.default_rng(self.seed))
        block = chart_slice("face")
        weight = self.regions.on_sheet(sheet, self.regions.face_xy) * self.owned(axis)[block]
        color = self.texture.color[block]
        # Negative strength is a lit edge: the opposite, in lightness alone.
        share = np.where(weight[..., None] >= 0, 1.0, [1.0, 0.0, 0.0]) * weight[..., None]
        lab = to_lab(color) + (share * np.array(step.shift)).astype(np.float32)
        return block, (to_rgb(lab) - color) * (np.abs(weight) > 1e-3)[..., None]
