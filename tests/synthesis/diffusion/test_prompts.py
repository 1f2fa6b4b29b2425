"""Instructions: one attribute each, both ends of an axis, and everything else kept."""

import pytest

from perse.attributes.catalogue import AXES, CATEGORIES
from perse.rig.expressions import expand
from perse.synthesis.diffusion.prompts import KEEP, LOOKS, instruction, opposite


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_every_axis_has_an_instruction_that_names_it_and_nothing_else(category):
    for axis in category.axes:
        text = instruction(category, axis, 1)
        assert axis.prompt and axis.prompt in text and KEEP in text, axis.name
        others = [a.prompt for a in category.axes if a.prompt not in axis.prompt]
        assert not any(other in text for other in others), axis.name


def test_most_two_sided_axes_have_words_for_their_other_end():
    two_sided = [(c, a) for c, a in AXES.values() if a.low < 0]
    worded = [a.name for c, a in two_sided if instruction(c, a, -1)]
    assert len(worded) > 0.6 * len(two_sided)
    assert all(instruction(c, a, -1) != instruction(c, a, 1) for c, a in two_sided)


def test_the_opposite_of_words():
    assert opposite("a wider nose") == "a narrower nose"
    assert opposite("cat-like upturned eyes") == "downturned eyes"
    assert opposite("full cheeks") == "hollow cheeks" and opposite("full lips") == "thin lips"
    assert opposite("tanned skin") == "pale skin"
    assert opposite("a wideness") is None and opposite("blue eyes") is None


def test_looks_cover_both_sides_up_down_and_expressions():
    assert {look.yaw > 0 for look in LOOKS if look.yaw} == {True, False} == {look.pitch > 0 for look in LOOKS if look.pitch}
    for look in LOOKS:
        # yaw > 0 turns the face towards the picture's left edge: words and numbers must agree.
        assert ("left edge" in look.words) == (look.yaw > 0) and ("right edge" in look.words) == (look.yaw < 0)
        assert ("upwards" in look.words) == (look.pitch < 0) and ("downwards" in look.words) == (look.pitch > 0)
        assert bool(look.expression) != bool(look.yaw or look.pitch)
        assert "same person" in look.prompt
        expand(dict(look.expression))
    assert len({look.name for look in LOOKS}) == len(LOOKS)
