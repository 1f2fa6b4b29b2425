"""Two edits at once on constructed pictures: edits that keep to their own region add up, those that know of one another do not."""

import numpy as np
import pytest

from perse.attributes.catalogue import BY_NAME
from perse.attributes.edit_vocabulary import Axis, Category, Style
from perse.evaluate.composition import GOAL, PAIRS, composition

SIZE = 32
HOMES = {"left": np.s_[:, :12], "right": np.s_[:, 20:], "middle": np.s_[:, 8:24]}
PAIR = (("left", "on"), ("right", "on"))


class Fake:
    """A grey person. Every edit lightens its own columns; `knows` is what `left` does to the columns of `right` where both are there."""

    def __init__(self, knows: float = 0.0):
        self.knows = knows
        self.categories = {
            name: Category(name, name, (Axis(name, name, "", (), ("home",), 0.0),), (Style("on", "On", ((name, 1.0),)),)) for name in HOMES
        }

    def picture(self, controls):
        image = np.full((SIZE, SIZE, 3), 0.4, np.float32)
        for name, amount in controls.attributes.items():
            image[HOMES[name]] += 0.2 * amount
        if {"left", "right"} <= {*controls.attributes}:
            image[HOMES["right"]] += self.knows
        return image, np.ones((SIZE, SIZE), np.float32)

    def regions(self, groups, controls):
        out = np.zeros((SIZE, SIZE, len(groups)), np.float32)
        for k, names in enumerate(groups):
            for name in names:
                out[..., k][HOMES[name]] = 1.0
        return out


def measured(subject, pair=PAIR, **more):
    return composition(subject, list(HOMES), pairs=[pair], **more)


def test_edits_that_know_nothing_of_one_another_add_up():
    found = measured(Fake())
    assert found["worst"] == pytest.approx(0, abs=1e-6) and found["missed"] == []


def test_an_edit_that_changes_another_ones_place_is_found():
    found = measured(Fake(knows=0.05))
    # Both regions are 12 columns wide, and one of them is off.
    assert found["mean"] == found["worst"] == pytest.approx(0.025, abs=1e-6)
    assert found["missed"] == list(found["pairs"]) == ["left on + right on"]
    assert measured(Fake(knows=GOAL))["missed"] == []


def test_a_place_that_both_change_is_told_apart():
    figures = measured(Fake(), (("left", "on"), ("middle", "on")))["pairs"]["left on + middle on"]
    assert figures["error"] < 1e-6 and figures["both"] < 1e-6
    assert figures["shared"] == pytest.approx(4 / 24)


def test_what_is_not_measured_or_not_allowed_is_left_out():
    assert composition(Fake(), ["left"], pairs=[PAIR])["pairs"] == {}
    assert measured(Fake(), limits=["right"])["pairs"] == {}
    assert measured(Fake(), (("left", "on"), ("right", "off")))["pairs"] == {}


def test_the_pairs_are_of_the_catalogue():
    for pair in PAIRS:
        assert pair[0][0] != pair[1][0]
        assert all(style in {s.name for s in BY_NAME[category].styles} for category, style in pair)
