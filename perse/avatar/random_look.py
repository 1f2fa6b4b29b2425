"""Chance that looks plausible: random points of a category's latent space, drawn from what its styles span.

The named styles are what is known of a category: each is a place where people are found. Drawn is one of them at some strength,
sometimes on its way to a second one, and each two-sided axis moves on by a normal deviate as wide as the styles themselves spread
along it. Colours and objects stay single: two pairs of glasses, or half a blue and half a green head of hair, are nobody's look. What is
nothing by halves, an object or a cut, is drawn whole; what only guesswork can show, skin that hair has hidden, is left to those who ask for it.
"""

import numpy as np

from ..attributes.edit_vocabulary import Category, Locks, Prop, Strands, Style, Tuck
from ..controls import Controls

STRENGTH = (0.6, 1.0)  # of the style that is drawn
MIXED = 0.3  # how often it is on its way to a second one
SHARE_OF_SPREAD = 0.5  # of the styles' standard deviation along a two-sided axis, by which it moves on
NARROWEST = 0.22  # standard deviation of a two-sided axis along which no style lies
FURTHEST = 0.9  # amount of a two-sided axis, to either side; to a side on which it has styles, no further than they lie
HOW_MANY = (3, 5)  # of a random look, at least and at most
WORN = {
    "glasses": 0.35,
    "hat": 0.25,
    "headphones": 0.12,
    "beard": 0.4,
    "earrings": 0.35,
    "ears": 0.3,
}  # chance that it stays where it is drawn
CHARACTER = ("hair", "hat", "glasses")  # one of these at least: without it a look is the same person on another day
APART = ({"hat", "headphones"}, {"hat", "hair"})  # one of each at most; a hat lies on the photo's own hair, flat
WHOLE = (Prop, Locks, Tuck)  # half of these is a ghost, strands in the air, or hair that is neither long nor short
# Costume, which hair on the ears turns into horns; and what takes off the hair that somebody has.
UNASKED = {"ear_pointed", "hair_receding", "hair_bald", "beard_shaven"}
MOODS = ("smile", "grin", "surprise", "brows_up", "wink")


def _codes(category: Category) -> np.ndarray:
    """Points (n, dim) of a category's styles."""
    return np.array([[dict(s.at).get(a.name, 0.0) for a in category.axes] for s in category.styles]).reshape(-1, category.dim)


def reach(category: Category) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest amounts (dim,) that are drawn."""
    codes, two_sided = _codes(category), np.array([a.low < 0 for a in category.axes])
    low, high = codes.min(0, initial=0.0), codes.max(0, initial=0.0)
    low, high = np.where(low < 0, np.maximum(low, -FURTHEST), -FURTHEST), np.where(high > 0, np.minimum(high, FURTHEST), FURTHEST)
    return np.where(two_sided, low, 0.0), np.where(two_sided, high, 1.0)


def spread(category: Category) -> np.ndarray:
    """Standard deviations (dim,) of a category's two-sided axes, fitted to its styles; 0 for the others."""
    codes = _codes(category)
    wide = SHARE_OF_SPREAD * np.sqrt((codes**2).mean(0)) if len(codes) else np.zeros(category.dim)
    return np.where([a.low < 0 for a in category.axes], np.maximum(wide, NARROWEST), 0.0)


def sample(category: Category, rng: np.random.Generator, limits=()) -> dict[str, float]:
    """One random point of a category: axis -> amount, without zeros.

    Args:
        limits: names of axes that this avatar does not offer; nothing is drawn along them.
    """
    point = np.zeros(category.dim)
    styles = [s for s in category.styles if not any(name in limits for name, _ in s.at) and _by_chance(category, s)]
    strength = rng.uniform(*STRENGTH)
    deviates, second = rng.standard_normal(category.dim), rng.random()
    if styles:
        first, other = (styles[i] for i in rng.integers(len(styles), size=2))
        share = 0.5 * rng.random() if second < MIXED and not (_single(category, first) or _single(category, other)) else 0.0
        for style, weight in ((first, 1 - share), (other, share)):
            if any(isinstance(e, WHOLE) for e in _edits(category, style)):
                strength = 1.0
            for name, amount in style.at:
                point[category.axis_index(name)] += strength * weight * amount
    point = np.clip(point + spread(category) * deviates, *reach(category))
    return {a.name: round(float(x), 3) for a, x in zip(category.axes, point) if abs(x) > 0.005 and a.name not in limits}


def _edits(category: Category, style: Style) -> list:
    """All that the axes of a style do."""
    return [edit for name, _ in style.at for edit in category.axes[category.axis_index(name)].edits]


def _by_chance(category: Category, style: Style) -> bool:
    """Whether a style is drawn at all."""
    return not UNASKED & {name for name, _ in style.at}


def _single(category: Category, style: Style) -> bool:
    """Whether a style would be odd at half strength beside another: colours, objects, strands."""
    chosen = {name for name, _ in style.at}
    return any(a.name in chosen and (a.low == 0 or any(isinstance(e, (Prop, Strands)) for e in a.edits)) for a in category.axes)


def random_look(categories: list[Category], seed: int, limits=()) -> Controls:
    """A whole random look: some categories sampled, one that makes another character of the person among them, now and then an expression.
    The same seed gives the same look."""
    rng = np.random.default_rng(seed)
    wanted = int(rng.integers(HOW_MANY[0], HOW_MANY[1] + 1))
    chosen: list[str] = []
    attributes: dict[str, float] = {}
    order = [categories[i] for i in rng.permutation(len(categories))]
    character = next((c for c in order if c.name in CHARACTER and sample(c, np.random.default_rng(seed), limits)), None)
    for category in sorted(order, key=lambda c: c is not character):
        drawn = sample(category, rng, limits)
        luck = category is character or rng.random() < WORN.get(category.name, 1.0)
        if len(chosen) < wanted and luck and drawn and not any(category.name in group and group & set(chosen) for group in APART):
            chosen.append(category.name)
            attributes |= drawn
    mood = MOODS[int(rng.integers(len(MOODS)))]
    return Controls(attributes=attributes, expression={mood: 0.7} if rng.random() < 0.5 else {})
