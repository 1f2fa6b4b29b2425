"""Clips: what is given, what is cut, what is refused; and that nothing of it outlives its reader."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from perse import child
from perse.child import Broken, Child
from perse.cicp import HLG, PQ
from perse.errors import BuildCancelled, PerseError
from perse.media import Clip, limits, source
from perse.media.kinds import HEAD, KINDS, sniff
from tests.hdr_scene import NITS, assert_as_bright, coded
from tests.hostile_clips import clips, film, good, pictures, recording, tone, turned

pytestmark = pytest.mark.usefixtures("alone")
ROOT = Path(__file__).parents[2]


def seconds_of(path, **options) -> list[float]:
    return [seconds for seconds, _ in Clip(path, **options)]


def test_every_kind_is_told_by_its_bytes_and_read(tmp_path):
    for suffix, path in good(tmp_path).items():
        named = path.rename(path.with_name("clip"))  # the name tells nothing
        kind = sniff(named.read_bytes()[:HEAD])
        assert kind in KINDS and kind.pictures
        frames = list(Clip(named))
        assert len(frames) == 12, suffix
        for (_, pixels), want in zip(frames, pictures(12, 64, 48)):
            assert pixels.shape == (48, 64, 3) and pixels.dtype == np.uint8
            assert np.abs(pixels.astype(float) - want).mean() < (25 if suffix == "gif" else 10), suffix
        assert [frame.seconds for frame in frames] == pytest.approx([i / 25 for i in range(12)], abs=0.011), suffix


@pytest.mark.slow
def test_a_hostile_clip_is_frames_or_a_sentence(tmp_path, started):
    outcomes = {}
    for name, path in clips(tmp_path, np.random.default_rng(14), mutations=1):
        before = sorted(item.name for item in tmp_path.iterdir())
        try:
            last, outcomes[name] = -1.0, 0
            with Clip(path) as clip:
                for seconds, pixels in clip:
                    assert last < seconds < limits.SECONDS and pixels.shape == (clip.height, clip.width, 3), name
                    last, outcomes[name] = seconds, outcomes[name] + 1
            assert outcomes[name], name
        except PerseError as error:
            outcomes[name] = str(error)
            assert path.name in outcomes[name] and len(outcomes[name]) < 250, name
            assert ". " not in outcomes[name] and "\n" not in outcomes[name], name
        assert sorted(item.name for item in tmp_path.iterdir()) == before, name
        assert all(process.poll() is not None for process in started), name
    # Texts that name other files, and files that are several things at once, are no clips: nothing is even started for them.
    assert all(isinstance(told, str) for name, told in outcomes.items() if name.startswith(("list", "polyglot", "no frame", "only sound")))
    given = ["disguised.txt", "a gif.mp4", "one pixel.gif", "odd.webm", "turned.mp4", "flat.mp4", "see-through.webm", "no time.mp4"]
    assert all(isinstance(outcomes[name], int) for name in given), {name: outcomes[name] for name in given}
    assert outcomes["grows.ts"] == outcomes["shrinks.ts"] == 24  # of one size
    assert outcomes["gap.mp4"] == outcomes["gap.mkv"] == 3  # what follows hours later is beyond the end
    assert outcomes["a thousand a second.mp4"] <= 0.4 * limits.RATE / limits.GAP + 1
    assert "4352 × 64" in outcomes["too large.mp4"]


def test_a_list_of_files_opens_none(tmp_path, started):
    film(tmp_path / "secret.mp4")
    for text in ("#EXTM3U\n#EXTINF:1,\nsecret.mp4\n", "ffconcat version 1.0\nfile secret.mp4\n"):
        path = tmp_path / "clip.mp4"
        path.write_text(text)
        with pytest.raises(PerseError, match="no video that can be read"):
            Clip(path)
    assert started == []


@pytest.mark.parametrize("fps, rate, wanted", [(24, 25, 24), (30, 25, 30), (50, 25, 25), (60, 25, 30), (240, 60, 80), (30, 60, 30)])
def test_frames_are_skipped_evenly(tmp_path, fps, rate, wanted):
    times = seconds_of(film(tmp_path / "clip.mp4", fps, fps=fps), rate=rate)
    assert len(times) == wanted
    assert np.diff(times) == pytest.approx(np.full(wanted - 1, 1 / wanted), abs=1e-6)


def test_what_is_wanted_is_the_end(tmp_path):
    path = film(tmp_path / "clip.mp4", 20)
    everything = [pixels for _, pixels in Clip(path)]
    assert seconds_of(path, seconds=0.2) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    few = list(Clip(path, frames=3))
    assert len(few) == 3 and all((a.pixels == b).all() for a, b in zip(few, everything))
    spaced = film(tmp_path / "spaced.mp4", 6, times=[0, 1, 2, 50, 51, 200])
    assert seconds_of(spaced) == pytest.approx([0, 0.04, 0.08, 2.0, 2.04, 8.0])
    assert seconds_of(spaced, seconds=2.0) == pytest.approx([0, 0.04, 0.08])


def test_a_clip_says_whether_it_goes_on(tmp_path):
    path = film(tmp_path / "clip.mp4", 20)
    for options, goes_on in (({}, False), ({"seconds": 0.2}, True), ({"frames": 3}, True), ({"frames": 20, "seconds": 0.81}, False)):
        with Clip(path, **options) as clip:
            assert clip.more is False
            assert len(list(clip)) and clip.more is goes_on, options


def test_looking_ends_however_many_frames_come(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "DECODED", 7)
    assert len(seconds_of(film(tmp_path / "clip.mp4", 20))) == 7


def test_a_clip_is_turned_and_mirrored_as_it_says(tmp_path):
    """Phones turn portrait clips by a display matrix, front cameras mirror by one. What the matrix does to a corner of the picture is what is seen."""
    path = film(tmp_path / "selfie.mp4", 2)
    data, stored = path.read_bytes(), next(Clip(path)).pixels
    for turns, flip in itertools.product(range(4), ([1, 1], [-1, 1])):
        along, down = np.linalg.matrix_power([[0, 1], [-1, 0]], turns).T
        (a, b), (c, d) = along * flip, down * flip
        path.write_bytes(turned(data, (65536 * a, 65536 * b, 0, 65536 * c, 65536 * d, 0, 0, 0, 1 << 30)))
        with Clip(path) as clip:
            want = np.rot90(stored, turns)[:, :: flip[0]]
            assert (clip.height, clip.width) == want.shape[:2], (turns, flip)
            np.testing.assert_array_equal(next(clip).pixels, want, err_msg=f"{turns} {flip}")


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_an_hdr_clip_is_as_bright_as_its_scene(tmp_path, transfer):
    """A grey face, paper and a lamp, as phones film them: ten bits, BT.2020. Taken for SDR a clip of PQ is grey in grey."""
    seen = next(Clip(hdr_film(tmp_path / "hdr.mkv", coded(NITS, transfer), transfer))).pixels[24, 8::16].astype(float)
    assert_as_bright(seen)


@pytest.mark.parametrize(
    ("codec", "pixels", "suffix"), [("libvpx-vp9", "yuva420p", "webm"), ("prores_ks", "yuva444p10le", "mov"), ("png", "rgba", "mov")]
)
def test_a_clip_with_a_see_through_background_is_read(tmp_path, codec, pixels, suffix):
    frames = list(Clip(film(tmp_path / f"clear.{suffix}", codec=codec, pixels=pixels, count=3)))
    assert len(frames) == 3 and np.abs(frames[0].pixels.astype(float) - next(pictures(1, 64, 48))).mean() < 12


@pytest.mark.parametrize("size", [(63, 47), (66, 50), (1, 64)])
def test_odd_sizes_and_a_single_frame(tmp_path, size):
    (frame,) = Clip(film(tmp_path / "one.avi", codec="rawvideo", pixels="bgr24", count=1, size=size))
    assert frame.seconds == 0 and frame.pixels.shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    "name",
    [
        "a: b.mp4",
        "http:me.mp4",
        "concat:x|y.mp4",
        " lead and trail .mp4",
        "C:\\Users\\me\\Ünï 相片 🙂.mp4",
        "n" * 246 + ".mp4",
        "-i.mp4",
        "%03d.mp4",
    ],
)
def test_a_clip_is_read_whatever_its_name(tmp_path, name):
    assert len(list(Clip(film(tmp_path / "clip.mp4", 3).rename(tmp_path / name)))) == 3


def test_a_cover_is_no_film(tmp_path):
    with pytest.raises(PerseError, match="only sound"):
        Clip(recording(tmp_path / "song.m4a", tone(16_000), codec="aac"))
    with pytest.raises(PerseError, match="only sound"):
        Clip(recording(tmp_path / "song.wav", tone(16_000)))


def test_only_regular_files(tmp_path):
    fifo, link = tmp_path / "pipe.mp4", tmp_path / "zero.mp4"
    os.mkfifo(fifo)
    link.symlink_to("/dev/zero")
    for path in (fifo, link, tmp_path):
        with pytest.raises(PerseError, match="is not a file"):
            Clip(path)
    with pytest.raises(PerseError, match="could not be opened"):
        Clip(tmp_path / "missing.mp4")
    with pytest.raises(PerseError, match="could not be opened"):
        Clip("nul\0l.mp4")
    large = tmp_path / "large.mp4"
    film(large)
    os.truncate(large, limits.BYTES + 1)  # takes no room on a disk
    with pytest.raises(PerseError, match="larger"):
        Clip(large)


def test_a_sentence_is_one_line_whatever_the_name(tmp_path):
    path = tmp_path / ("a\nb" + "x" * 200)
    path.write_bytes(b"nothing")
    with pytest.raises(PerseError) as told:
        Clip(path)
    assert "\n" not in str(told.value) and len(str(told.value)) < 250


def test_waiting_ends_when_cancelled(tmp_path, started, monkeypatch):
    monkeypatch.setattr(child, "ASK_EVERY", 0.0)  # with every piece that is read, however fast it comes
    asked = itertools.count()
    path = film(tmp_path / "clip.mp4", 20)
    with pytest.raises(BuildCancelled):
        list(Clip(path, cancelled=lambda: next(asked) > 4))
    assert started[0].poll() is not None


def test_a_clip_that_nobody_reads_ends(tmp_path, started):
    path = film(tmp_path / "clip.mp4", 8, size=(1280, 720), preset="ultrafast")  # more than a pipe holds
    clip = Clip(path)
    next(clip)
    assert started[0].poll() is None
    clip.close()
    assert started[0].poll() is not None
    Clip(path)
    gc.collect()
    assert started[1].poll() is not None


def test_a_decoder_that_dies_is_a_sentence(tmp_path, started):
    clip = Clip(film(tmp_path / "clip.mp4", 8, size=(1280, 720), preset="ultrafast"))
    next(clip)
    os.kill(started[0].pid, signal.SIGSEGV)
    with pytest.raises(PerseError, match="cannot be read"):
        list(clip)


def test_a_decoder_that_needs_too_much_is_a_sentence(tmp_path, monkeypatch):
    path = film(tmp_path / "clip.mp4")
    monkeypatch.setattr(source, "CONFINED", source.Limits(memory=1 << 20, cpu=60, files=3))
    with pytest.raises(PerseError, match=r"cannot be read|can be decoded"):
        list(Clip(path))


@pytest.mark.slow
@pytest.mark.parametrize("alive", [True, False])
def test_a_decoder_has_time_from_one_sign_of_life_to_the_next(tmp_path, alive):
    """Processor time, not the clock's: a busy machine changes nothing."""
    worker = _worker(
        tmp_path,
        "media._more_time(job)",
        "end = time.process_time() + 3",
        "while time.process_time() < end:",
        f"    {alive} and media._more_time(job)",
        "send({})",
        head="import time\nfrom perse.media import worker as media\n",
    )
    with film(tmp_path / "clip.mp4").open("rb") as file, Child(worker, {"patience": 1}, file, source.CONFINED) as child:
        if alive:
            assert child.read(0) == ({}, b"")
        else:
            with pytest.raises(Broken):
                child.read(0)


TOLD = {"width": 4, "height": 4, "turns": 0, "fps": 25.0, "duration": 1.0, "begins": 0.0, "heard": False}


@pytest.mark.parametrize(
    "head, payload",
    [
        ({"width": 10**6, "height": 10**6}, 0),
        ({"width": None}, 0),
        ({"width": 4.5}, 0),
        ({"width": True}, 0),
        ({"turns": 7}, 0),
        ({"fps": "25"}, 0),
        ({"duration": []}, 0),
        ({"begins": None}, 0),
        ({"begins": float("inf")}, 0),
        ({"heard": "yes"}, 0),
        ({}, 99),
    ],
)
def test_a_decoder_is_not_believed(tmp_path, monkeypatch, head, payload):
    worker = _worker(tmp_path, f"send({TOLD | head!r}, bytes({payload}))")
    monkeypatch.setattr(source.worker, "__file__", str(worker))
    with pytest.raises(PerseError, match="cannot be read"):
        Clip(film(tmp_path / "clip.mp4"))


@pytest.mark.parametrize(
    "frames",
    [
        "send({'time': 0.0}, bytes(47))",
        "send({'time': 0.0}, bytes(49))",
        "send({}, bytes(48))",
        "send({'time': float('nan')}, bytes(48))",
        "send({'time': -2.0}, bytes(48))",
        "send({'time': 1e9}, bytes(48))",
        "[send({'time': 1.0}, bytes(48)) for _ in range(2)]",
        "[send({'time': i / 100}, bytes(48)) for i in range(4)]",
        "send({'time': 'x'}, bytes(48))",
        "file.close() or [].x",
    ],
)
def test_a_decoder_is_not_believed_about_frames(tmp_path, monkeypatch, frames):
    worker = _worker(tmp_path, f"send({TOLD})", frames)
    monkeypatch.setattr(source.worker, "__file__", str(worker))
    with pytest.raises(PerseError, match="cannot be read"):
        list(Clip(film(tmp_path / "clip.mp4"), frames=3))


def test_a_decoder_can_open_nothing(tmp_path):
    tries = ["open('/etc/hostname')", "open('left.txt', 'w')", "socket.socket()", "os.pipe()", "os.open('/', 0)"]
    attempts = [("try:", f"    {code}", "except OSError as error:", "    tried.append(type(error).__name__)") for code in tries]
    told = "send({'tried': tried, 'environment': sorted(os.environ)})"
    worker = _worker(tmp_path, "tried = []", *(line for lines in attempts for line in lines), told, head="import os, socket\n")
    with film(tmp_path / "clip.mp4").open("rb") as file, Child(worker, {}, file, source.CONFINED) as child:
        told, _ = child.read(0)
    assert told["tried"] == ["OSError"] * len(tries)
    assert not {"HOME", "PATH", "HF_TOKEN"} & set(told["environment"])


def test_a_decoder_ends_with_its_parent(tmp_path):
    path = film(tmp_path / "clip.mp4", 8, size=(1280, 720), preset="ultrafast")
    code = (
        f"from perse.media import Clip; clip = Clip({str(path)!r}); next(clip); "
        "print(clip._source._child._process.pid, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        decoder = Path(f"/proc/{int(parent.stdout.readline())}")
        assert b"confined" in (decoder / "cmdline").read_bytes()
        parent.kill()
    while decoder.exists() and b"confined" in (decoder / "cmdline").read_bytes():  # a test that never ends is one that fails
        time.sleep(0.05)


def hdr_film(path: Path, coded: np.ndarray, transfer: int) -> Path:
    """A clip of BT.2020 in ten bits with a bar of 16 pixels for each grey of `coded`, in [0, 1]."""
    width = 16 * len(coded)
    light = np.repeat(64 + coded * 876, 16).round().astype("<u2")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=25, options={"x265-params": "lossless=1:bframes=0:frame-threads=1:log-level=none"})
        stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p10le"
        stream.codec_context.color_trc, stream.codec_context.color_primaries, stream.codec_context.colorspace = transfer, 9, 9
        stream.codec_context.color_range = 1
        for i in range(2):
            frame = av.VideoFrame(width, 48, "yuv420p10le")
            for plane, row in zip(frame.planes, (light, *2 * [np.full(width // 2, 512, "<u2")])):
                plane.update(row.tobytes().ljust(plane.line_size, b"\0") * plane.height)
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _worker(folder: Path, *lines: str, head: str = "") -> Path:
    """A worker that does these things."""
    path = folder / "worker.py"
    path.write_text(head + "def work(job, file, send):\n" + "".join(f"    {line}\n" for line in lines))
    return path
