"""Looks at their seconds, alone and during another motion."""

import json

import numpy as np
import pytest

from perse.controls import Controls
from perse.errors import PerseError
from perse.motion.keyframes import EASINGS, MOST_KEYS, along, keyed_motion, look_at, read_keys
from perse.motion.length import IN_TERMINAL, ON_PAGE, Longest
from perse.motion.motion import Motion
from perse.sound import Sound

KEYS = [
    {"seconds": 0, "look": {}},
    {"seconds": 1, "look": {"head_yaw": 10, "styles": {"hair": {"blond": 1}}}, "easing": "linear"},
    {"seconds": 3, "look": {"expression": {"smile": 0.5}}},
    {"seconds": 4, "easing": "hold"},
]


def test_each_look_is_there_at_its_second():
    keys = read_keys(json.dumps(KEYS))
    motion = keyed_motion(keys, Controls(yaw=5.0), None, 10.0)
    assert (motion.count, motion.fps) == (41, 10.0) and all(frame.yaw == 5 for frame in motion)
    assert motion.at(10).head_yaw == 10 and motion.at(10).styles == {"hair": {"blond": 1.0}}
    assert motion.at(5).head_yaw == pytest.approx(5) and motion.at(5).styles["hair"]["blond"] == pytest.approx(0.5)
    assert motion.at(30).expression["smile"] == pytest.approx(0.5) and motion.at(30).head_yaw == 0
    assert motion.at(39).expression["smile"] == 0.5 and motion.at(40).expression.get("smile", 0) == 0
    assert look_at(keys, 99.0) == Controls() and keyed_motion(keys, Controls(), 10.0, 10.0).count == 100


def test_ways_begin_and_end_where_they_should():
    for name, ease in EASINGS.items():
        assert ease(0.0) == 0 and ease(1.0) == 1, name
        assert (np.diff([ease(t) for t in np.linspace(0, 1, 50)]) >= 0).all(), name


def test_looks_come_and_go_during_another_motion():
    sound = Sound(np.zeros(8, np.float32), 8)
    nods = Motion(31, 10.0, lambda i: Controls(head_pitch=i, expression={"smile": 0.25}), sound, ("a note",))
    both = along(nods, read_keys(json.dumps(KEYS)))
    assert (both.count, both.fps, both.sound, both.notes) == (31, 10.0, sound, ("a note",))
    assert both.at(10).head_pitch == 10 and both.at(10).head_yaw == 10 and both.at(30).expression["smile"] == pytest.approx(0.75)


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "JSON"),
        ("[" * 100_000, "JSON"),
        ("{}", "list of 2"),
        ("[]", "list of 2"),
        (json.dumps(KEYS[:1]), "list of 2"),
        (json.dumps([{"seconds": i} for i in range(MOST_KEYS + 1)]), "list of 2"),
        ('[{"seconds": 1}, {"seconds": 2}]', "begin with 0"),
        ('[{"seconds": 0}, {"seconds": 0}]', "grow"),
        ('[{"seconds": 0}, {"seconds": NaN}]', "Keyframe 2"),
        ('[{"seconds": 0}, {"seconds": 1e99}]', "Keyframe 2"),
        ('[{"seconds": 0}, {"seconds": true}]', "Keyframe 2"),
        ('[{"seconds": 0}, 7]', "Keyframe 2"),
        ('[{"seconds": 0}, {"seconds": 1, "loook": {}}]', "Keyframe 2"),
        ('[{"seconds": 0}, {"seconds": 1, "look": "a"}]', "Controls"),
        ('[{"seconds": 0}, {"seconds": 1, "look": {"head_yaw": 500}}]', "Keyframe 2.*head_yaw"),
        ('[{"seconds": 0}, {"seconds": 1, "easing": "bounce"}]', "easing"),
        ('[{"seconds": 0}, {"seconds": 1, "easing": ["hold"]}]', "easing"),
    ],
)
def test_what_are_no_keyframes_is_a_sentence(text, why):
    with pytest.raises(PerseError, match=why) as told:
        read_keys(text)
    assert "\n" not in str(told.value) and len(str(told.value)) < 250


def test_one_rule_for_length():
    assert ON_PAGE.frames(30, (512, 512)) == 1800 and ON_PAGE.seconds_at(30, (512, 512)) == 60
    assert ON_PAGE.frames(60, (512, 512)) == 1800 and ON_PAGE.frames(15, (256, 256)) == 900
    assert ON_PAGE.seconds_at(25, (1080, 1080)) == pytest.approx(16.2, abs=0.1)
    assert IN_TERMINAL.frames(60, (2048, 2048)) == 36_000
    assert Longest(1.0, 10).frames(25, (512, 512)) == 1


def test_a_cut_is_told():
    long = Motion(100, 10.0, lambda i: Controls(), notes=("before",))
    assert Longest(10.0).cut(long, (8, 8)) is long
    cut = Longest(4.0).cut(long, (8, 8))
    assert cut.count == 40 and cut.notes == ("before", "The video is cut after 4.0 of 10.0 seconds.")
    assert "smaller" in Longest(8.0, 64 * 20).cut(long, (8, 8)).notes[1]
