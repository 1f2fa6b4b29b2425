"""A visible mark in a picture's corner that says that it is synthetic."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LONGEST = 60  # characters of a mark


@lru_cache(maxsize=16)
def _stamp(text: str, width: int, height: int) -> np.ndarray:
    """(h, w, 4) float32: colour times cover, and cover, of a label that fits a picture of this size."""
    size, room = max(9.0, 0.026 * min(width, height)), 0.9 * width
    font = ImageFont.load_default(size)
    if (length := font.getlength(text)) > room:
        font = ImageFont.load_default(max(1.0, size * room / length))
        size = font.size
    pad = round(0.45 * size)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("RGBA", (round(right - left) + 2 * pad, round(bottom - top) + 2 * pad))
    draw = ImageDraw.Draw(image)
    # White on a dark, half transparent plate can be read on any background.
    draw.rounded_rectangle((0, 0, image.width - 1, image.height - 1), radius=pad, fill=(0, 0, 0, 150))
    draw.text((pad - left, pad - top), text, font=font, fill=(255, 255, 255, 255))
    stamp = np.asarray(image, np.float32) / 255
    stamp[..., :3] *= stamp[..., 3:]
    return stamp[:height, :width]


def one_line(text: str) -> str:
    """What of a mark is shown."""
    return " ".join(text.split())[:LONGEST]


def draw_mark(picture: np.ndarray, text: str) -> np.ndarray:
    """A copy of a picture with a small label at its bottom left; the picture itself if `text` is empty.

    Args:
        picture: (H, W, 3), or (H, W, 4) with straight alpha, uint8.
        text: one line; beyond LONGEST characters it is cut off.
    """
    text = one_line(text)
    if not text:
        return picture
    height, width = picture.shape[:2]
    stamp = _stamp(text, width, height)
    h, w = stamp.shape[:2]
    margin = min(round(0.02 * min(width, height)), height - h, width - w)
    y, x = height - margin - h, margin
    out = picture.copy()
    under = picture[y : y + h, x : x + w].astype(np.float32) / 255
    colour, cover = stamp[..., :3], stamp[..., 3:]
    if picture.shape[2] == 4:
        alpha = under[..., 3:]
        total = cover + alpha * (1 - cover)
        mixed = (colour + under[..., :3] * alpha * (1 - cover)) / np.maximum(total, 1e-6)
        patch = np.concatenate([mixed, total], axis=2)
    else:
        patch = colour + under * (1 - cover)
    out[y : y + h, x : x + w] = (patch * 255 + 0.5).clip(0, 255).astype(np.uint8)
    return out
