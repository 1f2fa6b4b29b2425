"""The one exception a visitor may see."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class PerseError(ValueError):
    """Bad input, described in one sentence that tells the visitor what to do.

    The command line prints it and exits with 2; the page shows it as a message.
    """


class BuildCancelled(Exception):
    """Raised inside a build when its caller asked for it to stop."""


def asking(items: Iterable[T], cancelled: Callable[[], bool]) -> Iterator[T]:
    """The same items; BuildCancelled before the next one once `cancelled` says so."""
    for item in items:
        if cancelled():
            raise BuildCancelled()
        yield item


def shown(value: object, longest: int = 40) -> str:
    """What a stranger sent, as it may stand in a sentence: one line of at most `longest` characters, whatever it is."""
    if isinstance(value, (dict, list, tuple)):  # as deep and as long as its sender liked
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) >= 10**15:  # Python refuses to print the longest
        return "a huge number"
    text = repr(value[:longest] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
