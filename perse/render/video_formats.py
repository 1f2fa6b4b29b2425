"""What each kind of video file is made of: its container, codecs and pixels, and when its frames are shown."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.video.reformatter import ColorRange, Colorspace

Convert = Callable[[av.VideoFrame], av.VideoFrame]


@dataclass(frozen=True)
class Format:
    """container, codec, pixels: FFmpeg's names, with options of the codec; crf: its quality, None if it knows none. clear: pixels that may be
    see-through, None if none can be. sound: codec of its sound, None if it can have none. even: whether sides must be even. video: whether
    colours are video's (BT.709), not those of pictures (BT.601). tick: seconds that a frame is shown at least, 0 for any time. muxing:
    options of the container."""

    container: str
    codec: str
    pixels: str
    options: dict[str, str]
    crf: int | None = None
    clear: str | None = None
    sound: str | None = None
    even: bool = True
    video: bool = True
    tick: Fraction = Fraction(0)
    muxing: dict[str, str] = field(default_factory=dict)


# A GIF counts hundredths of a second, and browsers show what is said to last one of them for ten.
GIF_TICK = Fraction(1, 50)
FORMATS = {
    ".mp4": Format(
        "mp4", "libx264", "yuv420p", {"preset": "veryfast"}, crf=18, sound="aac", muxing={"movflags": "faststart+use_metadata_tags"}
    ),
    ".webm": Format(
        "webm", "libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8", "b": "0"}, crf=30, clear="yuva420p", sound="libopus"
    ),
    ".gif": Format("gif", "gif", "pal8", {}, even=False, tick=GIF_TICK),
    ".webp": Format(
        "webp",
        "libwebp_anim",
        "yuv420p",
        {"quality": "85", "compression_level": "2"},
        clear="yuva420p",
        even=False,
        video=False,
        muxing={"loop": "0"},
    ),
}


class Pace:
    """When frames are shown that come `rate` times a second: of those that come faster than a format's tick some are left out."""

    def __init__(self, rate: Fraction, tick: Fraction):
        self.rate, self._step = rate, tick if tick and rate * tick > 1 else None
        self.base = tick / 2 if tick else 1 / rate
        self._last = -1

    def shown(self, index: int) -> int | None:
        """The time of frame `index` in units of `base`; None if it is left out."""
        if self._step is None:
            return round(index / self.rate / self.base)
        slot = int(index / self.rate / self._step)
        if slot == self._last:
            return None
        self._last = slot
        return slot * int(self._step / self.base)

    def end(self, count: int) -> int:
        """The time at which `count` frames are over, in units of `base`."""
        return round(count / self.rate / self.base)


def to_yuv(pixels: str, video: bool) -> Convert:
    """A function that brings a frame to `pixels`, of 4:2:0, see-through or not; video: as in `Format`."""
    space = Colorspace.ITU709 if video else Colorspace.ITU601

    def convert(frame: av.VideoFrame) -> av.VideoFrame:
        return frame.reformat(format=pixels, dst_colorspace=space, src_color_range=ColorRange.JPEG, dst_color_range=ColorRange.MPEG)

    return convert


def to_palettes(width: int, height: int) -> Convert:
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
