"""The catalogue is data that other parts trust: names, ranges, references."""

import numpy as np
import pytest

from perse.attributes.catalogue import AXES, BY_NAME, CATEGORIES, reduced_to
from perse.attributes.edit_vocabulary import Dye, Locks, Paint, Prop, Recolor, Sculpt, Strands, Tint
from perse.attributes.face_areas import AREAS
from perse.edits.head_hair import CUTS
from perse.edits.skin_patterns import PATTERNS
from perse.edits.worn_objects import WORN_OBJECTS
from perse.face.triangles import canonical
from perse.rig.expressions import EXPRESSIONS

ALL_AXES = [axis for category in CATEGORIES for axis in category.axes]
PORTRAIT_REGIONS = {"hair", "skin", "brows", "lips", "neck", "clothes", "glasses", "iris"}
WEAR = {"glasses", "hat", "earrings", "headphones"}


def test_it_is_as_broad_as_promised():
    assert [c.name for c in CATEGORIES] == [
        "hair",
        "hair_colour",
        "beard",
        "eyebrows",
        "eyes",
        "nose",
        "mouth",
        "face_shape",
        "ears",
        "skin",
        "makeup",
        "glasses",
        "hat",
        "earrings",
        "headphones",
        "clothes",
    ]
    assert len(AXES) >= 70 and sum(len(c.styles) for c in CATEGORIES) >= 70
    styles = {f"{c.name}.{s.name}" for c in CATEGORIES for s in c.styles}
    assert {
        "beard.stubble",
        "beard.full",
        "eyebrows.thick",
        "eyes.large",
        "nose.wide",
        "nose.long",
        "mouth.full_lips",
        "face_shape.narrow",
        "face_shape.wide_jaw",
        "skin.tan",
        "hair.long",
        "hair.fringe",
        "hair.receding",
        "hair.bald",
        "hair.ponytail",
        "hair.bun",
        "hair.curly",
        "hair.afro",
        "hair.undercut",
        "eyebrows.bushy",
        "hair_colour.blue",
        "beard.goatee",
        "beard.long",
        "nose.hooked",
        "ears.elf",
        "skin.freckled",
        "skin.older",
        "makeup.red_lips",
        "makeup.eyeliner",
        "glasses.aviator",
        "hat.beanie",
        "hat.cap",
        "hat.cowboy",
        "hat.hairband",
        "earrings.studs",
        "earrings.hoops",
        "earrings.drops",
        "clothes.red",
    } <= styles
    # Names that saved looks and files rely on.
    assert {
        "hair_blond",
        "hair_volume",
        "brow_dark",
        "eye_size",
        "nose_bridge",
        "lip_red",
        "lip_nude",
        "mouth_width",
        "cheek_fullness",
        "skin_warmth",
        "blush",
        "glasses_round",
        "beard_goatee",
    } <= set(AXES)


def test_names_are_unique_and_short():
    names = [axis.name for axis in ALL_AXES]
    assert len(set(names)) == len(names) == len(AXES)
    assert len(BY_NAME) == len(CATEGORIES)
    # `--set NAME=VALUE` takes attributes and expressions alike: no name may mean both.
    assert not set(names) & {*EXPRESSIONS, "yaw", "pitch", "roll", "zoom"}
    for text in [*names, *BY_NAME, *(s.name for c in CATEGORIES for s in c.styles)]:
        assert text == text.lower() and text.replace("_", "").isalnum() and len(text) <= 64


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_styles_are_points_of_their_own_category(category):
    assert category.dim == len(category.axes) > 0 and category.label and category.styles
    assert len({s.name for s in category.styles}) == len(category.styles)
    axes = {axis.name: axis for axis in category.axes}
    for style in category.styles:
        assert style.label and style.at and any(value for _, value in style.at)
        for name, value in style.at:
            assert axes[name].low <= value <= axes[name].high
            assert category.axes[category.axis_index(name)].name == name
    codes = {tuple(sorted(s.at)) for s in category.styles}
    assert len(codes) == len(category.styles)
    with pytest.raises(ValueError):
        category.axis_index("no_such_axis")


@pytest.mark.parametrize("axis", ALL_AXES, ids=lambda a: a.name)
def test_axes_say_what_they_are_and_what_they_own(axis):
    assert axis.label and axis.help and axis.edits and axis.regions
    assert axis.low in (-1.0, 0.0) and axis.high == 1.0
    assert axis.prompt == axis.prompt.strip() != ""
    landmarks = len(canonical()[0])
    for edit in axis.edits:
        if isinstance(edit, Sculpt):
            named = [i for i, _ in edit.moves] + [i for group, _ in edit.scale for i in group] + list(edit.pinned)
            assert named and all(0 <= i < landmarks for i in named) and edit.radius > 0
            assert max(np.abs(vector).max() for _, vector in edit.moves + edit.scale) < 1.0
        elif isinstance(edit, (Recolor, Dye)):
            assert (edit.to is None) != (edit.shift is None)
        elif isinstance(edit, Strands):
            assert edit.length > 0 and edit.density > 0 and 0 < edit.opacity <= 1
            assert edit.region in AREAS and edit.pieces >= 2
        elif isinstance(edit, Tint):
            assert (edit.to is None) != (edit.shift is None)
        elif isinstance(edit, (Prop, Locks, Paint)):
            builders = WORN_OBJECTS if isinstance(edit, Prop) else CUTS if isinstance(edit, Locks) else PATTERNS
            assert edit.kind in builders
    if axis.needs is not None:
        # What only tints an object of the same category needs it, and it must be there to be tinted; what is tied needs combed hair.
        category, needed = AXES[axis.needs]
        assert category is AXES[axis.name][0] and needed.needs is None
        tints = category.name in WEAR and any(isinstance(edit, Prop) for edit in needed.edits)
        assert all(isinstance(edit, Tint if tints else Locks) for edit in axis.edits)
        assert tints or all({axis.needs} < dict(s.at).keys() for s in category.styles if axis.name in dict(s.at))


def test_an_earlier_catalogue_is_what_its_axes_allow():
    reduced = reduced_to(["nose_width", "nose_length", "beard_goatee", "an axis that is gone"])
    assert [c.name for c in reduced] == ["beard", "nose"]
    assert [a.name for a in reduced[1].axes] == ["nose_width", "nose_length"]
    assert {s.name for s in reduced[1].styles} == {"wide", "narrow", "long", "short"}
    assert not reduced[0].styles  # the goatee style needs a moustache as well
    assert reduced_to(AXES) == list(CATEGORIES)


def test_areas_are_polygons_on_the_half_face():
    for name, area in AREAS.items():
        outline = np.array(area.outline)
        assert len(outline) >= 3 and outline[:, 0].min() >= 0 and area.soft > 0, name
        assert name not in PORTRAIT_REGIONS
