"""What a clip does not tell is bridged, and what is taken over is what was chosen."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.controls import Controls
from perse.errors import PerseError
from perse.face.landmarks import CHIN, FACE
from perse.face.triangles import canonical
from perse.motion.driving.choices import REGIONS, Choices, chosen
from perse.motion.driving.curves import Curves
from perse.motion.driving.gaps import believed, bridged, shown_until, told
from perse.rig.expressions import NAMES, expand
from perse.rig.rig import Poser
from perse.tracking.track import Track, measured_from

from .conftest import curves


def track(found: str) -> Track:
    """A frame a character at ten a second: x the person's face, - none, o another's."""
    count, nothing = len(found), np.zeros((len(found), 1))
    seen, other = (np.array([c == kind for c in found]) for kind in "xo")
    return Track(nothing, seen, np.arange(count) / 10, 10.0, 8, 8, *[nothing] * 8, other)


def test_good_frames_stay_and_gaps_are_crossed_evenly():
    given = curves([Controls(head_yaw=float(i), expression={"jaw_open": i / 20}) for i in range(10)])
    good = np.array([c == "x" for c in "-xx----xx-"])
    yaw = bridged(given, good).head[:, 0]
    assert yaw[[0, 1, 2, 7, 8, 9]].tolist() == [1, 1, 2, 7, 8, 8]
    assert (np.diff(yaw[2:8]) > 0).all() and yaw[4] + yaw[5] == pytest.approx(9)
    assert bridged(given, good).weights.shape == given.weights.shape
    assert bridged(given, np.ones(10, bool)) is given


def test_what_was_bridged_is_told():
    tracked = track("xx--xxoooxxx")
    yaw = np.array([0, 0, 90, 90, 50, 0, 0, 0, 0, 0, -46, 0])
    assert believed(tracked, yaw).tolist() == [c == "x" for c in "xx---x---x-x"]
    notes = told(tracked, yaw, shown_until(tracked))
    assert len(notes) == 3
    assert "No face" in notes[0] and "0.2 s" in notes[0]
    assert "45°" in notes[1] and "0.2 s, the first time at 0.4 s" in notes[1]
    assert "Another face" in notes[2] and "0.3 s, the first time at 0.6 s" in notes[2]
    assert told(track("xxx"), np.zeros(3), 3) == ()


def test_a_clip_that_goes_on_with_somebody_else_ends_there():
    tracked = track("xxxxoo-o")
    assert shown_until(tracked) == 4 and shown_until(track("xxx--")) == 5 and shown_until(track("xoox")) == 4
    (note,) = told(tracked, np.zeros(8), 4)
    assert "ends there" in note and "0.4 s" in note


def test_a_face_that_is_always_turned_away_is_followed_all_the_same():
    assert believed(track("xx-"), np.array([60, 70, 0])).tolist() == [True, True, False]


def performance() -> Curves:
    rng = np.random.default_rng(4)
    still = Curves.still(3)
    return still.with_(**{name: rng.uniform(0.1, 0.2, series.shape) for name, series in vars(still).items()})


@pytest.mark.parametrize("region", REGIONS)
def test_regions(region):
    whole, part = performance(), chosen(performance(), Choices(region=region))
    moves = {name for name, series in vars(part).items() if series.any()}
    face = {"weights", "detail", "light"}
    wanted = {
        "all": face | {"head", "body", "gaze", "mouth_light"},
        "expression": face | {"gaze", "mouth_light"},
        "head": {"head", "body"},
        "mouth": face | {"mouth_light"},
        "eyes": face | {"gaze"},
    }[region]
    assert moves == wanted
    if region in ("mouth", "eyes"):
        names = part.at(0).expression
        assert ("jaw_open" in names) == (region == "mouth") and ("eye_blink_left" in names) == (region == "eyes")
        assert (np.abs(part.detail[:, CHIN]).max() > 0) == (region == "mouth")
    both = sum(chosen(whole, Choices(region=r)).detail for r in ("mouth", "eyes"))
    assert both == pytest.approx(whole.detail, abs=2e-5) and both.shape == (3, FACE, 3)


def test_strength():
    whole = performance()
    assert chosen(whole, Choices()) is whole
    assert chosen(whole, Choices(strength=0)).at(1) == Controls()
    double = chosen(whole, Choices(strength=2)).at(1)
    assert double.head_yaw == pytest.approx(2 * whole.at(1).head_yaw, abs=1e-3)
    strong = whole.with_(weights=whole.weights + 0.5, detail=whole.detail + 0.6)
    assert max(chosen(strong, Choices(strength=2)).at(0).expression.values()) <= 1
    assert Controls.from_json(chosen(strong, Choices(strength=2)).at(0).to_json())
    for wrong in ({"region": "nose"}, {"strength": 2.1}, {"strength": -1}, {"strength": float("nan")}):
        with pytest.raises(PerseError, match="use all|strength"):
            Choices(**wrong)


def test_a_mirrored_driver_does_the_same_on_the_other_side(rig):
    """On a head that is nearly the same on both sides the landmarks move as their twins do in a mirror."""
    twins, poser, still = canonical()[1][:FACE], Poser(rig), Curves.still(1)
    rng = np.random.default_rng(5)
    names = [name.endswith("_left") for name in NAMES]
    whole = still.with_(
        weights=np.where(names, rng.uniform(0, 0.6, (1, len(NAMES))), 0),
        head=np.array([[14.0, 6, -9, 0.1, -0.05, 0]]),
        detail=0.05 * np.where(canonical()[0][:FACE, :1] > 0, 1, 0) * np.ones((1, FACE, 3)),
    )

    def moved(curves) -> np.ndarray:
        state = curves.at(0)
        weights = torch.from_numpy(expand(state.expression))
        head = torch.tensor(
            [*np.radians([state.head_yaw, state.head_pitch, state.head_roll]), state.head_x, state.head_y, 0], dtype=torch.float32
        )
        shape = poser.spread(torch.tensor(state.detail, dtype=torch.float32).reshape(-1, 3))
        return (poser(weights, head, shape=shape) - poser(torch.zeros(len(NAMES))))[:FACE].numpy()

    one, other = moved(whole), moved(chosen(whole, Choices(mirrored=True)))
    assert np.linalg.norm(other - one[twins] * [-1, 1, 1]) < 0.2 * np.linalg.norm(one)
    assert np.linalg.norm(other - one) > 0.5 * np.linalg.norm(one)
    back = chosen(chosen(whole, Choices(mirrored=True)), Choices(mirrored=True))
    assert all((a == b).all() for a, b in zip(vars(back).values(), vars(whole).values()))


def test_a_track_can_be_measured_from_another_frame():
    rng = np.random.default_rng(5)
    turn = np.array([[[1.0, 0, 0], [0, 1, 0]], [[0, -2, 5], [2, 0, 1]], [[1.5, 0, 3], [0, 1.5, -2]]])
    tracked = replace(track("xxx"), drift=rng.normal(size=(3, 4, 2)), light=rng.normal(size=(3, 4, 3)), body=turn)
    again = measured_from(tracked, 1)
    assert not again.drift[1].any() and not again.light[1].any() and again.body[1] == pytest.approx(np.eye(2, 3))
    point = np.array([3.0, 7.0])
    for before, after in zip(turn, again.body):
        there = turn[1][:, :2] @ point + turn[1][:, 2]
        assert after[:, :2] @ there + after[:, 2] == pytest.approx(before[:, :2] @ point + before[:, 2])
