"""Writes docs/controls.md: every field of Controls with its range and unit, and every name that fits into its mappings.

PYTHONPATH=. python docs/make_controls.py
"""

from dataclasses import asdict, fields
from pathlib import Path

from perse.attributes.catalogue import CATEGORIES
from perse.controls import AMOUNTS, BANDS, LATENTS, LISTS, LONGEST, MARKS, MOST_NAMES, RANGES, Controls
from perse.rig.expressions import COMPOSITES, NAMES

PAGE = Path(__file__).parent / "controls.md"
EXAMPLE = (
    '{"expression": {"smile": 0.8}, "attributes": {"nose_width": 0.5}, "styles": {"beard": {"full": 0.66}}, "head_yaw": -15, "yaw": 20}'
)
DISTANCE = "distances between the outer corners of the eyes"
HEAD = {"yaw": "turned towards the picture's left edge", "pitch": "turned down", "roll": "tilted"}
MOVED = {"x": "to the subject's left", "y": "down", "z": "backwards"}
# What a mapping or a list holds, and in which unit.
SHAPES = {
    "attributes": ("{direction: amount}", "amounts; the table of directions says what the page's sliders offer"),
    "styles": ("{category: {style: amount}}", "amounts, 0 to 1 on the page's sliders"),
    "latents": ("{category: [numbers]}", "the category's own latent vector, added to what attributes and styles give"),
    "expression": ("{name: weight}", "weights, 0 to 1"),
    "detail": (f"[{MARKS} numbers] or []", f"{DISTANCE}: x, y, z of each of the face's landmarks"),
    "light": (f"[{MARKS} numbers] or []", "natural logarithm of how much brighter: red, green, blue at each landmark"),
    "mouth_light": (f"[{BANDS} numbers] or []", "the same of all three together, in bands from the upper lip to the lower one"),
}
MEANINGS = {
    "gaze_yaw": ("degrees", "both eyes, towards the picture's left edge"),
    "gaze_pitch": ("degrees", "both eyes, down"),
    "neutralise": ("share", "how far the portrait's open mouth is closed and its closed eyes are opened"),
    "zoom": ("times", "the camera's"),
    "yaw": ("degrees", "the camera, around the head"),
    "pitch": ("degrees", "the camera, above or below"),
    "roll": ("degrees", "the camera, about its own axis"),
}


def meaning(name: str) -> tuple[str, str]:
    """Unit of a number, and what it moves. KeyError for a field that this page does not know yet."""
    if name in MEANINGS:
        return MEANINGS[name]
    part, _, axis = name.partition("_")
    what = {"head": "the head on its neck", "body": "the shoulders and what they carry"}[part]
    return ("degrees", f"{what}, {HEAD[axis]}") if axis in HEAD else (DISTANCE, f"{what}, moved {MOVED[axis]}")


def page() -> str:
    """The whole file."""
    start = asdict(Controls())
    lines = []
    for field in fields(Controls):
        name = field.name
        if name in RANGES:
            unit, what = meaning(name)
            low, high = RANGES[name]
            lines.append(f"| `{name}` | {low:g} … {high:g} | {start[name]:g} | {unit} | {what} |")
        else:
            shape, unit = SHAPES[name]
            low, high = (-LISTS[name][1], LISTS[name][1]) if name in LISTS else LATENTS if name == "latents" else AMOUNTS
            most = f"each {low:g} … {high:g}" + ("" if name in LISTS else f", {MOST_NAMES} entries at most")
            lines.append(f"| `{name}` | {shape}, {most} | empty | {unit} | |")
    directions = [
        f"| {category.label} (`{category.name}`) | {', '.join(f'`{a.name}` {a.low:g} … {a.high:g}' for a in category.axes)} | "
        f"{', '.join(f'`{s.name}`' for s in category.styles)} |"
        for category in CATEGORIES
    ]
    return "\n".join(
        [
            "# Controls",
            "",
            "Made by `PYTHONPATH=. python docs/make_controls.py` from the code; the tests compare. Everything that a visitor can set is one JSON object. The",
            "page's scripts, `/preview`, `/video`, `/export`, MCP tools, look files and `perse.Controls` all speak it. A field that is left out has the",
            "value in the third column, so `{}` is the portrait as it is. What is unknown, of a wrong type or outside its range is refused in a sentence.",
            f"At most {LONGEST:,} characters.",
            "",
            "| field | values | if left out | unit | what it sets |",
            "|---|---|---|---|---|",
            *lines,
            "",
            "A smile with a wider nose, a full beard at two thirds the head turned towards the picture's right edge, the camera gone round by 20 degrees:",
            "",
            "```json",
            EXAMPLE,
            "```",
            "",
            "## Directions and styles",
            "",
            "`info` tells which of them an avatar has, and why one is not offered.",
            "",
            "| category | directions for `attributes` | styles for `styles` |",
            "|---|---|---|",
            *directions,
            "",
            "## Expressions",
            "",
            f"Composites: {', '.join(f'`{name}`' for name in COMPOSITES)}.",
            "",
            f"ARKit's shapes: {', '.join(f'`{name}`' for name in NAMES)}.",
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
