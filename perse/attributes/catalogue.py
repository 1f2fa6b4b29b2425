"""The catalogue: every category, its axes and its styles. Adding a style is adding an entry to one of its parts."""

from collections.abc import Collection
from dataclasses import replace

from .edit_vocabulary import Category, Style
from .face_features import BROWS, EARS, EYES, FACE_SHAPE, MOUTH, NOSE
from .former_names import SIMPLER
from .hair_beard_skin_makeup import BEARD, HAIR, HAIR_COLOUR, MAKEUP, SKIN
from .worn_things import CLOTHES, EARRINGS, GLASSES, HAT, HEADPHONES

CATEGORIES: tuple[Category, ...] = (HAIR, HAIR_COLOUR, BEARD, BROWS, EYES, NOSE, MOUTH, FACE_SHAPE, EARS, SKIN, MAKEUP, GLASSES, HAT,
                                    EARRINGS, HEADPHONES, CLOTHES)

BY_NAME = {c.name: c for c in CATEGORIES}
AXES = {a.name: (c, a) for c in CATEGORIES for a in c.axes}


def reduced_to(axes: Collection[str]) -> list[Category]:
    """The catalogue as far as these axes go: what an avatar file of an earlier catalogue offers. Styles that need more are what they were
    before, or left out."""
    have = set(axes)

    def within(category: Category) -> tuple[Style, ...]:
        found = (s if have.issuperset(dict(s.at)) else replace(s, at=SIMPLER.get((category.name, s.name), s.at)) for s in category.styles)
        return tuple(s for s in found if have.issuperset(dict(s.at)))

    reduced = [replace(c, axes=tuple(a for a in c.axes if a.name in have),
                       styles=within(c)) for c in CATEGORIES]
    return [c for c in reduced if c.axes]
