"""Where the skin under the landmarks went, by its texture.

A landmark detector answers to shapes: brows, the edge of a lip, an outline. The skin slides under them by about one per
cent of the eye distance, and the detector's own jitter comes on top. Optical flow against the first frame, of the face
brought back to its shape there by the landmarks, leaves only what they got wrong.
"""

import cv2
import numpy as np
from scipy import sparse
from scipy.spatial import Delaunay

from ..face.alignment import Similarity
from ..face.landmarks import EYE, FACE, MOUTH_RING, STABLE, eye_ring
from ..face.measures import eye_distance, face_height
from .light import Shading

COMPARED_AT = 200  # pixels of a face's height where faces are compared
MARGIN = 22  # pixels of that around the landmarks
LONGEST_SIDE = 320  # pixels: landmarks of another shape are no face's
FLOW_BLUR = 2.0  # pixels over which flow is averaged
# Pixels over which light and contrast are evened out; grey levels that are noise; grey levels of contrast thereafter.
EVENED_OVER, GRAIN, CONTRAST = 8.0, 4.0, 48.0
ROUND_TRIP = 4.0  # pixels: how far a point may miss its origin on the way back, which is found more coarsely than the way there
# Steps down the gradient and of the refinement thereafter, and pixels from patch to patch: more of them cost twice as much and only
# follow the noise.
DESCENT, REFINEMENT, STRIDE = 12, 3, 4
# Eyes roll and teeth appear between these edges: what moves there is not skin.
EDGES = [*MOUTH_RING, *(index for side in EYE for index in eye_ring(side))]
DETECTOR_ERROR = 0.08  # eye distances: no detector is wrong by much more


class SkinFlow:
    """Compares faces with that of a first frame.

    frame: (H, W, 3) uint8; landmarks: (478, 3) of the face in it.
    """

    def __init__(self, frame: np.ndarray, landmarks: np.ndarray):
        self.first = landmarks[:FACE, :2].astype(np.float64)
        self.scale = COMPARED_AT / face_height(self.first)
        low, high = self.first.min(0), self.first.max(0)
        width, height = np.minimum(np.ceil((high - low) * self.scale) + 2 * MARGIN, LONGEST_SIDE).astype(int)
        self.origin = (low + high) / 2 - np.array([width, height]) / 2 / self.scale
        self.corners = self.origin + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * [width, height] / self.scale
        mesh = Delaunay(np.concatenate([self.first, self.corners]))
        self.grid = np.stack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)), -1)
        pixels = (self.grid.reshape(-1, 2).astype(np.float64) + 0.5) / self.scale + self.origin
        found = np.maximum(mesh.find_simplex(pixels), 0)
        two = np.einsum("nij,nj->ni", mesh.transform[found, :2], pixels - mesh.transform[found, 2])
        corner, share = mesh.simplices[found], np.column_stack([two, 1 - two.sum(1)])
        rows = np.repeat(np.arange(len(pixels)), 3)
        self.mix = sparse.csr_matrix((share.ravel().astype(np.float32), (rows, corner.ravel())), (len(pixels), FACE + len(self.corners)))
        self.at = ((self.first - self.origin) * self.scale - 0.5).astype(np.float32)[None]
        places = self._places(self.first)
        self.template = self._grey(frame, places)
        self.shading = Shading(self._unwarped(frame, places), self.at[0] + 0.5, corner, share)

    def compare(self, frame: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Another frame and its landmarks (478, 3) -> how far from them the skin lies that was under them in the first frame: (468, 2)
        pixels; and how the light on it has changed, see `Shading`: (468, 3). Several threads may ask at once."""
        now = landmarks[:FACE, :2].astype(np.float64)
        places = self._places(now)
        face = self._grey(frame, places)
        there, back = (cv2.GaussianBlur(f, (0, 0), FLOW_BLUR) for f in _flows(self.template, face))
        moved = cv2.remap(there, self.at, None, cv2.INTER_LINEAR)
        home = moved + cv2.remap(back, self.at + moved, None, cv2.INTER_LINEAR)
        drift = (cv2.remap(places, self.at + moved, None, cv2.INTER_LINEAR) - cv2.remap(places, self.at, None, cv2.INTER_LINEAR))[0]
        eye = eye_distance(now)
        trust = np.exp(-(home[0] ** 2).sum(1) / ROUND_TRIP**2) / (1 + (drift**2).sum(1) / (DETECTOR_ERROR * eye) ** 2)
        trust[EDGES] = 0
        astray = there + cv2.remap(back, self.grid + there, None, cv2.INTER_LINEAR)
        same = self._unwarped(frame, cv2.remap(places, self.grid + there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        return (drift * trust[:, None]).astype(np.float64), self.shading(same, np.exp(-(astray**2).sum(-1) / ROUND_TRIP**2))

    def _places(self, landmarks: np.ndarray) -> np.ndarray:
        """(H, W, 2) float32: the pixel of a frame whose face (468, 2) corresponds to each pixel of the patch."""
        corners = Similarity.fit(self.first[STABLE], landmarks[STABLE])(self.corners)
        return (self.mix @ np.concatenate([landmarks, corners]).astype(np.float32)).reshape(self.grid.shape)

    def _unwarped(self, frame: np.ndarray, places: np.ndarray) -> np.ndarray:
        return cv2.remap(frame, places - 0.5, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _grey(self, frame: np.ndarray, places: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if self.scale < 0.8:
            grey = cv2.GaussianBlur(grey, (0, 0), 0.45 * np.sqrt(1 / self.scale**2 - 1))
        grey = self._unwarped(grey, places).astype(np.float32)
        # Texture alone: light that comes and goes must not look like movement.
        grey -= cv2.GaussianBlur(grey, (0, 0), EVENED_OVER)
        strength = np.sqrt(cv2.GaussianBlur(grey**2, (0, 0), EVENED_OVER)) + GRAIN
        return np.clip(128 + CONTRAST * grey / strength, 0, 255).astype(np.uint8)


def _flows(first: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Optical flow (H, W, 2) from one picture to another, and, roughly, back."""
    # Made anew: they hold buffers, which threads cannot share.
    fine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    fine.setPatchStride(STRIDE)
    fine.setGradientDescentIterations(DESCENT)
    fine.setVariationalRefinementIterations(REFINEMENT)
    rough = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return fine.calc(first, other, None), rough.calc(other, first, None)
