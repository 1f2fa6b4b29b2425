"""In the photo's own frame the avatar stands in the photo as it was, without a seam."""

import numpy as np
import pytest
from skimage.data import astronaut as photo

from perse.controls import Controls
from perse.renderer import Renderer


@pytest.fixture(scope="module")
def there(example):
    return Renderer(example, background="original", framing="source").frame().astype(float)


def outside(example, margin: float = 0.0) -> np.ndarray:
    """(H, W) bool: what lies farther than `margin` crops outside the avatar's square."""
    x0, y0, side = example.source.crop
    x, y = np.arange(512) + 0.5, np.arange(512) + 0.5
    far = np.maximum(np.maximum(np.maximum(x0 - x, x - x0 - side)[None], np.maximum(y0 - y, y - y0 - side)[:, None]), -1e9)
    return far > margin * side


def test_outside_the_head_the_photo_is_as_it_was(example, there):
    assert there.shape == (512, 512, 3)
    away = outside(example)
    error = there[away] - photo()[away]
    assert np.abs(error).mean() < 4 and np.abs(error.mean(0)).max() < 0.5  # what JPEG costs, and no tint


@pytest.mark.parametrize("look", [Controls(), Controls(styles={"hair_colour": {"red": 1.0}}), Controls(expression={"smile": 1.0})])
def test_there_is_no_seam_where_the_avatar_ends(example, look):
    """Across the lower edge of its square, where the suit goes on, steps between rows are those of the photo."""
    picture = Renderer(example, background="original", framing="source").frame(look).astype(float)
    x0, y0, side = example.source.crop
    edge, columns = round(y0 + side), slice(round(x0 + 0.2 * side), round(x0 + 0.8 * side))

    def steps(image):
        return np.abs(np.diff(image[edge - 12 : edge + 12, columns].mean((1, 2))))

    assert steps(picture).max() < steps(photo().astype(float)).max() + 3


def test_a_head_that_turns_leaves_the_rest_alone(example, there):
    turned = Renderer(example, background="original", framing="source").frame(Controls(head_yaw=20)).astype(float)
    away = outside(example)
    np.testing.assert_array_equal(turned[away], there[away])
    assert np.abs(turned - there).mean() > 0.5
