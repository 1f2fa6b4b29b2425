"""Where a photo's Gaussians sit in the picture: the cells of a grid, finer where there is detail, and more of them the sharper the photo is."""

import cv2
import numpy as np

from ...portrait import Portrait

FINEST, USUAL_COUNT = 1.45, 39000  # side of the smallest cell, in pixels of a 512-pixel crop, at this many wanted Gaussians
SHARP, BLURRED = (
    0.15,
    0.38,
)  # shares of its Laplacian's energy that a photo keeps under a slight blur: sharp to the last pixel, and not at all
RICHEST = 1.2  # times as many Gaussians for the sharpest photos
SLIGHT_BLUR = 0.7  # standard deviation of that blur, pixels of a 512-pixel crop
LEAST_PERSON = 1000  # pixels of a 512-pixel crop that tell how sharp a photo is
GREY_BLUR = 0.8  # standard deviation of the blur under which detail is looked for, pixels of a 512-pixel crop
# What detail counts: on cloth, how much more elsewhere, and how much more on eyes, brows, lips and mouth; and of that share without any detail.
ON_CLOTH, ON_PERSON, ON_FEATURES, WITHOUT_DETAIL = 0.35, 0.65, 1.5, 0.02
STRONGEST = 97  # percentile of detail above which all detail counts the same


def cells(portrait: Portrait, wanted: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres (M, 2) and sides (M,) of cells, in pixels, x and y; about `count` of them, where wanted (S, S) bool."""
    # Fewer Gaussians are larger ones: a few fine cells among coarse ones would show as a pattern.
    finest = FINEST * len(wanted) / 512 * np.sqrt(USUAL_COUNT / count)
    return _split(_detail(portrait), wanted, count, finest)


def richness(portrait: Portrait) -> float:
    """How many times as many Gaussians a portrait is worth, 1 to RICHEST: detail of single pixels needs finer cells, a soft photo does not.

    Measured is what share of the energy of its Laplacian the person keeps under a slight blur, in a 512-pixel crop.
    """

    def energy(picture: np.ndarray) -> float:
        return float((cv2.Laplacian(picture, cv2.CV_32F)[person] ** 2).mean())

    crop = cv2.resize(portrait.foreground.astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA)
    head = portrait.alpha * (1 - portrait.masks["clothes"])
    person = cv2.erode(cv2.resize(head.astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA), np.ones((7, 7))) > 0.95
    if person.sum() < LEAST_PERSON:
        return 1.0
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    kept = energy(cv2.GaussianBlur(grey, (0, 0), SLIGHT_BLUR)) / max(energy(grey), 1e-9)
    return 1 + (RICHEST - 1) * float(np.clip((BLURRED - kept) / (BLURRED - SHARP), 0, 1))


def _detail(portrait: Portrait) -> np.ndarray:
    """Importance (S, S): faces matter more than jackets; eyes and lips matter most."""
    grey = cv2.GaussianBlur(portrait.foreground.mean(-1).astype(np.float32), (0, 0), GREY_BLUR * len(portrait.alpha) / 512)
    detail = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    features = np.maximum.reduce([portrait.masks[name] for name in ("eyes", "lips", "mouth", "brows")])
    weight = ON_CLOTH + ON_PERSON * np.clip(1 - portrait.masks["clothes"], 0, 1)
    weight = weight + ON_FEATURES * cv2.dilate(features.astype(np.float32), np.ones((9, 9)))
    return np.minimum(detail, np.percentile(detail, STRONGEST)) * weight + WITHOUT_DETAIL * weight


def _split(detail: np.ndarray, wanted: np.ndarray, target: int, finest: float) -> tuple[np.ndarray, np.ndarray]:
    """Centres (M, 2) and sides (M,) of cells: side 2 * finest, split in four where detail is highest.

    Args:
        detail: (S, S) importance; wanted: (S, S) bool, where cells may be; target: how many cells are wanted.
    """
    size = detail.shape[0]
    side = 2 * finest
    centres = np.stack(np.meshgrid(np.arange(side / 2, size, side), np.arange(side / 2, size, side)), -1).reshape(-1, 2)

    def at(image, xy):
        return image[np.clip(xy[:, 1].astype(int), 0, size - 1), np.clip(xy[:, 0].astype(int), 0, size - 1)]

    reach = cv2.dilate(wanted.astype(np.uint8), np.ones((int(np.ceil(finest)) * 2 + 1,) * 2)) > 0
    centres = centres[at(reach, centres)]
    importance = at(cv2.blur(detail.astype(np.float32), (int(np.ceil(side)),) * 2), centres)
    splits = int(np.clip((target - len(centres)) / 3, 0, len(centres)))
    order = np.argsort(-importance, kind="stable")
    split, whole = centres[order[:splits]], centres[order[splits:]]
    shift = finest / 2 * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])
    children = (split[:, None] + shift[None]).reshape(-1, 2)
    xy = np.concatenate([children, whole])
    sides = np.concatenate([np.full(len(children), finest), np.full(len(whole), side)])
    keep = at(wanted, xy)
    return xy[keep], sides[keep]
