"""Nothing that was generated teaches unseen: is it a face, the same face, where it was, and changed where it was asked?

Distances are in outer eye-corner distances. The detector's own noise is about 0.003 of them between two encodings of one
picture, and 0.01 to 0.02 between pictures of one person that differ in hair, beard or colour (seen on the test portraits).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ...face.alignment import Similarity
from ...face.landmarks import EYE, FACE, OVAL, UPPER_LIP
from ...face.measures import eye_distance
from ...portrait import Portrait, face_landmarks
from ...portrait.detect import is_human
from ...portrait.networks.identity import SAME_PERSON, Embed
from ...portrait.quality import eye_opening, mouth_gap
from .compose import compose

MOVED = 0.05  # of the median landmark, before any alignment: more would not fit the photo around it
SHAPE = 0.030  # RMS of the landmarks outside the region, after alignment
EYES, MOUTH = 0.10, 0.04  # change of the lids' gap over the eye's width, of the lips' over the face's height: another expression
OUTSIDE = 0.06  # mean absolute change outside the region
PATCH, PATCH_SHARE = 0.16, 0.03  # blurred change, and the share of the outside that may exceed it
SEEN, SHAPED = 0.02, 0.012  # least change inside: of colour, or RMS of the region's landmarks
PLAIN, PLAIN_AREA = 0.06, 0.012  # or: this change, over so many squared eye distances (two irises are 0.03)
BETWEEN = 0.30  # how far from its share an interpolated face may lie on the way between two edits
SIDEWAYS = 1.0  # how far beside it, in lengths of the way
MIN_OUTSIDE = 40  # landmarks needed for a shape


@dataclass
class Verdict:
    """ok; reason: one clause if not; picture (S, S, 3): the edit composed into the photo; weight (S, S): where it shows;
    landmarks (478, 3) of the generated picture; measures: figures behind the decision."""

    ok: bool
    reason: str = ""
    picture: np.ndarray | None = None
    weight: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    measures: dict[str, float] = field(default_factory=dict)


def refused(reason: str, **measures: float) -> Verdict:
    """A verdict against, with its figures."""
    return Verdict(False, reason, measures=measures)


def find_landmarks(image: np.ndarray) -> np.ndarray | None:
    """Landmarks (478, 3) of the human face in a generated picture (H, W, 3) float32, None if there is none."""
    picture = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    landmarks = face_landmarks(picture)
    return landmarks if landmarks is not None and is_human(picture, landmarks) else None


class Inspector:
    """Looks at everything generated from one portrait.

    Args:
        portrait: the real photo.
        embed: a face embedding, or None to go by landmark shape alone.
    """

    def __init__(self, portrait: Portrait, embed: Embed | None = None):
        self.portrait, self.embed = portrait, embed
        self.eye = eye_distance(portrait.landmarks[:, :2])
        self.person = None if embed is None else embed(portrait.image, portrait.landmarks)

    def same_person(self, image: np.ndarray, landmarks: np.ndarray) -> float:
        """Cosine between the embeddings of a picture and of the portrait; 1 without an embedding."""
        return 1.0 if self.embed is None else float(self.embed(image, landmarks) @ self.person)

    def _outside(self, mask: np.ndarray) -> np.ndarray:
        """Indices of landmarks that the edit has no business with; the outline, which slides, is not among them."""
        size = len(mask)
        xy = np.clip(self.portrait.landmarks[:FACE, :2].astype(int), 0, size - 1)
        free = mask[xy[:, 1], xy[:, 0]] < 0.02
        free[OVAL] = False
        return np.flatnonzero(free)

    def edit(self, raw: np.ndarray, mask: np.ndarray, shape: bool) -> Verdict:
        """Judge one edit.

        Args:
            raw: (S, S, 3) as generated.
            mask: (S, S) where it may differ from the photo.
            shape: a change of form counts as an effect, not only one of colour.
        """
        landmarks = find_landmarks(raw)
        if landmarks is None:
            return refused("no face was found in it")
        before, after = self.portrait.landmarks[:FACE, :2].astype(float), landmarks[:FACE, :2].astype(float)
        outside = self._outside(mask)
        if len(outside) < MIN_OUTSIDE:  # skin: its region is the whole face, whose form must not change either
            outside = np.setdiff1d(np.arange(FACE), OVAL)
        moved = float(np.median(np.linalg.norm(after - before, axis=1)[outside])) / self.eye
        if moved > MOVED:
            return refused("the face moved", moved=moved)
        laid = Similarity.fit(after[outside], before[outside])(after)
        distance = np.linalg.norm(laid - before, axis=1) / self.eye
        form = float(np.sqrt((distance[outside] ** 2).mean()))
        likeness = self.same_person(raw, landmarks)
        if form > SHAPE or likeness < SAME_PERSON:
            return refused("it shows another face", shape=form, likeness=likeness)
        verdict = self._expression(landmarks, mask)
        if verdict is not None:
            return verdict
        picture, weight = compose(self.portrait.image, raw, mask, self.eye)
        beyond, patches = self._beyond(raw, mask)
        if beyond > OUTSIDE or patches > PATCH_SHARE:
            return refused("it changes the picture outside the region", outside=beyond, patches=patches)
        inside, area = self._inside(picture, weight)
        in_region = np.setdiff1d(np.arange(FACE), outside)
        form_change = float(np.sqrt((distance[in_region] ** 2).mean())) if len(in_region) else 0.0
        measures = {
            "moved": moved,
            "shape": form,
            "outside": beyond,
            "inside": inside,
            "area": area,
            "form": form_change,
            "likeness": likeness,
        }
        if inside < SEEN and area < PLAIN_AREA and not (shape and form_change >= SHAPED):
            return refused("it changes too little", **measures)
        return Verdict(True, "", picture, weight, landmarks, measures)

    def _inside(self, picture: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
        """How much the region changed: mean absolute change, and the plainly changed area in squared eye distances (an iris is
        a small part of the eye), smoothed so that an encoder's grain is no change."""
        difference = cv2.GaussianBlur(np.abs(picture - self.portrait.image).mean(-1), (0, 0), 0.02 * self.eye)
        return float((difference * weight).sum() / max(weight.sum(), 1e-6)), float((difference > PLAIN).sum()) / self.eye**2

    def _expression(self, landmarks: np.ndarray, mask: np.ndarray) -> Verdict | None:
        """Eyes and mouth must be as open as they were, unless they are what is edited."""
        for what, measure, index, limit in (("mouth", mouth_gap, UPPER_LIP, MOUTH), ("eyes", eye_opening, EYE["right"]["upper"][3], EYES)):
            x, y = np.clip(self.portrait.landmarks[index, :2].astype(int), 0, len(mask) - 1)
            change = abs(measure(landmarks) - measure(self.portrait.landmarks))
            if mask[y, x] < 0.02 and change > limit:
                return refused("the expression changed", **{what: float(change)})
        return None

    def _beyond(self, raw: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
        """Mean absolute change outside the mask, and the share of it that changed plainly."""
        difference = np.abs(raw - self.portrait.image).mean(-1)
        outside = cv2.dilate(mask, np.ones((5, 5))) < 0.02
        if not outside.any():
            return 0.0, 0.0
        weight = cv2.GaussianBlur(outside.astype(np.float32), (0, 0), 0.06 * self.eye)
        blurred = cv2.GaussianBlur(difference * outside, (0, 0), 0.06 * self.eye) / np.maximum(weight, 1e-3)
        return float(difference[outside].mean()), float((blurred[outside] > PATCH).mean())

    def between(self, raw: np.ndarray, mask: np.ndarray, first: np.ndarray, second: np.ndarray, share: float) -> tuple[Verdict, float]:
        """Judge an interpolated face as an edit, and find where it lies between two accepted edits (S, S, 3).

        Returns:
            the verdict and the measured share, 0 at the first edit, 1 at the second.
        """
        verdict = self.edit(raw, mask, shape=True)
        if not verdict.ok:
            return verdict, share
        small = [cv2.resize(p * mask[..., None], (96, 96), interpolation=cv2.INTER_AREA) for p in (verdict.picture, first, second)]
        way, here = small[2] - small[1], small[0] - small[1]
        length = float((way**2).sum())
        if length < 1e-6:
            return refused("the two edits do not differ"), share
        measured = float((here * way).sum()) / length
        beside = float(np.sqrt(((here - measured * way) ** 2).sum() / length))
        if abs(measured - share) > BETWEEN or beside > SIDEWAYS:
            return refused("it does not lie between the two edits", share=measured, beside=beside), share
        return verdict, float(np.clip(measured, 0.05, 0.95))
