"""A live avatar as one .html file: player, sliders, styles, expressions and motions, without a request to anyone."""

import base64
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..controls import Controls
from ..motion.presets import PRESETS, Preset
from ..render import synthetic

if TYPE_CHECKING:
    from ..rig.rig import Rig

PLAYER = Path(__file__).with_name("player")
FPS = 30
_IMPORT = re.compile(r'^import .*? from "\./(\w+\.js)";\n', re.M)


def page_of(live: bytes) -> bytes:
    """The page of a live file."""
    text = (PLAYER / "page.html").read_text(encoding="utf-8")
    fields = {
        "SENTENCE": synthetic.sentence("3D head"),
        "SOURCE_TYPE": synthetic.SOURCE_TYPE,
        "MOTIONS": json.dumps(motions(), separators=(",", ":")),
        "PLAYER": script("main.js"),
        "LIVE": base64.b64encode(live).decode(),
    }
    return re.sub("__([A-Z_]+?)__", lambda field: fields[field[1]], text).encode()


def script(name: str) -> str:
    """A module of the player and all that it imports as one script, each once and after what it needs."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name not in done:
            text = (PLAYER / name).read_text(encoding="utf-8")
            for needed in _IMPORT.findall(text):
                visit(needed)
            done.append(name)

    visit(name)
    texts = (_IMPORT.sub("", (PLAYER / part).read_text(encoding="utf-8")) for part in done)
    return "\n".join(re.sub(r"^export (?=(const|class|function|async))", "", text, flags=re.M) for text in texts)


def motions() -> list[dict]:
    """Ready-made motions as a panel takes them; those that sweep an edit, or speak, need a server."""
    return [
        {"name": name, "label": preset.label, "fps": FPS, "frames": moments(preset)}
        for name, preset in PRESETS.items()
        if not preset.sweeps and preset.sound is None
    ]


def moments(preset: Preset, rig: "Rig | None" = None, count: int = 0) -> list[dict]:
    """What a preset adds to the controls in one loop, FPS times a second, or `count` times in all; rig: as in `Preset.pose`."""
    count = count or round(FPS * preset.seconds)
    return [_moment(preset.pose(k / count, rig)) for k in range(count)]


def _moment(controls: Controls) -> dict:
    """What differs from a portrait at rest, rounded beyond what is seen."""
    plain, out = asdict(Controls()), {}
    for name, value in asdict(controls).items():
        if isinstance(value, dict):
            value = {k: round(v, 3) for k, v in value.items() if abs(v) >= 0.0005}
        elif isinstance(value, float):
            value = round(value, 2)
        if value != plain[name]:
            out[name] = value
    return out
