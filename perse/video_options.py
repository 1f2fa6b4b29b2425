"""The command line's options that say how an avatar moves in a video, and the motion that they make."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from .controls import Controls
from .edit_options import read_controls
from .errors import PerseError
from .files import read_short
from .framing import frame_size
from .motion.driving.choices import REGIONS, Choices
from .motion.keyframes import EASINGS, LONGEST, Key, along, keyed_motion, read_keys
from .motion.length import IN_TERMINAL
from .motion.live_link import live_link_csv
from .motion.motion import Motion, between, overlay
from .motion.presets import PRESETS, preset_motion
from .motion.speech.voice import VOICES
from .motion.table import motion_csv
from .settings import TERMINAL_SECONDS

if TYPE_CHECKING:
    from .avatar.avatar import Avatar

TABLES = {"perse": motion_csv, "livelink": live_link_csv}
WAYS = ("--motion", "--drive", "--say", "--speech", "--curves", "--from with --to", "--keys")


def add_video_options(parser: argparse.ArgumentParser) -> None:
    """Give a command the options that `planned` reads."""
    parser.add_argument("--motion", help="one of: " + ", ".join(PRESETS))
    parser.add_argument(
        "--drive", metavar="CLIP", help="a video whose face drives the avatar, with its sound; or a photo, for its expression"
    )
    parser.add_argument(
        "--curves", metavar="CSV", help="a table of curves that drives it: of Live Link Face, of ARKit's shapes, or of --csv"
    )
    parser.add_argument("--say", metavar="TEXT", help="English text that the avatar says aloud")
    parser.add_argument("--voice", default="", help="that says it: " + ", ".join(VOICES))
    parser.add_argument("--speech", metavar="FILE", help="a recording that the avatar speaks, in any language: sound, or a clip with sound")
    parser.add_argument("--liveliness", type=float, default=0.5, metavar="L", help="of who speaks, from 0, calm, to 1, lively")
    parser.add_argument("--region", default="all", help=f"what of a clip or table is taken over: {', '.join(REGIONS)}")
    parser.add_argument("--strength", type=float, default=1.0, metavar="S", help="how much of it, or of speech, 0 to 2")
    parser.add_argument(
        "--absolute", action="store_true", help="the driver's own expression and pose instead of what changes in them since a calm moment"
    )
    parser.add_argument(
        "--face", type=int, metavar="N", help="which of several faces in a clip or photo drives, from the left (default: the largest)"
    )
    parser.add_argument("--mirrored", action="store_true", help="left and right of a clip, photo or table change places, as in a mirror")
    parser.add_argument("--from", dest="start", metavar="JSON", help="controls at the start, JSON text or file")
    parser.add_argument("--to", dest="end", metavar="JSON", help="controls half-way; the clip returns to the start")
    parser.add_argument(
        "--keys",
        metavar="JSON",
        help="keyframes, JSON text or file, alone or during another motion: "
        f'[{{"seconds": 0, "look": {{…}}}}, {{"seconds": 2, "look": {{…}}, "easing": "{"|".join(EASINGS)}"}}, …]',
    )
    parser.add_argument("--fps", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--framing", default="head", help="head or source")
    parser.add_argument("--csv", metavar="FILE", help="also write the motion as a table")
    parser.add_argument(
        "--csv-format", default="perse", help="perse: all of it, angles in degrees; livelink: ARKit's shapes as Live Link Face writes them"
    )


def planned(args, avatar: "Avatar", edit: Controls, progress: Callable[[float, str], None]) -> Motion:
    """The motion that the options ask for, as long as a video may be. PerseError for what does not go together, and for bad numbers."""
    motion, keys = _asked(args, avatar, edit, progress), _keys(args, avatar)
    return IN_TERMINAL.cut(along(motion, keys) if keys and _ways(args) else motion, frame_size(avatar.source, args.size, args.framing))


def _ways(args) -> int:
    """How many motions are asked for, keyframes not counted."""
    spoken = (args.say is not None, args.speech is not None)
    return sum(map(bool, (args.motion, args.drive, args.curves, *spoken, args.start or args.end)))


def _asked(args, avatar: "Avatar", edit: Controls, progress: Callable[[float, str], None]) -> Motion:
    if _ways(args) > 1 or not (_ways(args) or args.keys):
        raise PerseError(f"Choose one of {', '.join(WAYS[:-1])}, or {WAYS[-1]}.")
    low, high = TERMINAL_SECONDS
    if args.seconds is not None and not low <= args.seconds <= high:
        raise PerseError(f"The length must lie between {low:g} and {high:g} seconds, not {args.seconds:g}.")
    if args.fps is not None and not 1 <= args.fps <= 60:
        raise PerseError(f"The frame rate must lie between 1 and 60, not {args.fps:g}.")
    if args.csv_format not in TABLES:
        raise PerseError(f"Unknown table {args.csv_format!r}: use {' or '.join(TABLES)}.")
    choices, fps = Choices(args.region, args.strength, args.absolute, args.face, args.mirrored), args.fps or 25.0
    if args.motion:
        return preset_motion(args.motion, edit, args.seconds, fps, avatar.rig)
    if args.say is not None or args.speech is not None:
        from .motion.speech.asked import Manner, spoken_motion

        most = IN_TERMINAL.seconds if args.seconds is None else args.seconds
        return spoken_motion(avatar, args.say, args.voice, args.speech, most, edit, fps, Manner(args.strength, args.liveliness))
    if args.drive:
        from .motion.driving.drive import drive

        return drive(avatar, args.drive, edit, args.fps, args.seconds, choices=choices, progress=progress)
    if args.curves:
        from .motion.recorded import read_recording, recorded_motion

        return recorded_motion(read_recording(args.curves), edit, args.fps, args.seconds, choices)
    if not (args.start or args.end):
        return keyed_motion(_keys(args, avatar), edit, args.seconds, fps)
    ends = [overlay(edit, read_controls(text)) if text else edit for text in (args.start, args.end)]
    for end in ends:
        avatar.state(end)
    return between(ends[0], ends[1], args.seconds or 4.0, fps)


def _keys(args, avatar: "Avatar") -> tuple[Key, ...]:
    if not args.keys:
        return ()
    text = args.keys if args.keys.lstrip().startswith("[") else read_short(args.keys, LONGEST, "a JSON file of keyframes")
    keys = read_keys(text)
    for key in keys:
        avatar.state(key.look)
    return keys
