"""Light in the mouth: what lies behind the lips is in their shade, the deeper the less they are open; and a driving clip tells what
its mouth shows, teeth or the dark."""

import numpy as np
import torch
from torch import Tensor

from ...controls import BANDS
from ...face.landmarks import LIPS, MOUTH_CORNERS
from ...face.measures import mouth_width
from ...rig.eyes import CAP
from ...rig.mouth import ARCH_WIDTH, cheeks_shade
from ...rig.skeleton import MOUTH_PARTS, PART
from ...smooth_ramps import smooth_step
from ...texture.photo_light import white_light
from .edges import across, height
from .effect import Pose, Rest, is_nothing

SHADE, WIDE = 0.40, 0.13  # light between lips that have just parted; gap over width from which all of it falls in
SHUT = 0.01  # gap over width up to which lips are closed
LIP_SHADE, LIP_DEPTH = 0.30, 0.05  # how much darker it is right under the upper lip; eye distances over which that fades
PALE, FEW = (0.5, 0.35), 20  # spread of the channels over the largest, of gums and of teeth; Gaussians that tell a colour
BRIGHTEST = 1.15  # times a tooth's usual colour
TEETH = 0.3  # logarithm of light to be added from which a gum is a tooth
IN_LIGHT = 0.14  # gap over width, beyond the portrait's own, over which its teeth come out of its lips' shade (.1 to .25)
LIGHTER = 3.0  # times lighter that teeth become at most when they come out of it
IN_MOUTH_LIGHT = 0.84  # of the light on the face, that falls on teeth between parted lips (.75 to .9)
ENAMEL = (1.0, 0.93, 0.88)  # of healthy teeth, against white (Vita shade A1 in sRGB, rounded)
WHITES = (1.15, 1.8)  # radii of the iris between which an eye shows its white, without its rims
IN_MOUTH = 0.3  # eye distances from teeth and throat beyond which what is bound to them is worn on the head
EDGE = len(LIPS["upper_inner"])  # landmarks of a lip's inner edge


class MouthLight:
    """Darkens, or brightens, teeth, tongue and throat.

    Teeth that a portrait shows between its lips stand in their shade. As the mouth opens farther they get the light that lies on the face,
    `lighter` (3,) times what they have, so that a dim gap does not become a mouth full of grey teeth.

    coefficients (n, 2): how much of a gum, 0..1, which becomes a tooth where a driver shows one; how much of a tooth, 1 one that lacks what most do.
    scalars (SCALARS): how much light falls in; how far the teeth have come out of the lips' shade; the mouth's right corner, along it, down;
    the inner edges of both lips along it, and down; and, if a driver tells them, BANDS logarithms of light between the edges.
    """

    SCALARS = (1, 1, 3, 3, 3, 2 * EDGE, 2 * EDGE)

    def __init__(self, rest: Rest, device: torch.device | str = "cpu"):
        rig = rest.rig
        index = np.flatnonzero(np.isin(rest.part, MOUTH_PARTS) & (np.linalg.norm(rest.offset, axis=1) < IN_MOUTH))
        color, part = rest.colors[index], rest.part[index]
        bright = color.max(1)
        pale = smooth_step((bright - color.min(1)) / np.maximum(bright, 0.05), *PALE) * smooth_step(bright, 0.1, 0.2)
        of_teeth = np.isin(part, [PART["upper_teeth"], PART["lower_teeth"]])
        tooth = np.median(color[of_teeth & (pale > 0.5)], 0) if (of_teeth & (pale > 0.5)).sum() > FEW else np.zeros(3)
        gum = of_teeth * (1 - pale) * bool(tooth.any())
        enamel, lighter = of_teeth * pale, np.ones(3)
        if rig.mouth_open and tooth.any():
            lit = _lit_tooth(rest)
            if lit is not None:
                lighter = np.clip(lit / np.maximum(tooth, 0.05), 1, LIGHTER)
                # Each by what it lacks: own teeth may stand before painted ones, and what is bright must not become glaring.
                across = np.abs(rest.points[index, 0] - rig.vertices[list(MOUTH_CORNERS), 0].mean()) / (
                    ARCH_WIDTH * mouth_width(rig.vertices)
                )
                lacks = np.clip(lit.mean() * cheeks_shade(across) / np.maximum(color.mean(1), 0.05), 1, LIGHTER) - 1
                enamel = enamel * lacks / max(lighter.mean() - 1, 1e-3)
        self.index = torch.as_tensor(index, device=device)
        self.coefficients = torch.as_tensor(np.stack([gum, enamel], 1), dtype=torch.float32, device=device)
        self.tooth, self.lighter = (torch.as_tensor(x, dtype=torch.float32, device=device) for x in (tooth, lighter))
        self.most = (BRIGHTEST * self.tooth * self.lighter if tooth.any() else torch.ones(3, device=device)).clamp_max(1)
        self.lips = torch.as_tensor([*LIPS["upper_inner"], *LIPS["lower_inner"]], device=device)
        # An open mouth's own light is in its colours.
        vertices = torch.as_tensor(rig.vertices, dtype=torch.float32, device=device)
        self.gap = _gap(vertices[self.lips])
        self.usual = _falls_in(self.gap) if rig.mouth_open else torch.ones(1, device=device)

    def scalars(self, pose: Pose) -> Tensor | None:
        """See `Effect`."""
        lips = pose.vertices[..., self.lips, :]
        gap = _gap(lips)
        falls_in = (_falls_in(gap) / self.usual).clamp_max(1)
        out = ((gap - self.gap) / IN_LIGHT).clamp(0, 1)
        if pose.mouth_light is None and is_nothing((falls_in != 1) | (out != 0)):
            return None
        upper, lower = lips[..., :EDGE, :], lips[..., EDGE:, :]
        corner, along = upper[..., 0, :], upper[..., -1, :] - upper[..., 0, :]
        along = along / along.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        down = lower.mean(-2) - upper.mean(-2)
        down = torch.nn.functional.normalize(down - (down * along).sum(-1, keepdim=True) * along, dim=-1)
        bands = [] if pose.mouth_light is None else [pose.mouth_light]
        return torch.cat([falls_in, out * out * (3 - 2 * out), corner, along, down, *across(lips, corner, along, down), *bands], -1)

    def recolour(self, colors: Tensor, scalars: Tensor, means: Tensor) -> Tensor:
        """See `Effect`."""
        falls_in, out, corner, along, down, xs, ys, bands = scalars.split((*self.SCALARS, scalars.shape[-1] - sum(self.SCALARS)), -1)
        x, y = across(means.index_select(-2, self.index), corner, along, down)
        top, bottom = height(xs.unflatten(-1, (2, EDGE)), ys.unflatten(-1, (2, EDGE)), x[..., None, :]).unbind(-2)
        gum, enamel = self.coefficients.unbind(-1)
        before = colors.index_select(-2, self.index)
        own = before * (1 + (out * enamel)[..., None] * (self.lighter - 1))
        depth = (y - top).clamp_min(0)
        factor = falls_in[..., None] * (1 - LIP_SHADE * (1 - falls_in[..., None]) * torch.exp(-depth / LIP_DEPTH)[..., None])
        if bands.shape[-1]:
            place = (BANDS * depth / (bottom - top).clamp_min(1e-3) - 0.5).clamp(0, BANDS - 1 - 1e-4)
            first = place.floor().long()
            above, below = (bands.gather(-1, first + k) for k in (0, 1))
            here = (above + (place - first) * (below - above))[..., None]
            # Where a clip shows what is brighter it shows teeth: there a gum is one.
            own = own + gum[:, None] * (here / TEETH).clamp(0, 1) * (self.tooth - own)
            factor = factor * here.exp()
        # No tooth is lighter than this light makes it, whatever shines in a clip.
        return torch.minimum(own * factor, torch.maximum(before, self.most)).clamp_min(0)


def _lit_tooth(rest: Rest) -> np.ndarray | None:
    """(3,): a tooth in the light that lies on the face; None where it has no whites of eyes."""
    rig, skin = rest.rig, (rest.part == PART["face"]) & (rest.opacities > 0)
    white = np.zeros(len(skin), bool)
    for part, centre, iris in zip(("eye_right", "eye_left"), rig.eye_centres, rig.iris):
        on = np.flatnonzero(rest.part == PART[part])
        pole = rig.vertices[rig.vertex_part == PART[part]][0] - centre
        away = rest.points[on] - centre
        cosine = away @ pole / np.maximum(np.linalg.norm(away, axis=1) * np.linalg.norm(pole), 1e-9)
        radius = np.arccos(np.clip(cosine, -1, 1)) / (CAP * iris)
        white[on] = (radius > WHITES[0]) & (radius < WHITES[1])
    if white.sum() < FEW or skin.sum() < FEW:
        return None
    light = white_light(rest.colors[None], skin[None], white[None])
    return IN_MOUTH_LIGHT * np.array(ENAMEL) * light


def _gap(lips: Tensor) -> Tensor:
    """(..., 1): the widest gap between the inner edges of lips (..., 2 EDGE, 3), over the mouth's width."""
    upper, lower = lips[..., :EDGE, :], lips[..., EDGE:, :]
    width = (upper[..., 0, :] - upper[..., -1, :]).norm(dim=-1, keepdim=True)
    return (upper - lower).norm(dim=-1).amax(-1, keepdim=True) / width.clamp_min(1e-6)


def _falls_in(gap: Tensor) -> Tensor:
    """(..., 1): light between lips with this gap (..., 1), SHADE to 1."""
    open_ = ((gap - SHUT) / (WIDE - SHUT)).clamp(0, 1)
    # Nothing shows between closed lips, and all is as it is at rest.
    shut = (1 - gap / SHUT).clamp(0, 1)
    return SHADE + (1 - SHADE) * torch.maximum(shut, open_ * open_ * (3 - 2 * open_))
