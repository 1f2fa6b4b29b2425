"""Ready-made motions. Each is a function of the loop's phase in [0, 1), so that every clip loops without a jump."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..controls import Controls
from ..errors import PerseError, shown
from ..sound import Sound
from .motion import Motion, overlay, there_and_back

if TYPE_CHECKING:
    from ..rig.rig import Rig


@dataclass(frozen=True)
class Preset:
    """label and help for people; seconds of one loop; pose(phase, rig): Controls added to the visitor's own, the rig None where it is not
    known.

    sweeps: the visitor's edit is faded in and out by the motion instead of staying on. own_pace: a clip of another length shows a part of
    the loop, or more than one, instead of a quicker or slower one. sound: what is heard in one loop.
    """

    label: str
    help: str
    seconds: float
    pose: "Callable[[float, Rig | None], Controls]"
    sweeps: bool = False
    own_pace: bool = False
    sound: Callable[[], Sound] | None = None


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


def _idle(phase):
    """A minute in which nothing comes twice: waves and glances at times without a common measure, closed to a loop."""
    blinks = (0.021, 0.094, 0.152, 0.236, 0.297, 0.371, 0.418, 0.507, 0.561, 0.648, 0.69, 0.774, 0.853, 0.904, 0.969)
    glances = ((0.12, 9.0, 2.0), (0.33, -7.0, 3.0), (0.47, 5.0, -3.0), (0.62, -10.0, 1.0), (0.81, 8.0, 4.0), (0.94, -4.0, -2.0))
    turned = sum(yaw * _pulse(phase, at, 0.022) for at, yaw, _ in glances)
    return Controls(
        head_yaw=2.2 * _wave(phase, 5) + 1.6 * _wave(phase, 13, 0.21) + 0.4 * turned,
        head_pitch=1.3 * _wave(phase, 7, 0.4) + 0.8 * _wave(phase, 19, 0.13),
        head_roll=1.0 * _wave(phase, 3, 0.3) + 0.6 * _wave(phase, 11, 0.7),
        gaze_yaw=-1.5 * _wave(phase, 5) + 0.6 * turned,
        gaze_pitch=sum(pitch * _pulse(phase, at, 0.02) for at, _, pitch in glances),
        body_y=0.008 * _wave(phase, 16),  # breathes
        expression={
            "blink": max(_pulse(phase, at, 0.0023) for at in blinks),
            "smile": 0.12 * (_pulse(phase, 0.26, 0.06) + _pulse(phase, 0.71, 0.08)),
            "brow_inner_up": 0.12 * (_pulse(phase, 0.4, 0.02) + _pulse(phase, 0.86, 0.03)),
        },
    )


def _listening(phase):
    nods = _pulse(phase, 0.2, 0.045) + 0.7 * _pulse(phase, 0.26, 0.04) + 0.9 * _pulse(phase, 0.68, 0.05)
    return Controls(
        head_yaw=2.0 * _wave(phase) + 1.0 * _wave(phase, 3, 0.2),
        head_pitch=5.0 * nods + 1.0 * _wave(phase, 2, 0.4),
        head_roll=4.0 + 1.5 * _wave(phase, 1, 0.3),
        gaze_yaw=-1.5 * _wave(phase),
        gaze_pitch=-4.0 * nods,  # eyes stay with who speaks
        expression={
            "blink": _blinks(phase, 0.13, 0.47, 0.86),
            "brows_up": 0.3 * _pulse(phase, 0.42, 0.1) + 0.08,
            "smile": 0.22 + 0.25 * _pulse(phase, 0.72, 0.14),
            "mouth_press_left": 0.2 * _pulse(phase, 0.22, 0.08),
            "mouth_press_right": 0.2 * _pulse(phase, 0.22, 0.08),
        },
    )


def _laugh(phase):
    """Comes up, shakes in bursts of about five a second, and dies away to a smile."""
    mirth = _pulse(phase, 0.42, 0.42)
    burst = mirth * (0.5 + 0.5 * _wave(phase, 20)) * _pulse(phase, 0.42, 0.34)
    return Controls(
        head_pitch=-9.0 * mirth + 3.0 * burst,
        head_roll=3.0 * _wave(phase, 1, 0.1) * mirth,
        head_yaw=3.0 * _wave(phase, 2) * mirth,
        body_y=-0.015 * burst,
        expression={
            "smile": 0.35 + 0.5 * mirth,
            "jaw_open": 0.16 * mirth + 0.22 * burst,
            "mouth_upper_up_left": 0.25 * mirth,
            "mouth_upper_up_right": 0.25 * mirth,
            "eye_squint_left": 0.35 * mirth,
            "eye_squint_right": 0.35 * mirth,
            "brow_inner_up": 0.25 * burst,
            "blink": 0.85 * _blinks(phase, 0.86) + 0.25 * burst,
        },
    )


def _alike(pose: Callable[[float], Controls]) -> "Callable[[float, Rig | None], Controls]":
    """The pose of a motion that is the same for all faces."""

    def of_any(phase: float, rig: "Rig | None" = None) -> Controls:
        return pose(phase)

    return of_any


def _talking(phase, rig=None):
    from .speech.greeting import greeting_frame  # a voice is loaded only for who wants to hear it

    return greeting_frame(phase, rig)


def _greeting() -> Sound:
    from .speech.greeting import greeting

    return greeting()[1]


PRESETS: dict[str, Preset] = {
    "turntable": Preset("Side to side", "The camera swings from side to side", 6.0, _alike(_turntable)),
    "orbit": Preset("All the way round", "The camera goes all the way round", 8.0, _alike(_orbit)),
    "alive": Preset("Alive", "Small natural movements and blinks", 6.0, _alike(_alive)),
    "idle": Preset("Idle", "Waits, and does nothing twice within a minute", 60.0, _alike(_idle), own_pace=True),
    "talking": Preset("Talking", "Says hello, with sound", 6.0, _talking, own_pace=True, sound=_greeting),
    "listening": Preset("Listening", "Attentive, with a nod now and then", 8.0, _alike(_listening)),
    "laugh": Preset("Laugh", "A laugh that comes up and dies away", 4.0, _alike(_laugh)),
    "expressions": Preset("Expressions", "A tour through eight expressions", 10.0, _alike(_expressions)),
    "chatter": Preset("Chatter", "Speech-like mouth movements", 4.0, _alike(_chatter)),
    "nod": Preset("Nod", "Yes", 3.0, _alike(_nod)),
    "shake": Preset("Shake", "No", 3.0, _alike(_shake)),
    "look_around": Preset("Look around", "Eyes lead, head follows", 6.0, _alike(_look_around)),
    "sweep": Preset("Show the change", "Your edit fades in and out while the head turns", 6.0, _alike(_sweep), sweeps=True),
}


def preset_named(name: str) -> Preset:
    """A preset by its key in PRESETS; PerseError for any other."""
    if not isinstance(name, str) or name not in PRESETS:
        raise PerseError(f"Unknown motion {shown(name)}; known are: {', '.join(PRESETS)}.")
    return PRESETS[name]


def preset_frame(name: str, edit: Controls, phase: float, rig: "Rig | None" = None) -> Controls:
    """One moment of a preset on top of an edit.

    Args:
        name: key of PRESETS (PerseError otherwise).
        edit: what the visitor has set; a preset that sweeps fades it in and out.
        phase: of the loop, in [0, 1).
        rig: of the avatar; without it lips that a portrait keeps apart may not meet in speech.
    """
    preset = preset_named(name)
    if preset.sweeps:
        edit = edit.with_(attributes={}, styles={}, latents={}).mix(edit, there_and_back(phase))
    return overlay(edit, preset.pose(phase, rig))


def preset_motion(name: str, edit: Controls, seconds: float | None, fps: float, rig: "Rig | None" = None) -> Motion:
    """A preset on top of an edit, with its sound.

    Args:
        name: key of PRESETS (PerseError otherwise).
        edit: what the visitor has set.
        seconds: length; one loop of the preset's own length if None. Longer clips repeat the loop.
        rig: as in `preset_frame`.
    """
    preset = preset_named(name)
    own = preset.seconds
    seconds = own if seconds is None else seconds
    count = max(2, round(seconds * fps))
    loops = count / fps / own if preset.own_pace else max(1, round(seconds / own))
    sound = preset.sound() if preset.sound else None
    if sound is not None:
        sound = Sound(np.resize(sound.samples, round(count / fps * sound.rate)), sound.rate)
    return Motion(count, fps, lambda i: preset_frame(name, edit, (i * loops / count) % 1.0, rig), sound)
