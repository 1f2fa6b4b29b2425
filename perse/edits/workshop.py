"""Attribute edits carried out on one person's rig and texture: the procedural answer to an image editor."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..attributes.edit_vocabulary import (
    Axis,
    Bare,
    Detail,
    Dye,
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
from ..texture.atlas import Texture, chart_slice
from ..texture.cie_lab import to_lab, to_rgb
from .atlas_regions import Regions
from .bare_skin import bare
from .dye import dye, dye_strands, matte_of
from .edit import Edit, Patch
from .facial_hair import coat, grow
from .head_hair import CUTS
from .head_measures import Head
from .recolour import detail, pupil, recolor, tint
from .reshape import Shaper
from .skin_patterns import PATTERNS
from .worn_objects import WORN_OBJECTS

DYED = ("hair", "beard")  # kinds of strands that take the hair's colour


@dataclass
class Workshop:
    """Everything edits need of one person, computed once."""

    rig: Rig
    texture: Texture
    seed: int = 0
    _edits: dict = field(default_factory=dict)
    _more: dict = field(default_factory=dict)

    def __post_init__(self):
        self.regions = Regions(self.rig, self.texture)
        self.shaper = Shaper(self.rig)

    @property
    def head(self) -> Head:
        """The head's measures, for what is worn on it."""
        return self.regions.remembered("measures of the head", lambda: Head(self.rig, self.texture, self.regions, self.shaper))

    def region(self, name: str) -> np.ndarray:
        """Weight (ATLAS, ATLAS) in [0, 1] of a region: a mask of the portrait, the irises, or an area of the mean face."""
        if name == "dyed_hair":
            return matte_of(self.regions).share
        return self.head.under_hat if name == "under_hat" else self.regions(name)

    def owned(self, axis: Axis) -> np.ndarray:
        """Union (ATLAS, ATLAS) of the regions that an axis may change; where it takes hair off, the skin beside the hair is one of them."""
        first, *others = (self.region(name) for name in axis.regions)
        others += self._more.get(axis.name, [])
        if any(isinstance(step, Bare) for step in axis.edits) and (cover := self.edit(axis, 1).cover) is not None:
            others.append(cover)
        return np.maximum.reduce([first, *others]) if others else first

    def install(self, axis: Axis, sign: int, edit: Edit, more: np.ndarray | None = None) -> None:
        """Put an edit made elsewhere in the place of the axis' own; more: (ATLAS, ATLAS) that the axis then owns as well."""
        self._edits[axis.name, sign] = edit
        if more is not None:
            self._more.setdefault(axis.name, []).append(more)

    def hair_color(self) -> np.ndarray:
        """RGB (3,) for facial hair: between the darker tones of the head's own hair and of the brows, as far as the photo shows them."""
        return self.regions.remembered("colour of facial hair", self._hair_color)

    def brow_color(self) -> np.ndarray:
        """RGB (3,) for hairs of the brows: their own darker tones, or those of facial hair."""
        return self.regions.remembered("colour of brows", lambda: self._dark_tones(("brows", 0.25)))

    def _hair_color(self) -> np.ndarray:
        # Most of what is marked as brows is the skin between their hairs.
        return self._dark_tones(("hair", 0.35), ("brows", 0.12))

    def _dark_tones(self, *named: tuple[str, float]) -> np.ndarray:
        found = []
        for name, quantile in named:
            mask = (self.texture.regions[name] > 0.6) & (self.texture.seen > 0.3)
            if mask.sum() > 200:
                light = self.texture.color[mask].mean(1)
                found.append(0.88 * self.texture.color[mask][light <= np.quantile(light, 2 * quantile)].mean(0))
        return np.mean(found, 0) if found else np.array([0.16, 0.11, 0.08])

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
                    out.reshape(sign * self.shaper.ears(step, self.region("covered")))
                case HairVolume():
                    out.reshape(sign * self.shaper.volume(step, self.region(step.region)))
                case Tuck():
                    weight = self.region(step.region)
                    out.reshape(self.shaper.tuck(step, weight, self.region("bald_area")))
                    out.early = step.early if step.at_crown is None else self.head.rises(step.early, step.at_crown)
                    out.solid = weight if out.solid is None else np.maximum(out.solid, weight)
                case Recolor():
                    out.paint(recolor(self.regions, self.texture, step, sign))
                case Dye():
                    out.paint(dye(self.regions, step, sign))
                    for kind in DYED:
                        out.tints[kind] = partial(dye_strands, regions=self.regions, step=step, sign=sign)
                case Tint():
                    out.tints[step.kind] = partial(tint, step=step, sign=sign)
                case Detail():
                    out.paint(detail(self.regions, self.texture, step, sign))
                case Bare():
                    found = bare(self.regions, self.texture, self.rig, self.shaper, step)
                    if found is not None:
                        out.paint(found.patch)
                        out.cover, out.halfway = found.cover, found.halfway
                        out.fresh = found.fresh if found.fresh.any() else None
                case Pupil():
                    out.paint(pupil(self.regions, self.texture, step, sign))
                case Paint():
                    out.paint(self._paint(step, axis))
                case Strands():
                    weight, color = self.region(step.region), self.brow_color() if step.kind == "brows" else self.hair_color()
                    out.opacity = step.opacity
                    out.overlay = grow(self.rig, self.texture, step, weight, color, self.seed)
                    out.paint(coat(self.rig, self.texture, step, weight, color, self.seed))
                case Locks():
                    out.overlay = CUTS[step.kind](self.head, step, self.hair_color(), self.seed)
                case Prop():
                    out.overlay = WORN_OBJECTS[step.kind](self.head, np.array(step.color))
        return out

    def _paint(self, step: Paint, axis: Axis) -> Patch | None:
        """A painted pattern on the face's chart."""
        sheet = PATTERNS[step.kind](self.regions, np.random.default_rng(self.seed))
        block = chart_slice("face")
        weight = self.regions.on_sheet(sheet, self.regions.face_xy) * self.owned(axis)[block]
        color = self.texture.color[block]
        # Negative strength is a lit edge: the opposite, in lightness alone.
        share = np.where(weight[..., None] >= 0, 1.0, [1.0, 0.0, 0.0]) * weight[..., None]
        lab = to_lab(color) + (share * np.array(step.shift)).astype(np.float32)
        return block, (to_rgb(lab) - color) * (np.abs(weight) > 1e-3)[..., None]
