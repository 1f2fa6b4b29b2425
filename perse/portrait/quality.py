"""Advice for the visitor: what about the photo will make the avatar worse."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..face.landmarks import CHIN, EARS, EYE, EYE_CORNERS, FOREHEAD_TOP
from ..face.measures import MIDDLE_OF_LIDS, face_height, lid_opening, lip_gap
from .covered import DARK_EYES, Face, hand_on_cheek, light_about_eyes, lips_stand_out
from .landmarker import close_up, levelled_square

SMALL_FACE = 160
TURNED_DEGREES = 30.0
# The line from forehead to chin leans by this much when the face looks straight ahead, in degrees.
NEUTRAL_PITCH = -6.0
# See `sharpness`: sharp photos measure 0.18 to 0.3, blurred by 1.5 % of the face height 0.09 to 0.12.
BLURRED = 0.125
# Opening over width: eyes that look at the camera 0.2 to 0.4, closed lids below 0.1.
EYES_CLOSED = 0.11
# Gap between the lips over the height of the face; a smile that shows teeth has up to 0.08.
MOUTH_OPEN = 0.1
# Mean distance from grey of the middle of the face, in CIE Lab: 8.9 to 35 in twelve photos and paintings in colour, 0 to 0.1 in black and white.
COLOURLESS = 6.0
# How much room below the chin, and around the face, in face heights.
ROOM_BELOW = 0.15
ROOM_AROUND = 0.03


@dataclass(frozen=True)
class Hint:
    """One piece of advice: a stable code, a sentence for the visitor, and the value that was measured."""

    code: str
    message: str
    value: float


def quality_hints(photo: np.ndarray, landmarks: np.ndarray, faces: int, glasses: np.ndarray, scale: float = 1.0) -> list[Hint]:
    """Hints, the most important first.

    Args:
        photo: (H,W,3) uint8, upright.
        landmarks: (478,3) in photo pixels.
        faces: number of faces of comparable size.
        glasses: mask of glasses, any size.
        scale: pixels of the uploaded picture to one of `photo`.
    """
    size = face_height(landmarks[:, :2]) * scale
    angle = turn(landmarks)
    sharp = sharpness(photo, landmarks)
    room = room_around(photo, landmarks)
    eyes = eye_opening(landmarks)
    mouth = mouth_gap(landmarks)
    framed = float(glasses.mean())
    colour = colourfulness(photo, landmarks)
    face = Face(photo, landmarks)
    lit, lips = light_about_eyes(face), lips_stand_out(face)
    dark, covered = lit < DARK_EYES, lips < 1
    hand = hand_on_cheek(photo, landmarks, face)
    checks = (
        (
            size < SMALL_FACE,
            "small_face",
            size,
            f"The face is only {size:.0f} pixels high: a closer or larger photo gives a sharper avatar.",
        ),
        (
            abs(angle) > TURNED_DEGREES,
            "turned",
            angle,
            f"The head is turned by {abs(angle):.0f}°: a photo from the front shows both halves of the face.",
        ),
        (sharp < BLURRED, "blurred", sharp, "The face looks blurred: a sharper photo gives a sharper avatar."),
        (room < 0, "cut_off", room, "The head is cut off by the edge of the photo: leave some room around hair and chin."),
        (dark, "dark_glasses", lit, "Dark glasses hide the eyes: please take a photo without them; glasses can be added later."),
        (
            covered,
            "mouth_covered",
            lips,
            "The mouth is covered, by a hand or a mask perhaps: only a photo that shows it gives the avatar a mouth of its own.",
        ),
        (
            hand >= 1 and colour >= COLOURLESS,  # among greys everything is as skin
            "hand",
            hand,
            "A hand seems to lie on the face: it would become part of it, so please take a photo without.",
        ),
        (eyes < EYES_CLOSED and not dark, "eyes_closed", eyes, "The eyes look closed: a photo with open eyes lets the avatar look around."),
        (mouth > MOUTH_OPEN and not covered, "mouth_open", mouth, "The mouth is open: a relaxed, closed mouth gives better expressions."),
        (
            colour < COLOURLESS,
            "no_colour",
            colour,
            "The face has hardly any colour: from a black-and-white photo or a statue the avatar stays grey.",
        ),
        (
            framed > 0 and not dark,
            "glasses",
            framed,
            "Glasses hide part of the eyes: a photo without them gives better eyes, and glasses can be added later.",
        ),
        (
            faces > 1,
            "several_faces",
            float(faces),
            f"There are {faces} faces in the photo: please check that it is the right one, or choose another.",
        ),
    )
    return [Hint(code, message, float(value)) for present, code, value, message in checks if present]


def turn(landmarks: np.ndarray) -> float:
    """How far the face is turned away from the camera in degrees, sideways and up or down together; positive when it
    looks to the right of the picture."""
    across = (landmarks[EARS[1]] - landmarks[EARS[0]]) + (landmarks[EYE_CORNERS[1]] - landmarks[EYE_CORNERS[0]])
    down = landmarks[CHIN] - landmarks[FOREHEAD_TOP]
    into = np.cross(across, down)  # points into the picture when the face looks at the camera
    into = into / max(np.linalg.norm(into), 1e-6)
    yaw = np.degrees(np.arctan2(-into[0], into[2]))
    pitch = np.degrees(np.arcsin(np.clip(into[1], -1, 1))) - NEUTRAL_PITCH
    return float(np.hypot(yaw, pitch) * (np.sign(yaw) or 1))


def eye_opening(landmarks: np.ndarray) -> float:
    """Opening of the wider eye, in the middle of its lids, over its width."""
    return max(lid_opening(landmarks[:, :2], side, MIDDLE_OF_LIDS) for side in EYE)


def mouth_gap(landmarks: np.ndarray) -> float:
    """Gap between the inner lips over the height of the face: a smile makes a mouth wider, but no face higher."""
    return lip_gap(landmarks[:, :2]) / max(face_height(landmarks[:, :2]), 1e-6)


def sharpness(photo: np.ndarray, landmarks: np.ndarray) -> float:
    """How steep the steepest edges of eyes and mouth are, 0 to about 1.

    The 99th percentile of the lightness step between neighbouring pixels of a close-up scaled to 160 pixels of face
    height, over the face's own contrast: independent of exposure and size.
    """
    centre, side, angle = levelled_square(landmarks)
    picture, _ = close_up(photo, centre, side / 2 * 1.1, angle)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.resize(grey, (160, 160), interpolation=cv2.INTER_AREA)
    inner = grey[20:140, 20:140]
    contrast = np.percentile(inner, 99) - np.percentile(inner, 1)
    steps = np.hypot(cv2.Sobel(inner, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(inner, cv2.CV_32F, 0, 1, scale=1 / 8))
    return float(np.percentile(steps, 99) / max(contrast, 1.0))


def colourfulness(photo: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean distance from grey in CIE Lab, of the middle of the face."""
    centre, side, angle = levelled_square(landmarks)
    picture, _ = close_up(photo, centre, side / 4, angle)
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())


def room_around(photo: np.ndarray, landmarks: np.ndarray) -> float:
    """Smallest room between the face with its hair (assumed a quarter of its height) and the photo's edges, in face
    heights; negative when something is cut off."""
    height, width = photo.shape[:2]
    size = face_height(landmarks[:, :2])
    low, high = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    return float(
        min(
            low[0] / size - ROOM_AROUND, (width - high[0]) / size - ROOM_AROUND, low[1] / size - 0.1, (height - high[1]) / size - ROOM_BELOW
        )
    )
