"""What a network has to show on an example before it may serve: two free portraits, of which it is known what is where."""

from functools import cache

import cv2
import numpy as np

from ...face.landmarks import CHEEKBONES, CHIN, FACE_OUTLINE, FOREHEAD_TOP, NOSE_FRONT
from ...face.polygons import polygon
from ..crop import head_square, resample, to_crop
from ..free_photos import free_photo
from ..landmarker import face_landmarks
from ..models import segment_person
from .body_parts import Parts
from .identity import SAME_PERSON, Embed
from .matte import Cut

SIDE = 512  # pixels of the example
FACE_IN, CORNERS_OUT = 0.98, 0.05  # least opacity of the face on the mean, most of the picture's upper corners
AGREES = 0.9  # least overlap (intersection over union) with the person that the embedded network sees
SOFT = (0.002, 0.25)  # share of pixels that are neither in nor out: hair is frayed, and most of a person is not
SHOWN = 0.6  # least share of what is known to be hair, skin or cloth there
PERSON = 0.85  # least share of the person that is hair, skin or cloth at all
ALIKE = 0.5  # least cosine of one person's pictures that differ in light, size and side; it has to be more than SAME_PERSON


@cache
def example(name: str = "astronaut") -> tuple[np.ndarray, np.ndarray]:
    """A free portrait, "astronaut" or "hopper", cropped as photos are: picture (S, S, 3) float32 and landmarks (478, 3) in its pixels."""
    photo = free_photo(name)
    landmarks = face_landmarks(photo)
    assert landmarks is not None, name
    crop = head_square(landmarks, segment_person(photo))
    return resample(photo, crop, SIDE), to_crop(landmarks, crop, SIDE)


def check_cut(cut: Cut) -> dict[str, float]:
    """Figures of a matting network; ValueError, one clause, if one is out of bounds."""
    picture, landmarks = example()
    alpha, side = cut(picture), len(picture)
    person = segment_person((picture * 255 + 0.5).astype(np.uint8)) > 0.5
    inside = alpha > 0.5
    figures = {
        "face": float(alpha[polygon(landmarks, FACE_OUTLINE, side) > 0.5].mean()),
        "corners": float(max(alpha[: side // 12, : side // 12].mean(), alpha[: side // 12, -side // 12 :].mean())),
        "overlap": float((inside & person).sum() / max((inside | person).sum(), 1)),
        "soft": float(((alpha > 0.05) & (alpha < 0.95)).mean()),
    }
    _ask(figures["face"] >= FACE_IN, "the face is not all in its cut-out", figures)
    _ask(figures["corners"] <= CORNERS_OUT, "the wall behind is in its cut-out", figures)
    _ask(figures["overlap"] >= AGREES, "it cuts out something else than the person", figures)
    _ask(SOFT[0] <= figures["soft"] <= SOFT[1], "its outline is hard or a blur", figures)
    return figures


def check_parts(parts: Parts) -> dict[str, float]:
    """Figures of a network of hair, skin and clothes; ValueError, one clause, if one is out of bounds."""
    picture, landmarks = example()
    shares = parts(picture, landmarks)
    height = landmarks[CHIN, 1] - landmarks[FOREHEAD_TOP, 1]

    def at(part: int, point: int, down: float = 0.0) -> float:
        x, y = landmarks[point, 0], landmarks[point, 1] + down * height
        around = cv2.getRectSubPix(shares[part], (5, 5), (float(x), float(y)))
        return float(around.mean())

    person = segment_person((picture * 255 + 0.5).astype(np.uint8)) > 0.8
    figures = {
        "hair": at(0, FOREHEAD_TOP, -0.2),
        "skin": min(at(1, NOSE_FRONT), *(at(1, bone) for bone in CHEEKBONES)),
        "clothes": at(2, CHIN, 0.6),
        "person": float(shares.sum(0)[person].mean()),
        "corners": float(max(shares.sum(0)[:40, :40].mean(), shares.sum(0)[:40, -40:].mean())),
    }
    for part in ("hair", "skin", "clothes"):
        _ask(figures[part] >= SHOWN, f"it does not see {part} where there is", figures)
    _ask(figures["person"] >= PERSON, "it does not see all of the person", figures)
    _ask(figures["corners"] <= CORNERS_OUT, "it sees a person in the wall behind", figures)
    return figures


def check_embedding(embed: Embed) -> dict[str, float]:
    """Figures of a face embedding; ValueError, one clause, if one is out of bounds."""
    picture, landmarks = example()
    one = embed(picture, landmarks)
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    changed = (picture**1.4, landmarks), (small, landmarks * 0.5), (mirrored, _landmarks(mirrored))
    figures = {"same": float(min(embed(*other) @ one for other in changed)), "other": float(embed(*example("hopper")) @ one)}
    _ask(figures["same"] >= ALIKE, "one person's pictures are not alike to it", figures)
    _ask(figures["other"] < SAME_PERSON, "two people are alike to it", figures)
    return figures


def _landmarks(picture: np.ndarray) -> np.ndarray:
    found = face_landmarks((picture * 255 + 0.5).astype(np.uint8))
    assert found is not None
    return found


def _ask(fits: bool, otherwise: str, figures: dict[str, float]) -> None:
    if not fits:
        raise ValueError(f"{otherwise} ({', '.join(f'{name} {value:.2f}' for name, value in figures.items())})")
