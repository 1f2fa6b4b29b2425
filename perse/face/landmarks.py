"""The landmarks by name: numbers of MediaPipe's face mesh, stated here and nowhere else. Left and right are the subject's own.

A face has 478 landmarks: 468 on its skin and five on each iris. `portrait.landmarker` finds them in a picture; the first 468 vertices of
a `Rig` are the same points in space.
"""

from typing import TypedDict

FACE = 468  # landmarks on the skin; those of the irises follow

# Single points, on the midline from above ...
FOREHEAD_TOP = 10  # where the mesh ends, a little below most hairlines
FOREHEAD = 151
NASION = 168  # the root of the nose, between the eyes
NOSE_BRIDGE = 6
NOSE_TIP, NOSE_FRONT = 1, 4  # the tip's lower and its foremost point
UPPER_LIP, LOWER_LIP = 13, 14  # the middle of the lips' inner edges
CHIN = 152  # its lowest point, on the outline
# ... and pairs, right before left.
EYE_CORNERS = (33, 263)  # the outer ones
INNER_EYE_CORNERS = (133, 362)
BROW_PEAKS = (105, 334)
CHEEKBONES = (50, 280)
EARS = (234, 454)  # the outline in front of the ears
JAW_ANGLES = (172, 397)
MOUTH_CORNERS, INNER_MOUTH_CORNERS = (61, 291), (78, 308)  # where the lips' outer edges meet, and where their inner ones do

# The outline of the face, from the top over the subject's right side to the chin and back on the left.
OVAL = [
    10,
    109,
    67,
    103,
    54,
    21,
    162,
    127,
    234,
    93,
    132,
    58,
    172,
    136,
    150,
    149,
    176,
    148,
    152,
    377,
    400,
    378,
    379,
    365,
    397,
    288,
    361,
    323,
    454,
    356,
    389,
    251,
    284,
    332,
    297,
    338,
]


class Eye(TypedDict):
    """The corners of an eye; its upper-lid and lower-lid rows, which run from the outer to the inner corner and pair up index by index; of
    its iris the centre, and four points of the rim."""

    outer: int
    inner: int
    upper: list[int]
    lower: list[int]
    iris: list[int]


EYE: dict[str, Eye] = {
    "right": dict(
        outer=33,
        inner=133,
        upper=[246, 161, 160, 159, 158, 157, 173],
        lower=[7, 163, 144, 145, 153, 154, 155],
        iris=[468, 469, 470, 471, 472],
    ),
    "left": dict(
        outer=263,
        inner=362,
        upper=[466, 388, 387, 386, 385, 384, 398],
        lower=[249, 390, 373, 374, 380, 381, 382],
        iris=[473, 474, 475, 476, 477],
    ),
}
BROW: dict[str, dict[str, list[int]]] = {
    "right": dict(upper=[70, 63, 105, 66, 107], lower=[46, 53, 52, 65, 55]),
    "left": dict(upper=[300, 293, 334, 296, 336], lower=[276, 283, 282, 295, 285]),
}
# The fold above the upper lid, from the outer corner inwards: it pairs up with the lid's row but for the two landmarks at its ends.
LID_FOLD = {"right": [30, 29, 27, 28, 56], "left": [260, 259, 257, 258, 286]}
# Rows from the subject's right corner to the left one.
LIPS = dict(
    upper_outer=[61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291],
    lower_outer=[61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291],
    upper_inner=[78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308],
    lower_inner=[78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308],
)
MOUTH_RING = LIPS["upper_inner"] + LIPS["lower_inner"][-2:0:-1]
# The lips' outer edge, two rows on their skin and their inner edge, each all the way round like MOUTH_RING: they pair up.
LIP_RINGS = [
    LIPS["upper_outer"] + LIPS["lower_outer"][-2:0:-1],
    [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77],
    [62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96],
    MOUTH_RING,
]

# Closed outlines to be filled (`polygons.polygon`), each all the way round.
FACE_OUTLINE = [OVAL[0], *OVAL[:0:-1]]
LIPS_OUTLINE = LIPS["lower_outer"] + LIPS["upper_outer"][-2:0:-1]
MOUTH_OUTLINE = LIPS["lower_inner"] + LIPS["upper_inner"][-2:0:-1]  # what lies between the lips
EYE_OUTLINE = {side: [eye["outer"], *eye["lower"], eye["inner"], *eye["upper"][::-1]] for side, eye in EYE.items()}
BROW_OUTLINE = {side: brow["upper"] + brow["lower"][::-1] for side, brow in BROW.items()}
# Bare skin in nearly every face: cheeks and nose without eyes, mouth, moustache and beard, and the middle of the forehead.
CHEEK_OUTLINE = {"right": [117, 118, 119, 100, 142, 203, 205, 50], "left": [346, 347, 348, 329, 371, 423, 425, 280]}
NOSE_OUTLINE = [168, 193, 122, 196, 236, 198, 49, 4, 279, 420, 456, 419, 351, 417]
FOREHEAD_OUTLINE = [10, 338, 299, 9, 69, 109]

# Vertices that expressions hardly move: what a head pose is measured on.
STABLE = [
    10,
    151,
    9,
    8,
    168,
    6,
    197,
    195,
    33,
    133,
    263,
    362,
    127,
    356,
    234,
    454,
    93,
    323,
    21,
    251,
    54,
    284,
    103,
    332,
    67,
    297,
    109,
    338,
    162,
    389,
    48,
    278,
    4,
    5,
    1,
    2,
    98,
    327,
    129,
    358,
]
# Of these, the ones that lips drag along when they move.
NOSE_END = (1, 2, 4, 5, 48, 278, 98, 327, 129, 358)
# The part of the outline that is the chin and the jaw's lower edge: it does not slide along the silhouette when the head turns.
JAW_EDGE = (136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365)
# Skin that shows the light on the face: two points of each cheek.
CHEEKS = [50, 205, 280, 425]
# The skin of the chin and below the lower lip, which goes with the jaw, and of it what lies in front.
JAW_SKIN = [152, 175, 199, 200, 18, 83, 313, 148, 377, 176, 400, 149, 378, 150, 379, 171, 396, 208, 428, 201, 421]
CHIN_SKIN = [index for index in JAW_SKIN if index not in (149, 378, 150, 379)]
# From one jaw angle under the chin to the other, the subject's right one first.
JAWLINE = OVAL[OVAL.index(172) : OVAL.index(397) + 1]


def eye_ring(side: str) -> list[int]:
    """The 16 lid-edge vertices of one eye: outer corner, upper row, inner corner, lower row back."""
    eye = EYE[side]
    return [eye["outer"], *eye["upper"], eye["inner"], *eye["lower"][::-1]]


def lid_edges(side: str) -> list[int]:
    """The landmarks of one eye's lids between its corners: the upper row, then the lower one."""
    return [*EYE[side]["upper"], *EYE[side]["lower"]]


def lip_landmarks() -> list[int]:
    """All landmarks of the lips; corners that rows share come more than once."""
    return [index for row in LIPS.values() for index in row]


def flip_side(name: str) -> str:
    """The other side's name: eye_blink_left -> eye_blink_right."""
    if name.endswith("_left"):
        return name[:-5] + "_right"
    if name.endswith("_right"):
        return name[:-6] + "_left"
    return name
