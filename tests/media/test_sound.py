"""Sound: what was recorded comes back, from a recording and from a clip; what is none is a sentence."""

import itertools

import numpy as np
import pytest

from perse import child
from perse.errors import BuildCancelled, PerseError
from perse.media import limits, read_sound
from tests.hostile_clips import film, recording, sounds, tone

pytestmark = pytest.mark.usefixtures("alone")


def pitch(samples: np.ndarray, rate: int) -> float:
    """The strongest frequency, Hz."""
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * rate / len(samples)


@pytest.mark.parametrize(
    "suffix, codec, rate",
    [
        ("wav", "pcm_s16le", 44_100),
        ("flac", "flac", 48_000),
        ("ogg", "libopus", 48_000),
        ("mp3", "libmp3lame", 44_100),
        ("m4a", "aac", 48_000),
    ],
)
def test_a_recording_comes_back(tmp_path, suffix, codec, rate):
    path = recording(tmp_path / f"a:tone.{suffix}", tone(rate, 1.0, 440), rate, codec)
    samples = read_sound(path)
    assert samples.dtype == np.float32 and len(samples) == pytest.approx(16_000, rel=0.08)
    assert pitch(samples[1000:-1000], 16_000) == pytest.approx(440, abs=3)
    assert np.abs(samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.06)


def test_samples_stay_what_they_were(tmp_path):
    wave = tone(16_000, 0.5)
    assert np.abs(read_sound(recording(tmp_path / "tone.wav", wave)) - wave).max() < 1e-3


def test_the_sound_of_a_clip(tmp_path):
    for name, options in (("clip.mp4", {"sound": "aac"}), ("clip.webm", {"codec": "libvpx", "sound": "libopus"})):
        samples = read_sound(film(tmp_path / name, **options), rate=22_050)
        assert pitch(samples[1000:-1000], 22_050) == pytest.approx(440, abs=3)
    with pytest.raises(PerseError, match="no sound"):
        read_sound(film(tmp_path / "silent.mp4"))


def test_what_is_wanted_is_the_end(tmp_path):
    path = recording(tmp_path / "tone.wav", tone(16_000, 2.0))
    assert len(read_sound(path, seconds=0.25)) == 4_000
    with pytest.raises(ValueError, match="rate"):
        read_sound(path, rate=10)


@pytest.mark.slow
def test_a_hostile_sound_is_samples_or_a_sentence(tmp_path):
    outcomes = {}
    for name, path in sounds(tmp_path, np.random.default_rng(14)):
        try:
            samples = read_sound(path, seconds=5)
            assert 0 < len(samples) <= 80_000 and np.isfinite(samples).all() and np.abs(samples).max() <= 1, name
        except PerseError as error:
            outcomes[name] = str(error)
            assert "\n" not in outcomes[name] and path.name in outcomes[name] and len(outcomes[name]) < 250, name
    assert {"slow.wav", "fast.wav", "choir.wav", "foreign.wav"} <= set(outcomes) and "nowhere.wav" not in outcomes
    low, high = limits.SAMPLE_RATES
    assert f"{low} to {high}" in outcomes["slow.wav"]


def test_waiting_ends_when_cancelled(tmp_path, monkeypatch):
    monkeypatch.setattr(child, "ASK_EVERY", 0.0)  # with every piece that is read, however fast it comes
    asked = itertools.count()
    with pytest.raises(BuildCancelled):
        read_sound(recording(tmp_path / "tone.wav", tone(16_000, 60.0)), cancelled=lambda: next(asked) >= 0)
