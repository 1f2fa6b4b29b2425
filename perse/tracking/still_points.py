"""Points of the head that no expression moves, followed through a clip by their texture: hair, forehead, temples, ears.

Landmarks say where the face is to about half a per cent of the eye distance, all of them wrong together when the
expression changes; patches of the picture itself say it more exactly and independently of each other.
"""

import cv2
import numpy as np

from ..face.alignment import Similarity, for_opencv
from ..face.landmarks import BROW, EARS, FACE_OUTLINE, STABLE
from ..face.measures import face_height
from ..portrait.models import segment_person

SQUARE = 384  # pixels of a side of the square that is searched
SQUARE_IN_FACES = 3.0  # the same in face heights
MOST_POINTS = 160
# What is compared of a patch, and how often: of OpenCV's pyramidal Lucas-Kanade.
PATCH = dict(winSize=(17, 17), maxLevel=2, criteria=(cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 12, 0.03))
ROUND_TRIP = 0.7  # pixels of the square: how far a point may miss its origin on the way back
# How far from where the landmarks take it a patch may lie: this share of the square more than twice what most moved.
STRAYS = 0.012


class StillPoints:
    """Follows points of a first frame.

    frame: (H, W, 3) uint8; landmarks: (478, 3) of the face in it.
    """

    def __init__(self, frame: np.ndarray, landmarks: np.ndarray):
        self.first = landmarks[STABLE, :2].astype(np.float64)
        tall = face_height(landmarks[:, :2])
        centre = landmarks[FACE_OUTLINE, :2].mean(0) - [0, 0.2 * tall]
        scale = SQUARE / (SQUARE_IN_FACES * tall)
        self.to_square = Similarity(scale * np.eye(2), SQUARE / 2 - scale * centre)
        self.template = _cut_out(frame, self.to_square)
        found = cv2.goodFeaturesToTrack(self.template, MOST_POINTS, 0.01, 5, mask=self._still(frame, landmarks), blockSize=7)
        self.points = np.zeros((0, 1, 2), np.float32) if found is None else found

    def follow(self, frame: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the points are in another frame: pixels (M, 2), and whether that is trusted (M,) bool."""
        if not len(self.points):
            return np.zeros((0, 2)), np.zeros(0, bool)
        # The other frame is first laid over the first one by its landmarks, so that little movement is left.
        to_square = Similarity.fit(landmarks[STABLE, :2].astype(np.float64), self.first).then(self.to_square)
        square = _cut_out(frame, to_square)
        there, good, _ = cv2.calcOpticalFlowPyrLK(self.template, square, self.points, None, **PATCH)
        back, good_back, _ = cv2.calcOpticalFlowPyrLK(square, self.template, there, None, **PATCH)
        error = np.linalg.norm(back - self.points, axis=2)[:, 0]
        moved = np.linalg.norm(there - self.points, axis=2)[:, 0]
        near = moved < 2 * np.median(moved) + STRAYS * SQUARE
        return to_square.back(there[:, 0] + 0.5), (error < ROUND_TRIP) & (good[:, 0] > 0) & (good_back[:, 0] > 0) & near

    def _still(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """(SQUARE, SQUARE) uint8: the person above the brows and beside the face, without its rim."""
        colour = cv2.warpAffine(frame, self.to_square.matrix, (SQUARE, SQUARE), borderMode=cv2.BORDER_REPLICATE)
        person = (segment_person(colour) > 0.6).astype(np.uint8)
        person = cv2.erode(person, np.ones((9, 9)), borderValue=1)
        points = self.to_square(landmarks[:, :2])
        brows = points[[i for b in BROW.values() for i in b["upper"]]]
        tall = face_height(points)
        moving = np.zeros_like(person)
        cv2.fillPoly(moving, [np.round(points[FACE_OUTLINE]).astype(np.int32)], 1)
        moving[: max(int(brows[:, 1].min() - 0.10 * tall), 0)] = 0
        moving[int(points[list(EARS), 1].max() + 0.1 * tall) :] = 1
        return person * (1 - moving) * 255


def _cut_out(frame: np.ndarray, to_square: Similarity) -> np.ndarray:
    """The square that a map takes pixels of a frame (H, W, 3) to: (SQUARE, SQUARE) uint8, grey."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return cv2.warpAffine(grey, for_opencv(to_square.matrix), (SQUARE, SQUARE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
