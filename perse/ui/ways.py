"""Which of the page's three ways moves the avatar in a video, as its script sends it."""

import json
from dataclasses import dataclass, field

from ..errors import PerseError
from ..motion.speech.choices import LIVELINESS, STRENGTH, USUAL, Manner
from .api import number

READY, SPEAK, FOLLOW = WAYS = ("ready", "speak", "follow")
LONGEST = 65_536  # characters of a way: the longest text that is said within a minute has 6,000
MOST_FACES = 16  # that a clip is asked for


@dataclass(frozen=True)
class Way:
    """kind: one of WAYS. say: text, of "speak"; empty for the recording that was brought. voice: that says it. manner: of speech.
    face: of "follow", which one of the clip's drives, counted from the left; the largest if None. mirrored: of the same, as in a mirror."""

    kind: str = READY
    say: str = field(default="", repr=False)
    voice: str = ""
    manner: Manner = USUAL
    face: int | None = None
    mirrored: bool = False


def read_way(text: object) -> Way:
    """A way from JSON; the first one if there is none. PerseError for what is none of them, in a sentence that repeats no typed text."""
    if not text:
        return Way()
    try:
        told = json.loads(text) if isinstance(text, str) and len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("way") not in WAYS:
        raise PerseError("Please choose how the avatar shall move: ready-made, speaking, or following a clip.")
    say, voice, face = told.get("say", ""), told.get("voice", ""), told.get("face")
    if not isinstance(say, str) or not isinstance(voice, str):
        raise PerseError("What to say must be text.")
    manner = Manner(
        number("strength", told.get("strength", USUAL.strength), *STRENGTH),
        number("liveliness", told.get("liveliness", USUAL.liveliness), *LIVELINESS),
    )
    if face is not None:
        face = int(number("number of the face", face, 1, MOST_FACES))
    return Way(told["way"], say, voice, manner, face, told.get("mirrored") is True)
