"""Two edits at once: whether each looks in its own region as it does alone.

Categories are to be disentangled: with the picture p(z) of a latent, p(a + b) is p(a) + p(b) - p(0) wherever one of the two edits alone is at
home. Where both are (lipstick on tanned skin, hair under a hat) the upper one hides or tints the lower, and no sum is expected.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ..controls import Controls
from .subject import Subject

Style = tuple[str, str]  # category, style
PAIRS: tuple[tuple[Style, Style], ...] = (
    (("beard", "full"), ("glasses", "square")),
    (("skin", "tan"), ("makeup", "red_lips")),
    (("hat", "beanie"), ("glasses", "round")),
    (("hair_colour", "red"), ("beard", "full")),
    (("hair", "long"), ("earrings", "hoops")),
    (("hair_colour", "grey"), ("hair", "fringe")),
    (("hair_colour", "blond"), ("hat", "cap")),
    (("beard", "goatee"), ("makeup", "red_lips")),
    (("skin", "tan"), ("beard", "full")),
    (("nose", "wide"), ("glasses", "round")),
    (("face_shape", "round"), ("beard", "full")),
    (("eyes", "large"), ("glasses", "square")),
    (("clothes", "red"), ("hair", "long")),
    (("ears", "large"), ("hair", "bob")),
)
POSES = tuple(Controls(yaw=yaw, expression=mood, zoom=1.1) for yaw in (-30.0, 0.0, 30.0) for mood in ({}, {"smile": 0.8}))
TOUCHED = 0.02  # a pixel belongs to a region that contributes at least this much to it
PERSON = 0.05  # and to the person at this alpha
GOAL = 0.005  # mean absolute difference, RGB in [0, 1]


def composition(
    subject: Subject, categories: Collection[str], limits: Collection[str] = (), pairs: Sequence[tuple[Style, Style]] = PAIRS
) -> dict:
    """How far two styles together are from the sum of what they do alone.

    Args:
        categories: names; a pair of styles of two of them is measured. limits: axes that this portrait does not allow; pairs that need one
            are left out.

    Returns:
        {"pairs": {name: figures}, "mean", "worst" and "missed" (names of pairs above GOAL)} of `error`. Figures: error, the mean absolute
        difference over the person's pixels that belong to the region of one of the two alone, averaged over `POSES`; both, the same where
        they share their place, which has no goal; shared, the part of both regions that this is.
    """
    rows = {}
    for first, second in pairs:
        chosen = [_axes(subject, style) for style in (first, second)]
        if {first[0], second[0]} <= {*categories} and all(chosen) and not {*chosen[0], *chosen[1]} & {*limits}:
            rows[f"{' '.join(first)} + {' '.join(second)}"] = _figures(subject, *chosen)
    errors = [row["error"] for row in rows.values()]
    return {
        "pairs": rows,
        "mean": float(np.mean(errors)) if errors else 0.0,
        "worst": max(errors, default=0.0),
        "missed": [name for name, row in rows.items() if row["error"] > GOAL],
    }


def _axes(subject: Subject, style: Style) -> dict[str, float]:
    """Amounts by axis of a named style; none if the subject does not have it."""
    styles = subject.categories[style[0]].styles if style[0] in subject.categories else ()
    return next((dict(s.at) for s in styles if s.name == style[1]), {})


def _figures(subject: Subject, first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    groups = (tuple(first), tuple(second))
    rows = []
    for pose in POSES:
        looks = [replace(pose, attributes=edit) for edit in ({}, first, second, {**first, **second})]
        shown = [subject.picture(look) for look in looks]
        none, one, other, together = (picture for picture, _ in shown)
        person = np.maximum.reduce([alpha for _, alpha in shown]) > PERSON
        here = np.maximum.reduce([subject.regions(groups, look) for look in looks]) > TOUCHED
        off = np.abs(together - (one + other - none)).mean(-1)
        alone, both = person & (here[..., 0] ^ here[..., 1]), person & here.all(-1)
        rows.append((_mean(off, alone), _mean(off, both), both.sum() / max((alone | both).sum(), 1)))
    return dict(zip(("error", "both", "shared"), np.mean(rows, 0).tolist()))


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else 0.0
