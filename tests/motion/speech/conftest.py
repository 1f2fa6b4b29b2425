"""One text that the voice has said, and how loud it is."""

import pytest

from perse.motion.speech.loudness import Loudness
from perse.motion.speech.voice import spoken

TEXT = "Baby, mother, fish, shoe. The thick fog was over the beautiful sea, my friend! Would you like to hear a story about a brave man?"


@pytest.fixture(scope="session")
def speech():
    return spoken(TEXT)


@pytest.fixture(scope="session")
def loudness(speech):
    return Loudness.of(speech.sound)
