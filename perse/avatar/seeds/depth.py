"""How far away lies what the photo shows: on the mesh, or beside it, where the mesh's depth is carried on."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ...texture.atlas import sample
from ...texture.belief.surfaces import Surfaces
from ...texture.fill_holes import diffuse

NOTCH = 0.15  # eye distances beside the portrait's outline over which hair is put farther back
DEEPEST_NOTCH = 0.4  # eye distances from the portrait's outline to the mesh's, up to which there is a notch between them
DEPTH_BLUR = 2  # standard deviation of the blur of a depth that is carried on, pixels of a 512-pixel crop


def depths(surfaces: Surfaces, xy: np.ndarray, carrier: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Depth (N,) along the optical axis, eye distances, of places in the photo.

    Args:
        xy: (N, 2) pixels; carrier: (N, 2) integer pixels whose triangles carry them; beyond: (N,) bool, which see no triangle.
    """
    view, at = surfaces.view, (carrier[:, 1], carrier[:, 0])
    depth = np.where(surfaces.beyond, float(surfaces.rig.camera.viewmat[2, 3]), view.depth)  # the head's own where nothing is
    out = to_outline(depth, surfaces.portrait.alpha, view.shows("shell"), view.pixels(1.0))[at]
    # Beyond the outline the nearest triangle's depth jumps from pixel to pixel; a smooth continuation does not.
    # Head and bust each for itself: between the two there is air, and what floated there would be a comb from the side.
    body = view.shows("body")
    for part, chosen in ((body, body[at]), (~surfaces.beyond & ~body, ~body[at])):
        if part.any():
            out = np.where(beyond & chosen, _carried_on(depth, part, xy), out)
    return out


def _carried_on(depth: np.ndarray, known: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """A depth picture (S, S) carried on smoothly from where it is known (S, S) bool; read at xy (N, 2)."""
    sheet = diffuse(depth[..., None].astype(np.float32), known.astype(np.float32))[..., 0]
    return sample(cv2.GaussianBlur(sheet, (0, 0), DEPTH_BLUR * len(depth) / 512), xy[None])[0]


def to_outline(depth: np.ndarray, alpha: np.ndarray, shell: np.ndarray, eye: float) -> np.ndarray:
    """A depth picture (S, S) in which the head's hair goes as far back at the portrait's outline as it does at the mesh's.

    A mesh of few profiles does not follow the notch between head and pigtail; what sits in it, a clip, say, would be too far in front.

    Args:
        alpha: (S, S); shell: (S, S) bool, where one looks at the mesh's hair; eye: eye distance in pixels.
    """
    # until the anatomical head
    within, (row, column) = distance_transform_edt(shell, return_indices=True)
    short = within - distance_transform_edt(alpha > 0.5)
    share = shell * np.clip(2 - 2 * (within - short) / (NOTCH * eye), 0, 1) * (short > 1) * (short < DEEPEST_NOTCH * eye)
    y, x = np.indices(depth.shape)
    out = (np.clip(short, 0, within - 1) / np.maximum(within, 1))[..., None] * np.stack([row - y, column - x], -1)
    there = np.stack([y, x], -1) + np.round(out).astype(int)
    there = np.where((share > 0)[..., None], there, 0)
    return depth + share * np.maximum(depth[there[..., 0], there[..., 1]] - depth, 0)
