"""Small pieces of HTML that the page shows. Everything that comes from outside is escaped."""

import base64
import io
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..live import page as live_page
from . import page_settings
from .examples import EXAMPLES, STILL_YAWS, Example
from .jobs import Update

if TYPE_CHECKING:
    from ..portrait import Portrait

STATIC = Path(__file__).parent / "static"
# In the order in which they run.
SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *"net language clock visit bring adjust frame look stage live clip thumbs panels faces my_looks history keep theme motion keys own".split(),
        *"recorder mirror performed speak follow ways film chosen save main".split(),
    )
)
_MESSAGE = '<p class="perse-message"'
STYLES = ("style.css", "video.css")


def head(mark: str = "", spoken_mark: str = "") -> str:
    """The page's own scripts and style sheet, inline: no request leaves for them. Marks: labels on clips, and on those in which somebody speaks."""
    player = f"(() => {{\n{live_page.script('in_page.js')}\n}})();"
    sources = [page_settings.script(mark, spoken_mark), player, *((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)]
    scripts = "\n".join(f"<script>\n{source}\n</script>" for source in sources)
    styles = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES)
    return f"<style>\n{styles}\n</style>\n{scripts}"


def html(name: str) -> str:
    """A fragment of static/*.html, with the page's numbers in place of $names."""
    return Template((STATIC / name).read_text(encoding="utf-8")).substitute(page_settings.words())


def data_uri(picture: np.ndarray, quality: int = 85) -> str:
    """(h, w, 3) uint8 or float in [0, 1] -> JPEG data URI, which leaves no file behind."""
    if picture.dtype != np.uint8:
        picture = (np.clip(np.nan_to_num(picture), 0, 1) * 255 + 0.5).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def place(name: str, content: str = "") -> str:
    """Where the page's script puts the piece of this name, as the visit's state says."""
    return f'<div id="perse-{name}" data-piece="{name}">{content}</div>'


def examples() -> str:
    """The example portraits as buttons; each holds what the script shows at once when it is pressed."""
    tiles = "".join(
        f'<button type="button" class="perse-example" data-example="{e.name}" title="{escape(e.label)}: {escape(e.credit)}">'
        f'<img src="{e.thumbnail()}" alt="Portrait of {escape(e.label)}" width="72" height="72">'
        f"<span><b>{escape(e.label)}</b><small>{'Play at once' if e.avatar_path.is_file() else escape(e.credit)}</small></span>"
        f"<template>{_bar(still, 'perse-looking') if e.avatar_path.is_file() and (still := _still(e)) else ''}</template></button>"
        for e in EXAMPLES.values()
    )
    return f'<p class="perse-or">No photo at hand? Try an example</p><div class="perse-examples">{tiles}</div>'


def _smaller(picture: np.ndarray, side: int) -> np.ndarray:
    import cv2  # by now it is loaded: there is a portrait

    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def found(portrait: "Portrait", example: bool = False) -> str:
    """The detected crop and what will limit the result. An example needs no consent."""
    small = _smaller(portrait.image, 384)
    hints = "".join(f'<li class="perse-hint">{escape(h.message)}</li>' for h in portrait.quality)
    verdict = hints or '<li class="perse-good">Sharp, frontal and well framed: this will work nicely.</li>'
    return (
        f'<div class="perse-found{" perse-example-found" if example else ""}"><img src="{data_uri(small)}" alt="The detected head and shoulders">'
        f"<div><h4>We found this face</h4><ul>{verdict}</ul></div></div>{_faces(portrait) if len(portrait.faces) > 1 else ''}"
    )


def _faces(portrait: "Portrait") -> str:
    """The photo with a button over each face."""
    import cv2

    height, width = portrait.photo.shape[:2]
    scale = min(1.0, 640 / max(height, width))
    small = cv2.resize(portrait.photo, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    boxes = "".join(
        f'<button type="button" data-photo-face="{i}" aria-pressed="{str(i == portrait.chosen + 1).lower()}" aria-label="Face {i} from the left" '
        f'style="left:{100 * x0 / width:.2f}%;top:{100 * y0 / height:.2f}%;width:{100 * (x1 - x0) / width:.2f}%;'
        f'height:{100 * (y1 - y0) / height:.2f}%"></button>'
        for i, (x0, y0, x1, y1) in enumerate(portrait.faces, 1)
    )
    return (
        f'<p class="perse-or">Somebody else? Click a face.</p><div class="perse-faces" role="group" aria-label="Faces in your photo">'
        f'<img src="{data_uri(small)}" alt="Your photo">{boxes}</div>'
    )


def progress(update: Update, portrait: "Portrait | None" = None) -> str:
    """A bar that the page's script fills and words, and above it the preview; the blurred portrait until there is one."""
    picture = ""
    if update.preview is not None:
        picture = f'<img src="{data_uri(update.preview)}" alt="The avatar so far">'
    elif portrait is not None:
        picture = f'<img class="perse-faint" src="{data_uri(_smaller(portrait.image, 96))}" alt="">'
    return _bar(f'<div class="perse-preview">{picture}</div>' if picture else "")


def looking(update: Update, example: Example | None = None) -> str:
    """A photo or a file is being read; of an example there is a picture already."""
    return _bar(_still(example), "perse-progress" if update.waiting else "perse-looking")


def _still(example: Example | None) -> str:
    if example is None or not example.stills_path.is_file():
        return ""
    return (
        f'<div class="perse-preview"><div class="perse-still" role="img" aria-label="The avatar of {escape(example.label)}" '
        f'style="--still: url(perse/still/{example.name}); --views: {len(STILL_YAWS)}"></div></div>'
    )


def _bar(picture: str, kind: str = "perse-progress") -> str:
    return (
        f'<div class="{kind}">{picture}<p><span class="perse-doing" role="status"></span><span class="perse-left"></span></p>'
        '<div class="perse-bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100"><i></i></div></div>'
    )


def doing(update: Update) -> dict:
    """What the script fills a bar with: the share that is done (None if nobody knows), what happens, about how many seconds it still takes."""
    text = update.text[:1].upper() + update.text[1:]
    if update.waiting:
        text = f"{'1 person is' if update.waiting == 1 else f'{update.waiting} people are'} in front of you"
    seconds = None if update.seconds is None else round(update.seconds, 1)
    return {
        "share": None if update.share is None else round(min(max(update.share, 0.0), 1.0), 3),
        "text": text,
        "seconds": seconds,
        "waiting": update.waiting,
    }


def note(text: str) -> str:
    """A sentence that tells how things are."""
    return f'<p class="perse-note" role="status">{escape(text)}</p>'


def brought(title: str, *notes: str) -> str:
    """What a visitor has brought, and sentences about it."""
    return f'<p class="perse-brought">{escape(title)}</p>{"".join(map(note, notes))}'


def brought_faces(title: str, faces: list[np.ndarray], largest: int) -> str:
    """The same of a clip with these faces (h, w, 3); if there are several, each is a button, and the largest is chosen."""
    if len(faces) == 1:
        return f'<div class="perse-driver"><img src="{data_uri(faces[0])}" alt="The face that drives">{brought(title)}</div>'
    tiles = "".join(
        f'<button type="button" class="perse-tile perse-face" data-face="{k}" aria-pressed="{"true" if k == largest + 1 else "false"}">'
        f'<img src="{data_uri(face)}" alt=""><span>Face {k}</span></button>'
        for k, face in enumerate(faces, 1)
    )
    return (
        f"{brought(title, 'It shows several people: who drives your avatar?')}"
        f'<div class="perse-tiles" role="group" aria-label="Who drives your avatar">{tiles}</div>'
    )


def message(text: str) -> str:
    """A sentence that tells what is wrong."""
    return f'{_MESSAGE} role="alert">{escape(text)}</p>'


def is_message(piece: str) -> bool:
    """Whether a piece is such a sentence."""
    return piece.startswith(_MESSAGE)


def video(url: str, name: str, heard: bool = False, notes: tuple[str, ...] = (), size: int = 0) -> str:
    """A finished video with its download link. heard: it has sound, and waits to be started. notes: sentences on what it lacks. size: bytes."""
    url, name = escape(url, quote=True), escape(name, quote=True)
    alone = "" if heard else " autoplay loop muted"  # browsers start nothing by itself that can be heard
    show = (
        f'<img src="{url}" class="perse-clear" alt="The finished animation">'
        if name.endswith((".gif", ".webp"))
        else f'<video src="{url}" class="perse-clear" controls{alone} playsinline aria-label="The finished video"></video>'
    )
    weight = f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{max(1, round(size / 1e3))} kB"
    kind = name.rpartition(".")[2].upper()
    link = f'<a class="perse-button perse-primary" href="{url}" download="{name}">Download {kind}, {weight}</a>'
    return f'<div class="perse-video">{show}<div class="perse-saved">{link}</div>{"".join(map(note, notes))}</div>'
