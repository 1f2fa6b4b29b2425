"""Any uploaded file -> an upright 8-bit sRGB picture, with its cut-out mask where it has one."""

import io
from os import PathLike
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms

from perse.errors import PerseError

MAX_BYTES = 60_000_000
MAX_PIXELS = 40_000_000
MIN_SIDE = 64
# Nothing downstream looks at more detail than this, so larger photos are reduced as early as possible.
MAX_WORKING_SIDE = 3200
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
NEUTRAL_GREY = 0.5
# A picture of which less than this is see-through has rounded corners or a smoothed rim: it is no cut-out.
CUTOUT_MIN_FRACTION = 0.02

ORIENTATION_TAG = 0x0112
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

pillow_heif.register_heif_opener(thumbnails=False)
# Formats given by name are looked up among the loaded plugins only.
Image.init()


def decode(source) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode a photo.

    Args:
        source: path, encoded bytes, PIL image, or ndarray (H,W), (H,W,1|3|4) of uint8, uint16 or float in [0, 1].

    Returns:
        rgb (H,W,3) uint8, upright, sRGB, long side <= MAX_WORKING_SIDE, see-through parts over neutral grey;
        alpha (H,W) float32 in [0, 1] if the picture is a cut-out, else None.

    Raises:
        PerseError: not a photo that can be read, damaged, too large or too small.
    """
    if isinstance(source, Image.Image):
        image = source
    elif isinstance(source, np.ndarray):
        image = _from_array(source)
    else:
        image = _open(_read(source))
    _check_size(image.size)
    try:
        return _normalise(image)
    except PerseError:
        raise
    # Decoders report damaged data by many exception types; whichever it is, the visitor needs the same advice.
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, RuntimeError, TypeError, IndexError) as error:
        raise PerseError("This photo is damaged or incomplete: please save it and upload it again.") from error


def _read(source) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        size = len(data)
    elif isinstance(source, (str, PathLike)):
        path = Path(source)
        if not path.is_file():
            raise PerseError(f"There is no photo at {path.name!r}: please choose a file that exists.")
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    else:
        raise PerseError(f"A photo is expected as a file, bytes or an image, not as {type(source).__name__}.")
    if size > MAX_BYTES:
        raise PerseError(
            f"This file has {size / 1e6:.0f} MB: please upload a photo of at most {MAX_BYTES / 1e6:.0f} MB."
        )
    if size == 0:
        raise PerseError("This file is empty: please upload a photo.")
    return data


def _open(data: bytes) -> Image.Image:
    """Read the header only; no pixel is decoded here."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PerseError(_too_many_pixels("far more than")) from error
    except Exception as error:  # every plugin has its own exceptions for a header that makes no sense
        raise PerseError(
            "This file is not a photo that can be read: please upload a JPEG, PNG, WebP, AVIF or HEIC picture."
        ) from error


def _too_many_pixels(amount: str) -> str:
    return f"This photo has {amount} {MAX_PIXELS // 1_000_000} megapixels: please upload a smaller one."


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise PerseError(_too_many_pixels(f"{width * height / 1e6:.0f}, more than"))
    if min(width, height) < MIN_SIDE:
        raise PerseError(f"This picture is only {width} × {height} pixels: please upload a larger photo.")


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] in (3, 4)):
        raise PerseError(f"An image array must be (H,W), (H,W,3) or (H,W,4), not {array.shape}.")
    _check_size((array.shape[1], array.shape[0]))
    if array.dtype == np.uint16:
        array = _scale_16_bit(array)
    elif np.issubdtype(array.dtype, np.floating):
        array = (np.clip(np.nan_to_num(array), 0, 1) * 255 + 0.5).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise PerseError(f"An image array must hold uint8, uint16 or float values, not {array.dtype}.")
    return Image.fromarray(np.ascontiguousarray(array))


def _scale_16_bit(array: np.ndarray) -> np.ndarray:
    return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _normalise(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    orientation = _orientation(image)
    # JPEG can be decoded at 1/2, 1/4 or 1/8: saves most of the time and memory for large photos.
    image.draft(None, (MAX_WORKING_SIDE, MAX_WORKING_SIDE))
    profile = image.info.get("icc_profile")
    image = _to_8_bit(image)
    scale = MAX_WORKING_SIDE / max(image.size)
    if scale < 1:
        size = tuple(max(1, round(s * scale)) for s in image.size)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    image = _to_srgb(image, profile)
    if orientation in TRANSPOSE:
        image = image.transpose(TRANSPOSE[orientation])
        alpha = alpha.transpose(TRANSPOSE[orientation]) if alpha is not None else None
    rgb = np.array(image, np.uint8)
    if alpha is None:
        return rgb, None
    mask = np.asarray(alpha, np.float32) / 255
    if not (mask > 0.5).any():
        raise PerseError("This picture is fully transparent: please upload one that shows a face.")
    if mask.min() == 1:
        return rgb, None
    over_grey = rgb * mask[..., None] + 255 * NEUTRAL_GREY * (1 - mask[..., None])
    rgb = (over_grey + 0.5).astype(np.uint8)
    return rgb, mask if (mask < 0.5).mean() > CUTOUT_MIN_FRACTION else None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # broken EXIF must not make a good picture unusable
        return 1


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Any PIL mode -> RGB, RGBA, L, LA or CMYK with 8 bits a channel."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(_scale_16_bit(np.asarray(image)))
    if image.mode == "I":
        array = np.asarray(image)
        return _from_array(array.clip(0, 65535).astype(np.uint16) if array.max() > 255 else array.astype(np.uint8))
    if image.mode == "F":
        array = np.asarray(image)
        return _from_array(array if array.max() <= 1 else array / 255)
    if "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        return image.convert("RGBA")
    if image.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        image.load()
        return image
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Drop alpha and convert the colours by the embedded profile; a profile that cannot be used is ignored."""
    if image.mode in ("RGBA", "LA"):
        image = image.convert(image.mode[:-1].replace("LA", "L"))
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in ImageCms.getProfileDescription(source).lower():
                converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
                return converted if converted is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")
