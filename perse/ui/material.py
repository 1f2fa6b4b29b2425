"""Recordings and clips that a visitor brings: looked through, used with consent, gone when they are not wanted any more."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import PerseError
from ..motion.length import ON_PAGE
from . import html_pieces
from .brought import CAMERA, CLIP, KINDS, RECORDING, Brought
from .engine import AVATAR, Engine
from .one_visit import Visit
from .visit_jobs import cancel, start
from .visits import Visits
from .waiting_line import Line

DEADLINE = 120.0  # seconds after which looking through a file is stopped
DOING = {RECORDING: "Listening to your recording", CLIP: "Looking for faces"}
MISSING = {RECORDING: "Please type what your avatar shall say, or record it.", CLIP: "Please choose a clip or a photo to follow first."}
CONSENT = {
    RECORDING: "Please tick the box: this is your voice, or you have the person's permission.",
    CLIP: "Please tick the box: face and voice are yours, or you have the person's permission.",
    CAMERA: "Please tick the box: the face is yours, or you have the person's permission.",
}


class Material:
    """What visits bring. line: where looking through a file waits."""

    def __init__(self, engine: Engine, visits: Visits, line: Line):
        self.engine, self.visits, self.line = engine, visits, line

    def take(self, visit: Visit, kind: str, path: str) -> None:
        """An uploaded recording or clip; none, if the path is empty: what was there is deleted. PerseError for an unknown kind, and for what is no
        upload."""
        _known(kind)
        cancel(visit, kind)
        visit.told.pop(kind, None)
        _answered(visit)
        if (before := visit.brought.pop(kind, None)) is not None:
            before.path.unlink(missing_ok=True)
        if not path:
            return
        own = visit.brought[kind] = Brought(self.visits.take(visit, path))

        def drop(sentence: str = "") -> None:
            own.path.unlink(missing_ok=True)
            if visit.brought.get(kind) is own:
                del visit.brought[kind]
            visit.told[kind] = html_pieces.message(sentence) if sentence else ""

        def work(report, cancelled):
            self.engine.wait(AVATAR, lambda seconds: report(None, "Warming up", None, seconds), cancelled)
            report(None, DOING[kind])
            return {RECORDING: _heard, CLIP: _seen}[kind](own.path, cancelled)

        start(visit, kind, work, self.line, DEADLINE, partial(_know, own), drop, drop)

    def agree(self, visit: Visit, kind: str, agreed: bool) -> None:
        """The box of consent for a kind, or for the camera, was ticked or emptied. PerseError for an unknown kind."""
        if kind != CAMERA:
            _known(kind)
        (visit.allowed.add if agreed else visit.allowed.discard)(kind)
        _answered(visit)

    def wanted(self, visit: Visit, kind: str) -> Path:
        """The file that shall move the avatar. PerseError without one, and without consent."""
        own = visit.brought.get(kind)
        if own is None:
            raise PerseError(MISSING[kind])
        allowed(visit, kind)
        return own.path

    def pieces(self, visit: Visit) -> dict[str, tuple[tuple, Callable[[], str]]]:
        """By kind, what tells one state from another, and its HTML."""
        return {kind: _piece(visit, kind) for kind in KINDS}

    def doing(self, visit: Visit) -> dict[str, dict | None]:
        """By kind, what fills a bar."""
        return {kind: None if (job := visit.busy(kind)) is None else html_pieces.doing(job.update()) for kind in KINDS}


def allowed(visit: Visit, kind: str) -> None:
    """PerseError without consent for a kind, or for the camera."""
    if kind not in visit.allowed:
        raise PerseError(CONSENT[kind])


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise PerseError("Please bring a recording or a clip.")


def _answered(visit: Visit) -> None:
    """What the last video lacked may be there now: its sentence goes."""
    if html_pieces.is_message(visit.film):
        visit.film = ""


def _piece(visit: Visit, kind: str) -> tuple[tuple, Callable[[], str]]:
    if job := visit.busy(kind):
        return (kind, id(job)), lambda: html_pieces.progress(job.update())
    own = visit.brought.get(kind)
    if own is None:
        told = visit.told.get(kind, "")
        return (kind, told), lambda: told
    return (kind, id(own), bool(own.html)), lambda: own.html


def _know(own: Brought, told: tuple[str, int]) -> None:
    own.html, own.faces = told


def _heard(path: Path, cancelled: Callable[[], bool]) -> tuple[str, int]:
    """HTML that tells of a recording how long it is and what its mouth will follow; no faces."""
    from ..motion.speech.asked import notes, speech_asked

    speech = speech_asked(None, "", path, ON_PAGE.seconds, cancelled)
    return html_pieces.brought(f"Your recording, {_length(speech.sound.seconds)}", *notes(speech, ON_PAGE.seconds)), 0


def _seen(path: Path, cancelled: Callable[[], bool]) -> tuple[str, int]:
    """HTML that tells of a clip who is in it, and how many."""
    from ..motion.driving.photo import is_photo, people_in
    from ..tracking.people import people

    try:
        seen, what = people(path, cancelled), "Your clip"
    except PerseError:
        if not is_photo(path):
            raise
        seen, what = people_in(path, cancelled), "Your photo"
    largest = int(np.argmax([size for _, size in seen]))
    return html_pieces.brought_faces(what, [picture for picture, _ in seen], largest), len(seen)


def _length(seconds: float) -> str:
    whole = max(1, round(seconds))
    return "1 second" if whole == 1 else f"{whole} seconds"
