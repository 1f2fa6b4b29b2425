"""Ready-made motions. Each is a function of the loop's phase in [0, 1), so that every clip loops without a jump."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..controls import Controls
from ..errors import PerseError, shown
from .motion import Motion, overlay, there_and_back


@dataclass(frozen=True)
class Preset:
    """label and help for people; seconds of one loop; pose(phase): Controls added to the visitor's own.

    sweeps: the visitor's edit is faded in and out by the motion instead of staying on.
    """

    label: str
    help: str
    seconds: float
    pose: Callable[[float], Controls]
    sweeps: bool = False


def _wave(phase: float, times: float = 1.0, shift: float = 0.0) -> float:
    return float(np.sin(2 * np.pi * (times * phase + shift)))


def _pulse(phase: float, centre: float, width: float) -> float:
    """A smooth bump of height 1 around `centre` on the circle of phases."""
    distance = abs((phase - centre + 0.5) % 1 - 0.5)
    return float(np.cos(np.pi / 2 * min(distance / width, 1)) ** 2)


def _blinks(phase: float, *centres: float) -> float:
    return max(_pulse(phase, c, 0.022) for c in centres)


def _turntable(phase):
    return Controls(yaw=40 * _wave(phase), pitch=8 * _wave(phase, 1, 0.25) - 4, expression={"blink": _blinks(phase, 0.3, 0.78)})


def _orbit(phase):
    return Controls(yaw=(360 * phase + 180) % 360 - 180)


def _nod(phase):
    return Controls(head_pitch=11 * _wave(phase, 2), expression={"blink": _blinks(phase, 0.1, 0.6), "smile": 0.25})


def _shake(phase):
    return Controls(head_yaw=18 * _wave(phase, 2), expression={"blink": _blinks(phase, 0.45)})


def _alive(phase):
    return Controls(
        head_yaw=6 * _wave(phase) + 2 * _wave(phase, 3, 0.2),
        head_pitch=3 * _wave(phase, 2, 0.4),
        head_roll=2 * _wave(phase, 1, 0.3),
        gaze_yaw=-6 * _wave(phase) + 5 * _pulse(phase, 0.62, 0.12),
        expression={"blink": _blinks(phase, 0.18, 0.52, 0.9), "smile": 0.35 * _pulse(phase, 0.4, 0.3)},
    )


def _expressions(phase):
    names = ["smile", "surprise", "pucker", "angry", "grin", "sad", "wink", "brows_up"]
    weights = {n: _pulse(phase, (i + 0.5) / len(names), 0.55 / len(names)) for i, n in enumerate(names)}
    return Controls(expression={n: w for n, w in weights.items() if w > 0}, head_yaw=8 * _wave(phase))


def _look_around(phase):
    return Controls(
        gaze_yaw=20 * _wave(phase),
        gaze_pitch=9 * _wave(phase, 2, 0.1),
        head_yaw=9 * _wave(phase, 1, -0.05),
        head_pitch=3 * _wave(phase, 2),
        expression={"blink": _blinks(phase, 0.25, 0.75), "brow_inner_up": 0.25 * _pulse(phase, 0.5, 0.2)},
    )


def _chatter(phase):
    """Speech-like mouth: syllables at about four a second, grouped into phrases."""
    phrase = 0.35 + 0.65 * (0.5 + 0.5 * _wave(phase, 2, -0.15)) ** 0.7
    syllable = (0.5 + 0.5 * _wave(phase, 16)) * (0.7 + 0.3 * _wave(phase, 5, 0.3))
    rounded = 0.5 + 0.5 * _wave(phase, 7, 0.15)
    return Controls(
        expression={
            "jaw_open": 0.42 * phrase * syllable,
            "mouth_funnel": 0.38 * phrase * rounded * (1 - 0.5 * syllable),
            "mouth_stretch_left": 0.2 * phrase * (1 - rounded),
            "mouth_stretch_right": 0.2 * phrase * (1 - rounded),
            "mouth_upper_up_left": 0.15 * phrase * syllable,
            "mouth_upper_up_right": 0.15 * phrase * syllable,
            "blink": _blinks(phase, 0.22, 0.71),
            "brow_inner_up": 0.35 * _pulse(phase, 0.3, 0.15),
        },
        head_yaw=5 * _wave(phase),
        head_pitch=2.5 * _wave(phase, 3, 0.2),
        head_roll=1.5 * _wave(phase, 2),
    )


def _sweep(phase):
    return Controls(yaw=24 * _wave(phase), expression={"blink": _blinks(phase, 0.05, 0.55)})


PRESETS: dict[str, Preset] = {
    "turntable": Preset("Turntable", "The camera swings from side to side", 6.0, _turntable),
    "orbit": Preset("Full orbit", "The camera goes all the way round", 8.0, _orbit),
    "alive": Preset("Alive", "Small natural movements and blinks", 6.0, _alive),
    "expressions": Preset("Expressions", "A tour through eight expressions", 10.0, _expressions),
    "chatter": Preset("Chatter", "Speech-like mouth movements", 4.0, _chatter),
    "nod": Preset("Nod", "Yes", 3.0, _nod),
    "shake": Preset("Shake", "No", 3.0, _shake),
    "look_around": Preset("Look around", "Eyes lead, head follows", 6.0, _look_around),
    "sweep": Preset("Attribute sweep", "Your edit fades in and out while the head turns", 6.0, _sweep, sweeps=True),
}


def preset_named(name: str) -> Preset:
    """A preset by its key in PRESETS; PerseError for any other."""
    if not isinstance(name, str) or name not in PRESETS:
        raise PerseError(f"Unknown motion {shown(name)}; known are: {', '.join(PRESETS)}.")
    return PRESETS[name]


def preset_frame(name: str, edit: Controls, phase: float) -> Controls:
    """One moment of a preset on top of an edit.

    Args:
        name: key of PRESETS (PerseError otherwise).
        edit: what the visitor has set; a preset that sweeps fades it in and out.
        phase: of the loop, in [0, 1).
    """
    preset = preset_named(name)
    if preset.sweeps:
        edit = edit.with_(attributes={}, styles={}, latents={}).mix(edit, there_and_back(phase))
    return overlay(edit, preset.pose(phase))


def preset_motion(name: str, edit: Controls, seconds: float | None, fps: float) -> Motion:
    """A preset on top of an edit.

    Args:
        name: key of PRESETS (PerseError otherwise).
        edit: what the visitor has set.
        seconds: length; one loop of the preset's own length if None. Longer clips repeat the loop.
    """
    own = preset_named(name).seconds
    seconds = own if seconds is None else seconds
    loops = max(1, round(seconds / own))
    count = max(2, round(seconds * fps))
    return Motion(count, fps, lambda i: preset_frame(name, edit, (i * loops / count) % 1.0))
