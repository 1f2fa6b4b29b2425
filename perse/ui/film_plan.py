"""What a visitor wants a video, or a table of its motion, to show: a ready-made motion, a clip to follow, looks as keyframes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..controls import Controls
from ..motion.driving.choices import STRENGTHS, Choices
from ..motion.keyframes import Key, along, keyed_motion, read_keys
from ..motion.length import ON_PAGE
from ..motion.live_link import live_link_csv
from ..motion.motion import Motion
from ..motion.presets import preset_motion
from ..motion.table import motion_csv
from .api import number

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

FOLLOWS = (
    f"The video will follow your clip, with its sound and as long as it is: up to {ON_PAGE.seconds:.0f} seconds, "
    "less where frames are large or many."
)
# What the page calls the tables of a motion.
TABLES = {"Every number (degrees)": motion_csv, "ARKit, for game engines (Live Link)": live_link_csv}
FOLLOWING_SHARE = 0.6  # share of the bar that following a clip takes, before anything is rendered


@dataclass(frozen=True)
class FilmPlan:
    """motion: of the catalogue; clip: a file to follow instead; seconds: of either; choices: of what is taken over of a clip; keys: looks that
    come and go meanwhile, in place of the one that is worn, or, if alone, with no other motion."""

    motion: str
    clip: Path | None
    seconds: float
    fps: float
    choices: Choices
    keys: tuple[Key, ...] = ()
    alone: bool = False

    @property
    def name(self) -> str:
        """As files are called."""
        return "clip" if self.clip else "looks" if self.keys and self.alone else self.motion

    @property
    def begins(self) -> float:
        """Share of the bar that is over when rendering begins."""
        return FOLLOWING_SHARE if self.clip else 0.0

    def made(self, avatar: "Avatar", look: Controls, wait: Callable[[], None], report: Callable, cancelled: Callable[[], bool]) -> Motion:
        """The motion. wait: called before a face has to be found; report(share, text): how far it is."""
        edit = Controls() if self.keys else look
        if self.clip is not None:
            wait()
            from ..motion.driving.drive import drive

            motion = drive(
                avatar,
                self.clip,
                edit,
                self.fps,
                self.seconds,
                choices=self.choices,
                progress=lambda share, text: report(FOLLOWING_SHARE * share, text),
                cancelled=cancelled,
            )
        elif self.keys and self.alone:
            return keyed_motion(self.keys, edit, None, self.fps)
        else:
            motion = preset_motion(self.motion, edit, self.seconds, self.fps, avatar.rig)
        return along(motion, self.keys) if self.keys else motion


def film_plan(
    avatar: "Avatar",
    clip: Path | None,
    motion: str,
    seconds: float,
    fps: float,
    frame: tuple[int, int],
    region: str = "all",
    strength: float = 1.0,
    absolute: bool = False,
    keys: str = "",
    alone: bool = False,
) -> FilmPlan:
    """frame: width and height, which say how much of a clip can be followed. PerseError for what the page does not offer, and for looks that
    this avatar cannot wear."""
    choices = Choices(str(region).lower(), number("strength", strength, *STRENGTHS), absolute is True)
    looks = read_keys(keys) if isinstance(keys, str) and keys else ()
    for key in looks:
        avatar.state(key.look)
    length = float(seconds) if clip is None else ON_PAGE.seconds_at(float(fps), frame)
    return FilmPlan(motion, clip, length, float(fps), choices, looks, alone is True)
