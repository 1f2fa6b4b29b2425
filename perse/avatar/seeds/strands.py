"""Which way made up hair runs on the skull: read from its own picture, so that Gaussians lie along the strands that they paint."""

import cv2
import numpy as np

from ...render.geometry import unit
from ...texture.atlas import ATLAS, Texture, chart_slice, sample
from ...texture.completion.hair_grain import strand_direction
from ...texture.fill_holes import blurred_around

FINEST = 1.0  # texels of a strand
AROUND = (
    3.0,
    6.0,
)  # texels to the sides, up and down, over which a strand's direction is told (half to twice that): as wide as high on the head
FAINT = 1e-4  # gradient's square, lightness by eye distance, that is none
FALL = 0.15  # of the usual gradient's square, which speaks for the way that hair falls: where nothing is drawn it decides


def strands(texture: Texture, uv: np.ndarray, point: np.ndarray, normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How strands run through places of the skull, by the structure tensor of the texture's lightness on the surface (Bigün and Granlund 1987).

    Args:
        uv (N, 2): in the atlas, 0 to 1; point, normal (N, 3): in the head's frame.

    Returns:
        unit tangents (N, 3) along strands, away from the whorl, and how much all about are parallel (N,), 0 to 1.
    """
    area = chart_slice("shell")
    tensor = _tensor(texture.color[area], texture.points[area])
    rows, columns = (part.start for part in area)
    at = np.clip(uv * ATLAS - [columns, rows], 0.5, np.array(tensor.shape[1::-1]) - 0.5)
    read = np.concatenate([sample(np.ascontiguousarray(tensor[..., k : k + 3]), at[None])[0] for k in (0, 3)], 1)
    xx, yy, zz, xy, xz, yz = read.T.astype(np.float64)
    matrices = np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], 1).reshape(-1, 3, 3)
    fall = strand_direction(point, normal)
    beside = np.cross(normal, fall)
    usual = max(np.median(xx + yy + zz), FAINT) if len(xx) else FAINT
    values, vectors = np.linalg.eigh(matrices + FALL * usual * beside[:, :, None] * beside[:, None])
    along = unit(np.cross(vectors[..., 2], normal))
    along *= np.where((along * fall).sum(1, keepdims=True) < 0, -1, 1)
    return along, (values[:, 2] - values[:, 1]) / np.maximum(values[:, 2] + values[:, 1], 1e-12)


def _tensor(color: np.ndarray, points: np.ndarray) -> np.ndarray:
    """xx, yy, zz, xy, xz, yz (H, W, 6) of the gradient of lightness over a chart, by eye distance, whose left and right borders meet."""
    grey = cv2.cvtColor(np.ascontiguousarray(color, np.float32), cv2.COLOR_RGB2GRAY)
    grey = blurred_around(grey, FINEST)
    du, dv = _slopes(grey[..., None])
    right, down = _slopes(points)
    e, f, g = (right * right).sum(-1, keepdims=True), (right * down).sum(-1, keepdims=True), (down * down).sum(-1, keepdims=True)
    area = np.maximum(e * g - f * f, 1e-12)
    x, y, z = np.moveaxis(((g * du - f * dv) * right + (e * dv - f * du) * down) / area, -1, 0)
    return blurred_around(np.dstack([x * x, y * y, z * z, x * y, x * z, y * z]), *AROUND)


def _slopes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences (H, W, C) by a texel to the right and downwards."""
    return 0.5 * (np.roll(values, -1, 1) - np.roll(values, 1, 1)), np.gradient(values, axis=0)
