"""A live avatar as one .html file: player, sliders, styles, expressions and motions, without a request to anyone."""

import base64
import json
import re
from pathlib import Path

from ..motion.presets import PRESETS
from ..render import synthetic
from .curves import FPS, moments

PLAYER = Path(__file__).with_name("player")
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
        {"name": name, "label": preset.label, "fps": FPS, **moments(preset)}
        for name, preset in PRESETS.items()
        if not preset.sweeps and preset.sound is None
    ]
