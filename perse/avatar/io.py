"""The avatar file: one safetensors file with a versioned JSON header. Never pickle: it comes from strangers."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..attributes.catalogue import reduced_to
from ..attributes.described import Described, described_of, extend
from ..errors import PerseError
from ..files import write_atomically
from ..render.camera import Camera
from ..rig.expressions import NAMES
from ..rig.rig import PARTS, Rig
from .avatar import Avatar, Report, Source
from .binding import Binding
from .space import AxisBasis, LatentSpace

FORMAT, VERSION = "perse-avatar", 1
LIMIT = 200_000_000  # bytes; real files are about a tenth of this
COMPACT = ("color", "opacity", "log_scale")
MAX_GAUSSIANS, MAX_VERTICES = 1_000_000, 50_000


def save_avatar(avatar: Avatar, path: str | Path) -> None:
    """Write an avatar; the file appears whole or not at all."""
    rig = avatar.rig
    half = torch.float16
    tensors = {
        "rig.vertices": torch.from_numpy(rig.vertices), "rig.faces": torch.from_numpy(rig.faces.astype(np.int32)),
        "rig.vertex_part": torch.from_numpy(rig.vertex_part.astype(np.uint8)),
        "rig.face_part": torch.from_numpy(rig.face_part.astype(np.uint8)),
        "rig.blendshapes": torch.from_numpy(rig.blendshapes).to(half), "rig.jaw": torch.from_numpy(rig.jaw),
        "rig.head": torch.from_numpy(rig.head), "rig.eye_centres": torch.from_numpy(rig.eye_centres),
        "rig.iris": torch.from_numpy(rig.iris), "camera.viewmat": torch.from_numpy(rig.camera.viewmat),
        "camera.K": torch.from_numpy(rig.camera.K),
        "face": avatar.binding.face.to(torch.int32), "bary": _halved_bary(avatar.binding.bary),
        "offset": avatar.offset.to(half), "quats": avatar.quats.to(half), "log_scales": avatar.log_scales.to(half),
        "colors": avatar.colors.to(half), "opacities": avatar.opacities.to(half),
    }
    homes: dict[bytes, str] = {}  # axes that own the same Gaussians share what says so
    like: dict[str, str] = {}
    for name, basis in avatar.space.axes.items():
        home = (basis.gaussians.to(torch.int32), basis.weight.to(half))
        like[name] = homes.setdefault(b"".join(x.cpu().numpy().tobytes() for x in home), name)
        if like[name] == name:
            tensors[f"axis.{name}.gaussians"], tensors[f"axis.{name}.weight"] = home
        tensors[f"axis.{name}.vertices"] = basis.vertices.to(torch.int32)
        tensors[f"axis.{name}.shape"] = basis.shape.to(half)
        tensors[f"axis.{name}.pace"] = basis.pace
        for part in COMPACT:
            tensors[f"axis.{name}.{part}"], tensors[f"axis.{name}.{part}.step"] = _compact(getattr(basis, part).detach())
    if avatar.source is not None:
        tensors["source.background"] = torch.frombuffer(bytearray(avatar.source.background), dtype=torch.uint8)
    header = {"format": FORMAT, "version": str(VERSION), "avatar": json.dumps({
        "camera_size": rig.camera.width, "parts": PARTS, "blendshapes": NAMES, "categories": list(avatar.space.categories),
        "axes": list(avatar.space.axes), "like": {k: v for k, v in like.items() if k != v}, "report": asdict(avatar.report),
        "described": [asdict(d) for d in described_of(avatar.space.categories.values())],
        "source": None if avatar.source is None else {"crop": avatar.source.crop, "size": avatar.source.size},
    }, sort_keys=True)}
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
    """Read an avatar.

    Raises:
        PerseError: one sentence for a file that is missing, foreign, damaged or from a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise PerseError(f"There is no avatar file {path.name!r}.")
    if path.stat().st_size > LIMIT:
        raise PerseError("This file is too large to be a PERSE avatar.")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise PerseError("This file is not a PERSE avatar: please choose a file that PERSE saved.")
            if not header.get("version", "").isdigit() or int(header["version"]) > VERSION:
                raise PerseError("This avatar was saved by a newer PERSE: please update the app to open it.")
            tensors = {k: file.get_tensor(k) for k in file.keys()}
        return _assemble(json.loads(header["avatar"]), tensors).requires_grad_(False).place(device)
    except PerseError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError):
        raise PerseError("This avatar file is damaged: please save or download it again.") from None


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("inconsistent avatar file")


def _assemble(meta: dict, tensors: dict) -> Avatar:
    for tensor in tensors.values():
        _require(not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()))
    _require(meta["parts"] == PARTS and meta["blendshapes"] == NAMES)

    def array(name, dtype=np.float32):
        return tensors[name].numpy().astype(dtype)

    size = int(meta["camera_size"])
    _require(16 <= size <= 4096)
    vertices, faces = array("rig.vertices"), array("rig.faces", np.int64)
    v, f, n = len(vertices), len(faces), len(tensors["face"])
    _require(0 < v <= MAX_VERTICES and 0 < n <= MAX_GAUSSIANS and vertices.shape == (v, 3) and faces.shape == (f, 3))
    _require(0 <= faces.min() and faces.max() < v)
    rig = Rig(vertices, faces, np.zeros((f, 3, 2), np.float32), array("rig.vertex_part", np.int64),
              array("rig.face_part", np.int64), array("rig.blendshapes"), array("rig.jaw"), array("rig.head"),
              array("rig.eye_centres"), array("rig.iris"), Camera(array("camera.viewmat"), array("camera.K"), size, size))
    _require(rig.blendshapes.shape == (len(NAMES), v, 3) and rig.jaw.shape == (v,) == rig.head.shape
             and rig.vertex_part.shape == (v,) and rig.face_part.shape == (f,)
             and rig.eye_centres.shape == (2, 3) and rig.iris.shape == (2,))
    face = tensors["face"].long()
    _require(int(face.min()) >= 0 and int(face.max()) < f)
    shapes = {"offset": (n, 3), "quats": (n, 4), "log_scales": (n, 3), "colors": (n, 3), "opacities": (n,)}
    gaussians = {k: tensors[k].float() for k in shapes}
    _require(all(tuple(gaussians[k].shape) == s for k, s in shapes.items()) and tuple(tensors["bary"].shape) == (n, 3))
    described = [Described(*(str(d[k]) for k in ("category", "text", "name"))) for d in meta.get("described", [])]
    _require(isinstance(meta["categories"], list))
    space = LatentSpace(extend(reduced_to(meta["axes"]), [d for d in described if d.axis in meta["axes"]]), n, v)
    for name in meta["axes"]:
        home = meta.get("like", {}).get(name, name)
        part = {k: tensors[f"axis.{home}.{k}"] for k in ("gaussians", "weight")}
        part |= {k: tensors[f"axis.{name}.{k}"] for k in ("vertices", "shape", *COMPACT)}
        for k in COMPACT:
            part[k] = part[k].float() * tensors[f"axis.{name}.{k}.step"].float()
        index, moved = part["gaussians"], part["vertices"]
        _require(not len(index) or (int(index.min()) >= 0 and int(index.max()) < n))
        _require(not len(moved) or (int(moved.min()) >= 0 and int(moved.max()) < v))
        basis = AxisBasis(index, part["weight"], moved, len(part["color"]), any(bool(part[k].any()) for k in COMPACT),
                          len(part["shape"]))
        part["pace"] = tensors.get(f"axis.{name}.pace", basis.pace)  # earlier files have none
        _require(part["pace"].shape == basis.pace.shape and bool((part["pace"].diff() > 0).all()))
        basis.load_state_dict({k: part[k].float() if part[k].is_floating_point() else part[k].long() for k in part})
        space.add(name, basis)
    source = None
    if meta["source"] is not None:
        source = Source(tensors["source.background"].numpy().tobytes(), tuple(map(float, meta["source"]["crop"])),
                        tuple(map(int, meta["source"]["size"])))
    return Avatar(rig, Binding(face, _whole_bary(tensors["bary"])), gaussians, space, source, Report(**meta["report"]))
