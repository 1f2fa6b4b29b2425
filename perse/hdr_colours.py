"""HDR pictures as screens without HDR show them: a table from coded BT.2020 colours to coded BT.709 ones. It needs nothing but Python, since
the process that decodes strangers' clips has nothing else.

White that a sheet of paper has (203 cd/m2, ITU-R BT.2408) stays near white, and what shines brighter than that keeps some of its shape.
"""

import math

PQ, HLG = 16, 18  # transfer functions by their numbers (ITU-T H.273)
LEVEL = 5  # of the table: LEVEL**2 steps a colour, LEVEL**3 pixels a side
PAPER = 203.0  # cd/m2
KNEE = 0.6  # of the light of paper: below it nothing is compressed
HLG_PEAK, HLG_GAMMA = 1000.0, 1.2  # cd/m2 and the system's gamma of a usual HLG screen (ITU-R BT.2100)
TO_BT709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # of linear BT.2020 (ITU-R BT.2087)


def _pq(x: float) -> float:
    """cd/m2 of a coded value (SMPTE ST 2084)."""
    root = x ** (1 / 78.84375)
    return 10_000 * (max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)


def _hlg(x: float) -> float:
    """Scene light, 0 to 1, of a coded value (ARIB STD-B67)."""
    return x * x / 3 if x <= 0.5 else (math.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _coded(light: float) -> float:
    """sRGB's curve."""
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def shown(red: float, green: float, blue: float, transfer: int) -> list[float]:
    """Coded BT.2020 in [0, 1] -> coded BT.709 in [0, 1]."""
    if transfer == HLG:
        scene = [_hlg(x) for x in (red, green, blue)]
        whole = max(0.2627 * scene[0] + 0.678 * scene[1] + 0.0593 * scene[2], 1e-9) ** (HLG_GAMMA - 1)
        light = [HLG_PEAK * whole * x / PAPER for x in scene]
    else:
        light = [_pq(x) / PAPER for x in (red, green, blue)]
    most = max(*light, 1e-9)
    kept = most if most <= KNEE else KNEE + (1 - KNEE) * (1 - math.exp(-(most - KNEE) / (1 - KNEE)))
    light = [x * kept / most for x in light]
    return [_coded(min(max(sum(a * x for a, x in zip(row, light)), 0.0), 1.0)) for row in TO_BT709]


def table(transfer: int) -> bytes:
    """A Hald image of LEVEL: RGB of 16 bits, little-endian, LEVEL**3 pixels square; red runs fastest."""
    steps = LEVEL**2
    axis = [i / (steps - 1) for i in range(steps)]
    values = (round(65535 * x) for b in axis for g in axis for r in axis for x in shown(r, g, b, transfer))
    return b"".join(value.to_bytes(2, "little") for value in values)
