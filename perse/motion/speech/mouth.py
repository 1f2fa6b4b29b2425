"""What a mouth does becomes weights of the rig's blendshapes."""

import numpy as np

from ...rig.expressions import INDEX, NAMES
from .articulation import CHANNELS
from .coarticulation import Movement

# What a channel at 1, lips that meet and a lip at the teeth make of each shape. A pair without side is both sides.
OF_CHANNEL = {
    "jaw": {"jaw_open": 1.0},
    "spread": {"mouth_stretch": 0.45, "mouth_smile": 0.2},
    "round": {"mouth_pucker": 0.75, "mouth_funnel": 0.1},
    "push": {"mouth_funnel": 0.75},
    "teeth": {"mouth_upper_up": 0.5, "mouth_lower_down": 0.55},
    "tongue": {"tongue_out": 0.6},  # its tip between the teeth
}
LIPS = {"mouth_press": 0.4, "mouth_roll_lower": 0.25, "mouth_roll_upper": 0.25}
BITE = {"mouth_roll_lower": 0.5, "mouth_upper_up": 0.7}


def _row(parts: dict[str, float]) -> np.ndarray:
    """(E,)"""
    row = np.zeros(len(NAMES))
    for name, share in parts.items():
        for full in (name,) if name in INDEX else (f"{name}_left", f"{name}_right"):
            row[INDEX[full]] += share
    return row


_CHANNELS = np.stack([_row(OF_CHANNEL[name]) for name in CHANNELS])
_LIPS, _BITE = _row(LIPS), _row(BITE)
PRESSED = np.clip(_LIPS, 0, 1)  # (E,) of lips that meet and do nothing else


def mouth_weights(movement: Movement, strength: float = 1.0) -> np.ndarray:
    """Blendshape weights (T, E) in the order of expressions.NAMES, within [0, 1].

    strength: of all that may be more or less; lips meet whatever it is.
    """
    out = strength * movement.channels @ _CHANNELS + movement.lips[:, None] * _LIPS + movement.bite[:, None] * _BITE
    out = np.clip(out, 0, 1)
    # What the jaw has still dropped when the lips meet is made up for by them.
    jaw = out[:, INDEX["jaw_open"]]
    out[:, INDEX["mouth_close"]] = movement.lips * jaw
    return out
