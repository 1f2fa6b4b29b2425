"""Phonemes in time become one movement: places are reached, neighbours are felt, loudness and length decide how much."""

import numpy as np
import pytest

from perse.motion.speech.articulation import CHANNELS, GLIDES, SHAPES, VOWELS, is_vowel
from perse.motion.speech.coarticulation import movement
from perse.motion.speech.loudness import Loudness
from perse.motion.speech.phones import Phone

FPS = 25.0
LOUD = Loudness(np.ones(200), 0.1)


def moved(*phones: Phone, fps=FPS, loudness=LOUD):
    times = (np.arange(round(2 * fps)) + 0.5) / fps
    return times, movement(phones, loudness, times)


def channel(movement, name):
    return movement.channels[:, CHANNELS.index(name)]


def word(text: str, start=0.5, each=0.1) -> list[Phone]:
    """Phones of one symbol each, one after the other."""
    return [Phone(c, start + i * each, start + (i + 1) * each) for i, c in enumerate(text)]


@pytest.mark.parametrize("fps", [12.0, 24.0, 25.0, 30.0, 60.0])
@pytest.mark.parametrize("length", [0.012, 0.025, 0.05, 0.12])
@pytest.mark.parametrize("offset", [0.0, 0.007, 0.013, 0.021, 0.034])
def test_lips_meet_in_a_frame_of_every_closure_however_short(fps, length, offset):
    start = 0.8 + offset
    times, m = moved(Phone("ɑ", 0.6, start), Phone("b", start, start + length), Phone("ɑ", start + length, 1.2), fps=fps)
    near = np.abs(times - (start + length / 2)) <= length / 2 + 1 / fps
    assert m.lips[near].max() > 0.99
    assert channel(m, "jaw")[m.lips > 0.99].max() < 0.01
    assert m.lips[np.abs(times - 0.65).argmin()] == m.lips[-1] == 0


def test_vowels_open_between_closures():
    times, m = moved(*word("bɑbɑb"))
    jaw = channel(m, "jaw")
    for vowel in (0.65, 0.85):
        assert jaw[np.abs(times - vowel).argmin()] > 0.2 and m.lips[np.abs(times - vowel).argmin()] < 0.5


def test_a_lip_at_the_teeth_is_no_closed_mouth():
    times, m = moved(*word("ɑfɑ"))
    assert m.bite[np.abs(times - 0.65).argmin()] > 0.99 and m.lips.max() == 0
    _, closed = moved(*word("ɑmf"))
    assert (closed.bite + closed.lips).max() <= 1 + 1e-9


@pytest.mark.parametrize(
    "high, low, name",
    [
        ("ɑ", "i", "jaw"),
        ("i", "u", "spread"),
        ("u", "i", "round"),
        ("w", "ɛ", "round"),
        ("ʃ", "s", "push"),
        ("s", "k", "teeth"),
        ("θ", "s", "tongue"),
    ],
)
def test_sounds_look_different(high, low, name):
    def peak(symbol):
        return channel(moved(Phone(symbol, 0.8, 1.0))[1], name)[20:25].max()

    assert peak(high) > peak(low) + 0.12


def test_lips_round_before_a_rounded_vowel_more_than_before_a_spread_one():
    times, before_u = moved(*word("sstu"))
    _, before_i = moved(*word("ssti"))
    early = np.abs(times - 0.62).argmin()
    assert channel(before_u, "round")[early] > channel(before_i, "round")[early] + 0.05


def test_quiet_and_short_vowels_open_less():
    def opened(length, level):
        _, m = moved(Phone("ɑ", 0.8, 0.8 + length), loudness=Loudness(np.full(200, level), 0.1))
        return channel(m, "jaw").max()

    assert opened(0.2, 1.0) > 1.15 * opened(0.04, 1.0) and opened(0.2, 1.0) > 1.3 * opened(0.2, 0.35)


@pytest.mark.parametrize("level", [0.2, 1.0])
def test_a_tongue_comes_between_teeth_that_are_apart_however_softly(level):
    times, m = moved(*word("ɪθɪ"), loudness=Loudness(np.full(200, level), 0.1))
    i = np.abs(times - 0.65).argmin()
    assert channel(m, "tongue")[i] > 0.6 and channel(m, "jaw")[i] > 0.2 * channel(m, "tongue")[i]


def test_stress_opens_more():
    assert channel(moved(Phone("ɑ", 0.8, 1.0, 2))[1], "jaw").max() > 1.1 * channel(moved(Phone("ɑ", 0.8, 1.0, 0))[1], "jaw").max()


def test_a_gliding_vowel_goes_from_one_shape_to_the_other():
    times, m = moved(Phone("I", 0.8, 1.1))
    assert channel(m, "jaw")[times < 0.9].max() > 1.5 * channel(m, "jaw")[np.abs(times - 1.07).argmin()]
    assert channel(m, "spread")[np.abs(times - 1.07).argmin()] > channel(m, "spread")[np.abs(times - 0.85).argmin()] + 0.2


def test_a_mouth_rests_in_pauses_and_where_nothing_is_said():
    loud = np.zeros(200)
    loud[50:100] = 1
    times, m = moved(*word("ɑɑɑ"), loudness=Loudness(loud, 0.1))
    assert channel(m, "jaw")[times > 1.3].max() < 0.02
    _, nothing = moved()
    assert np.abs(nothing.channels).max() < 1e-9 and nothing.lips.max() == nothing.bite.max() == 0


def test_channels_stay_within_bounds_and_move_no_faster_than_a_mouth(speech, loudness):
    times = (np.arange(int(speech.sound.seconds * 50)) + 0.5) / 50
    m = movement(speech.phones, loudness, times)
    assert m.channels.min() >= 0 and m.channels.max() <= 1.0
    assert np.abs(np.diff(m.channels, axis=0)).max() < 0.4  # of a whole shape in a fiftieth of a second


def test_every_symbol_has_one_shape_and_glides_are_made_of_them():
    assert all(set(parts) <= set(SHAPES) and len(parts) == 2 for parts in GLIDES.values())
    assert set(VOWELS) <= set(SHAPES) and not any(SHAPES[v].place for v in VOWELS)
    assert {s for s, shape in SHAPES.items() if shape.place == "lips"} >= set("pbm") and not is_vowel("b") and is_vowel("aɪ")
