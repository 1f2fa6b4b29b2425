"""The colours of strands that an edit adds: those of the person's own hair where they grow."""

import cv2
import numpy as np

from ..texture.atlas import sample
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
