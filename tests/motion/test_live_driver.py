"""A face that is seen now: at once, steadily, and as its picture says."""

import numpy as np
import pytest
from PIL import Image

from perse.motion.driving.live_driver import AHEAD, FORGOTTEN, LiveDriver, Steady


@pytest.fixture(scope="module")
def small(astronaut) -> Image.Image:
    """The face as a camera of 320 pixels sees it."""
    return astronaut.crop((40, 0, 424, 384)).resize((320, 320))


def turned(picture: Image.Image, degrees: float) -> np.ndarray:
    return np.asarray(picture.rotate(degrees, Image.Resampling.BICUBIC, center=(155, 110)))


def test_the_first_picture_is_straight_ahead_with_its_smile(plain_avatar, small):
    driver = LiveDriver(plain_avatar)
    seen = driver.see(turned(small, 0), 0.0).now
    assert max(abs(seen.head_yaw), abs(seen.head_pitch), abs(seen.head_roll), abs(seen.gaze_yaw)) < 0.5
    assert seen.expression["mouth_smile_left"] > 0.4 and seen.neutralise == 1 and not seen.detail


def test_a_head_that_tilts_is_followed_within_a_few_pictures_and_its_smile_stays(plain_avatar, small):
    driver = LiveDriver(plain_avatar)
    rolls = [driver.see(turned(small, -min(12, 3 * k)), k / 15).now.head_roll for k in range(8)]
    assert rolls[-1] == pytest.approx(12, abs=2) and np.diff(rolls).min() > -1, rolls
    again = driver.see(turned(small, -12), 8 / 15, afresh=True).now
    assert abs(again.head_roll) < 0.5, "now this is straight ahead"
    assert again.expression["mouth_smile_left"] > 0.4


def test_mirrored_pictures_tilt_the_other_way(plain_avatar, small):
    ways = []
    for flip in (False, True):
        driver = LiveDriver(plain_avatar)
        for k, degrees in enumerate((0, 5, 10, 10, 10)):
            picture = turned(small, degrees)
            seen = driver.see(np.ascontiguousarray(picture[:, ::-1]) if flip else picture, k / 10).now
        ways.append(seen.head_roll)
    assert ways[0] < -7 and ways[1] > 7, ways


def test_nobody_is_nothing_and_a_face_that_comes_back_is_followed(plain_avatar, small):
    driver = LiveDriver(plain_avatar)
    assert driver.see(np.full((240, 320, 3), 127, np.uint8), 0.0) is None
    assert driver.see(turned(small, 0), 0.1) is not None
    assert driver.see(np.full((320, 320, 3), 127, np.uint8), 0.2) is None
    assert driver.see(turned(small, -10), 0.2 + FORGOTTEN).now.head_roll == pytest.approx(10, abs=2), "at once, after such a while"


def test_what_jitters_is_held_and_what_moves_passes():
    rng = np.random.default_rng(0)
    steady = Steady(np.full(1, 0.06))
    still = np.array([steady(np.array([0.5 + 0.02 * rng.standard_normal()]), k / 15)[0] for k in range(60)])
    assert still[10:].std() < 0.015
    blink = [steady(np.array([0.5 + 0.5 * (k in (2, 3))]), (60 + k) / 15)[0] for k in range(8)]
    assert max(blink) > 0.9 and blink[-1] < 0.55


def told(motion, rate=12, noise=0.2) -> np.ndarray:
    """(T, 3) of a head that moves as `motion` says, degrees at seconds: what it does, what is made of it, and what is said of AHEAD later."""
    rng, steady, out = np.random.default_rng(0), Steady(np.full(1, 0.6)), []
    for t in np.arange(0, 6, 1 / rate):
        value = steady(np.array([motion(t) + noise * rng.standard_normal()]), t)[0]
        out.append((motion(t + AHEAD), value, steady.ahead(AHEAD)[0]))
    return np.array(out)[rate:]


def test_what_is_said_of_a_moment_to_come_is_nearer_to_it():
    truth, now, soon = told(lambda t: 12 * np.sin(np.pi * t)).T
    assert np.abs(soon - truth).mean() < 0.75 * np.abs(now - truth).mean()


def test_a_head_that_stops_hardly_swings_on_and_one_at_rest_stays_as_it_is():
    _, now, soon = told(lambda t: 15 * np.clip((t % 2 - 0.5) / 0.35, 0, 1), rate=20).T
    assert soon.max() < 15 + 0.2 * 15
    _, now, soon = told(lambda t: 0.0).T
    assert np.abs(soon - now).max() < 0.2 and np.abs(soon - now).mean() < 0.02
