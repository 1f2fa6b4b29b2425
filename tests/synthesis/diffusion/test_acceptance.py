"""Faults put into a flawless edit are refused, or little of them is left in what teaches."""

import pytest

from perse.attributes.catalogue import AXES
from perse.synthesis.diffusion.compose import region_mask
from tests.synthesis.diffusion.acceptance import AXIS, shown, table

REFUSED = {
    "nothing done": "changes too little",
    "no face": "no face was found",
    "wrong person: face 25 % broader": "another face",
    "moved by 14 pixels": "the face moved",
    "wrong region: clothes painted, too": "outside the region",
    "wrong region: clothes instead of hair": "outside the region",
    "colour drift: four times that": "outside the region",
}
MENDED = {"seam: a white line around the region", "seam: a broad light rim", "colour drift: warmer"}


@pytest.fixture(scope="module")
def rows(astronaut_portrait, studio):
    return {row.fault: row for row in table(astronaut_portrait, region_mask(*AXES[AXIS], studio.workshop, astronaut_portrait))}


def test_the_flawless_edit_is_taken_as_it_is(rows):
    assert not rows["none"].reason and rows["none"].left == 0


@pytest.mark.parametrize("fault", REFUSED)
def test_a_fault_is_refused_for_its_own_reason(rows, fault):
    assert REFUSED[fault] in rows[fault].reason


@pytest.mark.parametrize("fault", sorted(MENDED))
def test_an_accepted_fault_is_all_but_gone(rows, fault):
    row = rows[fault]
    assert not row.reason and row.raw > 0.02 and row.left < row.raw / 5, row


def test_the_table_has_a_line_for_every_fault(rows):
    assert len(shown(list(rows.values())).splitlines()) == 2 + len(rows) and {*REFUSED, *MENDED} < rows.keys()
