"""What one end of a slider does to a person: the form, the colour, what comes on top."""

from collections.abc import Callable

import numpy as np

from ..texture.atlas import Texture, sample
from .atlas_regions import Box, box_of
from .bound_mesh import BoundMesh

Patch = tuple[Box, np.ndarray]  # where in the atlas, and what is added to its colour there (h, w, 3)


class Edit:
    """What one axis does at amount +1 or -1.

    shape (V, 3): displacement of the rest shape, or None; early, one number or (V, 1): 1 if it is in step with the amount, up to 2 if it is
    ahead of it, less if it comes late. patch: where in the atlas, and what is added to the colour there; color: the same as a whole texture
    (ATLAS, ATLAS, 3), for whoever has one. halfway: what is added besides half of that at half of the amount, or None.
    cover (ATLAS, ATLAS): how much of what was there the patch hides, or None. fresh (ATLAS, ATLAS): where on the head skin takes the place
    of hair, whose strands are not the skin's to be painted, or None.
    solid (ATLAS, ATLAS): where the surface becomes opaque and strands beyond the outline vanish, or None. overlay: what comes on
    top, or None; opacity: its, at full amount. tints: by kind of overlay, the change of colours (N, 3) -> (N, 3).
    """

    def __init__(self, base: np.ndarray | None = None):
        self.base = base
        self.shape: np.ndarray | None = None
        self.early: float | np.ndarray = 1.0
        self.patch: Patch | None = None
        self.halfway: Patch | None = None
        self.solid: np.ndarray | None = None
        self.cover: np.ndarray | None = None
        self.fresh: np.ndarray | None = None
        self.overlay: BoundMesh | None = None
        self.opacity = 0.95
        self.tints: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
        self._whole: np.ndarray | None = None

    @property
    def color(self) -> np.ndarray | None:
        if self._whole is not None or self.patch is None or self.base is None:
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

    def is_linear(self) -> bool:
        """Whether half of the amount is half of the change: nothing grows or becomes solid on the way."""
        return self.overlay is None and self.solid is None

    def color_at(self, texture: Texture, xy: np.ndarray) -> np.ndarray | None:
        """Change of colour (N, 3) at atlas pixels (N, 2); None if there is none anywhere."""
        patch = self.change(texture)
        return None if patch is None else read(patch, xy)

    def shape_at(self, share: float) -> np.ndarray | None:
        """Displacement (V, 3) at a share of the amount."""
        return None if self.shape is None else self.shape * (self.early * share + (1 - self.early) * share**2)

    def paint(self, patch: Patch | None) -> None:
        """Add one more change of colour."""
        if patch is None:
            return
        if self.patch is not None:
            (rows, columns), (old_rows, old_columns) = patch[0], self.patch[0]
            box = np.s_[
                min(rows.start, old_rows.start) : max(rows.stop, old_rows.stop),
                min(columns.start, old_columns.start) : max(columns.stop, old_columns.stop),
            ]
            joined = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start, 3), np.float32)
            for (r, c), change in (patch, self.patch):
                joined[r.start - box[0].start : r.stop - box[0].start, c.start - box[1].start : c.stop - box[1].start] += change
            patch = (box, joined)
        self.patch = patch

    def reshape(self, shape: np.ndarray) -> None:
        """Add one more displacement."""
        self.shape = shape if self.shape is None else self.shape + shape


def read(patch: Patch, xy: np.ndarray) -> np.ndarray:
    """What a patch adds (N, 3) at atlas pixels (N, 2)."""
    (rows, columns), change = patch
    inside = (xy[:, 0] > columns.start) & (xy[:, 0] < columns.stop) & (xy[:, 1] > rows.start) & (xy[:, 1] < rows.stop)
    out = np.zeros((len(xy), 3), np.float32)
    out[inside] = sample(change, (xy[inside] - [columns.start, rows.start])[None])[0]
    return out


def hump(share: float) -> float:
    """How much of what is added half way there is at a share of the amount: 1 at a half, none at either end."""
    return 4 * share * (1 - share)
