"""Videos written and read back, and nothing left behind when something goes wrong."""

import av
import numpy as np
import pytest

from perse.errors import PerseError
from perse.render.video import VideoWriter, read_video


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
    read, info = read_video(path)
    read = list(read)
    assert (info.width, info.height, len(read)) == (96, 64, 12)
    assert info.fps == pytest.approx(25.0, rel=0.01) and info.duration == pytest.approx(0.48, abs=0.05)
    assert abs(info.frames - 12) <= 1
    for got, want in zip(read, frames(12, 96, 64)):
        assert got.dtype == np.uint8 and got.shape == (64, 96, 3)
        assert np.abs(got / 255.0 - want).mean() < 0.02  # and no shift of the colours by a wrong matrix
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


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
    pictures = [np.stack(list(read_video(tmp_path / f"{name}.mp4")[0])).astype(float) for name in "ab"]
    assert np.abs(pictures[0] - pictures[1]).mean() < 1  # on tiny pictures x264 may vary by a bit
    assert pictures[0].mean() > 80


def test_stride_and_limit(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path, 20, 64, 48)
    everything = list(read_video(path)[0])
    some = list(read_video(path, max_frames=4, stride=3)[0])
    assert len(some) == 4
    for index, frame in enumerate(some):
        np.testing.assert_array_equal(frame, everything[3 * index])
    assert list(read_video(path, max_frames=0)[0]) == []


def test_a_phone_clip_comes_upright(tmp_path):
    """A display matrix that turns the picture clockwise by 90 degrees, as phones write it for portrait clips."""
    path = tmp_path / "phone.mp4"
    picture = np.zeros((48, 64, 3), dtype=np.float32)
    picture[:, :32] = (1.0, 0.0, 0.0)  # the stored left half is the upright top half
    with VideoWriter(path, 64, 48, 25) as video:
        for _ in range(4):
            video.write(picture)
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    content[matrix:matrix + 36] = np.array([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30], dtype=">i4").tobytes()
    path.write_bytes(content)
    read, info = read_video(path)
    frame = next(read)
    assert (info.width, info.height) == (48, 64) and frame.shape == (64, 48, 3)
    assert frame[:28, :, 0].mean() > 200 and frame[36:, :, 0].mean() < 50


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
    monkeypatch.setattr("perse.render.video._to_yuv", lambda frame: 1 / 0)
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


def test_an_unreadable_file_is_one_sentence(tmp_path):
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"\x00\x01not a video" * 50)
    for path in (junk, tmp_path / "missing.mp4"):
        with pytest.raises(PerseError, match=path.name):
            read_video(path)


def test_a_clip_that_breaks_off_ends_there(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path, 40, 64, 48)
    content = path.read_bytes()
    start = content.index(b"mdat")
    path.write_bytes(content[:start + (len(content) - start) // 2])
    read, _ = read_video(path)
    assert 1 <= len(list(read)) < 40
