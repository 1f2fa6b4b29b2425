"""How long a video may be: one rule for the page, its API and the command line."""

from dataclasses import dataclass, replace

from ..settings import TERMINAL_SECONDS, VIDEO_PIXELS, VIDEO_SECONDS
from .motion import Motion

SLACK = 1e-6  # frames by which a length may miss the limit


@dataclass(frozen=True)
class Longest:
    """seconds: of a video; pixels: of all its frames together, None for as many as it has."""

    seconds: float
    pixels: int | None = None

    def frames(self, fps: float, size: tuple[int, int]) -> int:
        """How many frames of `size` (width, height) a video may have."""
        most = int(self.seconds * fps + SLACK)
        return max(1, most if self.pixels is None else min(most, self.pixels // (size[0] * size[1])))

    def seconds_at(self, fps: float, size: tuple[int, int]) -> float:
        """How long a video of such frames may be."""
        return self.frames(fps, size) / fps

    def cut(self, motion: Motion, size: tuple[int, int]) -> Motion:
        """A motion no longer than that, with a sentence about what is left out."""
        most = self.frames(motion.fps, size)
        if motion.count <= most:
            return motion
        note = f"The video is cut after {most / motion.fps:.1f} of {motion.count / motion.fps:.1f} seconds"
        if most < int(self.seconds * motion.fps + SLACK):
            note += ": a smaller one, or one of fewer frames a second, may be longer"
        return replace(motion, count=most, notes=(*motion.notes, f"{note}."))

    @property
    def plain(self) -> dict:
        """As plain JSON values."""
        return {"seconds": self.seconds} | ({} if self.pixels is None else {"pixels": self.pixels})


ON_PAGE = Longest(VIDEO_SECONDS[1], VIDEO_PIXELS)
IN_TERMINAL = Longest(TERMINAL_SECONDS[1])
