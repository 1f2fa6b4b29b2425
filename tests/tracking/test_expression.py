"""Identity and expression told apart in one face."""

import numpy as np
import pytest

from perse.rig.expressions import INDEX, NAMES, expand
from perse.tracking.expression import SEEN, expression_of, plain
from perse.tracking.solve import Face


def of(rig, **expression) -> np.ndarray:
    """What is found of a rig's face with an expression on top of its own."""
    face = Face.of(rig)
    return expression_of(face.pose(expand(expression)[None].astype(float))[0], face)


def test_a_portraits_smile_is_found(rig, hopper_rig):
    smile = [INDEX[f"mouth_smile_{side}"] for side in ("left", "right")]
    broad, slight = of(rig)[smile], of(hopper_rig)[smile]
    assert broad.min() > 0.6 and slight.max() < 0.55  # she laughs with her teeth, the admiral does not
    assert of(rig)[INDEX["jaw_open"]] < 0.2


@pytest.mark.parametrize(
    "name, amount", [("jaw_open", 0.6), ("mouth_pucker", 0.8), ("eye_blink_left", 0.9), ("brow_down_left", 0.9), ("mouth_smile_left", 0.6)]
)
def test_more_of_a_shape_is_found_as_more_of_it(hopper_rig, name, amount):
    before, after = of(hopper_rig), of(hopper_rig, **{name: amount})
    more = after - before
    assert more[INDEX[name]] > 0.2 * amount
    assert NAMES[int(more.argmax())] == name


def test_what_still_faces_show_is_nothing():
    assert plain(np.array([0.0, SEEN, 1.0, (1 + SEEN) / 2])) == pytest.approx([0, 0, 1, 0.5])
