"""Video files out, through PyAV: an encoder that runs beside the renderer."""

import os
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from ..sound import Sound
from .soundtrack import Soundtrack

SILENT = "This format holds no sound: choose mp4 or webm to hear it."  # for people, of a file that `is_silent`
_QUEUED_FRAMES = 8
_BT709 = 1  # the value that H.264 and VP9 use for primaries, transfer and matrix alike


@dataclass(frozen=True)
class _Format:
    container: str
    codec: str
    pixels: str
    options: dict[str, str]
    default_crf: int | None
    sound: str | None  # the codec of its sound; None if it can have none


_FORMATS = {
    ".mp4": _Format("mp4", "libx264", "yuv420p", {"preset": "veryfast"}, 18, "aac"),
    ".webm": _Format("webm", "libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8", "b": "0"}, 30, "libopus"),
    ".gif": _Format("gif", "gif", "pal8", {}, None, None),
}


def is_silent(path: str | Path) -> bool:
    """Whether a file of this suffix cannot hold sound."""
    kind = _FORMATS.get(Path(path).suffix.lower())
    return kind is not None and kind.sound is None


class VideoWriter:
    """Encode frames to a file, by its suffix: .mp4 (H.264, yuv420p, faststart; AAC), .webm (VP9; Opus) or .gif (silent).

        with VideoWriter(path, 512, 512, fps=25) as video:
            for frame in frames:
                video.write(frame)

    Encoding runs in a thread of its own, at most _QUEUED_FRAMES behind. The file appears at `path` when the block ends
    without an error; until then it is a hidden sibling, which is removed if anything fails. An odd width or height
    (not for .gif) grows by one pixel, a repeat of the last column or row, since 4:2:0 video has even sizes.

    width, height: of the frames. fps: frames a second, > 0. crf: quality, lower is better (None: the format's own;
    unused for .gif). metadata: tags stored in the file. finish: called with the whole file, still hidden, and its
    container's name. sound: heard from the first frame on, cut or continued in silence to the length of the picture; left out of what
    `is_silent`. Raises ValueError for a size, rate or suffix that cannot be.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: float,
        crf: int | None = None,
        metadata: dict | None = None,
        finish: Callable[[Path, str], None] | None = None,
        sound: Sound | None = None,
    ):
        self.path = Path(path)
        self._format = _FORMATS.get(self.path.suffix.lower())
        if self._format is None:
            raise ValueError(f"cannot write {self.path.suffix or 'a file without suffix'}: use {', '.join(_FORMATS)}")
        if width < 1 or height < 1 or not fps > 0:
            raise ValueError(f"a video needs pixels and a frame rate, not {width} x {height} at {fps}")
        self.width, self.height, self.fps = int(width), int(height), float(fps)
        self._crf = self._format.default_crf if crf is None else crf
        self._metadata = {str(key): str(value) for key, value in (metadata or {}).items()}
        self._finish, self._sound = finish, sound
        self._partial = self.path.with_name(f".{secrets.token_hex(8)}.part")  # however long the name is
        self._frames: queue.Queue = queue.Queue(maxsize=_QUEUED_FRAMES)
        self._failure: BaseException | None = None
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="video-encoder", daemon=True)

    def __enter__(self) -> "VideoWriter":
        self._thread.start()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Add a frame (height, width, 3), RGB: uint8, or float in [0,1]. The array may be reused afterwards."""
        if frame.shape != (self.height, self.width, 3):
            raise ValueError(f"frame must be {(self.height, self.width, 3)}, not {frame.shape}")
        if frame.dtype == np.uint8:
            pixels = frame.copy()
        else:
            pixels = (np.clip(frame, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
        self._put(pixels)

    def __exit__(self, kind, error, traceback) -> None:
        if error is not None:
            self._abandoned.set()
        try:
            self._put(None)
        finally:
            self._thread.join()
            if self._failure is None and error is None:
                os.replace(self._partial, self.path)
            else:
                self._partial.unlink(missing_ok=True)
        if self._failure is not None and error is None:
            raise self._failure

    def _put(self, item: np.ndarray | None) -> None:
        while self._failure is None:
            try:
                return self._frames.put(item, timeout=0.2)
            except queue.Full:
                continue
        if item is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._encode()
            if self._finish is not None and not self._abandoned.is_set():
                self._finish(self._partial, self._format.container)
        except BaseException as failure:  # handed to the thread that writes
            self._failure = failure

    def _encode(self) -> None:
        options = {"movflags": "faststart+use_metadata_tags"} if self._format.container == "mp4" else {}
        # "file:", or a name with a colon would be an address.
        with av.open(f"file:{self._partial}", "w", format=self._format.container, options=options) as container:
            container.metadata.update(self._metadata)
            stream = self._add_stream(container)
            sound = Soundtrack(container, self._format.sound, self._sound) if self._sound and self._format.sound else None
            convert = _gif_palette(self.width, self.height) if self._format.codec == "gif" else _to_yuv
            index, step = 0, stream.codec_context.time_base
            while (pixels := self._frames.get()) is not None and not self._abandoned.is_set():
                if self._format.codec != "gif":
                    pixels = np.pad(pixels, ((0, self.height % 2), (0, self.width % 2), (0, 0)), mode="edge")
                frame = convert(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
                frame.pts, frame.time_base = index, step
                index += 1
                container.mux(stream.encode(frame))
                if sound is not None:
                    container.mux(sound.until(index * step))
            container.mux(stream.encode(None))
            if sound is not None:
                container.mux(sound.rest())

    def _add_stream(self, container):
        rate = Fraction(self.fps).limit_denominator(1001)
        options = dict(self._format.options)
        if self._crf is not None:
            options["crf"] = str(self._crf)
        stream = container.add_stream(self._format.codec, rate=rate, options=options)
        stream.pix_fmt = self._format.pixels
        context = stream.codec_context
        context.time_base = 1 / rate
        if self._format.codec == "gif":
            stream.width, stream.height = self.width, self.height
        else:
            stream.width, stream.height = self.width + self.width % 2, self.height + self.height % 2
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = ColorRange.MPEG
        return stream


def _to_yuv(frame: av.VideoFrame) -> av.VideoFrame:
    return frame.reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG
    )


def _gif_palette(width: int, height: int):
    """A function that gives each frame a palette of its own, without holding the whole clip."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=Fraction(1, 100))
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    use, sink = graph.add("paletteuse", "new=1:dither=bayer"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()

    def convert(frame: av.VideoFrame) -> av.VideoFrame:
        graph.push(frame)
        return graph.pull()

    return convert
