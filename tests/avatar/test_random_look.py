"""Chance that looks plausible: seeded, within range, one colour and one object at a time, nothing that the portrait does not allow."""

import numpy as np
import pytest

from perse.attributes.catalogue import AXES, CATEGORIES
from perse.attributes.edit_vocabulary import Locks, Prop, Tuck
from perse.avatar.random_look import APART, CHARACTER, FURTHEST, UNASKED, random_look, sample, spread

every_category = pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)


@every_category
def test_the_same_seed_gives_the_same_point_and_others_differ(category):
    draws = [tuple(sorted(sample(category, np.random.default_rng(seed)).items())) for seed in (0, 0, *range(1, 30))]
    assert draws[0] == draws[1]
    assert len(set(draws)) >= min(4, len(category.styles))


@every_category
def test_points_lie_in_range_and_around_the_styles(category):
    rng = np.random.default_rng(3)
    points = [sample(category, rng) for _ in range(200)]
    low = {a.name: max(a.low, -FURTHEST) for a in category.axes}
    high = {a.name: FURTHEST if a.low < 0 else 1.0 for a in category.axes}
    for name in (a.name for a in category.axes if a.low < 0):
        at = [x for style in category.styles for axis, x in style.at if axis == name]
        # Nobody is paler than the palest style.
        low[name] = max([low[name], *([min(at)] if min(at, default=0) < 0 else [])])
        high[name] = min([high[name], *([max(at)] if max(at, default=0) > 0 else [])])
    assert all(low[name] <= x <= high[name] for point in points for name, x in point.items())
    sided = [a.name for a in category.axes if a.low < 0]
    for name, width in zip([a.name for a in category.axes], spread(category)):
        values = np.array([p.get(name, 0.0) for p in points])
        if name in sided:
            # About as wide as the fitted spread, and no narrower: the styles' own places come on top.
            assert 0.8 * width < values.std() < width + 0.75, name
        else:
            assert width == 0 and (values >= 0).all()
    reached = {name for style in category.styles for name, _ in style.at if not UNASKED & {n for n, _ in style.at}}
    drawn = {name for p in points for name in p}
    assert reached <= drawn and not UNASKED & drawn
    assert not drawn & {"hair_bald", "hair_receding"}  # nobody loses hair by chance


def test_objects_and_colours_stay_single():
    rng = np.random.default_rng(0)
    for category in CATEGORIES:
        one_sided = {a.name for a in category.axes if a.low == 0}
        together = [{n for n, _ in s.at} & one_sided for s in category.styles] + [set()]
        for _ in range(100):
            drawn = set(sample(category, rng)) & one_sided
            assert any(drawn <= names for names in together), (category.name, drawn)


def test_objects_and_cuts_are_worn_as_the_styles_have_them():
    """Half a hat is a ghost, and half of a cut is strands in the air."""
    whole = {a.name for c in CATEGORIES for a in c.axes if any(isinstance(e, (Prop, Locks, Tuck)) for e in a.edits)}
    rng = np.random.default_rng(1)
    for category in CATEGORIES:
        worn = {(n, x) for s in category.styles for n, x in s.at if n in whole}
        assert {(n, x) for _ in range(60) for n, x in sample(category, rng).items() if n in whole} <= worn


def test_nothing_is_drawn_along_a_limited_axis():
    for category in CATEGORIES:
        limits = {a.name for a in category.axes[:1]}
        rng = np.random.default_rng(0)
        assert not any(limits & set(sample(category, rng, limits)) for _ in range(80)), category.name
    every = {a for a in AXES}
    assert random_look(list(CATEGORIES), 5, every).attributes == {}


def test_a_random_look_is_a_few_categories_that_go_together():
    looks = [random_look(list(CATEGORIES), seed) for seed in range(60)]
    assert looks[7] == random_look(list(CATEGORIES), 7) and len({tuple(look.attributes.items()) for look in looks}) == 60
    for look in looks:
        touched = {AXES[name][0].name for name in look.attributes}
        assert 3 <= len(touched) <= 5
        assert all(len(group & touched) < 2 for group in APART)
        assert touched & set(CHARACTER), "the same person on another day"
    assert len({AXES[n][0].name for look in looks for n in look.attributes}) == len(CATEGORIES)
