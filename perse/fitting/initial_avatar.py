"""Where a fit begins: Gaussians seeded from the portrait, extras that rest invisible, and every slider's bases started from its edit."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ..attributes.edit_vocabulary import Axis, Category
from ..avatar.avatar import Avatar
from ..avatar.binding import Binding
from ..avatar.latent_space import AxisBasis, LatentSpace
from ..avatar.seeds.freedom import Freedom, freedom
from ..avatar.seeds.from_photo import seed_gaussians
from ..avatar.seeds.seed import Seeds
from ..edits.edit import Edit, Patch, read
from ..edits.workshop import Workshop
from ..portrait import Portrait
from ..rig.rig import Rig
from ..side_by_side import SideBySide
from ..texture.atlas import ATLAS, Texture, sample
from .even_sliders import typical_pace
from .fresh_skin import CROPPED, SURELY, Bared, bared_skin, fresh_skin
from .overlays import frame_quats, overlay_gaussians

LEAST_WEIGHT = 0.02  # of a region, below which a Gaussian is no part of it
GAIN = 3  # on a region's weight: its Gaussians follow an edit wholly from a third on
LEAST_DIVISOR = 0.2  # what a change is divided by at least where the basis will be multiplied by a smaller weight
LEAST_CHANGE = 0.02  # of opacity, which is worth a row
LEAST_MOVE = 1e-4  # eye distances: a vertex that moves less has no basis
UNLIKE_ENDS = 0.35  # of the size of their difference: how large the sum of two ends is that are no mirror images
BESIDE = 51  # texels, the size of the square in which hair makes what is beyond the outline hair
SOLID = 0.95  # least opacity of hair that an edit draws in


@dataclass
class Paint:
    """What an axis paints over: Gaussians (n,), the share of their own colours that it hides (n,), and those colours when it was mixed (n, 3)."""

    rows: Tensor
    share: Tensor
    before: Tensor


@dataclass
class Beginning:
    """An avatar before training, what its Gaussians may learn, and by axis what it paints over."""

    avatar: Avatar
    freedom: Freedom
    paints: dict[str, Paint]


@dataclass
class _Plan:
    """An axis on the way to its basis: edits by sign; its extras among all Gaussians (M,), their colours (M, 3), and their opacity as
    the amount goes to 1, its linear and its quadratic part (2, M)."""

    axis: Axis
    edits: dict[int, Edit]
    extras: np.ndarray
    color: np.ndarray
    rise: np.ndarray


def begin(
    portrait: Portrait,
    rig: Rig,
    texture: Texture,
    categories: list[Category],
    count: int,
    seed: int = 0,
    middles: Sequence[tuple[str, ...]] = (),
) -> Beginning:
    """Seed the portrait's Gaussians and start every axis from its edit.

    Args:
        count: Gaussians wanted on what the portrait shows.
        middles: pairs of axes between which faces will be taught.
    """
    workshop = Workshop.shared(rig, texture, seed)
    seeds = seed_gaussians(portrait, rig, texture, count, seed)
    parts = [
        dict(
            face=seeds.face,
            bary=seeds.bary,
            offset=seeds.offset,
            scales=seeds.scales,
            color=seeds.color,
            opacity=seeds.opacity,
            quats=frame_quats(seeds.tangent, seeds.normal),
        )
    ]
    plans, extras = _plans(workshop, categories, len(seeds.face))
    parts += extras
    skin = fresh_skin(workshop, (edit for plan in plans for edit in plan.edits.values()))
    if skin is not None:
        skin["rows"] = sum(len(part["face"]) for part in parts) + np.arange(len(skin["face"]))
        parts.append(skin)

    def joined(name):
        return torch.from_numpy(np.concatenate([p[name] for p in parts])).float()

    binding = Binding(torch.from_numpy(np.concatenate([p["face"] for p in parts])).long(), joined("bary"))
    gaussians = dict(
        offset=joined("offset"),
        quats=joined("quats"),
        log_scales=joined("scales").clamp_min(1e-5).log(),
        colors=joined("color").clamp(0, 1),
        opacities=joined("opacity"),
    )
    space, paints = LatentSpace(categories, len(binding.face), len(rig.vertices)), {}
    with SideBySide() as together:
        for plan, (basis, paint) in zip(plans, together.each(lambda plan: _basis(plan, plans, workshop, seeds, skin), plans)):
            space.add(plan.axis.name, basis)
            if paint is not None:
                paints[plan.axis.name] = paint
    known = {axis.name: axis for category in categories for axis in category.axes}
    for first, second in middles:
        pair = [known[name] for name in (first, second) if name in space.axes]
        if len(pair) == 2 and any(space.axes[axis.name].opacity.any() for axis in pair) and any(map(space.bends, pair)):
            space.add_middle(first, second)
    free = freedom(seeds, rig, texture, gaussians["log_scales"], gaussians["opacities"])
    return Beginning(Avatar(rig, binding, gaussians, space), free, paints)


def _plans(workshop: Workshop, categories: list[Category], count: int) -> tuple[list[_Plan], list[dict[str, np.ndarray]]]:
    """All axes' plans, and the extras that they need, numbered from `count` on."""
    plans, parts = [], []
    for axis in (axis for category in categories for axis in category.axes):
        edits = {sign: workshop.edit(axis, sign) for sign in ((1, -1) if axis.low < 0 else (1,))}
        plan = _Plan(axis, edits, np.zeros(0, int), np.zeros((0, 3)), np.zeros((2, 0)))
        if (overlay := edits[1].overlay) is not None:
            part = overlay_gaussians(overlay, workshop.rig)
            part["opacity"] = np.zeros(len(part["face"]))
            parts.append(part)
            plan.extras, plan.color = count + np.arange(len(part["face"])), part["color"]
            plan.rise = np.stack(overlay.opacity(part["vertex"], edits[1].opacity))
            count += len(plan.extras)
        plans.append(plan)
    return plans, parts


def _tinted(plan: _Plan, plans: list[_Plan]) -> list[tuple[_Plan, str]]:
    """Axes whose strands and objects this one tints, and of which kind those are."""
    return [
        (other, kind)
        for kind in plan.edits[1].tints
        for other in plans
        if other.edits[1].overlay is not None and other.edits[1].overlay.kind == kind
    ]


def _basis(
    plan: _Plan, plans: list[_Plan], workshop: Workshop, seeds: Seeds, skin: dict[str, np.ndarray] | None
) -> tuple[AxisBasis, Paint | None]:
    """What an axis changes, as its edits have it at both ends; and what it paints over. skin: that edits bring where they take hair off."""
    rig, texture, edits = workshop.rig, workshop.texture, plan.edits
    uv = seeds.uv[None] * ATLAS
    weight = sample(workshop.owned(plan.axis), uv)[0]
    index = np.flatnonzero(weight > LEAST_WEIGHT)
    if edits[1].overlay is not None and edits[1].change(texture) is None:
        # Under what lies on top of them Gaussians that keep colour and opacity would learn nothing.
        index = index[np.abs(_drawn_in(edits[1], seeds, index)) > LEAST_CHANGE]
    moved = np.zeros(len(rig.vertices), bool)
    for edit in edits.values():
        if edit.shape is not None:
            moved |= np.linalg.norm(edit.shape, axis=1) > LEAST_MOVE
    vertices = np.flatnonzero(moved)
    tinted = _tinted(plan, plans)
    rows = np.concatenate([index, plan.extras, *(other.extras for other, _ in tinted)])
    here, own, strange = len(index), len(index) + len(plan.extras), len(rows)
    bared = bared_skin(edits[1], skin, texture)
    if bared is not None:
        rows = np.concatenate([rows, bared.rows])
    weights = np.concatenate([np.clip(weight[index] * GAIN, 0, 1), np.ones(len(rows) - here)])
    ends, paint, halves = {}, None, None
    for sign, edit in edits.items():
        color, opacity = np.zeros((len(rows), 3), np.float32), np.zeros(len(rows), np.float32)
        divisor = np.maximum(weights[:here], LEAST_DIVISOR)
        delta = edit.color_at(texture, uv[0, index])
        if delta is not None:
            # The basis is multiplied by the region's weight, which the edit has already in it.
            color[:here] = delta / divisor[:, None]
        if edit.cover is not None:
            # Paint that hides what was there: relative to the Gaussians' own colours, now and after the person is fitted.
            share = sample(edit.cover, uv[:, index])[0] / divisor
            color[:here] += share[:, None] * (sample(texture.color, uv[:, index])[0] - seeds.color[index])
            paint = Paint(*(torch.from_numpy(x) for x in (index, np.float32(share), np.float32(seeds.color[index]))))
        if tinted:
            color[own:strange] = np.concatenate([edit.tints[kind](other.color) for other, kind in tinted])
        opacity[:here] = _drawn_in(edit, seeds, index)
        if bared is not None and edit.fresh is not None:
            # Strands go, whatever they have become until then, and skin comes.
            opacity[:here] -= SURELY * sample(edit.fresh, uv[:, index])[0]
            color[strange:], opacity[strange:] = bared.color, bared.opacity
        if edit.halfway is not None:
            halves = _halves(edit.halfway, color, opacity, bared, uv[0, index], divisor)
        opacity[here:own] = plan.rise.sum(0)
        shape = np.zeros((len(vertices), 3)) if edit.shape is None else edit.shape[vertices]
        ends[sign] = [torch.from_numpy(np.asarray(x, np.float32)) for x in (color, opacity, shape)]
    paints = any(e.change(texture) is not None or e.overlay is not None or e.solid is not None or e.tints for e in edits.values())
    quadratic = len(plan.extras) > 0 or halves is not None or _ends_differ(*(end[0] for end in ends.values()))
    basis = AxisBasis(
        torch.from_numpy(rows),
        torch.from_numpy(weights),
        torch.from_numpy(vertices),
        2 if quadratic else 1,
        paints,
        1 if np.all(edits[1].early == 1) else 2,
    )
    if len(plan.extras):
        basis.pace.copy_(typical_pace())
    for k, name in enumerate(("color", "opacity", "shape")):
        minus = ends[-1][k] if -1 in ends else None
        if halves is not None and name in halves:
            # The parabola through nothing, this and the end, carried on to the other side.
            minus = 3 * ends[1][k] - 8 * torch.from_numpy(halves[name])
        elif minus is None and name == "opacity":
            minus = -ends[1][k]
            minus[here:own] = torch.from_numpy(plan.rise[1] - plan.rise[0]).float()
        elif minus is None and name == "shape":
            early = np.broadcast_to(edits[1].early, (len(rig.vertices), 1))[vertices]
            minus = torch.from_numpy(np.float32(1 - 2 * early)) * ends[1][k]
        basis.start(ends[1][k], minus, name)
    return basis, paint


def _halves(
    halfway: Patch, color: np.ndarray, opacity: np.ndarray, bared: Bared | None, at: np.ndarray, divisor: np.ndarray
) -> dict[str, np.ndarray]:
    """Colour (R, 3) and opacity (R,) half way to these of an edit that adds a patch there. at (n, 2), divisor (n,): of the first n rows,
    which are the portrait's own; the last are the skin that is bared."""
    halves = {"color": 0.5 * color, "opacity": 0.5 * opacity}
    halves["color"][: len(at)] += read(halfway, at) / divisor[:, None]
    if bared is not None:
        halves["opacity"] = np.float32(CROPPED) * opacity
        halves["color"][len(color) - len(bared.rows) :] = bared.halfway
    return halves


def _drawn_in(edit: Edit, seeds: Seeds, index: np.ndarray) -> np.ndarray:
    """Change of opacity (n,) of these Gaussians (n,) where hair is drawn in: its soft edge becomes a firm surface and what lies beyond the
    outline goes."""
    if edit.solid is None:
        return np.zeros(len(index))
    at, outside = seeds.uv[None, index] * ATLAS, seeds.outside[index]
    # What is beyond the outline hangs on the nearest triangle, be it skin beside the hair.
    beside = sample(cv2.dilate(edit.solid, np.ones((BESIDE, BESIDE))), at)[0]
    firm = np.where(outside, 0.0, np.maximum(seeds.opacity[index], SOLID))
    return (firm - seeds.opacity[index]) * np.where(outside, beside, sample(edit.solid, at)[0])


def _ends_differ(plus: Tensor, minus: Tensor | None = None) -> bool:
    """Whether the ends of a two-sided axis are far from mirror images. If they are not, a quadratic term would learn nothing
    but what the clips lack against the photo: a slider that softens at both of its ends."""
    return minus is not None and float((plus + minus).norm()) > UNLIKE_ENDS * float((plus - minus).norm())
