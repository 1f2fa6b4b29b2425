"""HDR pictures as screens without HDR show them: from coded values of PQ or HLG to coded BT.709 ones.

White that a sheet of paper has (203 cd/m2, ITU-R BT.2408) stays near white, and what shines brighter than that keeps some of its shape.
"""

import numpy as np

from perse.cicp import BT709, BT2020, DISPLAY_P3, HLG  # by its whole name: workers run outside of the package

LEVEL = 6  # of the table: LEVEL**2 steps a colour, LEVEL**3 pixels a side
PAPER = 203.0  # cd/m2
KNEE = 0.6  # of the light of paper: below it nothing is compressed
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # cd/m2 and the system's gamma of a usual HLG screen (ITU-R BT.2100)
LUMINANCE = np.array([0.2627, 0.678, 0.0593], np.float32)  # of BT.2020's primaries (ITU-R BT.2100)
# Linear light to that of BT.709 (ITU-R BT.2087, SMPTE EG 432-1).
TO_BT709 = {
    BT709: np.eye(3, dtype=np.float32),
    BT2020: np.array([(1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)], np.float32),
    DISPLAY_P3: np.array([(1.2249, -0.2249, 0), (-0.0421, 1.0421, 0), (-0.0196, -0.0786, 1.0983)], np.float32),
}


def _pq(x: np.ndarray) -> np.ndarray:
    """cd/m2 of coded values (SMPTE ST 2084)."""
    root = x ** (1 / 78.84375)
    return 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _hlg(x: np.ndarray) -> np.ndarray:
    """Scene light, 0 to 1, of coded values (ARIB STD-B67)."""
    return np.where(x <= 0.5, x * x / 3, (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12)


def _coded(light: np.ndarray) -> np.ndarray:
    """sRGB's curve."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - np.float32(0.055))


def shown(coded: np.ndarray, transfer: int, primaries: int = BT2020) -> np.ndarray:
    """Coded values of PQ or HLG -> coded BT.709 in [0, 1], float32; primaries that are not known are taken for BT.2020's.

    coded: (..., 3), whole numbers of which the largest of their type is one, or floats in [0, 1].
    """
    curve = _hlg if transfer == HLG else _pq
    if np.issubdtype(coded.dtype, np.unsignedinteger):
        light = curve(np.linspace(0, 1, np.iinfo(coded.dtype).max + 1)).astype(np.float32)[coded]
    else:
        light = curve(coded).astype(np.float32)
    if transfer == HLG:
        light *= HLG_PEAK * np.maximum(light @ LUMINANCE, 1e-9)[..., None] ** np.float32(HLG_GAMMA - 1)
    light /= PAPER
    most = light.max(-1, keepdims=True)
    over = np.maximum(most - KNEE, 0)
    light *= (np.minimum(most, KNEE) + (1 - KNEE) * (1 - np.exp(-over / (1 - KNEE)))) / np.maximum(most, 1e-9)
    return _coded(np.clip(light @ TO_BT709.get(primaries, TO_BT709[BT2020]).T, 0, 1))


def table(transfer: int) -> bytes:
    """A Hald image of LEVEL: RGB of 16 bits, little-endian, LEVEL**3 pixels square; red runs fastest."""
    axis = np.linspace(0, 1, LEVEL**2)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return (shown(np.stack([red, green, blue], -1), transfer) * 65535 + 0.5).astype("<u2").tobytes()
