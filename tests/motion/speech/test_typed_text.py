"""Typed text: whatever somebody types is either said or refused in a sentence that does not repeat it."""

import pytest

from perse.errors import PerseError
from perse.motion.speech.typed_text import speakable


@pytest.mark.parametrize(
    "typed, said",
    [
        ("Hello there.", "Hello there."),
        ("  Hello\t\tthere \x00\x07\x1b[31m now ", "Hello there [31m now"),
        ("One.\r\n\r\nTwo.\u2028Three.", "One.\nTwo.\nThree."),
        ("<speak>Hello <break time='1s'/> <b>you</b></speak>", "Hello you"),
        ("I love you 😀❤️ so much", "I love you so much"),
        ("I \u202ereversed\u202c and zero\u200bwidth", "I reversed and zerowidth"),
        ("Café à la crème, naïve", "Café à la crème, naïve"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("42", "42"),
        ("[word](/wˈɜɹd/)", "[word] (/wˈɜɹd/)"),
        ("nooooooooooooooo!!!!!!!!!!", "nooo!!!"),
    ],
)
def test_what_can_be_said_stays(typed, said):
    assert speakable(typed, 30) == said


@pytest.mark.parametrize("typed", ["", "   \n\t ", "😀🎉", "\x00\x01", "<speak></speak>", "!?… —", "\u200b\ufeff"])
def test_where_nothing_can_be_said_a_sentence_says_so(typed):
    with pytest.raises(PerseError, match="nothing to say"):
        speakable(typed, 30)


@pytest.mark.parametrize("typed", ["你好，很高兴认识你", "Привет, как дела", "مرحبا بالعالم", "こんにちは", "한국어 문장"])
def test_other_scripts_are_refused_in_a_sentence(typed):
    with pytest.raises(PerseError, match="English") as refused:
        speakable(typed, 30)
    assert typed not in str(refused.value)


def test_what_is_certainly_too_long_is_refused_before_it_is_read_and_not_repeated():
    secret = "the secret plan "
    for count in (80, 10_000, 1_000_000):
        with pytest.raises(PerseError, match="longer to say than 30 seconds") as refused:
            speakable(secret * count, 30)
        assert "secret" not in str(refused.value) and len(str(refused.value)) < 250
    assert speakable(secret * 80, 600)


@pytest.mark.parametrize("typed", [None, 5, b"Hello", ["Hello"]])
def test_what_is_no_text_is_refused(typed):
    with pytest.raises(PerseError, match="must be text"):
        speakable(typed, 30)


def test_a_cat_on_the_keyboard_is_a_short_word():
    assert max(map(len, speakable("asdf" * 300, 60).split())) <= 60
