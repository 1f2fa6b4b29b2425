"""The live file's outside: named arrays of small whole numbers in gzip sections that can be read one after the other.

`docs/live_format.md` says what is where. Files may come from anybody: every size is checked against what is there, and against LIMITS, before
memory is taken for it.
"""

import json
import math
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from ..avatar.file_rules import plain_json, require
from ..errors import PerseError

MAGIC, VERSION = b"PERSELIV", 1
LARGEST_FILE, LARGEST_RAW, LARGEST_HEAD = 32_000_000, 96_000_000, 2_000_000  # bytes; of 130,000 Gaussians about 7, 16 and 0.1 million
MOST_SECTIONS, MOST_ARRAYS = 64, 2048
KINDS: dict[str, tuple[type[np.integer], int]] = {"u8": (np.uint8, 1), "i8": (np.int8, 1), "u16": (np.uint16, 2), "i16": (np.int16, 2)}
_HEAD = struct.Struct("<8sII")


@dataclass(frozen=True)
class Array:
    """One array as it is stored: values = low + step * stored. section: which it lies in, 1 … of the file's."""

    section: int
    stored: np.ndarray
    low: float = 0.0
    step: float = 1.0

    @property
    def kind(self) -> str:
        return ("i" if self.stored.dtype.kind == "i" else "u") + str(8 * self.stored.dtype.itemsize)

    @property
    def values(self) -> np.ndarray:
        """float32."""
        return (self.low + self.step * self.stored.astype(np.float64)).astype(np.float32)


@dataclass
class LiveFile:
    """head: plain JSON values; arrays by name, in the order in which they are stored."""

    head: dict
    arrays: dict[str, Array] = field(default_factory=dict)

    def spread(self, section: int, name: str, values: np.ndarray, kind: str = "u8") -> None:
        """Store values of any shape in steps of their own range."""
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        most = np.iinfo(KINDS[kind][0]).max
        step = max((high - low) / most, 1e-9)
        self.arrays[name] = Array(section, np.round((values - low) / step).astype(KINDS[kind][0]), low, step)

    def about_zero(self, section: int, name: str, values: np.ndarray, kind: str = "i8", finest: float = 0.0) -> None:
        """Store values about zero, which stays exactly zero, in steps no smaller than `finest`."""
        most = np.iinfo(KINDS[kind][0]).max
        step = max(float(np.abs(values).max(initial=0)) / most, finest, 1e-9)
        self.arrays[name] = Array(section, np.round(values / step).astype(KINDS[kind][0]), 0.0, step)

    def whole(self, section: int, name: str, values: np.ndarray, kind: str) -> None:
        """Store whole numbers as they are."""
        self.arrays[name] = Array(section, np.asarray(values).astype(KINDS[kind][0]))

    def encode(self) -> bytes:
        """The file."""
        sections = [bytearray() for _ in range(1 + max((a.section for a in self.arrays.values()), default=0))]
        table = []
        ordered = sorted(self.arrays.items(), key=lambda item: item[1].section)
        for name, array in ordered:
            table.append([name, array.section, array.kind, list(array.stored.shape), array.low, array.step])
            sections[array.section] += _planes(array.stored)
        sections[0] += json.dumps({**self.head, "arrays": table}, separators=(",", ":")).encode()
        with ThreadPoolExecutor(2) as packers:  # packing leaves Python's lock alone
            packed = list(packers.map(_gzip, map(bytes, sections)))
        sizes = b"".join(struct.pack("<II", len(raw), len(part)) for raw, part in zip(sections, packed))
        return _HEAD.pack(MAGIC, VERSION, len(packed)) + sizes + b"".join(packed)


def decode(data: bytes) -> LiveFile:
    """Read a live file.

    Raises:
        PerseError: for a file that is none, or of a newer version. ValueError, LookupError, TypeError or zlib.error: it is damaged.
    """
    sizes, places = _sections_of(data)
    head = _description(data, sizes, places)
    table = head.pop("arrays")
    _check_table(table, [raw for raw, _ in sizes])
    arrays: dict[str, Array] = {}
    for section in range(1, len(sizes)):
        raw = _gunzip(data[places[section] : places[section] + sizes[section][1]], sizes[section][0])
        start = 0
        for name, _, kind, shape, low, step in (entry for entry in table if entry[1] == section):
            size = math.prod(shape) * KINDS[kind][1]
            arrays[name] = Array(section, _whole_numbers(raw[start : start + size], kind, shape), float(low), float(step))
            start += size
    return LiveFile(head, arrays)


def description(data: bytes) -> dict:
    """What a live file says of itself, its arrays left alone. Errors as of `decode`."""
    return _description(data, *_sections_of(data))


def _sections_of(data: bytes) -> tuple[list[tuple[int, int]], list[int]]:
    """Of every section its sizes, unpacked and packed, and where it begins."""
    if len(data) > LARGEST_FILE:
        raise PerseError("This file is too large to be a live avatar.")
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        raise PerseError("This file is not a live avatar: please choose a .live file that PERSE saved.")
    _, version, count = _HEAD.unpack_from(data)
    if version > VERSION:
        raise PerseError("This live avatar was saved by a newer PERSE: please update the app to open it.")
    require(1 <= count <= MOST_SECTIONS and len(data) >= _HEAD.size + 8 * count)
    sizes = [struct.unpack_from("<II", data, _HEAD.size + 8 * k) for k in range(count)]
    at = _HEAD.size + 8 * count
    require(at + sum(packed for _, packed in sizes) == len(data))
    require(sizes[0][0] <= LARGEST_HEAD and sum(raw for raw, _ in sizes) <= LARGEST_RAW)
    return sizes, [at + sum(packed for _, packed in sizes[:k]) for k in range(count)]


def _description(data: bytes, sizes: list[tuple[int, int]], places: list[int]) -> dict:
    head = plain_json(_gunzip(data[places[0] : places[0] + sizes[0][1]], sizes[0][0]))
    require(isinstance(head, dict))
    return head


def _check_table(table, raw: list[int]) -> None:
    """The arrays fill their sections exactly, and none is named twice. ValueError otherwise."""
    require(isinstance(table, list) and len(table) <= MOST_ARRAYS)
    filled = [raw[0]] + [0] * (len(raw) - 1)
    for entry in table:
        require(isinstance(entry, list) and len(entry) == 6)
        name, section, kind, shape, low, step = entry
        require(isinstance(name, str) and kind in KINDS and isinstance(section, int) and 1 <= section < len(raw))
        require(isinstance(shape, list) and len(shape) <= 3 and all(isinstance(n, int) and 0 <= n <= LARGEST_RAW for n in shape))
        require(all(isinstance(x, (int, float)) and not isinstance(x, bool) and abs(x) <= 1e6 for x in (low, step)) and step > 0)
        filled[section] += math.prod(shape) * KINDS[kind][1]
    require(filled == raw and len({entry[0] for entry in table}) == len(table))


def _planes(values: np.ndarray) -> bytes:
    """Bytes of an array: of two-byte numbers all low bytes, then all high ones, which gzip packs better."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if not flat.size:
        return b""
    return flat.astype(flat.dtype.newbyteorder("<")).view(np.uint8).reshape(len(flat), -1).T.tobytes()


def _whole_numbers(data: bytes, kind: str, shape: list[int]) -> np.ndarray:
    dtype, size = KINDS[kind]
    if not data:
        return np.zeros(shape, dtype)
    planes = np.frombuffer(data, np.uint8).reshape(size, -1)
    return np.ascontiguousarray(planes.T).view(np.dtype(dtype).newbyteorder("<")).reshape(shape).astype(dtype)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # no time stamp in it: the same avatar is the same file
    return packer.compress(data) + packer.flush()


def _gunzip(data: bytes, size: int) -> bytes:
    """Exactly `size` bytes; no more is ever unpacked."""
    unpacker = zlib.decompressobj(31)
    out = unpacker.decompress(data, size + 1)
    require(len(out) == size and unpacker.eof and not unpacker.unused_data)
    return out
