"""How a person divides into hair, bare skin and clothes: the cheapest of the three (`costs`), then what hangs together with what."""

import cv2
import numpy as np

from ..face.landmarks import FACE_OUTLINE
from ..face.polygons import polygon
from ..smooth_ramps import ramp
from .face_frame import FaceFrame
from .hair_skin_cloth_costs import costs

WORKING_SIDE = 384  # pixels
# Costs are negative log densities of single pixels; neighbouring pixels repeat one another, hence this factor.
EVIDENCE = 0.45
# Where a network has said what is hair, skin and cloth: least share that counts, and what colours weigh beside it (0.1 to 0.5 leave them a say
# where it is not sure).
LEAST_SHARE, COLOURS_BESIDE = 1e-3, 0.25


def divide(foreground: np.ndarray, alpha: np.ndarray, landmarks: np.ndarray, seen: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Shares (S,S) of hair, neck and clothes in each pixel of the person; what remains is skin of the head.

    Args:
        foreground: (S,S,3) float32, free of background colour; alpha: (S,S) float32; landmarks: (478,3) in pixels. seen: (3,S,S), hair, bare
            skin and clothes as a network sees them (`networks.parts`), or None.
    """
    size = len(alpha)
    side = min(WORKING_SIDE, size)
    small = cv2.resize(foreground, (side, side), interpolation=cv2.INTER_AREA)
    person = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA)
    frame = FaceFrame(landmarks * (side / size), side)
    each = costs(small, person, frame)
    if seen is not None:
        each = tuple(COLOURS_BESIDE * cost + _cost(share, side) for cost, share in zip(each, seen))
    smoothed = [cv2.ximgproc.guidedFilter(small, cost, frame.radius(0.025, 2), 1e-3) for cost in each]
    hair, bare, clothes = _softmax(smoothed)
    hair, bare, clothes = _hanging_hair(hair, bare, clothes, person, frame)
    bare, clothes = _standing_clothes(bare, clothes, person, frame)

    frame = FaceFrame(landmarks, size)
    full = [cv2.resize(share, (size, size), interpolation=cv2.INTER_LINEAR) for share in (hair, bare, clothes)]
    full = [np.clip(cv2.ximgproc.guidedFilter(foreground, share, frame.radius(0.012, 2), 3e-4), 0, 1) for share in full]
    total = np.maximum(sum(full), 1e-3)
    hair, bare, clothes = (share / total for share in full)
    return hair, bare * _below_jaw(frame), clothes


def _cost(share: np.ndarray, side: int) -> np.ndarray:
    """A network's share (S,S) of a pixel as what it costs to call the pixel so."""
    small = cv2.resize(share, (side, side), interpolation=cv2.INTER_AREA)
    return (-np.log(np.maximum(small, LEAST_SHARE)) / EVIDENCE).astype(np.float32)


def _softmax(each: list[np.ndarray]) -> list[np.ndarray]:
    """Costs -> shares that add up to 1."""
    lowest = np.minimum.reduce(each)
    weights = [np.exp(np.clip(EVIDENCE * (lowest - cost), -50, 0)) for cost in each]
    total = sum(weights)
    return [weight / total for weight in weights]


def _below_jaw(frame: FaceFrame) -> np.ndarray:
    """1 where bare skin is neck, 0 where it is head (face, ears, scalp), soft along the jaw; (S,S)."""
    face = polygon(frame.landmarks, FACE_OUTLINE, frame.size)
    # Ears reach down to about the mouth's height; beside the jaw below that begins the neck.
    ear_end = frame.mouth_v + 0.06
    below = ramp(frame.v, ear_end - 0.04, ear_end + 0.04) * (1 - face)
    return cv2.GaussianBlur(below.astype(np.float32), (0, 0), max(0.7, 0.008 * frame.height))


def _hanging_hair(hair: np.ndarray, bare: np.ndarray, clothes: np.ndarray, person: np.ndarray, frame: FaceFrame) -> tuple[np.ndarray, ...]:
    """Hair at any height hangs from hair beside or above the forehead; what does not is clothing (dark collars) below
    the mouth and skin (a moustache, shadows) above it."""
    u, v = frame.u, frame.v
    likely = ((hair > 0.5) & (person > 0.3)).astype(np.uint8)
    # Opened a little below the eyes, so that a thin dark line does not tie a collar to the hair.
    radius = frame.radius(0.02)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    likely = np.where(v > frame.eye_v, cv2.morphologyEx(likely, cv2.MORPH_OPEN, kernel), likely).astype(np.uint8)
    _, labels = cv2.connectedComponents(likely)
    roots = np.unique(labels[(v < frame.eye_v) & (likely > 0)])
    hanging = np.isin(labels, roots[roots > 0])
    hanging = cv2.GaussianBlur(cv2.dilate(hanging.astype(np.float32), kernel), (0, 0), radius / 2)
    # Well beside the face there is no skin that could be mistaken.
    beside = (np.abs(u) > 1.25 * frame.half_width) & (v < frame.mouth_v)
    keep = np.where((v < frame.eye_v) | beside, 1, np.clip(hanging * 1.2, 0, 1)).astype(np.float32)
    lost = hair * (1 - keep)
    # Beside the face of somebody who leans forward a dark shoulder rises to the mouth.
    to_clothes = np.where(
        np.abs(u) > 1.3 * frame.half_width, ramp(v, frame.nose_v, frame.mouth_v), ramp(v, frame.mouth_v, frame.mouth_v + 0.15)
    )
    return hair * keep, bare + lost * (1 - to_clothes), clothes + lost * to_clothes


def _standing_clothes(bare: np.ndarray, clothes: np.ndarray, person: np.ndarray, frame: FaceFrame) -> tuple[np.ndarray, np.ndarray]:
    """Clothes reach down to the shoulders; a patch that does not is the chin's shadow on the neck."""
    _, labels = cv2.connectedComponents(((clothes > 0.4) & (person > 0.3)).astype(np.uint8))
    low_enough = (frame.v > 0.3) | (np.abs(frame.u) > 0.45)
    standing = np.unique(labels[low_enough & (labels > 0)])
    patch = (labels > 0) & ~np.isin(labels, standing)
    steps = frame.radius(0.02)
    share = cv2.GaussianBlur(cv2.dilate(patch.astype(np.float32), np.ones((3, 3)), iterations=steps), (0, 0), steps / 2)
    return bare + clothes * share, clothes * (1 - share)
