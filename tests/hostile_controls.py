"""Controls, looks and arguments as a stranger may send them: valid ones, bent ones, and ones that were never meant to be any."""

import json
import random
from collections.abc import Iterator

from perse.controls import LISTS, RANGES

NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e308",
    "-1e308",
    "1e999",
    "5e-324",
    "-0.0",
    "1" + "0" * 400,
    "1" * 4300,
    "1" * 5000,
    "0x10",
    "1_000",
    "01",
    "true",
    "null",
    '"1"',
    '"NaN"',
    "[]",
    "{}",
    "[1]",
    '{"a":1}',
    "0.1",
    "1",
    "-1",
    "180",
    "2.0000001",
)
NAMES = (
    "",
    "smile",
    "beard",
    "nose_width",
    "__class__",
    "constructor",
    "../../etc/passwd",
    "a\0b",
    "\n",
    "\ud800",
    "\U0001f9d4",
    "e\u0301",
    "\u202e",
    "\ufeff",
    "'\"\\",
    "${7*7}",
    "<script>",
    "n" * 64,
    "n" * 65,
    "n" * 100_000,
    "True",
    "0",
    "%s%n",
    "\x1b[31m",
)
TEXTS = (
    "",
    " ",
    "\0",
    "{",
    "}",
    "[",
    "]",
    '"',
    "{}",
    "[]",
    "null",
    "12",
    "NaN",
    "{}{}",
    "{,}",
    "{'yaw':1}",
    '{"yaw":1,}',
    '{"yaw":1}\0',
    "\ufeff{}",
    "[" * 100_000,
    '{"a":' * 100_000,
    '{"styles":' * 5 + "1" + "}" * 5,
    "{}" + " " * 300_000,
    "9" * 5000,
    '{"yaw":1,"yaw":2}',
    '{"yaw":1,"yaw":"x"}',
    "\ud800",
    '{"\\ud800":1}',
    '{"attributes":{"\\ud800":1}}',
    '{"attributes":{"\\u0000":1}}',
    "// no\n{}",
    "<html>",
    "%PDF-1.7",
    "GIF89a",
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp037")
LONGEST = 1_000_000  # characters of a list or an object, about: more than any file of controls may have, and lists of lists multiply
FIELDS = ("attributes", "styles", "latents", "expression", *LISTS, *RANGES)


def _value(rng: random.Random, depth: int = 0) -> str:
    """JSON, or nearly, of a value."""
    kind = rng.random()
    if kind < 0.45 or depth > 5:
        return rng.choice(NUMBERS)
    if kind < 0.6:
        return str(rng.uniform(-2, 2))
    if kind < 0.8:
        entries, length = [], 0
        for _ in range(rng.choice((0, 1, 2, 2, 3, 600)) if depth < 2 else 1):
            entries.append(f"{_name(rng)}:{_value(rng, depth + 1)}")
            if (length := length + len(entries[-1])) > LONGEST:
                break
        return "{" + ",".join(entries) + "}"
    count = rng.choice((0, 1, 3, 4, 65, 1403, 1404, 1405)) if depth < 2 else 1
    item = rng.choice(("0", "0.5", "-1", _value(rng, depth + 1)))
    return "[" + ",".join([item] * min(count, 1 + LONGEST // len(item))) + "]"


def _name(rng: random.Random) -> str:
    return json.dumps(rng.choice(NAMES) if rng.random() < 0.7 else "".join(chr(rng.randrange(1, 0x300)) for _ in range(rng.randrange(70))))


def _valid(rng: random.Random, known: dict[str, list]) -> dict:
    """Controls in range. known: names of attributes, expressions, and styles as (category, style)."""
    out = {name: rng.choice((low, high, rng.uniform(low, high))) for name, (low, high) in RANGES.items() if rng.random() < 0.4}
    for field in ("attributes", "expression"):
        names = known.get(field, [])
        out[field] = {n: rng.choice((-2, 2, rng.uniform(-1, 1))) for n in rng.sample(names, rng.randrange(min(len(names), 12) + 1))}
    for category, style in rng.sample(known.get("styles", []), rng.randrange(min(len(known.get("styles", [])), 8) + 1)):
        out.setdefault("styles", {}).setdefault(category, {})[style] = rng.choice((-2, 2, rng.uniform(0, 1)))
    for name, (count, limit) in LISTS.items():
        if rng.random() < 0.3:
            out[name] = [rng.choice((-limit, limit, 0.0)) for _ in range(count)]
    return out


def controls(rng: random.Random, known: dict[str, list] | None = None) -> Iterator[tuple[str, str | bytes]]:
    """(what it is, JSON text or bytes), without end; first each of the fixed texts once.

    Args:
        rng: the same seed gives the same.
        known: names that an avatar has, so that some reach its renderer.
    """
    for text in TEXTS:
        yield "text", text
    known = known or {"attributes": ["nose_width"], "expression": ["smile"], "styles": [("beard", "full")]}
    while True:
        text = json.dumps(_valid(rng, known))
        kind = rng.choice(("valid", "field", "field", "fields", "cut", "flipped", "encoded", "deep", "long", "twice"))
        if kind == "field":
            text = f'{{"{rng.choice(FIELDS)}":{_value(rng)}}}'
        elif kind == "fields":
            text = (
                "{" + ",".join(f"{_name(rng) if rng.random() < 0.2 else json.dumps(f)}:{_value(rng)}" for f in rng.sample(FIELDS, 3)) + "}"
            )
        elif kind == "cut":
            text = text[: rng.randrange(len(text))]
        elif kind == "flipped":
            data = bytearray(text.encode())
            for _ in range(rng.randrange(1, 9)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            yield kind, bytes(data)
            continue
        elif kind == "encoded":
            yield kind, text.encode(rng.choice(ENCODINGS))
            continue
        elif kind == "deep":
            depth = rng.choice((10, 300, 900, 980, 990, 1000, 50_000))
            text = f'{{"{rng.choice(FIELDS)}":{"[" * depth}{"]" * depth}}}'
        elif kind == "long":
            text = f'{{"{rng.choice(FIELDS)}":{{{",".join(f"{json.dumps(str(i))}:0.1" for i in range(rng.choice((511, 513, 20_000))))}}}}}'
        elif kind == "twice":
            text = text[:-1] + "," + text[1:]
        yield kind, text


def looks(rng: random.Random, known: dict[str, list] | None = None) -> Iterator[tuple[str, bytes]]:
    """(what it is, the bytes of a look file), without end."""
    for kind, content in controls(rng, known):
        yield kind, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")


def arguments(rng: random.Random) -> Iterator[tuple[str, object]]:
    """(what it is, a value for any argument of an interface), without end."""
    while True:
        kind = rng.choice(("json", "name", "number", "python"))
        if kind == "json":
            try:
                yield kind, json.loads(_value(rng))
            except ValueError:
                continue
        elif kind == "name":
            yield kind, rng.choice(NAMES)
        elif kind == "number":
            yield (
                kind,
                rng.choice(
                    (0, -1, 0.5, 1e308, -1e308, float("nan"), float("inf"), 2**63, 10**400, 10**5000, 1080, 1081, 63, 2049, True, None)
                ),
            )
        else:
            yield (
                kind,
                rng.choice(
                    (
                        "0000002048",
                        "1" * 5000,
                        "²",
                        "१२",
                        "0x40",
                        "1e2",
                        " 512",
                        "512 ",
                        "+5",
                        "-0",
                        "#12345",
                        "#1234567",
                        "#ggffff",
                        "transparent",
                        "original",
                        "file:///etc/passwd",
                        "https://localhost/x",
                        "mp4\0",
                        "a" * 10_000,
                        b"\xff",
                        ["a"] * 3,
                        {"path": "/etc/hostname"},
                    )
                ),
            )
