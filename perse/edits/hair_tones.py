"""The colours of strands that an edit adds: those of the person's own hair where they grow."""

import cv2
import numpy as np

from ..texture.atlas import sample
from ..texture.cie_lab import to_lab, to_rgb
from .head_measures import Head


def tones(head: Head, uv: np.ndarray, color: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Colours (S, 3) of strands rooted at atlas pixels (S, 2): the hair's own there, or near `color` (3,) where it is not hair."""

    def of_hair():
        hair = head.regions("hair")
        seen = (hair > 0.6) & (head.texture.seen > 0.2)
        weight = cv2.GaussianBlur(hair, (0, 0), 8)
        soft = cv2.GaussianBlur(head.texture.color * hair[..., None], (0, 0), 8) / np.maximum(weight, 0.05)[..., None]
        return head.texture.color[seen].mean(0) if seen.sum() > 200 else None, weight, soft

    mean, weight, soft = head.regions.remembered("tones of hair", of_hair)
    mean = color / 0.85 if mean is None else mean
    own, sure = sample(soft, uv[None])[0], np.clip(sample(weight, uv[None])[0] * 2 - 0.6, 0, 1)[:, None]
    return (0.3 * mean + 0.7 * (own * sure + mean * (1 - sure))) * rng.uniform(0.84, 1.16, (len(uv), 1))


def shaded(tone: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Colours (S, K, 3) of strands of these tones (S, 3) that are so much lighter or darker (S, K): light is white, so that what shines is
    paler than a brighter dye would be; shadow takes colour with it."""
    lab = np.repeat(to_lab(np.clip(tone, 0, 1).astype(np.float32))[:, None], shade.shape[1], 1)
    lab *= np.stack([shade, np.minimum(shade, 1), np.minimum(shade, 1)], -1)
    lab[..., 0] = np.minimum(lab[..., 0], 97)
    return to_rgb(lab.astype(np.float32))
