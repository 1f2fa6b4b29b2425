"""What a visitor wants a video, or a table of its motion, to show: a ready-made motion, speech, a clip to follow, looks as keyframes."""

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
from .ways import FOLLOW, READY, SPEAK, Way

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

# What the page calls the tables of a motion.
TABLES = {"Every number (degrees)": motion_csv, "ARKit, for game engines (Live Link)": live_link_csv}
# Share of the bar that following a clip, or making speech, takes before anything is rendered.
FOLLOWING_SHARE, SPEAKING_SHARE = 0.6, 0.1


@dataclass(frozen=True)
class FilmPlan:
    """motion: of the catalogue. way: which of the three moves the avatar. own: the recording that it speaks, or the clip that it follows.
    seconds: of the motion, and the most of what is spoken or followed. choices: of what is taken over of a clip. keys: looks that come and go
    meanwhile, in place of the one that is worn, or, if alone, with no other motion."""

    motion: str
    way: Way
    own: Path | None
    seconds: float
    fps: float
    choices: Choices
    keys: tuple[Key, ...] = ()
    alone: bool = False

    @property
    def name(self) -> str:
        """As files are called."""
        moved = {SPEAK: "speech", FOLLOW: "clip"}
        return moved.get(self.way.kind) or ("looks" if self.keys and self.alone else self.motion)

    @property
    def begins(self) -> float:
        """Share of the bar that is over when rendering begins."""
        return {SPEAK: SPEAKING_SHARE, FOLLOW: FOLLOWING_SHARE}.get(self.way.kind, 0.0)

    def made(self, avatar: "Avatar", look: Controls, wait: Callable[[], None], report: Callable, cancelled: Callable[[], bool]) -> Motion:
        """The motion. wait: called before a face has to be found; report(share, text): how far it is."""
        edit = Controls() if self.keys else look
        if self.way.kind == SPEAK:
            report(0.0, "listening to the recording" if self.own else "reading the text aloud")
            from ..motion.speech.asked import spoken_motion

            say = None if self.own else self.way.say
            motion = spoken_motion(
                avatar, say, self.way.voice if say else "", self.own, self.seconds, edit, self.fps, self.way.manner, cancelled
            )
        elif self.way.kind == FOLLOW and self.own is not None:
            wait()
            from ..motion.driving.drive import POSED, drive

            motion = drive(
                avatar,
                self.own,
                edit,
                self.fps,
                self.seconds,
                choices=self.choices,
                posed=POSED,
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
    way: Way,
    own: Path | None,
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
    """frame: width and height, which say how much can be spoken or followed. PerseError for what the page does not offer, and for looks that
    this avatar cannot wear."""
    choices = Choices(str(region).lower(), number("strength", strength, *STRENGTHS), absolute is True, way.face, way.mirrored)
    looks = read_keys(keys) if isinstance(keys, str) and keys else ()
    for key in looks:
        avatar.state(key.look)
    length = float(seconds) if way.kind == READY else ON_PAGE.seconds_at(float(fps), frame)
    return FilmPlan(motion, way, own, length, float(fps), choices, looks, alone is True)
