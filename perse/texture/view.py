"""The rig as the portrait's camera sees it: rasterized once, for all who ask what the photo shows where (`belief`)."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ..render.geometry import triangle_normals
from ..render.mesh import rasterize_ids
from ..rig.rig import Rig
from ..rig.skeleton import MOUTH_PARTS, PART, PARTS

DEPTH_JUMP = 0.06  # eye distances by which depth jumps where one thing lies before another
LANDMARK_ERROR = 0.09  # eye distances beside such a jump within which landmarks, which are off by a pixel or two, may have put it
MOUTH = tuple(PARTS[index] for index in MOUTH_PARTS)
BEYOND = 1e3  # eye distances: a depth behind everything


@dataclass(frozen=True)
class View:
    """What each pixel sees of the rig, (S, S, …), S the side of the portrait.

    triangles int32, -1 where there is none; bary (…, 3) float32, that triangle's barycentric coordinates; parts: the index of its part,
    -1 where there is none; depth along the optical axis, eye distances, inf where there is nothing; facing: cosine between the triangle's
    normal, whichever way it is wound, and the way to the camera, 0 where there is nothing.
    eye: an eye distance at the head, pixels.
    """

    triangles: np.ndarray
    bary: np.ndarray
    parts: np.ndarray
    depth: np.ndarray
    facing: np.ndarray
    eye: float

    @staticmethod
    def of(rig: Rig, triangles: np.ndarray, bary: np.ndarray) -> "View":
        """The view in which each pixel sees this point of this triangle of the rig."""
        there = triangles >= 0
        shown = np.maximum(triangles, 0)
        rotation, shift = rig.camera.viewmat[:3, :3].astype(np.float64), rig.camera.viewmat[:3, 3].astype(np.float64)
        points = np.einsum("hwk,hwkc->hwc", bary, rig.vertices[rig.faces[shown]])
        depth = np.where(there, (points @ rotation.T + shift)[..., 2], np.inf)
        corners = rig.vertices[rig.faces].astype(np.float64)
        normal, way = triangle_normals(corners), rig.camera.centre - (corners[:, 0] + corners[:, 1] + corners[:, 2]) / 3
        cosine = np.abs((normal * way).sum(1)) / np.maximum(np.linalg.norm(normal, axis=1) * np.linalg.norm(way, axis=1), 1e-12)
        return View(
            triangles,
            bary,
            np.where(there, rig.face_part[shown], -1),
            depth,
            np.where(there, cosine[shown], 0.0),
            rig.camera.K[0, 0] / rig.camera.viewmat[2, 3],
        )

    def pixels(self, distance: float) -> float:
        """A distance at the head, in eye distances, as pixels of the portrait."""
        return distance * self.eye

    def shows(self, *names: str) -> np.ndarray:
        """(S, S) bool: pixels that see one of these parts."""
        return np.isin(self.parts, [PART[name] for name in names])

    @cached_property
    def contours(self) -> np.ndarray:
        """(S, S) bool: pixels where the face ends before something farther, itself included."""
        return contours(self.depth, self.shows("face"))

    def behind_contour(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the surface goes on behind the one that ends near a pixel.

        Args:
            pixels: (N, 2) integer x, y.

        Returns:
            the nearest pixel (N, 2), x and y, across a jump of depth and farther than the given one; whether there is one (N,) bool.
        """
        return across(self.depth, pixels, self.pixels(LANDMARK_ERROR))


def look(rig: Rig) -> View:
    """The rig as the camera of its portrait sees it."""
    return View.of(rig, *rasterize_ids(rig.vertices, rig.faces.astype(np.int32), rig.camera))


def contours(depth: np.ndarray, of_face: np.ndarray, jump: float = DEPTH_JUMP) -> np.ndarray:
    """(S, S) bool: pixels where the face ends in front of something farther, itself included.

    Args:
        depth: (S, S) eye distances, inf where nothing is; of_face: (S, S) bool, pixels that show the face; jump: how much farther, eye
            distances.
    """
    depth = np.minimum(depth, BEYOND).astype(np.float32)
    around = np.ones((3, 3))
    front = cv2.erode(depth, around)
    ends = cv2.dilate(depth, around) - front > jump
    return ends & (front == cv2.erode(np.where(of_face, depth, np.float32(BEYOND)), around))


def across(depth: np.ndarray, pixels: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """See `View.behind_contour`; depth: (S, S) eye distances, inf where nothing is; reach: how far to look, pixels."""
    solid = np.isfinite(depth)
    filled = np.where(solid, depth, BEYOND).astype(np.float32)
    farther = solid & (filled - cv2.erode(filled, np.ones((3, 3))) > DEPTH_JUMP)
    distance, (y, x) = distance_transform_edt(~farther, return_indices=True)
    at = pixels[:, 1], pixels[:, 0]
    found = np.stack([x[at], y[at]], 1)
    there = farther.any() & (distance[at] < reach) & (filled[found[:, 1], found[:, 0]] > filled[at] + DEPTH_JUMP)
    return found, there
