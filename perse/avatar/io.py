"""The avatar file: one safetensors file with a versioned JSON header. Never pickle: it comes from strangers."""

import json
import math
import os
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ..attributes.catalogue import reduced_to
from ..attributes.own_words import Described, described_of, extend
from ..errors import PerseError, shown
from ..face.landmarks import FACE
from ..files import write_atomically
from ..render import synthetic
from ..render.camera import Camera
from ..rig.expressions import NAMES
from ..rig.rig import Rig
from ..rig.skeleton import PARTS
from . import backdrop
from .avatar import Avatar, Report, Source
from .binding import Binding
from .file_rules import KINDS, LIMIT, MAX_HEADER, check_meta, check_table, check_values, plain_json, require
from .latent_space import AxisBasis, LatentSpace

FORMAT, VERSION = "perse-avatar", 2
COMPACT = ("color", "opacity", "log_scale")


def save_avatar(avatar: Avatar, path: str | Path, surroundings: str = "whole") -> None:
    """Write an avatar; the file appears whole or not at all.

    surroundings: of the head in its photo: "whole", or "blurred" so far that nobody beside the portrait's square can be recognised.
    """
    if surroundings not in ("whole", "blurred"):
        raise ValueError(f"surroundings must be whole or blurred, not {surroundings!r}")
    rig, source = avatar.rig, avatar.source
    half = torch.float16
    tensors = {
        "rig.vertices": torch.from_numpy(rig.vertices),
        "rig.faces": torch.from_numpy(rig.faces.astype(np.int32)),
        "rig.vertex_part": torch.from_numpy(rig.vertex_part.astype(np.uint8)),
        "rig.face_part": torch.from_numpy(rig.face_part.astype(np.uint8)),
        "rig.blendshapes": torch.from_numpy(rig.blendshapes).to(half),
        "rig.jaw": torch.from_numpy(rig.jaw),
        "rig.head": torch.from_numpy(rig.head),
        "rig.eye_centres": torch.from_numpy(rig.eye_centres),
        "rig.iris": torch.from_numpy(rig.iris),
        "camera.viewmat": torch.from_numpy(rig.camera.viewmat),
        "camera.K": torch.from_numpy(rig.camera.K),
        "face": avatar.binding.face.to(torch.int32),
        "bary": _halved_bary(avatar.binding.bary),
        "offset": avatar.offset.to(half),
        "quats": avatar.quats.to(half),
        "log_scales": avatar.log_scales.to(half),
        "colors": avatar.colors.to(half),
        "opacities": avatar.opacities.to(half),
    }
    homes: dict[bytes, str] = {}  # axes that own the same Gaussians share what says so
    like: dict[str, str] = {}
    for name, basis in (*avatar.space.axes.items(), *avatar.space.middles.items()):
        home = (basis.gaussians.to(torch.int32), basis.weight.to(half))
        like[name] = homes.setdefault(b"".join(x.cpu().numpy().tobytes() for x in home), name)
        if like[name] == name:
            tensors[f"axis.{name}.gaussians"], tensors[f"axis.{name}.weight"] = home
        if name in avatar.space.axes:
            tensors[f"axis.{name}.vertices"] = basis.vertices.to(torch.int32)
            tensors[f"axis.{name}.shape"] = basis.shape.to(half)
            tensors[f"axis.{name}.pace"] = basis.pace
        for part in COMPACT:
            values = getattr(basis, part).detach()
            if values.any():  # what moves the surface alone, or only recolours, has nothing else
                tensors[f"axis.{name}.{part}"], tensors[f"axis.{name}.{part}.step"] = _compact(values)
    if source is not None:
        behind = backdrop.blurred(source.background, source.crop) if surroundings == "blurred" else source.background
        tensors["source.background"] = torch.frombuffer(bytearray(behind), dtype=torch.uint8)
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "synthetic": synthetic.sentence("3D head"),
        "DigitalSourceType": synthetic.SOURCE_TYPE,
        "avatar": json.dumps(
            {
                "camera_size": rig.camera.width,
                "parts": PARTS,
                "blendshapes": NAMES,
                "categories": list(avatar.space.categories),
                "axes": list(avatar.space.axes),
                "middles": list(avatar.space.middles),
                "like": {k: v for k, v in like.items() if k != v},
                "report": asdict(avatar.report),
                "described": [asdict(d) for d in described_of(avatar.space.categories.values())],
                "source": None if source is None else {"crop": source.crop, "size": source.size},
            },
            sort_keys=True,
        ),
    }
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, metadata=header)
    write_atomically(path, _reproducible(data))


def _halved_bary(bary: Tensor) -> Tensor:
    """Barycentric coordinates (N, 3) in half precision, the last one what the first two leave of one."""
    out = bary.half()
    out[:, 2] = 1 - out[:, 0].float() - out[:, 1].float()
    return out


def _whole_bary(bary: Tensor) -> Tensor:
    """The coordinates as they were: rounded they no longer add up to one, and would scale a Gaussian's place about the origin."""
    bary = bary.float()
    return torch.cat([bary[:, :2], 1 - bary[:, :2].sum(1, keepdim=True)], 1)


def _compact(values: Tensor) -> tuple[Tensor, Tensor]:
    """Bases are small changes: 8 bits of their own range are finer than a display shows. Values / step, and the step."""
    step = (values.abs().max() / 127 if values.numel() else torch.zeros(())).clamp_min(1e-12).float().reshape(1)
    return (values / step).round().to(torch.int8), step


def _reproducible(data: bytes) -> bytes:
    """The same safetensors file with its metadata in a fixed order: the library writes it in a random one."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def load_avatar(path: str | Path, device: torch.device | str = "cpu") -> Avatar:
    """Read an avatar. The file may come from anybody: see check.py for what is let in.

    Raises:
        PerseError: one sentence for a file that is missing, foreign, damaged or from a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise PerseError(f"There is no avatar file {shown(path.name)}.")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LIMIT:
                raise PerseError("This file is too large to be a PERSE avatar.")
            meta, table = _header(file, size)
            tensors = _tensors(file, table)
        check_values(tensors, meta["camera_size"])
        avatar = _assemble(meta, tensors).requires_grad_(False).place(device)
        # Made when first needed, from the person's own mesh: found out here if it cannot be.
        avatar.rig.neutral, avatar.poser.spread(torch.zeros(FACE, 3, device=avatar.device))
        return avatar
    except PerseError:
        raise
    except (OSError, LookupError, ValueError, TypeError, ArithmeticError, RuntimeError, AttributeError, SyntaxError):
        raise PerseError("This avatar file is damaged: please save or download it again.") from None


def _header(file, size: int) -> tuple[dict, dict]:
    """The avatar's own fields and, by name, kind, shape and place of the tensors, both checked; the file is left behind its header."""
    length = int.from_bytes(file.read(8), "little")
    require(2 <= length <= min(MAX_HEADER, size - 8))
    table = plain_json(file.read(length))
    require(isinstance(table, dict))
    header = table.pop("__metadata__", {})
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise PerseError("This file is not a PERSE avatar: please choose a file that PERSE saved.")
    version = header.get("version")
    if not isinstance(version, str) or not re.fullmatch("[0-9]{1,9}", version) or int(version) > VERSION:
        raise PerseError("This avatar was saved by a newer PERSE: please update the app to open it.")
    meta = plain_json(header["avatar"])
    check_meta(meta)
    return meta, check_table(table, meta, size - 8 - length)


def _tensors(file, table: dict) -> dict[str, Tensor]:
    data = bytearray(file.read())
    return {
        name: torch.frombuffer(data, dtype=KINDS[kind], count=math.prod(shape), offset=first).reshape(shape).clone()
        if math.prod(shape)
        else torch.empty(shape, dtype=KINDS[kind])
        for name, (kind, shape, first) in table.items()
    }


def _assemble(meta: dict, tensors: dict) -> Avatar:
    """The avatar of fields and tensors that have been checked."""

    def array(name, dtype=np.float32):
        return tensors[name].numpy().astype(dtype)

    size = meta["camera_size"]
    vertices, faces = array("rig.vertices"), array("rig.faces", np.int64)
    v, f, n = len(vertices), len(faces), len(tensors["face"])
    rig = Rig(
        vertices,
        faces,
        np.zeros((f, 3, 2), np.float32),
        array("rig.vertex_part", np.int64),
        array("rig.face_part", np.int64),
        array("rig.blendshapes"),
        array("rig.jaw"),
        array("rig.head"),
        array("rig.eye_centres"),
        array("rig.iris"),
        Camera(array("camera.viewmat"), array("camera.K"), size, size),
    )
    gaussians = {k: tensors[k].float() for k in ("offset", "quats", "log_scales", "colors", "opacities")}
    described = [Described(*(d[k] for k in ("category", "text", "name"))) for d in meta.get("described", [])]
    space = LatentSpace(extend(reduced_to(meta["axes"]), [d for d in described if d.axis in meta["axes"]]), n, v)
    for name in (*meta["axes"], *meta.get("middles", [])):
        home = meta.get("like", {}).get(name, name)
        part = {k: tensors[f"axis.{home}.{k}"] for k in ("gaussians", "weight")}
        moves = {k: tensors.get(f"axis.{name}.{k}") for k in ("vertices", "shape", "pace")}  # of middles none, and no pace of earlier files
        part |= {k: v for k, v in moves.items() if v is not None}
        painted = {k: tensors[f"axis.{name}.{k}"].float() for k in COMPACT if f"axis.{name}.{k}" in tensors}
        part |= {k: v * tensors[f"axis.{name}.{k}.step"] for k, v in painted.items()}
        basis = AxisBasis(
            part["gaussians"],
            part["weight"],
            part.get("vertices", torch.zeros(0)),
            len(next(iter(painted.values()), torch.zeros(1))),
            any(bool(v.any()) for v in painted.values()),
            len(part.get("shape", torch.zeros(1))),
        )
        basis.load_state_dict({k: v.float() if v.is_floating_point() else v.long() for k, v in part.items()}, strict=False)
        if name in meta["axes"]:
            space.add(name, basis)
        else:
            space.middles[name] = basis
    source = None
    if meta["source"] is not None:
        photo = tuple(meta["source"]["size"])
        source = Source(
            backdrop.own(tensors["source.background"].numpy().tobytes(), photo), tuple(map(float, meta["source"]["crop"])), photo
        )
    return Avatar(rig, Binding(tensors["face"].long(), _whole_bary(tensors["bary"])), gaussians, space, source, Report(**meta["report"]))
