"""Do glasses cross the nose bridge, the cheeks under the eyes and the temples, and where are they."""

import cv2
import numpy as np

from ..face.landmarks import BROW_OUTLINE, EYE_CORNERS, EYE_OUTLINE
from ..face.measures import face_height
from ..face.polygons import polygon

# Columns of landmarks that a frame has to cross: down the bridge of the nose, down from each lower lid, and down each
# temple from the brow's end, where the hinge is.
BRIDGE = (168, 197)
UNDER_RIGHT = (230, 36)
UNDER_LEFT = (450, 266)
TEMPLE_RIGHT = (156, 116)
TEMPLE_LEFT = (383, 345)
PROFILE_LENGTH = 48
PROFILE_WIDTH = 7
# L* per hundredth of the face height. Bare bridges measure 0.5 to 3.5 and cheeks 2 to 9; drawn and real frames 11 to 45
# on the bridge and 8 to 45 on the cheeks. A frown and bags under the eyes measure up to 13, but leave the temples at 2.4,
# which hinges lift to 6 and more; shadows do so as well, so that temples alone say nothing.
MIN_BRIDGE = 7.0
MIN_CHEEK = 5.0
MIN_TEMPLE = 4.0


def rim_strengths(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Steepest change of lightness (L* per hundredth of the face height) along bridge, cheeks and temples, right
    before left: (5,)."""
    height = face_height(landmarks[:, :2])
    lightness = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)[..., 0]
    lightness = cv2.GaussianBlur(lightness, (0, 0), max(0.5, 0.006 * height))
    strengths = []
    for start, end in (BRIDGE, UNDER_RIGHT, UNDER_LEFT, TEMPLE_RIGHT, TEMPLE_LEFT):
        profile = _profile(lightness, landmarks[start, :2], landmarks[end, :2], height)
        step = float(np.linalg.norm(landmarks[end, :2] - landmarks[start, :2])) / PROFILE_LENGTH / height * 100
        strengths.append(np.abs(np.gradient(profile, max(step, 1e-3)))[2:-2].max())
    return np.array(strengths)


def _profile(lightness: np.ndarray, start: np.ndarray, end: np.ndarray, height: float) -> np.ndarray:
    """Mean lightness (PROFILE_LENGTH,) on the way from start to end, over a strip 5 % of the face height wide: rims
    run across the strip, wrinkles and shadows of the nose mostly do not."""
    along = np.linspace(0, 1, PROFILE_LENGTH, dtype=np.float32)[:, None]
    direction = (end - start) / max(np.linalg.norm(end - start), 1e-6)
    across = np.array([-direction[1], direction[0]]) * np.linspace(-0.025, 0.025, PROFILE_WIDTH)[:, None] * height
    points = start + along * (end - start) - 0.5
    grid = (points[:, None] + across[None]).astype(np.float32)
    strip = cv2.remap(lightness, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.median(strip, axis=1)


def wears_glasses(strengths: np.ndarray) -> bool:
    """A rim crosses the bridge and the cheeks, and there is a hinge at one temple (the other may be turned away)."""
    bridge, right, left, *temples = strengths
    return bool(bridge > MIN_BRIDGE and max(right, left) > MIN_CHEEK and min(right, left) > 0.5 * MIN_CHEEK and max(temples) > MIN_TEMPLE)


def glasses_mask(picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Rough mask (S,S) float32 of the frames on a picture (S,S,3) float32: fine structure around the eyes that is
    neither eye nor brow. All zero when no glasses are worn; rimless ones are not seen."""
    size = len(picture)
    if not wears_glasses(rim_strengths(picture, landmarks)):
        return np.zeros((size, size), np.float32)
    height = face_height(landmarks[:, :2])
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    scale = min(1.0, 200.0 / height)
    small = cv2.resize(lab, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    window = int(0.14 * height * scale) | 1
    levels = np.clip(small * (2.55, 1, 1) + (0, 128, 128), 0, 255).astype(np.uint8)
    plain = cv2.medianBlur(levels, window).astype(np.float32)
    difference = np.abs(levels - plain) * (1 / 2.55, 1, 1)
    stands_out = cv2.resize(np.linalg.norm(difference, axis=-1).astype(np.float32), (size, size))
    frames = np.clip((stands_out - 8) / 10, 0, 1)
    area = np.zeros((size, size), np.float32)
    inner = np.zeros((size, size), np.float32)
    for eye, brow in zip(EYE_OUTLINE.values(), BROW_OUTLINE.values()):
        middle = landmarks[eye, :2].mean(0)
        radii = (int(0.24 * height), int(0.2 * height))
        tilt = landmarks[EYE_CORNERS[1], :2] - landmarks[EYE_CORNERS[0], :2]
        angle = float(np.degrees(np.arctan2(tilt[1], tilt[0])))
        centre = (int(middle[0]), int(middle[1] + 0.03 * height))
        cv2.ellipse(area, centre, radii, angle, 0, 360, 1.0, -1, cv2.LINE_AA)
        inner = np.maximum(inner, polygon(landmarks, eye, size, scale=1.35))
        inner = np.maximum(inner, 0.8 * polygon(landmarks, brow, size))
    soft = max(0.7, 0.006 * height)
    area = cv2.GaussianBlur(area, (0, 0), 3 * soft)
    return (cv2.GaussianBlur(frames * (1 - inner), (0, 0), soft) * area).astype(np.float32)
