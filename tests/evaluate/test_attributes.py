"""The attribute bench on constructed cases whose figures are known: sliders that change only inside, outside, unevenly …"""

from dataclasses import replace

import numpy as np
import pytest

from perse.attributes.edit_vocabulary import Axis, Category, Style
from perse.controls import Controls
from perse.evaluate.attributes import GOALS, goals, measure, met
from perse.evaluate.subject import AvatarSubject

SIZE, UNIT = 64, 32  # pixels; eye distance
HOME = np.s_[:, :16]  # the first category's region: a quarter of the picture, which is all person


def _axis(name: str, low: float = 0.0, needs: str | None = None) -> Axis:
    return Axis(name, name, "", (), ("home",), low, needs=needs)


# axis -> change inside, change outside, landmarks' shift in pixels, vertices' move in eye distances
EDITS = {
    "clean": (0.2, 0.0, 0.0, 0.0),
    "leaks": (0.2, 0.05, 0.0, 0.0),
    "drags": (0.2, 0.0, 1.6, 0.0),
    "faint": (0.01, 0.0, 0.0, 0.0),
    "sculpts": (0.01, 0.0, 0.0, 0.05),
    "jumps": (0.2, 0.0, 0.0, 0.0),
    "returns": (0.2, 0.0, 0.0, 0.0),
    "sided": (0.2, 0.0, 0.0, 0.0),
    "tint": (0.2, 0.0, 0.0, 0.0),
    "other": (0.1, 0.0, 0.0, 0.0),
}
CURVES = {"jumps": lambda t: t**4, "returns": lambda t: 1.5 * t if t < 0.6 else 0.9 - (t - 0.6)}


class Fake:
    """A flat grey person. Every axis adds to the picture what `EDITS` says, times its amount."""

    def __init__(self):
        axes = tuple(_axis(n, -1.0 if n == "sided" else 0.0, "clean" if n == "tint" else None) for n in EDITS if n != "other")
        self.categories = {
            "first": Category("first", "First", axes, (Style("a", "A", (("clean", 1.0),)), Style("b", "B", (("faint", 1.0),)))),
            "second": Category("second", "Second", (_axis("other"),), (Style("c", "C", (("other", 1.0),)),)),
        }
        self.shown: list[tuple[np.ndarray, Controls]] = []

    def _amounts(self, controls):
        amounts = dict(controls.attributes)
        for category, styles in controls.styles.items():
            for s in self.categories[category].styles:
                for name, x in s.at:
                    amounts[name] = amounts.get(name, 0.0) + x * styles.get(s.name, 0.0)
        return amounts

    def picture(self, controls):
        image = np.full((SIZE, SIZE, 3), 0.5, np.float32)
        amounts = self._amounts(controls)
        for name, amount in amounts.items():
            inside, outside, _, _ = EDITS[name]
            amount = CURVES.get(name, lambda t: t)(amount)
            if name == "tint" and not amounts.get("clean"):
                amount = 0.0  # there is nothing to tint
            image += outside * amount
            image[HOME] += (inside - outside) * amount
        self.shown.append((image, controls))
        return image, np.ones((SIZE, SIZE), np.float32)

    def regions(self, groups, controls):
        out = np.zeros((SIZE, SIZE, len(groups)), np.float32)
        out[HOME] = 1.0
        return out

    def find(self, picture):
        return np.zeros((478, 3), np.float32)

    def landmarks(self, picture, near):
        controls = next(c for image, c in reversed(self.shown) if image is picture)
        marks = np.tile(np.float32([44, 20]), (468, 1))
        marks[33], marks[263] = (30, 30), (30 + UNIT, 30)
        marks[100:200] = (5, 30)  # inside the region: whatever they do is the edit's own business
        shift = sum(EDITS[n][2] * x for n, x in self._amounts(controls).items())
        marks[:, 1] += shift
        marks[100:200, 1] += 5 * shift
        return marks

    def moved(self, controls):
        return np.array([sum(abs(EDITS[n][3] * x) for n, x in self._amounts(controls).items())] * 30 + [0.0] * 30)


@pytest.fixture(scope="module")
def report() -> dict:
    return measure(Fake(), limits={"faint": "The photo is like this already."})


@pytest.fixture(scope="module")
def axes(report) -> dict:
    return report["categories"]["first"]["axes"]


def test_an_edit_that_stays_at_home_meets_every_goal(report, axes):
    figures = axes["clean"]
    assert figures["leakage"] == figures["appearance"] == figures["landmarks"] == 0
    assert figures["change"] == pytest.approx(0.2, abs=1e-4) and figures["effect"] == pytest.approx(5, abs=1e-2)
    assert figures["variation"] < 0.01 and figures["detour"] == pytest.approx(1, abs=1e-3) and figures["reversals"] == 0
    assert not any("clean" in names for names in report["categories"]["first"]["misses"].values())


def test_leakage_is_the_change_outside_over_that_inside(report, axes):
    assert axes["leaks"]["leakage"] == pytest.approx(0.25, abs=1e-3) and axes["leaks"]["appearance"] == pytest.approx(0.05, abs=1e-4)
    assert report["categories"]["first"]["misses"]["leakage"] == ["leaks"] == report["categories"]["first"]["misses"]["appearance"]


def test_landmarks_outside_count_in_eye_distances_and_those_inside_do_not(report, axes):
    assert axes["drags"]["landmarks"] == pytest.approx(100 * 1.6 / UNIT, abs=1e-3)
    assert report["categories"]["first"]["misses"]["landmarks"] == ["drags"]


def test_an_effect_is_seen_in_colour_or_in_shape(report, axes):
    assert axes["faint"]["effect"] == pytest.approx(0.25, abs=1e-3)
    assert axes["faint"]["peak"] == pytest.approx(0.01, abs=1e-4)
    assert axes["sculpts"]["moved"] == pytest.approx(5.0) and axes["sculpts"]["effect"] == pytest.approx(2.5)
    # What the portrait does not allow owes nothing; the reason is told.
    assert "effect" not in report["categories"]["first"]["misses"] and "already" in axes["faint"]["limited"]
    assert measure(Fake(), ["first"])["categories"]["first"]["misses"]["effect"] == ["faint"]


def test_uneven_and_returning_sliders_are_found(report, axes):
    steps = np.diff(np.linspace(0, 1, 21) ** 4)
    assert axes["jumps"]["variation"] == pytest.approx(steps.std() / steps.mean(), rel=0.02) and axes["jumps"]["reversals"] == 0
    # Twelve steps up to 0.9, eight back to 0.5: 1.3 long for 0.5.
    assert axes["returns"]["reversals"] == 8 and axes["returns"]["detour"] == pytest.approx(1.3 / 0.5, rel=0.01)
    misses = report["categories"]["first"]["misses"]
    assert misses["variation"] == ["jumps"] and misses["detour"] == ["returns"] == misses["reversals"]


def test_a_two_sided_slider_is_measured_at_both_ends(axes):
    # From -1 to 1: twice as long a way as from 0 to 1.
    assert axes["sided"]["length"] == pytest.approx(2 * axes["clean"]["length"], rel=1e-3)


def test_what_needs_something_else_is_measured_with_it(axes):
    assert axes["tint"]["change"] == pytest.approx(0.2, abs=1e-4)


def test_ways_between_styles_and_the_order_of_edits(report):
    first = report["categories"]["first"]
    assert first["between"]["variation"] < 0.01 and first["between"]["detour"] == pytest.approx(1, abs=1e-3)
    assert first["order"] == 0


def test_order_that_matters_is_found():
    class Ordered(Fake):
        def picture(self, controls):
            image, alpha = super().picture(controls)
            if list(controls.attributes) == ["other", "clean"]:
                image += 0.1
            return image, alpha

    report = measure(Ordered())
    assert report["categories"]["first"]["order"] == pytest.approx(0.1, abs=1e-4)
    assert all(c["misses"]["order"] == ["*"] for c in report["categories"].values())


def test_the_counts_and_means_are_those_of_the_axes(report):
    first = report["categories"]["first"]
    offered = [a for a in first["axes"].values() if "limited" not in a]
    assert first["change"] == pytest.approx(np.mean([a["change"] for a in offered]), abs=1e-4) and len(offered) == len(first["axes"]) - 1
    assert report["mean"]["leakage"] == pytest.approx(np.mean([c["leakage"] for c in report["categories"].values()]), abs=1e-4)
    assert report["missed"] == sum(len(names) for c in report["categories"].values() for names in c["misses"].values())
    assert report["passed"] + report["missed"] == 9 * (len(GOALS) - 1) + 2  # "faint" is limited
    assert set(goals()) == set(GOALS) and met("leakage", None) and met("leakage", 0.01) and not met("effect", 0.99)


def test_an_avatar_is_a_subject(avatar):
    """The real thing: regions follow the head, and the figures of a clear edit make sense."""
    subject = AvatarSubject(avatar, 128)
    groups = (("lip_red",), ("hair_blond",))
    front, side = (subject.regions(groups, Controls(yaw=yaw)) for yaw in (0.0, 30.0))
    rows, columns = np.nonzero(front[..., 0] > 0.5)
    assert 5 < len(rows) < 0.05 * 128**2 and np.nonzero(side[..., 0] > 0.5)[1].mean() < columns.mean() - 3
    assert np.nonzero(front[..., 1] > 0.5)[0].mean() < rows.mean()
    assert front[0].max() < 0.01
    found = subject.find(subject.picture(Controls())[0])
    assert subject.landmarks(subject.picture(Controls())[0], found).shape == (468, 2)
    assert subject.moved(Controls(attributes={"nose_length": 1.0})).max() > 0.03
    makeup = subject.categories["makeup"]
    subject.categories = {"makeup": replace(makeup, axes=makeup.axes[:1], styles=makeup.styles[:2])}
    figures = measure(subject)["categories"]["makeup"]["axes"]["lip_red"]
    assert figures["leakage"] < 0.02 and figures["change"] > 0.04 and figures["variation"] < 0.25
