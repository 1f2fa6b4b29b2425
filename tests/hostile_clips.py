"""Clips and sounds that a stranger might send: broken, disguised, absurd; made here, every time the same for the same seed."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SECRET = "secret.mp4"  # the name of a good clip that playlists refer to
RATE = 16_000


def pictures(count: int, width: int, height: int) -> Iterator[np.ndarray]:
    """Smooth pictures (height, width, 3) uint8 that change from one to the next."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for i in range(count):
        yield (255 * np.stack([x / width, y / height, np.full_like(x, (i % 25) / 25)], -1)).astype(np.uint8)


def film(
    path: Path,
    count: int = 12,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    fps: int = 25,
    times=None,
    shown=None,
    sound: str | None = None,
    **options,
) -> Path:
    """A good clip. times: pts of every frame, in units of 1 / fps; shown: pictures of one's own; sound: codec of a tone beside it."""
    with av.open(f"file:{path}", "w") as out:
        stream = out.add_stream(codec, rate=fps, options={"crf": "30", **options} if codec == "libx264" else options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = Fraction(1, fps)
        voice = out.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for i, picture in enumerate(pictures(count, *size) if shown is None else shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = i if times is None else times[i], Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if voice:
            _speak(out, voice, 48_000, tone(48_000))
    return path


def tone(rate: int, seconds: float = 1.0, pitch: float = 440.0) -> np.ndarray:
    """(N,) float32 in [-0.5, 0.5]."""
    return 0.5 * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def recording(path: Path, samples: np.ndarray, rate: int = RATE, codec: str = "pcm_s16le") -> Path:
    """A sound file of samples (N,) in [-1, 1]."""
    with av.open(f"file:{path}", "w") as out:
        _speak(out, out.add_stream(codec, rate=rate, layout="mono"), rate, samples)
    return path


def _speak(out, stream, rate: int, samples: np.ndarray) -> None:
    frame = av.AudioFrame.from_ndarray((np.clip(samples, -1, 1) * 32767).astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size or None)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        if piece is not None:
            out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def good(folder: Path) -> dict[str, Path]:
    """One clip of each kind that is read."""
    return {
        "mp4": film(folder / "good.mp4", sound="aac"),
        "webm": film(folder / "good.webm", codec="libvpx", sound="libopus"),
        "avi": film(folder / "good.avi", codec="mpeg4"),
        "ts": film(folder / "good.ts"),
        "gif": film(folder / "good.gif", codec="gif", pixels="rgb8"),
        "mkv": film(folder / "good.mkv", codec="mpeg4"),
    }


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The same file with one to sixty bits flipped: most near its beginning, where the structure is, but none in the mark of its kind."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 61))):
        out[16 + int((len(out) - 16) * rng.random() ** 2)] ^= 1 << int(rng.integers(8))
    return bytes(out)


def clips(folder: Path, rng: np.random.Generator, mutations: int = 2) -> Iterator[tuple[str, Path]]:
    """(name, path) of one hostile file after the other; good files that some refer to lie beside them.

    mutations: of each kind, truncated and with flipped bits.
    """
    folder = Path(folder)
    kinds = {name: path.read_bytes() for name, path in good(folder).items()}
    film(folder / SECRET)

    def file(name: str, data: bytes) -> tuple[str, Path]:
        path = folder / name.replace(" ", "_")
        path.write_bytes(data)
        return name, path

    for kind, data in kinds.items():
        for i in range(mutations):
            yield file(f"cut {i}.{kind}", data[: int(len(data) * rng.random())])
            yield file(f"flipped {i}.{kind}", mutated(data, rng))
    mp4 = kinds["mp4"]
    yield file("empty.mp4", b"")
    yield file("one byte.mp4", b"\0")
    yield file("noise.mp4", rng.bytes(20_000))
    yield file("noise after a head.mp4", mp4[:40] + rng.bytes(20_000))
    yield file("disguised.txt", mp4)
    yield file("a gif.mp4", kinds["gif"])
    heads = {"pdf": b"%PDF-1.7\n", "html": b"<html><script>", "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0", "id3": b"ID3\4" + bytes(6)}
    for name, head in heads.items():
        yield file(f"polyglot {name}.mp4", head + mp4)
    yield from _playlists(file, folder)
    yield file("no frame.gif", b"GIF89a\x10\0\x10\0\0\0\0;")
    yield file("no frame.mp4", _without_samples(mp4))
    yield "only sound.m4a", recording(folder / "only_sound.m4a", tone(RATE), codec="aac")
    yield "one pixel.gif", film(folder / "one_pixel.gif", size=(1, 1), codec="gif", pixels="rgb8")
    yield "odd.webm", film(folder / "odd.webm", size=(35, 19), codec="libvpx")
    yield "thin.gif", film(folder / "thin.gif", size=(3000, 1), codec="gif", pixels="rgb8", count=3)
    yield file("declared huge.gif", kinds["gif"][:6] + b"\xff\xff\xff\xff" + kinds["gif"][10:])
    yield file("declared huge.mp4", mp4.replace(struct.pack(">HH", 64, 48), struct.pack(">HH", 65535, 65535)))
    yield "too large.mp4", film(folder / "too_large.mp4", size=(4352, 64), count=2)
    gap = [0, 1, 2, 250_000, 250_001]
    yield "gap.mp4", film(folder / "gap.mp4", count=5, times=gap)
    yield "gap.mkv", film(folder / "gap.mkv", count=5, times=gap, codec="mpeg4")
    yield "before zero.mkv", film(folder / "before_zero.mkv", count=5, times=[-9000, -8999, 0, 1, 2], codec="mpeg4")
    yield file("no time.mp4", _durations(mp4, 0))
    yield file("endless time.mp4", _durations(mp4, 0xFFFFFFFF))
    yield "a thousand a second.mp4", film(folder / "a_thousand_a_second.mp4", count=400, fps=1000)
    yield file("three thousand tracks.mp4", _many_tracks(mp4, 3000))
    yield file("boxes in boxes.mp4", _nested(20_000))
    larger = film(folder / "larger.ts", size=(96, 80)).read_bytes()
    yield file("grows.ts", kinds["ts"] + larger)
    yield file("shrinks.ts", larger + kinds["ts"])
    yield file("turned.mp4", turned(mp4, (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)))
    yield file("flat.mp4", turned(mp4, (0,) * 9))
    yield "see-through.webm", film(folder / "see-through.webm", codec="libvpx-vp9", pixels="yuva420p")


def sounds(folder: Path, rng: np.random.Generator, mutations: int = 1) -> Iterator[tuple[str, Path]]:
    """As `clips`, of sounds."""
    folder = Path(folder)
    for suffix, codec in (("wav", "pcm_s16le"), ("flac", "flac"), ("ogg", "libopus"), ("mp3", "libmp3lame"), ("m4a", "aac")):
        data = recording(folder / f"good.{suffix}", tone(48_000), 48_000, codec).read_bytes()
        for i in range(mutations):
            for name, changed in (("cut", data[: int(len(data) * rng.random())]), ("flipped", mutated(data, rng))):
                path = folder / f"{name}_{i}.{suffix}"
                path.write_bytes(changed)
                yield path.name, path
    wav = (folder / "good.wav").read_bytes()
    where = wav.index(b"fmt ") + 8
    fields = (("slow", 4, "<I", 1), ("fast", 4, "<I", 0xFFFFFFFF), ("choir", 2, "<H", 0xFFFF), ("foreign", 0, "<H", 0x7777))
    for name, offset, form, value in fields:
        data = bytearray(wav)
        struct.pack_into(form, data, where + offset, value)
        path = folder / f"{name}.wav"
        path.write_bytes(data)
        yield path.name, path
    path = folder / "nowhere.wav"
    head = (b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 3, 1, RATE, 4 * RATE, 4, 32, b"data", 0xFFFFFFFF)
    path.write_bytes(struct.pack("<4sI4s4sIHHIIHH4sI", *head) + np.array([np.nan, np.inf, -np.inf, 3e38] * 2000, "<f4").tobytes())
    yield path.name, path


def _playlists(file, folder: Path) -> Iterator[tuple[str, Path]]:
    """Texts for which FFmpeg would open other files, under their own and under a clip's name."""
    texts = {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{folder / SECRET}\n",
        "ffconcat": f"ffconcat version 1.0\nfile {SECRET}\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
        f"<BaseURL>{SECRET}</BaseURL></AdaptationSet></Period></MPD>",
    }
    for suffix, text in texts.items():
        yield file(f"list.{suffix}", text.encode())
        yield file(f"list {suffix}.mp4", text.encode())


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def _find(data: bytes, kind: bytes, start: int = 0) -> tuple[int, int]:
    """Beginning and end of the first box of a kind."""
    at = data.index(kind, start) - 4
    return at, at + struct.unpack_from(">I", data, at)[0]


def _many_tracks(mp4: bytes, count: int) -> bytes:
    # The movie's table comes last in what PyAV writes: what it points to does not move.
    at, end = _find(mp4, b"moov")
    track = slice(*_find(mp4, b"trak", at))
    return mp4[:at] + _box(b"moov", mp4[at + 8 : end] + mp4[track] * count)


def _without_samples(mp4: bytes) -> bytes:
    """The tables say that there is no sample."""
    data = bytearray(mp4)
    for kind, offset in ((b"stts", 12), (b"stsz", 16), (b"stsc", 12), (b"stco", 12)):
        at = -1
        while (at := data.find(kind, at + 1)) >= 0:
            struct.pack_into(">I", data, at - 4 + offset, 0)
    return bytes(data)


def _durations(mp4: bytes, ticks: int) -> bytes:
    """Every frame takes so many ticks."""
    data = bytearray(mp4)
    at, end = _find(mp4, b"stts")
    for entry in range(at + 16, end, 8):
        struct.pack_into(">I", data, entry + 4, ticks)
    return bytes(data)


def turned(mp4: bytes, matrix: tuple[int, ...]) -> bytes:
    """The same clip with another display matrix in its first track."""
    data = bytearray(mp4)
    struct.pack_into(">9i", data, mp4.index(b"tkhd") + 44, *matrix)
    return bytes(data)


def _nested(depth: int) -> bytes:
    head = _box(b"ftyp", b"isom\0\0\2\0isom")
    sizes = range(8 * depth, 0, -8)
    return head + b"".join(struct.pack(">I", size) + (b"moov" if i == 0 else b"udta" if i % 2 else b"meta") for i, size in enumerate(sizes))
