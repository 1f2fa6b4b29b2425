"""The half of `Clip` and `read_sound` that runs in a child process (see `perse.child`): FFmpeg on a stranger's file.

It says, for a clip, once

    {"width", "height", "turns", "mirrored",            of the picture as it is stored; quarter turns anticlockwise that put it upright, and
     "fps", "duration", "begins", "heard"}              whether left and right change places after them; what the file says of frames a
                                                        second and length in seconds, 0 if nothing; the file's time of the first frame;
                                                        whether there is sound beside the picture

for every frame {"time"}, seconds since the first, with width * height * 3 bytes of RGB, and {"more": true} at last if the clip goes on where
it is cut; for a sound {} with float32 samples.
"""

import math
import os
import resource
import struct
import time
from fractions import Fraction

import av

# What PyAV imports only when it is needed: then nothing can be opened any more.
import av.audio.stream
import av.stream
import av.subtitles.stream
import av.video.stream

from perse import hdr_colours
from perse.cicp import HLG, PQ
from perse.errors import PerseError

SLACK = 1e-6  # seconds by which a time stamp may miss a limit
# Seconds by which sound may miss its time stamps before silence is put in: less than a frame, more than what a file's clock rounds off.
DRIFT = 0.02
SLOWEST, FASTEST = 1.0, 1000.0  # frames a second that are believed where time stamps are missing


def work(job: dict, file, send) -> None:
    """job: task ("film" or "listen"), name of the file for sentences, and what the parent asks for with it."""
    _more_time(job)
    try:
        given = {"film": _film, "listen": _listen}[job["task"]](job, file, send)
    except (av.FFmpegError, ValueError, OverflowError, ArithmeticError) as error:
        if isinstance(error, PerseError):
            raise
        given = False
    if not given:
        what, kind = ("picture", "MP4") if job["task"] == "film" else ("sound", "WAV")
        raise PerseError(f"{job['name']} holds no {what} that can be decoded: please save it anew, for example as {kind}, and try again.")


def _more_time(job: dict) -> None:
    """The kernel ends this process after so much more processor time."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(time.process_time()) + 1 + job["patience"]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _opened(job: dict, file):
    """The container, by the demuxer that was asked for and no other; it may refer to nothing outside itself."""
    options = {
        "format_whitelist": job["demuxer"],
        "protocol_whitelist": "none",
        "codec_whitelist": job["decoders"],
        "max_streams": str(job["streams"]),
    }
    return av.open(file, "r", format=job["demuxer"], container_options=options, metadata_errors="replace")


def _prepared(stream, job: dict):
    context = stream.codec_context
    if context is None:
        raise ValueError("no decoder")
    context.options = {"codec_whitelist": job["decoders"], "max_pixels": str(job["pixels"])}
    context.thread_count = max(1, min(job["threads"], os.cpu_count() or 1))
    stream.thread_type = "AUTO"
    return stream


def _check_size(size: tuple[int, int], job: dict) -> None:
    if max(size) > job["side"] or size[0] * size[1] > job["pixels"]:
        raise PerseError(f"{job['name']} has frames of {size[0]} × {size[1]} pixels: please reduce it to 4K, {job['side']} pixels.")


def _film(job: dict, file, send) -> int:
    """How many frames were given."""
    with _opened(job, file) as container:
        streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not streams:
            raise PerseError(f"{job['name']} holds no picture, only sound: please choose a video.")
        stream = _prepared(streams[0], job)
        _check_size((stream.codec_context.width, stream.codec_context.height), job)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        step = 1 / min(max(fps, SLOWEST), FASTEST)
        frames = container.decode(stream)
        size, first, now, last, given, more = None, None, 0.0, 0.0, 0, True
        for _ in range(job["decoded"]):
            try:
                frame = next(frames, None)
            except (av.FFmpegError, ValueError):  # it breaks off
                frame = None
            if frame is None:
                more = False
                break
            if size is None:
                size, first = (frame.width, frame.height), frame.time
                _check_size(size, job)
                turns, mirrored = _turns(frame)
                head = {"width": size[0], "height": size[1], "turns": turns, "mirrored": mirrored, "fps": fps}
                length, heard = _duration(container, stream), bool(container.streams.audio)
                send(head | {"duration": length, "begins": float(first or 0.0), "heard": heard})
                rgb = _Rgb(size)
            else:
                since = None if frame.time is None or first is None else frame.time - first
                now = since if since is not None and since > now else now + step
            if now >= job["seconds"] - SLACK or given == job["frames"]:
                break
            if given and now - last < job["gap"] - SLACK:
                continue
            send({"time": now}, _rows(rgb(frame).planes[0], size))
            _more_time(job)
            last, given = now, given + 1
    if given and more:
        send({"more": True})
    return given


def _duration(container, stream) -> float:
    """Seconds, as the file says; 0 if it does not."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def _turns(frame) -> tuple[int, bool]:
    """Quarter turns anticlockwise, and whether left and right change places after them, by the file's display matrix; none if that takes
    everything to one place."""
    matrix = next((bytes(data) for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), b"")
    if len(matrix) != 36:
        return 0, False
    (a, b, _, c, d, *_) = struct.unpack("=9i", matrix)  # x goes to (a, b), y to (c, d), both pointing right and down
    mirrored = a * d - b * c < 0
    if mirrored:
        a, c = -a, -c
    return (round(math.atan2(c - b, a + d) / (math.pi / 2)) if (a, b, c, d) != (0, 0, 0, 0) else 0), mirrored


class _Rgb:
    """Frames as RGB of 8 bits and of one size; HDR ones as screens without HDR show them."""

    def __init__(self, size: tuple[int, int]):
        self._size, self._made, self._graph = size, None, None

    def __call__(self, frame):
        if frame.color_trc not in (PQ, HLG):
            return frame.reformat(*self._size, format="rgb24")
        kind = (frame.width, frame.height, frame.format.name, int(frame.color_trc), int(frame.color_range))
        if kind != self._made:
            self._graph, self._made = _to_sdr(*kind), kind
        source, sink, _ = self._graph
        source.push(frame)
        return sink.pull().reformat(*self._size, format="rgb24")


def _to_sdr(width: int, height: int, pixels: str, transfer: int, whole_range: int):
    """Source, sink and graph of filters."""
    graph, side = av.filter.Graph(), hdr_colours.LEVEL**3
    table, image = hdr_colours.table(transfer), av.VideoFrame(side, side, "rgb48le")
    plane, line = image.planes[0], 6 * side
    plane.update(b"".join(table[y * line :][:line].ljust(plane.line_size, b"\0") for y in range(side)))
    image.pts, image.time_base = 0, Fraction(1, 1000)
    source = graph.add_buffer(width=width, height=height, format=pixels, time_base=Fraction(1, 1000))
    colours = graph.add_buffer(width=side, height=side, format="rgb48le", time_base=Fraction(1, 1000))
    coded = graph.add("scale", f"in_color_matrix=bt2020:in_range={'pc' if whole_range == 2 else 'tv'}:out_range=pc")
    planes, looked_up, rgb, sink = graph.add("format", "gbrp"), graph.add("haldclut"), graph.add("format", "rgb24"), graph.add("buffersink")
    for first, second, into in (
        (source, coded, 0),
        (coded, planes, 0),
        (planes, looked_up, 0),
        (colours, looked_up, 1),
        (looked_up, rgb, 0),
    ):
        first.link_to(second, 0, into)
    rgb.link_to(sink)
    graph.configure()
    colours.push(image)
    colours.push(None)
    return source, sink, graph


def _rows(plane, size: tuple[int, int]):
    """The pixels of a plane of RGB, without what pads its lines."""
    data, (width, height) = memoryview(plane), size
    if plane.line_size == 3 * width:
        return data[: 3 * width * height]
    return b"".join(data[y * plane.line_size :][: 3 * width] for y in range(height))


def _listen(job: dict, file, send) -> bool:
    """Whether any sound was given."""
    low, high = job["rates"]
    with _opened(job, file) as container:
        if not container.streams.audio:
            raise PerseError(f"{job['name']} holds no sound: please choose a recording.")
        frames = container.decode(_prepared(container.streams.audio[0], job))
        resampler, placed, frame = av.AudioResampler(format="flt", layout="mono", rate=job["rate"]), _Placed(job, send), True
        while placed.left > 0 and frame is not None:
            try:
                frame = next(frames, None)
                if frame is not None and not low <= frame.sample_rate <= high:
                    raise PerseError(f"{job['name']} has {frame.sample_rate} samples a second: please save it with {low} to {high}.")
                heard = resampler.resample(frame)
            except (av.FFmpegError, ValueError) as error:
                if isinstance(error, PerseError):
                    raise
                break  # it breaks off
            if frame is not None and frame.time is not None:
                placed.due(frame.time)
            for sound in heard:
                if sound is not None:
                    placed.give(memoryview(sound.planes[0]), sound.samples)
    return placed.left < job["samples"]


class _Placed:
    """Samples on their way to the parent: one after the other, or, if the job says when its picture `begins`, where their time stamps say."""

    def __init__(self, job: dict, send):
        self._job, self._begins, self._rate, self._send = job, job["begins"], job["rate"], send
        self.left, self._place = job["samples"], None if job["begins"] is not None else 0

    def due(self, seconds: float) -> None:
        """The next samples belong to this time of the file; what is missing before them is silence."""
        if self._begins is None:
            return
        wanted = round(min(max(seconds - self._begins, -1e6), 1e6) * self._rate)
        if self._place is None:
            self._place = min(wanted, 0)
        if wanted - self._place > DRIFT * self._rate or self._place == 0:
            while (missing := min(wanted - self._place, self.left, self._rate)) > 0:
                self.give(memoryview(bytes(4 * missing)), missing)

    def give(self, data: memoryview, count: int) -> None:
        """Samples, float32; those before the beginning and beyond the end are left out."""
        early = min(max(-(self._place or 0), 0), count)
        self._place = (self._place or 0) + count
        count = min(count - early, self.left)
        if count > 0:
            self._send({}, data[4 * early : 4 * (early + count)])
            _more_time(self._job)
            self.left -= count
