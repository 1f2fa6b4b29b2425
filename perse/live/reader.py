"""A live file as an avatar again: what a player draws, posed and coloured by the server's own code. It is what players are measured against."""

import math
import zlib
from pathlib import Path

import numpy as np
import torch

from ..attributes.catalogue import reduced_to
from ..attributes.own_words import MAX_STYLES, MAX_WORDS, Described, extend
from ..avatar.avatar import Avatar
from ..avatar.binding import Binding
from ..avatar.file_rules import MAX_AXES, MAX_GAUSSIANS, TOPOLOGIES, check_camera, check_topology, require
from ..avatar.headroom import REST
from ..avatar.latent_space import BETWEEN, KNOTS, AxisBasis, LatentSpace
from ..errors import PerseError, shown
from ..render.camera import Camera
from ..rig.expressions import NAMES
from ..rig.rig import Rig
from .container import LiveFile, decode

DAMAGED = "This live avatar is damaged: please save or download it again."


def read_live(path: str | Path) -> Avatar:
    """Read a live file, on the CPU. The file may come from anybody.

    Raises:
        PerseError: one sentence for a file that is missing, foreign, damaged or from a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise PerseError(f"There is no live avatar {shown(path.name)}.")
    try:
        return assemble(decode(path.read_bytes()))
    except PerseError:
        raise
    except (OSError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError, zlib.error):
        raise PerseError(DAMAGED) from None


def assemble(live: LiveFile) -> Avatar:
    """The avatar that a live file holds, without its photo. ValueError, LookupError or TypeError for what no bake writes."""
    rig = _rig(live)
    binding, gaussians = _gaussians(live, len(rig.faces))
    avatar = Avatar(rig, binding, gaussians, _space(live, len(binding), len(rig.vertices))).requires_grad_(False)
    # As players have it: axes that are not named end no higher than the head, and of earlier files none does.
    room = live.head.get("headroom", {"rest": 0.0, "tops": {}})
    highest = {name: float(room["tops"].get(name, room["rest"])) for name in avatar.space.axes} | {REST: float(room["rest"])}
    require(all(abs(y) <= 2 for y in highest.values()))
    avatar.tops = highest
    return avatar


def _rig(live: LiveFile) -> Rig:
    v, f = _counts(live, "vertices"), _counts(live, "triangles")
    require((v, f) in TOPOLOGIES)
    mesh = {name: _whole(live, f"mesh.{name}", *shape) for name, shape in {"faces": (3, f), "vertex_part": (v,), "face_part": (f,)}.items()}
    require(int(mesh["faces"].max()) < v)
    faces = mesh["faces"].T.astype(np.int64)
    check_topology(faces, mesh["vertex_part"], mesh["face_part"])
    require(live.head["shapes"] == NAMES)
    view = live.head["camera"]
    viewmat, lens, size = (np.array(view[name], np.float64) for name in ("viewmat", "lens", "size"))
    require(viewmat.shape == (4, 4) and lens.shape == (4,) and size.shape == () and 16 <= float(size) <= 2048 and float(size).is_integer())
    K = np.array([[lens[0], 0, lens[2]], [0, lens[1], lens[3]], [0, 0, 1]])
    require(bool(np.isfinite(viewmat).all() and np.isfinite(K).all()))
    check_camera(torch.from_numpy(viewmat), torch.from_numpy(K), int(size))
    centres, iris = np.array(live.head["eye_centres"], np.float32), np.array(live.head["iris"], np.float32)
    require(centres.shape == (2, 3) and iris.shape == (2,) and bool(np.abs(centres).max() <= 2) and bool(np.abs(iris).max() <= 2))
    shapes = np.stack([_moved(live, f"shape.{name}", v)[0] for name in NAMES])
    places = _values(live, "mesh.vertices", 3, v).T
    require(bool(np.abs(places).max() <= 8))
    return Rig(
        np.ascontiguousarray(places),
        faces,
        np.zeros((f, 3, 2), np.float32),
        mesh["vertex_part"].astype(np.int64),
        mesh["face_part"].astype(np.int64),
        shapes,
        _values(live, "mesh.jaw", v),
        _values(live, "mesh.head", v),
        centres,
        iris,
        Camera(viewmat, K, int(size), int(size)),
    )


def _gaussians(live: LiveFile, triangles: int) -> tuple[Binding, dict[str, torch.Tensor]]:
    n = _counts(live, "gaussians")
    require(0 < n <= MAX_GAUSSIANS)
    each = _whole(live, "splat.on_triangle", triangles).astype(np.int64)
    require(int(each.sum()) == n)
    inside = _values(live, "splat.bary", 2, n).T
    require(bool((np.abs(inside) <= 2).all()))
    bary = np.concatenate([inside, 1 - inside.sum(1, keepdims=True)], 1)
    quats = _values(live, "splat.quats", 4, n).T
    require(bool((np.linalg.norm(quats, axis=1) > 0.2).all()))
    log_scales = _values(live, "splat.log_scales", 3, n).T
    require(bool((log_scales <= 0).all()))
    gaussians = {
        "offset": _values(live, "splat.offset", 3, n).T,
        "quats": quats,
        "log_scales": log_scales,
        "colors": _values(live, "splat.colors", 3, n).T,
        "opacities": _values(live, "splat.opacities", n).clip(0, 0.99),
    }
    require(bool((np.abs(gaussians["offset"]) <= 8).all()) and bool(((gaussians["colors"] >= 0) & (gaussians["colors"] <= 1.001)).all()))
    face = torch.from_numpy(np.repeat(np.arange(triangles), each))
    return Binding(face, torch.from_numpy(np.ascontiguousarray(bary))), {
        k: torch.from_numpy(np.ascontiguousarray(x)) for k, x in gaussians.items()
    }


def _space(live: LiveFile, n: int, v: int) -> LatentSpace:
    parts, described = live.head["parts_of_space"], live.head["described"]
    require(isinstance(parts, list) and len(parts) <= 2 * MAX_AXES and isinstance(described, list) and len(described) <= MAX_STYLES)
    axes = [part["name"] for part in parts if BETWEEN not in part["name"]]
    require(len({part["name"] for part in parts}) == len(parts) and all(isinstance(part["name"], str) for part in parts))
    own = [Described(*(d[k] for k in ("category", "text", "name"))) for d in described]
    require(all(isinstance(x, str) and len(x) <= MAX_WORDS for d in own for x in (d.category, d.text, d.name)))
    space = LatentSpace(extend(reduced_to(axes), [d for d in own if d.axis in axes]), n, v)
    for part in parts:
        basis = _basis(live, part, n, v)
        if BETWEEN in part["name"]:
            require(set(part["name"].split(BETWEEN)) <= set(axes))
            space.middles[part["name"]] = basis
        else:
            space.add(part["name"], basis)
            if part["name"] in space.bares:
                basis.takes_off = _taken_off(live, part["name"], len(basis.gaussians))
    return space


def _basis(live: LiveFile, part: dict, n: int, v: int) -> AxisBasis:
    name, terms = part["name"], part["terms"]
    require(terms in (1, 2))
    rows = np.flatnonzero(_mask(live, f"rows.{part['rows']}", n)) if part["rows"] is not None else np.zeros(0, np.int64)
    moved, vertices = _moved(live, f"{name}.move", v, whole=False) if f"{name}.move" in live.arrays else (np.zeros((1, 0, 3)), np.zeros(0))
    basis = AxisBasis(
        torch.from_numpy(rows), torch.ones(len(rows)), torch.from_numpy(vertices), terms, bool(part["paints"]), len(moved)
    ).requires_grad_(False)
    basis.shape[:] = torch.from_numpy(moved)
    if "pace" in part:
        pace = np.array(part["pace"], np.float32)
        require(pace.shape == (KNOTS,) and bool((pace >= 0).all()) and bool((pace <= 1).all()))
        basis.pace = torch.from_numpy(pace)
    for kind, shape in {"color": (terms, 3, len(rows)), "opacity": (terms, len(rows)), "log_scale": (terms, len(rows))}.items():
        if f"{name}.{kind}" in live.arrays:
            values = torch.from_numpy(_values(live, f"{name}.{kind}", *shape))
            require(bool((values.abs() <= 100).all()))
            getattr(basis, kind)[:] = values.transpose(1, 2) if kind == "color" else values
    return basis


def _taken_off(live: LiveFile, name: str, n: int) -> torch.Tensor:
    """(n,) of an axis' Gaussians, as of `AxisBasis.hair_taken_off`; earlier files do not tell, and there dyes stay."""
    stored = f"{name}.takes_off" in live.arrays
    return torch.from_numpy(_values(live, f"{name}.takes_off", n).clip(0, 1)) if stored else torch.zeros(n)


def _moved(live: LiveFile, name: str, v: int, whole: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Displacements of vertices: (V, 3) of all of them if `whole`, else (terms, m, 3); and which vertices (m,) move."""
    which = np.flatnonzero(_mask(live, f"{name}.which", v))
    terms = live.arrays[name].stored.shape[0] if live.arrays[name].stored.ndim == 3 else 0
    require(terms in (1, 2))
    moves = _values(live, name, terms, 3, len(which)).transpose(0, 2, 1)
    require(bool((np.abs(moves) <= 8).all()))
    if not whole:
        return moves, which
    out = np.zeros((v, 3), np.float32)
    out[which] = moves[0]
    return out, which


def _mask(live: LiveFile, name: str, count: int) -> np.ndarray:
    """(count,) bool."""
    return np.unpackbits(_whole(live, name, math.ceil(count / 8)), count=count, bitorder="little").astype(bool)


def _whole(live: LiveFile, name: str, *shape: int) -> np.ndarray:
    stored = live.arrays[name].stored
    require(stored.shape == shape)
    return stored


def _values(live: LiveFile, name: str, *shape: int) -> np.ndarray:
    require(live.arrays[name].stored.shape == shape)
    return live.arrays[name].values


def _counts(live: LiveFile, name: str) -> int:
    count = live.head[name]
    require(isinstance(count, int) and not isinstance(count, bool) and count >= 0)
    return count
