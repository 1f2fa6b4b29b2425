"""An encoded photo -> upright 8-bit sRGB pixels of bounded size: what runs in a child process (see `perse.child`) for files, and
in this one for pictures that somebody has decoded already.

It stands alone and imports Pillow only: numpy would double the time that the child needs to start.
"""

import io

import pillow_heif
from PIL import AvifImagePlugin, Image, ImageCms, WebPImagePlugin  # noqa: F401  (formats given by name must have been loaded)

# By their whole names: the child runs this file outside of its package.
from perse.cicp import COLOURANTS, HLG, PQ, CodePoints, code_points, profile
from perse.errors import PerseError

MAX_PIXELS = 64_000_000
# Of a JPEG that comes in one pass: its decoder reduces it on the way, to less than twice MAX_WORKING_SIDE.
MAX_REDUCED_PIXELS = 200_000_000
MIN_SIDE = 64
# Long side to short side: no camera's photo of a person is longer, and a photo of MAX_WORKING_SIDE keeps a short side that can be searched.
MAX_ASPECT = 5
# Nothing downstream looks at more detail than this, so larger photos are reduced as early as possible.
MAX_WORKING_SIDE = 3200
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
# Bytes of EXIF that are looked at: the orientation stands near its beginning, and the tags of a longer one can each claim all of it.
MAX_EXIF = 1 << 16
MAX_BOXES = 1 << 16  # bytes at the beginning of a HEIF or AVIF file in which its colours are looked for
STRIP = 256  # rows of a picture that are converted at a time

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

# A thumbnail is no photo.
pillow_heif.register_heif_opener(thumbnails=False)

DAMAGED = "This photo is damaged or incomplete: please save it and upload it again."


def work(job: dict, file, send) -> None:
    """The child: a file is sent back as {"size": (width, height), "cutout": bool} with its RGB bytes and, if it has one, its alpha."""
    Image.MAX_IMAGE_PIXELS = MAX_REDUCED_PIXELS  # we look ourselves, and Pillow refuses twice as many
    AvifImagePlugin.DEFAULT_MAX_THREADS = 2  # or one for each core, with a stack for each
    rgb, alpha = normalise(_open(file))
    send({"size": rgb.size, "cutout": alpha is not None}, rgb.tobytes(), alpha.tobytes() if alpha is not None else b"")


def normalise(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """RGB, upright, sRGB, long side <= MAX_WORKING_SIDE; alpha (L) of the same size if it has one.

    Raises:
        PerseError: damaged, too large, too small or too long.
    """
    check_size(image.size, MAX_REDUCED_PIXELS if _is_reducible(image) else MAX_PIXELS)
    try:
        return _normalised(image)
    except PerseError:
        raise
    # Decoders report damaged data by many exception types; whichever it is, the visitor needs the same advice.
    except Exception as error:
        raise PerseError(DAMAGED) from error


def check_size(size: tuple[int, int], most: int = MAX_PIXELS) -> None:
    """PerseError unless a photo of this width and height, of which `most` pixels can be decoded, can be used."""
    width, height = size
    if width * height > most:
        raise PerseError(_too_many_pixels(f"{width * height / 1e6:.0f}, more than", most))
    if min(width, height) < MIN_SIDE:
        raise PerseError(f"This picture is only {width} × {height} pixels: please upload a larger photo.")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PerseError(f"This picture is a strip of {width} × {height} pixels: please cut out the part with the face and upload that.")


def _too_many_pixels(amount: str, most: int = MAX_PIXELS) -> str:
    return f"This photo has {amount} {most // 1_000_000} megapixels: please upload a smaller one."


def _is_reducible(image: Image.Image) -> bool:
    """Whether its decoder makes a smaller picture without holding the whole: of a progressive JPEG it would hold all coefficients."""
    return image.format in ("JPEG", "MPO") and not image.info.get("progressive") and not image.info.get("progression")


def _open(file) -> Image.Image:
    """Read the header only; no pixel is decoded here."""
    try:
        start = file.read(MAX_BOXES)
        _check_webp(start[:30])
        image = Image.open(file, formats=FORMATS)
        image.info["code_points"] = code_points(start)
        return image
    except PerseError:
        raise
    except Image.DecompressionBombError as error:
        raise PerseError(_too_many_pixels("far more than")) from error
    except Exception as error:  # every plugin has its own exceptions for a header that makes no sense
        raise PerseError("This file is not a photo that can be read: please upload a JPEG, PNG, WebP, AVIF or HEIC picture.") from error


def _check_webp(start: bytes) -> None:
    """Its decoder allocates two canvases of a WebP file when it reads the header (RFC 9649, sections 2.5 to 2.7)."""
    if len(start) < 30 or start[:4] != b"RIFF" or start[8:12] != b"WEBP":
        return

    def number(first: int, end: int) -> int:
        return int.from_bytes(start[first:end], "little")

    if start[12:16] == b"VP8X":
        check_size((1 + number(24, 27), 1 + number(27, 30)))
    elif start[12:16] == b"VP8L" and start[20] == 0x2F:
        check_size((1 + (number(21, 25) & 0x3FFF), 1 + (number(21, 25) >> 14 & 0x3FFF)))
    elif start[12:16] == b"VP8 " and start[23:26] == b"\x9d\x01\x2a":
        check_size((number(26, 28) & 0x3FFF, number(28, 30) & 0x3FFF))


def _normalised(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    # JPEG can be decoded at 1/2, 1/4 or 1/8: saves most of the time and memory for large photos.
    longer = max(image.size)
    image.draft(None, tuple(max(1, side * MAX_WORKING_SIDE // longer) for side in image.size))
    points, icc_profile = image.info.get("code_points", CodePoints()), image.info.get("icc_profile")
    if hdr := points.transfer in (PQ, HLG):
        image, orientation = _from_hdr(image, points), _orientation(image)
    else:
        image.load()
        orientation = _orientation(image)
    # HEIC may turn out to have another size than its header says.
    check_size(image.size)
    image = _to_8_bit(image)
    scale = MAX_WORKING_SIDE / max(image.size)
    if scale < 1:
        size = tuple(max(1, round(s * scale)) for s in image.size)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    image = _to_srgb(image, None if hdr else icc_profile or _profile(points))
    if orientation in TRANSPOSE:
        image = image.transpose(TRANSPOSE[orientation])
        alpha = alpha.transpose(TRANSPOSE[orientation]) if alpha is not None else None
    return image, alpha


def _from_hdr(image: Image.Image, points: CodePoints) -> Image.Image:
    """An HDR picture as screens without HDR show it, a strip of rows at a time: with all the bits that its decoder gives, since one of eight bits
    of PQ can be four steps of what is shown."""
    import numpy as np

    from perse.hdr_colours import shown

    rows, mode = _deep_rows(image) if image.format == "HEIF" else None, "RGBA" if image.has_transparency_data else "RGB"
    made = Image.new(mode, image.size if rows is None else rows.shape[1::-1])
    for y in range(0, made.height, STRIP):
        if rows is None:
            strip = np.asarray(image.crop((0, y, made.width, min(y + STRIP, made.height))).convert(mode))
        else:
            strip = rows[y : y + STRIP]
        colours = (shown(strip[..., :3], points.transfer, points.primaries) * 255 + 0.5).astype(np.uint8)
        alpha = strip[..., 3:] if strip.dtype == np.uint8 else deep_to_8_bit(strip[..., 3:])
        made.paste(Image.fromarray(np.concatenate([colours, alpha], -1)), (0, y))
    return made


def _deep_rows(image: Image.Image):
    """(H, W, 3 or 4) uint16 of a HEIF picture of more than eight bits; None if it has eight. Pillow's plugin gives eight of all."""
    import numpy as np

    image.fp.seek(0)
    deep = pillow_heif.HeifFile(image.fp, convert_hdr_to_8bit=False)
    if deep.mode not in ("RGB;16", "RGBA;16"):
        return None
    channels = 3 if deep.mode == "RGB;16" else 4
    rows = np.frombuffer(deep.data, np.uint16).reshape(-1, deep.stride // 2)[:, : deep.size[0] * channels]
    return rows.reshape(*deep.size[::-1], channels)


def _orientation(image: Image.Image) -> int:
    try:
        if len(image.info.get("exif") or b"") > MAX_EXIF:
            image.info["exif"] = image.info["exif"][:MAX_EXIF]
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # broken EXIF must not make a good picture unusable
        return 1


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Any PIL mode -> RGB, RGBA, L, LA or CMYK with 8 bits a channel."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep(image)
    if "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
        return image.convert("RGBA")
    return image if image.mode in ("RGB", "RGBA", "L", "LA", "CMYK") else image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits or floats -> L, a strip of rows at a time."""
    import numpy as np

    strips = [(0, y, image.width, min(y + STRIP, image.height)) for y in range(0, image.height, STRIP)]
    most = max(np.asarray(image.crop(strip)).max() for strip in strips)
    grey = Image.new("L", image.size)
    for strip in strips:
        values = np.asarray(image.crop(strip))
        if image.mode == "F":
            values = unit_to_8_bit(values if most <= 1 else values / 255)
        elif image.mode != "I" or most > 255:
            values = deep_to_8_bit(values.clip(0, 65535))
        grey.paste(Image.fromarray(values.astype(np.uint8)), strip[:2])
    return grey


def deep_to_8_bit(values):
    """uint16 -> uint8, rounded."""
    return ((values.astype("uint32") + 128) // 257).astype("uint8")


def unit_to_8_bit(values):
    """Floats in [0, 1] -> uint8, rounded; what is no number counts as 0, what lies beyond is clipped."""
    import numpy as np

    return (np.clip(np.nan_to_num(values), 0, 1) * 255 + 0.5).astype(np.uint8)


def _profile(points: CodePoints) -> bytes | None:
    return profile(points.primaries) if points.primaries in COLOURANTS else None


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
