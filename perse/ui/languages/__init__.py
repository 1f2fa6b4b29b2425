"""The page in the visitor's language. English sentences in the code are the keys; each file here holds them in one other language.

A file is {"language": its own name for itself, "direction": "ltr" or "rtl", "words": {English: translation}}. A key may hold `{places}`, which
its translation holds too, and `Category › Label` is a label within that category, where a language needs another word for it.
static/language.js puts them on the page.
"""

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCE = "en"  # which needs no file


@cache
def languages() -> dict[str, str]:
    """What each language calls itself, by its code; the page's own, English, first."""
    return {SOURCE: "English"} | {path.stem: read(path.stem)["language"] for path in sorted(FOLDER.glob("*.json"))}


def read(code: str) -> dict:
    """The file of a language; KeyError if there is none."""
    path = FOLDER / f"{code}.json"
    if path not in FOLDER.glob("*.json"):
        raise KeyError(code)
    return json.loads(path.read_text(encoding="utf-8"))
