"""What the photo shows before the rig's head and does not belong to it: a collar at the jaw, hair beyond the true edge of a cheek.

On the head it would turn with it, and be a comb, or confetti, to whoever looks from the side.
"""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ...render.mesh import rasterize_ids
from ...rig.rig import Rig
from ...rig.skeleton import PART

STEP = 0.06  # eye distances by which depth jumps where one thing is before another
REACH = 0.09  # eye distances across such a jump within which landmarks may have put it


def put_behind_jaw(rig: Rig, dressed: np.ndarray, ids: np.ndarray, bary: np.ndarray) -> None:
    """Where the photo shows clothes (S, S) and the rig its head, they hang on the bust behind it (ids, bary in place): a rim of collar
    on the jaw would turn with the head, and stand out from the side as a comb. Where no bust is behind, nothing is (id -1)."""
    bust = rig.part_faces("body")
    behind, behind_bary = rasterize_ids(rig.vertices, rig.faces[bust].astype(np.int32), rig.camera)
    swap = dressed & (ids >= 0) & np.isin(rig.face_part[ids], [PART["face"], PART["shell"]])
    ids[swap], bary[swap] = np.where(behind < 0, -1, bust[behind])[swap], behind_bary[swap]


def across(depth: np.ndarray, pixels: np.ndarray, pixels_per_unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface goes on behind the one that ends near a pixel.

    Args:
        depth: (S, S) eye distances, inf where nothing is; pixels: (N, 2) integer x, y; pixels_per_unit: of an eye distance.

    Returns:
        the nearest pixel (N, 2), x and y, across a jump of depth and farther than the given one; whether there is one (N,) bool.
    """
    solid = np.isfinite(depth)
    filled = np.where(solid, depth, 1e3).astype(np.float32)
    farther = solid & (filled - cv2.erode(filled, np.ones((3, 3))) > STEP)
    distance, (y, x) = distance_transform_edt(~farther, return_indices=True)
    at = pixels[:, 1], pixels[:, 0]
    found = np.stack([x[at], y[at]], 1)
    there = farther.any() & (distance[at] < REACH * pixels_per_unit) & (filled[found[:, 1], found[:, 0]] > filled[at] + STEP)
    return found, there
