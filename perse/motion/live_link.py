"""The table that Live Link Face writes on a phone and game engines read: ARKit's 52 shapes and nine rotations, a row a moment.

Names and order are those of the app's CSV. Its rotations are taken to be radians, a positive yaw to the person's right, a positive pitch up
and a positive roll to the person's left, as Unreal Engine's ARKit plugin makes them of a face that is not mirrored; recordings in ARKit's own
axes, where all three are the other way round, are told by their eyes, whose turns are in the shapes, too.
"""

import csv
import io
import re
from collections.abc import Sequence

import numpy as np

from ..errors import PerseError, shown
from ..rig.expressions import INDEX, NAMES, expand
from ..rig.skeleton import EYE_LOOK
from .motion import Motion

_EYE = ("eye_blink", "eye_look_down", "eye_look_in", "eye_look_out", "eye_look_up", "eye_squint", "eye_wide")
_PAIRS = ("mouth_smile", "mouth_frown", "mouth_dimple", "mouth_stretch")
_MORE_PAIRS = ("mouth_press", "mouth_lower_down", "mouth_upper_up", "brow_down")


def _both(names: Sequence[str]) -> list[str]:
    return [f"{name}_{side}" for name in names for side in ("left", "right")]


# Our names in the order of the table's columns.
SHAPES = [
    *(f"{name}_{side}" for side in ("left", "right") for name in _EYE),
    *("jaw_forward", "jaw_right", "jaw_left", "jaw_open"),
    *("mouth_close", "mouth_funnel", "mouth_pucker", "mouth_right", "mouth_left"),
    *_both(_PAIRS),
    *("mouth_roll_lower", "mouth_roll_upper", "mouth_shrug_lower", "mouth_shrug_upper"),
    *_both(_MORE_PAIRS),
    "brow_inner_up",
    *_both(["brow_outer_up"]),
    "cheek_puff",
    *_both(["cheek_squint", "nose_sneer"]),
    "tongue_out",
]
ROTATIONS = [f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll")]
HEADER = ["Timecode", "BlendShapeCount", *("".join(w.capitalize() for w in name.split("_")) for name in SHAPES), *ROTATIONS]
CLOCK = 60  # frames a second by which the app's time codes count, and ours
CLOCKS = (24, 25, 30, 48, 50, 60, 120)  # by which others may
AXES = np.array([1.0, -1.0, 1.0])  # from this project's yaw, pitch and roll to the table's
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2}):(\d{1,3})(?:\.(\d{1,9}))?", re.ASCII)
DAY = 86_400.0  # seconds


def live_link_csv(motion: Motion) -> str:
    """The table of a motion. Where both eyes look is told by the shapes of each and by its rotation; what no shape holds is left out: the
    shoulders, the head's place, a clip's detail, the camera."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEADER)
    order = [INDEX[name] for name in SHAPES]
    for i, frame in enumerate(motion):
        weights = expand(frame.expression).astype(np.float64)
        looks = _with_gaze(weights, frame.gaze_yaw, frame.gaze_pitch)
        head = AXES * np.radians([frame.head_yaw, frame.head_pitch, frame.head_roll])
        numbers = [*weights[order], *head, *looks.ravel()]
        table.writerow([timecode(i / motion.fps), len(numbers), *(f"{float(x) + 0.0:.6f}" for x in numbers)])
    return out.getvalue()


def _with_gaze(weights: np.ndarray, yaw: float, pitch: float) -> np.ndarray:
    """Put a common gaze, degrees, into the shapes of weights (E,), in place; the left and the right eye's rotations (2, 3) of all of it."""
    most, looks = float(np.degrees(EYE_LOOK)), np.zeros((2, 3))
    for row, side in enumerate(("left", "right")):
        out, inside, up, down = (INDEX[f"eye_look_{way}_{side}"] for way in ("out", "in", "up", "down"))
        right = (out, inside) if side == "right" else (inside, out)
        across = yaw + most * (weights[right[0]] - weights[right[1]])
        under = pitch + most * (weights[down] - weights[up])
        for pair, turn in ((right, across), ((down, up), under)):
            weights[pair[0]], weights[pair[1]] = np.clip([turn / most, -turn / most], 0, 1)
        looks[row] = AXES * np.radians([across, under, 0.0])
    return looks


def timecode(seconds: float) -> str:
    """Hours, minutes, seconds, frames of CLOCK and thousandths of one."""
    parts = round(seconds * CLOCK * 1000)
    frames, fraction = divmod(parts, 1000)
    whole, frame = divmod(frames, CLOCK)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frame:02d}.{fraction:03d}"


def seconds_of(codes: Sequence[str]) -> np.ndarray:
    """(T,) seconds since the first of some time codes, over midnight, too. Their clock is told by the frames that they count to.

    Raises:
        PerseError: for what is no time code.
    """
    parts, fractions = np.zeros((len(codes), 4), np.int64), np.zeros(len(codes))
    for row, code in enumerate(codes):
        match = _TIMECODE.fullmatch(code.strip())
        if match is None:
            raise PerseError(f"Row {row + 1} has the time code {shown(code)}: it should look like 10:35:41:23.532.")
        parts[row] = [int(x) for x in match.groups()[:4]]
        fractions[row] = float(f"0.{match[5] or 0}")
    whole, frames = parts[:, :3] @ [3600, 60, 1], parts[:, 3] + fractions
    seconds = whole + frames / _clock(whole, frames)
    return (seconds - seconds[0]) % DAY


def _clock(whole: np.ndarray, frames: np.ndarray) -> int:
    """To how many frames a clock counts before the next second begins, by the seconds and frames (T,) of its codes; CLOCK if nothing tells."""
    step, least = np.diff(frames), int(frames.max()) + 1
    within = step[np.diff(whole) == 0]
    usual = float(np.median(within)) if len(within) else 0.0
    # Where a row lies so near to a second's end that the next one may be the next row.
    ends = (np.diff(whole) == 1) & (frames[:-1] + usual >= CLOCKS[0] - 1) & (frames[1:] < max(usual, 1))
    if not usual or not ends.any():
        return max(CLOCK, least)
    counted = usual - float(np.median(step[ends]))
    return max(min(CLOCKS, key=lambda clock: abs(clock - counted)), least)


def axes_of(weights: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """(3,) factors from a recording's yaw, pitch and roll to this project's, by its eyes: those of AXES, or all of them the other way round.

    Args:
        weights: (T, E) shapes; eyes: (T, 2, 3) the left and the right eye's rotations.
    """
    shape = {name: weights[:, i] for i, name in enumerate(NAMES) if name.startswith("eye_look")}
    right = shape["eye_look_in_left"] + shape["eye_look_out_right"] - shape["eye_look_out_left"] - shape["eye_look_in_right"]
    up = sum(shape[f"eye_look_up_{side}"] - shape[f"eye_look_down_{side}"] for side in ("left", "right"))
    turned = eyes.sum(1)
    return AXES if (right * turned[:, 0] + up * turned[:, 1]).sum() >= 0 else -AXES
