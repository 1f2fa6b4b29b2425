"""Triangle meshes with shapes as one .glb file: glTF 2.0 (Khronos, ISO/IEC 12113), binary.

Written by hand, since a few hundred bytes of JSON are all there is to it. Numbers are little-endian, y is up, x to the viewer's right.
"""

import json
import struct
from dataclasses import dataclass, field

import numpy as np

from . import synthetic

MAGIC, VERSION, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
FLOAT, UINT, USHORT, UBYTE = 5126, 5125, 5123, 5121
VERTICES, INDICES = 34962, 34963  # what a buffer is for
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
STILL = 1e-5  # of a unit: what a shape moves less stays where it is


@dataclass(frozen=True)
class Part:
    """Triangles of one material: places (V, 3), uvs (V, 2), triangles (F, 3) counted anticlockwise from outside; colors (V, 4) in [0, 1] or
    None; shapes (S, V, 3), what each moves. double: seen from both sides."""

    name: str
    places: np.ndarray
    uvs: np.ndarray
    triangles: np.ndarray
    shapes: np.ndarray
    colors: np.ndarray | None = None
    double: bool = False


@dataclass
class _Document:
    """The JSON and the bytes beside it while they grow."""

    views: list[dict] = field(default_factory=list)
    accessors: list[dict] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)

    def view(self, content: bytes, target: int | None = None) -> int:
        self.data += bytes(-len(self.data) % 4)
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)} | ({"target": target} if target else {}))
        self.data += content
        return len(self.views) - 1

    def accessor(self, values: np.ndarray, kind: int, target: int | None, bounds: bool = False, **more) -> int:
        width = 1 if values.ndim == 1 else values.shape[1]
        entry = {
            "bufferView": self.view(values.tobytes(), target),
            "componentType": kind,
            "count": len(values),
            "type": TYPES[width],
        } | more
        if bounds:
            entry |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def moves(self, moves: np.ndarray) -> int:
        """An accessor of displacements (V, 3), of which only those that are any are stored."""
        moved = np.flatnonzero(np.abs(moves).max(1) > STILL)
        moved = moved if len(moved) else np.zeros(1, int)
        values = moves[moved].astype("<f4")
        low, high = np.minimum(values.min(0), 0), np.maximum(values.max(0), 0)
        sparse = {
            "count": len(moved),
            "indices": {"bufferView": self.view(moved.astype("<u4").tobytes()), "componentType": UINT},
            "values": {"bufferView": self.view(values.tobytes())},
        }
        if len(moved) == len(moves):
            low, high = values.min(0), values.max(0)
        self.accessors.append(
            {"componentType": FLOAT, "count": len(moves), "type": "VEC3", "min": low.tolist(), "max": high.tolist(), "sparse": sparse}
        )
        return len(self.accessors) - 1


def glb(parts: list[Part], shape_names: list[str], texture_png: bytes) -> bytes:
    """The file. All parts wear one texture as it is, without light (KHR_materials_unlit), cut out where its opacity is below a half."""
    document = _Document()
    meshes, materials = [], []
    for number, part in enumerate(parts):
        meshes.append(_mesh(document, part, shape_names, number))
        materials.append(
            {
                "name": part.name,
                "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicFactor": 0.0, "roughnessFactor": 1.0},
                "alphaMode": "MASK",
                "alphaCutoff": 0.5,
                "doubleSided": part.double,
                "extensions": {"KHR_materials_unlit": {}},
            }
        )
    picture = document.view(texture_png)
    described = {
        "asset": {"version": "2.0", "generator": "PERSE", "copyright": synthetic.sentence("3D head")},
        "extras": {"DigitalSourceType": synthetic.SOURCE_TYPE},
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": list(range(len(parts)))}],
        "nodes": [{"mesh": number, "name": part.name} for number, part in enumerate(parts)],
        "meshes": meshes,
        "materials": materials,
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
        "images": [{"bufferView": picture, "mimeType": "image/png"}],
        "accessors": document.accessors,
        "bufferViews": document.views,
        "buffers": [{"byteLength": len(document.data)}],
    }
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(document.data) + bytes(-len(document.data) % 4)
    chunks = struct.pack("<II", len(text), JSON_CHUNK) + text + struct.pack("<II", len(data), BINARY_CHUNK) + data
    return struct.pack("<III", MAGIC, VERSION, 12 + len(chunks)) + chunks


def _mesh(document: _Document, part: Part, shape_names: list[str], material: int) -> dict:
    attributes = {
        "POSITION": document.accessor(part.places.astype("<f4"), FLOAT, VERTICES, bounds=True),
        "TEXCOORD_0": document.accessor(part.uvs.astype("<f4"), FLOAT, VERTICES),
    }
    if part.colors is not None:
        colors = (part.colors.clip(0, 1) * 255 + 0.5).astype(np.uint8)
        attributes["COLOR_0"] = document.accessor(colors, UBYTE, VERTICES, normalized=True)
    primitive = {
        "attributes": attributes,
        "indices": document.accessor(part.triangles.astype("<u4").reshape(-1), UINT, INDICES),
        "material": material,
        "targets": [{"POSITION": document.moves(moves)} for moves in part.shapes],
    }
    return {"name": part.name, "primitives": [primitive], "weights": [0.0] * len(shape_names), "extras": {"targetNames": shape_names}}
