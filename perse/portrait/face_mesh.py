"""MediaPipe's attention mesh (Grishchenko et al. 2020, arXiv 2006.10962): 478 landmarks of the face in a turned square.

The model gives a mesh of 468 points, better ones of lips and eyes, and the irises.
"""

from collections.abc import Callable

import cv2
import numpy as np

from .blaze_face import crop

SIDE = 192  # of the model's input
MIN_PRESENCE = 0.5
# Which landmark each point of the model's answers is (MediaPipe's TensorsToFaceLandmarksWithAttention).
LIPS = [
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408),
    *(62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407),
]
LIDS = {
    "left": [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173],
    "right": [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398],
}
AROUND = {
    "left": [
        *(130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190),
        *(226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65),
        *(143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193),
    ],
    "right": [
        *(359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414),
        *(446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295),
        *(372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417),
    ],
}
IRIS = {"left": slice(468, 473), "right": slice(473, 478)}


def landmarks(network: Callable[[np.ndarray], dict[str, np.ndarray]], picture: np.ndarray, centre, side: float, angle: float = 0.0):
    """(478, 3) float32 in pixels of (H, W, 3) uint8, z along the view in the same unit; None if there is no face in the square.

    The model was trained on squares of 1.5 times a face's longer side.
    """
    answer = network(crop(picture, centre, (side, side), angle, SIDE, cv2.BORDER_REPLICATE).astype(np.float32) / 255)
    if 1 / (1 + np.exp(-float(answer["conv_faceflag"].ravel()[0]))) < MIN_PRESENCE:
        return None
    points = np.empty((478, 3))
    points[:468] = answer["output_mesh_identity"].reshape(468, 3)
    points[LIPS, :2] = answer["output_lips"].reshape(-1, 2)
    for eye in ("left", "right"):
        points[LIDS[eye] + AROUND[eye], :2] = answer[f"output_{eye}_eye"].reshape(-1, 2)
        points[IRIS[eye], :2] = answer[f"output_{eye}_iris"].reshape(-1, 2)
        points[IRIS[eye], 2] = points[LIDS[eye], 2].mean()
    points = points / SIDE
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[:, :2] = (points[:, :2] - 0.5) @ turn.T
    points *= side
    points[:, :2] += centre
    return points.astype(np.float32)


def square_of(box: np.ndarray, eyes: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre, side and angle of the square in which a face is looked at, by its box (x0, y0, x1, y1) and its eyes (2, 2), left of picture first."""
    across = eyes[1] - eyes[0]
    return (box[:2] + box[2:]) / 2, 1.5 * float((box[2:] - box[:2]).max()), float(np.arctan2(across[1], across[0]))
