"""Picture files out: PNG, JPEG or WebP, each with the note that it is synthetic."""

import io

import numpy as np
from PIL import ExifTags, Image

from ..errors import PerseError
from . import synthetic


def encode_picture(picture: np.ndarray, suffix: str) -> bytes:
    """(H, W, 3 or 4) uint8 -> file bytes by suffix (.png, .jpg, .webp), marked as synthetic."""
    suffix = suffix.lower()
    out = io.BytesIO()
    image, note, xmp = Image.fromarray(picture), synthetic.sentence("picture"), synthetic.xmp("picture")
    if suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        tag = PngInfo()
        tag.add_text("Comment", note)
        tag.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(out, "PNG", pnginfo=tag)
    elif suffix in (".jpg", ".jpeg"):
        image.convert("RGB").save(out, "JPEG", quality=92, comment=note.encode(), xmp=xmp)
    elif suffix == ".webp":
        exif = Image.Exif()
        exif[ExifTags.Base.ImageDescription] = note
        image.save(out, "WEBP", quality=92, exif=exif, xmp=xmp)
    else:
        raise PerseError(f"Cannot write {suffix or 'a file without suffix'}: use .png, .jpg or .webp.")
    return out.getvalue()
