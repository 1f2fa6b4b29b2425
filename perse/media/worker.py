"""The half of `Clip` and `read_sound` that runs in a child process (see `perse.child`): FFmpeg on a stranger's file.

It says, for a clip, once

    {"width", "height", "turns", "fps", "duration",     of the picture as it is stored; quarter turns anticlockwise that put it upright;
     "begins", "heard"}                                 what the file says of frames a second and length in seconds, 0 if nothing; the
                                                        file's time of the first frame; whether there is sound beside the picture

for every frame {"time"}, seconds since the first, with width * height * 3 bytes of RGB, and {"more": true} at last if the clip goes on where
it is cut; for a sound {} with float32 samples.
"""

import os
import resource
import time

import av

# What PyAV imports only when it is needed: then nothing can be opened any more.
import av.audio.stream
import av.stream
import av.subtitles.stream
import av.video.stream

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
                head = {"width": size[0], "height": size[1], "turns": _turns(frame), "fps": fps, "duration": _duration(container, stream)}
                send(head | {"begins": float(first or 0.0), "heard": bool(container.streams.audio)})
            else:
                since = None if frame.time is None or first is None else frame.time - first
                now = since if since is not None and since > now else now + step
            if now >= job["seconds"] - SLACK or given == job["frames"]:
                break
            if given and now - last < job["gap"] - SLACK:
                continue
            picture = frame.reformat(format="rgb24") if (frame.width, frame.height) == size else frame.reformat(*size, format="rgb24")
            send({"time": now}, _rows(picture.planes[0], size))
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


def _turns(frame) -> int:
    """Quarter turns anticlockwise, by the file's display matrix; 0 if that takes everything to one place."""
    return round(frame.rotation / 90) if -180 <= frame.rotation <= 180 else 0


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
