"""Two or more looks at their seconds, and the ways between them: a motion of its own, or what somebody wears during another."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..controls import LONGEST as LONGEST_LOOK
from ..controls import Controls
from ..errors import PerseError, shown
from .motion import Motion, overlay

MOST_KEYS, LONGEST_SECONDS = 64, 600.0
LONGEST = MOST_KEYS * LONGEST_LOOK // 8  # characters of their JSON: a look is a few thousand, a frame of a driving clip ninety
# Share of the way by share of the time, both in [0, 1].
EASINGS: dict[str, Callable[[float], float]] = {
    "smooth": lambda t: t * t * (3 - 2 * t),
    "linear": lambda t: t,
    "in": lambda t: t * t,
    "out": lambda t: t * (2 - t),
    "hold": lambda t: float(t >= 1),
}


@dataclass(frozen=True)
class Key:
    """look: what is shown at `seconds`; easing: how it is reached from the key before, one of EASINGS."""

    seconds: float
    look: Controls
    easing: str = "smooth"


def read_keys(text: str) -> tuple[Key, ...]:
    """Keys of JSON text: a list of {"seconds": number, "look": Controls, "easing": name}, the last two optional.

    Raises:
        PerseError: for anything else, fewer than two keys or more than MOST_KEYS, and seconds that do not grow from 0 on.
    """
    if len(text) > LONGEST:
        raise PerseError(f"These keyframes are longer than {LONGEST:,} characters.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise PerseError("These keyframes are not valid JSON.") from None
    if not isinstance(data, list) or not 2 <= len(data) <= MOST_KEYS:
        raise PerseError(f'Keyframes are a list of 2 to {MOST_KEYS} objects such as {{"seconds": 2, "look": {{}}, "easing": "smooth"}}.')
    keys = tuple(_key(item, number) for number, item in enumerate(data, 1))
    if keys[0].seconds != 0 or any(a.seconds >= b.seconds for a, b in pairwise(keys)):
        raise PerseError("The seconds of keyframes must begin with 0 and grow from each to the next.")
    return keys


def _key(item: object, number: int) -> Key:
    if not isinstance(item, dict) or not set(item) <= {"seconds", "look", "easing"}:
        raise PerseError(f"Keyframe {number} must be an object of seconds, look and easing.")
    seconds, easing = item.get("seconds"), item.get("easing", "smooth")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_SECONDS:
        raise PerseError(f"Keyframe {number} must have seconds between 0 and {LONGEST_SECONDS:g}.")
    if not isinstance(easing, str) or easing not in EASINGS:
        raise PerseError(f"Keyframe {number} has the unknown easing {shown(easing)}: use {', '.join(EASINGS)}.")
    look = item.get("look", {})
    if not isinstance(look, dict):
        raise PerseError(f"The look of keyframe {number} must be a Controls object.")
    try:
        return Key(float(seconds), Controls.from_json(look), easing)
    except PerseError as error:
        raise PerseError(f"Keyframe {number}: {error}") from None


def look_at(keys: tuple[Key, ...], seconds: float) -> Controls:
    """What keys show at a moment; the last one from its own second on."""
    after = int(np.searchsorted([key.seconds for key in keys], seconds, side="right"))
    if after == len(keys):
        return keys[-1].look
    first, second = keys[max(after - 1, 0)], keys[max(after, 1)]
    share = (seconds - first.seconds) / (second.seconds - first.seconds)
    return first.look.mix(second.look, EASINGS[second.easing](min(max(share, 0.0), 1.0)))


def keyed_motion(keys: tuple[Key, ...], edit: Controls, seconds: float | None, fps: float) -> Motion:
    """The way through all keys, on top of an edit; seconds: its length if not that of the keys, whose last one is then held or not reached."""
    length = keys[-1].seconds if seconds is None else seconds
    count = max(2, math.floor(length * fps + 1e-6) + (seconds is None))  # the last key is shown, too
    return Motion(count, fps, lambda i: overlay(edit, look_at(keys, i / fps)))


def along(motion: Motion, keys: tuple[Key, ...]) -> Motion:
    """Another motion, during which the looks of keys come and go."""
    return replace(motion, at=lambda i: overlay(look_at(keys, i / motion.fps), motion.at(i)))
