"""The synthetic clips' form, and what every synthesizer offers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ..attributes.edit_vocabulary import Category
from ..portrait import Portrait
from ..render.camera import Camera
from ..rig.rig import Rig
from ..texture.atlas import Texture


@dataclass
class Unedited:
    """What a teaching picture would show without its edit.

    image (H, W, 3) uint8, premultiplied by alpha (H, W) uint8; kept (H, W) uint8: how much of each pixel of the edited picture is still
    something that this one shows, however recoloured; 0 where the edit lays something over it or uncovers what was hidden.
    came_from (H, W, 2) float32: where in this picture (pixels, x and y) that is; None where nothing has moved.
    """

    image: np.ndarray
    alpha: np.ndarray
    kept: np.ndarray
    came_from: np.ndarray | None = None


@dataclass
class Frame:
    """One teaching picture.

    image (H, W, 3) uint8, premultiplied by alpha (H, W) uint8; before: the same without the edit, None if there is none; camera;
    weights (E,), head (3,) and gaze (2,) radians; weight: how much it counts in training, the real photo counting 1.
    """

    image: np.ndarray
    alpha: np.ndarray
    before: Unedited | None
    camera: Camera
    weights: np.ndarray
    head: np.ndarray
    gaze: np.ndarray
    weight: float = 1.0


@dataclass
class Clip:
    """Frames of one point of one category's latent space.

    category: None for the unedited source. latents: one (dim,) vector per frame. kind: "source", "edit" or "interpolated".
    """

    category: str | None
    kind: str
    frames: list[Frame] = field(default_factory=list)
    latents: list[np.ndarray] = field(default_factory=list)


def mixed_axes(clips: list[Clip], categories: list[Category]) -> list[tuple[str, ...]]:
    """Pairs of axes, in their category's order, between whose ends at +1 there are interpolated faces: those that styles are about (`syllabus`)."""
    found: dict[tuple[str, ...], None] = {}
    for category in categories:
        for latent in (z for clip in clips if (clip.category, clip.kind) == (category.name, "interpolated") for z in clip.latents):
            if len(pair := np.flatnonzero(latent)) == 2 and (latent[pair] > 0).all():
                found[tuple(category.axes[k].name for k in pair)] = None
    return list(found)


@dataclass
class Plan:
    """How much to synthesize: side of the pictures, frames of the unedited person, frames per end of an axis, the
    amounts shown (the last is the end), whether interpolated faces are made, seed; lessons: frames of edits and of interpolated faces
    that will teach, None for all that there are; deadline: monotonic time by which a synthesizer that generates pictures has to be
    done with it, and after which no more are rendered; least: seconds that may be rendered whatever the deadline, from when edits are there,
    which no avatar can do without. report: what a synthesizer that generates pictures tells of its work, filled by it."""

    size: int = 320
    source_frames: int = 36
    frames_per_end: int = 1
    amounts: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    interpolate: bool = True
    seed: int = 0
    lessons: int | None = None
    deadline: float | None = None
    least: float = 0.0
    report: dict = field(default_factory=dict)


class Synthesizer(Protocol):
    """Makes the teaching clips of one person."""

    name: str

    def clips(
        self, portrait: Portrait, rig: Rig, texture: Texture, categories: list[Category], plan: Plan, progress: Callable[[float, str], None]
    ) -> Iterator[Clip]:
        """Yield the source clip first, then edits, then interpolated faces."""
        ...
