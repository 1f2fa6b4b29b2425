"""Speech -> Motion: an avatar that says what is heard."""

from dataclasses import dataclass

from ...avatar.avatar import Avatar
from ...controls import Controls
from ...errors import PerseError
from ..motion import Motion, overlay
from .lips import meeting_of
from .performance import perform
from .phones import Speech

STRENGTH, LIVELINESS = (0.0, 2.0), (0.0, 1.0)


@dataclass(frozen=True)
class Manner:
    """How somebody speaks. strength: of the mouth's movements and of all gestures, within STRENGTH; lips meet at any. liveliness: from 0,
    calm, to 1, lively. seed: of glances, blinks and the head's wandering; the same one gives the same motion. PerseError out of range."""

    strength: float = 1.0
    liveliness: float = 0.5
    seed: int = 0

    def __post_init__(self):
        for name, value, (low, high) in (("strength", self.strength, STRENGTH), ("liveliness", self.liveliness, LIVELINESS)):
            if not low <= value <= high:
                raise PerseError(f"The {name} must lie between {low:g} and {high:g}, not {value:g}.")


USUAL = Manner()


def talk(
    avatar: Avatar, speech: Speech, edit: Controls = Controls(), fps: float = 25.0, manner: Manner = USUAL, notes: tuple[str, ...] = ()
) -> Motion:
    """The motion of an avatar that speaks, with its sound. The portrait's own open mouth is closed, and lips meet where they have to
    whatever the portrait does; the visitor's edit stays.

    Args:
        speech: of `voice.spoken` or `recording.heard`.
        edit: what the visitor has set; the motion is added to it.
        fps: frames a second.
        manner: how it is said.
        notes: of the motion.
    """
    performance = perform(speech.phones, speech.sound, fps, manner.seed, manner.strength, manner.liveliness)
    missing = meeting_of(avatar.rig)
    return Motion(len(performance), fps, lambda i: overlay(edit, performance.at(i, missing)), speech.sound, notes)
