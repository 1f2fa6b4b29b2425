"""What somebody typed, as far as it can be said aloud. Nothing of it is kept or logged, and no sentence about it repeats it."""

import re
import unicodedata

from ...errors import PerseError

MOST_PER_SECOND = 25.0  # characters that the quickest speech takes; ordinary English has about 15
FEW = 400  # characters that are always tried
LATIN = 0.7  # share of the letters that must be Latin for a voice that reads English
_TAG = re.compile(r"<[/!?]?[A-Za-z][^<>]{0,300}>|<!--.*?-->", re.DOTALL)
_RUN = re.compile(r"(\S)\1{7,}")  # the same character over and over
_LONG = re.compile(r"\S{60,}")  # no word; a link, or a cat on the keyboard


def speakable(text: object, seconds: float) -> str:
    """Text as a voice can read it: without tags, control characters, emoji and endless repetitions; lines stay lines.

    Args:
        text: what was typed.
        seconds: how long the speech may last at most.

    Raises:
        PerseError: it is no text, holds nothing that can be said, is in another script than Latin, or is certainly too long.
    """
    if not isinstance(text, str):
        raise PerseError("What to say must be text.")
    if len(text) > max(FEW, 4 * MOST_PER_SECOND * seconds):  # before anything is done with it
        raise too_long(len(text), seconds)
    text = unicodedata.normalize("NFKC", _TAG.sub(" ", text))
    text = "".join(_said(c) for c in text)
    text = _RUN.sub(lambda run: run.group(1) * 3, text).replace("](", "] (")
    text = _LONG.sub(lambda word: word.group()[:60], text)
    lines = (" ".join(line.split()) for line in text.splitlines())
    text = "\n".join(line for line in lines if line)
    letters = [c for c in text if c.isalpha()]
    if not letters and not any(c.isdigit() for c in text):
        raise PerseError("There is nothing to say in this text: please type some words.")
    if sum("LATIN" in unicodedata.name(c, "") for c in letters) < LATIN * len(letters):
        raise PerseError("The voice reads English only: please type English words, or use a recording, which may be in any language.")
    if len(text) > max(FEW, MOST_PER_SECOND * seconds):
        raise too_long(len(text), seconds)
    return text


def too_long(characters: int, seconds: float) -> PerseError:
    """What to tell of a text that would last longer than it may."""
    return PerseError(
        f"This text of {characters:,} characters takes longer to say than {seconds:g} seconds, the longest that is possible here: "
        f"please shorten it to about {round(13 * seconds):,} characters."
    )


def _said(c: str) -> str:
    """A character as it may stay in a text."""
    category = unicodedata.category(c)
    if c == "\n" or category in ("Zl", "Zp"):
        return "\n"
    if category in ("Cf", "Mn", "Me", "Cs", "Co", "Cn") or category == "Sk":
        return ""
    return " " if category in ("Cc", "So") or category[0] == "Z" else c
