"""The attribute space measured: does each slider change what it says, evenly, and nothing else.

PERSE (arXiv 2412.21206) evaluates identity by a face-recognition network and smoothness by LPIPS along paths. Nothing is
downloaded here, so likeness is judged by landmark shape and colour, and distances of pictures by L1 over several scales
(`path.pyramid`). What the regions are is what the catalogue declares, rendered from the rig's atlas (`subject.Subject`): if a
photo's own masks are wrong, hair taken for skin say, this bench cannot know.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from ..attributes.edit_vocabulary import Axis, Category
from ..controls import Controls
from ..face.measures import eye_distance
from .composition import composition
from .elsewhere import first_styles
from .halo import halo, leaves_halos
from .smoothness import finest_level, pyramid, smoothness
from .subject import Subject

YAWS = (-30.0, 0.0, 30.0)
EXPRESSIONS = ({}, {"smile": 0.8}, {"jaw_open": 0.7}, {"blink": 1.0}, {"brows_up": 1.0}, {"pucker": 0.8})
SWEEP_VIEWS = ({"yaw": 0.0}, {"yaw": 30.0})
STEPS = 20
PAIRS, PAIR_STEPS = 6, 9
ZOOM = 1.1
CUT = 0.02  # a pixel belongs to a region that contributes at least this much to it
CORE = 0.5  # and is the axis' own beyond doubt from here: soft edges would dilute what a visitor sees
PERSON = 0.05  # and to the person at this alpha
MARGIN = 0.06  # eye distances around a region in which landmarks count as its own: the detector sees a neighbourhood
MOST_MOVED = 10  # vertices
FEW = 12  # fewer free landmarks say nothing about a shape
GOALS = {
    "landmarks": ("<=", 2.0),
    "appearance": ("<=", 0.01),
    "leakage": ("<=", 0.01),
    "effect": (">=", 1.0),
    "variation": ("<=", 0.2),
    "detour": ("<=", 1.1),
    "reversals": ("<=", 0),
    "order": ("<=", 0.005),
    "halo": ("<=", 0.1),
}
EFFECT_L1, EFFECT_SHAPE = 0.04, 2.0


def measure(
    subject: Subject,
    categories: list[str] | None = None,
    seed: int = 0,
    limits: dict[str, str] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> dict:
    """Every category's figures, their mean, and which goals each axis misses.

    Per axis, the worse of its two ends where it has two, worn with what it needs (a frame's colour with the frame; the poses are
    yaw -30, 0 and 30 degrees x six expressions):

    - landmarks: % of the eye distance. The package's detector looks at the source and at the edited picture through the same
      window; mean distance of the landmarks that lie outside the category's region (by more than 6 % of the eye distance: the
      detector judges by the neighbourhood), averaged over the poses. None where fewer than 12 are outside. landmarks_rig: how far
      the rig itself moves them, which has no goal: where it is 0 the detector is all that moved (a beard makes it see another jaw).
    - appearance: mean absolute difference over the person's pixels outside the category's region, averaged over the poses.
    - leakage: mean absolute change outside (the same pixels) ÷ mean absolute change inside the category's region, both
      over all poses. A region counts where it shows before or after the edit.
    - change, moved, effect: mean absolute change inside the axis' own region, its soft edges apart, over the poses; mean displacement of the ten
      vertices that move most, in % of the eye distance, from the rig; effect = max(change / 0.04, moved / 2): 1 is the goal.
      peak: the change of the quarter of the region's pixels that change most, which has no goal: patterns such as freckles leave most
      of their region alone, and miss the effect's goal for it.
    - variation, detour, reversals, length, spread: `path.smoothness` over 20 equal steps of the slider from its low to its high
      end, seen from yaw 0 and 30 at once. Where the edit moves the surface, variation, detour and reversals are judged at the
      scale of the move and coarser (`path.finest_level`); detour_fine, length and spread at all scales.

    - halo: of dyes alone, `halo.halo`: how much more brightness goes up and down across the hairline than in the source.

    Per category also:

    - between: the same figures over 9 steps between two points of the category's space, mean over up to 6 pairs of its styles
      (chosen by `seed`), from three yaws: PERSE's interpolation protocol with L1 in place of LPIPS (length for PPL, spread for
      PDV). It has no goal of its own; interpolated faces teach exactly these ways.
    - order: largest mean absolute difference over the person between A then B and B then A, A the category's first axis at
      its end, B that of every other measured category.

    A category's figure is the mean of its axes', but reversals are added up and order is the largest. An axis that `info` does not
    offer to this portrait (there is no beard to take off) is measured, but owes nothing and counts in no mean.

    Of pairs of styles of two measured categories: `composition.composition`, with a goal of its own; of each category's first style:
    `elsewhere.first_styles`.

    Args:
        categories: names to measure; all if None.
        limits: axes that this portrait does not allow, with the reason; their figures repeat it as "limited".
        progress: called with each axis' name.

    Returns:
        {"passed", "missed", "mean", "composition", "elsewhere", "categories": {name: {figures, "between", "order", "misses": {goal: [axis]},
        "axes"}}}: passed and missed count axis x goal.
    """
    chosen = [c for name, c in subject.categories.items() if categories is None or name in categories]
    bench = _Bench(subject)
    out: dict[str, dict] = {}
    for category in chosen:
        axes = {}
        for axis in category.axes:
            progress(axis.name)
            axes[axis.name] = bench.axis(category, axis)
            if axis.name in (limits or {}):
                axes[axis.name]["limited"] = limits[axis.name]
        offered = [f for f in axes.values() if "limited" not in f]
        out[category.name] = {**_joined(offered or list(axes.values())), "between": bench.between(category, seed), "axes": axes}
    for first, second in combinations(chosen, 2):
        order = bench.order(first, second)
        for name in (first.name, second.name):
            out[name]["order"] = max(out[name].get("order", 0.0), order)
    for figures in out.values():
        misses = {
            goal: [a for a, f in figures["axes"].items() if "limited" not in f and not met(goal, f.get(goal))]
            for goal in GOALS
            if goal != "order"
        }
        if not met("order", figures.get("order")):
            misses["order"] = ["*"]
        figures["misses"] = {goal: names for goal, names in misses.items() if names}
    checks = sum(sum("limited" not in a for a in f["axes"].values()) * (len(GOALS) - 1) + 1 for f in out.values())
    missed = sum(len(names) for f in out.values() for names in f["misses"].values())
    return _rounded(
        {
            "passed": checks - missed,
            "missed": missed,
            "mean": _joined(list(out.values())),
            "composition": composition(subject, {c.name for c in chosen}, limits or {}),
            "elsewhere": first_styles(subject, {c.name for c in chosen}, limits or {}),
            "categories": out,
        }
    )


def goals() -> dict[str, str]:
    """The goals in words."""
    words = {
        "effect": f">= 1 (change >= {EFFECT_L1} L1 or moved >= {EFFECT_SHAPE:g} % of the eye distance)",
        "landmarks": "<= 2 % of the eye distance",
        "appearance": "<= 0.01 L1",
        "order": "<= 0.005 L1",
    }
    return {name: words.get(name, f"{sign} {value:g}") for name, (sign, value) in GOALS.items()}


def met(goal: str, value: float | None) -> bool:
    """Whether a figure meets its goal; what could not be measured misses none."""
    if value is None:
        return True
    sign, limit = GOALS[goal]
    return value <= limit if sign == "<=" else value >= limit


@dataclass
class _Source:
    """An unedited picture: image (S, S, 3), alpha (S, S), where its face is (478, 3) and its landmarks (468, 2), or None."""

    image: np.ndarray
    alpha: np.ndarray
    window: np.ndarray | None
    marks: np.ndarray | None


class _Bench:
    """One subject with its source pictures remembered."""

    def __init__(self, subject: Subject):
        self.subject = subject
        self.poses = [{"yaw": yaw, "expression": expression, "zoom": ZOOM} for yaw in YAWS for expression in EXPRESSIONS]
        self._sources: dict[tuple, list[_Source]] = {}
        front = [s.marks for s, pose in zip(self.sources({}), self.poses) if s.marks is not None and pose["yaw"] == 0]
        self.unit = float(np.median([eye_distance(m) for m in front])) if front else math.nan

    def sources(self, base: dict[str, float]) -> list["_Source"]:
        """The poses without the edit; base: what the edit needs to act on."""
        key = tuple(base)
        if key not in self._sources:
            found = []
            for pose in self.poses:
                image, alpha = self.subject.picture(Controls(attributes=base, **pose))
                window = self.subject.find(image)
                found.append(_Source(image, alpha, window, self.subject.landmarks(image, window)))
            self._sources = {k: v for k, v in self._sources.items() if not k} | {key: found}
        return self._sources[key]

    def axis(self, category: Category, axis: Axis) -> dict:
        """The figures of one axis."""
        base = {axis.needs: 1.0} if axis.needs else {}
        groups = (tuple(a.name for a in category.axes), (axis.name,))
        before = [self.subject.regions(groups, Controls(attributes=base, **pose)) for pose in self.poses]
        ends = [self._end(axis, base, groups, before, amount) for amount in ((-1.0, 1.0) if axis.low < 0 else (1.0,))]
        worst = {
            k: max((e[k] for e in ends if e[k] is not None), default=None) for k in ("landmarks", "landmarks_rig", "appearance", "leakage")
        }
        least = {k: min(e[k] for e in ends) for k in ("change", "peak", "moved", "effect")}
        lines = {"halo": halo(self.subject, axis)} if leaves_halos(axis) else {}
        return {**worst, **least, **self._sweep(axis, base), **lines}

    def _end(self, axis: Axis, base: dict[str, float], groups, before: list[np.ndarray], amount: float) -> dict:
        edit = {**base, axis.name: amount}
        inside, outside, own, peaks, shifts, slips = [], [], [], [], [], []
        moved = self.subject.moved(Controls(attributes={axis.name: amount}))
        for i, (pose, source) in enumerate(zip(self.poses, self.sources(base))):
            controls = Controls(attributes=edit, **pose)
            image, alpha = self.subject.picture(controls)
            change = np.abs(image - source.image).mean(-1)
            person = np.maximum(alpha, source.alpha) > PERSON
            shown = np.maximum(before[i], self.subject.regions(groups, controls))
            home, mine = shown[..., 0] > CUT, shown[..., 1] > CORE
            inside.append(_mean(change, home))
            outside.append(_mean(change, person & ~home))
            own.append(_mean(change, mine))
            values = np.sort(change[mine])
            peaks.append(float(values[-max(1, len(values) // 4) :].mean()) if len(values) else 0.0)
            free = self._free(source, home)
            if free is not None:
                slips.append(100 * float(moved[: len(free)][free[: len(moved)]].mean()))
                shifts.append(self._shift(image, source, free))
        shifts = [s for s in shifts if s is not None]
        most = np.sort(moved)[-MOST_MOVED:]
        change, most = float(np.mean(own)), 100 * float(most.mean()) if len(most) else 0.0
        return {
            "landmarks": float(np.mean(shifts)) if shifts else None,
            "landmarks_rig": float(np.mean(slips)) if slips else None,
            "appearance": float(np.mean(outside)),
            "leakage": float(np.sum(outside) / max(np.sum(inside), 1e-9)),
            "change": change,
            "peak": float(np.mean(peaks)),
            "moved": most,
            "effect": max(change / EFFECT_L1, most / EFFECT_SHAPE),
        }

    def _free(self, source: _Source, home: np.ndarray) -> np.ndarray | None:
        """Which landmarks (468,) lie clear of the region; None if too few do or no face is found."""
        if source.marks is None or not self.unit > 0:
            return None
        reach = 2 * max(1, round(MARGIN * self.unit)) + 1
        near = cv2.dilate(home.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
        at = np.clip(source.marks.astype(int), 0, np.array(near.shape[::-1]) - 1)
        free = ~near[at[:, 1], at[:, 0]]
        return free if free.sum() >= FEW else None

    def _shift(self, image: np.ndarray, source: _Source, free: np.ndarray) -> float | None:
        """Mean distance of the free landmarks in % of the eye distance; None if the edited picture shows no face."""
        after = self.subject.landmarks(image, source.window)
        return None if after is None else 100 * float(np.linalg.norm(after[free] - source.marks[free], axis=1).mean()) / self.unit

    def _pictures(self, views, **edit) -> list[np.ndarray]:
        return [self.subject.picture(Controls(zoom=ZOOM, **view, **edit))[0] for view in views]

    def _way(self, moments: list[list[np.ndarray]], ends: tuple[Controls, Controls]) -> dict:
        """Smoothness of a way through pictures; its scales begin where what travels between the ends asks for it."""
        travel = sum(float(np.max(self.subject.moved(end), initial=0.0)) for end in ends)
        finest = finest_level(travel * self.unit) if self.unit > 0 else 0
        judged = smoothness([pyramid(m, finest) for m in moments])
        fine = judged if finest == 0 else smoothness([pyramid(m) for m in moments])
        return {**judged, "detour_fine": fine["detour"], "length": fine["length"], "spread": fine["spread"]}

    def _sweep(self, axis: Axis, base: dict[str, float]) -> dict:
        amounts = np.linspace(axis.low, axis.high, STEPS + 1)
        moments = [self._pictures(SWEEP_VIEWS, attributes={**base, axis.name: float(a)}) for a in amounts]
        low, high = (Controls(attributes={axis.name: a}) for a in (axis.low, axis.high))
        return self._way(moments, (low, high))

    def between(self, category: Category, seed: int) -> dict:
        """Figures of the ways between styles."""
        pairs = list(combinations(category.styles, 2))
        chosen = np.random.default_rng(seed).permutation(len(pairs))[:PAIRS]
        views = [{"yaw": yaw} for yaw in YAWS]
        rows = []
        for first, second in (pairs[i] for i in sorted(chosen)):
            ways = [{category.name: {first.name: float(1 - t), second.name: float(t)}} for t in np.linspace(0, 1, PAIR_STEPS + 1)]
            rows.append(self._way([self._pictures(views, styles=way) for way in ways], tuple(Controls(styles=ways[i]) for i in (0, -1))))
        return _joined(rows)

    def order(self, first: Category, second: Category) -> float:
        """How much it matters which of two edits comes first."""
        a, b = ({c.axes[0].name: c.axes[0].high} for c in (first, second))
        (one, alpha), (other, _) = (self.subject.picture(Controls(attributes=edit, zoom=ZOOM)) for edit in ({**a, **b}, {**b, **a}))
        return _mean(np.abs(one - other).mean(-1), alpha > PERSON)


def _mean(values: np.ndarray, where: np.ndarray) -> float:
    return float(values[where].mean()) if where.any() else 0.0


def _joined(rows: list[dict]) -> dict:
    """Means of the figures of some rows; reversals are added up, order is the largest."""
    out = {}
    for key in {k: None for row in rows for k, v in row.items() if isinstance(v, (int, float))}:
        values = [row[key] for row in rows if row.get(key) is not None]
        out[key] = int(sum(values)) if key == "reversals" else max(values) if key == "order" else float(np.mean(values))
    return out


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return round(value, 5) if isinstance(value, float) else value
