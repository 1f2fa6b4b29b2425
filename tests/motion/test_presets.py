"""Ready-made motions: every frame is a valid state, and the last one leads back to the first."""

from dataclasses import asdict

import numpy as np
import pytest

from perse.controls import Controls
from perse.errors import PerseError
from perse.motion.motion import between, overlay
from perse.motion.presets import PRESETS, preset_frame, preset_motion
from perse.rig.expressions import EXPRESSIONS

FPS = 25.0
EDIT = Controls(
    attributes={"nose_width": -0.5}, styles={"beard": {"full": 0.6}}, expression={"smile": 0.3}, head_yaw=5.0, yaw=10.0, zoom=1.2
)
ANGLES = ("head_yaw", "head_pitch", "head_roll", "gaze_yaw", "gaze_pitch", "pitch", "zoom")


def vector(controls: Controls) -> np.ndarray:
    """All numbers of a frame; the orbit's yaw as a point on the circle, so that a full turn is no jump."""
    data = asdict(controls)
    turn = np.radians([controls.yaw, controls.roll])
    flat = [data[name] for name in ANGLES] + [50 * x for x in (*np.cos(turn), *np.sin(turn))]
    flat += [50 * controls.expression.get(name, 0.0) for name in EXPRESSIONS]
    flat += [50 * controls.attributes.get("nose_width", 0.0), 50 * controls.styles.get("beard", {}).get("full", 0.0)]
    return np.array(flat)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("edit", [Controls(), EDIT], ids=["plain", "edited"])
def test_frames_are_valid_controls(name, edit):
    motion = preset_motion(name, edit, None, FPS)
    assert motion.count == round(PRESETS[name].seconds * FPS) and motion.fps == FPS
    for frame in motion:
        # Round the world is 180 or -180: what adds up beyond is the visitor's own turn on top of it.
        plain = frame.with_(yaw=(frame.yaw + 180) % 360 - 180)
        assert Controls.from_json(plain.to_json()) == plain
        assert set(frame.expression) <= set(EXPRESSIONS) and all(0 <= w <= 1 for w in frame.expression.values())


@pytest.mark.parametrize("name", PRESETS)
def test_loops_have_no_jump(name):
    motion = preset_motion(name, EDIT, None, 50.0)
    frames = np.stack([vector(frame) for frame in motion])
    steps = np.abs(np.diff(frames, axis=0, append=frames[:1])).max(1)
    assert steps[-1] <= 1.05 * steps[:-1].max() + 1e-9  # the way back to the start is a step like any other
    assert steps.max() < 30  # and none is a jump: a blink closes within two fiftieths of a second at the quickest
    assert np.ptp(frames, axis=0).max() > 5


@pytest.mark.parametrize("name", PRESETS)
def test_the_visitors_edit_stays(name):
    frames = list(preset_motion(name, EDIT, None, FPS))
    if PRESETS[name].sweeps:
        amounts = np.array([f.attributes.get("nose_width", 0.0) for f in frames])
        beards = np.array([f.styles.get("beard", {}).get("full", 0.0) for f in frames])
        assert amounts[0] == pytest.approx(0, abs=1e-6) and amounts.min() == pytest.approx(-0.5, abs=0.01)
        assert beards.max() == pytest.approx(0.6, abs=0.01) and beards[0] == pytest.approx(0, abs=1e-6)
    else:
        assert all(f.attributes == EDIT.attributes and f.styles == EDIT.styles for f in frames)
    assert all(f.expression["smile"] >= 0.3 - 1e-6 for f in frames)


def test_longer_clips_repeat_the_loop_and_shorter_ones_still_close():
    long = list(preset_motion("nod", Controls(), 6.0, FPS))
    assert len(long) == 150
    np.testing.assert_allclose(vector(long[0]), vector(long[75]), atol=1e-9)
    short = list(preset_motion("nod", Controls(), 1.0, FPS))
    assert len(short) == 25
    with pytest.raises(PerseError, match="somersault.*turntable"):
        preset_motion("somersault", Controls(), None, FPS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_moment_is_a_frame_of_the_loop(name):
    motion = preset_motion(name, EDIT, None, FPS)
    assert preset_frame(name, EDIT, 20 / motion.count) == motion.at(20)


def test_presets_are_told_apart():
    assert len({p.label for p in PRESETS.values()}) == len(PRESETS) >= 5
    assert all(p.help and 1 <= p.seconds <= 60 for p in PRESETS.values())


def test_idle_does_nothing_twice_within_a_minute_at_its_own_pace():
    minute = np.stack([vector(frame) for frame in preset_motion("idle", Controls(), None, 10.0)])
    assert len(minute) == 600
    window = 40  # frames
    pieces = np.lib.stride_tricks.sliding_window_view(minute, window, axis=0)[::5].reshape(-1, window * minute.shape[1])
    apart = np.linalg.norm(pieces[:, None] - pieces, axis=-1) / np.sqrt(window)
    others = np.abs(np.subtract.outer(range(len(pieces)), range(len(pieces)))) > window // 5
    assert apart[others].min() > 0.2 * np.median(apart)  # what comes again is 0 apart
    short = [vector(frame) for frame in preset_motion("idle", Controls(), 4.0, 10.0)]
    np.testing.assert_allclose(short, minute[:40], atol=1e-6)


def test_talking_has_sound_in_step_with_its_mouth_and_goes_on_in_longer_clips():
    motion, longer = (preset_motion("talking", Controls(), seconds, FPS) for seconds in (None, 9.0))
    assert motion.sound.seconds == pytest.approx(motion.count / FPS) and longer.sound.seconds == pytest.approx(9.0)
    np.testing.assert_array_equal(longer.sound.samples[: len(motion.sound.samples)], motion.sound.samples)
    jaw = np.array([frame.expression.get("jaw_open", 0.0) for frame in motion])
    loud = np.array([np.abs(part).max() for part in np.array_split(motion.sound.samples, motion.count)])
    assert np.corrcoef(jaw, loud)[0, 1] > 0.4 and jaw.max() > 0.25
    assert all(preset_motion(name, Controls(), None, FPS).sound is None for name in PRESETS if name != "talking")


def test_between_goes_there_and_back():
    other = Controls(attributes={"nose_width": 0.5}, yaw=-20.0)
    motion = between(EDIT, other, 2.0, FPS)
    frames = list(motion)
    assert motion.count == 50
    assert frames[0].attributes["nose_width"] == pytest.approx(-0.5) and frames[25].attributes["nose_width"] == pytest.approx(0.5)
    assert frames[25].yaw == pytest.approx(-20) and frames[25].styles["beard"]["full"] == pytest.approx(0)
    steps = [np.abs(vector(b) - vector(a)).max() for a, b in zip(frames, frames[1:] + frames[:1])]
    assert max(steps) < 10 and steps[-1] <= steps[0] + 1e-6


def test_overlay_adds_and_keeps_weights_in_range():
    moving = Controls(expression={"smile": 0.9, "blink": 1.0}, head_yaw=3.0, zoom=1.5)
    frame = overlay(EDIT, moving)
    assert frame.expression == {"smile": 1.0, "blink": 1.0} and frame.head_yaw == 8.0
    assert frame.zoom == pytest.approx(1.8) and frame.attributes == EDIT.attributes
    assert overlay(EDIT, Controls()) == EDIT
