"""What somebody asks to be said: typed words or a recording, exactly one of them."""

from collections.abc import Callable
from pathlib import Path

from ...errors import PerseError
from .phones import TYPED, WAYS, Speech
from .recording import heard
from .voice import DEFAULT, spoken


def speech_asked(
    say: str = "",
    voice: str = "",
    recording: str | Path | None = None,
    seconds: float = 60.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> Speech:
    """The speech of a text or of a recording.

    Args:
        say: text; empty for none.
        voice: that reads it, a key of `voice.VOICES`; the first one if empty.
        recording: a file of sound, or a clip with sound.
        seconds: how long it may last: a longer text is refused, a longer recording is cut.
        cancelled: asked now and then; BuildCancelled is raised when it says so.

    Raises:
        PerseError: both or neither are given, or what is given cannot be said or heard.
    """
    if bool(say) == (recording is not None):
        raise PerseError("Choose one of a text to say and a recording.")
    if recording is None:
        return spoken(say, voice or DEFAULT, seconds, cancelled=cancelled)
    if voice:
        raise PerseError("A recording has its own voice: choose a voice only for a text.")
    return heard(recording, seconds, cancelled)


def notes(speech: Speech, seconds: float) -> list[str]:
    """Sentences for people on what was done with a recording; none for a text."""
    told = [f"The recording is longer than {seconds:g} seconds: only so much of it is used."] if speech.cut else []
    return told + ([WAYS[speech.way]] if speech.way != TYPED else [])
