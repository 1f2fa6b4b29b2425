"""Small networks that an owner may add, tens of megabytes each: none is needed, and what has none of its own is done by what is embedded.

Each stands behind what the embedded part gives, is used only where its file lies here already (`perse.hub`), and only if it passes its
check on a free portrait.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...hub import local
from ...pretrained import find
from .body_parts import Parts, load_parts
from .identity import ARCFACE, RAW, Embed, load_embedding
from .matte import Cut, load_cut
from .self_check import check_cut, check_embedding, check_parts

log = logging.getLogger(__name__)
_lock = threading.Lock()


class _Kind(NamedTuple):
    load: Callable[[Path], Any]
    check: Callable[[Any], dict[str, float]]
    does: str  # after the row's name: "… cuts people out"


KINDS = {
    "modnet": _Kind(load_cut, check_cut, "cuts people out"),
    "selfie-multiclass": _Kind(load_parts, check_parts, "tells hair from skin and clothes"),
    "sface": _Kind(partial(load_embedding, taken=RAW), check_embedding, "tells people apart"),
    "auraface": _Kind(partial(load_embedding, taken=ARCFACE), check_embedding, "tells people apart"),
}


class Tried(NamedTuple):
    """A network that was loaded and checked. network: None if it may not serve; told: a sentence; figures: what it showed."""

    network: Any
    told: str
    figures: dict[str, float]


_tried: dict[tuple[str, Path], Tried] = {}


def tried(name: str) -> Tried | None:
    """The network of a row of the table, checked once in a process; None where its file is not here."""
    folder = local(name)
    if folder is None:
        return None
    with _lock:
        if (name, folder) not in _tried:
            _tried[name, folder] = _try(name, folder)
        return _tried[name, folder]


def _try(name: str, folder: Path) -> Tried:
    load, check, does = KINDS[name]
    try:
        network = load(folder / find(name).files[0].path)
        figures = check(network)
    except Exception as error:  # noqa: BLE001  (files of strangers fail in many ways, and what is embedded serves on)
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        log.warning("%s does not serve: %s", name, reason)
        return Tried(None, f"{name} is here and does not serve: {reason}.", {})
    log.info("%s %s: %s", name, does, figures)
    return Tried(network, f"{name} {does}.", figures)


def _serving(*names: str) -> Any:
    """The first of these that serves."""
    return next((found.network for name in names if (found := tried(name)) and found.network), None)


def cut() -> Cut | None:
    """What cuts people out here."""
    return _serving("modnet")


def parts() -> Parts | None:
    """What tells hair, skin and clothes apart here."""
    return _serving("selfie-multiclass")


def embedding() -> Embed | None:
    """What tells people apart here."""
    return _serving("auraface", "sface")


def notes() -> tuple[str, ...]:
    """A sentence on each network that was tried."""
    with _lock:
        return tuple(found.told for found in _tried.values())


__all__ = ["Cut", "Embed", "KINDS", "Parts", "Tried", "cut", "embedding", "notes", "parts", "tried"]
