"""Halos along the hairline: what a dye that does not know hair from skin leaves there, a line lighter or darker than both.

Across a hairline brightness goes from the skin's to the hair's, and there and back by as much as strands differ. A halo is more of the latter:
along a way across of total variation T whose ends differ by D the excess is T - D, and the halo of an edit is by how much the mean excess
grows, as a share of the source's mean T.
"""

import cv2
import numpy as np

from ..attributes.edit_vocabulary import Axis, Dye
from ..controls import Controls
from ..face.measures import eye_distance
from ..texture.cie_lab import to_lab
from .subject import Subject

POSES = tuple(Controls(yaw=yaw, zoom=2.2) for yaw in (-30.0, 0.0, 30.0))
BAND = 0.02  # half of the way across, eye distances
ACROSS = 9  # samples of it
ALONG = 0.08  # eye distances along the hairline over which ways across are averaged: strands cross it, halos run along
HAIR = 0.5  # of the region that a dye owns, rendered: where hair begins
PERSON = 0.98  # alpha from which a pixel is the person's alone: at the outline hair borders on no skin
FEW = 20  # points; fewer say nothing


def leaves_halos(axis: Axis) -> bool:
    """Whether an axis is one that this is asked of: a dye."""
    return any(isinstance(edit, Dye) for edit in axis.edits)


def halo(subject: Subject, axis: Axis, amounts: tuple[float, ...] = (0.5, 1.0)) -> float | None:
    """The largest halo of an axis at these amounts, seen from three sides; 0 and less is none. None if no hairline is seen."""
    excess: dict[float, list[float]] = {amount: [] for amount in (0.0, *amounts)}
    total: list[float] = []
    for pose in POSES:
        image, alpha = subject.picture(pose)
        marks = subject.landmarks(image, subject.find(image))
        if marks is None:
            continue
        unit = eye_distance(marks)
        ways = hairline(subject.regions(((axis.name,),), pose)[..., 0], alpha, unit)
        if ways is None:
            continue
        for amount in excess:
            shown = image if amount == 0 else subject.picture(Controls(yaw=pose.yaw, zoom=pose.zoom, attributes={axis.name: amount}))[0]
            over, whole = variation(shown, ways, unit)
            excess[amount].append(over)
            if amount == 0:
                total.append(whole)
    if not total:
        return None
    most = max(float(np.mean(excess[amount])) for amount in amounts)
    return (most - float(np.mean(excess[0.0]))) / max(float(np.mean(total)), 1e-6)


def hairline(hair: np.ndarray, alpha: np.ndarray, unit: float) -> np.ndarray | None:
    """Ways across the hairline (N, ACROSS, 2), pixels, in its order: from the skin into the hair; None if there are few.

    Args:
        hair: (S, S) in [0, 1], where the dye is at home; alpha: (S, S) of the person; unit: the eye distance in pixels.
    """
    smooth = cv2.GaussianBlur(np.ascontiguousarray(hair, np.float32), (0, 0), max(0.01 * unit, 0.8))
    slope = np.stack([cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)], -1)
    reach = 2 * int(3 * BAND * unit) + 3
    sure = cv2.erode((alpha > PERSON).astype(np.uint8), np.ones((reach, reach)))
    outlines, _ = cv2.findContours((smooth > HAIR).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate([o[:, 0] for o in outlines]) if outlines else np.zeros((0, 2), int)
    steep = slope[points[:, 1], points[:, 0]]
    length = np.linalg.norm(steep, axis=1)
    kept = (sure[points[:, 1], points[:, 0]] > 0) & (length > 0.2 * max(float(length.max(initial=0)), 1e-6))
    if kept.sum() < FEW:
        return None
    step = np.linspace(-BAND * unit, BAND * unit, ACROSS)
    return (points[kept, None] + (steep[kept] / length[kept, None])[:, None] * step[:, None]).astype(np.float32)


def variation(image: np.ndarray, ways: np.ndarray, unit: float) -> tuple[float, float]:
    """Mean excess and mean total variation of lightness, L*, along ways (N, K, 2) across a picture (S, S, 3)."""
    light = np.ascontiguousarray(to_lab(image)[..., 0])
    profile = cv2.remap(light, ways[..., 0], ways[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = cv2.blur(profile, (1, max(int(ALONG * unit), 1)), borderType=cv2.BORDER_REPLICATE)
    whole = np.abs(np.diff(profile, axis=1)).sum(1)
    return float((whole - np.abs(profile[:, -1] - profile[:, 0])).mean()), float(whole.mean())
