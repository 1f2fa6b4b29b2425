"""Closed-form matting and foreground colours with numpy, scipy and OpenCV alone.

pymatting offers the same, but compiles itself for about a minute when it is first imported on a machine.
"""

import cv2
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import cg

SMOOTHNESS = 1e-5
TOLERANCE = 1e-4
MAX_ITERATIONS = 500
# Pixels of a 3 x 3 window as (row, column) offsets from its centre.
WINDOW = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]


def closed_form_alpha(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """Alpha where the trimap leaves it open (Levin, Lischinski and Weiss, "A Closed-Form Solution to Natural Image
    Matting", 2008: equation 12, with the trimap as hard constraint).

    Args:
        image: (H,W,3) float in [0, 1].
        trimap: (H,W) float; 0 is background, 1 foreground, anything between is open.

    Returns:
        (H,W) float32 in [0, 1]; the trimap itself if nothing is open.
    """
    height, width = trimap.shape
    is_open = (trimap > 0) & (trimap < 1)
    if not is_open.any():
        return trimap.astype(np.float32)
    values = _laplacian(image.astype(np.float64), is_open)
    pixels = np.flatnonzero(is_open)
    number = np.full(height * width, -1, np.int32)
    number[pixels] = np.arange(len(pixels))
    rows, columns, entries = [], [], []
    right_side = np.zeros(len(pixels))
    known = trimap.ravel().astype(np.float64)
    y, x = np.divmod(pixels, width)
    for (dy, dx), value in values.items():
        inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        here = np.flatnonzero(inside)
        other = pixels[here] + dy * width + dx
        entry = value.ravel()[pixels[here]]
        free = number[other] >= 0
        rows.append(here[free].astype(np.int32))
        columns.append(number[other[free]])
        entries.append(entry[free])
        right_side[here[~free]] -= entry[~free] * known[other[~free]]
    matrix = csr_matrix((np.concatenate(entries), (np.concatenate(rows), np.concatenate(columns))), shape=(len(pixels),) * 2)
    diagonal = np.maximum(matrix.diagonal(), 1e-9)
    scale = csr_matrix((1 / diagonal, (np.arange(len(pixels)),) * 2), shape=matrix.shape)
    solution, _ = cg(matrix, right_side, x0=known[pixels], rtol=TOLERANCE, maxiter=MAX_ITERATIONS, M=scale)
    alpha = trimap.astype(np.float32)
    alpha[is_open] = np.clip(solution, 0, 1)
    return alpha


def _laplacian(image: np.ndarray, is_open: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """The matting Laplacian as one (H,W) image of entries for each offset between two pixels; only windows that hold
    an open pixel contribute."""
    height, width = is_open.shape
    touched = cv2.dilate(is_open.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    touched[[0, -1]] = False
    touched[:, [0, -1]] = False
    centres = np.flatnonzero(touched)
    places = [centres + dy * width + dx for dy, dx in WINDOW]
    colours = np.stack([image.reshape(-1, 3)[place] for place in places], axis=1)  # (windows, 9, 3)
    colours = colours - colours.mean(axis=1, keepdims=True)
    covariance = (np.einsum("nki,nkj->nij", colours, colours) + SMOOTHNESS * np.eye(3)) / 9
    affinity = colours @ np.linalg.inv(covariance) @ colours.transpose(0, 2, 1)  # (windows, 9, 9)
    affinity += 1
    affinity /= 9
    values = {(dy, dx): np.zeros((height, width)) for dy in range(-2, 3) for dx in range(-2, 3)}
    for i, (yi, xi) in enumerate(WINDOW):
        for j, (yj, xj) in enumerate(WINDOW):
            # No two windows have the same i-th pixel: plain indexing adds up correctly.
            values[yj - yi, xj - xi].ravel()[places[i]] += (i == j) - affinity[:, i, j]
    return values


def pull_push(colour: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Continue colours (H,W,3) float32 smoothly from where `weight` (H,W) float32 is high to where it is zero
    (Gortler et al., "The Lumigraph", 1996, section 3.4)."""
    levels = [(colour * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 2:
        levels.append(tuple(cv2.pyrDown(level) for level in levels[-1]))
    filled = levels[-1][0] / np.maximum(levels[-1][1], 1e-6)[..., None]
    for total, share in reversed(levels[:-1]):
        filled = cv2.resize(filled, share.shape[::-1], interpolation=cv2.INTER_LINEAR)
        confidence = np.clip(share * 2, 0, 1)[..., None]
        filled = filled + confidence * (total / np.maximum(share, 1e-6)[..., None] - filled)
    return filled


def foreground_colours(image: np.ndarray, alpha: np.ndarray, radius: int) -> np.ndarray:
    """The person's own colours (H,W,3) float32, continued beyond alpha.

    Both layers are first continued from where they are pure, then corrected by what the picture shows and averaged
    again nearby (after Forte, "Approximate Fast Foreground Colour Estimation", 2021).

    Args:
        image: (H,W,3) float32.
        alpha: (H,W) float32.
        radius: pixels over which a layer's colour is taken to be constant.
    """
    share = alpha[..., None]
    front = pull_push(image, np.clip((alpha - 0.7) / 0.3, 0, 1) ** 2)
    back = pull_push(image, np.clip((0.3 - alpha) / 0.3, 0, 1) ** 2)
    for size in (radius, max(1, radius // 3)):
        rest = image - share * front - (1 - share) * back
        front_near = np.clip(front + share * rest, 0, 1)
        back_near = np.clip(back + (1 - share) * rest, 0, 1)
        front = _averaged(front_near, alpha, size, front)
        back = _averaged(back_near, 1 - alpha, size, back)
    rest = image - share * front - (1 - share) * back
    return np.clip(front + share * rest, 0, 1).astype(np.float32)


def _averaged(colour: np.ndarray, weight: np.ndarray, radius: int, elsewhere: np.ndarray) -> np.ndarray:
    """Weighted mean over a square of (2 radius + 1) pixels; `elsewhere` where nothing has weight."""
    window = (2 * radius + 1,) * 2
    total = cv2.blur(weight, window)[..., None]
    mean = cv2.blur(colour * weight[..., None], window) / np.maximum(total, 1e-5)
    return elsewhere + np.clip(total * 10, 0, 1) * (mean - elsewhere)
