"""What a hat of the photo is behind: cloth of its own colour, without strands and without its badge."""

import numpy as np
import pytest

from perse.texture.atlas import chart_slice
from perse.texture.bake import bake
from perse.texture.cie_lab import to_lab

pytestmark = pytest.mark.slow
SHELL = chart_slice("shell")


def test_the_back_of_a_cap_is_its_cloth(hopper_portrait, hopper_rig):
    texture = bake(hopper_portrait, hopper_rig)
    worn, seen, points = texture.regions["worn"][SHELL], texture.seen[SHELL], texture.points[SHELL]
    front = (worn > 0.9) & (seen > 0.9)
    back = (worn > 0.9) & (seen < 0.05) & (points[..., 2] > 1.0)
    assert front.sum() > 1000 and back.sum() > 10_000
    lightness = to_lab(texture.color[SHELL])[..., 0]
    # Her cap is black, its badge white and gold.
    assert np.percentile(lightness[front], 95) > 60
    assert abs(np.median(lightness[back]) - np.median(lightness[front])) < 6
    assert np.percentile(lightness[back], 99.9) < np.median(lightness[back]) + 8
    assert texture.regions["hair"][SHELL][back].max() < 0.1
