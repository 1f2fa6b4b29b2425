"""What it costs to call a pixel hair, bare skin or clothes: negative log densities of colour, and what the place makes unlikely.

Colours are learnt from this picture, in places that are sure: cheeks and nose are skin, what is unlike skin between crown and forehead is
hair, what is unlike both below the chin is cloth. Each cue is a function of its own; `costs` puts them together in one order.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..face.landmarks import CHEEK_OUTLINE, EYE_OUTLINE, FACE_OUTLINE, FOREHEAD_OUTLINE, NOSE_OUTLINE
from ..face.polygons import polygon
from ..smooth_ramps import ramp
from .colours import ColourModel
from .face_frame import FaceFrame

# Cost of a colour under no model at all: what neither skin nor hair explains is clothing (below the jaw).
OUTLIER_COST = 13.0
# Cost of what cannot be: more than colours can ever outweigh.
FORBIDDEN = 40.0
# Light under a jaw, as shares of the cheeks', and what it costs to assume it, for each factor of e.
SHADOWS = (0.85, 0.7, 0.55, 0.42)
SHADOW_COST = 4.0
# Less hair than this share of the area above the forehead counts as none.
BALD_SHARE = 0.12
# A scalp is the forehead that goes on: fine structure above it, and CIE Lab distance from it, up to which it is one. Of eleven heads with hair
# and a shaven one, hair has at least .04 of the one and 15 of the other, the scalp 0 and 5.
BARE_STRUCTURE, BARE_DISTANCE = 0.02, 9.0
EARS_REACH = 1.35  # half widths of the face from its middle to an ear's rim
# How far, in CIE Lab, colours may stray from those that were sampled: of skin, of skin in shadow (which changes the hue), of hair and
# cloth, of a neck.
SKIN_SPREAD, SHADOW_SPREAD, THING_SPREAD, NECK_SPREAD = (4, 2, 2), (6, 6, 6), (5, 3, 3), (6, 2, 2)


def costs(picture: np.ndarray, person: np.ndarray, frame: FaceFrame) -> tuple[np.ndarray, ...]:
    """Costs (S,S) float32 of hair, bare skin and clothes.

    Args:
        picture: (S,S,3) float32; person: (S,S) float32 alpha.
    """
    view = View.of(picture, person, frame)
    skin = SkinColours.of(view)
    strands = fine_structure(view)
    hair = HairColours.of(view, skin, strands)
    clothes = cloth_by_colour(view, skin, hair.falling)
    bare = skin_by_place(skin_by_colour(view, skin), view, strands, has_hair=hair.model is not None)
    of_hair = hair_by_place(hair.cost, view, strands, hair.falling)
    of_clothes = clothes_by_place(clothes, view, of_hair, bare)
    return tuple(cost.astype(np.float32) for cost in (of_hair, bare, of_clothes))


@dataclass(frozen=True)
class View:
    """What every cue looks at: picture (S,S,3) RGB and lab (S,S,3); the face's frame; alpha `person` (S,S), and where it is `solid`;
    inside the outline of the `face`, and on its bare `cheeks` and nose: (S,S) bool."""

    picture: np.ndarray
    lab: np.ndarray
    frame: FaceFrame
    person: np.ndarray
    solid: np.ndarray
    face: np.ndarray
    cheeks: np.ndarray

    @staticmethod
    def of(picture: np.ndarray, person: np.ndarray, frame: FaceFrame) -> "View":
        """Args: as of `costs`."""
        face = polygon(frame.landmarks, FACE_OUTLINE, frame.size) > 0.5
        parts = [polygon(frame.landmarks, part, frame.size) for part in (*CHEEK_OUTLINE.values(), NOSE_OUTLINE)]
        cheeks = np.sum(parts, axis=0) > 0.5
        return View(picture, cv2.cvtColor(picture, cv2.COLOR_RGB2Lab), frame, person, person > 0.9, face, cheeks)

    @property
    def centre(self) -> np.ndarray:
        """(S,S) bool: the middle of the face below the brows, where there is never hair."""
        return self.face & (self.frame.v > self.frame.brow_v) & (np.abs(self.frame.u) < 0.62 * self.frame.half_width)

    @property
    def under_mouth(self) -> np.ndarray:
        """(S,S) bool: lower than the mouth, and not the face."""
        return (self.frame.v > self.frame.mouth_v) & ~self.face

    @property
    def ears(self) -> np.ndarray:
        """(S,S) bool: beside the face between brows and mouth, where ears are, if hair does not hide them."""
        frame = self.frame
        beside = (np.abs(frame.u) > 0.9 * frame.half_width) & (np.abs(frame.u) < EARS_REACH * frame.half_width)
        return beside & (frame.v > frame.brow_v) & (frame.v < frame.mouth_v) & ~self.face


def fine_structure(view: View) -> np.ndarray:
    """How much more fine structure there is than on the cheeks, (S,S) in [0, 1]: hair has strands, skin has not."""
    height = view.frame.height
    smooth = cv2.GaussianBlur(view.lab[..., 0], (0, 0), max(0.5, 0.005 * height))
    steps = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    # The median forgets single edges, such as the hairline, and keeps areas that are full of them.
    window = max(3, round(0.05 * height) | 1)
    scale = np.percentile(steps[view.cheeks], 60) + 4.0
    level = np.clip(steps / (8 * scale) * 255, 0, 255).astype(np.uint8)
    busy = cv2.medianBlur(level, window).astype(np.float32) / 255 * 8
    return ramp(cv2.GaussianBlur(busy, (0, 0), window / 3), 0.9, 2.2)


# Skin ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SkinColours:
    """cost (S,S) of being the face's skin, in_shadow (S,S) of being it in the jaw's shadow; unlike (S,S) bool, what is surely no skin
    in the face's light; bright: lightness of the cheeks' brightest twentieth, middle: of their median, L*."""

    cost: np.ndarray
    in_shadow: np.ndarray
    unlike: np.ndarray
    bright: float
    middle: float

    @staticmethod
    def of(view: View) -> "SkinColours":
        """Learn them from cheeks, nose and forehead."""
        cost = _skin_model(view, SKIN_SPREAD).cost(view.lab)
        lightness = view.lab[view.cheeks][:, 0]
        return SkinColours(
            cost,
            _in_shadow(view, _skin_model(view, SHADOW_SPREAD)),
            cost > np.percentile(cost[view.cheeks], 97) + 3,
            float(np.percentile(lightness, 95)),
            float(np.median(lightness)),
        )


def _skin_model(view: View, spread_by: tuple[float, float, float]) -> ColourModel:
    lab = view.lab
    # The middle of the forehead belongs to it where it looks alike: a fringe may hide it.
    forehead = polygon(view.frame.landmarks, FOREHEAD_OUTLINE, view.frame.size, scale=0.8) > 0.5
    middle, spread = np.median(lab[view.cheeks], 0), lab[view.cheeks].std(0) + (3, 1, 1)
    alike = forehead & (np.abs(lab - middle) < 1.3 * spread).all(-1)
    samples = lab[view.cheeks | alike]
    return ColourModel(samples if len(samples) >= 16 else lab[view.face], 4, spread_by)


def _in_shadow(view: View, skin: ColourModel) -> np.ndarray:
    """Cost (S,S) of being the face's skin in less light, under and beside the jaw; FORBIDDEN elsewhere."""
    half_width = view.frame.half_width
    cost = np.full(view.person.shape, FORBIDDEN, np.float32)
    for light in SHADOWS:
        lit = cv2.cvtColor(np.minimum(view.picture / light, 1).astype(np.float32), cv2.COLOR_RGB2Lab)
        cost = np.minimum(cost, skin.cost(lit) - SHADOW_COST * np.log(light))
    return cost + FORBIDDEN * np.maximum(ramp(view.frame.from_neck, half_width, 1.3 * half_width), ramp(view.frame.v, 0.35, 0.5))


def _neck_model(view: View, skin: SkinColours) -> ColourModel | None:
    """Colours right under the chin, if they have the hue of skin; a collar or a beard has not."""
    under = view.solid & (view.frame.v > 0.05) & (view.frame.v < 0.25) & (np.abs(view.frame.u) < 0.22)
    samples = view.lab[under & (skin.cost < OUTLIER_COST + 6) & (view.lab[..., 0] < skin.bright)]
    if len(samples) < 0.3 * under.sum() or len(samples) < 24:
        return None
    return ColourModel(samples, 3, NECK_SPREAD)


def skin_by_colour(view: View, skin: SkinColours) -> np.ndarray:
    """Cost (S,S) of bare skin: of the face's colours, and under the jaw of the neck's or of the face's in shadow."""
    bare = np.minimum(skin.cost, 3 * OUTLIER_COST)
    # Shaded or lit skin under the jaw is still skin, and so is what the network cannot see of an ear.
    neck = _neck_model(view, skin)
    if neck is not None:
        bare = np.where(view.under_mouth, np.minimum(bare, neck.cost(view.lab)), bare)
    bare = np.where(view.under_mouth | view.ears, np.minimum(bare, skin.in_shadow), bare)
    # A collar may have a pale skin's hue, but it is brighter than the face.
    return bare + np.where(view.under_mouth, 6.0 * ramp(view.lab[..., 0], skin.bright + 2, skin.bright + 8), 0)


def skin_by_place(bare: np.ndarray, view: View, strands: np.ndarray, has_hair: bool) -> np.ndarray:
    """Skin is certain inside the face, unlikely high above the forehead unless bald, and far beside the neck."""
    frame = view.frame
    bare = np.where(view.centre | (view.face & (frame.v > frame.mouth_v)), 0, bare)
    if has_hair:
        beside = ramp(np.abs(frame.u), 1.25 * frame.half_width, 1.6 * frame.half_width) * (frame.v < 0)
        bare = bare + 9.0 * ramp(frame.v, -1.03, -1.2) + 6.0 * strands * ramp(frame.v, frame.nose_v, frame.brow_v) + 2.0 * beside
    return bare + np.where(frame.v > 0.1, 1.5 * ramp(frame.from_neck, 0.8 * frame.half_width, 1.6 * frame.half_width), 0)


# Hair ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HairColours:
    """model: colours of the hair, None on a bald head; cost (S,S) of having them; falling (S,S) bool, long hair below the chin."""

    model: ColourModel | None
    cost: np.ndarray
    falling: np.ndarray

    @staticmethod
    def of(view: View, skin: SkinColours, strands: np.ndarray) -> "HairColours":
        """Learn them between crown and forehead, where there is only hair, a hat, or a bald scalp. strands: see `fine_structure`."""
        frame = view.frame
        above = view.solid & (frame.v < -1.08) & (frame.v > -1.8) & (np.abs(frame.u) < 1.1 * frame.half_width)
        seed = above & skin.unlike
        if seed.sum() <= max(BALD_SHARE * above.sum(), 20) or _forehead_goes_on(view, above, strands):
            nowhere = np.zeros(view.person.shape, bool)
            return HairColours(None, np.full(view.person.shape, FORBIDDEN, np.float32), nowhere)
        # Fair hair has highlights of skin colour: once there is hair, all that is well above the forehead belongs to it.
        seed |= above & (frame.v < -1.16)
        model = ColourModel(view.lab[seed], 4, THING_SPREAD)
        cost = model.cost(view.lab)
        return HairColours(model, cost, _falling(cost, seed, view))


def _forehead_goes_on(view: View, above: np.ndarray, strands: np.ndarray) -> bool:
    """Whether what is above the forehead (S,S) bool is as smooth as it and of its colour: in its own light a scalp may be unlike the cheeks."""
    frame = view.frame
    forehead = view.solid & (frame.v > -0.95) & (frame.v < -0.75) & (np.abs(frame.u) < 0.5 * frame.half_width)
    if not forehead.any() or strands[above].mean() > BARE_STRUCTURE:
        return False
    return bool(np.linalg.norm(np.median(view.lab[above], 0) - np.median(view.lab[forehead], 0)) < BARE_DISTANCE)


def _falling(cost: np.ndarray, seed: np.ndarray, view: View) -> np.ndarray:
    """Long hair below the chin (S,S) bool: what has the hair's colours and hangs, as a broad lock, from hair beside the jaw.

    Args:
        cost: (S,S) of the hair's colours; seed: (S,S) bool, sure hair.
    """
    u, v = view.frame.u, view.frame.v
    alike = view.solid & ~view.face & (cost < np.percentile(cost[seed], 97) + 3) & (np.abs(u) > 0.45 * view.frame.half_width * (v > -0.1))
    radius = view.frame.radius(0.045, 2)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    _, labels = cv2.connectedComponents(cv2.morphologyEx(alike.astype(np.uint8), cv2.MORPH_OPEN, kernel))
    falling = np.zeros(cost.shape, bool)
    for side in (u < 0, u > 0):
        # Locks reach from the temple's height past the chin on one and the same side; a collar does not.
        beside = side & (labels > 0)
        above = np.unique(labels[beside & (v < view.frame.nose_v)])
        falling |= side & np.isin(labels, np.intersect1d(above, np.unique(labels[beside & (v > 0)])))
    return falling & (v > -0.1)


def hair_by_place(hair: np.ndarray, view: View, strands: np.ndarray, falling: np.ndarray) -> np.ndarray:
    """Hair is never on the middle of the face, and below the chin ever less likely, unless it falls there."""
    u, v, half_width = view.frame.u, view.frame.v, view.frame.half_width
    # A fringe may hang to the brows, locks may cover the temples and cheeks' rim.
    rim = ramp(np.abs(u), 0.6 * half_width, 0.95 * half_width)
    hair = hair + np.where(view.face, np.where(v > view.frame.brow_v, 3.0 + 6.0 * (1 - rim), 0.5), 0)
    # A smooth forehead is skin even where light gives it the colour of fair hair.
    hair = hair + np.where(view.face & (v < view.frame.brow_v), 3.5 * (1 - strands), 0)
    lids = sum(polygon(view.frame.landmarks, eye, view.frame.size, scale=1.8) for eye in EYE_OUTLINE.values()) > 0.5
    hair = np.where(view.centre | lids | (view.face & (v > view.frame.mouth_v)), FORBIDDEN, hair)
    return hair + np.where(falling, 0, 4.0 * ramp(v, -0.05, 0.5)) + np.where((v > -0.05) & (np.abs(u) < 0.5 * half_width), FORBIDDEN, 0)


# Clothes -------------------------------------------------------------------------------------------------------------


def cloth_by_colour(view: View, skin: SkinColours, falling: np.ndarray) -> np.ndarray:
    """Cost (S,S) of cloth: of the colours below the chin that are neither skin nor hair, or of a colour that nothing explains."""
    frame = view.frame
    seed = view.solid & (frame.v > 0.22) & skin.unlike & (skin.in_shadow > OUTLIER_COST + 3) & ~falling
    if seed.sum() < 60:  # cloth of the skin's colour
        seed = view.solid & (frame.v > 0.35) & (frame.from_neck > 1.2 * frame.half_width) & ~falling
    # Right under the chin what is darker than the face and like nothing known is rather a shadow than cloth.
    dark = ramp(view.lab[..., 0], skin.middle - 2, skin.middle - 12)
    cost = OUTLIER_COST + 5.0 * dark * ramp(frame.from_neck, 0.45, 0.25) * ramp(frame.v, 0.5, 0.3)
    if seed.sum() > 60:
        cost = np.minimum(ColourModel(view.lab[seed], 5, THING_SPREAD).cost(view.lab) + 1.0, cost)
    return cost


def clothes_by_place(clothes: np.ndarray, view: View, hair: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Clothes lie below the chin or beside the neck: nowhere near the face, but for a collar that stands up beside the jaw.

    Args:
        clothes, hair, bare: (S,S) costs; those of hair and skin are complete.
    """
    frame = view.frame
    near = FORBIDDEN * ramp(frame.v, frame.mouth_v + 0.12, frame.nose_v)
    return clothes + np.where(_standing_collar(clothes, view, hair, bare), 0, near) + np.where(view.face, FORBIDDEN, 0)


def _standing_collar(clothes: np.ndarray, view: View, hair: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """(S,S) bool: what is plainly cloth beside the jaw and hangs together with cloth below the chin."""
    v = view.frame.v
    stands = ~view.face & (clothes + 6 < np.minimum(bare, hair)) & (v > view.frame.nose_v - 0.1)
    radius = view.frame.radius(0.015)
    around = np.ones((2 * radius + 1,) * 2, np.uint8)
    _, labels = cv2.connectedComponents(cv2.morphologyEx((stands & view.solid).astype(np.uint8), cv2.MORPH_OPEN, around))
    collar = (labels > 0) & np.isin(labels, np.unique(labels[v > 0.1]))
    # Opened, it has lost its tip under the ear.
    return (cv2.dilate(collar.astype(np.uint8), around, iterations=2) > 0) & stands & (view.person > 0.3)
