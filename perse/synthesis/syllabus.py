"""What is taught of the sliders, most worth first: a short training gets the beginning of the list, and no frame is rendered that never
teaches."""

from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from ..attributes.edit_vocabulary import Axis, Category
from ..edits.edit import Edit
from .base import Plan

PAIRS = 6  # of styles of a category that are morphed into each other
MIDDLE = 0.5  # the amount, and the share of two styles, that says most of the way there
SHARES = (0.25, MIDDLE, 0.75)  # of the second of two styles
Ends = dict[str, dict[int, Edit]]  # axis -> sign -> the edit at +1 or -1; without those that change nothing of this person


@dataclass(frozen=True)
class Shown:
    """Frames of one axis at these amounts."""

    category: Category
    axis: Axis
    amounts: tuple[float, ...]


@dataclass(frozen=True)
class Mixed:
    """Faces between two ends (axis, sign) of a category, at these shares of the second."""

    category: Category
    first: tuple[Axis, int]
    second: tuple[Axis, int]
    shares: tuple[float, ...]


def syllabus(categories: list[Category], ends: Ends, known: set[str], straight: set[str], plan: Plan) -> list[Shown | Mixed]:
    """Lessons in the order of their worth, of `plan.lessons` frames at most: the ends of all sliders, the middles of those that grow
    something, faces between neighbouring styles, and last what lies between the middles and the ends.

    Args:
        known: axes of shape alone, which the avatar has exactly, and those that no lesson could show.
        straight: axes along which half of the amount is half of the change: their ends say it all, and so they do of what lies between them.
    """
    axes = [(c, a) for c in categories for a in c.axes if a.name not in known]
    pairs = _pairs(categories, ends, known | straight) if plan.interpolate else []
    between = sorted(plan.amounts[:-1], key=lambda amount: abs(amount - MIDDLE))
    levels = [[(c, a, float(sign)) for c, a in axes for sign in ends[a.name] for _ in range(plan.frames_per_end)]]
    levels += [[(c, a, sign * amount) for c, a in axes if a.name not in straight for sign in ends[a.name]] for amount in between]
    left = sum(map(len, levels)) + len(SHARES) * len(pairs) if plan.lessons is None else plan.lessons

    lessons: list[Shown | Mixed] = []
    for n, level in enumerate(levels):
        chosen = _some(level, left)
        left -= len(chosen)
        lessons += [Shown(c, a, tuple(amount for *_, amount in same)) for (c, a), same in groupby(chosen, key=lambda x: x[:2])]
        if n == min(1, len(levels) - 1):
            shares = SHARES if len(SHARES) * len(pairs) <= left else (MIDDLE,)
            mixed = _some(pairs, left // len(shares))
            left -= len(mixed) * len(shares)
            lessons += [Mixed(*pair, shares) for pair in mixed]
    return lessons


def _leads(category: Category, axis: Axis) -> bool:
    """Whether an axis is what a style is about. What several styles take along and none consists of (ears that are free, ends that are cut off) is
    never all that changes on a way, and between two of them there is nothing to teach."""
    with_it = [style for style in category.styles if axis.name in dict(style.at)]
    return len(with_it) < 2 or any(len(style.at) == 1 for style in with_it)


def _some(items: list, most: int) -> list:
    """All, or as many of them as may be, from all over the list."""
    return items if len(items) <= most else [items[i] for i in np.linspace(0, len(items) - 1, most).round().astype(int)]


def _pairs(categories: list[Category], ends: Ends, exact: set[str]) -> list[tuple]:
    """Neighbouring ends (category, (axis, sign), (axis, sign)), at most `PAIRS` of a category, of axes that are not exact and lead to a style."""
    found = []
    for category in categories:
        axes = [axis for axis in category.axes if axis.needs is None and axis.name not in exact and _leads(category, axis)]
        points = [(axis, sign) for axis in axes for sign in ends[axis.name]]
        pairs = [(category, a, b) for a, b in pairwise(points) if a[0] is not b[0]]
        found += [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, min(PAIRS, len(pairs))).astype(int))]
    return found
