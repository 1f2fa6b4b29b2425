"""Small pieces of HTML that the page shows. Everything that comes from outside is escaped."""

import base64
import io
from html import escape
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..portrait import Portrait
from .examples import EXAMPLES
from .jobs import Update

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("net.js", "visit.js", "frame.js", "look.js", "stage.js", "panels.js", "motion.js", "save.js", "main.js")


def head() -> str:
    """The page's own scripts and style sheet, inline: no request leaves for them."""
    scripts = "\n".join(f"<script>\n{(STATIC / name).read_text()}\n</script>" for name in SCRIPTS)
    return f"<style>\n{(STATIC / 'style.css').read_text()}\n</style>\n{scripts}"


def html(name: str) -> str:
    """A fragment of static/*.html."""
    return (STATIC / name).read_text()


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
    """The example portraits as buttons."""
    tiles = "".join(
        f'<button type="button" class="perse-example" data-example="{e.name}" title="{escape(e.label)}: {escape(e.credit)}">'
        f'<img src="{e.thumbnail()}" alt="Portrait of {escape(e.label)}" width="72" height="72">'
        f'<span><b>{escape(e.label)}</b><small>{"Play at once" if e.avatar_path.is_file() else escape(e.credit)}</small></span></button>'
        for e in EXAMPLES.values())
    return f'<p class="perse-or">No photo at hand? Try an example</p><div class="perse-examples">{tiles}</div>'


def found(portrait: Portrait, example: bool = False) -> str:
    """The detected crop and what will limit the result. An example needs no consent."""
    small = cv2.resize(portrait.image, (384, 384), interpolation=cv2.INTER_AREA)
    hints = "".join(f'<li class="perse-hint">{escape(h.message)}</li>' for h in portrait.quality)
    verdict = hints or '<li class="perse-good">Sharp, frontal and well framed: this will work nicely.</li>'
    return (f'<div class="perse-found{" perse-example-found" if example else ""}"><img src="{data_uri(small)}" alt="The detected head and shoulders">'
            f'<div><h4>We found this face</h4><ul>{verdict}</ul></div></div>')


def progress(update: Update, portrait: Portrait | None = None) -> str:
    """A progress bar with the stage's name, and the preview; the blurred portrait until there is one."""
    if update.waiting:
        return _waiting(update)
    picture = ""
    if update.preview is not None:
        picture = f'<img src="{data_uri(update.preview)}" alt="The avatar so far">'
    elif portrait is not None:
        small = cv2.resize(portrait.image, (96, 96), interpolation=cv2.INTER_AREA)
        picture = f'<img class="perse-faint" src="{data_uri(small)}" alt="">'
    share = round(100 * min(max(update.share, 0.0), 1.0))
    text = escape(update.text[:1].upper() + update.text[1:] or "Rendering")
    return (f'<div class="perse-progress" role="status"><div class="perse-preview">{picture}</div>'
            f'<p><span>{text}</span><span>{share} %</span></p>'
            f'<div class="perse-bar" role="progressbar" aria-valuenow="{share}" aria-valuemin="0" aria-valuemax="100">'
            f'<i style="width:{share}%"></i></div></div>')


def looking(update: Update) -> str:
    """A photo or a file is being read."""
    if update.waiting:
        return _waiting(update)
    return ('<div class="perse-looking" role="status"><p>Looking for a face, hair, light and sharpness …</p>'
            '<div class="perse-bar perse-waiting"></div></div>')


def _waiting(update: Update) -> str:
    people = "1 person is" if update.waiting == 1 else f"{update.waiting} people are"
    minutes = round(update.seconds / 60)
    when = "less than a minute" if minutes < 1 else "about a minute" if minutes == 1 else f"about {minutes} minutes"
    return (f'<div class="perse-progress" role="status"><p>{people} in front of you: it is your turn in {when}.</p>'
            '<div class="perse-bar perse-waiting"></div></div>')


def note(text: str) -> str:
    """A sentence that tells how things are."""
    return f'<p class="perse-note" role="status">{escape(text)}</p>'


def clip_note(text: str) -> str:
    """A sentence in place of the clip that the video will follow."""
    return f'<div class="perse-has-clip">{note(text)}</div>'


def message(text: str) -> str:
    """A sentence that tells what is wrong."""
    return f'<p class="perse-message" role="alert">{escape(text)}</p>'


def video(url: str, name: str) -> str:
    """A finished video with its download link."""
    url, name = escape(url, quote=True), escape(name, quote=True)
    show = (f'<img src="{url}" alt="The finished animation">' if name.endswith(".gif") else
            f'<video src="{url}" controls autoplay loop muted playsinline aria-label="The finished video"></video>')
    link = f'<a class="perse-button perse-primary" href="{url}" download="{name}">Download {name}</a>'
    return f'<div class="perse-video">{show}{link}</div>'
