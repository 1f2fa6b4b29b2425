"""A performance in arrays says the same as the Controls that leave it."""

import numpy as np
import pytest

from perse.controls import BANDS, MARKS, RANGES, Controls
from perse.face.landmarks import FACE
from perse.motion.driving.curves import Curves, shown_weights, turned_apart
from perse.rig.expressions import INDEX, NAMES

FRAMES = 6


@pytest.fixture
def performance() -> Curves:
    random = np.random.default_rng(0)
    return Curves.still(FRAMES).with_(
        weights=random.uniform(0, 1, (FRAMES, len(NAMES))),
        head=random.normal(0, 60, (FRAMES, 6)),
        body=random.normal(0, 60, (FRAMES, 6)),
        gaze=random.normal(0, 15, (FRAMES, 2)),
        detail=random.normal(0, 0.05, (FRAMES, FACE, 3)),
        light=random.normal(0, 0.2, (FRAMES, FACE, 3)),
        mouth_light=random.normal(0, 0.5, (FRAMES, BANDS)),
    )


def test_what_leaves_is_valid_and_short(performance):
    for frame in performance:
        assert Controls.from_json(frame.to_json()) == frame and len(frame.detail) == len(frame.light) == MARKS
        assert all(low <= getattr(frame, name) <= high for name, (low, high) in RANGES.items())
    assert len(performance.at(0).to_json()) < 40_000


def test_nothing_leaves_as_nothing():
    assert list(Curves.still(2)) == [Controls(), Controls()]


def test_a_performance_can_begin_with_the_portrait(performance):
    begun = performance.at_rest_in(0)
    assert begun.at(0) == Controls() and list(begun)[1:] == list(performance)[1:]
    assert performance.at(0) != Controls()


def test_between_two_frames_lies_their_mixture(performance):
    mixed, frames = performance.at(2.25), list(performance)
    for name in ("head_yaw", "body_x"):
        assert getattr(mixed, name) == pytest.approx(getattr(frames[2].mix(frames[3], 0.25), name))
    assert mixed.expression == pytest.approx(frames[2].mix(frames[3], 0.25).expression)
    assert mixed.detail == pytest.approx(frames[2].mix(frames[3], 0.25).detail)
    assert performance.at(float(FRAMES - 1)) == frames[-1]


def test_the_rig_shows_what_the_avatar_shows(performance, avatar):
    told = [avatar.state(frame).weights.numpy() for frame in performance]
    np.testing.assert_allclose(shown_weights(performance.weights, performance.gaze[:, 1]), told, atol=1e-6)


def test_eyes_turn_apart_and_together():
    weights = turned_apart(np.ones((3, len(NAMES))), np.array([6.0, 0.0, -3.0]), 24.0)
    for side in ("left", "right"):
        assert weights[:, INDEX[f"eye_look_out_{side}"]].tolist() == [0.25, 0, 0]
        assert weights[:, INDEX[f"eye_look_in_{side}"]].tolist() == [0, 0, 0.125]
    assert (weights[:, INDEX["jaw_open"]] == 1).all()
