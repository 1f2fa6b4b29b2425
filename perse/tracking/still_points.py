"""Points of the head that no expression moves, followed through a clip by their texture: hair, forehead, temples, ears.

Landmarks say where the face is to about half a per cent of the eye distance, all of them wrong together when the
expression changes; patches of the picture itself say it more exactly and independently of each other.
"""

import cv2
import numpy as np

from ..face.landmarks import BROW, FACE_OUTLINE, STABLE
from ..portrait.models import segment_person

SIDE = 384  # pixels of the square that is searched
REACH = 3.0  # its side in face heights
COUNT = 160
WINDOW = dict(winSize=(17, 17), maxLevel=2, criteria=(cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 12, 0.03))
ROUND_TRIP = 0.7  # pixels of the square: how far a point may miss its origin on the way back
# How far from where the landmarks take it a patch may lie: this much of the square more than twice what most moved.
NEAR = 0.012


class Anchors:
    """Follows points of a first frame.

    frame: (H, W, 3) uint8; landmarks: (478, 3) of the face in it.
    """

    def __init__(self, frame: np.ndarray, landmarks: np.ndarray):
        self.first = landmarks[STABLE, :2].astype(np.float64)
        tall = np.linalg.norm(landmarks[10, :2] - landmarks[152, :2])
        centre = landmarks[FACE_OUTLINE, :2].mean(0) - [0, 0.2 * tall]
        scale = SIDE / (REACH * tall)
        self.to_square = np.array([[scale, 0, SIDE / 2 - scale * centre[0]], [0, scale, SIDE / 2 - scale * centre[1]]])
        self.template = self._square(frame, self.to_square)
        mask = self._still(frame, landmarks)
        found = cv2.goodFeaturesToTrack(self.template, COUNT, 0.01, 5, mask=mask, blockSize=7)
        self.points = np.zeros((0, 1, 2), np.float32) if found is None else found

    def follow(self, frame: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the points are in another frame: pixels (M, 2), and whether that is trusted (M,) bool."""
        if not len(self.points):
            return np.zeros((0, 2)), np.zeros(0, bool)
        # The other frame is first laid over the first one by its landmarks, so that little movement is left.
        a, b = landmarks[STABLE, :2].astype(np.float64), self.first
        za, zb = (x[:, 0] + 1j * x[:, 1] for x in (a - a.mean(0), b - b.mean(0)))
        turn = (np.conj(za) * zb).sum() / (np.abs(za) ** 2).sum()
        linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        matrix = np.column_stack([linear, b.mean(0) - linear @ a.mean(0)])
        matrix = self.to_square[:, :2] @ matrix + np.column_stack([np.zeros((2, 2)), self.to_square[:, 2]])
        square = self._square(frame, matrix)
        there, good, _ = cv2.calcOpticalFlowPyrLK(self.template, square, self.points, None, **WINDOW)
        back, good_back, _ = cv2.calcOpticalFlowPyrLK(square, self.template, there, None, **WINDOW)
        error = np.linalg.norm(back - self.points, axis=2)[:, 0]
        moved = np.linalg.norm(there - self.points, axis=2)[:, 0]
        near = moved < 2 * np.median(moved) + NEAR * SIDE
        return self._back(there[:, 0], matrix), (error < ROUND_TRIP) & (good[:, 0] > 0) & (good_back[:, 0] > 0) & near

    @staticmethod
    def _square(frame: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        shifted = matrix.copy()
        # Pixels count from their corner here, from their centre in OpenCV.
        shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        return cv2.warpAffine(grey, shifted, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)

    @staticmethod
    def _back(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        return (points + 0.5 - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T

    def _still(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(SIDE, SIDE) uint8: the person above the brows and beside the face, without its rim."""
        colour = cv2.warpAffine(frame, self.to_square, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        person = (segment_person(colour) > 0.6).astype(np.uint8)
        person = cv2.erode(person, np.ones((9, 9)), borderValue=1)
        points = landmarks[:, :2] @ self.to_square[:, :2].T + self.to_square[:, 2]
        brows = points[[i for b in BROW.values() for i in b["upper"]]]
        tall = np.linalg.norm(points[10] - points[152])
        moving = np.zeros_like(person)
        cv2.fillPoly(moving, [np.round(points[FACE_OUTLINE]).astype(np.int32)], 1)
        moving[:max(int(brows[:, 1].min() - 0.10 * tall), 0)] = 0
        moving[int(points[[234, 454], 1].max() + 0.1 * tall):] = 1
        return person * (1 - moving) * 255
