"""Where a pixel lies in the face's own frame: across the midline and down from the chin, in face heights, however the head is tilted."""

from functools import cached_property

import numpy as np

from ..face.landmarks import BROW_PEAKS, CHIN, EARS, EYE_CORNERS, FACE_OUTLINE, FOREHEAD_TOP, NOSE_TIP, UPPER_LIP
from ..face.measures import face_height

# How far the middle of the head lies behind its face, in face heights.
BEHIND = 0.5


class FaceFrame:
    """The frame of one face over a picture.

    u, v (S,S) float32 are each pixel's coordinates: v is 0 at the chin and -1 at the top of the forehead, u is 0 on the midline and grows
    to the right of the picture. height is the face's in pixels, half_width the outline's in face heights, yaw the face's in radians,
    positive where the head's back shows on the picture's right; brow_v, eye_v, nose_v and mouth_v are the heights of these.

    Args:
        landmarks: (478,3) in pixels; size: S.
    """

    def __init__(self, landmarks: np.ndarray, size: int):
        self.landmarks, self.size = landmarks, size
        self.height = face_height(landmarks[:, :2])
        chin, top = landmarks[CHIN, :2], landmarks[FOREHEAD_TOP, :2]
        down = (chin - top) / np.linalg.norm(chin - top) ** 2
        self._chin, self._down = chin, down
        x = np.arange(size, dtype=np.float32) + 0.5
        dx, dy = x[None] - chin[0], x[:, None] - chin[1]
        self.u = (dx * down[1] - dy * down[0]).astype(np.float32)
        self.v = (dx * down[0] + dy * down[1]).astype(np.float32)
        self.half_width = 0.5 * np.ptp(landmarks[FACE_OUTLINE, 0]) / self.height
        across = landmarks[EARS[1]] - landmarks[EARS[0]]
        self.yaw = float(-np.arctan2(across[2], across[0]))
        self.brow_v, self.eye_v = (0.5 * (self.v_of(right) + self.v_of(left)) for right, left in (BROW_PEAKS, EYE_CORNERS))
        self.nose_v, self.mouth_v = self.v_of(NOSE_TIP), self.v_of(UPPER_LIP)

    def v_of(self, index: int) -> float:
        """v of one landmark."""
        dx, dy = self.landmarks[index, :2] - self._chin
        return float(dx * self._down[0] + dy * self._down[1])

    @cached_property
    def from_neck(self) -> np.ndarray:
        """(S,S): how far beside the middle of the neck a pixel lies, which is not under the chin of a head that is turned."""
        return np.abs(self.u - 0.6 * BEHIND * np.sin(self.yaw))

    def radius(self, share: float, least: int = 1) -> int:
        """Whole pixels of a share of the face's height."""
        return max(least, round(share * self.height))
