"""Speech -> Motion: an avatar that says what is heard."""

from ...avatar.avatar import Avatar
from ...controls import Controls
from ..motion import Motion, overlay
from .choices import USUAL, Manner
from .lips import meeting_of
from .performance import perform
from .phones import Speech


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
