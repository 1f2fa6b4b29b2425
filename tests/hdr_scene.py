"""Greys of an HDR scene, coded by inverting the standards' formulas, and what they must look like on a screen without HDR."""

import numpy as np

from perse.cicp import PQ

NITS = np.array([10.0, 40.0, 203.0, 900.0])  # a face in the shade, one in the light, paper, a lamp


def coded(nits: np.ndarray, transfer: int) -> np.ndarray:
    """cd/m2 -> values in [0, 1] of PQ (SMPTE ST 2084), or of HLG on a screen of 1000 cd/m2 (ITU-R BT.2100; of greys only)."""
    if transfer == PQ:
        power = (np.asarray(nits) / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    scene = (np.asarray(nits) / 1000) ** (1 / 1.2)
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073)


def assert_as_bright(seen: np.ndarray) -> None:
    """seen: (4, 3) of 0 to 255, what has become of NITS."""
    assert np.ptp(seen, axis=1).max() <= 3  # grey stays grey
    light = ((seen.mean(1) / 255 + 0.055) / 1.055) ** 2.4 * 203
    np.testing.assert_allclose(light[:2], NITS[:2], rtol=0.12)  # below white, light for light
    assert 225 < seen[2].mean() < seen[3].mean() <= 255  # paper is nearly white, and a lamp is brighter
