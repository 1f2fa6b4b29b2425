"""Soft region masks: outlines for the parts of the face, colour and position for hair, skin, neck and clothes."""

import cv2
import numpy as np

from ..face.landmarks import BROW_OUTLINE, EYE, EYE_OUTLINE, FACE_OUTLINE, LIPS_OUTLINE, MOUTH_OUTLINE
from ..face.polygons import iris_disc, polygon
from .colours import ColourModel
from .glasses import glasses_mask

WORKING_SIDE = 384
# Cost of a colour under no model at all: what neither skin nor hair explains is clothing (below the jaw).
OUTLIER_COST = 13.0
FORBIDDEN = 40.0
# Costs are negative log densities of single pixels; neighbouring pixels repeat one another, hence this factor.
EVIDENCE = 0.45
# Light under a jaw, as shares of the cheeks', and what it costs to assume it, for each factor of e.
SHADOWS = (0.85, 0.7, 0.55, 0.42)
SHADOW_COST = 4.0
# How far from the middle anything but hair may reach, (height below the chin, reach), in face heights.
SHOULDER_REACH = [(-0.4, 0.75), (0.0, 1.0), (0.2, 1.35), (0.5, 1.9)]
# How far the middle of the head lies behind its face, in face heights.
BEHIND = 0.5
# Less hair than this share of the area above the forehead counts as none.
BALD_SHARE = 0.12


def region_masks(foreground: np.ndarray, alpha: np.ndarray, landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Divide the person into regions.

    Args:
        foreground: (S,S,3) float32, free of background colour.
        alpha: (S,S) float32.
        landmarks: (478,3) in pixels.

    Returns:
        The masks described at `Portrait.masks`, each (S,S) float32 in [0, 1].
    """
    size = len(alpha)
    hair, neck, clothes = _shares(foreground, alpha, landmarks)
    soft = max(0.7, _face_height(landmarks) / 300)

    outline = _softened(polygon(landmarks, FACE_OUTLINE, size), 2 * soft)
    glasses = glasses_mask(foreground, landmarks)
    # Dark frames have the colour of hair, but hang in front of skin.
    hair = hair * (1 - glasses * outline)
    mouth = _softened(polygon(landmarks, MOUTH_OUTLINE, size), soft)
    lips = _softened(polygon(landmarks, LIPS_OUTLINE, size), soft)
    lips = np.clip(lips - mouth, 0, 1)
    eyes = sum(_softened(polygon(landmarks, eye, size), soft) for eye in EYE_OUTLINE.values())
    iris = sum(iris_disc(landmarks, iris, size) for iris in (EYE[side]["iris"] for side in EYE))
    brows = sum(_softened(polygon(landmarks, brow, size), 1.5 * soft) for brow in BROW_OUTLINE.values())
    # A fringe lies over the brows; eyes, then brows, then lips keep what they overlap.
    eyes = np.clip(eyes, 0, 1)
    brows = np.clip(brows, 0, 1) * (1 - hair) * (1 - eyes)
    mouth = np.minimum(mouth, 1 - eyes - brows)
    lips = np.minimum(lips, 1 - eyes - brows - mouth)
    rest = alpha * (1 - eyes - brows - mouth - lips)
    masks = {
        "face": outline * alpha,
        "skin": rest * (1 - hair - neck - clothes),
        "hair": rest * hair,
        "brows": brows * alpha,
        "eyes": eyes * alpha,
        "iris": np.clip(iris, 0, 1) * eyes * alpha,
        "lips": lips * alpha,
        "mouth": mouth * alpha,
        "neck": rest * neck,
        "clothes": rest * clothes,
        "glasses": glasses * alpha,
    }
    return {name: np.clip(mask, 0, 1).astype(np.float32) for name, mask in masks.items()}


def own_share(picture: np.ndarray, alpha: np.ndarray, hair: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """What of the cut-out is this person's head and bust (S,S) in [0, 1], and not a neighbour or a raised arm.

    What stands beside the head and hangs together with it only from below is somebody else's head or an arm; so is what is no hair
    and reaches farther out than shoulders do.

    Args:
        picture: (S,S,3); alpha, hair: (S,S) float32; landmarks: (478,3) in pixels.
    """
    size = len(alpha)
    side = min(WORKING_SIDE, size)
    person = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA)
    hairy = cv2.resize(hair, (side, side), interpolation=cv2.INTER_AREA) > 0.5
    scaled = landmarks * (side / size)
    u, v = _face_frame(scaled, side)
    face = polygon(scaled, FACE_OUTLINE, side) > 0.5
    radius = max(1, round(0.03 * _face_height(scaled)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    solid = cv2.morphologyEx((person > 0.4).astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0

    far = np.interp(v, *np.transpose(SHOULDER_REACH)).astype(np.float32)
    # The back of a head that is turned away lies to one side of its face.
    from_middle = np.abs(u - BEHIND * np.sin(_turn(landmarks)))
    outside = solid & (np.minimum(from_middle, np.abs(u)) > far) & ~hairy & (v > -0.9)
    other = cv2.morphologyEx(outside.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    for level in np.arange(-0.7, 0.15, 0.1):
        above = solid & (v < level) & ~other
        _, labels = cv2.connectedComponents(above.astype(np.uint8))
        own = np.unique(labels[face & above])
        # Small pieces are locks that stand off, or ornaments.
        pieces = above & ~np.isin(labels, own[own > 0])
        other |= cv2.morphologyEx(pieces.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    strange = solid & other
    if strange.sum() < 0.002 * side * side:
        return np.ones_like(alpha)
    # Of what is known to be strange the rest is reached without crossing an edge of the picture.
    sure = face | (solid & (np.abs(u) < 0.45) & (v < -0.4)) | (solid & (v > 0.1) & (np.abs(u) < 0.35 + v))
    markers = np.where(sure & ~strange, 1, np.where(strange, 2, np.where(person < 0.4, 3, 0))).astype(np.int32)
    small = cv2.GaussianBlur(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    cv2.watershed((np.clip(small, 0, 1) * 255).astype(np.uint8), markers)
    strange = _outwards((markers == 2) & solid, u) & (person > 0.1)
    # And what now hangs together with the head no more.
    _, labels = cv2.connectedComponents(((person > 0.1) & ~strange).astype(np.uint8))
    own = np.unique(labels[face])
    strange |= (person > 0.1) & ~np.isin(labels, own[own > 0])
    to_other = cv2.distanceTransform(1 - strange.astype(np.uint8), cv2.DIST_L2, 3)
    to_own = cv2.distanceTransform(1 - (solid & ~strange).astype(np.uint8), cv2.DIST_L2, 3)
    share = cv2.GaussianBlur((to_own <= to_other).astype(np.float32), (0, 0), 0.012 * _face_height(scaled))
    return cv2.resize(share, (size, size), interpolation=cv2.INTER_LINEAR)


def _turn(landmarks: np.ndarray) -> float:
    """The face's yaw in radians; positive where the head's back shows on the picture's right."""
    across = landmarks[454] - landmarks[234]
    return float(-np.arctan2(across[2], across[0]))


def _outwards(mask: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The mask (S,S) bool and, row by row, all that lies farther from the middle (u = 0) on the same side."""
    right = np.maximum.accumulate(mask & (u > 0), axis=1) & (u > 0)
    left = np.maximum.accumulate((mask & (u < 0))[:, ::-1], axis=1)[:, ::-1] & (u < 0)
    return mask | left | right


def _softened(mask: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), sigma)


def _face_height(landmarks: np.ndarray) -> float:
    return float(np.linalg.norm(landmarks[10, :2] - landmarks[152, :2]))


def _face_frame(landmarks: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (u, v) of every pixel in the face's own frame, in face heights: v is 0 at the chin and -1 at the top
    of the forehead, u is 0 on the midline and grows to the right of the picture."""
    chin, top = landmarks[152, :2], landmarks[10, :2]
    down = (chin - top) / np.linalg.norm(chin - top) ** 2
    x = np.arange(size, dtype=np.float32) + 0.5
    dx, dy = x[None] - chin[0], x[:, None] - chin[1]
    return (dx * down[1] - dy * down[0]).astype(np.float32), (dx * down[0] + dy * down[1]).astype(np.float32)


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 at `low`, 1 at `high`, straight between (low may be the larger one)."""
    return np.clip((value - low) / (high - low), 0, 1)


def _shares(foreground: np.ndarray, alpha: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, ...]:
    """Shares (S,S) of hair, neck and clothes in each pixel of the person; what remains is skin of the head."""
    size = len(alpha)
    side = min(WORKING_SIDE, size)
    small = cv2.resize(foreground, (side, side), interpolation=cv2.INTER_AREA)
    person = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA)
    scaled = landmarks * (side / size)
    hair, bare, clothes = _costs(small, person, scaled)
    height = _face_height(scaled)
    radius = max(2, round(0.025 * height))
    stacked = [cv2.ximgproc.guidedFilter(small, cost, radius, 1e-3) for cost in (hair, bare, clothes)]
    hair, bare, clothes = _softmax(stacked)
    hair, bare, clothes = _hanging_hair(hair, bare, clothes, person, scaled)
    bare, clothes = _standing_clothes(bare, clothes, person, scaled)

    full = [cv2.resize(share, (size, size), interpolation=cv2.INTER_LINEAR) for share in (hair, bare, clothes)]
    radius = max(2, round(0.012 * _face_height(landmarks)))
    full = [np.clip(cv2.ximgproc.guidedFilter(foreground, share, radius, 3e-4), 0, 1) for share in full]
    total = np.maximum(sum(full), 1e-3)
    hair, bare, clothes = (share / total for share in full)
    below = _below_jaw(landmarks, size)
    return hair, bare * below, clothes


def _softmax(costs: list[np.ndarray]) -> list[np.ndarray]:
    lowest = np.minimum.reduce(costs)
    weights = [np.exp(np.clip(EVIDENCE * (lowest - cost), -50, 0)) for cost in costs]
    total = sum(weights)
    return [weight / total for weight in weights]


def _below_jaw(landmarks: np.ndarray, size: int) -> np.ndarray:
    """1 where bare skin is neck, 0 where it is head (face, ears, scalp), soft along the jaw; (size,size)."""
    _, v = _face_frame(landmarks, size)
    height = _face_height(landmarks)
    face = polygon(landmarks, FACE_OUTLINE, size)
    # Ears reach down to about the mouth's height; beside the jaw below that begins the neck.
    ear_end = _frame_of(landmarks, 13)[1] + 0.06
    below = _ramp(v, ear_end - 0.04, ear_end + 0.04) * (1 - face)
    return cv2.GaussianBlur(below.astype(np.float32), (0, 0), max(0.7, 0.008 * height))


def _frame_of(landmarks: np.ndarray, index: int) -> tuple[float, float]:
    """(u, v) of one landmark."""
    chin, top = landmarks[152, :2], landmarks[10, :2]
    down = (chin - top) / np.linalg.norm(chin - top) ** 2
    dx, dy = landmarks[index, :2] - chin
    return float(dx * down[1] - dy * down[0]), float(dx * down[0] + dy * down[1])


def _costs(picture: np.ndarray, person: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, ...]:
    """Costs (S,S) of hair, bare skin and clothes from colour models seeded in sure places, and from position."""
    size = len(person)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    u, v = _face_frame(landmarks, size)
    face = polygon(landmarks, FACE_OUTLINE, size) > 0.5
    half_width = 0.5 * np.ptp(landmarks[FACE_OUTLINE, 0]) / _face_height(landmarks)
    brow_v = 0.5 * (_frame_of(landmarks, 105)[1] + _frame_of(landmarks, 334)[1])
    nose_v = _frame_of(landmarks, 1)[1]
    mouth_v = _frame_of(landmarks, 13)[1]
    solid = person > 0.9
    # Under a head that is turned the neck is not under the chin.
    aside = np.abs(u - 0.6 * BEHIND * np.sin(_turn(landmarks)))

    skin_model = _skin_model(lab, landmarks)
    skin = skin_model.cost(lab)
    cheeks = _cheeks(landmarks, size)
    unlike_skin = skin > np.percentile(skin[cheeks], 97) + 3
    bright = float(np.percentile(lab[cheeks][:, 0], 95))

    # Between crown and forehead there is only hair, a hat, or a bald scalp.
    above = solid & (v < -1.08) & (v > -1.8) & (np.abs(u) < 1.1 * half_width)
    hair_seed = above & unlike_skin
    has_hair = hair_seed.sum() > max(BALD_SHARE * above.sum(), 20)
    # Fair hair has highlights of skin colour: once there is hair, all that is well above the forehead belongs to it.
    hair_seed |= above & (v < -1.16)
    hair_model = ColourModel(lab[hair_seed], 4, (5, 3, 3)) if has_hair else None

    hair = hair_model.cost(lab) if hair_model else np.full(person.shape, FORBIDDEN, np.float32)
    falling = _falling_hair(hair, hair_seed, solid & ~face, landmarks) if hair_model else np.zeros(person.shape, bool)
    shaded = _in_shadow(picture, _skin_model(lab, landmarks, (6, 6, 6)), aside, v, half_width)  # shadows change the hue, too
    bottom = solid & (v > 0.22) & unlike_skin & (shaded > OUTLIER_COST + 3) & ~falling
    if bottom.sum() < 60:  # cloth of the skin's colour
        bottom = solid & (v > 0.35) & (aside > 1.2 * half_width) & ~falling
    clothes_model = ColourModel(lab[bottom], 5, (5, 3, 3)) if bottom.sum() > 60 else None

    # Right under the chin what is darker than the face and like nothing known is rather a shadow than cloth.
    dark = _ramp(lab[..., 0], np.median(lab[cheeks][:, 0]) - 2, np.median(lab[cheeks][:, 0]) - 12)
    clothes = OUTLIER_COST + 5.0 * dark * _ramp(aside, 0.45, 0.25) * _ramp(v, 0.5, 0.3)
    if clothes_model:
        clothes = np.minimum(clothes_model.cost(lab) + 1.0, clothes)
    bare = np.minimum(skin, 3 * OUTLIER_COST)
    # Shaded or lit skin under the jaw is still skin, and so is what the network cannot see of an ear.
    neck_model = _neck_model(lab, solid, u, v, skin, bright)
    if neck_model is not None:
        under = (v > mouth_v) & ~face
        bare = np.where(under, np.minimum(bare, neck_model.cost(lab)), bare)

    bare = np.where((v > mouth_v) & ~face, np.minimum(bare, shaded), bare)
    # Hair: never on the middle of the face; below the chin ever less likely.
    centre = face & (v > brow_v) & (np.abs(u) < 0.62 * half_width)
    # A fringe may hang to the brows, locks may cover the temples and cheeks' rim.
    rim = _ramp(np.abs(u), 0.6 * half_width, 0.95 * half_width)
    hair = hair + np.where(face, np.where(v > brow_v, 3.0 + 6.0 * (1 - rim), 0.5), 0)
    strands = _strands(lab[..., 0], landmarks)
    # A smooth forehead is skin even where light gives it the colour of fair hair.
    hair = hair + np.where(face & (v < brow_v), 3.5 * (1 - strands), 0)
    lids = sum(polygon(landmarks, eye, size, scale=1.8) for eye in EYE_OUTLINE.values()) > 0.5
    hair = np.where(centre | lids | (face & (v > mouth_v)), FORBIDDEN, hair)
    hair = hair + np.where(falling, 0, 4.0 * _ramp(v, -0.05, 0.5)) + np.where((v > -0.05) & (np.abs(u) < 0.5 * half_width), FORBIDDEN, 0)

    # A collar may have a pale skin's hue, but it is brighter than the face.
    bare = bare + np.where((v > mouth_v) & ~face, 6.0 * _ramp(lab[..., 0], bright + 2, bright + 8), 0)

    # Skin: certain inside the face, unlikely high above the forehead unless bald.
    bare = np.where(centre | (face & (v > mouth_v)), 0, bare)
    if has_hair:
        beside = _ramp(np.abs(u), 1.25 * half_width, 1.6 * half_width) * (v < 0)
        bare = bare + 9.0 * _ramp(v, -1.03, -1.2) + 6.0 * strands * _ramp(v, nose_v, brow_v) + 2.0 * beside
    bare = bare + np.where(v > 0.1, 1.5 * _ramp(aside, 0.8 * half_width, 1.6 * half_width), 0)

    # Clothes: below the chin, or beside the neck; nowhere near the face, but for a collar that stands up beside the jaw.
    stands = ~face & (clothes + 6 < np.minimum(bare, hair)) & (v > nose_v - 0.1)
    radius = max(1, round(0.015 * _face_height(landmarks)))
    around = np.ones((2 * radius + 1,) * 2, np.uint8)
    _, labels = cv2.connectedComponents(cv2.morphologyEx((stands & solid).astype(np.uint8), cv2.MORPH_OPEN, around))
    collar = (labels > 0) & np.isin(labels, np.unique(labels[v > 0.1]))
    # Opened, it has lost its tip under the ear.
    collar = (cv2.dilate(collar.astype(np.uint8), around, iterations=2) > 0) & stands & (person > 0.3)
    near = FORBIDDEN * _ramp(v, mouth_v + 0.12, nose_v)
    clothes = clothes + np.where(collar, 0, near) + np.where(face, FORBIDDEN, 0)
    return tuple(cost.astype(np.float32) for cost in (hair, bare, clothes))


def _cheeks(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Where skin is skin: cheeks and nose, without eyes, mouth, moustache and beard; (size,size) bool."""
    right = [117, 118, 119, 100, 142, 203, 205, 50]
    left = [346, 347, 348, 329, 371, 423, 425, 280]
    nose = [168, 193, 122, 196, 236, 198, 49, 4, 279, 420, 456, 419, 351, 417]
    return sum(polygon(landmarks, part, size) for part in (right, left, nose)) > 0.5


def _strands(lightness: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """How much more fine structure there is than on the cheeks, (S,S) in [0, 1]: hair has strands, skin has not."""
    height = _face_height(landmarks)
    smooth = cv2.GaussianBlur(lightness, (0, 0), max(0.5, 0.005 * height))
    steps = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    # The median forgets single edges, such as the hairline, and keeps areas that are full of them.
    window = max(3, round(0.05 * height) | 1)
    scale = np.percentile(steps[_cheeks(landmarks, len(lightness))], 60) + 4.0
    level = np.clip(steps / (8 * scale) * 255, 0, 255).astype(np.uint8)
    busy = cv2.medianBlur(level, window).astype(np.float32) / 255 * 8
    return _ramp(cv2.GaussianBlur(busy, (0, 0), window / 3), 0.9, 2.2)


def _skin_model(lab: np.ndarray, landmarks: np.ndarray, spread_by: tuple[float, float, float] = (4, 2, 2)) -> ColourModel:
    sure = _cheeks(landmarks, len(lab))
    # The middle of the forehead belongs to it where it looks alike: a fringe may hide it.
    forehead = polygon(landmarks, [10, 338, 299, 9, 69, 109], len(lab), scale=0.8) > 0.5
    middle, spread = np.median(lab[sure], 0), lab[sure].std(0) + (3, 1, 1)
    alike = forehead & (np.abs(lab - middle) < 1.3 * spread).all(-1)
    samples = lab[sure | alike]
    if len(samples) < 16:
        samples = lab[polygon(landmarks, FACE_OUTLINE, len(lab)) > 0.5]
    return ColourModel(samples, 4, spread_by)


def _neck_model(
    lab: np.ndarray, solid: np.ndarray, u: np.ndarray, v: np.ndarray, skin: np.ndarray, bright: float
) -> ColourModel | None:
    """Colours right under the chin, if they have the hue of skin; a collar or a beard has not."""
    under = solid & (v > 0.05) & (v < 0.25) & (np.abs(u) < 0.22)
    samples = lab[under & (skin < OUTLIER_COST + 6) & (lab[..., 0] < bright)]
    if len(samples) < 0.3 * under.sum() or len(samples) < 24:
        return None
    return ColourModel(samples, 3, (6, 2, 2))


def _in_shadow(picture: np.ndarray, skin: ColourModel, aside: np.ndarray, v: np.ndarray, half_width: float) -> np.ndarray:
    """Cost (S,S) of being the face's skin in less light, under and beside the jaw; FORBIDDEN elsewhere.

    Args:
        picture: (S,S,3) RGB; skin: colours of the cheeks, Lab; aside, v: distance from the neck's middle and below the chin;
            half_width: of the face.
    """
    cost = np.full(v.shape, FORBIDDEN, np.float32)
    for light in SHADOWS:
        lit = cv2.cvtColor(np.minimum(picture / light, 1).astype(np.float32), cv2.COLOR_RGB2Lab)
        cost = np.minimum(cost, skin.cost(lit) - SHADOW_COST * np.log(light))
    return cost + FORBIDDEN * np.maximum(_ramp(aside, half_width, 1.3 * half_width), _ramp(v, 0.35, 0.5))


def _falling_hair(cost: np.ndarray, seed: np.ndarray, person: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Long hair below the chin (S,S) bool: what has the hair's colours and hangs, as a broad lock, from hair beside the jaw.

    Args:
        cost: (S,S) of the hair's colour model; seed: (S,S) bool, sure hair; person: (S,S) bool, without the face.
    """
    size = len(cost)
    u, v = _face_frame(landmarks, size)
    half_width = 0.5 * np.ptp(landmarks[FACE_OUTLINE, 0]) / _face_height(landmarks)
    alike = person & (cost < np.percentile(cost[seed], 97) + 3) & (np.abs(u) > 0.45 * half_width * (v > -0.1))
    radius = max(2, round(0.045 * _face_height(landmarks)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    _, labels = cv2.connectedComponents(cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_OPEN, kernel))
    falling = np.zeros(cost.shape, bool)
    for side in (u < 0, u > 0):
        # Locks reach from the temple's height past the chin on one and the same side; a collar does not.
        beside = side & (labels > 0)
        above = np.unique(labels[beside & (v < _frame_of(landmarks, 1)[1])])
        falling |= side & np.isin(labels, np.intersect1d(above, np.unique(labels[beside & (v > 0)])))
    return falling & (v > -0.1)


def _hanging_hair(hair, bare, clothes, person, landmarks) -> tuple[np.ndarray, ...]:
    """Hair at any height hangs from hair beside or above the forehead; what does not is clothing (dark collars) below
    the mouth and skin (a moustache, shadows) above it."""
    size = len(hair)
    u, v = _face_frame(landmarks, size)
    half_width = 0.5 * np.ptp(landmarks[FACE_OUTLINE, 0]) / _face_height(landmarks)
    eye_v = 0.5 * (_frame_of(landmarks, 33)[1] + _frame_of(landmarks, 263)[1])
    mouth_v = _frame_of(landmarks, 13)[1]
    likely = ((hair > 0.5) & (person > 0.3)).astype(np.uint8)
    # Opened a little below the eyes, so that a thin dark line does not tie a collar to the hair.
    radius = max(1, round(0.02 * _face_height(landmarks)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    likely = np.where(v > eye_v, cv2.morphologyEx(likely, cv2.MORPH_OPEN, kernel), likely).astype(np.uint8)
    _, labels = cv2.connectedComponents(likely)
    roots = np.unique(labels[(v < eye_v) & (likely > 0)])
    hanging = np.isin(labels, roots[roots > 0])
    hanging = cv2.GaussianBlur(cv2.dilate(hanging.astype(np.float32), kernel), (0, 0), radius / 2)
    # Well beside the face there is no skin that could be mistaken.
    aside = (np.abs(u) > 1.25 * half_width) & (v < mouth_v)
    keep = np.where((v < eye_v) | aside, 1, np.clip(hanging * 1.2, 0, 1)).astype(np.float32)
    lost = hair * (1 - keep)
    # Beside the face of somebody who leans forward a dark shoulder rises to the mouth.
    nose_v = _frame_of(landmarks, 1)[1]
    to_clothes = np.where(np.abs(u) > 1.3 * half_width, _ramp(v, nose_v, mouth_v), _ramp(v, mouth_v, mouth_v + 0.15))
    return hair * keep, bare + lost * (1 - to_clothes), clothes + lost * to_clothes


def _standing_clothes(bare, clothes, person, landmarks) -> tuple[np.ndarray, np.ndarray]:
    """Clothes reach down to the shoulders; a patch that does not is the chin's shadow on the neck."""
    size = len(clothes)
    u, v = _face_frame(landmarks, size)
    _, labels = cv2.connectedComponents(((clothes > 0.4) & (person > 0.3)).astype(np.uint8))
    low_enough = (v > 0.3) | (np.abs(u) > 0.45)
    standing = np.unique(labels[low_enough & (labels > 0)])
    patch = (labels > 0) & ~np.isin(labels, standing)
    reach = max(1, round(0.02 * _face_height(landmarks)))
    share = cv2.GaussianBlur(cv2.dilate(patch.astype(np.float32), np.ones((3, 3)), iterations=reach), (0, 0), reach / 2)
    return bare + clothes * share, clothes * (1 - share)
