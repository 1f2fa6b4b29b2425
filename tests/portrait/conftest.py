"""Two public-domain portraits that come with packages, so that no test needs a download."""

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from perse.portrait import load_portrait


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """NASA's portrait of Eileen Collins, 512 × 512: smiling, short hair, dark collar; her face is 107 pixels high."""
    return Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def hopper() -> Image.Image:
    """The US Navy's portrait of Grace Hopper, 512 × 600: glasses and a cap."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


@pytest.fixture(scope="session")
def astronaut_portrait(astronaut):
    return load_portrait(np.asarray(astronaut))


@pytest.fixture(scope="session")
def hopper_portrait(hopper):
    return load_portrait(np.asarray(hopper))
