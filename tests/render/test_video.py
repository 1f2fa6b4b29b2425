"""Videos written, and nothing left behind when something goes wrong."""

import av
import numpy as np
import pytest
from PIL import Image

from perse.media import Clip
from perse.render.video import VideoWriter, can_be_clear


def frames(count, width, height):
    """Smooth frames, each a little brighter in blue."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for index in range(count):
        blue = np.full_like(x, 0.2 + 0.5 * index / count)
        yield np.stack([0.1 + 0.7 * x / width, 0.2 + 0.6 * y / height, blue], axis=-1)


def write(path, count, width, height, fps=25.0, **options):
    with VideoWriter(path, width, height, fps, **options) as video:
        for frame in frames(count, width, height):
            video.write(frame)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_what_was_written_is_read_back(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    write(path, 12, 96, 64)
    clip = Clip(path)
    read = list(clip)
    assert (clip.width, clip.height, len(read)) == (96, 64, 12)
    assert clip.fps == pytest.approx(25.0, rel=0.01) and clip.duration == pytest.approx(0.48, abs=0.05)
    assert [frame.seconds for frame in read] == pytest.approx([i / 25 for i in range(12)], abs=1e-3)
    for (_, got), want in zip(read, frames(12, 96, 64)):
        assert got.dtype == np.uint8 and got.shape == (64, 96, 3)
        assert np.abs(got / 255.0 - want).mean() < 0.02  # and no shift of the colours by a wrong matrix
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def shown_for(path) -> tuple[list[int], list[np.ndarray]]:
    """Milliseconds of every frame of a picture file, and its pixels (H, W, 4)."""
    durations, pictures = [], []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            pictures.append(np.asarray(image.convert("RGBA")))
            durations.append(int(image.info["duration"]))
    return durations, pictures


@pytest.mark.parametrize("fps", [12.0, 25.0, 29.97, 30.0, 50.0, 60.0])
def test_a_gif_is_as_fast_as_it_should_be(tmp_path, fps):
    """Browsers show what is said to last a hundredth of a second for a tenth."""
    count = round(2 * fps)
    write(tmp_path / "clip.gif", count, 32, 24, fps)
    durations, pictures = shown_for(tmp_path / "clip.gif")
    assert min(durations) >= 20 and sum(durations) == pytest.approx(1000 * count / fps, abs=10)
    assert len(durations) == min(count, 100)
    blue = [picture[12, 16, 2] for picture in pictures]
    assert blue[0] < blue[len(blue) // 2] < blue[-1]


def test_an_animated_webp_keeps_time_and_colours(tmp_path):
    path = tmp_path / "clip.webp"
    write(path, 30, 65, 47, 30.0)
    durations, pictures = shown_for(path)
    assert len(durations) == 30 and sum(durations) == pytest.approx(1000, abs=3) and max(durations) - min(durations) <= 2
    for got, want in zip(pictures, frames(30, 65, 47)):
        assert got.shape == (47, 65, 4) and np.abs(got[..., :3] / 255.0 - want).mean() < 0.02 and (got[..., 3] == 255).all()


def ghosts(count: int):
    """A red square that walks over nothing, with a half see-through edge."""
    for index in range(count):
        frame = np.zeros((48, 64, 4), np.uint8)
        frame[8:40, 4 + index : 36 + index] = (220, 20, 20, 255)
        frame[8:40, 36 + index : 40 + index] = (220, 20, 20, 128)
        yield frame


def test_see_through_videos(tmp_path):
    for suffix in (".webm", ".webp"):
        with VideoWriter(tmp_path / f"clip{suffix}", 64, 48, 25, clear=True) as video:
            for frame in ghosts(10):
                video.write(frame)
    decoder = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's own leaves the transparency out
    with av.open(str(tmp_path / "clip.webm")) as container:
        assert container.streams.video[0].metadata["ALPHA_MODE"] == "1"
        film = [f.to_ndarray(format="rgba") for packet in container.demux(video=0) for f in decoder.decode(packet if packet.size else None)]
    for got, tolerance in ((film, 12), (shown_for(tmp_path / "clip.webp")[1], 12)):
        assert len(got) == 10
        for picture, want in zip(got, ghosts(10)):
            assert np.abs(picture[..., 3].astype(int) - want[..., 3]).mean() < 4
            solid = want[..., 3] == 255
            solid[:, 1:] &= want[:, :-1, 3] == 255  # colours are half as fine as the picture
            assert np.abs(picture[solid][:, :3].astype(int) - (220, 20, 20)).mean() < tolerance
    for suffix in (".mp4", ".gif"):
        assert not can_be_clear(f"clip{suffix}")
        with pytest.raises(ValueError, match=r"see-through: use .webm, .webp"):
            VideoWriter(tmp_path / f"clip{suffix}", 64, 48, 25, clear=True)


def test_mp4_is_what_browsers_play(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path, 8, 65, 47, fps=29.97, metadata={"comment": "made by PERSE", "perse_avatar": "abc"})
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height, stream.frames) == (66, 48, 8)  # odd sizes grow by a pixel
        assert float(stream.average_rate) == pytest.approx(29.97, rel=1e-3)
        assert container.metadata["comment"] == "made by PERSE" and container.metadata["perse_avatar"] == "abc"


def test_bytes_and_floats_give_the_same_pictures(tmp_path):
    for name, convert in (("a", lambda frame: frame), ("b", lambda frame: (frame * 255 + 0.5).astype(np.uint8))):
        with VideoWriter(tmp_path / f"{name}.mp4", 64, 48, 25) as video:
            for frame in frames(6, 64, 48):
                buffer = convert(frame)
                video.write(buffer)
                buffer[:] = 0  # the writer must not hold on to the caller's array
    pictures = [np.stack([pixels for _, pixels in Clip(tmp_path / f"{name}.mp4")]).astype(float) for name in "ab"]
    assert np.abs(pictures[0] - pictures[1]).mean() < 1  # on tiny pictures x264 may vary by a bit
    assert pictures[0].mean() > 80


NAMES = [
    "a:b.mp4",
    "http:x.mp4",
    "file:x.webm",
    "concat:a|b.mp4",
    "two  spaces.mp4",
    "Zoë Müller 🙂.gif",
    "%03d.mp4",
    "-y.mp4",
    "n" * 246 + ".mp4",
    "line\nbreak.mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name(tmp_path, monkeypatch, name):
    """No protocol, no pattern, no option."""
    monkeypatch.chdir(tmp_path)
    write(name, 3, 64, 48)
    assert len(list(Clip(name))) == 3
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_an_error_leaves_nothing_behind(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"an older file")
    with pytest.raises(RuntimeError, match="renderer"):
        with VideoWriter(path, 64, 48, 25) as video:
            for frame in frames(5, 64, 48):
                video.write(frame)
            raise RuntimeError("the renderer failed")
    assert [item.name for item in tmp_path.iterdir()] == ["clip.mp4"] and path.read_bytes() == b"an older file"


def test_a_failing_encoder_is_reported_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("perse.render.video.to_yuv", lambda *_: lambda frame: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        with VideoWriter(tmp_path / "clip.mp4", 64, 48, 25) as video:
            for frame in frames(40, 64, 48):
                video.write(frame)
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_named(tmp_path):
    with pytest.raises(ValueError, match=".avi"):
        VideoWriter(tmp_path / "clip.avi", 64, 48, 25)
    with pytest.raises(ValueError, match="at 0"):
        VideoWriter(tmp_path / "clip.mp4", 64, 48, 0)
    with pytest.raises(ValueError, match=r"\(48, 64, 3\)"):
        with VideoWriter(tmp_path / "clip.mp4", 64, 48, 25) as video:
            video.write(np.zeros((64, 48, 3), dtype=np.float32))
