"""What an avatar file may hold: names, kinds, shapes and ranges of its tensors, as data, and the rules of its header.

Everything follows from what a build makes, with room above it, and all that can be told from the header is, before there is memory for
a single tensor. Tensors that are not listed are refused; fields of the header that are not are left alone, as a later version may add some.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..attributes.own_words import MAX_STYLES, MAX_WORDS
from ..portrait.portrait import PHOTO_SIDE
from ..rig.expressions import NAMES
from ..rig.skeleton import PARTS
from .latent_space import BETWEEN, KNOTS

LIMIT = 80_000_000  # bytes of a file; builds make 17 to 23 million, of the sharpest photos twice as many
MAX_HEADER = 1_000_000  # bytes; about a hundred thousand are needed
MAX_GAUSSIANS = 400_000  # builds make up to 170,000
MAX_AXES = 256
# Rigs have one of these topologies. By numbers of vertices and triangles: SHA-256 of the triangles' corners, rising (builds differ in how they are
# wound), and of the parts that vertices and triangles belong to.
TOPOLOGIES = {
    (3392, 6418): "045128c94df252162de0dccb3c5eca87828ef8c485bda9fa6cf3bfc86d5a137c",  # before the anatomical head
    (4166, 7876): "7146c481d6bf2e71e39b47a5ba07ee9ad770547d30e4ccf67cb0670bd2dc3d4f",
}
KINDS = {"F32": torch.float32, "F16": torch.float16, "I32": torch.int32, "I8": torch.int8, "U8": torch.uint8}
_NAME = re.compile("[a-z0-9_]{1,130}")
_BUILD = {"synthesizer": str, "device": str, "notes": list, "limits": dict, "interpolated": bool, "lessons": dict} | dict.fromkeys(
    ("budget", "seed", "gaussians", "clips", "frames", "clip_size", "source_steps", "space_steps", "psnr_head"), (int, float)
)
_MAX_TEXT, _MAX_ITEMS, _MAX_DEPTH = 2000, 2000, 8  # of what a report may hold


@dataclass(frozen=True)
class Rule:
    """Of one tensor: its kind, its shape in numbers and symbols, and the least and greatest number that it may hold.

    Symbols: V vertices, F triangles, N Gaussians, B bytes; of an axis: n Gaussians and m vertices that it changes, t terms and s of its
    shape. A symbol's name stands for a number too: 'V' as `high` means below V.
    """

    kind: str
    shape: tuple[int | str, ...]
    low: float
    high: float | str


RULES = {
    "rig.vertices": Rule("F32", ("V", 3), -8, 8),
    "rig.faces": Rule("I32", ("F", 3), 0, "V"),
    "rig.vertex_part": Rule("U8", ("V",), 0, len(PARTS) - 1),
    "rig.face_part": Rule("U8", ("F",), 0, len(PARTS) - 1),
    "rig.blendshapes": Rule("F16", (len(NAMES), "V", 3), -2, 2),
    "rig.jaw": Rule("F32", ("V",), -0.01, 1.01),
    "rig.head": Rule("F32", ("V",), -0.01, 1.01),
    "rig.eye_centres": Rule("F32", (2, 3), -2, 2),
    "rig.iris": Rule("F32", (2,), 0.01, 2),
    "camera.viewmat": Rule("F32", (4, 4), -20, 20),
    "camera.K": Rule("F32", (3, 3), 0, 20_000),
    "face": Rule("I32", ("N",), 0, "F"),
    "bary": Rule("F16", ("N", 3), -0.01, 1.01),
    "offset": Rule("F16", ("N", 3), -5, 5),
    "quats": Rule("F16", ("N", 4), -4, 4),
    "log_scales": Rule("F16", ("N", 3), -12, -1),
    "colors": Rule("F16", ("N", 3), 0, 1),
    "opacities": Rule("F16", ("N",), 0, 1),
}
HOME_RULES = {"gaussians": Rule("I32", ("n",), 0, "N"), "weight": Rule("F16", ("n",), 0, 1)}  # of what axes may share
AXIS_RULES = {"vertices": Rule("I32", ("m",), 0, "V"), "shape": Rule("F16", ("s", "m", 3), -3, 3), "pace": Rule("F32", (KNOTS,), 0, 1)}
# What an axis or a middle paints; what is nowhere anything but 0 is left out, with its step.
PAINT_RULES = {
    "color": Rule("I8", ("t", "n", 3), -127, 127),
    "opacity": Rule("I8", ("t", "n"), -127, 127),
    "log_scale": Rule("I8", ("t", "n"), -127, 127),
    "color.step": Rule("F32", (1,), 1e-13, 0.05),
    "opacity.step": Rule("F32", (1,), 1e-13, 0.5),
    "log_scale.step": Rule("F32", (1,), 1e-13, 0.05),
}
SOURCE_RULES = {"source.background": Rule("U8", ("B",), 0, 255)}
MOST = {"N": MAX_GAUSSIANS, "t": 2, "s": 2, "B": LIMIT}  # of symbols; n is at most N, m at most V


def require(condition: bool) -> None:
    """ValueError unless it holds."""
    if not condition:
        raise ValueError("inconsistent avatar file")


def plain_json(text: str | bytes):
    """JSON whose objects name nothing twice and whose numbers are finite and of usual length. ValueError otherwise."""

    def unique(pairs):
        require(len(pairs) == len(dict(pairs)))
        return dict(pairs)

    def whole(digits: str) -> int:
        require(len(digits) < 20)
        return int(digits)

    def real(digits: str) -> float:
        require(math.isfinite(number := float(digits)))
        return number

    return json.loads(text, object_pairs_hook=unique, parse_int=whole, parse_float=real, parse_constant=lambda name: require(False))


# The header -------------------------------------------------------------------------------------------------------------------------


def check_meta(meta) -> None:
    """The avatar's own fields in the header. ValueError for what is not as `save_avatar` writes it."""
    require(isinstance(meta, dict) and meta["parts"] == PARTS and meta["blendshapes"] == NAMES)
    require(_whole(meta["camera_size"], 16, 2048))
    axes, middles, like = meta["axes"], meta.get("middles", []), meta.get("like", {})
    require(_names(axes) and _names(meta["categories"]) and len(set(axes)) == len(axes) <= MAX_AXES)
    require(_names(middles) and len(set(middles)) == len(middles))
    require(all(len(pair := name.split(BETWEEN)) == 2 and set(pair) <= set(axes) for name in middles))
    named = {*axes, *middles}
    require(isinstance(like, dict) and all(a in named and b in named and b not in like for a, b in like.items()))
    described = meta.get("described", [])
    require(isinstance(described, list) and len(described) <= MAX_STYLES)
    for style in described:
        require(_names([style["category"], style["name"]]))
        require(isinstance(style["text"], str) and len(style["text"]) <= MAX_WORDS and style["text"].isprintable())
    if meta["source"] is not None:
        (width, height), (x0, y0, side) = meta["source"]["size"], meta["source"]["crop"]
        require(_whole(width, 16, PHOTO_SIDE) and _whole(height, 16, PHOTO_SIDE))
        longer = max(width, height)
        require(_number(side, 8, 4 * longer) and _number(x0, -4 * longer, longer) and _number(y0, -4 * longer, longer))
    _check_report(meta["report"])


def _check_report(report) -> None:
    """What `info` and the page show: plain values, and those fields that code reads of the types that it expects."""
    require(isinstance(report, dict) and set(report) <= {"quality", "build"})
    require(_plain(report))
    quality, build = report.get("quality", []), report.get("build", {})
    require(isinstance(quality, list) and isinstance(build, dict))
    for hint in quality:
        require(isinstance(hint, dict) and isinstance(hint["code"], str) and isinstance(hint["message"], str))
        require(not isinstance(hint.get("value"), (list, dict)))
    require(all(isinstance(build[name], kind) for name, kind in _BUILD.items() if name in build))
    require(all(isinstance(text, str) for text in [*build.get("notes", []), *build.get("limits", {}).values()]))


def _plain(value, depth: int = 0) -> bool:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return depth < _MAX_DEPTH and len(value) <= _MAX_ITEMS and all(_plain(item, depth + 1) for item in value)
    return len(value) <= _MAX_TEXT if isinstance(value, str) else value is None or isinstance(value, (bool, int, float))


def _names(value) -> bool:
    return isinstance(value, list) and len(value) <= MAX_AXES and all(isinstance(name, str) and _NAME.fullmatch(name) for name in value)


def _number(value, low: float, high: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _whole(value, low: int, high: int) -> bool:
    return isinstance(value, int) and _number(value, low, high)


# The table of tensors ---------------------------------------------------------------------------------------------------------------


def check_table(table: dict, meta: dict, size: int) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """The header's table of tensors against the rules, before any is read.

    Args:
        table: name -> {"dtype", "shape", "data_offsets"}; meta: fields that `check_meta` has passed; size: bytes after the header.

    Returns:
        name -> (kind, shape, first byte).
    """
    rules, like = RULES | (SOURCE_RULES if meta["source"] is not None else {}), meta.get("like", {})
    for axis in (*meta["axes"], *meta.get("middles", [])):
        parts = ({} if axis in like else HOME_RULES) | (AXIS_RULES if axis in meta["axes"] else {})
        # Files of earlier versions have no pace.
        rules |= {f"axis.{axis}.{name}": rule for name, rule in parts.items() if name != "pace" or f"axis.{axis}.pace" in table}
        painted = {name.split(".")[0] for name in PAINT_RULES if f"axis.{axis}.{name}" in table}
        rules |= {f"axis.{axis}.{name}": rule for name, rule in PAINT_RULES.items() if name.split(".")[0] in painted}
    require(set(table) == set(rules))
    out, spans, known = {}, [], {}
    for name, rule in rules.items():
        entry = table[name]
        shape, (first, last) = entry["shape"], entry["data_offsets"]
        require(entry["dtype"] == rule.kind and isinstance(shape, list) and all(_whole(x, 0, LIMIT) for x in [*shape, first, last]))
        owner = name.split(".")[1] if name.startswith("axis.") else ""
        own = known.setdefault(owner, {})
        require(len(shape) == len(rule.shape))
        for length, wanted in zip(shape, rule.shape):
            require(length == (wanted if isinstance(wanted, int) else own.setdefault(wanted, length)))
        require(last - first == math.prod(shape) * KINDS[rule.kind].itemsize)
        spans.append((first, last))
        out[name] = (rule.kind, tuple(shape), first)
    # As safetensors demands: one after the other, nothing between them and nothing behind.
    at = 0
    for first, last in sorted(spans):
        require(first == at)
        at = last
    require(at == size)
    whole = known.pop("")
    require((whole["V"], whole["F"]) in TOPOLOGIES and whole["N"] > 0)
    for axis, own in known.items():
        home = known[like.get(axis, axis)]
        n = home.get("n", 0)
        require(own.get("n", n) == n <= whole["N"] and own.get("m", 0) <= whole["V"] and own.get("t", 1) > 0 and own.get("s", 1) > 0)
        require("t" not in own or axis in meta["axes"] or own["t"] == 1)
    require(all(own.get(symbol, 0) <= most for own in (whole, *known.values()) for symbol, most in MOST.items()))
    return out


# What the tensors hold --------------------------------------------------------------------------------------------------------------


def check_values(tensors: dict[str, Tensor], size: int) -> None:
    """Ranges of all tensors, and what those of one kind must be together. size: side of the camera's picture."""
    lengths = {"V": len(tensors["rig.vertices"]), "F": len(tensors["rig.faces"]), "N": len(tensors["face"])}
    for name, tensor in tensors.items():
        rule = RULES.get(name) or SOURCE_RULES.get(name) or (AXIS_RULES | HOME_RULES | PAINT_RULES)[name.split(".", 2)[2]]
        if rule.kind == "U8" and rule.high == 255 or not tensor.numel():
            continue
        low, high = (float(x) for x in tensor.aminmax())  # NaN, if there is one
        require(rule.low <= low and high <= (lengths[rule.high] - 1 if isinstance(rule.high, str) else rule.high))
        if name.endswith(".pace"):
            require(bool((tensor.diff() > 0).all()) and low < 1e-6 and high > 1 - 1e-6)
    check_topology(*(tensors[f"rig.{name}"].numpy() for name in ("faces", "vertex_part", "face_part")))
    # Builds leave quaternions as the optimiser makes them: 0.7 to 1.5 long.
    length = tensors["quats"].float().norm(dim=1)
    require(bool((length > 0.2).all()) and bool((length < 4).all()))
    require(bool(((tensors["bary"].float().sum(1) - 1).abs() < 2e-3).all()))
    check_camera(tensors["camera.viewmat"].double(), tensors["camera.K"].double(), size)


def check_topology(faces: np.ndarray, vertex_part: np.ndarray, face_part: np.ndarray) -> None:
    """Triangles (F, 3) and parts (V,), (F,) are those of a rig that PERSE makes. ValueError otherwise."""
    digest = hashlib.sha256(np.sort(faces, 1).astype("<i4").tobytes())
    for part in (vertex_part, face_part):
        digest.update(part.astype(np.uint8).tobytes())
    require(digest.hexdigest() == TOPOLOGIES.get((len(vertex_part), len(faces))))


def check_camera(viewmat: Tensor, K: Tensor, size: int) -> None:
    """A head some eye distances in front of a lens that looks at it straight, without skew."""
    turn, shift = viewmat[:3, :3], viewmat[:3, 3]
    require(bool(((turn @ turn.T - torch.eye(3).double()).abs() < 1e-3).all()) and float(torch.linalg.det(turn)) > 0)
    require(viewmat[3].tolist() == [0, 0, 0, 1] and 2 < float(shift[2]) < 20 and float(shift[:2].abs().max()) < 4)
    (focal, _, x), (_, _, y), _ = K.tolist()
    require(K.tolist() == [[focal, 0, x], [0, focal, y], [0, 0, 1]])
    require(0.3 * size < focal < 10 * size and abs(x / size - 0.5) < 0.1 and abs(y / size - 0.5) < 0.1)
