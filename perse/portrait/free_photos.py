"""The two portraits that installed packages carry and anybody may use; docs/licences.md has their terms."""

import numpy as np


def free_photo(name: str) -> np.ndarray:
    """ "astronaut" (Eileen Collins, 512 x 512, from in front) or "hopper" (Grace Hopper, 600 x 512, glasses and a cap): (H, W, 3) uint8.

    Raises:
        KeyError: for another name.
    """
    return {"astronaut": _astronaut, "hopper": _hopper}[name]()


def _astronaut() -> np.ndarray:
    from skimage.data import astronaut

    return astronaut()


def _hopper() -> np.ndarray:
    import matplotlib.cbook
    from PIL import Image

    with Image.open(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))) as photo:
        return np.asarray(photo.convert("RGB"))
