"""How far away lies what the photo shows: on the mesh, or beside it, where the mesh's depth is carried on."""

import cv2
import numpy as np

from ...texture.atlas import sample
from ...texture.belief.surfaces import Surfaces
from ...texture.fill_holes import diffuse

DEPTH_BLUR = 2  # standard deviation of the blur of a depth that is carried on, pixels of a 512-pixel crop


def depths(surfaces: Surfaces, xy: np.ndarray, carrier: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Depth (N,) along the optical axis, eye distances, of places in the photo.

    Args:
        xy: (N, 2) pixels; carrier: (N, 2) integer pixels whose triangles carry them; beyond: (N,) bool, which see no triangle.
    """
    view, at = surfaces.view, (carrier[:, 1], carrier[:, 0])
    depth = np.where(surfaces.beyond, float(surfaces.rig.camera.viewmat[2, 3]), view.depth)  # the head's own where nothing is
    out = depth[at]
    # Beyond the outline the nearest triangle's depth jumps from pixel to pixel; a smooth continuation does not.
    # Face, head and bust each for itself: between them there is air, and what floated there would be a comb from the side.
    head, body = view.shows("shell"), view.shows("body")
    for part in (head, body, ~surfaces.beyond & ~head & ~body):
        if part.any():
            out = np.where(beyond & part[at], _carried_on(depth, part, xy), out)
    return out


def _carried_on(depth: np.ndarray, known: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A depth picture (S, S) carried on smoothly from where it is known (S, S) bool; read at xy (N, 2)."""
    sheet = diffuse(depth[..., None].astype(np.float32), known.astype(np.float32))[..., 0]
    return sample(cv2.GaussianBlur(sheet, (0, 0), DEPTH_BLUR * len(depth) / 512), xy[None])[0]
