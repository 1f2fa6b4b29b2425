"""How the light on a driving face changes: folds of a smile, a frown's furrows, the shade that a turning head moves over itself.

A ratio of two pictures of the same skin is free of the skin's own colour, so it can be laid on another face (the expression ratio
image of Liu, Shan and Zhang, 2001). Here it is a smooth field with one value for each landmark.
"""

import cv2
import numpy as np
from scipy import sparse

from ..face.landmarks import EYE_OUTLINE, FACE, FACE_OUTLINE, MOUTH_OUTLINE
from ..face.polygons import polygon
from ..face.triangles import face_laplacian

EVERY = 2  # pixels from one that is compared to the next
BLUR = 1.5  # pixels over which both faces are averaged first
WITHIN = 0.97  # of the outline: what lies beyond is half hair and background
AROUND_EYES, AROUND_LIPS = 1.5, 1.25  # times the outlines of their gaps: nothing in there is skin
DARK_NOISE = 0.04  # added to both faces, of 1: dark pixels' ratios are noise
LARGEST_RATIO = 0.5  # natural logarithm
STIFFNESS, RIDGE = 1.0, 0.5  # in pixels compared: what weight a smooth field has, and no field at all


class Shading:
    """Compares a face with that of a first frame, both brought to the shape of the first.

    Args:
        template: (H, W, 3) uint8, the first face; landmarks: (468, 2) in it, pixels; corner (H * W, 3), share (H * W, 3): the
            triangle in which each pixel lies, indices of landmarks and the pixel's place in it; indices of 468 and more
            are points that are no landmarks.
    """

    def __init__(self, template: np.ndarray, landmarks: np.ndarray, corner: np.ndarray, share: np.ndarray):
        height, width = template.shape[:2]

        def inside(outline, scale):
            return polygon(landmarks, outline, max(height, width), scale)[:height, :width]

        skin = inside(FACE_OUTLINE, WITHIN)
        for gap, scale in (*((outline, AROUND_EYES) for outline in EYE_OUTLINE.values()), (MOUTH_OUTLINE, AROUND_LIPS)):
            skin *= 1 - cv2.dilate(inside(gap, scale), np.ones((3, 3)))
        grid = np.zeros((height, width), bool)
        grid[::EVERY, ::EVERY] = True
        self.pixels = np.flatnonzero((skin > 0.5) & grid & (corner < FACE).all(1).reshape(height, width))
        rows = np.repeat(np.arange(len(self.pixels)), 3)
        basis = sparse.csr_matrix((share[self.pixels].ravel(), (rows, corner[self.pixels].ravel())), (len(self.pixels), FACE))
        laplacian = face_laplacian()
        self.solve = np.linalg.inv((basis.T @ basis).toarray() + STIFFNESS * laplacian @ laplacian + RIDGE * np.eye(FACE))
        self.gather = basis.T.tocsr()
        self.first = self._logarithm(template)

    def __call__(self, face: np.ndarray, trust: np.ndarray) -> np.ndarray:
        """Natural logarithm of the light on a face (H, W, 3) uint8 over that on the first, at the landmarks: (468, 3).

        trust: (H, W) in [0, 1], how surely a pixel shows the skin that it showed in the first.
        """
        ratio = np.clip(self._logarithm(face) - self.first, -LARGEST_RATIO, LARGEST_RATIO) * trust.ravel()[self.pixels, None]
        return self.solve @ (self.gather @ ratio)

    def _logarithm(self, face: np.ndarray) -> np.ndarray:
        soft = cv2.GaussianBlur(face.astype(np.float32) / 255, (0, 0), BLUR)
        return np.log(soft.reshape(-1, 3)[self.pixels] + DARK_NOISE)
