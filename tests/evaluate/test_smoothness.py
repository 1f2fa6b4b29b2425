"""Paths of pictures with known lengths, steps and turns."""

import numpy as np
import pytest

from perse.evaluate.smoothness import distance, finest_level, pyramid, smoothness


def flat(value: float) -> np.ndarray:
    return np.full((32, 32, 3), value, np.float32)


def way(values) -> dict:
    return smoothness([pyramid([flat(v)]) for v in values])


def test_the_distance_of_flat_pictures_is_their_difference():
    assert distance(pyramid([flat(0.2)]), pyramid([flat(0.7)])) == pytest.approx(0.5, abs=1e-5)
    assert distance(pyramid([flat(0.2), flat(0.2)]), pyramid([flat(0.7), flat(0.2)])) == pytest.approx(0.25, abs=1e-5)
    assert distance(pyramid([flat(0.2)], 2), pyramid([flat(0.7)], 2)) == pytest.approx(0.5, abs=1e-5)


def test_an_even_straight_way():
    figures = way(np.linspace(0, 1, 21))
    assert figures["variation"] < 1e-3 and figures["detour"] == pytest.approx(1, abs=1e-4)
    assert figures["reversals"] == 0 and figures["length"] == pytest.approx(1, abs=1e-4) and figures["spread"] < 1e-4


def test_uneven_steps_have_the_variation_of_their_sizes():
    figures = way([0, 0.1, 0.4])  # steps 0.1 and 0.3: mean 0.2, deviation 0.1
    assert figures["variation"] == pytest.approx(0.5, abs=1e-3) and figures["detour"] == pytest.approx(1, abs=1e-4)
    assert figures["spread"] == pytest.approx(0.1, abs=1e-4)


def test_a_step_back_is_a_reversal_and_a_detour():
    figures = way([0, 0.5, 0.4, 0.9])
    assert figures["reversals"] == 1 and figures["detour"] == pytest.approx(1.1 / 0.9, abs=1e-3)


def test_a_way_around_a_corner_is_a_detour_without_reversal():
    def corner(a, b):
        picture = flat(0.0)
        picture[:16], picture[16:] = a, b
        return pyramid([picture])

    # The second half appears and goes again while the first one grows.
    figures = smoothness([corner(0, 0), corner(0.5, 0.5), corner(1, 0)])
    assert figures["reversals"] == 0 and figures["detour"] == pytest.approx(2, rel=0.15)


def test_nothing_moves_evenly():
    assert way([0.3] * 5) == {"variation": 0.0, "detour": 1.0, "reversals": 0, "length": 0.0, "spread": 0.0}


def test_a_gliding_line_is_straight_at_the_scale_of_its_way_only():
    def line(x):
        columns = np.arange(64)
        picture = np.exp(-0.5 * ((columns - x) / 0.8) ** 2).astype(np.float32)
        return np.broadcast_to(picture[None, :, None], (64, 64, 3))

    places = np.linspace(20, 32, 13)
    fine, judged = (smoothness([pyramid([line(x)], level) for x in places])["detour"] for level in (0, finest_level(12)))
    assert fine > 1.5 * judged
    assert finest_level(0) == 0 and finest_level(2) == 0 and finest_level(4) == 1 and finest_level(12) == 3
