"""The person cut out of the crop with soft edges, and the scene without the person."""

import cv2
import numpy as np

from ..face.landmarks import CHIN, EYE_CORNERS, FACE_OUTLINE, FOREHEAD_TOP, NOSE_FRONT
from ..face.measures import face_height
from ..face.polygons import polygon
from .closed_form_matting import closed_form_alpha, foreground_colours, pull_push
from .colours import ColourModel
from .networks import Cut

GRABCUT_SIDE = 288
# How far from the network's outline GrabCut may move it, in face heights: anywhere, and outwards beside the head.
GRABCUT_REACH = 0.06
GRABCUT_HAIR_REACH = 0.2
# More of the network's person than this share is not given up for what GrabCut thinks of colours.
MOST_LOST = 0.2
# CIE Lab: how far colours may stray from those sampled; negative log density from which a pixel is neither hair nor skin.
SPREAD, STRANGE = (6, 3, 3), 13.0
# Share of the crop's side: how far beyond the cut-out something of the person may remain; and how unlike the scene it is, RGB.
REMAINS_REACH, UNLIKE_SCENE = 0.03, 0.05
PLAIN = 0.03  # variation of colours, RGB, below which a scene is plain
MISSED, MISSED_SIDE = 0.2, 0.01  # how unlike a plain scene something of the person is that the cut-out missed; its least size, of the side
# The matting system grows faster than the pixel count; the alpha is brought to full size by its guide instead.
MATTING_SIDE = 512
# Opacity that a matting network has to give the face, and overlap with the coarse outline (intersection over union), to be believed on a
# photo: the outlines of two people overlap by .7; opacity between which its answer is open.
CUT_FACE, CUT_OVERLAP, CUT_OPEN = 0.9, 0.85, (0.05, 0.95)
# Half widths of the uncertain band, in face heights: hair is frayed, shoulders are not.
HAIR_BAND = 0.055
BODY_BAND = 0.022


def person_matte(
    image: np.ndarray, landmarks: np.ndarray, rough: np.ndarray, given: np.ndarray | None, cut: Cut | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the person out.

    Segmentation network -> GrabCut near its outline, or a matting network -> closed-form matting (Levin, Lischinski and Weiss, 2008) in a
    band, and where the matting network is not sure -> foreground colours.

    Args:
        image: (S,S,3) float32.
        landmarks: (478,3) in pixels of the image.
        rough: (S,S) float32 person probability.
        given: (S,S) float32, the photo's own cut-out, which then is the answer, or None.
        cut: a matting network, believed where it sees the face and about the person that `rough` has.

    Returns:
        alpha (S,S) and foreground (S,S,3), both float32.
    """
    if given is None:
        opacity = None if cut is None else _believed(cut(image), landmarks, rough)
        mask = _grabcut(image, landmarks, rough) if opacity is None else opacity > 0.5
        trimap = _trimap(mask, landmarks, opacity)
        alpha = _connected(_closed_form(image, trimap), landmarks)
    else:
        alpha = given.astype(np.float32)
    foreground = foreground_colours(image, alpha, max(2, round(0.03 * face_height(landmarks[:, :2]))))
    # Opaque pixels keep the photo's own colour exactly.
    weight = np.clip((alpha - 0.9) / 0.1, 0, 1)[..., None]
    foreground = foreground + weight * (image - foreground)
    return alpha, np.clip(foreground, 0, 1).astype(np.float32)


def _grabcut(image: np.ndarray, landmarks: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Binary person mask (S,S) whose outline follows the picture's edges near the rough one's."""
    size = len(image)
    side = min(GRABCUT_SIDE, size)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    prior = cv2.resize(rough, (side, side), interpolation=cv2.INTER_AREA)
    face = polygon(landmarks * (side / size), FACE_OUTLINE, side) > 0.5
    inside = (prior > 0.5).astype(np.uint8)
    height = face_height(landmarks[:, :2]) * side / size
    near, far = (_disc(max(2, round(reach * height))) for reach in (GRABCUT_REACH, GRABCUT_HAIR_REACH))
    # The network often misses locks that stand off the head.
    rows = (np.arange(side)[:, None] + 0.5) * size / side
    beside_head = (rows > landmarks[FOREHEAD_TOP, 1]) & (rows < landmarks[CHIN, 1])
    around = np.where(beside_head, cv2.dilate(inside, far), cv2.dilate(inside, near))
    state = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[(cv2.erode(inside, near) > 0) & (prior > 0.8)] = cv2.GC_FGD
    state[(around == 0) & (prior < 0.2)] = cv2.GC_BGD
    state[face] = cv2.GC_FGD
    if not (state == cv2.GC_BGD).any():
        return rough > 0.5
    cv2.setRNGSeed(0)
    pixels = np.ascontiguousarray((small[..., ::-1] * 255).astype(np.uint8))
    cv2.grabCut(pixels, state, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    cut = np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if (inside > 0)[~cut].sum() > MOST_LOST * inside.sum():
        return rough > 0.5  # dark hair and cloth before a dark ground: colours cannot tell them apart
    # Beside the head the network may have missed locks and ears, not things that are coloured like the person's clothes or glasses.
    cut &= (inside > 0) | (rows > landmarks[CHIN, 1]) | _like_head(small, prior, face, landmarks * (side / size))
    mixed = 0.6 * cut.astype(np.float32) + 0.4 * prior  # the network's softness, for an outline finer than GrabCut's pixels
    return cv2.resize(mixed, (size, size), interpolation=cv2.INTER_CUBIC) > 0.5


def _like_head(picture: np.ndarray, prior: np.ndarray, face: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(S,S) bool: pixels that have the colours of hair or skin rather than of the scene.

    Args:
        picture: (S,S,3); prior: (S,S) person probability; face: (S,S) bool; landmarks: (478,3) in pixels.
    """
    lab = cv2.GaussianBlur(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_RGB2Lab), (0, 0), 1.0)
    above = np.arange(len(face))[:, None] < landmarks[EYE_CORNERS, 1].mean()
    hair, scene = lab[above & ~face & (prior > 0.8)], lab[prior < 0.1]
    if min(len(hair), len(scene)) < 24:
        return np.ones_like(face)
    own = np.minimum(*(ColourModel(samples, 3, SPREAD).cost(lab) for samples in (hair, lab[face])))
    return (own < ColourModel(scene, 6, SPREAD).cost(lab)) & (own < STRANGE)


def _believed(opacity: np.ndarray, landmarks: np.ndarray, rough: np.ndarray) -> np.ndarray | None:
    """A matting network's answer (S,S), None if it is another one than this person."""
    inside, person = opacity > 0.5, rough > 0.5
    overlap = (inside & person).sum() / max((inside | person).sum(), 1)
    face = opacity[polygon(landmarks, FACE_OUTLINE, len(opacity)) > 0.5]
    return opacity if overlap >= CUT_OVERLAP and len(face) and face.mean() >= CUT_FACE else None


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _trimap(mask: np.ndarray, landmarks: np.ndarray, opacity: np.ndarray | None = None) -> np.ndarray:
    """0, 0.5 or 1: the band around the mask's outline is open, wider around the head than around the body, and what a network left open."""
    height = face_height(landmarks[:, :2])
    signed = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3) - cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
    rows = np.arange(len(mask), dtype=np.float32)[:, None]
    chin = landmarks[CHIN, 1]
    below = np.clip((rows - chin + 0.1 * height) / (0.3 * height), 0, 1)
    band = np.maximum(2.0, height * (HAIR_BAND + below * (BODY_BAND - HAIR_BAND)))
    trimap = np.full(mask.shape, 0.5, np.float32)
    trimap[signed > band] = 1
    trimap[signed < -band] = 0
    if opacity is not None:
        trimap[(opacity > CUT_OPEN[0]) & (opacity < CUT_OPEN[1])] = 0.5
    trimap[polygon(landmarks, FACE_OUTLINE, len(mask), scale=0.93) > 0.5] = 1
    return trimap


def _closed_form(image: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    if not ((trimap == 0).any() and (trimap == 1).any()):
        return (trimap > 0.25).astype(np.float32)
    size = len(image)
    side = min(MATTING_SIDE, size)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    known = cv2.resize(trimap, (side, side), interpolation=cv2.INTER_NEAREST)
    alpha = closed_form_alpha(small, known)
    if side < size:
        alpha = cv2.resize(alpha, (size, size), interpolation=cv2.INTER_CUBIC)
        radius = max(2, round(1.5 * size / side))
        alpha = np.where(trimap == 0.5, cv2.ximgproc.guidedFilter(image, alpha, radius, 1e-5), trimap)
    # A faint veil or pin-holes would show as dirt when the head moves over another background.
    return np.clip((alpha - 0.04) / 0.92, 0, 1).astype(np.float32)


def _connected(alpha: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Only what hangs together with the face: other people and furniture go."""
    count, labels = cv2.connectedComponents((alpha > 0.2).astype(np.uint8))
    x, y = np.clip(landmarks[NOSE_FRONT, :2].astype(int), 0, len(alpha) - 1)
    if count <= 2 or labels[y, x] == 0:
        return alpha
    keep = cv2.dilate((labels == labels[y, x]).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return np.where(keep, alpha, 0).astype(np.float32)


def inpaint_background(image: np.ndarray, alpha: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The scene (S,S,3) without the person: its colours flow in from the outline, and on beyond
    the photo, where `inside` (S,S) is 0."""
    size = len(image)
    reach = max(3, round(REMAINS_REACH * size))
    hidden = cv2.GaussianBlur(cv2.dilate(alpha, _disc(reach)), (0, 0), reach / 3)
    hidden = np.maximum(np.maximum(hidden, alpha), 1 - inside)
    side = 128
    clear = np.clip(1 - 1.5 * hidden, 0, 1)
    if clear.max() < 1e-3:
        return np.full_like(image, 0.5)
    weight = cv2.resize(clear, (side, side), interpolation=cv2.INTER_AREA)
    colour = cv2.resize(image * clear[..., None], (side, side), interpolation=cv2.INTER_AREA)
    filled = pull_push(colour / np.maximum(weight, 1e-6)[..., None], weight)
    filled = cv2.GaussianBlur(cv2.resize(filled, (size, size), interpolation=cv2.INTER_CUBIC), (0, 0), size / 128)
    share = np.clip(hidden * 1.5, 0, 1)[..., None]
    return np.clip(image + share * (filled - image), 0, 1).astype(np.float32)


def person_cover(image: np.ndarray, alpha: np.ndarray, scene: np.ndarray) -> np.ndarray:
    """What of a crop the person covers (S,S) in [0, 1], with what the cut-out has missed: strands, the blur of an outline.

    It is unlike the scene, hangs together with the person and ends near it; things in the scene go on. Beside a plain scene
    nothing is lost where more than that is covered, and no contour shows.

    Args:
        image: (S,S,3); alpha: (S,S); scene: (S,S,3), the same without the person, see `inpaint_background`.
    """
    reach = max(3, round(REMAINS_REACH * len(image)))
    remains = _remains(_difference(image, scene, reach) > UNLIKE_SCENE, alpha, reach).astype(np.float32)
    edge = 2 * max(1, reach // 10) + 1
    remains = cv2.GaussianBlur(cv2.dilate(remains, np.ones((edge, edge))), (0, 0), edge / 4)
    plain = np.clip(2 - _texture(image, alpha, reach) / PLAIN, 0, 1) * np.clip(1.6 * (1.3 - _far(alpha) / reach), 0, 1)
    return np.clip(np.maximum.reduce([1.5 * cv2.dilate(alpha, np.ones((5, 5))), remains, plain]), 0, 1)


def missed_by_matte(image: np.ndarray, alpha: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Opacity (S,S) of what belongs to the person and is not in alpha: a white clip in black hair, which no
    colour and no network tells from the scene, but which the plain scene around it does not explain.

    Args:
        image: (S,S,3); alpha, inside: (S,S), see `inpaint_background`.
    """
    reach = max(3, round(REMAINS_REACH * len(image)))
    plain = (_texture(image, alpha, reach) < PLAIN) & (inside > 0.5)
    if not plain.any():
        return np.zeros_like(alpha)
    difference = _difference(image, inpaint_background(image, alpha, inside), reach)
    own = _remains((difference > MISSED / 2) & plain, alpha, reach)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(own.astype(np.uint8))
    found = np.zeros_like(alpha)
    # Each piece in its own box: a scene may have thousands.
    for k in 1 + np.flatnonzero(boxes[1:, cv2.CC_STAT_AREA] > (MISSED_SIDE * len(image)) ** 2):
        x, y, width, height = boxes[k, :4]
        box = np.s_[y : y + height, x : x + width]
        piece, unlike = labels[box] == k, difference[box]
        strength = np.percentile(unlike[piece], 80)
        if strength > MISSED:
            found[box][piece] = np.clip(unlike[piece] / (0.8 * strength), 0, 1)
    # Between it and the rest there is no gap.
    closed = cv2.morphologyEx(np.maximum(alpha, found), cv2.MORPH_CLOSE, _disc(max(1, round(MISSED_SIDE / 2 * len(image)))))
    around = cv2.dilate(found, _disc(max(2, round(MISSED_SIDE * len(image)))))
    return np.maximum(found * (1 - alpha), np.clip(closed - alpha, 0, 1) * (around > 0.5))


def _difference(image: np.ndarray, scene: np.ndarray, reach: int) -> np.ndarray:
    return cv2.GaussianBlur(np.abs(image - scene).max(-1), (0, 0), reach / 16)


def _far(alpha: np.ndarray) -> np.ndarray:
    """(S,S): pixels from the cut-out."""
    return cv2.distanceTransform(1 - (alpha > 0.1).astype(np.uint8), cv2.DIST_L2, 3)


def _remains(unlike: np.ndarray, alpha: np.ndarray, reach: int) -> np.ndarray:
    """Of pixels (S,S) bool those that hang together with the person and end within `reach` pixels."""
    far = _far(alpha)
    _, labels = cv2.connectedComponents((unlike & (far > 0)).astype(np.uint8))
    near = np.unique(labels[(far > 0) & (far < 2)])
    near = np.isin(labels, near[near > 0])
    goes_on = (near & (far > 0.8 * reach)).astype(np.uint8)
    return near & (cv2.distanceTransform(1 - goes_on, cv2.DIST_L2, 3) > 1.5 * reach)


def _texture(image: np.ndarray, alpha: np.ndarray, reach: int) -> np.ndarray:
    """(S,S): how much the scene's colours vary within a few `reach` pixels, as far as the person does not hide it."""
    open_ = (_far(alpha) > reach).astype(np.float32)[..., None]

    def mean(picture: np.ndarray, radius: float) -> np.ndarray:
        weight = cv2.GaussianBlur(open_, (0, 0), radius)[..., None]
        return cv2.GaussianBlur(picture * open_, (0, 0), radius).reshape(picture.shape) / np.maximum(weight, 1e-4)

    return mean(np.abs(image - mean(image, reach)).max(-1, keepdims=True), 1.5 * reach)[..., 0]
