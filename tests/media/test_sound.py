"""Sound: what was recorded comes back, from a recording and from a clip; what is none is a sentence."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from perse import child
from perse.errors import BuildCancelled, PerseError
from perse.media import Clip, limits, read_sound
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


def placed_film(path, video_starts: float, sounds: list[tuple[float, float]]):
    """A clip of two seconds of pictures from video_starts on; sounds: (second, length in seconds) of tones, with nothing between them."""
    with av.open(f"file:{path}", "w") as out:
        codec = "libvpx" if path.suffix == ".webm" else "libx264"
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.codec_context.time_base = 64, 48, "yuv420p", Fraction(1, 1000)
        voice = out.add_stream("flac" if path.suffix == ".mkv" else "libopus", rate=48_000, layout="mono")
        size = 960 if path.suffix == ".webm" else 4608
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * i, np.uint8), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(1000 * (video_starts + i / 25)), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        for second, length in sounds:
            wave = (tone(48_000, length) * 32767).astype(np.int16)
            for start in range(0, len(wave) - size + 1, size):
                frame = av.AudioFrame.from_ndarray(wave[None, start : start + size], format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, round(second * 48_000) + start, Fraction(1, 48_000)
                out.mux(voice.encode(frame))
        out.mux(voice.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
@pytest.mark.parametrize(
    "video_starts, sounds, loud",
    [
        (0.0, [(0.0, 1.0)], [(0.0, 1.0)]),
        (0.4, [(0.0, 1.0)], [(0.0, 0.6)]),  # what was heard before the first frame is not wanted
        (0.0, [(0.5, 1.0)], [(0.5, 1.5)]),
        (0.3, [(0.8, 0.5), (1.8, 0.5)], [(0.5, 1.0), (1.5, 2.0)]),  # a gap stays a gap
    ],
)
def test_sound_begins_with_the_first_frame_and_keeps_its_times(tmp_path, suffix, video_starts, sounds, loud):
    path = placed_film(tmp_path / f"clip.{suffix}", video_starts, sounds)
    with Clip(path) as clip:
        assert clip.heard and next(clip).seconds == 0
        samples = read_sound(path, begins=clip.begins)
    heard = np.abs(samples).reshape(-1)[: len(samples) // 160 * 160].reshape(-1, 160).max(1) > 0.2  # hundredths of a second
    edges = np.flatnonzero(np.diff(np.concatenate([[0], heard.astype(int), [0]]))) / 100
    assert np.abs(edges - np.ravel(loud)).max() < 0.11 if suffix == "mkv" else np.abs(edges - np.ravel(loud)).max() < 0.04


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
