"""The face of one person in the frames of a clip, one after the other."""

import numpy as np

from ..portrait import faces_in, networks, track_landmarks
from ..portrait.detect import is_human
from .people import CHECKED_FRAMES, picked
from .same_face import SameFace


class OnePerson:
    """Asked with every frame, in their order.

    person: which of the faces that the first frame with any shows, counted from the left; the largest if None. name: of the file, for people.
    last: the latest face that was seen, of whomever, (478, 3); None before the first. hopeless: whether so many frames have shown nothing
    human that the clip counts as having no face.
    """

    def __init__(self, person: int | None, name: str):
        self.person, self.name, self.hopeless = person, name, False
        self.last: np.ndarray | None = None
        self._ahead: np.ndarray | None = None
        self._same, self._seen, self._refused = SameFace(networks.embedding()), False, 0

    def find(self, frame: np.ndarray) -> tuple[np.ndarray | None, bool]:
        """Landmarks (478, 3) of the person in a frame (H, W, 3) uint8, None if she is not seen; and whether somebody else is. PerseError: there
        is no face of this number."""
        face = self._first(frame) if self.last is None else track_landmarks(frame, self._ahead)
        same = face is not None and self._same.sees(frame, face)
        if not same and self.person is not None and self.last is not None:
            again = self._same.known_among(frame, faces_in(frame))
            again = None if again is None else track_landmarks(frame, again)
            if again is not None and self._same.sees(frame, again):
                face, same, self._seen = again, True, False
        if face is not None:
            # A face keeps moving as it moved: looked for where it will be, it need not be looked at again from there.
            self.last, self._ahead, self._seen = face, face if self.last is None or not self._seen else 2 * face - self.last, True
        else:
            self._seen = False
        return (face if same else None), face is not None and not same

    def _first(self, frame: np.ndarray) -> np.ndarray | None:
        if self.person is None:
            face = track_landmarks(frame)
            if face is not None and not is_human(frame, face):
                face, self._refused = None, self._refused + 1
                self.hopeless = self._refused == CHECKED_FRAMES
            return face
        faces = faces_in(frame)
        return track_landmarks(frame, picked(faces, self.person, self.name)) if faces else None
