"""What lies over a face: dark glasses before the eyes; a mask, a scarf or a hand before the mouth; a hand on a cheek.

Landmarks are found there all the same, where a face would have them. What is looked for is what every uncovered face shows there: something
bright in an eye or below it, and lips, which differ from the skin in hue and have a dark line between them. A hand is as skin is; it
is found by the edges of its fingers on a cheek that goes on, as skin, beside the jaw.

Measured on nine portraits and paintings and on frames of five clips, and on the portraits with glasses, masks (white, black, blue, with folds
and noise) and hands drawn over them; no photo of somebody who really wears a mask or dark glasses, or holds a hand to the face, was at hand.
"""

import cv2
import numpy as np

from ..face.landmarks import EYE_OUTLINE, FACE_OUTLINE, FOREHEAD_OUTLINE, LIPS_OUTLINE
from .face_frame import FaceFrame
from .landmarker import close_up, levelled_square

SIDE = 160  # pixels of the close-up of a face, in which small and large photos measure the same
AROUND_LIPS = [206, 165, 92, 186, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 426, 164]
BELOW_EYES = ([228, 229, 230, 231, 120, 119], [448, 449, 450, 451, 349, 348])  # skin that lies behind a glass, too
# Lightness there over the forehead's: .7 and more uncovered, in 270 frames of five clips and through plain glasses, too; .06 to .4 behind dark
# ones, rarely .5 where they shine or are small.
DARK_EYES = 0.5
# Of lips against the skin about them: hue in CIE Lab, 7 to 24 uncovered in colour, up to .2 covered; lightness from dark to light over the
# forehead's, .55 and more uncovered, up to .2 covered, .3 to .5 where fingers part or the forehead is dark. Of 270 frames the faintest lips had a
# hue of 1.6.
SAME_HUE, SAME_LIGHT = 1.2, 0.3
# Cheeks down to the jaw, the subject's right before the left, without the fold beside the nose.
OPEN_CHEEKS = ([117, 118, 101, 205, 207, 192, 213, 147, 123], [346, 347, 330, 425, 427, 416, 433, 376, 352])
# An edge on a cheek: CIE Lab a pixel of the close-up. Share of a cheek that is edges, and of what lies beside the jaw that is as cheeks are,
# from which there is a hand. On 14 faces and 40 frames of clips with a drawn hand .17 to .6 and .66 to 1; without one never both: up to .6
# (wrinkles, a beard, a cap's shadow) where nothing beside the jaw is as skin, and up to .7 (a neck, a bare shoulder) on cheeks without edges.
EDGE, EDGES, BESIDE_JAW = 2.5, 0.12, 0.55
# As a cheek: distance in CIE Lab, lightness counting a third, as a hand may be in the shade.
AS_SKIN, LIGHTNESS = 7.0, 0.35
# Beside the jaw: so far from the outline and from the midline's side (in half widths), from above the mouth to below the chin; face heights.
NEAR_JAW, ASIDE, ABOVE_MOUTH, BELOW_CHIN = 0.14, 0.75, 0.06, 0.10
# The close-up of a face, and one that shows what is beside it; of the square around the face.
NARROW, WIDE = 0.55, 0.85


class Face:
    """A close-up of a face. photo: (H, W, 3) uint8; landmarks: (478, 3) in its pixels; reach: half its side, of the square around the face."""

    def __init__(self, photo: np.ndarray, landmarks: np.ndarray, reach: float = NARROW):
        centre, side, angle = levelled_square(landmarks)
        picture, to_photo = close_up(photo, centre, reach * side, angle)
        back = np.linalg.inv(np.vstack([to_photo, [0, 0, 1]]))
        self.scale = SIDE / len(picture)
        self.points = (landmarks[:, :2] @ back[:2, :2].T + back[:2, 2]) * self.scale
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        self.lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        self.forehead = max(1.0, float(np.median(self.within(FOREHEAD_OUTLINE)[:, 0])))

    def within(self, outline: list[int], without: list[int] | None = None) -> np.ndarray:
        """(N, 3) colours within an outline of landmarks, and not within another."""
        inside = self.mask(outline)
        if without is not None:
            inside &= ~self.mask(without)
        found = self.lab[inside]
        return found if len(found) else self.lab[:1, 0]

    def mask(self, outline: list[int]) -> np.ndarray:
        """(SIDE, SIDE) bool: within an outline of landmarks."""
        inside = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(inside, [self.points[outline].round().astype(np.int32)], 1)
        return inside > 0


def light_about_eyes(face: Face) -> float:
    """Lightness behind where glasses would be, over the forehead's: of the brightest tenth of an eye or of the skin below it, whichever is
    lighter: eyes are dark in a shadow, or closed, but hardly ever with the skin below them."""
    eyes = [np.percentile(face.within(eye)[:, 0], 90) for eye in EYE_OUTLINE.values()]
    return float(max(*eyes, *(np.median(face.within(skin)[:, 0]) for skin in BELOW_EYES))) / face.forehead


def lips_stand_out(face: Face) -> float:
    """How clearly lips are seen: 1 and more, by their hue or by their light and dark, below it if by neither."""
    lips, skin = face.within(LIPS_OUTLINE), face.within(AROUND_LIPS, LIPS_OUTLINE)
    hue = float(np.linalg.norm((np.median(lips, 0) - np.median(skin, 0))[1:]))
    dark, light = np.percentile(lips[:, 0], [5, 95])
    return max(hue / SAME_HUE, float(light - dark) / face.forehead / SAME_LIGHT)


def hand_on_cheek(photo: np.ndarray, landmarks: np.ndarray, face: Face) -> float:
    """How clearly a hand lies on a cheek: 1 and more, or less where there is none. photo, landmarks: as of `Face`; face: that of them."""
    wide = Face(photo, landmarks, WIDE)
    return max(
        min(edges / EDGES, beside / BESIDE_JAW)
        for edges, beside in zip((_edges(face, cheek) for cheek in OPEN_CHEEKS), _beside_jaw(wide, landmarks[:, 2]))
    )


def _edges(face: Face, cheek: list[int]) -> float:
    """Share of a cheek that is edges."""
    lab = cv2.GaussianBlur(face.lab, (0, 0), 1.2)
    steps = [cv2.Sobel(lab, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1))]
    inside = cv2.erode(face.mask(cheek).astype(np.uint8), np.ones((3, 3))) > 0
    return float((np.sqrt(sum((step**2).sum(-1) for step in steps))[inside] > EDGE).mean()) if inside.any() else 0.0


def _beside_jaw(face: Face, depth: np.ndarray) -> tuple[float, float]:
    """Share of what lies beside the jaw, on the subject's right and on the left, that is as the cheeks are. depth: z of landmarks, photo's pixels."""
    frame = FaceFrame(np.column_stack([face.points, depth * face.scale]), SIDE)
    cheeks = [np.median(face.within(cheek), 0) for cheek in OPEN_CHEEKS]
    weighed = np.array([LIGHTNESS, 1, 1], np.float32)
    as_skin = np.minimum(*(np.linalg.norm((face.lab - cheek) * weighed, axis=-1) for cheek in cheeks)) < AS_SKIN
    outside = cv2.dilate(face.mask(FACE_OUTLINE).astype(np.uint8), np.ones((3, 3))) == 0
    far = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, 5) / frame.height
    near = outside & (far < NEAR_JAW) & (frame.v > frame.mouth_v - ABOVE_MOUTH) & (frame.v < BELOW_CHIN)
    aside = ASIDE * frame.half_width
    right, left = (as_skin[near & where] for where in (frame.u < -aside, frame.u > aside))
    return float(right.mean()) if len(right) else 0.0, float(left.mean()) if len(left) else 0.0
