"""Everything a visitor can set, as one plain value that goes in and out as JSON: in text, and in files, which are called looks."""

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .errors import PerseError, shown
from .files import read_short, write_atomically

RANGES = {
    "head_yaw": (-45.0, 45.0),
    "head_pitch": (-30.0, 30.0),
    "head_roll": (-30.0, 30.0),
    "head_x": (-4.0, 4.0),
    "head_y": (-4.0, 4.0),
    "head_z": (-4.0, 4.0),
    "body_yaw": (-30.0, 30.0),
    "body_pitch": (-30.0, 30.0),
    "body_roll": (-30.0, 30.0),
    "body_x": (-4.0, 4.0),
    "body_y": (-4.0, 4.0),
    "body_z": (-4.0, 4.0),
    "gaze_yaw": (-45.0, 45.0),
    "gaze_pitch": (-24.0, 24.0),
    "neutralise": (0.0, 1.0),
    "yaw": (-180.0, 180.0),
    "pitch": (-60.0, 60.0),
    "roll": (-180.0, 180.0),
    "zoom": (0.5, 3.0),
}
AMOUNTS, LATENTS = (-2.0, 2.0), (-4.0, 4.0)  # that mappings of amounts and raw latent vectors may hold
MARKS = 3 * 468  # x, y, z or red, green, blue of each landmark of the face
BANDS = 4  # between the lips, from the upper to the lower one
LONGEST = 200_000  # characters of their JSON; every slider and all that a driving clip adds take about 90,000
MOST_NAMES = 512  # entries of one mapping at most; the catalogue has about 100 directions, and a category at most 30 styles
LISTS = {"detail": (MARKS, 1.0), "light": (MARKS, 1.0), "mouth_light": (BANDS, 3.0)}  # how many numbers, how large at most


@dataclass(frozen=True)
class Controls:
    """The state of an avatar and of the camera that looks at it. The default value is the portrait as it is.

    attributes: latent direction -> amount (nose_width: -0.5). styles: category -> {style: amount}.
    latents: category -> raw latent vector, added to what attributes and styles give.
    expression: name -> weight in [0, 1], ARKit shapes and composites.
    head_yaw, head_pitch, head_roll: the head on its neck; gaze_*: both eyes; yaw, pitch, roll, zoom: the camera around
    the avatar. Degrees; a positive yaw turns the face towards the picture's left edge, a positive pitch turns it down.
    head_x, head_y, head_z: how far the head has moved, in outer-eye-corner distances along its rest axes (to the
    subject's left, down, backwards). body_*: the same of the shoulders and what they carry, about the same neck and along the same axes;
    where a neck would grow or lean too far they come along with the head by themselves. detail: what a driving clip adds to the
    expression, x, y, z of each of the 468 face landmarks in the same unit and axes; empty for none. light: what it adds to the light on
    the face, the natural logarithm of how much brighter red, green and blue are at each landmark; empty for none. mouth_light: the same,
    of all three together, between the lips, in four bands from the upper to the lower one. neutralise: how far the portrait's open mouth
    is closed and its closed eyes are opened, 0..1; a portrait without them stays as it is.
    """

    attributes: dict[str, float] = field(default_factory=dict)
    styles: dict[str, dict[str, float]] = field(default_factory=dict)
    latents: dict[str, tuple[float, ...]] = field(default_factory=dict)
    expression: dict[str, float] = field(default_factory=dict)
    head_yaw: float = 0.0
    head_pitch: float = 0.0
    head_roll: float = 0.0
    head_x: float = 0.0
    head_y: float = 0.0
    head_z: float = 0.0
    body_yaw: float = 0.0
    body_pitch: float = 0.0
    body_roll: float = 0.0
    body_x: float = 0.0
    body_y: float = 0.0
    body_z: float = 0.0
    gaze_yaw: float = 0.0
    gaze_pitch: float = 0.0
    detail: tuple[float, ...] = ()
    light: tuple[float, ...] = ()
    mouth_light: tuple[float, ...] = ()
    neutralise: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0

    def with_(self, **changes) -> "Controls":
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_json(self) -> str:
        """Compact JSON; `from_json` reads it back."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str | dict) -> "Controls":
        """Read Controls from JSON text or an already parsed object.

        Raises:
            PerseError: for anything that is not a Controls object of finite numbers in range.
        """
        if isinstance(text, (str, bytes)) and len(text) > LONGEST:
            raise PerseError(f"These controls are longer than {LONGEST:,} characters.")
        try:
            data = json.loads(text) if isinstance(text, (str, bytes)) else text
        except (ValueError, RecursionError):
            raise PerseError("These controls are not valid JSON.") from None
        if not isinstance(data, dict):
            raise PerseError('Controls must be a JSON object such as {"expression": {"smile": 0.8}}.')
        known = {f.name for f in fields(Controls)}
        for key in data:
            if key not in known:
                families = sorted({f"{name.split('_')[0]}_*" if name in RANGES and "_" in name else name for name in known})
                raise PerseError(f"Unknown control {shown(key)}; known are: {', '.join(families)}.")
        out: dict[str, Any] = {}
        for key, value in data.items():
            if key in RANGES:
                out[key] = _number(key, value, *RANGES[key])
            elif key == "styles":
                out[key] = {
                    _name(c): {_name(s): _number(f"{c}={s}", a, *AMOUNTS) for s, a in _mapping(key, m).items()}
                    for c, m in _mapping(key, value).items()
                }
            elif key == "latents":
                out[key] = {
                    _name(c): tuple(_number(f"latent {c}", x, *LATENTS) for x in _sequence(key, v)) for c, v in _mapping(key, value).items()
                }
            elif key in LISTS:
                count, limit = LISTS[key]
                out[key] = tuple(_number(key, x, -limit, limit) for x in _sequence(key, value, count))
                if len(out[key]) not in (0, count):
                    raise PerseError(f"The control {key!r} must hold no or {count} numbers, not {len(out[key])}.")
            else:
                out[key] = {_name(n): _number(n, v, *AMOUNTS) for n, v in _mapping(key, value).items()}
        return Controls(**out)

    def mix(self, other: "Controls", share: float) -> "Controls":
        """Linear mixture: `share` 0 gives self, 1 gives other."""

        def blend(a, b):
            if isinstance(a, dict) or isinstance(b, dict):
                a, b = a or {}, b or {}
                return {k: blend(a.get(k, type(b.get(k))() if b.get(k) is not None else None), b.get(k)) for k in {**a, **b}}
            if isinstance(a, tuple) or isinstance(b, tuple):
                a, b = a or (), b or ()
                n = max(len(a), len(b))
                return tuple(blend(x, y) for x, y in zip(tuple(a) + (0.0,) * (n - len(a)), tuple(b) + (0.0,) * (n - len(b))))
            return (1 - share) * (a or 0.0) + share * (b or 0.0)

        return Controls(**{f.name: blend(getattr(self, f.name), getattr(other, f.name)) for f in fields(Controls)})


def read_look(path: str | Path) -> Controls:
    """Read a look, a file of Controls as the page saves and opens it.

    Raises:
        PerseError: the file is missing, is not JSON, or does not hold Controls; the sentence names the file.
    """
    path = Path(path)
    text = read_short(path, LONGEST, "a look, a JSON file that PERSE saved")
    try:
        return Controls.from_json(text)
    except PerseError as error:
        raise PerseError(f"{shown(path.name)} is not a look: {error}") from None


def write_look(controls: Controls, path: str | Path) -> None:
    """Write a look; whatever is at its default is left out. PerseError if it cannot be written."""
    plain, data = json.loads(Controls().to_json()), json.loads(controls.to_json())
    kept = {k: v for k, v in data.items() if v != plain[k]}
    write_atomically(path, (json.dumps(kept, indent=1) + "\n").encode())


def _mapping(name, value) -> dict:
    if not isinstance(value, dict) or len(value) > MOST_NAMES:
        raise PerseError(f"The control {name!r} must be an object of at most {MOST_NAMES} names and numbers.")
    return value


def _sequence(name, value, longest: int = 64) -> list | tuple:
    if not isinstance(value, (list, tuple)) or len(value) > longest:
        raise PerseError(f"The control {name!r} must hold short lists of numbers.")
    return value


def _name(value) -> str:
    if not isinstance(value, str) or len(value) > 64 or not value.isprintable():
        raise PerseError("Names in controls must be short texts of printable characters.")
    return value


def _number(name, value, low, high) -> float:
    try:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:  # JSON knows integers of any length
        number = math.inf
    if not math.isfinite(number):
        raise PerseError(f"The control {shown(name, 64)} must be a number, not {shown(value)}.")
    if not low <= number <= high:
        raise PerseError(f"The control {shown(name, 64)} is {number:g}; it must lie between {low:g} and {high:g}.")
    return number
