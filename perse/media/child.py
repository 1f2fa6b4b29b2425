"""The process in which strangers' media are decoded: it can open nothing, write nothing but its answer, and use only so much.

A script of its own, started by `decoder.Decoder` with as little as Python can be started with: it knows nothing of the rest of the package.
The file is standard input. To standard output go messages: HEADER, then the bytes that the kind of message implies:

    R                                         the limits hold; nothing of the file has been read
    V width, height, turns, fps, seconds      of the picture as it is stored; quarter turns anticlockwise that put it upright; what the
                                              file says of frames a second and length, 0 if nothing
    F time                                    a frame: seconds since the first one, then width * height * 3 bytes of RGB
    A count                                   sound: count float32 samples
    X reason, number, number                  the end: the file cannot be decoded
    E                                         the end
"""

import contextlib
import json
import os
import resource
import select
import struct
import sys
import threading
import time
from typing import Callable

if __name__ == "__main__":
    sys.path.append(sys.argv[2])  # all that is needed beside Python's own library
import av
# What PyAV imports later, when nothing can be opened any more.
import av.audio.stream
import av.stream
import av.subtitles.stream
import av.video.stream

HEADER = struct.Struct("<c5d")
# Why a file cannot be decoded: the first number of X.
UNREADABLE, NO_PICTURE, NO_FRAME, TOO_LARGE, NO_SOUND, ODD_RATE = range(6)
SLACK = 1e-6  # seconds by which a time stamp may miss a limit


class Refused(Exception):
    """A reason, and up to two numbers that belong to it."""


def send(kind: bytes, *numbers: float, data=b"") -> None:
    parts = [memoryview(HEADER.pack(kind, *numbers, *[0.0] * (5 - len(numbers)))), memoryview(data)]
    for part in parts:
        while len(part):
            part = part[os.write(1, part):]


def confine(asked: dict) -> Callable[[], None]:
    """From here on: no file, no socket, and an end of memory and time.

    Returns: to be called with every sign of life, for more time until the next.
    """
    def limit(what: int, soft: int, hard: int | None = None) -> None:
        most = resource.getrlimit(what)[1]
        hard = soft if hard is None else hard
        hard = hard if most == resource.RLIM_INFINITY else min(hard, most)
        resource.setrlimit(what, (min(soft, hard), hard))

    os.closerange(3, 1 << 16)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_AS, asked["memory"])
    limit(resource.RLIMIT_NOFILE, 3)  # standard input, output and error are open: nothing else can be

    def go_on() -> None:
        limit(resource.RLIMIT_CPU, int(time.process_time()) + asked["patience"], asked["processor"])

    go_on()

    def watch() -> None:
        reader = select.poll()
        reader.register(1, 0)  # only the news that nobody reads any more
        reader.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    return go_on


def opened(asked: dict):
    """The container on standard input, by the demuxer that was asked for and no other; it may refer to nothing outside itself."""
    options = {"format_whitelist": asked["demuxer"], "protocol_whitelist": "none", "codec_whitelist": asked["decoders"],
               "max_streams": str(asked["streams"])}
    return av.open(open(0, "rb", buffering=0, closefd=False), "r", format=asked["demuxer"], container_options=options, metadata_errors="replace")


def prepared(stream, asked: dict):
    context = stream.codec_context
    if context is None:
        raise Refused(UNREADABLE)
    context.options = {"codec_whitelist": asked["decoders"], "max_pixels": str(asked["pixels"])}
    context.thread_count = max(1, min(asked["threads"], os.cpu_count() or 1))
    stream.thread_type = "AUTO"
    return stream


def film(asked: dict, go_on: Callable[[], None]) -> None:
    with opened(asked) as container:
        covers = av.stream.Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & covers]
        if not streams:
            raise Refused(NO_PICTURE)
        stream = prepared(streams[0], asked)
        declared = stream.codec_context.width, stream.codec_context.height
        if max(declared) > asked["side"] or declared[0] * declared[1] > asked["pixels"]:
            raise Refused(TOO_LARGE, *declared)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        if stream.duration and stream.time_base:
            length = float(stream.duration * stream.time_base)
        else:
            length = (container.duration or 0) / av.time_base
        step = 1 / min(max(fps, 1.0), 1000.0)  # where time stamps do not say
        frames = container.decode(stream)
        size, first, now, last, decoded, given = None, None, 0.0, 0.0, 0, 0
        while decoded < asked["decoded"] and given < asked["frames"]:
            try:
                frame = next(frames, None)
            except (av.FFmpegError, ValueError):  # it breaks off
                frame = None
            if frame is None:
                break
            decoded += 1
            stamp = frame.time
            if size is None:
                size = frame.width, frame.height
                if max(size) > asked["side"] or size[0] * size[1] > asked["pixels"]:
                    raise Refused(TOO_LARGE, *size)
                send(b"V", *size, turns_of(frame), fps, length)
                first = stamp
            else:
                since = None if stamp is None or first is None else stamp - first
                now = since if since is not None and since > now else now + step
            if now >= asked["seconds"] - SLACK:
                break
            if given and now - last < asked["gap"]:
                continue
            picture = frame.reformat(*(() if (frame.width, frame.height) == size else size), format="rgb24")
            send(b"F", now, data=rows(picture.planes[0], size))
            go_on()
            last, given = now, given + 1
    if not given:
        raise Refused(NO_FRAME)


def turns_of(frame) -> int:
    """Quarter turns anticlockwise, by the file's display matrix."""
    with contextlib.suppress(ValueError, OverflowError):  # a matrix that turns nothing into anything
        return round(frame.rotation / 90)
    return 0


def rows(plane, size: tuple[int, int]):
    """The pixels of a plane of RGB, without what pads its lines."""
    data, (width, height) = memoryview(plane), size
    if plane.line_size == 3 * width:
        return data[:3 * width * height]
    return b"".join(data[y * plane.line_size:][:3 * width] for y in range(height))


def listen(asked: dict, go_on: Callable[[], None]) -> None:
    with opened(asked) as container:
        if not container.streams.audio:
            raise Refused(NO_SOUND)
        stream = prepared(container.streams.audio[0], asked)
        resampler, left, begun = av.AudioResampler(format="flt", layout="mono", rate=asked["rate"]), asked["samples"], False
        frames = container.decode(stream)
        while left > 0:
            try:
                frame = next(frames, None)
                if frame is not None and not asked["rates"][0] <= frame.sample_rate <= asked["rates"][1]:
                    raise Refused(ODD_RATE, frame.sample_rate)
                heard = [sound for sound in resampler.resample(frame) if sound is not None]
            except (av.FFmpegError, ValueError):  # it breaks off
                frame, heard = None, []
            for sound in heard:
                count = min(sound.samples, left)
                if count:
                    send(b"A", count, data=memoryview(sound.planes[0])[:4 * count])
                    go_on()
                    left, begun = left - count, True
            if frame is None:
                break
    if not begun:
        raise Refused(NO_SOUND)


def main() -> None:
    asked = json.loads(sys.argv[1])
    go_on = confine(asked)
    send(b"R")
    try:
        {"film": film, "listen": listen}[asked["task"]](asked, go_on)
        send(b"E")
    except Refused as refused:
        send(b"X", *refused.args)
    except (av.FFmpegError, ValueError, OverflowError, MemoryError, ArithmeticError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            return
        send(b"X", UNREADABLE)


if __name__ == "__main__":
    main()
    os._exit(0)  # no tidying up: the file may have left the decoder in any state
