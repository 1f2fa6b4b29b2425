"""What of the hair is none: a hat, a turban, a headscarf or a veil.

Hair is strands. Wherever it is lit well enough to be seen it varies finely everywhere, and cloth does not: it has folds, seams and badges,
and smooth stretches between them. What is smooth is worn if its border is that of a thing: against other hair, a step of colour; against the
forehead, one clean line that no strand crosses. Dark hair without a strand to be seen has neither.

Measured on twenty-three portraits, paintings, frames and drawn hats: of lit hair, a third at most is less than TWICE as varied as the cheeks, of
cloth three quarters and more.
"""

import cv2
import numpy as np
from skimage.filters import rank

from ..face.landmarks import CHEEK_OUTLINE, NOSE_OUTLINE
from ..face.polygons import polygon
from .colours import ColourModel
from .face_frame import FaceFrame
from .hair_skin_cloth_costs import THING_SPREAD

WORKING_SIDE = 384  # pixels
TWICE = 2.0  # variation over the cheeks', below which something is smooth: hair 3 to 14, cloth .2 to 1.3
WINDOW, QUANTILE = 0.07, 0.35  # face heights within which this part of the pixels must vary less: single folds and seams count for nothing
FINE = 0.004  # face heights that a strand is wide
DIM = 8.0  # L* that is added to lightness when variation is measured as a share of it: noise
SURE, SOME = 0.8, 0.3  # share of hair from which a pixel shows hair and nothing else; and any
LEAST = 0.12  # of what looks like hair, that a worn thing covers at least
STEP = 25.0  # CIE Lab between a worn thing and the hair beside it, at least: of three 33 to 35, hair in light and in shade 6 to 18
# Of its border that lies against other hair, and how much there is of that for each of its pixels, below which the forehead tells.
ALONE, REST = 0.2, 0.25
# Of lightness across the line where it ends on the forehead: how much more it varies than from one side to the other (at the 80th percentile),
# and by how much the place of the step scatters, face heights. A cap .1 to .3 and .007; hair .35 to 3 and .015 to .04, or .006.
CLEAN_EXCESS, CLEAN_PLACE = 0.33, 0.012
STRAIGHT = 0.006  # face heights by which that line strays from a parabola: drawn hats .001 to .004, hair .009 to .03
ACROSS, SAMPLES = 0.06, 41  # half of the way across, face heights; samples of it
MARGIN = 1.0  # negative log density by which colours must be a thing's rather than the strands'
FEW = 12  # pixels of a border; fewer tell nothing
TOUCHES = 0.05  # face heights from the skin or the sides, within which hair is not a part of a hat


def headwear(foreground: np.ndarray, hair: np.ndarray, skin: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """How much of each pixel (S,S) is a worn thing that was taken for hair, at most `hair`.

    Args:
        foreground: (S,S,3) float32 RGB, free of background colour; hair, skin: (S,S) float32 shares; landmarks: (478,3) in pixels.
    """
    size = len(hair)
    side = min(WORKING_SIDE, size)
    picture, likely, bare = (cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA) for x in (foreground, hair, skin))
    frame = FaceFrame(landmarks * (side / size), side)
    sure = likely > SURE
    varied = variation(picture, frame)
    smooth = sure & (varied < TWICE)
    smooth = cv2.morphologyEx(smooth.astype(np.uint8), cv2.MORPH_OPEN, _disc(frame.radius(0.02)))
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(smooth)
    large = 1 + np.flatnonzero(boxes[1:, cv2.CC_STAT_AREA] > LEAST * sure.sum())
    worn = np.zeros((side, side), bool)
    for k in large:
        piece = _grown(labels == k, likely, picture, frame)
        if _is_a_thing(piece, likely, picture, bare, frame):
            worn = np.logical_or(worn, piece)
    if not worn.any():
        return np.zeros_like(hair)
    worn = _with_what_is_alike(worn, likely, bare, picture, varied, frame)
    worn = _with_what_it_encloses(worn, likely, bare, frame)
    full = cv2.resize(worn.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    full = cv2.ximgproc.guidedFilter(foreground, full, FaceFrame(landmarks, size).radius(0.012, 2), 3e-4)
    return (np.clip(1.25 * full - 0.125, 0, 1) * hair).astype(np.float32)


def variation(picture: np.ndarray, frame: FaceFrame) -> np.ndarray:
    """How finely lightness varies (S,S), as a share of itself, over the same of the cheeks.

    Args:
        picture: (S,S,3) float32 RGB; frame: of its face.
    """
    height = frame.height
    light = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)[..., 0]
    fine = cv2.GaussianBlur(light, (0, 0), max(0.6, FINE * height))
    slope = np.hypot(cv2.Sobel(fine, cv2.CV_32F, 1, 0), cv2.Sobel(fine, cv2.CV_32F, 0, 1)) / 8
    relative = slope / (cv2.GaussianBlur(light, (0, 0), 0.03 * height) + DIM)
    window = frame.radius(WINDOW) | 1
    level = np.clip(relative / 0.3 * 255, 0, 255).astype(np.uint8)
    low = rank.percentile(level, np.ones((window, window), np.uint8), p0=QUANTILE).astype(np.float32)
    cheeks = np.sum([polygon(frame.landmarks, part, frame.size) for part in (*CHEEK_OUTLINE.values(), NOSE_OUTLINE)], axis=0) > 0.5
    return low / max(float(np.median(low[cheeks])) if cheeks.any() else 0.0, 1.0)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _grown(piece: np.ndarray, likely: np.ndarray, picture: np.ndarray, frame: FaceFrame) -> np.ndarray:
    """A smooth piece (S,S) bool grown up to the edges around it (watershed, Meyer 1992), which vary and so are not in it."""
    near = cv2.dilate(piece.astype(np.uint8), _disc(frame.radius(WINDOW))) > 0
    markers = np.zeros(piece.shape, np.int32)
    markers[(likely > SOME) & ~near] = 2
    markers[likely < SOME] = 3
    markers[piece] = 1
    cv2.watershed(np.ascontiguousarray((picture * 255).astype(np.uint8)), markers)
    grown = cv2.dilate((markers == 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0  # over the line between
    return grown & (likely > SOME)


def _is_a_thing(piece: np.ndarray, likely: np.ndarray, picture: np.ndarray, bare: np.ndarray, frame: FaceFrame) -> bool:
    """Whether the border of a smooth piece (S,S) bool is that of a thing."""
    rest = (likely > SURE) & ~piece
    ring = cv2.dilate(piece.astype(np.uint8), _disc(frame.radius(0.02))).astype(bool) & ~piece
    beside = ring & rest
    if beside.sum() < max(ALONE * ring.sum(), FEW) or rest.sum() < REST * piece.sum():
        return _ends_cleanly(piece, picture, bare, frame)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    # The edge itself is a mixture of both.
    clear = [cv2.erode(where.astype(np.uint8), _disc(frame.radius(0.012))) > 0 for where in (piece, rest)]
    inside, outside = (_mean_near(lab, where, 0.015 * frame.height)[beside] for where in clear)
    return float(np.median(np.linalg.norm(inside - outside, axis=1))) > STEP


def _mean_near(lab: np.ndarray, where: np.ndarray, reach: float) -> np.ndarray:
    """Mean colour (S,S,3) within some pixels, of the pixels `where` (S,S)."""
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), reach)
    return cv2.GaussianBlur(lab * where[..., None], (0, 0), reach) / np.maximum(weight, 1e-4)[..., None]


def _ends_cleanly(piece: np.ndarray, picture: np.ndarray, bare: np.ndarray, frame: FaceFrame) -> bool:
    """Whether a piece (S,S) bool ends on the forehead as cloth does, not as hair."""
    height = frame.height
    soft = cv2.GaussianBlur(piece.astype(np.float32), (0, 0), 0.008 * height)
    outlines, _ = cv2.findContours((soft > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate([o[:, 0] for o in outlines]) if outlines else np.zeros((0, 2), int)
    x, y = points.T
    on_forehead = (frame.v[y, x] < frame.brow_v) & (frame.v[y, x] > -1.25) & (np.abs(frame.u[y, x]) < 0.8 * frame.half_width)
    on_forehead &= cv2.GaussianBlur(bare, (0, 0), 0.02 * height)[y, x] > 0.25
    if on_forehead.sum() < FEW:
        return False
    x, y = x[on_forehead], y[on_forehead]
    down = np.stack([cv2.Sobel(soft, cv2.CV_32F, *order)[y, x] for order in ((1, 0), (0, 1))], 1)
    down /= np.linalg.norm(down, axis=1, keepdims=True) + 1e-6
    step = np.linspace(-ACROSS, ACROSS, SAMPLES) * height
    at = (np.stack([x, y], 1)[:, None] + down[:, None] * step[:, None]).astype(np.float32)
    light = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)[..., 0])
    profile = cv2.remap(light, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    quarter = SAMPLES // 4
    between = np.abs(profile[:, :quarter].mean(1) - profile[:, -quarter:].mean(1))
    steps = np.abs(np.diff(profile, axis=1))
    excess = np.percentile(steps.sum(1) / np.maximum(between, 1e-3), 80) - 1
    scatter = float(step[steps.argmax(1)].std()) / height
    u, v = frame.u[y, x], frame.v[y, x]
    stray = float(np.median(np.abs(v - np.polyval(np.polyfit(u, v, 2), u))))
    return bool(excess < CLEAN_EXCESS and scatter < CLEAN_PLACE) or stray < STRAIGHT


def _with_what_is_alike(
    worn: np.ndarray, likely: np.ndarray, bare: np.ndarray, picture: np.ndarray, varied: np.ndarray, frame: FaceFrame
) -> np.ndarray:
    """A worn thing (S,S) bool with its folds and its other side: what has its colours rather than those of the strands beside the skin."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    near = cv2.dilate(worn.astype(np.uint8), _disc(frame.radius(WINDOW))) > 0
    beside = cv2.dilate((bare > 0.5).astype(np.uint8), _disc(frame.radius(2 * WINDOW))) > 0
    strands, cloth = (likely > SURE) & beside & ~near & (varied > 1.5 * TWICE), worn & (likely > SURE)
    if strands.sum() < 24:
        return worn
    own, other = (ColourModel(lab[where], 4, THING_SPREAD).cost(lab) for where in (cloth, strands))
    alike = cv2.GaussianBlur(((own + MARGIN < other) & (likely > SOME)).astype(np.float32), (0, 0), 0.01 * frame.height) > 0.5
    alike = cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_OPEN, _disc(frame.radius(0.02))) > 0
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((alike | worn).astype(np.uint8))
    large = 1 + np.flatnonzero(boxes[1:, cv2.CC_STAT_AREA] > LEAST / 4 * (likely > SURE).sum())
    return worn | (np.isin(labels, large) & alike)


def _with_what_it_encloses(worn: np.ndarray, likely: np.ndarray, bare: np.ndarray, frame: FaceFrame) -> np.ndarray:
    """A worn thing (S,S) bool with its badge and its crown: what seems hair and hangs together with no skin and nothing beside the face."""
    others = ((likely > SOME) & ~worn).astype(np.uint8)
    _, labels = cv2.connectedComponents(others)
    beside = cv2.dilate((bare > 0.5).astype(np.uint8), _disc(frame.radius(TOUCHES))) > 0
    own = np.unique(labels[(others > 0) & (beside | (frame.v > frame.eye_v))])
    return worn | ((others > 0) & ~np.isin(labels, own))
