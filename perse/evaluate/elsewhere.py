"""What a style does elsewhere: whether the person stays who they are where an edit has no business.

PERSE judges identity by a face-recognition network. Nothing is downloaded here: the colours outside a style's own region, and the landmarks
there, have to stay. The regions are those of the catalogue, as in `attributes`.
"""

from collections.abc import Collection
from dataclasses import replace

import cv2
import numpy as np

from ..attributes.edit_vocabulary import Style
from ..face.measures import eye_distance
from .composition import PERSON, POSES, TOUCHED
from .subject import Subject

MARGIN = 0.06  # eye distances around a region in which landmarks count as its own: the detector sees a neighbourhood
FEW = 12  # fewer landmarks outside say nothing


def first_styles(subject: Subject, categories: Collection[str], limits: Collection[str] = ()) -> dict[str, dict]:
    """By category what its first style does elsewhere, of those that the portrait allows.

    Args:
        categories: names. limits: axes that this portrait does not allow; a style that needs one is passed over.

    Returns:
        category -> {"style", "leakage", "appearance", "landmarks"}. appearance: mean absolute difference over the person's pixels outside
        the style's region, RGB in [0, 1], over `POSES`; leakage: that over the same inside; landmarks: mean distance, in % of the eye
        distance, by which the detector's landmarks outside the region move, None where no face or too few of them are found.
    """
    out = {}
    for category in (c for name, c in subject.categories.items() if name in categories):
        allowed = [style for style in category.styles if not {name for name, _ in style.at} & {*limits}]
        if allowed:
            out[category.name] = {"style": allowed[0].name, **_figures(subject, allowed[0])}
    return out


def _figures(subject: Subject, style: Style) -> dict[str, float | None]:
    groups = (tuple(name for name, _ in style.at),)
    inside, outside, shifts = [], [], []
    for pose in POSES:
        looks = pose, replace(pose, attributes=dict(style.at))
        (before, there), (after, still_there) = (subject.picture(look) for look in looks)
        home = np.maximum(*(subject.regions(groups, look)[..., 0] for look in looks)) > TOUCHED
        person, change = np.maximum(there, still_there) > PERSON, np.abs(after - before).mean(-1)
        inside.append(_mean(change, home))
        outside.append(_mean(change, person & ~home))
        shifts.append(_shift(subject, before, after, home))
    seen = [shift for shift in shifts if shift is not None]
    return {
        "leakage": float(np.sum(outside) / max(np.sum(inside), 1e-9)),
        "appearance": float(np.mean(outside)),
        "landmarks": float(np.mean(seen)) if seen else None,
    }


def _shift(subject: Subject, before: np.ndarray, after: np.ndarray, home: np.ndarray) -> float | None:
    """Mean distance of the landmarks outside a region (H, W) in % of the eye distance."""
    window = subject.find(before)
    was, now = subject.landmarks(before, window), subject.landmarks(after, window)
    if was is None or now is None:
        return None
    unit = eye_distance(was)
    reach = 2 * max(1, round(MARGIN * unit)) + 1
    near = cv2.dilate(home.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    x, y = np.clip(was.astype(int), 0, np.array(near.shape[::-1]) - 1).T
    free = ~near[y, x]
    return 100 * float(np.linalg.norm(now - was, axis=1)[free].mean()) / unit if free.sum() >= FEW else None


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else 0.0
