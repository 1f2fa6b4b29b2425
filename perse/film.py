"""A motion of an avatar as a film: drawn frame by frame, marked, encoded with its sound."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .avatar.avatar import Avatar
from .errors import BuildCancelled, PerseError
from .motion.length import Longest
from .motion.motion import Motion
from .render import synthetic
from .render.video import SILENT, VideoWriter, can_be_clear, is_silent
from .render.visible_label import draw_mark
from .renderer import Renderer


@dataclass(frozen=True)
class Shot:
    """What is filmed, and how: see `PersePipeline.video`."""

    motion: Motion
    path: str | Path
    size: int | None
    background: str
    framing: str
    mark: str
    longest: Longest | None


def write_film(avatar: Avatar, shot: Shot, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> tuple[str, ...]:
    """Draw and encode, where the avatar is. The file appears whole or not at all; sentences for people on what is left out or missing.

    Raises:
        PerseError: the file cannot be written so; BuildCancelled if cancelled.
    """
    path, clear = shot.path, shot.background == "transparent"
    if clear and not can_be_clear(path):
        raise PerseError("Only .webm and .webp can be transparent: choose one of them, a colour or the original background.")
    renderer = Renderer(avatar, shot.size, shot.background, shot.framing)
    motion = shot.motion if shot.longest is None else shot.longest.cut(shot.motion, (renderer.width, renderer.height))
    try:
        film = VideoWriter(
            path,
            renderer.width,
            renderer.height,
            motion.fps,
            metadata=synthetic.tags("video"),
            finish=synthetic.mark_video,
            sound=motion.sound,
            clear=clear,
        )
    except ValueError as error:  # our own words: about a suffix, say
        raise PerseError(f"Cannot write the video: {error}.") from None
    try:
        with film as writer:
            for written, frame in enumerate(renderer.film(motion), 1):
                if cancelled():
                    raise BuildCancelled()
                writer.write(draw_mark(frame, shot.mark))
                progress(written / motion.count)
    except (ValueError, OSError) as error:
        if isinstance(error, PerseError):
            raise
        why = getattr(error, "strerror", None) or "this format cannot be encoded here, please choose another"
        raise PerseError(f"Cannot write the video: {why[:1].lower()}{why[1:]}.") from None
    return (*motion.notes, SILENT) if motion.sound is not None and is_silent(path) else motion.notes
