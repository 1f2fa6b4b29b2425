"""Avatar files as nobody should send them, for the tests and for longer runs: `mutations(data, rng)` spoils a good file in every
tensor and in every field of its header, one thing at a time."""

import copy
import io
import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

NUMPY = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I8": "i1", "U8": "u1"}
EXAMPLE = Path(__file__).parent.parent / "assets" / "examples" / "astronaut.safetensors.xz"
KEPT_AXES = (  # alike and not, with one term and with two, and a middle
    "nose_width",
    "nose_tip",
    "beard_full",
    "beard_moustache",
    "beard_full__beard_moustache",
    "hair_blond",
    "hair_red",
)
DEEP, LONG = "[" * 5000 + "]" * 5000, "x" * 100_000
WRONG_JSON = (
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e308",
    "1e999",
    "NaN",
    "-Infinity",
    "9" * 5000,
    '""',
    '"NaN"',
    '"\\u0000<script>"',
    f'"{LONG}"',
    "[]",
    "{}",
    "[null]",
    "[1,2,3,4]",
    '{"a":{"b":[]}}',
    f"[{'0,' * 50_000}0]",
    DEEP,
)
WRONG_KINDS = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8_E4M3", "", None, 7, ["F32"])
FLOATS = (float("nan"), float("inf"), -float("inf"), 6e4, -6e4, 1e3, -1.0, 1e-7, 0.0)

Table = dict[str, dict]


def unpacked(data: bytes) -> tuple[dict, Table, dict[str, bytes]]:
    """A safetensors file as its metadata, its table of tensors, and their bytes."""
    end = 8 + int.from_bytes(data[:8], "little")
    table = json.loads(data[8:end])
    meta = table.pop("__metadata__")
    return meta, table, {name: data[end + first : end + last] for name, entry in table.items() for first, last in [entry["data_offsets"]]}


def packed(meta, table: Table, parts: dict[str, bytes]) -> bytes:
    """The way back; what the table says of places is made true."""
    table, at = copy.deepcopy(table), 0
    for name, entry in table.items():
        entry["data_offsets"] = [at, at := at + len(parts[name])]
    return raw({"__metadata__": meta, **table}, b"".join(parts[name] for name in table))


def raw(header: dict | bytes, body: bytes) -> bytes:
    """A file with this header, true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + body


def small(every: int = 40) -> bytes:
    """The example's avatar with one Gaussian in `every` and few axes: loaded and drawn in a moment."""
    meta, table, parts = unpacked(lzma.decompress(EXAMPLE.read_bytes()))
    inner = json.loads(meta["avatar"])
    arrays = {
        name: np.frombuffer(parts[name], NUMPY[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in table.items()
        if not name.startswith("axis.") or name.split(".")[1] in KEPT_AXES
    }
    count = len(arrays["face"])
    kept = np.arange(0, count, every)
    place = np.full(count, -1)
    place[kept] = np.arange(len(kept))
    for name in ("face", "bary", "offset", "quats", "log_scales", "colors", "opacities"):
        arrays[name] = arrays[name][kept]
    inner["axes"] = [name for name in inner["axes"] if name in KEPT_AXES]
    inner["middles"] = [name for name in inner["middles"] if name in KEPT_AXES]
    inner["like"] = {a: b for a, b in inner["like"].items() if a in KEPT_AXES}
    own = [*inner["axes"], *inner["middles"]]
    stays = {axis: place[arrays[f"axis.{inner['like'].get(axis, axis)}.gaussians"]] >= 0 for axis in own}
    for axis in own:
        if axis not in inner["like"]:
            arrays[f"axis.{axis}.gaussians"] = np.int32(place[arrays[f"axis.{axis}.gaussians"]][stays[axis]])
            arrays[f"axis.{axis}.weight"] = arrays[f"axis.{axis}.weight"][stays[axis]]
        for part in ("color", "opacity", "log_scale"):
            if (name := f"axis.{axis}.{part}") in arrays:  # zeros are not written
                arrays[name] = arrays[name][:, stays[axis]]
    meta["avatar"] = json.dumps(inner, sort_keys=True)
    table = {name: {"dtype": table[name]["dtype"], "shape": list(array.shape)} for name, array in arrays.items()}
    return packed(meta, table, {name: array.tobytes() for name, array in arrays.items()})


def mutations(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """(name, file): each is `data` but for one thing, which the name tells; what chance decides is drawn anew by `rng`."""
    yield "nothing", data
    yield from _whole(data, rng)
    meta, table, parts = unpacked(data)
    for name in table:
        yield from _values(meta, table, parts, name, rng)
        yield from _shapes(meta, table, parts, name, rng)
        yield from _entries(data, name, rng)
    yield from _fields(meta, table, parts)
    yield from backdrops(data, rng)


def _whole(data: bytes, rng) -> Iterator[tuple[str, bytes]]:
    end = 8 + int.from_bytes(data[:8], "little")
    for share in (0, 0.001, 0.5, 0.9999):
        yield f"cut to {share}", data[: int(share * len(data))]
    for length in (0, 1, end - 9, end - 7, len(data), 2**31, 2**63, 2**64 - 1):
        yield f"header of {length} bytes", length.to_bytes(8, "little") + data[8:]
    for what, junk in (("zeros", bytes(64)), ("another file", data[:4096])):
        yield f"{what} behind", data + junk
        yield f"{what} before", junk + data
    yield "a header as long as the file", raw(data[8:end] + b" " * 1_100_000, data[end:])
    yield "a header of noise", raw(rng.bytes(5000), data[end:])
    yield "a header that is no object", raw(b"[1,2]", data[end:])
    yield "a deep header", raw(DEEP.encode(), data[end:])
    yield (
        "a header with a name twice",
        raw(data[8:end].rstrip()[:-1] + b',"face":{"dtype":"I32","shape":[0],"data_offsets":[0,0]}}', data[end:]),
    )
    for part, first, last in (("header", 8, end), ("body", end, len(data))):
        for count in (1, 8, 64):
            spoiled = bytearray(data)
            for at in rng.integers(first, last, count):
                spoiled[at] ^= 1 << rng.integers(8)
            yield f"{count} bits of the {part}", bytes(spoiled)


def _values(meta, table: Table, parts, name: str, rng) -> Iterator[tuple[str, bytes]]:
    kind = NUMPY[table[name]["dtype"]]
    values = np.frombuffer(parts[name], kind)
    if not values.size:
        return

    def put(what, changed):
        return f"{name}: {what}", packed(meta, table, parts | {name: np.asarray(changed, kind).tobytes()})

    with np.errstate(all="ignore"):
        odd = [np.array(x).astype(kind) for x in FLOATS] if "f" in kind else [np.iinfo(kind).min, np.iinfo(kind).max, 0, 1]
        for value in (odd[k] for k in rng.permutation(len(odd))[:4]):
            one = values.copy()
            one[rng.integers(one.size)] = value
            yield put(f"one {value}", one)
            yield put(f"all {value}", np.full_like(values, value))
        yield put("negative", 0 - values)
        yield put("times three", values * np.array(3).astype(kind))
    yield put("backwards", values[::-1])
    yield put("shuffled", rng.permutation(values))
    noise = np.frombuffer(rng.bytes(values.nbytes), kind)
    yield put("noise", noise)
    some, at = values.copy(), rng.integers(0, values.size, 1 + values.size // 100)
    some[at] = noise[at]
    yield put("some noise", some)


def _shapes(meta, table: Table, parts, name: str, rng) -> Iterator[tuple[str, bytes]]:
    """What its bytes agree with: only the rules know better."""
    shape, size = table[name]["shape"], np.dtype(NUMPY[table[name]["dtype"]]).itemsize
    for k, length in enumerate(shape):
        for other in {0, 1, max(0, length - 1), length + 1, 2 * length} - {length}:
            wanted = [*shape[:k], other, *shape[k + 1 :]]
            content = (parts[name] + rng.bytes(size))[:-size] or bytes(size)
            content = (content * (1 + int(np.prod(wanted)) * size // len(content)))[: int(np.prod(wanted)) * size]
            yield (f"{name}: shape {wanted}", packed(meta, table | {name: table[name] | {"shape": wanted}}, parts | {name: content}))
    for wanted in ([int(np.prod(shape))], shape[::-1]):
        if wanted != shape:
            yield f"{name}: as {wanted}", packed(meta, table | {name: table[name] | {"shape": wanted}}, parts)
    yield f"{name}: one more dimension", packed(meta, table | {name: table[name] | {"shape": [1, *shape]}}, parts)
    yield f"{name}: missing", packed(meta, {k: v for k, v in table.items() if k != name}, parts)
    yield f"{name}: twice", packed(meta, table | {f"{name}2": table[name]}, parts | {f"{name}2": parts[name]})
    others = [k for k in table if k != name and len(parts[k]) == len(parts[name])]
    if others:
        other = others[rng.integers(len(others))]
        yield f"{name}: swapped with {other}", packed(meta, table, parts | {name: parts[other], other: parts[name]})


def _entries(data: bytes, name: str, rng) -> Iterator[tuple[str, bytes]]:
    """What the table says, whether it is true or not."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    entry = header[name]
    first, last = entry["data_offsets"]
    wrong = [{"dtype": kind} for kind in WRONG_KINDS if kind != entry["dtype"]]
    wrong += [
        {"data_offsets": offsets}
        for offsets in (
            [last, first],
            [first, last + 8],
            [first - 8, last],
            [0, last - first],
            [-8, last],
            [first, 2**62],
            [first],
            [],
            None,
            "0,8",
            [first, float(last)],
            [[first], [last]],
        )
    ]
    wrong += [
        {"shape": shape}
        for shape in ([2**40], [2**62, 4], [-1], [10**30], [10**8, 0, 3], [], None, 5, "3", [3.0], [True], [None], [0] * 1000, [1] * 65)
    ]
    for change in (wrong[k] for k in rng.permutation(len(wrong))[:12]):
        if entry | change != entry:
            yield f"{name}: {str(change)[:60]}", raw(header | {name: entry | change}, data[end:])
    for other in ([], None, "x", {}, {"dtype": entry["dtype"]}):
        yield f"{name}: entry {other}", raw(header | {name: other}, data[end:])


def _paths(value, path=()) -> Iterator[tuple]:
    """Ways to everything inside a JSON value; of long lists and objects to a few."""
    yield path
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys if len(keys) < 12 else [*keys[:2], keys[-1]]:
            yield from _paths(value[key], (*path, key))


def _fields(meta: dict, table: Table, parts) -> Iterator[tuple[str, bytes]]:
    """Each field of the avatar's own, and of what stands around it: of other types and sizes, missing, twice, strange."""
    inner, mark = json.loads(meta["avatar"]), "\0here\0"

    def changed(path, new):
        copied = copy.deepcopy(inner)
        at = copied
        for key in path[:-1]:
            at = at[key]
        new(at, path[-1])
        return copied

    for path in list(_paths(inner))[1:]:
        where = ".".join(map(str, path))
        text = json.dumps(changed(path, lambda at, key: at.__setitem__(key, mark)))
        for wrong in WRONG_JSON:
            yield f"{where} = {wrong[:20]}", packed(meta | {"avatar": text.replace(json.dumps(mark), wrong)}, table, parts)
        yield f"{where} missing", packed(meta | {"avatar": json.dumps(changed(path, lambda at, key: at.pop(key)))}, table, parts)
        if isinstance(path[-1], str):
            key = json.dumps(path[-1])
            text = json.dumps(changed(path, lambda at, key: at.__setitem__(mark, at.pop(key))))
            for value in ("0", "[]", '"x"'):
                yield (
                    f"{where} twice",
                    packed(meta | {"avatar": text.replace(f"{json.dumps(mark)}: ", f"{key}: {value}, {key}: ", 1)}, table, parts),
                )
    for field in ("size", "crop"):
        for numbers in (
            [0, 0],
            [1, 1],
            [10**9, 512],
            [512, 513],
            [-512, 512],
            [1e9, 1e9, 1e9],
            [0, 0, 0],
            [0, 0, -5],
            [0, 0, 1e-30],
            [0, 0, 1e12],
        ):
            yield (
                f"source.{field} = {numbers}",
                packed(meta | {"avatar": json.dumps(inner | {"source": inner["source"] | {field: numbers}})}, table, parts),
            )
    for size in (0, 15, 17, 2049, 10**6, 2**31, 2**63):
        yield f"camera_size = {size}", packed(meta | {"avatar": json.dumps(inner | {"camera_size": size})}, table, parts)
    for key in meta:
        for wrong in (None, 1, "", "2", "٣", "9" * 5000, [], {}, "[", DEEP, LONG):
            yield f"metadata {key} = {str(wrong)[:20]}", packed(meta | {key: wrong}, table, parts)
        yield f"no metadata {key}", packed({k: v for k, v in meta.items() if k != key}, table, parts)
    for wrong in (None, [], "x", {}, {"format": []}):
        yield f"metadata {wrong}", packed(wrong, table, parts)
    yield "more metadata", packed(meta | {"colour": "blue"}, table, parts)
    yield "more fields", packed(meta | {"avatar": json.dumps(inner | {"colour": {"a": [1]}})}, table, parts)


def backdrops(data: bytes, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """What may stand where the photo's JPEG is expected."""
    meta, table, parts = unpacked(data)
    name, good = "source.background", parts["source.background"]
    photo = Image.open(io.BytesIO(good))

    def file(image: Image.Image, kind: str, **options) -> bytes:
        image.save(out := io.BytesIO(), kind, **options)
        return out.getvalue()

    face = Image.fromarray(skimage.data.astronaut()).resize(photo.size)
    others = {kind: file(face, kind) for kind in ("PNG", "GIF", "BMP", "TIFF", "WEBP", "EPS", "PDF", "PPM", "JPEG2000")}
    others |= {
        "JPEG of another size": file(face.resize((96, 32)), "JPEG"),
        "grey JPEG": file(face.convert("L"), "JPEG"),
        "CMYK JPEG": file(face.convert("CMYK"), "JPEG"),
        "progressive JPEG": file(face, "JPEG", progressive=True),
        "JPEG of another encoder": file(face, "JPEG", quality=40, optimize=True),
        "JPEG with a comment": file(face, "JPEG", comment=b"x" * 999),
        "JPEG and more": good + b"PK\3\4" + bytes(99),
        "two JPEGs": good + good,
        "half a JPEG": good[: len(good) // 2],
        "no end": good[:-2],
        "a huge JPEG's header": good.replace(photo.height.to_bytes(2, "big") + photo.width.to_bytes(2, "big"), b"\xff\xff\xff\xff", 1),
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(x) run\n",
        "nothing": b"",
        "a byte": b"\xff",
    }
    scan = good.index(b"\xff\xda")
    others["JPEG of many scans"] = good[:-2] + good[scan:-2] * 3 + good[-2:]
    for k in range(6):
        spoiled = bytearray(good)
        for at in rng.integers(0 if k < 3 else scan, len(good), 4):
            spoiled[at] = rng.integers(256)
        others[f"JPEG spoiled, {k}"] = bytes(spoiled)
    for what, content in others.items():
        yield f"background: {what}", packed(meta, table | {name: {"dtype": "U8", "shape": [len(content)]}}, parts | {name: content})
