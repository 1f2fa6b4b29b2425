"""FREEDOM: what every Gaussian may learn while an avatar is fitted, in one record that an ordered list of rules fills in.

The fit obeys it without asking why: gradients are multiplied by it, values are clamped to it, and a picture is only compared with
Gaussians whose teacher it is.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ...face.landmarks import FACE
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ...texture.atlas import ATLAS, Texture, sample
from ...texture.belief.texels import WELL_SEEN
from ..latent_space import MOST_OPAQUE
from .seed import Seeds

LEARNT = ("colors", "opacities", "log_scales", "offset", "quats")  # the avatar's parameters that descent changes
LOG_SCALES = (-9.0, -2.2)  # natural logarithm of the smallest and the largest standard deviation, in eye distances
# How far a Gaussian may shrink below what covers the surface, as a difference of logarithms. The rasterizer's anti-aliasing fattens small
# ones: without a bound a fit at one size makes them a grid of dots in a close-up.
SHRINK = 0.5
# How far a colour may stray from the one it began with where the photo does not show it openly; and where the photo shows it from its edge.
HIDDEN_PLAY, EDGE_PLAY = 0.04, 0.05
BELOW_CHIN = 0.4  # eye distances under the lowest landmark, where the bust begins
TURNED_AWAY = -0.3  # cosine to the view below which a surface is surely on the far side
BEYOND_CROP = 1.02  # crop heights from the top, below which the portrait ends


@dataclass
class Freedom:
    """Of N Gaussians; a finished avatar needs none of it. Shares lie in [0, 1].

    colors, opacities, log_scales, offset, quats: (N,), the share of its gradient that each of these obeys.
    solved: (N,), the share of the way to the colour that solving for the photo finds.
    clips: (N,), the share of its opacity that re-rendered clips know of: 0 for what the photo alone teaches.
    open: (N,), how far the photo may be believed to show its colour, if it shows it at all.
    play: (N,), how far its colour may stray from the first one as far as it is not believed.
    surface: (N, 3), the unit normal along which it may not rise, or 0 where it may.
    smallest, largest: (N, 3), of log_scales. most_opaque: (N,). darkest, lightest: (N, 3), of colors.
    """

    colors: Tensor
    opacities: Tensor
    log_scales: Tensor
    offset: Tensor
    quats: Tensor
    solved: Tensor
    clips: Tensor
    open: Tensor
    play: Tensor
    surface: Tensor
    smallest: Tensor
    largest: Tensor
    most_opaque: Tensor
    darkest: Tensor
    lightest: Tensor

    @staticmethod
    def full(log_scales: Tensor, opacities: Tensor) -> "Freedom":
        """Of Gaussians of these first sizes (N, 3) and opacities (N,) that may learn everything, but for what rests invisible: it stays so."""
        ones, zeros = torch.ones_like(opacities), torch.zeros_like(log_scales)
        visible = (opacities != 0).to(ones)
        smallest = (log_scales - SHRINK).clamp_min(LOG_SCALES[0])
        return Freedom(
            ones.clone(),
            visible,
            ones.clone(),
            ones.clone(),
            ones.clone(),
            ones.clone(),
            ones.clone(),
            ones.clone(),
            HIDDEN_PLAY * ones,
            zeros,
            smallest,
            smallest.clamp_min(LOG_SCALES[1]),
            MOST_OPAQUE * visible,
            zeros.clone(),
            zeros + 1,
        )

    def to(self, device: torch.device | str) -> "Freedom":
        """The same on a device."""
        return Freedom(*(getattr(self, f.name).to(device) for f in fields(self)))

    def first(self, count: int) -> "Freedom":
        """Of the first `count` alone."""
        return Freedom(*(getattr(self, f.name)[:count] for f in fields(self)))

    def temper(self, parameters: dict[str, Tensor]) -> None:
        """Multiply gradients by what they may do. parameters: by the names in LEARNT, (N, ...)."""
        for name, parameter in parameters.items():
            if parameter.grad is not None:
                share = getattr(self, name)
                parameter.grad.mul_(share if parameter.dim() == 1 else share[:, None])

    @torch.no_grad()
    def keep(self, parameters: dict[str, Tensor]) -> None:
        """Bring values back to what they may be."""
        parameters["opacities"].clamp_(torch.zeros_like(self.most_opaque), self.most_opaque)
        parameters["colors"].clamp_(self.darkest, self.lightest)
        parameters["log_scales"].clamp_(self.smallest, self.largest)
        rows = self._held_down
        offset, normal = parameters["offset"], self.surface[rows]
        offset[rows] -= (offset[rows] * normal).sum(1, keepdim=True).clamp_min(0) * normal

    @cached_property
    def _held_down(self) -> Tensor:
        return self.surface.any(1).nonzero()[:, 0]


class _Facts:
    """What the rules ask of the Gaussians on a portrait's surface, (N,) each."""

    def __init__(self, seeds: Seeds, rig: Rig, texture: Texture):
        self.seeds, self.rig = seeds, rig
        self.part = rig.face_part[seeds.face]
        self.seen = sample(texture.seen, seeds.uv[None] * ATLAS)[0] >= WELL_SEEN

    def on(self, *parts: str) -> np.ndarray:
        """Which lie on these parts of the rig."""
        return np.isin(self.part, [PART[name] for name in parts])

    def turned_away(self) -> np.ndarray:
        """Which lie below the chin on the far side of the rig or beyond the portrait's crop, away from its outline."""
        seeds, rig = self.seeds, self.rig
        point = rig.points_on(seeds.face, seeds.bary)
        below = point[:, 1] > rig.vertices[:FACE, 1].max() + BELOW_CHIN
        view = rig.camera.centre - point
        facing = (seeds.normal * view).sum(1) / np.linalg.norm(view, axis=1)
        xy, _ = rig.camera.project(point)
        return below & (seeds.offset == 0).all(1) & ((facing < TURNED_AWAY) | (xy[:, 1] > BEYOND_CROP * rig.camera.height))


def _nothing(free: Freedom, chosen: Tensor) -> None:
    for name in (*LEARNT, "solved"):
        getattr(free, name)[chosen] = 0.0


def _painted_mouth(free: Freedom, facts: _Facts) -> None:
    """Painted teeth, tongue and throat are right as they are: few clips show them, and what shimmers through the lips would teach them specks.
    They take the photo's colours alone, as far as it shows them."""
    mouth = _chosen(facts.on("cavity", "upper_teeth", "lower_teeth", "tongue") & ~facts.seeds.outside)
    _nothing(free, mouth)
    free.solved[mouth] = 1.0


def _back_of_bust(free: Freedom, facts: _Facts) -> None:
    """Clips show little more of the bust's back than their own lower edge, and no pixel of the photo hangs there."""
    _nothing(free, _chosen(facts.on("body") & facts.turned_away() & ~facts.seen))


def _right_already(free: Freedom, facts: _Facts) -> None:
    """What was seeded as it has to be stays so."""
    _nothing(free, _chosen(facts.seeds.fixed))


def _own_teeth(free: Freedom, facts: _Facts) -> None:
    """The portrait's own teeth keep their place, and get as sharp as it shows them."""
    free.solved[_chosen(facts.on("upper_teeth", "lower_teeth") & facts.seen & ~facts.seeds.fixed)] = 1.0


def _cheek_sides(free: Freedom, facts: _Facts) -> None:
    """The sides of the cheeks keep their place, and take a little of the shade that the photo shows of them from their edge."""
    free.solved[_chosen(facts.on("face", "shell", "body") & facts.seeds.fixed & facts.seeds.held)] = 1.0


def _beyond_outline(free: Freedom, facts: _Facts) -> None:
    """Strands and lines beside the mesh are in no re-rendered clip."""
    free.clips[_chosen(facts.seeds.outside)] = 0.0


def _from_the_edge(free: Freedom, facts: _Facts) -> None:
    """What the photo shows from its edge, translucent or in the line between lips is seen openly as soon as the head turns or lips part."""
    edge = _chosen(facts.seeds.held)
    free.open[edge], free.play[edge] = 0.0, EDGE_PLAY


def _under_lids(free: Freedom, facts: _Facts) -> None:
    """Lids are thin: what stands out from an eyeball would come out below them when it turns."""
    _stay_down(free, facts, facts.on("eye_right", "eye_left"))


def _along_crown(free: Freedom, facts: _Facts) -> None:
    """The crown, along which the photo looks, would grow a crest of the outline's soft edge."""
    _stay_down(free, facts, facts.on("shell") & ~facts.seen & ~facts.seeds.outside)


def _stay_down(free: Freedom, facts: _Facts, chosen: np.ndarray) -> None:
    rows = _chosen(chosen)
    free.quats[rows], free.surface[rows] = 0.0, torch.from_numpy(facts.seeds.normal[chosen].astype(np.float32))


def _chosen(mask: np.ndarray) -> Tensor:
    return torch.from_numpy(np.flatnonzero(mask))


# In order: a later rule may give back what an earlier one took.
RULES = (
    _painted_mouth,
    _back_of_bust,
    _right_already,
    _own_teeth,
    _cheek_sides,
    _beyond_outline,
    _from_the_edge,
    _under_lids,
    _along_crown,
)


def freedom(seeds: Seeds, rig: Rig, texture: Texture, log_scales: Tensor, opacities: Tensor) -> Freedom:
    """Of all of an avatar's Gaussians before training, of which those of the portrait's surface come first and sliders' extras after them.

    log_scales: (N, 3); opacities: (N,), 0 for the extras.
    """
    free, facts = Freedom.full(log_scales, opacities), _Facts(seeds, rig, texture)
    for rule in RULES:
        rule(free, facts)
    return free
