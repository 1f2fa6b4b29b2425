"""What downloads are called: person, what it is, look, date and time, so that two of them are never called the same."""

import re
import time
import unicodedata

from ..controls import Controls
from .examples import EXAMPLES
from .one_visit import Entry

MOST_STYLES = 3  # of a look that its name tells


def person(entry: Entry) -> str:
    """A word for the person: of an example its name, of others what their file is called."""
    return plain(EXAMPLES[entry.name].label) if entry.shared else entry.name


def plain(text: str) -> str:
    """Letters without accents, digits and hyphens, which every file system takes."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", letters).strip("-")


def worn(look: Controls) -> list[str]:
    """The first styles of a look."""
    return [plain(name) for styles in look.styles.values() for name, amount in styles.items() if amount][:MOST_STYLES]


def file_name(entry: Entry, what: str, look: Controls, ending: str, when: float | None = None) -> str:
    """E.g. eileen-collins-turntable-full-beard-2026-11-29-140233.mp4; ending: what follows the date, with its dot. when: seconds since 1970,
    now if None."""
    date = time.strftime("%Y-%m-%d-%H%M%S", time.localtime(when))
    return "-".join([person(entry), plain(what), *worn(look), date]) + ending
