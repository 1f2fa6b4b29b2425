"""What the page shows of a visit: which pieces, with which HTML, and what the main button says."""

import json
from collections.abc import Callable
from typing import Protocol

from . import html_pieces
from .engine import AVATAR, Engine
from .examples import EXAMPLES
from .material import Material
from .one_visit import Visit
from .visits import Visits

LONGER = 1.5  # times its time that a build takes, from which on it is said beforehand
BUTTON_LABELS = {
    "": "Build my avatar",
    "photo": "Choose a photo to begin",
    "checking": "Looking at your photo …",
    "consent": "Tick the box above to go on",
}


class Knowing(Protocol):
    """What is asked of the desk: its parts, what a visit still has to do before a build, and how much longer than planned builds take now."""

    engine: Engine
    material: Material
    visits: Visits

    @property
    def stretch(self) -> float: ...

    def missing(self, visit: Visit) -> str: ...


def state(desk: Knowing, visit: Visit, seen: dict[str, str]) -> dict:
    """All that the page shows of the visit, as plain JSON values.

    seen: keys of the pieces that the page shows already; such a piece comes without its HTML.
    """
    shown = {
        "found": _beside_photo(visit),
        "film": _below_motions(visit),
        **{name: (_key(*parts), html) for name, (parts, html) in desk.material.pieces(visit).items()},
        "how": _how(desk),
    }
    missing = desk.missing(visit)
    return {
        "busy": visit.busy(*visit.jobs) is not None or not desk.engine.ready(AVATAR),
        "building": visit.busy("build") is not None,
        "doing": {"found": _bar(visit, "build", "look"), "film": _bar(visit, "film"), **desk.material.doing(visit)},
        "button": {"label": BUTTON_LABELS[missing], "ready": not missing},
        "agreed": visit.agreed,
        "brought": sorted(visit.brought),
        "allowed": sorted(visit.allowed),
        "avatar": visit.opened if desk.visits.has(visit.opened) else "",
        "table": None if visit.table is None else {"token": visit.table[0], "name": visit.table[1]},
        "notices": [{"id": k, "text": text} for k, text in visit.notices],
        "pieces": {name: {"key": key} | ({} if seen.get(name) == key else {"html": html()}) for name, (key, html) in shown.items()},
    }


def _how(desk: Knowing) -> tuple[str, Callable[[], str]]:
    """Key and HTML of what is to be known before a build: how it is done, and whether it takes longer than it is given."""
    times = round(2 * desk.stretch) / 2  # in halves: no more is known
    busy = (f"This server is busy: right now a build takes about {times:g} times as long.",) if times >= LONGER else ()
    notes = (*desk.engine.notes, *busy)
    return _key("how", notes), lambda: "".join(map(html_pieces.note, notes))


def _beside_photo(visit: Visit) -> tuple[str, Callable[[], str]]:
    """Key and HTML of what stands beside the photo."""
    photo = visit.photo
    if job := visit.busy("build"):
        update = job.update()
        return _key("build", id(update.preview)), lambda: html_pieces.progress(update, None if photo is None else photo.portrait)
    if job := visit.busy("look"):
        update, example = job.update(), EXAMPLES.get(visit.example)
        return _key("look", id(job), update.waiting > 0), lambda: html_pieces.looking(update, example)
    if visit.message:
        return _key("message", visit.message), lambda: html_pieces.message(visit.message)
    if photo is not None:
        return _key("found", id(photo)), lambda: html_pieces.found(photo.portrait, photo.example)
    return "intro", lambda: html_pieces.html("intro.html")


def _below_motions(visit: Visit) -> tuple[str, Callable[[], str]]:
    """Key and HTML of the video: its bar while it is made, then itself, or what went wrong."""
    if job := visit.busy("film"):
        return _key("film", id(job)), lambda: html_pieces.progress(job.update())
    return _key("done", visit.film), lambda: visit.film


def _bar(visit: Visit, *kinds: str) -> dict | None:
    job = visit.busy(*kinds)
    return None if job is None else html_pieces.doing(job.update())


def _key(*parts) -> str:
    return json.dumps(parts)
