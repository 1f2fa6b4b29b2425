"""An avatar that speaks: lips meet on any rig, the visitor's edit stays, picture and sound are as long as each other."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from perse.controls import MARKS, Controls
from perse.errors import PerseError
from perse.face.landmarks import LOWER_LIP, UPPER_LIP
from perse.motion.speech.articulation import shape_of
from perse.motion.speech.lips import meeting, meeting_of
from perse.motion.speech.mouth import PRESSED
from perse.motion.speech.performance import perform
from perse.motion.speech.phones import Phone
from perse.motion.speech.talk import Manner, talk
from perse.rig.expressions import INDEX, expand, lets_go
from perse.sound import Sound
from perse.tracking.solve import Face

EDIT = Controls(styles={"beard": {"full": 0.6}}, expression={"smile": 0.2}, head_yaw=5.0)
CLOSED = 0.035  # eye distances: lips nearer than this are closed


def gap(rig, controls: Controls) -> float:
    """Between the middles of the lips of a rig in a frame, eye distances."""
    weights = expand(controls.expression).astype(float)
    detail = np.reshape(controls.detail or np.zeros(MARKS), (-1, 3))
    relaxed = rig.neutral.detail(weights, controls.neutralise, 0.0 if controls.detail else float(lets_go(weights)))
    if relaxed is not None:
        detail = detail + relaxed
    posed = Face.of(rig).pose(weights[None], detail[None])[0]
    return float(posed[LOWER_LIP, 1] - posed[UPPER_LIP, 1])


@pytest.fixture(scope="module", params=["rig", "hopper_rig"])
def any_rig(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def motion(any_rig, speech):
    return talk(SimpleNamespace(rig=any_rig), speech, fps=25.0)


def test_lips_are_closed_in_a_frame_of_every_p_b_and_m(any_rig, speech, motion):
    closures = [p for p in speech.phones if shape_of(p.symbol) and shape_of(p.symbol).place == "lips"]
    assert len(closures) >= 6
    for p in closures:
        frames = range(max(0, int(p.start * 25) - 1), int(p.end * 25) + 2)
        assert min(gap(any_rig, motion.at(i)) for i in frames) < CLOSED, p


def test_lips_are_open_in_loud_vowels_and_lie_together_in_silence(any_rig, speech, motion):
    vowels = [p for p in speech.phones if p.symbol in ("A", "I", "ɔ", "æ") and p.stress == 2 and p.end - p.start > 0.08]
    assert vowels
    widest = [max(gap(any_rig, motion.at(i)) for i in range(int(p.start * 25), int(p.end * 25) + 1)) for p in vowels]
    assert min(widest) > 0.05 and gap(any_rig, motion.at(0)) < 0.04


def test_the_mouth_opens_with_the_loudness(any_rig, speech, motion, loudness):
    times = (np.arange(motion.count) + 0.5) / motion.fps
    gaps = np.array([gap(any_rig, frame) for frame in motion])
    loud = loudness.smoothed(0.1)
    assert np.corrcoef(gaps, loud.at(times))[0, 1] > 0.45
    # In time: no shift by more than a frame fits better.
    fits = {k: np.corrcoef(gaps, loud.at(times + k / 25))[0, 1] for k in range(-4, 5)}
    assert abs(max(fits, key=fits.get)) <= 1


def test_sound_and_picture_are_of_one_length_and_frames_are_valid(any_rig, speech, motion):
    assert motion.sound is speech.sound and 0 <= motion.count / motion.fps - speech.sound.seconds < 1 / motion.fps
    for frame in list(motion)[::7]:
        assert Controls.from_json(frame.to_json()) == frame


def test_a_seed_gives_the_same_motion_and_the_edit_stays(any_rig, speech):
    avatar = SimpleNamespace(rig=any_rig)
    first, same, other = (talk(avatar, speech, EDIT, manner=Manner(seed=s)) for s in (0, 0, 1))
    assert first.at(40) == same.at(40) != other.at(40)
    assert first.at(40).styles == EDIT.styles and first.at(40).expression["smile"] == 0.2


def test_strength_moves_the_mouth_more_but_never_keeps_lips_apart(speech, loudness):
    def made(strength):
        return perform(speech.phones, speech.sound, 25.0, strength=strength)

    weak, strong = made(0.5), made(1.5)
    assert strong.weights[:, INDEX["jaw_open"]].max() > 1.5 * weak.weights[:, INDEX["jaw_open"]].max()
    np.testing.assert_array_equal(weak.lips, strong.lips)
    for name, value in (("strength", 2.5), ("strength", -1.0), ("liveliness", 1.5), ("strength", float("nan"))):
        with pytest.raises(PerseError, match=f"The {name} must lie"):
            Manner(**{name: value})


def test_a_mouth_that_is_closed_and_serious_in_its_portrait_lacks_nothing(any_rig):
    lacks, own = meeting(any_rig), any_rig.neutral
    if own.serious.any():
        assert np.abs(lacks.press).max() < 0.1 and len(lacks.detail(1, 0, PRESSED)) == MARKS
        # All the way where lips meet, most of it where they do not.
        np.testing.assert_allclose(np.reshape(lacks.detail(1, 0, PRESSED), (-1, 3)), own.serious - own.mouth + lacks.press, atol=1e-4)
        still = np.reshape(lacks.detail(0, 0, 0 * PRESSED), (-1, 3))
        assert 0.5 < np.abs(still).max() / np.abs(own.serious - own.mouth).max() < 0.95
    else:
        assert lacks.press is None and lacks.detail(1, 1, PRESSED) == ()


def test_what_a_rig_lacks_is_known_as_long_as_it_lives(any_rig):
    from perse.motion.speech import lips

    copy = replace(any_rig)
    assert meeting_of(copy) is meeting_of(copy)
    before = len(lips._known)
    del copy
    assert len(lips._known) == before - 1


def test_a_frame_between_two_is_their_mixture(speech):
    performance = perform(speech.phones, speech.sound, 25.0)
    a, b, mixed = performance.at(20), performance.at(21), performance.at(20.5)
    assert mixed.head_yaw == pytest.approx((a.head_yaw + b.head_yaw) / 2, abs=1e-3)


def test_a_very_short_speech_is_a_motion_of_two_frames_at_least():
    sound = Sound(np.full(100, 0.1, np.float32), 16_000)
    performance = perform((Phone("m", 0.0, 0.006),), sound, 5.0)
    assert len(performance) == 2 and performance.lips[0] > 0.5
