"""Strangers' clips and sound: opened by what they are, within limits, in a process of their own."""

from .clip import Clip, Frame
from .sound import read_sound

__all__ = ["Clip", "Frame", "read_sound"]
