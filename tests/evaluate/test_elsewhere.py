"""What a style does elsewhere, on a constructed person whose face is in one place and whose edits are in another."""

import numpy as np
import pytest

from perse.attributes.edit_vocabulary import Axis, Category, Style
from perse.evaluate.elsewhere import first_styles

SIZE, UNIT = 64, 30  # pixels; eye distance
HOME = np.s_[:16, :]


class Fake:
    """A grey person of whom the upper quarter is everybody's region. `strays` also lightens the rest by a tenth of what it does at home, and
    drags the landmarks by 3 pixels."""

    def __init__(self):
        axes = tuple(Axis(name, name, "", (), ("home",), 0.0) for name in ("stays", "strays"))
        styles = tuple(Style(name, name, ((name, 1.0),)) for name in ("stays", "strays"))
        self.categories = {"one": Category("one", "One", axes, styles), "two": Category("two", "Two", axes, styles[::-1])}

    def picture(self, controls):
        image, strays = np.full((SIZE, SIZE, 3), 0.4, np.float32), controls.attributes.get("strays", 0.0)
        image[HOME] += 0.2 * sum(controls.attributes.values()) - 0.02 * strays
        return image + 0.02 * strays, np.ones((SIZE, SIZE), np.float32)

    def regions(self, groups, controls):
        out = np.zeros((SIZE, SIZE, len(groups)), np.float32)
        out[HOME] = 1.0
        return out

    def find(self, picture):
        return np.zeros((478, 3), np.float32)

    def landmarks(self, picture, near):
        marks = np.tile(np.float32([30, 50]), (468, 1))
        marks[33], marks[263] = (10, 40), (10 + UNIT, 40)
        return marks + (3.0 if picture[-1, 0, 0] > 0.41 else 0.0) * np.float32([0, 1])


def test_a_style_that_stays_at_home_does_nothing_elsewhere():
    found = first_styles(Fake(), ["one"])
    assert list(found) == ["one"] and found["one"]["style"] == "stays"
    assert found["one"]["leakage"] == found["one"]["appearance"] == found["one"]["landmarks"] == 0


def test_a_style_that_strays_is_found():
    figures = first_styles(Fake(), ["one", "two"])["two"]
    assert figures["style"] == "strays" and figures["leakage"] == pytest.approx(0.1, abs=1e-4)
    assert figures["appearance"] == pytest.approx(0.02, abs=1e-5) and figures["landmarks"] == pytest.approx(100 * 3 / UNIT, abs=1e-3)


def test_the_first_style_that_the_portrait_allows_is_measured():
    assert first_styles(Fake(), ["two"], ["strays"])["two"]["style"] == "stays"
    assert first_styles(Fake(), ["two"], ["strays", "stays"]) == {}
