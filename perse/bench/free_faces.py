"""Faces that anybody may use: the two that installed packages carry, and more made of them.

Two people are few to judge a slider by, so others are made: mirrored, with another skull, jaw, nose, eyes or mouth (a smooth warp of the landmarks),
in another light, with other skin. They stress what a build measures and edits, as other people would; they are no other people's pictures.
docs/licences.md has the terms of the two.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from ..face.landmarks import BROW_OUTLINE, EYE_OUTLINE, MOUTH_RING, NOSE_BRIDGE, NOSE_TIP, OVAL
from ..portrait import face_landmarks
from ..portrait.free_photos import free_photo

FAR = 2.6  # eye distances from between the eyes at which nothing is moved any more
FADING = 1.0  # eye distances before that over which a warp fades out
STEP = 4  # pixels between the places at which a warp is solved for


@dataclass(frozen=True)
class Variant:
    """How a free face is changed.

    photo: "astronaut" or "hopper". mirror: left for right. jaw, length, eyes, nose, mouth: how much wider the lower face is, longer the
    face below the eyes, larger the eyes, wider the nose, wider the mouth, as shares; -0.15 to 0.2 still look like people. light: how much brighter the
    left edge of the picture is than its middle, as a share, up to 0.4. exposure: a factor on all of it. skin (3,): what is added in CIE Lab
    inside the face.
    """

    photo: str
    mirror: bool = False
    jaw: float = 0.0
    length: float = 0.0
    eyes: float = 0.0
    nose: float = 0.0
    mouth: float = 0.0
    light: float = 0.0
    exposure: float = 1.0
    skin: tuple[float, float, float] = (0.0, 0.0, 0.0)


VARIANTS = {
    "astronaut": Variant("astronaut"),
    "hopper": Variant("hopper"),
    "astronaut, broad": Variant("astronaut", True, jaw=0.14, nose=0.18, mouth=0.08, light=0.25),
    "astronaut, narrow": Variant("astronaut", jaw=-0.12, length=0.10, eyes=-0.08, exposure=0.85),
    "astronaut, dark": Variant("astronaut", True, length=-0.06, nose=0.12, mouth=0.12, skin=(-22.0, 3.0, 4.0)),
    "astronaut, large eyes": Variant("astronaut", eyes=0.16, jaw=-0.06, length=-0.08, light=-0.3, skin=(4.0, -3.0, -3.0)),
    "hopper, narrow": Variant("hopper", True, jaw=-0.12, length=0.08, light=0.2),
    "hopper, dark": Variant("hopper", jaw=0.10, nose=0.15, exposure=0.9, skin=(-20.0, 3.0, 5.0)),
}


def free_face(name: str) -> np.ndarray:
    """A face of `VARIANTS` as (H, W, 3) uint8.

    Raises:
        KeyError: for another name.
    """
    variant = VARIANTS[name]
    picture = free_photo(variant.photo)
    if variant.mirror:
        picture = np.ascontiguousarray(picture[:, ::-1])
    marks = face_landmarks(picture)
    assert marks is not None  # of these two photos
    return _lit(_shaped(picture, marks[:, :2], variant), marks[:, :2], variant)


def _shaped(picture: np.ndarray, marks: np.ndarray, variant: Variant) -> np.ndarray:
    """The picture with its landmarks (N, 2) moved, smoothly, and nothing far from the face."""
    if not any((variant.jaw, variant.length, variant.eyes, variant.nose, variant.mouth)):
        return picture
    eyes = [marks[EYE_OUTLINE[side]].mean(0) for side in ("right", "left")]
    middle, unit = (eyes[0] + eyes[1]) / 2, float(np.linalg.norm(eyes[1] - eyes[0]))
    across = (eyes[1] - eyes[0]) / unit
    down = np.array([-across[1], across[0]]) * (1 if across[0] > 0 else -1)
    moved = marks.copy()
    x, y = (marks - middle) @ across, (marks - middle) @ down
    low = np.clip(y / unit, 0, 1)
    moved += (variant.jaw * low * x)[:, None] * across + (variant.length * np.maximum(y, 0))[:, None] * down
    bridge, tip = marks[NOSE_BRIDGE], marks[NOSE_TIP]
    around = [(eye, variant.eyes, 0.45) for eye in eyes]
    around += [((bridge + 3 * tip) / 4, variant.nose, 0.40), (marks[MOUTH_RING].mean(0), variant.mouth, 0.55)]
    for centre, by, reach in around:
        near = np.exp(-(((marks - centre) / (reach * unit)) ** 2).sum(1))
        moved += by * near[:, None] * (marks - centre)
    outlines = [i for side in ("right", "left") for i in (*BROW_OUTLINE[side], *EYE_OUTLINE[side])]
    used = sorted({*OVAL, *MOUTH_RING, *outlines, NOSE_TIP, NOSE_BRIDGE, *range(0, len(marks), 6)})
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    still = middle + FAR * unit * np.stack([np.cos(angles), np.sin(angles)], 1)
    # From where something is to where it was.
    back = RBFInterpolator(
        np.concatenate([moved[used], still]), np.concatenate([(marks - moved)[used], 0 * still]), neighbors=40, smoothing=2.0
    )
    height, width = picture.shape[:2]
    places = np.stack(np.meshgrid(np.arange(0, width + STEP, STEP), np.arange(0, height + STEP, STEP)), -1).astype(np.float64)
    flow = back(places.reshape(-1, 2)).reshape(places.shape)
    flow *= np.clip((FAR - np.linalg.norm(places - middle, axis=-1) / unit) / FADING, 0, 1)[..., None]
    at = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    x, y = (at[..., k] / STEP for k in (0, 1))
    at += cv2.remap(flow.astype(np.float32), x, y, cv2.INTER_LINEAR)
    return cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _lit(picture: np.ndarray, marks: np.ndarray, variant: Variant) -> np.ndarray:
    """The picture in its light, with its skin."""
    height, width = picture.shape[:2]
    light = picture.astype(np.float32) / 255
    if any(variant.skin):
        face = np.zeros((height, width), np.float32)
        cv2.fillConvexPoly(face, cv2.convexHull(marks[list(OVAL)].astype(np.int32)), 1.0)
        lab = cv2.cvtColor(light, cv2.COLOR_RGB2Lab)
        tone = np.median(lab[face > 0.5], axis=0)
        # All that has the colour of the face is skin: neck, ears, hands.
        like = np.exp(-(((lab[..., 1:] - tone[1:]) / 9.0) ** 2).sum(-1)) * np.clip((lab[..., 0] - 0.35 * tone[0]) / 20, 0, 1)
        light = cv2.cvtColor(
            (lab + cv2.GaussianBlur(like, (0, 0), 1.5)[..., None] * np.asarray(variant.skin, np.float32)), cv2.COLOR_Lab2RGB
        )
    ramp = variant.exposure * (1 - variant.light * np.linspace(-1, 1, width, dtype=np.float32))
    return (np.clip(light * ramp[None, :, None], 0, 1) * 255 + 0.5).astype(np.uint8)
