"""Recordings: phonemes are recognised in time, what is no speech still moves the mouth in time, and bad sound is told in a sentence."""

import wave

import numpy as np
import pytest
from scipy.signal import resample_poly

from perse.errors import BuildCancelled, PerseError
from perse.motion.speech import recogniser, spectrum
from perse.motion.speech.articulation import CHANNELS, shape_of
from perse.motion.speech.asked import notes, speech_asked
from perse.motion.speech.coarticulation import movement
from perse.motion.speech.loudness import Loudness
from perse.motion.speech.recording import heard, understood
from perse.sound import Sound


def middles(phones, place: str) -> np.ndarray:
    return np.array([(p.start + p.end) / 2 for p in phones if (s := shape_of(p.symbol)) and s.place == place])


def noisy(sound: Sound, decibels: float) -> Sound:
    level = sound.samples.std() * 10 ** (-decibels / 20)
    return Sound((sound.samples + level * np.random.default_rng(0).standard_normal(len(sound.samples))).astype(np.float32), sound.rate)


@pytest.fixture(scope="session")
def recognised(speech):
    return understood(speech.sound)


@pytest.mark.parametrize("way", ["clean", "noise", "telephone"])
def test_closed_lips_are_recognised_in_time(speech, recognised, way):
    sound = speech.sound
    if way == "noise":
        sound = noisy(sound, 15)
    if way == "telephone":
        sound = Sound(resample_poly(sound.samples, 1, 3).astype(np.float32), 8_000)
    found = recognised if way == "clean" else understood(sound)
    assert found.way == "recognised" and found.sound is sound
    wanted, got = middles(speech.phones, "lips"), middles(found.phones, "lips")
    away = np.abs(wanted[:, None] - got).min(1)
    assert np.mean(away < 0.06) >= 0.7 and np.abs(got[:, None] - wanted).min(1).max() < 0.25


def test_recognised_speech_moves_the_mouth_as_typed_speech_does(speech, loudness, recognised):
    times = np.arange(0, speech.sound.seconds, 0.04)
    typed, again = (movement(s.phones, loudness, times).channels for s in (speech, recognised))
    for name in ("jaw", "round", "push"):
        k = CHANNELS.index(name)
        assert np.corrcoef(typed[:, k], again[:, k])[0, 1] > 0.75, name


def test_long_recordings_are_recognised_piece_by_piece_without_seams(speech, recognised):
    twice = Sound(np.tile(speech.sound.samples, 2), speech.sound.rate)
    both = understood(twice)
    assert len(both.phones) == pytest.approx(2 * len(recognised.phones), rel=0.06)
    starts = [p.start for p in both.phones]
    assert starts == sorted(starts) and both.phones[-1].end <= twice.seconds


def test_without_a_recogniser_the_spectrum_serves_and_says_so(speech, loudness, monkeypatch):
    monkeypatch.setattr(recogniser, "_shared", lambda: None)
    found = understood(speech.sound)
    assert found.way == "heard" and "loudness and spectrum" in notes(found, 60)[0]
    times = np.arange(0, speech.sound.seconds, 0.04)
    jaw = movement(found.phones, loudness, times).channels[:, 0]
    assert np.corrcoef(jaw, loudness.smoothed(0.1).at(times))[0, 1] > 0.5


def vowel(first: float, second: float, rate=16_000, seconds=0.5, pitch=120.0) -> np.ndarray:
    """A buzz through two resonances, Hz."""
    n = int(seconds * rate)
    harmonics = np.arange(pitch, 4000, pitch)
    weight = 1 / (1 + ((harmonics - first) / 90) ** 2) + 0.7 / (1 + ((harmonics - second) / 120) ** 2) + 0.003
    return (np.sin(2 * np.pi * np.arange(n)[:, None] / rate * harmonics) @ weight * 0.1).astype(np.float32)


def test_the_spectrum_tells_sounds_apart():
    rng = np.random.default_rng(0)
    hiss = np.diff(rng.standard_normal(8_001)).astype(np.float32) * 0.05
    hum = (0.2 * np.sin(2 * np.pi * 130 * np.arange(8_000) / 16_000)).astype(np.float32)
    gap = np.zeros(8_000, np.float32)
    pieces = {"a": vowel(780, 1250), "i": vowel(290, 2300), "u": vowel(310, 800), "s": hiss, "m": hum}
    samples = np.concatenate([np.r_[gap, piece] for piece in pieces.values()])
    found = spectrum.heard_phones(samples, Loudness.of(Sound(samples, 16_000)))

    def shapes(k):
        at = [p for p in found if p.start < k + 0.8 and p.end > k + 0.7]
        assert at, f"nothing at {k + 0.75} s"
        return shape_of(at[0].symbol)

    a, i, u, s, m = (shapes(k) for k in range(5))
    assert a.jaw > max(i.jaw, u.jaw) + 0.1 and i.spread > u.spread and u.round > i.round
    assert s is shape_of("s") and m.place == "lips"
    assert not [p for p in found if any(k + 0.05 < p.start < k + 0.4 for k in range(5))]  # nothing where nobody speaks


@pytest.mark.parametrize(
    "samples, sentence",
    [
        (np.zeros(48_000), "Nothing can be heard"),
        (1e-6 * np.ones(48_000), "Nothing can be heard"),
        (0.3 * np.ones(960), "too short"),
        (np.zeros(0), "too short"),
        (0.1 * np.random.default_rng(0).standard_normal(96_000), "steady noise"),
    ],
    ids=["silence", "nearly silence", "20 ms", "nothing", "noise"],
)
def test_what_holds_no_speech_is_told_in_a_sentence(samples, sentence):
    with pytest.raises(PerseError, match=sentence):
        understood(Sound(samples.astype(np.float32), 48_000))


def test_music_moves_the_mouth_but_is_not_taken_for_words():
    times = np.arange(4 * 16_000) / 16_000
    chords = sum(np.sin(2 * np.pi * f * times * (1 + 0.5 * ((times * 2).astype(int) % 3))) for f in (220, 277, 330, 440))
    found = understood(Sound((0.1 * chords * np.exp(-3 * (times * 2 % 1))).astype(np.float32), 16_000))
    assert found.way == "heard" and found.phones


def test_cancelling_ends_it(speech):
    with pytest.raises(BuildCancelled):
        understood(speech.sound, cancelled=lambda: True)


@pytest.fixture
def file(speech, tmp_path):
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, speech.sound.rate, 0, "NONE", ""))
        out.writeframes((speech.sound.samples * 32767).astype("<i2").tobytes())
    return path


def test_a_file_is_heard_and_cut_with_a_word_about_it(file, speech):
    part = heard(file, seconds=3.0)
    assert part.cut and part.sound.seconds == pytest.approx(3.0) and part.phones[-1].end <= 3.0
    assert any("longer than 3 seconds" in note for note in notes(part, 3.0)) and not notes(speech, 3.0)


def test_broken_and_missing_files_are_told_in_a_sentence(file, tmp_path):
    broken, text = tmp_path / "broken.mp3", tmp_path / "words.txt"
    broken.write_bytes(b"ID3" + bytes(500))
    text.write_text("no sound")
    for path in (broken, text, tmp_path / "missing.wav", tmp_path):
        with pytest.raises(PerseError) as refused:
            heard(path)
        assert "\n" not in str(refused.value)
    (tmp_path / "half.wav").write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert heard(tmp_path / "half.wav").phones


def test_exactly_one_of_text_and_recording_is_asked_for(file, speech):
    for asked in ({}, {"say": "Hello.", "recording": file}):
        with pytest.raises(PerseError, match="Choose one"):
            speech_asked(**asked)
    with pytest.raises(PerseError, match="own voice"):
        speech_asked(recording=file, voice="deep")
    whole = speech_asked(recording=file)
    assert whole.way == "recognised" and not whole.cut and whole.sound.seconds == pytest.approx(speech.sound.seconds, abs=0.02)
    assert speech_asked("Hello.", "deep").way == "typed"
