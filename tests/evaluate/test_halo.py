"""Halos along a hairline, on pictures whose halos are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from perse.attributes.catalogue import AXES
from perse.attributes.edit_vocabulary import Axis, Dye
from perse.controls import Controls
from perse.evaluate.halo import hairline, halo, leaves_halos

SIZE, EDGE, UNIT = 160, 80.0, 100.0
DYE = Axis("dye", "Dye", "", (Dye(to=(60, 0, 0)),), ("hair",))


class Fake:
    """Hair above a straight edge, skin below; the dye lightens the hair and may leave a line."""

    def __init__(self, line: float = 0.0, known: bool = True):
        self.line, self.known, self.categories = line, known, {}
        down = np.arange(SIZE, dtype=np.float32)[:, None].repeat(SIZE, 1)
        self.hair = np.clip((EDGE - down) / 2 + 0.5, 0, 1)
        self.at_edge = np.exp(-(((down - EDGE) / 0.8) ** 2))

    def picture(self, controls: Controls):
        amount = controls.attributes.get("dye", 0.0)
        light = 0.75 + self.hair * (0.15 + 0.3 * amount - 0.75) + self.line * amount * self.at_edge
        return np.repeat(np.clip(light, 0, 1)[..., None], 3, -1).astype(np.float32), np.ones((SIZE, SIZE), np.float32)

    def regions(self, groups, controls):
        return self.hair[..., None]

    def find(self, picture):
        return np.zeros((478, 3)) if self.known else None

    def landmarks(self, picture, near):
        if near is None:
            return None
        marks = np.zeros((468, 2))
        marks[263, 0] = UNIT
        return marks


def test_a_dye_that_mixes_with_the_skin_has_no_halo():
    assert halo(Fake(), DYE) < 0.02


@pytest.mark.parametrize("line", [0.25, -0.25])
def test_a_line_between_hair_and_skin_is_one(line):
    assert halo(Fake(line), DYE) > 0.1 > halo(Fake(line / 20), DYE)


def test_what_shows_no_face_or_no_hairline_is_not_judged():
    assert halo(Fake(known=False), DYE) is None
    assert hairline(np.zeros((SIZE, SIZE)), np.ones((SIZE, SIZE)), UNIT) is None
    beyond = np.zeros((SIZE, SIZE), np.float32)  # the hair's outline against nothing is no hairline
    assert hairline(Fake().hair, beyond, UNIT) is None


def test_ways_lead_from_the_skin_into_the_hair():
    ways = hairline(Fake().hair, np.ones((SIZE, SIZE), np.float32), UNIT)
    assert np.median(ways[:, 0, 1]) > EDGE > np.median(ways[:, -1, 1]) and np.median(np.abs(ways[:, 0, 0] - ways[:, -1, 0])) < 0.1


def test_it_is_asked_of_dyes_alone():
    assert leaves_halos(AXES["hair_blond"][1]) and not leaves_halos(AXES["hair_long"][1]) and not leaves_halos(AXES["lip_red"][1])
    assert leaves_halos(SimpleNamespace(edits=(Dye(shift=(1, 0, 0)),)))
