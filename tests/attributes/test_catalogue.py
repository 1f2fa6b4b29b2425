"""The catalogue is data that other parts trust: names, ranges, references."""

import numpy as np
import pytest

from perse.attributes.catalogue import AXES, BY_NAME, CATEGORIES
from perse.attributes.edits import Recolor, Sculpt, Strands
from perse.attributes.regions import AREAS
from perse.rig.expressions import EXPRESSIONS
from perse.rig.topology import canonical

ALL_AXES = [axis for category in CATEGORIES for axis in category.axes]
PORTRAIT_REGIONS = {"hair", "skin", "brows", "lips", "neck", "clothes", "glasses", "iris"}


def test_it_is_as_broad_as_promised():
    assert len(CATEGORIES) >= 9 and sum(len(c.styles) for c in CATEGORIES) >= 15
    styles = {f"{c.name}.{s.name}" for c in CATEGORIES for s in c.styles}
    assert {"beard.stubble", "beard.full", "eyebrows.thick", "eyes.large", "nose.wide", "nose.long", "mouth.full_lips",
            "face_shape.narrow", "face_shape.wide_jaw", "skin.tan"} <= styles
    assert {"hair", "glasses"} <= set(BY_NAME)


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
        elif isinstance(edit, Recolor):
            assert (edit.to is None) != (edit.shift is None)
        elif isinstance(edit, Strands):
            assert edit.length > 0 and edit.density > 0 and 0 < edit.opacity <= 1
            assert edit.region in AREAS


def test_areas_are_polygons_on_the_half_face():
    for name, area in AREAS.items():
        outline = np.array(area.outline)
        assert len(outline) >= 3 and outline[:, 0].min() >= 0 and area.soft > 0, name
        assert name not in PORTRAIT_REGIONS
