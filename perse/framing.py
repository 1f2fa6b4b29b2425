"""How large a picture is: of the head, a square; in the photo's own frame."""

from typing import Protocol

from .errors import PerseError
from .settings import SIZES

HEAD_SIZE = 512  # side of a picture of the head, pixels, where nothing is said
NO_PHOTO = "This avatar does not remember its photo: use framing head and a colour."


class HasSize(Protocol):
    """What an avatar remembers of its photo: width and height, pixels."""

    size: tuple[int, int]


def frame_size(source: HasSize | None, size: int | None, framing: str = "head") -> tuple[int, int]:
    """Width and height, pixels: of framing "head" a square of `size`; of framing "source" the photo's, reduced to a shorter side of `size` where
    that is less.

    Raises:
        PerseError: a size or framing that there is not, or no photo.
    """
    if size is not None and not SIZES[0] <= size <= SIZES[1]:
        raise PerseError(f"The size must lie between {SIZES[0]} and {SIZES[1]} pixels, not {size}.")
    if framing == "head":
        return (size or HEAD_SIZE, size or HEAD_SIZE)
    if framing != "source":
        raise PerseError(f"Unknown framing {framing!r}: use head or source.")
    if source is None:
        raise PerseError(NO_PHOTO)
    width, height = source.size
    share = min(1.0, (size or min(width, height)) / min(width, height))
    return round(width * share), round(height * share)
