"""Any uploaded file -> an upright 8-bit sRGB picture, with its cut-out mask where it has one."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from ..child import Broken, Child, Limits
from ..errors import PerseError, shown
from ..files import open_regular
from . import pixels

MAX_BYTES = 100_000_000  # 200 megapixels of a phone have 40 to 90 million
# The largest pictures that are accepted need 0.8 GB (an animated WebP with alpha) and 2 s.
LIMITS = Limits(memory=1_400_000_000, cpu=60)
NEUTRAL_GREY = 0.5
# A picture of which less than this is see-through has rounded corners or a smoothed rim: it is no cut-out.
CUTOUT_MIN_FRACTION = 0.02


def decode(source, cancelled: Callable[[], bool] = lambda: False) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode a photo; a file in a child process, so that one which crashes its decoder or never ends harms nobody else.

    Args:
        source: path, encoded bytes, PIL image, or ndarray (H,W), (H,W,1|3|4) of uint8, uint16 or float in [0, 1].
        cancelled: asked while a file is decoded; True raises BuildCancelled.

    Returns:
        rgb (H,W,3) uint8, upright, sRGB, long side <= pixels.MAX_WORKING_SIDE, see-through parts over neutral grey;
        alpha (H,W) float32 in [0, 1] if the picture is a cut-out, else None.

    Raises:
        PerseError: not a photo that can be read, damaged, too large, too small or too long.
    """
    if isinstance(source, (Image.Image, np.ndarray)):
        rgb, alpha = pixels.normalise(_from_array(source) if isinstance(source, np.ndarray) else source)
        rgb, alpha = np.array(rgb, np.uint8), None if alpha is None else np.asarray(alpha)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        _check_bytes(len(source))
        rgb, alpha = _from_file(source, cancelled)
    elif isinstance(source, (str, PathLike)):
        with _opened(source) as file:
            rgb, alpha = _from_file(file, cancelled)
    else:
        raise PerseError(f"A photo is expected as a file, bytes or an image, not as {type(source).__name__}.")
    return (rgb, None) if alpha is None else _over_grey(rgb, alpha)


def _opened(source):
    """A regular file, opened for reading, of a length that a photo has."""
    try:
        opened = open_regular(source)
    except (OSError, ValueError):
        opened = None
    if opened is None:
        raise PerseError(f"There is no photo at {shown(Path(source).name)}: please choose a file that exists.")
    file, size = opened
    try:
        _check_bytes(size)
    except PerseError:
        file.close()
        raise
    return file


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise PerseError(f"This file has {size / 1e6:.0f} MB: please upload a photo of at most {MAX_BYTES / 1e6:.0f} MB.")
    if size == 0:
        raise PerseError("This file is empty: please upload a photo.")


def _from_file(file, cancelled: Callable[[], bool]) -> tuple[np.ndarray, np.ndarray | None]:
    """rgb (H,W,3) and alpha (H,W), both uint8, of a file or its bytes."""
    try:
        with Child(pixels.__file__, {}, file, LIMITS, cancelled) as child:
            head, data = child.read(4 * pixels.MAX_WORKING_SIDE**2) or ({}, b"")
        width, height = head["size"]
        channels = 4 if head["cutout"] else 3
        rgb, alpha = np.split(np.frombuffer(data, np.uint8), [3 * width * height])
        if max(width, height) > pixels.MAX_WORKING_SIDE or len(data) != channels * width * height:
            raise Broken(f"{width} × {height} pixels in {len(data)} bytes")
        return rgb.reshape(height, width, 3), alpha.reshape(height, width) if channels == 4 else None
    except (Broken, KeyError, TypeError, ValueError) as error:
        if isinstance(error, PerseError):
            raise
        raise PerseError(pixels.DAMAGED) from error


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise PerseError(f"An image array must be (H,W), (H,W,3) or (H,W,4), not {array.shape}.")
    pixels.check_size((array.shape[1], array.shape[0]))
    if array.dtype == np.uint16:
        array = pixels.deep_to_8_bit(array)
    elif np.issubdtype(array.dtype, np.floating):
        array = pixels.unit_to_8_bit(array)
    elif array.dtype != np.uint8:
        raise PerseError(f"An image array must hold uint8, uint16 or float values, not {array.dtype}.")
    return Image.fromarray(np.ascontiguousarray(array))


def _over_grey(rgb: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """rgb (H,W,3) with its see-through parts over grey, in place, and alpha (H,W) float32 if it is a cut-out; alpha comes as uint8."""
    mask = alpha.astype(np.float32) / 255
    if not (mask > 0.5).any():
        raise PerseError("This picture is fully transparent: please upload one that shows a face.")
    if mask.min() == 1:
        return rgb, None
    for y in range(0, len(rgb), pixels.STRIP):
        share = mask[y : y + pixels.STRIP, :, None]
        over_grey = rgb[y : y + pixels.STRIP] * share + 255 * NEUTRAL_GREY * (1 - share)
        rgb[y : y + pixels.STRIP] = over_grey + 0.5
    return rgb, mask if (mask < 0.5).mean() > CUTOUT_MIN_FRACTION else None
