"""Video files out, through PyAV: an encoder that runs beside the renderer."""

import os
import queue
import secrets
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from ..sound import Sound
from .soundtrack import Soundtrack
from .video_formats import FORMATS, Pace, to_palettes, to_yuv

SILENT = "This format holds no sound: choose mp4 or webm to hear it."  # for people, of a file that `is_silent`
_QUEUED_FRAMES = 8
_BT709 = 1  # the value that H.264 and VP9 use for primaries, transfer and matrix alike


def is_silent(path: str | Path) -> bool:
    """Whether a file of this suffix cannot hold sound."""
    kind = FORMATS.get(Path(path).suffix.lower())
    return kind is not None and kind.sound is None


def can_be_clear(path: str | Path) -> bool:
    """Whether a file of this suffix can be see-through."""
    kind = FORMATS.get(Path(path).suffix.lower())
    return kind is not None and kind.clear is not None


class VideoWriter:
    """Encode frames to a file, by its suffix: .mp4 (H.264, yuv420p, faststart; AAC), .webm (VP9; Opus), .gif or .webp (silent).

        with VideoWriter(path, 512, 512, fps=25) as video:
            for frame in frames:
                video.write(frame)

    Encoding runs in a thread of its own, at most _QUEUED_FRAMES behind. The file appears at `path` when the block ends
    without an error; until then it is a hidden sibling, which is removed if anything fails. An odd width or height
    (not for .gif and .webp) grows by one pixel, a repeat of the last column or row, since 4:2:0 video has even sizes. A .gif shows at most 50
    frames a second, since browsers show faster ones slowly; of more some are left out.

    width, height: of the frames. fps: frames a second, > 0. crf: quality, lower is better (None: the format's own;
    for .mp4 and .webm). metadata: tags stored in the file. finish: called with the whole file, still hidden, and its
    container's name. sound: heard from the first frame on, cut or continued in silence to the length of the picture; left out of what
    `is_silent`. clear: frames come with straight alpha, for .webm and .webp. Raises ValueError for a size, rate or suffix that cannot be.
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
        clear: bool = False,
    ):
        self.path = Path(path)
        form = FORMATS.get(self.path.suffix.lower())
        if form is None:
            raise ValueError(f"cannot write {self.path.suffix or 'a file without suffix'}: use {', '.join(FORMATS)}")
        if clear and form.clear is None:
            raise ValueError(f"{self.path.suffix} cannot be see-through: use {', '.join(s for s, f in FORMATS.items() if f.clear)}")
        if width < 1 or height < 1 or not fps > 0:
            raise ValueError(f"a video needs pixels and a frame rate, not {width} x {height} at {fps}")
        self.width, self.height, self.fps = int(width), int(height), float(fps)
        self._format, self._pixels = form, form.clear or form.pixels if clear else form.pixels
        self._crf = form.crf if crf is None else crf
        self._channels = 4 if clear else 3
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
        """Add a frame (height, width, 3), RGB, or (height, width, 4): uint8, or float in [0,1]. The array may be reused afterwards."""
        if frame.shape != (self.height, self.width, self._channels):
            raise ValueError(f"frame must be {(self.height, self.width, self._channels)}, not {frame.shape}")
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
        form = self._format
        rate = Fraction(self.fps).limit_denominator(1001)
        pace, written, since = Pace(rate, form.tick), 0, 0
        # "file:", or a name with a colon would be an address.
        with av.open(f"file:{self._partial}", "w", format=form.container, options=form.muxing) as container:
            container.metadata.update(self._metadata)
            stream = self._add_stream(container, rate)
            stream.codec_context.time_base = pace.base
            sound = Soundtrack(container, form.sound, self._sound) if self._sound and form.sound else None
            convert = to_palettes(self.width, self.height) if self._pixels == "pal8" else to_yuv(self._pixels, form.video)
            held = None  # the last frame that is shown, until it is known for how long
            while (pixels := self._frames.get()) is not None and not self._abandoned.is_set():
                if (time := pace.shown(written)) is not None:
                    if form.even:
                        pixels = np.pad(pixels, ((0, self.height % 2), (0, self.width % 2), (0, 0)), mode="edge")
                    if held is not None:
                        held.duration = time - since
                        container.mux(stream.encode(held))
                    held, since = convert(av.VideoFrame.from_ndarray(pixels, format="rgb24" if self._channels == 3 else "rgba")), time
                    held.pts, held.time_base = time, pace.base
                written += 1
                if sound is not None:
                    container.mux(list(sound.until(written / rate)))
            if held is not None:
                held.duration = max(1, pace.end(written) - since)
                container.mux(stream.encode(held))
            container.mux(stream.encode(None))
            if sound is not None:
                container.mux(list(sound.rest()))

    def _add_stream(self, container, rate: Fraction):
        options = dict(self._format.options)
        if self._crf is not None:
            options["crf"] = str(self._crf)
        if self._channels == 4 and self._format.container == "webm":
            options["auto-alt-ref"] = "0"  # the encoder cannot do both
        stream = container.add_stream(self._format.codec, rate=rate, options=options)
        stream.pix_fmt = self._pixels
        grown = int(self._format.even)
        stream.width, stream.height = self.width + grown * (self.width % 2), self.height + grown * (self.height % 2)
        if "auto-alt-ref" in options:
            stream.metadata["alpha_mode"] = "1"
        if self._pixels != "pal8" and self._format.video:
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = _BT709
            context.color_range = ColorRange.MPEG
        return stream
