"""Sound in video files: heard with the frame that it belongs to, and as long as the picture."""

import av
import numpy as np
import pytest

from perse.media import Clip
from perse.render.video import VideoWriter, is_silent
from perse.sound import Sound

SECONDS = 6


def clicks(marks, seconds: float, rate: int) -> Sound:
    """A tone of five milliseconds at each of the seconds `marks`."""
    samples, tone = np.zeros(int(seconds * rate), np.float32), np.sin(np.arange(rate // 200) * 2 * np.pi * 1000 / rate)
    for second in marks:
        start = round(second * rate)
        samples[start : start + len(tone)] = 0.9 * tone[: len(samples) - start]
    return Sound(samples, rate)


def write(path, count, fps, sound, flashes=()):
    with VideoWriter(path, 64, 48, fps, sound=sound) as video:
        for index in range(count):
            video.write(np.full((48, 64, 3), 1.0 if index in flashes else 0.0, np.float32))


def decoded(path) -> tuple[np.ndarray, int, float]:
    """Samples, their rate and the time of the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.audio[0]))
    return np.concatenate([f.to_ndarray().reshape(-1) for f in frames]), frames[0].sample_rate, frames[0].time


def starts(samples, rate, begin) -> list[float]:
    """Seconds at which something loud follows silence."""
    loud = np.flatnonzero(np.abs(samples) > 0.3) / rate + begin
    return [t for before, t in zip([-1.0, *loud], loud) if t - before > 0.05]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("rate, fps", [(48_000, 25), (24_000, 29.97), (44_100, 12), (16_000, 60)])
def test_what_is_heard_belongs_to_what_is_seen(tmp_path, suffix, rate, fps):
    """At the start, in the middle and with the last frame, from every rate of samples and of frames."""
    path, count = tmp_path / f"film{suffix}", round(SECONDS * fps)
    flashes = [0, round(fps), count // 2, count - 1]
    write(path, count, fps, clicks([i / fps for i in flashes], SECONDS + 1, rate), flashes)
    seen = [frame.seconds for frame in Clip(path) if frame.pixels.mean() > 128]
    heard = starts(*decoded(path))
    assert len(seen) == len(heard) == len(flashes)
    assert np.abs(np.subtract(seen, heard)).max() < 0.5 / fps


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("long", [0.5, 1.0, 3.0])
def test_sound_is_as_long_as_its_picture(tmp_path, suffix, long):
    """Cut where it is longer, silent where it has ended."""
    path, rate = tmp_path / f"film{suffix}", 48_000
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, int(long * rate)).astype(np.float32)
    write(path, 50, 25, Sound(noise, rate))
    samples, rate, begin = decoded(path)
    assert begin == pytest.approx(0, abs=1e-3)
    assert len(samples) / rate == pytest.approx(2.0, abs=0.025)  # whole packets of 1,024 or 960 samples
    with av.open(str(path)) as container:
        assert container.duration / av.time_base == pytest.approx(2.0, abs=0.02)
    body = np.abs(samples[: 2 * rate]).reshape(-1, rate // 20).mean(1)
    end = min(long, 2.0) * 20
    assert body[: int(end)].min() > 0.05 and (body[int(end) + 1 :] < 0.01).all()


def test_packets_lie_where_a_player_needs_them(tmp_path):
    """Interleaved: half a second of one kind never waits for the other."""
    for suffix in (".mp4", ".webm"):
        write(path := tmp_path / f"film{suffix}", 150, 25, clicks([1], SECONDS, 48_000))
        last = {"video": 0.0, "audio": 0.0}
        with av.open(str(path)) as container:
            assert [s.codec_context.name for s in container.streams.audio] == [{".mp4": "aac", ".webm": "opus"}[suffix]]
            for packet in container.demux():
                if packet.pts is not None:
                    last[packet.stream.type] = float(packet.pts * packet.time_base)
                    assert abs(last["video"] - last["audio"]) < 0.5


def test_a_gif_is_silent(tmp_path):
    write(path := tmp_path / "film.gif", 5, 10, clicks([0], 1, 16_000))
    assert is_silent(path) and not is_silent("film.mp4") and not is_silent("film.webm")
    with av.open(str(path)) as container:
        assert not container.streams.audio and container.streams.video
    write(path := tmp_path / "quiet.mp4", 5, 10, None)
    with av.open(str(path)) as container:
        assert not container.streams.audio


def test_samples_beyond_the_range_are_clipped(tmp_path):
    loud = np.tile(np.float32([4.0, -4.0]).repeat(50), 200)
    write(path := tmp_path / "film.mp4", 10, 25, Sound(loud, 48_000))
    assert 0.5 < np.sqrt((decoded(path)[0][:19_200] ** 2).mean()) < 1.3  # as loud as can be, not four times that
