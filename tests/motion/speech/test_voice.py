"""The voice: it says what is typed, knows when, and is the same each time."""

import threading
from itertools import pairwise

import numpy as np
import pytest

from perse.errors import BuildCancelled, PerseError
from perse.motion.speech.articulation import GLIDES, SHAPES
from perse.motion.speech.voice import VOICES, spoken


def symbols(speech) -> str:
    return " ".join(p.symbol for p in speech.phones)


def test_phonemes_are_in_order_and_within_the_sound(speech):
    assert len(speech.phones) > 60 and speech.way == "typed" and not speech.cut
    assert all(p.symbol in SHAPES or p.symbol in GLIDES for p in speech.phones)
    assert all(0 < p.start < p.end < speech.sound.seconds for p in speech.phones)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(speech.phones))
    assert symbols(speech).startswith("b A b i m ʌ ð ə ɹ f ɪ ʃ ʃ u")


def test_sound_is_heard_where_vowels_are_and_not_before_the_first_phoneme(speech, loudness):
    stressed = [p for p in speech.phones if p.stress == 2]
    assert len(stressed) > 12
    middles = np.array([(p.start + p.end) / 2 for p in stressed])
    assert np.median(loudness.at(middles)) > 0.7
    assert loudness.at(np.array([speech.phones[0].start - 0.1]))[0] == 0


def test_stops_are_quieter_than_the_vowels_around_them():
    """Timing of the phonemes against the sound itself: in a closed mouth a p is silent."""
    from perse.motion.speech.loudness import Loudness

    said = spoken("A paper cup, a copper pipe, an open pepper pot.")
    loud = Loudness.of(said.sound)
    stops = [p for p in said.phones if p.symbol == "p"]
    assert len(stops) >= 8
    inside = [loud.at(np.linspace(p.start, p.end, 9)).min() for p in stops]
    beside = [max(loud.at(np.array([p.start - 0.06, p.end + 0.06]))) for p in stops]
    assert np.median(np.subtract(beside, inside)) > 0.3


def test_the_same_text_gives_the_same_sound_and_another_seed_another():
    first, second, other = (spoken("Good morning.", seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.sound.samples, second.sound.samples)
    assert first.phones == second.phones == other.phones
    assert np.abs(first.sound.samples - other.sound.samples).max() > 1e-4


def pitch(sound) -> float:
    """Hz of the strongest period between 60 and 400, over the loud part of a sound."""
    loud = sound.samples[np.abs(sound.samples).argmax() :][: sound.rate // 4]
    shifts = np.arange(sound.rate // 400, sound.rate // 60)
    return sound.rate / shifts[np.argmax([loud[:-s] @ loud[s:] for s in shifts])]


def test_voices_differ_in_pitch_and_say_the_same_at_the_same_time():
    said = {name: spoken("Ah, may I?", name) for name in VOICES}
    pitches = {name: pitch(s.sound) for name, s in said.items()}
    assert pitches["deep"] < 0.75 * pitches["heart"] < 0.75 * pitches["bright"]
    assert said["deep"].phones == said["heart"].phones == said["bright"].phones
    assert all(0.5 < np.abs(s.sound.samples).max() <= 1 for s in said.values())


def test_what_would_take_too_long_is_refused_while_it_is_being_said():
    with pytest.raises(PerseError, match="longer to say than 2 seconds"):
        spoken("One two three four five six seven eight nine ten eleven twelve.", seconds=2.0)


def test_long_sentences_without_a_comma_are_said_in_pieces():
    said = spoken("many words " * 60 + "end", seconds=120)
    assert sum(p.symbol == "ɛ" for p in said.phones) >= 60 and said.sound.seconds > 20


def test_unknown_voices_are_refused_by_name():
    for name in ("bob", None, 3):
        with pytest.raises(PerseError, match="heart, deep"):
            spoken("Hello.", name)


@pytest.mark.parametrize("typed", ["ⅷ ⅸ", "Zzz.", "a", "3.14159", "http://example.org/a?b=c", "O'Neil's café & co. @ 50% #1", "ªº ŝŭ"])
def test_odd_texts_are_said_or_refused(typed):
    try:
        said = spoken(typed)
    except PerseError as error:
        assert "nothing to say" in str(error)
    else:
        assert said.phones and 0.3 < said.sound.seconds < 20


def test_cancelling_ends_it():
    with pytest.raises(BuildCancelled):
        spoken("One. Two. Three.", cancelled=lambda: True)


def test_threads_share_the_voice():
    texts = [f"Number {i} of the extraordinarily flibbertigibbetish list." for i in range(6)]
    alone = [spoken(text).sound.samples for text in texts]
    together: dict[int, np.ndarray] = {}
    threads = [threading.Thread(target=lambda i=i: together.update({i: spoken(texts[i]).sound.samples})) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, samples in enumerate(alone):
        np.testing.assert_array_equal(together[i], samples)
