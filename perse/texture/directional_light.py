"""How the photo's light falls on a head: brighter towards where it comes from, by spherical harmonics of the first order (Ramamoorthi and
Hanrahan 2001, "An efficient representation for irradiance environment maps"), measured on the skin that the photo shows well."""

import numpy as np

from .photo_light import LUMINANCE

LEAST_TEXELS = 500  # that tell where light comes from
ROUNDS = 3  # times that what differs most from the light found (beards, brows, shines) is left out
UNUSUAL = 0.15  # share of the usual brightness by which that differs; .1 to .2 work
EVEN = 0.02  # weight of light that comes evenly from everywhere, against a mean texel's; .005 to .05 work
DARKEST, BRIGHTEST = 0.62, 1.2  # times the usual brightness: normals that the photo never shows are not told exactly


def directional_light(color: np.ndarray, normals: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Light as (4,): of what faces no way in particular, and what facing each axis adds; 1 on the usual one of the places given.

    Args:
        color: (N, 3) RGB of one material; normals: (N, 3) unit; weight: (N,) how far each place tells.
    """
    if (weight > 0.5).sum() < LEAST_TEXELS:
        return np.array([1.0, 0.0, 0.0, 0.0])
    bright = color @ LUMINANCE
    usual = max(float(np.median(bright[weight > 0.5])), 1e-3)
    facing, value = np.column_stack([np.ones(len(normals)), normals]), bright / usual
    trust, light = weight.astype(np.float64), np.array([1.0, 0.0, 0.0, 0.0])
    for _ in range(ROUNDS):
        gram = (facing * trust[:, None]).T @ facing + np.diag([0.0, 1.0, 1.0, 1.0]) * EVEN * trust.sum()
        light = np.linalg.solve(gram, (facing * trust[:, None]).T @ value)
        trust = weight * (np.abs(facing @ light - value) < UNUSUAL)
        if (trust > 0.5).sum() < LEAST_TEXELS:  # a drawing, a harlequin: no one light tells of this
            return np.array([1.0, 0.0, 0.0, 0.0])
    return light


def falls_on(light: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """How bright `directional_light` (4,) makes surfaces with these unit normals (..., 3): (...,), 1 of the usual one."""
    return np.clip(light[0] + normals @ light[1:], DARKEST, BRIGHTEST)
