"""What goes with speech: it follows stress and pauses, is the same for a seed, and is more for who is lively."""

import numpy as np
import pytest

from perse.motion.speech.loudness import Loudness
from perse.motion.speech.manner import gestures, wandering
from perse.motion.speech.phones import Phone
from perse.rig.expressions import INDEX

TIMES = (np.arange(20 * 25) + 0.5) / 25
PHRASES = ((1.0, 4.0), (5.0, 8.0), (9.5, 13.0), (14.0, 18.0))


def spoken():
    loud = np.zeros(2000)
    for start, end in PHRASES:
        loud[int(start * 100) : int(end * 100)] = 0.8
    vowels = [Phone("ɑ", t, t + 0.2, 2) for start, end in PHRASES for t in np.arange(start + 0.3, end - 0.3, 0.9)]
    return vowels, Loudness(loud, 0.1)


def made(**more):
    return gestures(*spoken(), TIMES, **more)


def test_a_seed_gives_the_same_and_another_something_else():
    first, same, other = made(seed=1), made(seed=1), made(seed=2)
    for name in ("weights", "head", "gaze"):
        np.testing.assert_array_equal(getattr(first, name), getattr(same, name))
        assert np.abs(getattr(first, name) - getattr(other, name)).max() > 0.01


def test_liveliness_and_strength_make_it_more():
    calm, lively, none = made(liveliness=0.0), made(liveliness=1.0), made(strength=0.0)
    assert np.ptp(lively.head[:, 1]) > 1.5 * np.ptp(calm.head[:, 1])
    assert lively.weights[:, INDEX["brow_inner_up"]].max() > 1.5 * calm.weights[:, INDEX["brow_inner_up"]].max()
    assert np.abs(none.head).max() == 0 and np.abs(none.gaze).max() == 0
    assert none.weights[:, INDEX["eye_blink_left"]].max() > 0.5  # nobody stops blinking


def test_the_head_goes_down_with_stress():
    phones, _ = spoken()
    seeds = np.mean([made(seed=s, liveliness=1.0).head[:, 1] for s in range(12)], 0)  # what wanders averages out
    at = np.array([np.abs(TIMES - p.start - 0.1).argmin() for p in phones])
    assert seeds[at].mean() > 1.0 > seeds[np.abs(TIMES - 8.8).argmin()] + 0.5


def test_eyes_blink_as_often_as_people_and_mostly_where_phrases_end():
    ends = np.array([end for _, end in PHRASES])
    at_ends, count = [], []
    for seed in range(20):
        lids = made(seed=seed).weights[:, INDEX["eye_blink_left"]]
        shut = np.flatnonzero((lids[1:-1] > 0.5) & (lids[1:-1] >= lids[:-2]) & (lids[1:-1] > lids[2:])) + 1
        count.append(len(shut))
        at_ends += [np.abs(ends - TIMES[i]).min() < 0.3 for i in shut]
    assert 3 <= np.mean(count) <= 9 and np.mean(at_ends) > 0.35


def test_a_breath_is_drawn_before_a_phrase_and_none_within_one():
    jaw = made().weights[:, INDEX["jaw_open"]]
    for start, _ in PHRASES:
        assert jaw[(TIMES > start - 0.4) & (TIMES < start)].max() > 0.04
    assert jaw[(TIMES > 2) & (TIMES < 4)].max() == 0


def test_everything_stays_small_and_finite():
    for seed in range(5):
        g = made(seed=seed, liveliness=1.0, strength=2.0)
        assert np.abs(g.head).max() < 25 and np.abs(g.gaze).max() < 20 and 0 <= g.weights.min() <= g.weights.max() <= 1
    still = gestures([], Loudness(np.zeros(10), 0.0), TIMES[:3])
    assert np.isfinite(still.head).all()


def test_wandering_does_not_repeat():
    path = wandering(np.random.default_rng(0), np.arange(0, 60, 0.1), 1)[:, 0]
    assert 0.5 < path.std() < 2
    for shift in range(30, 500, 10):
        assert np.corrcoef(path[:-shift], path[shift:])[0, 1] < 0.98


@pytest.mark.parametrize("symbol", ["ɑ", "I"])
def test_recordings_without_known_stress_nod_too(symbol):
    phones, loud = spoken()
    plain = [Phone(symbol, p.start, p.end) for p in phones]
    nods = np.ptp(np.mean([gestures(plain, loud, TIMES, s, 1.0).head[:, 1] for s in range(8)], 0))
    assert nods > 1.0
