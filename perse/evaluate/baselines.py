"""What a picture of the first frame can do without any 3D: what an avatar has to beat."""

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator

from ..face.alignment import Similarity, for_opencv
from ..face.landmarks import FACE, STABLE

BORDER_POINTS = 5  # fixed points along each side of the frame


def static(first: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The first frame (H, W, 3) uint8 as it is. source, target: landmarks (478, 3) of it and of the true frame."""
    return first


def similarity(first: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The first frame turned, scaled and moved in the plane so that the stable landmarks fit best."""
    onto = Similarity.fit(source[STABLE, :2].astype(np.float64), target[STABLE, :2].astype(np.float64))
    return cv2.warpAffine(first, for_opencv(onto.matrix), first.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def landmark_warp(first: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The first frame warped piecewise affinely over the Delaunay triangles of the landmarks and the frame's border."""
    height, width = first.shape[:2]
    x, y = np.linspace(0, width, BORDER_POINTS), np.linspace(0, height, BORDER_POINTS)
    border = np.concatenate(
        [np.stack([x, 0 * x], 1), np.stack([x, 0 * x + height], 1), np.stack([0 * y, y], 1)[1:-1], np.stack([0 * y + width, y], 1)[1:-1]]
    )
    a = np.concatenate([source[:FACE, :2], border]).astype(np.float64)
    b = np.concatenate([target[:FACE, :2], border]).astype(np.float64)
    inside = ((b[:FACE] > 0) & (b[:FACE] < (width, height))).all(1)
    keep = np.concatenate([inside, np.ones(len(border), bool)])
    grid = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)
    places = LinearNDInterpolator(b[keep], a[keep])(grid.reshape(-1, 2))
    places = places.reshape(height, width, 2).astype(np.float32) - 0.5
    return cv2.remap(first, places[..., 0], places[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


BASELINES = {"static": static, "similarity": similarity, "landmark_warp": landmark_warp}
