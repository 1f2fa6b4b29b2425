"""The catalogue: every category, its axes and its styles. Adding a style is adding an entry to one of its parts."""

from collections.abc import Collection
from dataclasses import replace

from .edit_vocabulary import Category
from .face_features import BROWS, EARS, EYES, FACE_SHAPE, MOUTH, NOSE
from .hair_beard_skin_makeup import BEARD, HAIR, HAIR_COLOUR, MAKEUP, SKIN
from .worn_things import CLOTHES, EARRINGS, GLASSES, HAT, HEADPHONES

CATEGORIES: tuple[Category, ...] = (HAIR, HAIR_COLOUR, BEARD, BROWS, EYES, NOSE, MOUTH, FACE_SHAPE, EARS, SKIN, MAKEUP, GLASSES, HAT,
                                    EARRINGS, HEADPHONES, CLOTHES)

BY_NAME = {c.name: c for c in CATEGORIES}
AXES = {a.name: (c, a) for c in CATEGORIES for a in c.axes}


def reduced_to(axes: Collection[str]) -> list[Category]:
    """The catalogue as far as these axes go: what an avatar file of an earlier catalogue offers. Styles that need more are left out."""
    have = set(axes)
    reduced = [replace(c, axes=tuple(a for a in c.axes if a.name in have),
                       styles=tuple(s for s in c.styles if have.issuperset(dict(s.at)))) for c in CATEGORIES]
    return [c for c in reduced if c.axes]
