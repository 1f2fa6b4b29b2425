"""The photo behind an avatar, as JPEG: the person taken out, read from files of strangers, and blurred where nobody needs it."""

import io
import re

import cv2
import numpy as np
from PIL import Image

from ..portrait import Portrait
from ..portrait.matting import person_cover
from ..portrait.portrait import PHOTO_SIDE
from .avatar import Source

QUALITY = 90
MOST_BYTES = 4_000_000  # of a backdrop: PHOTO_SIDE squared of pure noise has 3.4 million at QUALITY
LEFT_OVER = 24  # pixels of the longer side of what is kept of the surroundings: a face a quarter as high as its photo has 6
FADE = 0.03  # of the crop's side, over which the sharp square goes over into them


def encoded(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> JPEG, as an avatar keeps it."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def own(data: bytes, size: tuple[int, int]) -> bytes:
    """A backdrop out of a file, as an encoder of ours writes it: what later code opens holds no surprise.

    The same bytes if everything around the pixels' code is just what `encoded` writes, so that saving again loses nothing; else the
    picture is encoded anew.

    Args:
        size: (width, height) that the file says it has.

    Raises:
        ValueError, OSError: anything but a whole JPEG of one scan and of this size.
    """
    # One scan: a progressive file may hold thousands, each of which costs a pass over the picture.
    if len(data) > MOST_BYTES or data.count(b"\xff\xda") != 1:
        raise ValueError("not a backdrop of ours")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.size != size or max(size) > PHOTO_SIDE or image.mode != "RGB":
                raise ValueError("not a backdrop of ours")
            again = encoded(np.asarray(image))
    except Image.DecompressionBombError:
        raise ValueError("not a backdrop of ours") from None
    scan = again.index(b"\xff\xda")
    length = scan + 2 + int.from_bytes(again[scan + 2 : scan + 4], "big")
    plain = re.compile(rb"(?:[^\xff]|\xff\x00)*\xff\xd9", re.DOTALL).fullmatch(data, length)
    return data if plain and data[:length] == again[:length] else again


def blurred(data: bytes, crop: tuple[float, float, float]) -> bytes:
    """The same backdrop with so little left of what lies outside the crop that nobody there can be recognised.

    The crop's square, where the avatar stands, stays sharp. The same bytes if the photo ends with it.

    Args:
        crop: x0, y0, side in the backdrop's pixels.
    """
    picture = np.asarray(Image.open(io.BytesIO(data), formats=("JPEG",)).convert("RGB"))
    height, width = picture.shape[:2]
    x0, y0, side = crop
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    aside = np.maximum(np.maximum(x0 - x, x - x0 - side), 0)[None]
    above = np.maximum(np.maximum(y0 - y, y - y0 - side), 0)[:, None]
    gone = np.clip(np.maximum(aside, above) / (FADE * side), 0, 1)[..., None]
    if not gone.any():
        return data
    share = LEFT_OVER / max(width, height)
    small = cv2.resize(picture, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return encoded(np.uint8(np.round(picture * (1 - gone) + soft * gone)))


def crop_ramp(crop: tuple[float, float, float], width: int, height: int) -> np.ndarray:
    """(H, W, 1) in [0, 1]: 1 inside the crop, falling softly to 0 at those of its edges that lie inside the photo.
    There the avatar ends and the untouched photo goes on."""
    x0, y0, side = crop
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    edge = max(2.0, 0.03 * side)
    across = np.ones(width)
    if x0 > 0:
        across = np.minimum(across, np.clip((x - x0) / edge, 0, 1))
    if x0 + side < width:
        across = np.minimum(across, np.clip((x0 + side - x) / edge, 0, 1))
    down = np.clip((y0 + side - y) / edge, 0, 1) if y0 + side < height else np.ones(height)
    return (across[None] * down[:, None])[..., None].astype(np.float32)


def remember(portrait: Portrait) -> Source:
    """The photo with the person removed inside the crop, as JPEG, and the crop's place."""
    photo = portrait.photo.astype(np.float32) / 255
    height, width = photo.shape[:2]
    crop = portrait.crop
    scale = portrait.image.shape[0] / crop.side
    matrix = np.array([[scale, 0, -crop.x0 * scale + 0.5 * scale - 0.5], [0, scale, -crop.y0 * scale + 0.5 * scale - 0.5]])
    clean = cv2.warpAffine(
        portrait.background, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    cover = person_cover(portrait.image, portrait.alpha, portrait.background)
    cover = cv2.warpAffine(cover, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0)
    place = (float(crop.x0), float(crop.y0), float(crop.side))
    # Where the avatar fades out, the person must still be there to fade into.
    inside = np.clip((crop_ramp(place, width, height) - 0.85) / 0.15, 0, 1)
    cover = cover[..., None] * inside
    picture = np.clip(photo * (1 - cover) + clean * cover, 0, 1) * 255 + 0.5
    return Source(encoded(picture.astype(np.uint8)), place, (width, height))
