"""The page in a process that tells on request what it holds: `python -m tests.app.walk`, then lines of JSON.

A line is a list of words. The answer is a line of JSON: portraits, avatars that are in memory, and where texts with one of the words are.
"""

import gc
import json
import os
import sys

import app
from perse.avatar.avatar import Avatar
from perse.portrait import Portrait


def held(words: list[str]) -> list[str]:
    """Names of what the process still has of a visit."""
    gc.collect()
    everything = gc.get_objects()
    own = {id(words), id(everything)}
    found = []
    for thing in everything:
        if id(thing) in own:
            continue
        kind = type(thing)
        if kind in (Portrait, Avatar):
            found.append(f"{kind.__name__} held by {[type(r).__name__ for r in gc.get_referrers(thing) if id(r) not in own][:4]}")
        inner = thing.values() if kind is dict else thing if kind in (list, tuple, set) or issubclass(kind, tuple) else ()
        for x in list(inner):
            if type(x) in (str, bytes):
                text = x if type(x) is str else x.decode("latin-1")
                if text not in words:
                    found += [f"{word[:12]} in a {kind.__name__}: {text[:160]!r}" for word in words if word in text]
    return found


def answer() -> None:
    """Serve, and tell what is held, until the input ends."""
    app.main(wait=False)
    print("READY", flush=True)
    for line in sys.stdin:
        words = json.loads(line)
        del line
        print("HELD " + json.dumps(held(words)), flush=True)


if __name__ == "__main__":
    answer()
    app.visits.close_all()
    os._exit(0)
