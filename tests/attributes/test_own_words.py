"""Styles in the visitor's own words."""

import pytest

from perse.attributes.catalogue import BY_NAME, CATEGORIES
from perse.attributes.own_words import MAX_STYLES, describe, described_of, extend, guess_category, without
from perse.errors import PerseError


@pytest.mark.parametrize(
    ("words", "category"),
    [
        ("curly red hair", "hair"),
        ("a long grey beard", "beard"),
        ("bushy brows", "eyebrows"),
        ("violet eyes", "eyes"),
        ("a crooked nose", "nose"),
        ("thin pale lips", "mouth"),
        ("a strong jawline", "face_shape"),
        ("many freckles", "skin"),
        ("Blonde dreadlocks", "hair"),
        ("platinum blonde", "hair_colour"),
        ("a beard of curly hair", "beard"),
        ("something nice", None),
        ("chairs", None),
    ],
)
def test_words_name_their_category(words, category):
    assert guess_category(words, CATEGORIES) == category


def test_a_category_may_be_given_and_names_never_clash():
    found = describe(["hair: like a lion", "curly red hair", "Curly  RED hair!", "hair colour: red", "face shape: square"], CATEGORIES)
    assert [d.category for d in found] == ["hair", "hair", "hair", "hair_colour", "face_shape"]
    assert found[0].text == "like a lion" and found[1].name == "curly_red_hair" and found[2].name == "curly_red_hair_2"
    assert found[3].name == "red_2", "the catalogue has a style of that name"
    assert len({d.axis for d in found}) == 5


def test_a_described_style_is_one_more_axis_at_the_end():
    found = describe(["curly red hair", "violet eyes"], CATEGORIES)
    extended = extend(CATEGORIES, found)
    hair = next(c for c in extended if c.name == "hair")
    assert hair.axes[:-1] == BY_NAME["hair"].axes and hair.axes[-1].prompt == "curly red hair" and "hair" in hair.axes[-1].regions
    assert hair.styles[-1].name == "curly_red_hair" and hair.styles[-1].at == (("hair_as_curly_red_hair", 1.0),)
    assert [c.name for c in extended] == [c.name for c in CATEGORIES]
    assert set(described_of(extended)) == set(found) and described_of(CATEGORIES) == []
    assert extend(CATEGORIES, described_of(extended)) == extended


def test_a_described_style_can_be_taken_back():
    found = describe(["curly red hair", "hair: in braids"], CATEGORIES)
    left = without(extend(CATEGORIES, found), [found[0].axis])
    hair = next(c for c in left if c.name == "hair")
    assert [d.name for d in described_of([hair])] == ["in_braids"] and "curly_red_hair" not in {s.name for s in hair.styles}
    assert without(CATEGORIES, []) == list(CATEGORIES)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([""], "in words"),
        (["12 34"], "in words"),
        (["hair:"], "in words"),
        (["x" * 81], "at most"),
        (["curly\x00 hair"], "at most"),
        (["something nice"], "write the category"),
        (["horns: two"], "Unknown category"),
        (["glasses: cat eye"], "cannot be described"),
        (["red hair"] * (MAX_STYLES + 1), f"At most {MAX_STYLES}"),
    ],
)
def test_words_that_cannot_be_used_are_told(texts, says):
    with pytest.raises(PerseError, match=says):
        describe(texts, CATEGORIES)
