"""The outline of hair, on outlines that are known."""

import numpy as np
import pytest

from perse.attributes.catalogue import BY_NAME
from perse.controls import Controls
from perse.evaluate.outline import outline
from perse.portrait.outline import hair_outline, longest_straight, roughness

SIZE, RADIUS = 256, 80.0


class Fake:
    """A round head, all of it hair; from the side it is as rough as asked, and cut off flat behind."""

    def __init__(self, rough: float = 1.0, flat: float = 1.0):
        self.rough, self.flat, self.categories = rough, flat, {"hair_colour": BY_NAME["hair_colour"]}

    def picture(self, controls: Controls):
        y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
        angle = np.arctan2(y, x)
        aside = controls.yaw != 0
        edge = RADIUS + (self.rough if aside else 1.0) * 1.2 * np.sin(31 * angle)
        away = edge - np.hypot(x, y)
        if aside:
            away = np.minimum(away, self.flat * RADIUS - x)
        return np.zeros((SIZE, SIZE, 3), np.float32), np.clip(away + 0.5, 0, 1).astype(np.float32)

    def regions(self, groups, controls):
        return self.picture(controls)[1][..., None]

    def find(self, picture):
        return np.zeros((478, 3))

    def landmarks(self, picture, near):
        return np.full((468, 2), 0.8 * SIZE)


def test_an_outline_that_is_as_in_front_is_right():
    found = outline(Fake())
    assert found["roughness"] == pytest.approx(1, abs=0.1) and found["straight"] == pytest.approx(found["straight_front"], abs=0.01)


def test_a_smooth_one_is_smoother():
    assert outline(Fake(rough=0.4))["roughness"] < 0.6 and outline(Fake(rough=2.0))["roughness"] > 1.5


def test_a_flat_back_is_straight():
    assert outline(Fake(flat=0.9))["straight"] > 0.3 > outline(Fake())["straight"]


def test_where_no_hair_lies_nothing_is_judged():
    class Bald(Fake):
        def regions(self, groups, controls):
            return np.zeros((SIZE, SIZE, 1), np.float32)

    assert outline(Bald()) is None


def test_runs_and_roughness_are_in_pixels():
    corner = np.array([[0.0, k] for k in range(41)] + [[k, 40.0] for k in range(1, 21)])
    assert longest_straight(corner, 0.1) == pytest.approx(40)
    wave = np.stack([np.sin(np.arange(400) * 0.8), np.arange(400.0)], 1)
    assert roughness([wave]) == pytest.approx(np.sqrt(0.5), rel=0.1)
    assert hair_outline(np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE)), SIZE, 100.0) == []
