"""Whether a clip still shows the person it began with: a cut to another face is no movement.

Faces are compared by small levelled pictures of them. From one frame to the next those of one person are alike however she moves (their
correlation stays above .8 in clips with quick turns); those of two people are not (below .65). Only where likeness breaks off, and the
whole picture changes or the face leaps, is it asked who is seen: the first person, of whom some pictures are kept, or another. Where a network tells people
apart (`portrait/networks`), it is asked then, instead of the pictures.
"""

import cv2
import numpy as np

from ..portrait.landmarker import CLOSE_UP_BOXES, close_up, levelled_square
from ..portrait.networks.identity import SAME_PERSON, Embed

SIDE, FINE = 32, 3  # pixels of a picture; how many times as many are looked at
SHOWN = 1.25  # times the face's box that it shows: the hairline counts, the ground behind does not
BROKEN = 0.7  # correlation of a frame and the one before below which it may be another person
AGAIN = 0.72  # of a frame and one that is kept, from which it is the first person
SCENE, LEAP = 0.85, 0.3  # correlation of whole pictures below which it is another scene; sides of its square by which a face leaps
KEPT_EVERY, MOST_KEPT = 8, 64  # frames between two pictures that are kept, and how many are
MOST_EMBEDDED = 8  # of them, those that a network has seen: 10 to 20 ms each


class SameFace:
    """Asked with every frame in which a face is found, in their order.

    embed: what tells people apart, if there is something.
    """

    def __init__(self, embed: Embed | None = None):
        self._kept: list[np.ndarray] = []
        self._embed, self._embedded = embed, list[np.ndarray]()
        self._last: tuple | None = None
        self._same, self._asked = True, 0

    def sees(self, frame: np.ndarray, face: np.ndarray) -> bool:
        """Whether a face, landmarks (478, 3) in a frame (H, W, 3) uint8, is that of the first person."""
        centre, side, _ = levelled_square(face)
        far = _thinned(frame, min(frame.shape[:2]))
        now = _pictured(frame, face), _normed(cv2.resize(far, (SIDE, SIDE), interpolation=cv2.INTER_AREA)), centre
        if self._last is not None and self._same:
            before, scene, place = self._last
            elsewhere = float(now[1] @ scene) < SCENE or np.linalg.norm(centre - place) > LEAP * side
            self._same = float(now[0] @ before) > BROKEN or not elsewhere or self._knows(now[0], frame, face)
        elif self._last is not None:
            self._same = self._knows(now[0], frame, face)
        self._last = now
        if self._same and self._asked % KEPT_EVERY == 0 and len(self._kept) < MOST_KEPT:
            self._kept.append(now[0])
            if self._embed is not None and len(self._embedded) < MOST_EMBEDDED:
                self._embedded.append(self._identity(frame, face))
        self._asked += self._same
        return self._same

    def known_among(self, frame: np.ndarray, faces: list[np.ndarray]) -> np.ndarray | None:
        """The first person's face among those of a frame; None if she is not there."""
        if not faces:
            return None
        if self._embedded:
            alike, least = [self._same_identity(frame, face) for face in faces], SAME_PERSON
        else:
            alike, least = [self._likeness(_pictured(frame, face)) for face in faces], AGAIN
        return faces[int(np.argmax(alike))] if max(alike) > least else None

    def _knows(self, picture: np.ndarray, frame: np.ndarray, face: np.ndarray) -> bool:
        if self._embedded:
            return self._same_identity(frame, face) > SAME_PERSON
        return self._likeness(picture) > AGAIN

    def _identity(self, frame: np.ndarray, face: np.ndarray) -> np.ndarray:
        assert self._embed is not None
        return self._embed(frame.astype(np.float32) / 255, face)

    def _same_identity(self, frame: np.ndarray, face: np.ndarray) -> float:
        """Cosine with the most alike of the faces that were kept."""
        now = self._identity(frame, face)
        return max(float(now @ kept) for kept in self._embedded)

    def _likeness(self, picture: np.ndarray) -> float:
        return max(float(picture @ kept) for kept in self._kept)


def _pictured(frame: np.ndarray, face: np.ndarray) -> np.ndarray:
    """A small levelled picture of a face, as it is compared."""
    centre, side, angle = levelled_square(face)
    shown = side * SHOWN / CLOSE_UP_BOXES
    near = _thinned(frame, shown)
    close, _ = close_up(near, centre * len(near) / len(frame), shown * len(near) / len(frame), angle, SIDE)
    return _normed(cv2.GaussianBlur(close, (0, 0), 1.0))


def _thinned(frame: np.ndarray, shown: float) -> np.ndarray:
    """Every n-th pixel, such that what fills `shown` pixels still fills a few pictures' sides."""
    step = max(1, int(shown / (FINE * SIDE)))
    return np.ascontiguousarray(frame[::step, ::step])


def _normed(picture: np.ndarray) -> np.ndarray:
    """A picture's brightness (SIDE * SIDE,), of length one and mean zero: products of two are correlations."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64).ravel()
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1e-9)
