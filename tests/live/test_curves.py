"""Curves for a browser: a motion's moments, and displacements of landmarks as amounts of a few common ones."""

import json

import numpy as np
import pytest

from perse.controls import Controls
from perse.live.curves import MOST_MOVES, common, curves, moments
from perse.motion.presets import PRESETS
from perse.motion.speech.lips import meeting_of
from perse.rig.expressions import NAMES


def test_few_moves_say_all_that_is_mixed_of_few():
    rng = np.random.default_rng(1)
    rows = (rng.standard_normal((90, 3)) @ rng.standard_normal((3, 1404))).astype(np.float32)
    moves, amounts = common(rows)
    assert moves.shape == (3, 1404) and np.abs(amounts).max() == pytest.approx(1)
    assert np.abs(amounts @ moves - rows).max() < 1e-3 * np.abs(rows).max()
    again = common(rows)
    assert (again[0] == moves).all() and (again[1] == amounts).all()


def test_and_most_of_what_is_mixed_of_many():
    rng = np.random.default_rng(2)
    sizes = 0.6 ** np.arange(40)
    rows = ((rng.standard_normal((200, 40)) * sizes) @ rng.standard_normal((40, 1404))).astype(np.float32)
    moves, amounts = common(rows)
    assert len(moves) == MOST_MOVES
    assert np.linalg.norm(amounts @ moves - rows) < 0.01 * np.linalg.norm(rows)


def test_one_frame_and_none():
    one = curves([Controls(head_yaw=3.14159, expression={"smile": 0.5, "blink": 1e-5}, head_x=0.01234), Controls()])
    assert one == {"frames": [{"head_yaw": 3.14, "expression": {"smile": 0.5}, "head_x": 0.012}, {}]}
    assert curves([]) == {"frames": []}


def test_lips_that_meet_are_told_in_two_moves_of_the_mesh(example):
    meeting, still = meeting_of(example.rig), np.zeros(len(NAMES))
    assert meeting.press is not None, "this portrait smiles"
    frames = [Controls(detail=meeting.detail(lips, 0.0, still)) for lips in np.linspace(0, 1, 12)] + [Controls()]
    told = curves(frames, example)
    moves = told["moves"]
    assert len(moves["by"]) == 2 and "detail" not in told["frames"][-1] and len(json.dumps(moves)) < 40_000
    for frame, got in zip(frames, told["frames"][:-1]):
        there = np.zeros((len(example.rig.vertices), 3))
        there[moves["which"]] = moves["step"] * (np.array(got["detail"]) @ np.array(moves["by"])).reshape(-1, 3)
        assert np.abs(there[:468] - np.reshape(frame.detail, (-1, 3))).max() < 3e-4, "eye distances"
    assert "moves" not in curves(frames), "without a mesh they are left out"


def test_a_presets_moments_are_a_loop_of_numbers_alone():
    told = moments(PRESETS["nod"])
    assert set(told) == {"frames"} and np.ptp([f.get("head_pitch", 0) for f in told["frames"]]) > 15
