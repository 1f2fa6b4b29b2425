"""What lies over a face: dark glasses before the eyes; a mask, a scarf or a hand before the mouth.

Landmarks are found there all the same, where a face would have them. What is looked for is what every uncovered face shows there: something
bright in an eye or below it, and lips, which differ from the skin in hue and have a dark line between them.

Measured on nine portraits and paintings and on frames of five clips, and on the portraits with glasses, masks (white, black, blue, with folds
and noise) and hands drawn over them; no photo of somebody who really wears a mask or dark glasses was at hand.
"""

import cv2
import numpy as np

from ..face.landmarks import EYE_OUTLINE, FOREHEAD_OUTLINE, LIPS_OUTLINE
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


class Face:
    """A close-up of a face. photo: (H, W, 3) uint8; landmarks: (478, 3) in its pixels."""

    def __init__(self, photo: np.ndarray, landmarks: np.ndarray):
        centre, side, angle = levelled_square(landmarks)
        picture, to_photo = close_up(photo, centre, 0.55 * side, angle)
        back = np.linalg.inv(np.vstack([to_photo, [0, 0, 1]]))
        self.points = (landmarks[:, :2] @ back[:2, :2].T + back[:2, 2]) * (SIDE / len(picture))
        small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        self.lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        self.forehead = max(1.0, float(np.median(self.within(FOREHEAD_OUTLINE)[:, 0])))

    def within(self, outline: list[int], without: list[int] | None = None) -> np.ndarray:
        """(N, 3) colours within an outline of landmarks, and not within another."""
        inside = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(inside, [self.points[outline].round().astype(np.int32)], 1)
        if without is not None:
            cv2.fillPoly(inside, [self.points[without].round().astype(np.int32)], 0)
        found = self.lab[inside > 0]
        return found if len(found) else self.lab[:1, 0]


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
