"""Filling the parts of a texture that the portrait does not show."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

LIGHT_BLUR = 9.0  # texels over which the light of the two halves of a face is compared
OTHER_LIGHT = 0.16  # difference of light, 0 to 1, from which one half does not complete the other
LEAST_ISLAND = 15  # texels: own ones that are fewer across are taken from the other half with their surroundings


def diffuse(image: np.ndarray, weight: np.ndarray, around: bool = False) -> np.ndarray:
    """Push-pull completion (Gortler et al. 1996, "The Lumigraph"): known texels stay, unknown ones get a smooth blend.

    Args:
        image: (H, W, C) float32.
        weight: (H, W) confidence in [0, 1]; 0 is unknown.
        around: left and right borders meet.

    Returns:
        (H, W, C) float32.
    """
    if around:
        width = image.shape[1]
        wide = diffuse(np.concatenate([image] * 2, 1), np.concatenate([weight] * 2, 1))
        return np.concatenate([wide[:, width : width + width // 2], wide[:, width // 2 : width]], 1)
    image, weight = np.ascontiguousarray(image, np.float32), np.ascontiguousarray(weight, np.float32)
    if min(image.shape[:2]) <= 2 or weight.min() > 0.999:
        total = max(float(weight.sum()), 1e-6)
        mean = (image * weight[..., None]).sum((0, 1)) / total
        return image * weight[..., None] + mean * (1 - weight[..., None])
    height, width = image.shape[:2]
    half = ((width + 1) // 2, (height + 1) // 2)
    known = image * weight[..., None]
    low_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    low = cv2.resize(known, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1)
    low /= np.maximum(low_weight, 1e-6)[..., None]
    filled = diffuse(low, np.minimum(1, 2 * low_weight))
    up = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
    up *= 1 - weight[..., None]
    up += known
    return up


def soften(mask: np.ndarray, covered: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a mask (H, W) inside a chart, as if the texels that the chart does not cover were not there."""
    inside = covered.astype(np.float32)
    blurred = cv2.GaussianBlur(mask.astype(np.float32) * inside, (0, 0), sigma)
    return blurred / np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-3) * inside


def mirror_fill(image: np.ndarray, weight: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Complete a left-right symmetric chart (H, W, C): each half from the other, what neither shows from around it. See `from_twin`."""
    return diffuse(*from_twin(image, weight, covered))


def from_twin(image: np.ndarray, weight: np.ndarray, covered: np.ndarray, light: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Complete one half of a left-right symmetric chart from the other, with the light matched.

    What is copied gets the light of where it goes. The difference between the halves that is left is measured where both are known,
    smoothed, carried on to where one is not, and added to it: at the edge of what is known both agree, so no seam shows.

    Args:
        image: (H, W, C), colour first; weight: (H, W) confidence; covered: (H, W) bool, texels of the chart; light: (H, W) how much of it
            falls on them, if that is known.

    Returns:
        the completed image (H, W, C) and how well each texel is known now (H, W), 0 to 1.
    """
    twin, twin_weight = image[:, ::-1].copy(), weight[:, ::-1]
    if light is not None:
        twin[..., :3] *= (light / np.maximum(light[:, ::-1], 1e-3))[..., None]
    both = np.clip((np.minimum(weight, twin_weight) - 0.2) / 0.3, 0, 1)
    offset = diffuse(
        cv2.GaussianBlur((image - twin) * both[..., None], (0, 0), LIGHT_BLUR)
        / np.maximum(cv2.GaussianBlur(both, (0, 0), LIGHT_BLUR), 1e-3)[..., None],
        (both > 0.3).astype(np.float32),
    )
    copied = np.clip(twin + offset, 0, 1)
    # A copy only where the own texel is seen badly. Islands of own texels among copied ones would show.
    own = np.clip((weight - 0.1) / 0.3, 0, 1)
    own = cv2.morphologyEx(np.where(covered, own, 1).astype(np.float32), cv2.MORPH_OPEN, np.ones((LEAST_ISLAND, LEAST_ISLAND)))
    own = soften(cv2.erode(own, np.ones((3, 3))), covered, 3) * np.clip(weight * 10, 0, 1)
    mixed = image * own[..., None] + copied * (1 - own[..., None])
    # What neither half shows well, or the other one in quite another light, is smeared: its surroundings continue there.
    alike = np.clip((OTHER_LIGHT - np.abs(offset[..., :3]).mean(-1)) / (0.5 * OTHER_LIGHT), 0, 1)
    known = own * np.clip((weight - 0.2) / 0.3, 0, 1) + (1 - own) * np.clip((twin_weight - 0.4) / 0.4, 0, 1) * alike
    return mixed, soften(np.clip(1.3 * known, 0, 1), covered, 2) * (known > 0)


def mirror(color: np.ndarray, layers: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What one half of a left-right symmetric chart shows and the other hides is copied across, in the light of where it goes;
    what neither shows stays.

    Args:
        color: (H, W, 3); layers: (H, W, L) what the texels are, copied with the colour, the first the one that must agree for
            two texels' light to be compared; seen: (H, W) confidence.

    Returns:
        colour, layers and confidence.
    """
    twin, twin_seen = color[:, ::-1], seen[:, ::-1]
    take = np.clip((twin_seen - seen - 0.15) / 0.3, 0, 1)
    take = cv2.GaussianBlur(take, (0, 0), 3) * (twin_seen > 0.1)
    if take.max() < 0.1:
        return color, layers, seen
    alike = np.minimum(seen, twin_seen) * (np.abs(layers[..., 0] - layers[:, ::-1, 0]) < 0.3)
    here, there = (cv2.GaussianBlur(x * alike[..., None], (0, 0), 16) for x in (color, twin))
    gain = np.clip(here / np.maximum(there, 1e-4), 0.7, 1.4)
    gain = diffuse(gain, np.clip(cv2.GaussianBlur(alike, (0, 0), 16) * 3, 0, 1), around=True)
    gain = np.where(np.isfinite(gain) & (gain > 0.5), gain, 1)
    copied, take = np.clip(twin * gain, 0, 1), take[..., None]
    return (
        color * (1 - take) + copied * take,
        layers * (1 - take) + layers[:, ::-1] * take,
        np.maximum(seen, 0.85 * twin_seen * (take[..., 0] > 0.02)),
    )


def nearest_covered(covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column (H, W) of the covered texel nearest to each texel: texels outside every triangle read from there,
    so that bilinear look-ups at a chart's border stay clean."""
    _, (y, x) = distance_transform_edt(~covered, return_indices=True)
    return y, x


def blurred_around(image: np.ndarray, across: float, down: float | None = None) -> np.ndarray:
    """Gaussian blur of a float32 picture (H, W, ...) whose left and right borders meet; standard deviations in texels, one for both if no
    other is given."""
    pad = int(5 * across) + 1  # beyond the reach of OpenCV's kernel
    wide = np.concatenate([image[:, -pad:], image, image[:, :pad]], 1).astype(np.float32)
    return np.ascontiguousarray(cv2.GaussianBlur(wide, (0, 0), sigmaX=across, sigmaY=across if down is None else down)[:, pad:-pad])
