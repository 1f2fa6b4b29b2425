"""The expression vocabulary: ARKit's 52 blendshapes as moves of landmarks, and the everyday names made of them.

Every shape is data: a list of moves in eye distances (x to the subject's left, y down, z backwards), spread over the
surface by `blendshapes`. One-sided shapes are written for the left side and mirrored. The definitions follow
Apple's ARFaceAnchor.BlendShapeLocation descriptions; the numbers are this project's own.

A move is one of
    ("lips", rows, profile, vector)    rows: upper | lower | both; profile along the lips, see `blendshapes.PROFILES`
    ("points", {landmark: vector})
    ("lids", upper, lower)             share of the lid gap by which the upper / lower lid edge travels
    ("scale_lips", x, y)               lips drawn in or out about their centre, along their curve, by x; made fuller by y
    ("slide_lips", x)                  lips slid sideways along their curve
    ("part_lips", share)               of the gap between open lips by which it grows, or shrinks if negative
"""

from dataclasses import dataclass

import numpy as np

from ..face.landmarks import flip_side
from ..smooth_ramps import smooth_step

LID_RANGE = 24.0  # degrees by which eyes look down or up when their lids have followed by all they can (`skeleton.EYE_LOOK`)
NOSE_ANCHORS = [168, 6, 197, 1, 4, 2, 98, 327]  # which stay where lips move


@dataclass(frozen=True)
class Shape:
    """One blendshape: its moves, how far they reach (eye distances), and vertices that must stay."""

    moves: tuple
    radius: float = 0.6
    pinned: tuple = ()


LEFT_SHAPES = {
    "eye_blink_left": Shape((("lids", 0.93, 0.07),), 0.3),
    "eye_squint_left": Shape((("lids", 0.12, 0.28), ("points", {450: (0, -0.02, -0.005), 347: (0, -0.025, -0.01)})), 0.3),
    "eye_wide_left": Shape((("lids", -0.30, -0.08),), 0.3),
    "eye_look_down_left": Shape((("lids", 0.38, -0.10),), 0.3),
    "eye_look_up_left": Shape((("lids", -0.22, 0.06),), 0.3),
    "eye_look_in_left": Shape((("points", {386: (-0.006, 0, 0), 374: (-0.006, 0, 0)}),), 0.2),
    "eye_look_out_left": Shape((("points", {386: (0.006, 0, 0), 374: (0.006, 0, 0)}),), 0.2),
    "brow_down_left": Shape((("points", {336: (-0.035, 0.075, -0.01), 296: (-0.02, 0.07, -0.01), 334: (0, 0.055, 0), 293: (0, 0.03, 0),
                                         285: (-0.035, 0.075, -0.01), 295: (-0.02, 0.07, -0.01), 282: (0, 0.055, 0), 283: (0, 0.03, 0)}),),
                            0.42, (386, 385, 387, 384, 388, 168)),
    "brow_outer_up_left": Shape((("points", {300: (0.01, -0.10, 0.01), 293: (0.01, -0.115, 0.01), 334: (0, -0.09, 0),
                                             276: (0.01, -0.10, 0.01), 283: (0.01, -0.115, 0.01), 282: (0, -0.09, 0),
                                             336: (0, -0.01, 0), 285: (0, -0.01, 0)}),), 0.5,
                                (386, 385, 387, 384, 388, 466)),
    "cheek_squint_left": Shape((("points", {280: (0.01, -0.05, -0.03), 330: (0.01, -0.05, -0.03), 347: (0, -0.035, -0.015),
                                            450: (0, -0.02, -0.005), 425: (0.01, -0.04, -0.02)}),), 0.42, (386, 374, 263, 362)),
    "nose_sneer_left": Shape((("points", {278: (0.008, -0.045, 0), 279: (0.008, -0.045, 0), 358: (0.01, -0.04, 0), 327: (0, -0.03, 0),
                                          344: (0, -0.04, 0), 423: (0.01, -0.035, -0.01), 343: (0, -0.035, 0)}),
                              ("lips", "upper", "half_left", (0, -0.02, 0))), 0.34, (374, 362, 4)),
    "mouth_smile_left": Shape((("lips", "both", "corner_left", (0.125, -0.115, 0.075)),
                               ("points", {425: (0.03, -0.06, -0.02), 280: (0.015, -0.045, -0.02), 411: (0.05, -0.06, 0.0),
                                           427: (0.045, -0.055, 0.0), 432: (0.06, -0.05, 0.03), 287: (0.105, -0.095, 0.06)})),
                              0.62, (374, 263, 362)),
    "mouth_frown_left": Shape((("lips", "both", "corner_left", (0.012, 0.085, 0.01)), ("points", {432: (0.01, 0.05, 0)})), 0.45,
                              tuple(NOSE_ANCHORS)),
    "mouth_dimple_left": Shape((("lips", "both", "corner_left", (0.075, -0.01, 0.07)),), 0.42, tuple(NOSE_ANCHORS)),
    "mouth_stretch_left": Shape((("lips", "both", "corner_left", (0.115, 0.045, 0.06)),), 0.55, tuple(NOSE_ANCHORS)),
    "mouth_press_left": Shape((("lips", "upper", "half_left", (0, 0.018, 0.02)), ("lips", "lower", "half_left", (0, -0.022, 0.02))), 0.25,
                              tuple(NOSE_ANCHORS)),
    "mouth_lower_down_left": Shape((("lips", "lower", "half_left", (0.012, 0.085, 0.0)),), 0.32),
    "mouth_upper_up_left": Shape((("lips", "upper", "half_left", (0.01, -0.075, 0.0)), ("points", {423: (0.005, -0.03, 0)})), 0.32,
                                 (4, 1, 374)),
}

_CENTRE = {
    "brow_inner_up": Shape((("points", {336: (0.005, -0.10, 0), 107: (-0.005, -0.10, 0), 285: (0.005, -0.10, 0), 55: (-0.005, -0.10, 0),
                                        296: (0, -0.085, 0), 66: (0, -0.085, 0), 295: (0, -0.085, 0), 65: (0, -0.085, 0),
                                        334: (0, -0.03, 0), 105: (0, -0.03, 0), 282: (0, -0.03, 0), 52: (0, -0.03, 0)}),), 0.5,
                           (386, 385, 387, 384, 159, 158, 160, 157, 6, 197)),
    "cheek_puff": Shape((("points", {425: (0.05, 0, -0.06), 205: (-0.05, 0, -0.06), 427: (0.08, 0.01, -0.06), 207: (-0.08, 0.01, -0.06),
                                     411: (0.08, 0, -0.06), 187: (-0.08, 0, -0.06), 434: (0.09, 0.02, -0.03), 214: (-0.09, 0.02, -0.03)}),),
                        0.45, (374, 145, 4, 152)),
    "jaw_forward": Shape((), 0.6),
    "jaw_left": Shape((), 0.6),
    "jaw_right": Shape((), 0.6),
    "jaw_open": Shape((("scale_lips", -0.10, 0.0), ("lips", "upper", "centre", (0, -0.03, 0)),
                       ("lips", "lower", "centre", (0, 0.03, 0))), 0.5, tuple(NOSE_ANCHORS)),
    "mouth_close": Shape((("lips", "lower", "all", (0, -0.22, -0.03)), ("lips", "upper", "all", (0, 0.04, 0))), 0.4, tuple(NOSE_ANCHORS)),
    "mouth_funnel": Shape((("scale_lips", -0.34, 0.05), ("lips", "both", "centre", (0, 0, -0.075)),
                           ("lips", "upper", "centre", (0, -0.045, -0.03)), ("lips", "lower", "centre", (0, 0.06, -0.03))), 0.55,
                          tuple(NOSE_ANCHORS)),
    "mouth_pucker": Shape((("scale_lips", -0.46, 0.30), ("part_lips", -1.0), ("lips", "both", "centre", (0, 0, -0.16))), 0.6,
                          tuple(NOSE_ANCHORS)),
    "mouth_left": Shape((("slide_lips", 0.14),), 0.6, tuple(NOSE_ANCHORS)),
    "mouth_right": Shape((("slide_lips", -0.14),), 0.6, tuple(NOSE_ANCHORS)),
    "mouth_roll_lower": Shape((("lips", "lower", "centre", (0, -0.035, 0.05)),), 0.25),
    "mouth_roll_upper": Shape((("lips", "upper", "centre", (0, 0.035, 0.05)),), 0.25, (2, 1, 98, 327)),
    "mouth_shrug_lower": Shape((("lips", "both", "centre", (0, -0.045, -0.02)),
                                ("points", {199: (0, -0.05, -0.02), 200: (0, -0.05, -0.02)})), 0.4, tuple(NOSE_ANCHORS)),
    "mouth_shrug_upper": Shape((("lips", "upper", "centre", (0, -0.045, -0.02)), ("lips", "lower", "centre", (0, -0.045, 0))), 0.3, (4, 1)),
    "tongue_out": Shape((), 0.3),
}

COMPOSITES: dict[str, dict[str, float]] = {
    "smile": {"mouth_smile_left": 0.9, "mouth_smile_right": 0.9, "cheek_squint_left": 0.7, "cheek_squint_right": 0.7,
              "eye_squint_left": 0.5, "eye_squint_right": 0.5, "mouth_upper_up_left": 0.12, "mouth_upper_up_right": 0.12},
    "grin": {"mouth_smile_left": 1.0, "mouth_smile_right": 1.0, "mouth_upper_up_left": 0.5, "mouth_upper_up_right": 0.5,
             "mouth_lower_down_left": 0.55, "mouth_lower_down_right": 0.55, "cheek_squint_left": 0.8, "cheek_squint_right": 0.8,
             "jaw_open": 0.08},
    "blink": {"eye_blink_left": 1.0, "eye_blink_right": 1.0},
    "brows_up": {"brow_inner_up": 0.8, "brow_outer_up_left": 0.8, "brow_outer_up_right": 0.8},
    "brows_down": {"brow_down_left": 1.0, "brow_down_right": 1.0},
    "pucker": {"mouth_pucker": 1.0},
    "sad": {"mouth_frown_left": 0.9, "mouth_frown_right": 0.9, "brow_inner_up": 0.9, "mouth_shrug_lower": 0.3},
    "angry": {"brow_down_left": 1.0, "brow_down_right": 1.0, "nose_sneer_left": 0.6, "nose_sneer_right": 0.6,
              "eye_squint_left": 0.4, "eye_squint_right": 0.4, "mouth_press_left": 0.6, "mouth_press_right": 0.6,
              "mouth_frown_left": 0.25, "mouth_frown_right": 0.25},
    "surprise": {"jaw_open": 0.55, "brow_inner_up": 1.0, "brow_outer_up_left": 1.0, "brow_outer_up_right": 1.0,
                 "eye_wide_left": 0.9, "eye_wide_right": 0.9, "mouth_funnel": 0.25},
    "wink": {"eye_blink_left": 1.0, "mouth_smile_left": 0.6, "cheek_squint_left": 0.7, "eye_squint_right": 0.15},
}
# What comes on top as a composite nears one (it grows with the square): a wide smile parts the lips and bares the teeth.
WIDE: dict[str, dict[str, float]] = {
    "smile": {"mouth_upper_up_left": 0.38, "mouth_upper_up_right": 0.38, "mouth_lower_down_left": 0.22, "mouth_lower_down_right": 0.22},
}


# What no smiling mouth can do: how much of the portrait's smile is let go of at a weight of 1 (`neutral.Neutral`).
LETS_GO = {
    "mouth_pucker": 1.2, "mouth_funnel": 1.2, "mouth_press_left": 0.9, "mouth_press_right": 0.9, "mouth_frown_left": 0.8, "mouth_frown_right": 0.8,
    "mouth_roll_lower": 0.6, "mouth_roll_upper": 0.6, "mouth_shrug_lower": 0.4, "mouth_shrug_upper": 0.4, "cheek_puff": 1.2, "mouth_close": 1.0,
}


def _table() -> dict[str, Shape]:
    table = {}
    for name, shape in LEFT_SHAPES.items():
        table[name] = shape
        table[flip_side(name)] = shape
    table.update(_CENTRE)
    return dict(sorted(table.items()))


SHAPES = _table()
NAMES = list(SHAPES)
INDEX = {name: i for i, name in enumerate(NAMES)}
EXPRESSIONS = [*COMPOSITES, *NAMES]


def expand(weights: dict[str, float]) -> np.ndarray:
    """Named expression weights (composites allowed) -> blendshape weights (len(NAMES),), clamped to [0, 1].

    Raises:
        KeyError: for a name that is neither a blendshape nor a composite.
    """
    out = np.zeros(len(NAMES), np.float32)
    for name, value in weights.items():
        for part, share in (COMPOSITES[name] if name in COMPOSITES else {name: 1.0}).items():
            out[INDEX[part]] += share * value
        for part, share in WIDE.get(name, {}).items():
            out[INDEX[part]] += share * max(value, 0.0) ** 2
    return restrained(out)


def lets_go(weights: np.ndarray) -> np.ndarray:
    """How much of a portrait's smile is let go of, (...) in [0, 1], at blendshape weights (..., E)."""
    total = sum(share * np.asarray(weights, np.float64)[..., INDEX[name]] for name, share in LETS_GO.items())
    return smooth_step(np.minimum(total, 1.0))


def restrained(weights: np.ndarray) -> np.ndarray:
    """What of blendshape weights (..., E) can be at once, float32 in [0, 1]."""
    out = np.clip(weights, 0, 1).astype(np.float32)
    # Antagonists share one lid: together they would cross it.
    for side in ("left", "right"):
        open_ = 1 - out[..., INDEX[f"eye_blink_{side}"]].astype(np.float64)
        for lid in ("eye_squint", "eye_wide", "eye_look_down", "eye_look_up"):
            out[..., INDEX[f"{lid}_{side}"]] *= open_
    # The lower lip can rise only as far as the jaw has dropped.
    close = INDEX["mouth_close"]
    out[..., close] = np.minimum(out[..., close], out[..., INDEX["jaw_open"]])
    return out


def lids_follow(weights: np.ndarray, pitch: np.ndarray | float) -> None:
    """Make the lids of weights (..., E) float32, as `restrained` gives them, follow eyes that look down by `pitch` (...), degrees."""
    look = np.asarray(pitch, np.float64) / LID_RANGE
    for side in ("left", "right"):
        follow = np.abs(look) * (1 - weights[..., INDEX[f"eye_blink_{side}"]].astype(np.float64))
        for lid, amount in (("down", np.where(look > 0, follow, 0)), ("up", np.where(look > 0, 0, follow))):
            shape = INDEX[f"eye_look_{lid}_{side}"]
            weights[..., shape] = np.where(amount > 0, np.minimum(1, weights[..., shape] + amount), weights[..., shape])
