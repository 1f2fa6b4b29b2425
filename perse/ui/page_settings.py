"""The numbers and sentences that the page's scripts and texts need, taken from where Python keeps them: none is written twice."""

import json
from dataclasses import asdict

from ..attributes.former_names import SPLIT
from ..controls import RANGES, Controls
from ..motion.keyframes import EASINGS, MOST_KEYS
from ..motion.length import ON_PAGE
from ..motion.speech.phones import TYPED, WAYS
from ..motion.speech.voice import VOICES
from ..render.visible_label import one_line
from ..settings import (
    CAMERA,
    LIVE_SIZE,
    LIVE_SIZES,
    LONGEST_CONTROLS,
    OFFERED_VIDEO_FPS,
    OFFERED_VIDEO_SIZES,
    SAVED_SIZES,
    SEEDS,
    STRIP_FRAMES,
    TILE_VIEWS,
    VIDEO_FORMATS,
)
from .engine import OPENING, WARMING
from .guard import MAX_UPLOAD
from .languages import languages
from .one_visit import LEAVING, LOST

DENSE = 60_000  # Gaussians: a picture of fewer shows their lattice when it is enlarged, and is left at the live size
ASK_BUSY = 0.35  # seconds between two questions of the page while something is made for it
ASK_QUIET = LOST / 8  # and otherwise: eight chances to say that it is still there


def page_settings(mark: str = "", spoken_mark: str = "") -> dict:
    """Plain JSON values, by the names under which the scripts find them in `perse.settings`. Marks: as `html_pieces.head` takes them."""
    return {
        "languages": languages(),
        "look": asdict(Controls(neutralise=1.0)),  # where a visitor starts: mouth closed, eyes open
        "ranges": RANGES,
        "split": SPLIT,
        "camera": {name: [-most, most] for name, most in CAMERA.items()},
        "seeds": SEEDS,
        "live_size": LIVE_SIZE,
        "live_sizes": LIVE_SIZES,
        "strip_frames": STRIP_FRAMES,
        "tile_views": TILE_VIEWS,
        "dense": DENSE,
        "longest_look": LONGEST_CONTROLS,
        "ask_busy": ASK_BUSY,
        "ask_quiet": ASK_QUIET,
        "voices": {name: voice.label for name, voice in VOICES.items()},
        "video_seconds": round(ON_PAGE.seconds),
        "max_upload": MAX_UPLOAD,
        "film": [OFFERED_VIDEO_SIZES, VIDEO_FORMATS, OFFERED_VIDEO_FPS],
        "easings": list(EASINGS),
        "most_keys": MOST_KEYS,
        "warming": WARMING,
        "opening": OPENING,
        "mark": one_line(mark),
        "spoken_mark": one_line(mark or spoken_mark),
    }


def script(mark: str = "", spoken_mark: str = "") -> str:
    """The settings as a script that has to come before the others."""
    text = json.dumps(page_settings(mark, spoken_mark)).replace("</", "<\\/")  # nothing in it ends the script
    return f"window.perse = {{ settings: {text} }};"


def words() -> dict[str, str]:
    """What stands for the $names in static/*.html."""
    chosen = SAVED_SIZES[len(SAVED_SIZES) // 2]
    return {
        "live_size": str(LIVE_SIZE),
        "leaving": f"{LEAVING:g} seconds",
        "typed": WAYS[TYPED],
        "video_seconds": f"{ON_PAGE.seconds:.0f}",
        "lost": f"{LOST / 60:g} minutes",
        "saved_sizes": "".join(f"<option{' selected' if size == chosen else ''}>{size}</option>" for size in SAVED_SIZES),
    }
