"""`load_portrait`: the whole way from an uploaded file to what the rest of the program works with."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import BuildCancelled
from . import networks
from .crop import Crop, crop_size, head_square, resample, to_crop
from .decode import decode
from .detect import find_face
from .jaw_line import fit_jaw_line
from .lip_line import fit_lip_line
from .masks import region_masks
from .matting import inpaint_background, missed_by_matte, person_matte
from .models import segment_person
from .other_people import own_share
from .quality import Hint, quality_hints

PHOTO_SIDE = 1600


@dataclass
class Portrait:
    """A decoded, cropped portrait; images are RGB in [0, 1] and S pixels square.

    Attributes:
        image: (S,S,3) float32, axis-aligned crop of the upright photo, edge colours repeated beyond the photo.
        foreground: (S,S,3) float32, the person's own colours, free of the background at soft edges and continued
            outwards beyond `alpha`.
        alpha: (S,S) float32, how much of each pixel is the person; 0 beyond the photo.
        background: (S,S,3) float32, the scene without the person, smooth where the person stood.
        landmarks: (478,3) float32 in crop pixels, pixel i reaching from i to i + 1; z in the same unit, smaller is
            nearer, relative to the head's centre (MediaPipe face mesh with irises).
        masks: (S,S) float32 in [0, 1] by region: face (everything inside the face outline), skin (bare skin of the
            head with ears, without brows, eyes, lips and mouth), hair, brows, eyes, iris, lips, mouth (between the
            lips), neck, clothes, glasses, worn (what of "hair" is a hat, a scarf or a veil). hair + skin + neck + clothes + brows +
            eyes + lips + mouth = alpha.
        crop: where the crop lies in `photo`.
        photo: (H,W,3) uint8, the upright photo with a long side of at most 1600 pixels.
        quality: advice for the visitor, most important first.
        faces: boxes (x0, y0, x1, y1) in pixels of `photo`, of all faces that could be used, from left to right; chosen: which of them this is.
        original: (H,W,3|4) uint8, what was decoded, upright, so that another face can be chosen; None where there is no other.
    """

    image: np.ndarray
    foreground: np.ndarray
    alpha: np.ndarray
    background: np.ndarray
    landmarks: np.ndarray
    masks: dict[str, np.ndarray]
    crop: Crop
    photo: np.ndarray
    quality: list[Hint]
    faces: tuple[tuple[float, float, float, float], ...] = ()
    chosen: int = 0
    original: np.ndarray | None = None


def load_portrait(source, size: int = 768, cancelled: Callable[[], bool] = lambda: False, face: int | None = None) -> Portrait:
    """Decode a photo, find a face and prepare it.

    Args:
        source: path, encoded bytes, PIL image, or ndarray (H,W[,1|3|4]) of uint8, uint16 or float in [0, 1].
        size: largest side of the crop in pixels; less when the face is small (never enlarged more than twice).
        cancelled: asked between the stages and in the searches.
        face: which one, from 1, counted from left to right; the largest if None.

    Raises:
        PerseError: the file is not a readable photo of a human face; the message tells the visitor what to do.
        BuildCancelled: when `cancelled` says so.
    """

    def ask():
        if cancelled():
            raise BuildCancelled()

    original, cutout = decode(source, cancelled)
    photo = _reduced(original)
    found = find_face(photo, cancelled, face)
    original = np.ascontiguousarray(np.rot90(original, found.quarter_turns))
    photo = np.ascontiguousarray(np.rot90(photo, found.quarter_turns))
    if cutout is not None:
        cutout = np.ascontiguousarray(np.rot90(cutout, found.quarter_turns))
        person = cv2.resize(cutout, photo.shape[1::-1], interpolation=cv2.INTER_AREA)
    else:
        person = _coarse_person(photo, found.landmarks)
    ask()

    crop = head_square(found.landmarks, person)
    # The crop is cut from the original, which may hold more detail than the reduced photo.
    scale = original.shape[1] / photo.shape[1]
    large = Crop(crop.x0 * scale, crop.y0 * scale, crop.side * scale)
    side = crop_size(crop, size, scale)
    image = resample(original, large, side)
    landmarks = to_crop(found.landmarks, crop, side)
    inside = resample(np.ones(photo.shape[:2], np.float32), crop, side, outside=0.0)
    given = None if cutout is None else resample(cutout, large, side, outside=0.0)
    rough = resample(person, crop, side)
    ask()
    alpha, foreground = person_matte(image, landmarks, rough, given, networks.cut())
    landmarks = fit_jaw_line(foreground, fit_lip_line(foreground, landmarks))
    ask()
    parts = networks.parts()
    masks = region_masks(foreground, alpha, landmarks, None if parts is None else parts(image, landmarks))
    ask()
    # Beyond the photo its edge is repeated: arms and shoulders there are nobody's.
    mine = inside if given is not None else inside * own_share(image, alpha * inside, masks["hair"], landmarks)
    alpha = alpha * mine
    masks = {name: mask * mine for name, mask in masks.items()}
    if given is None:
        missed = inside * missed_by_matte(image, alpha, inside)
        # It sits in hair, or is hair.
        alpha, masks["hair"] = alpha + missed, masks["hair"] + missed
        foreground = foreground + (missed / np.maximum(alpha, 1e-3))[..., None] * (image - foreground)
    return Portrait(
        image=image,
        foreground=foreground,
        alpha=alpha,
        background=inpaint_background(image, alpha, inside),
        landmarks=landmarks,
        masks=masks,
        crop=crop,
        photo=photo,
        quality=quality_hints(photo, found.landmarks, len(found.boxes), masks["glasses"], scale),
        faces=found.boxes,
        chosen=found.chosen,
        original=None if len(found.boxes) == 1 else original if cutout is None else _with_alpha(original, cutout),
    )


def _with_alpha(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, (255 * alpha + 0.5).astype(np.uint8)])


def _reduced(picture: np.ndarray) -> np.ndarray:
    scale = PHOTO_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _coarse_person(photo: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Person probability (H,W) at two scales: the whole frame, and a window around the head that replaces it there."""
    person = segment_person(photo)
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    reach = 1.6 * float((high - low).max())
    centre = (low + high) / 2
    x0, y0 = np.maximum(centre - reach, 0).astype(int)
    x1, y1 = np.minimum(centre + reach + 1, photo.shape[1::-1]).astype(int)
    near = segment_person(photo[y0:y1, x0:x1])
    # The window wins at its centre and gives way towards its rim, except where that is the photo's edge.
    weight = np.outer(_fading(y0, y1, photo.shape[0]), _fading(x0, x1, photo.shape[1]))
    window = person[y0:y1, x0:x1]
    person[y0:y1, x0:x1] = window + 0.75 * weight * (near - window)
    return person


def _fading(start: int, end: int, length: int) -> np.ndarray:
    """Weights (end - start,) float32: 1 inside, falling to 0 over 15 % at both ends that are not ends of `length`."""
    position = (np.arange(end - start) + 0.5) / (0.15 * (end - start))
    rise = np.ones_like(position) if start == 0 else np.minimum(position, 1)
    fall = np.ones_like(position) if end == length else np.minimum(position[::-1], 1)
    return (rise * fall).astype(np.float32)


def head_mask(portrait: Portrait) -> np.ndarray:
    """(S, S) the head with its hair: where likeness is measured."""
    return np.clip(portrait.alpha * (1 - portrait.masks["clothes"]) * (1 - portrait.masks["neck"]), 0, 1)
