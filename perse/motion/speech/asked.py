"""What somebody asks to be said: typed words or a recording, exactly one of them."""

from collections.abc import Callable
from pathlib import Path

from ...avatar.avatar import Avatar
from ...controls import Controls
from ...errors import PerseError
from ..motion import Motion
from .choices import USUAL, Manner
from .phones import TYPED, WAYS, Speech
from .recording import heard
from .talk import talk
from .voice import DEFAULT, spoken

__all__ = ["Manner", "notes", "speech_asked", "spoken_motion"]


def speech_asked(
    say: str | None = None,
    voice: str = "",
    recording: str | Path | None = None,
    seconds: float = 60.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Speech:
    """The speech of a text or of a recording.

    Args:
        say: text; None for none.
        voice: that reads it, a key of `voice.VOICES`; the first one if empty.
        recording: a file of sound, or a clip with sound.
        seconds: how long it may last: a longer text is refused, a longer recording is cut.
        cancelled: asked now and then; BuildCancelled is raised when it says so.

    Raises:
        PerseError: both or neither are given, or what is given cannot be said or heard.
    """
    if (say is None) == (recording is None):
        raise PerseError("Choose one of a text to say and a recording.")
    if recording is None:
        return spoken(say or "", voice or DEFAULT, seconds, cancelled=cancelled)
    if voice:
        raise PerseError("A recording has its own voice: choose a voice only for a text.")
    return heard(recording, seconds, cancelled)


def notes(speech: Speech, seconds: float) -> tuple[str, ...]:
    """Sentences for people on what was done with a recording; none for a text."""
    cut = (f"The recording is longer than {seconds:g} seconds: only so much of it is used.",) if speech.cut else ()
    return cut + ((WAYS[speech.way],) if speech.way != TYPED else ())


def spoken_motion(
    avatar: Avatar,
    say: str | None,
    voice: str,
    recording: str | Path | None,
    seconds: float,
    edit: Controls = Controls(),
    fps: float = 25.0,
    manner: Manner = USUAL,
    cancelled: Callable[[], bool] = lambda: False,
) -> Motion:
    """The motion of an avatar that says a text or a recording; arguments and errors as of `speech_asked` and `talk`."""
    speech = speech_asked(say, voice, recording, seconds, cancelled)
    return talk(avatar, speech, edit, fps, manner, notes(speech, seconds))
