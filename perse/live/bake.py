"""An avatar as a live file: fewer Gaussians, small numbers, and what a player must know that is no Gaussian."""

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import torch

from ..apart import apart
from ..attributes.own_words import described_of
from ..avatar.avatar import Avatar
from ..avatar.headroom import tops
from ..avatar.latent_space import AxisBasis
from ..controls import Controls
from ..errors import PerseError
from ..gpu import ON_ZERO
from ..render import synthetic
from ..rig.expressions import NAMES
from . import describe
from .container import Array, LiveFile
from .effects import add_effects, lid_rows
from .merge import merged
from .reader import assemble
from .refine import refine

FORMAT = "perse-live"
BUDGETS = (20_000, 130_000)  # Gaussians of a picture
USUAL = 60_000
# Share of a budget that goes to what is seen at rest; the rest is room for what a look wears, which is one hat and one haircut at a time.
AT_REST = 0.8
# Gaussians that edits bring, all of them together: a share of the budget, and never fewer than curls and the rims of glasses need. At the
# usual budget a first picture stays within 1.5 MB.
BROUGHT, FEWEST_BROUGHT = 0.75, 45_000
BASE = 1  # the section that is a picture by itself; each category has one of its own after it
# Finest steps of what an axis at its end adds. Those of colour are one grey level, those of opacity and size what is not seen in a sheet of
# all styles; finer ones keep the fit's noise, which is half of the file.
STEPS = {"color": 1 / 255, "opacity": 0.02, "log_scale": 0.03}
MOVE_STEP = 5e-5  # eye distances; a hundred of them are half a pixel of a picture of 512


def bake(avatar: Avatar, budget: int = USUAL, look: Controls = Controls()) -> bytes:
    """The live file of an avatar.

    Args:
        budget: Gaussians of a picture in a usual look; more are stored, as no look wears everything. `bench` tells both, and how near
            pictures come to the avatar's own.
        look: what a player shows first.

    Raises:
        PerseError: for a budget outside BUDGETS.
    """
    if not BUDGETS[0] <= budget <= BUDGETS[1]:
        raise PerseError(f"A live avatar has {BUDGETS[0]:,} to {BUDGETS[1]:,} Gaussians, not {budget:,}.")
    if ON_ZERO:  # the app's own process never learns, and this does (`refine`)
        return next(apart(_baked_there, avatar, budget, look))
    return _baked(avatar, budget, look)


def _baked_there(avatar: Avatar, budget: int, look: Controls) -> Iterator[bytes]:
    yield _baked(avatar, budget, look)


def _baked(avatar: Avatar, budget: int, look: Controls) -> bytes:
    # Others may be drawing it where it is.
    whole = avatar if avatar.device.type == "cpu" else deepcopy(avatar).place("cpu")
    small = merged(whole, round(AT_REST * budget), max(round(BROUGHT * budget), FEWEST_BROUGHT))
    tops(whole)
    small.tops = dict(whole.tops)  # framed alike, by what the whole avatar's Gaussians reach
    if small is not whole:
        refine(small, whole)
    return live_file(small, look).encode()


def live_file(avatar: Avatar, look: Controls = Controls()) -> LiveFile:
    """The same with every Gaussian that an avatar has, before it is packed."""
    avatar.state(look)  # a look that this avatar cannot have is told in a sentence
    order = torch.argsort(avatar.binding.face, stable=True)
    live = LiveFile(
        {
            "format": FORMAT,
            "synthetic": synthetic.sentence("3D head"),
            "DigitalSourceType": synthetic.SOURCE_TYPE,
            "gaussians": len(avatar),
            "vertices": len(avatar.rig.vertices),
            "triangles": len(avatar.rig.faces),
            "look": {name: value for name, value in vars(look).items() if value != getattr(Controls(), name)},
            **describe.rig(avatar),
        }
    )
    _mesh(live, avatar)
    _splats(live, avatar, order)
    live.head["parts_of_space"] = _space(live, avatar, order)
    live.head["described"] = [vars(d) for d in described_of(avatar.space.categories.values())]
    # What follows is made from the file as it will be read: a player and the reader begin with the same numbers.
    read = assemble(live)
    live.head |= describe.catalogue(read, avatar.report.build.get("limits", {}))
    _neutral(live, read)
    rows = add_effects(live, BASE, read)
    for name, section in _sections(read).items():
        if (mixed := lid_rows(read, name, rows)) is not None:
            live.about_zero(section, f"{name}.lids", mixed.transpose(0, 2, 1), finest=STEPS["color"])
    return live


def _mesh(live: LiveFile, avatar: Avatar) -> None:
    rig = avatar.rig
    live.spread(BASE, "mesh.vertices", rig.vertices.T, "u16")
    live.whole(BASE, "mesh.faces", rig.faces.T, "u16")
    live.whole(BASE, "mesh.vertex_part", rig.vertex_part, "u8")
    live.whole(BASE, "mesh.face_part", rig.face_part, "u8")
    live.spread(BASE, "mesh.jaw", rig.jaw, "u16")
    live.spread(BASE, "mesh.head", rig.head, "u16")
    for name, moves in zip(NAMES, rig.blendshapes):
        _move(live, BASE, f"shape.{name}", np.arange(len(moves)), moves[None])


def _splats(live: LiveFile, avatar: Avatar, order: torch.Tensor) -> None:
    face, bary, offset, quats, log_scales, colors, opacities = (
        x.detach()[order].numpy()
        for x in (avatar.binding.face, avatar.binding.bary, avatar.offset, avatar.quats, avatar.log_scales, avatar.colors, avatar.opacities)
    )
    live.whole(BASE, "splat.on_triangle", np.bincount(face, minlength=len(avatar.rig.faces)), "u16")
    live.spread(BASE, "splat.bary", bary[:, :2].T, "u8")
    # What rounding does to the place on the triangle is made up for beside it.
    inside = live.arrays["splat.bary"].values.T
    rounded = np.concatenate([inside, 1 - inside.sum(1, keepdims=True)], 1)
    offset = offset + avatar.rig.points_on(face, bary) - avatar.rig.points_on(face, rounded)
    live.about_zero(BASE, "splat.offset", offset.T, "i16", finest=1e-4)
    quats = quats / np.linalg.norm(quats, axis=1, keepdims=True) * np.where(quats[:, :1] < 0, -1, 1)
    live.about_zero(BASE, "splat.quats", quats.T, "i8")
    live.spread(BASE, "splat.log_scales", log_scales.T, "u8")
    live.whole(BASE, "splat.colors", np.round(colors.clip(0, 1) * 255).T, "u8")
    # Nothing that is there at rest becomes one of those that an edit brings.
    live.whole(BASE, "splat.opacities", np.maximum(np.round(opacities * 255), opacities > 0), "u8")
    for name in ("splat.colors", "splat.opacities"):
        live.arrays[name] = type(live.arrays[name])(BASE, live.arrays[name].stored, 0.0, 1 / 255)


def _sections(avatar: Avatar) -> dict[str, int]:
    """Section of every axis and middle: one for each category, in the catalogue's order."""
    out: dict[str, int] = {}
    for number, category in enumerate(avatar.space.categories.values(), BASE + 1):
        names = [axis.name for axis in category.axes if axis.name in avatar.space.axes]
        out |= dict.fromkeys(names, number) | {m: number for m in avatar.space.middles if avatar.space.between(m)[0] in names}
    return out


def _space(live: LiveFile, avatar: Avatar, order: torch.Tensor) -> list[dict]:
    """Store all bases; returns what a reader must know of each."""
    where, among = torch.empty_like(order), torch.empty_like(order)
    where[order] = torch.arange(len(order))
    homes: dict[bytes, int] = {}
    out = []
    for name, section in _sections(avatar).items():
        basis = avatar.space.part(name)
        part: dict = {"name": name, "section": section, "terms": basis.terms, "paints": basis.paints, "rows": None}
        if name in avatar.space.dyes:
            part["dyes"] = True
        mask = torch.zeros(len(avatar), dtype=torch.bool)
        mask[where[basis.gaussians]] = True
        among[where[basis.gaussians]] = torch.arange(len(basis.gaussians))
        place = among[mask]  # of its Gaussians, as they lie in the file
        painted = {kind: _painted(basis, kind)[:, place.numpy()] for kind in STEPS} if basis.paints else {}
        painted = {kind: values for kind, values in painted.items() if np.abs(values).max(initial=0) > STEPS[kind] / 2}
        if painted:
            packed = np.packbits(mask.numpy(), bitorder="little")
            key = packed.tobytes()
            if key not in homes:
                homes[key] = len(homes)
                live.whole(section, f"rows.{homes[key]}", packed, "u8")
            part["rows"] = homes[key]
        for kind, values in painted.items():
            live.about_zero(section, f"{name}.{kind}", values.transpose(0, 2, 1) if kind == "color" else values, finest=STEPS[kind])
        if painted and name in avatar.space.bares:
            taken = basis.hair_taken_off()[place].numpy()
            live.arrays[f"{name}.takes_off"] = Array(section, np.round(255 * taken.clip(0, 1)).astype(np.uint8), 0.0, 1 / 255)
        if len(basis.vertices):
            _move(live, section, f"{name}.move", basis.vertices.numpy(), basis.shape.detach().numpy(), len(avatar.rig.vertices))
        if basis.terms == 2 and name in avatar.space.axes:
            part["pace"] = [round(x, 5) for x in basis.pace.tolist()]
        out.append(part)
    return out


def _painted(basis: AxisBasis, kind: str) -> np.ndarray:
    """What a basis adds, its weight in it."""
    values = getattr(basis, kind).detach()
    return (values * basis.weight.reshape(1, -1, *[1] * (values.dim() - 2))).numpy()


def _move(live: LiveFile, section: int, name: str, which: np.ndarray, moves: np.ndarray, count: int | None = None) -> None:
    """Store displacements (terms, m, 3) of vertices (m,), of those alone that are seen to move."""
    seen = np.abs(moves).max((0, 2)) > MOVE_STEP / 2
    mask = np.zeros(len(which) if count is None else count, bool)
    mask[which[seen]] = True
    order = np.argsort(which[seen])
    live.whole(section, f"{name}.which", np.packbits(mask, bitorder="little"), "u8")
    live.about_zero(section, name, moves[:, seen][:, order].transpose(0, 2, 1), "i16", finest=MOVE_STEP)


def _neutral(live: LiveFile, avatar: Avatar) -> None:
    """What closes an open mouth, lets go of a smile and opens closed eyes, as displacements of the mesh."""
    neutral = avatar.rig.neutral
    parts = {"mouth": neutral.mouth, "serious": neutral.serious, **{f"eye_{side}": move for side, move in neutral.eyes.items()}}
    live.head["neutral"] = [name for name, move in parts.items() if move.any()]
    for name in live.head["neutral"]:
        moves = avatar.poser.spread(torch.from_numpy(parts[name].astype(np.float32))).numpy()
        _move(live, BASE, f"neutral.{name}", np.arange(len(moves)), moves[None])
