"""How far the photo is believed at each texel of the atlas.

First sight: at what angle the surface is seen, whether anything hides it, and how solid the matte is there. Then doubts, chart by chart:
where something else may lie before the surface, and where landmarks, which are off by a pixel or two, may have put its edge. Each rule is
a function that gives a factor in [0, 1]; they are applied in the order of `SIGHT` and of `DOUBTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import mul

import cv2
import numpy as np

from ...portrait import Portrait
from ...render.camera import Camera
from ...render.geometry import vertex_normals
from ...render.mesh import rasterize_ids
from ...rig.rig import Rig
from ..atlas import ATLAS, REGIONS, chart_slice, sample
from ..view import LANDMARK_ERROR, View, contours

WELL_SEEN = 0.35  # belief from which the photo's own Gaussians cover a surface, and below which the completed texture's do
HIDES = 0.035  # eye distances that a texel must lie behind what is in front of it to count as hidden
EDGE_ON = 0.05  # cosine to the view at and below which a surface is not seen at all
BELIEVED_FROM, BELIEVED_OVER = 0.08, 0.35  # cosine to the view from which a texel is believed, and over which fully
SKIN_BELIEVED_FROM, SKIN_BELIEVED_OVER = 0.25, 0.2  # the same of bare skin beside the face (.15 to .35 from)
SOLID_FROM, SOLID_OVER = 0.5, 0.4  # the matte's alpha from which it is believed, and over which fully
BELIEF_ON_CONTOUR = 0.15  # what is left of the belief on a contour itself, 0 to 1
HIDDEN_MARGIN = 12  # texels beside hidden ones over which the photo is not yet believed
FAR_BEHIND, FAR_ERROR = 0.3, 0.15  # eye distances that hair lies behind a cheek from which on its contour is told from a temple; beside it
BETWEEN_CHEEKS = 0.35  # half the width of what lies between the cheeks, as a share of half the face's chart
DARKER, OTHER_HUE = 18.0, 14.0  # CIE Lab distances in lightness, in hue: what differs by more from the cheek beside it is none of it
SEEN_WELL_ENOUGH = 3.0  # times as well seen as it is, a texel of the cheek's edge is worth its own shade


@dataclass
class Texels:
    """What lies under the texels of the atlas, or of one chart, and what the photo has there; (H, W, …).

    faces: the rig's triangle, -1 where there is none; bary: its barycentric coordinates; points: head frame; pixels: where in the
    portrait, x and y; facing: cosine between the surface's normal and the way to the camera; visible: in the picture, with nothing in front;
    color, alpha: the photo's; regions: what the photo shows, by name of REGIONS.
    """

    portrait: Portrait
    view: View
    faces: np.ndarray
    bary: np.ndarray
    points: np.ndarray
    pixels: np.ndarray
    facing: np.ndarray
    visible: np.ndarray
    color: np.ndarray
    alpha: np.ndarray
    regions: dict[str, np.ndarray]

    def chart(self, part: str) -> "Texels":
        """Those of one part's chart."""
        area = chart_slice(part)
        return Texels(
            self.portrait,
            self.view,
            self.faces[area],
            self.bary[area],
            self.points[area],
            self.pixels[area],
            self.facing[area],
            self.visible[area],
            self.color[area],
            self.alpha[area],
            {name: mask[area] for name, mask in self.regions.items()},
        )

    def near(self, mask: np.ndarray, distance: float) -> np.ndarray:
        """1 on a mask (S, S) bool of the portrait, falling to 0 at a distance from it, in eye distances."""
        return sample(nearness(mask, self.view.pixels(distance)), self.pixels)


@dataclass
class Belief:
    """How far the photo is believed, 0 to 1.

    seen (ATLAS, ATLAS) float32: for each texel, by all rules. if_alike (H, W): for the face's chart, by the rules that ask what lies before
    the surface and without those that ask where its edge is: so far the photo is right where it looks as the surface is expected to.
    if_before (H, W): for that chart, how far what the photo shows there is before the face, not behind it.
    """

    seen: np.ndarray
    if_alike: np.ndarray
    if_before: np.ndarray


def unroll(portrait: Portrait, rig: Rig, view: View) -> Texels:
    """What lies under each texel of the atlas, and what the photo has there."""
    flat = np.concatenate([rig.uvs.reshape(-1, 2) * ATLAS, np.ones((len(rig.faces) * 3, 1))], 1).astype(np.float32)
    faces, bary = rasterize_ids(
        flat, np.arange(len(rig.faces) * 3, dtype=np.int32).reshape(-1, 3), Camera(np.eye(4), np.eye(3), ATLAS, ATLAS)
    )
    shown = np.maximum(faces, 0)
    points = np.einsum("hwk,hwkc->hwc", bary, rig.vertices[rig.faces][shown])
    xy, depth = rig.camera.project(points.reshape(-1, 3))
    xy, depth = xy.reshape(ATLAS, ATLAS, 2), depth.reshape(ATLAS, ATLAS)
    toward = -rig.camera.viewmat[:3, :3].T @ rig.camera.viewmat[:3, 3] - points  # `Camera.centre` in single precision, as points are
    toward /= np.linalg.norm(toward, axis=-1, keepdims=True)
    normal = np.einsum("hwk,hwkc->hwc", bary, vertex_normals(rig.vertices, rig.faces)[rig.faces][shown])
    facing = (normal * toward).sum(-1) / (np.linalg.norm(normal, axis=-1) + 1e-9)
    # The farthest of the neighbouring depths: a texel must be clearly behind to count as hidden.
    front = cv2.dilate(np.where(np.isfinite(view.depth), view.depth, 0).astype(np.float32), np.ones((3, 3)))
    inside = ((xy > 0) & (xy < len(portrait.image))).all(-1)
    visible = (faces >= 0) & inside & (depth < sample(front, xy) + HIDES) & (facing > EDGE_ON)
    shows = xy[visible]

    def where_visible(mask: np.ndarray) -> np.ndarray:
        out = np.zeros((ATLAS, ATLAS), np.float32)
        out[visible] = sample(mask, shows)
        return out

    return Texels(
        portrait,
        view,
        faces,
        bary,
        points,
        xy,
        facing,
        visible,
        sample(portrait.foreground, xy),
        sample(portrait.alpha, xy),
        {name: where_visible(portrait.masks[name]) for name in REGIONS},
    )


def nearness(mask: np.ndarray, width: float) -> np.ndarray:
    """(H, W): 1 on a mask (H, W), falling to 0 at `width` pixels from it."""
    return np.clip(1 - cv2.distanceTransform(1 - mask.astype(np.uint8), cv2.DIST_L2, 5) / width, 0, 1)


# Sight ---------------------------------------------------------------------------------------------------------------


def turned_away(texels: Texels) -> np.ndarray:
    """What is seen at a slant is seen coarsely, and what turns away not at all."""
    return np.clip((texels.facing - BELIEVED_FROM) / BELIEVED_OVER, 0, 1)


def hidden(texels: Texels) -> np.ndarray:
    """What lies behind something else, or beyond the picture, is not seen."""
    return texels.visible


def translucent(texels: Texels) -> np.ndarray:
    """Where the matte is translucent the photo shows the background as well."""
    return np.clip((texels.alpha - SOLID_FROM) / SOLID_OVER, 0, 1)


SIGHT = (turned_away, hidden, translucent)


# Doubts, of a chart: how far each texel is believed if it is seen (H, W) so well -----------------------------------------


def cloth_on_the_head(texels: Texels, sight: np.ndarray) -> np.ndarray:
    """Where the rig has the head in front and the photo cloth, a collar would be painted on the jaw."""
    return 1 - np.clip(2 * texels.regions["clothes"] - 0.5, 0, 1)


def skin_on_the_bust(texels: Texels, sight: np.ndarray) -> np.ndarray:
    """Where the rig has the bust in front and the photo the head's skin, the jaw would be painted on a collar."""
    return 1 - np.clip(2 * texels.regions["skin"] - 0.5, 0, 1)


def at_a_contour(texels: Texels, sight: np.ndarray) -> np.ndarray:
    """Beside a contour of the face, a nose's, say, the photo may show the cheek behind it, or the cheek the nose."""
    trust = 1 - (1 - BELIEF_ON_CONTOUR) * texels.near(texels.view.contours, LANDMARK_ERROR)
    # A contour on both sides, of a nose seen from the front, is nothing to be mended by the other side.
    middle = np.abs(np.linspace(-1, 1, trust.shape[1])) < BETWEEN_CHEEKS
    return np.where(middle, trust / np.maximum(trust, trust[:, ::-1]), trust)


def at_the_outline(texels: Texels, sight: np.ndarray) -> np.ndarray:
    """Beside the outline of the person the photo may show what is behind."""
    return 1 - (1 - BELIEF_ON_CONTOUR) * texels.near(texels.portrait.alpha < 0.5, LANDMARK_ERROR)


def beside_what_is_hidden(texels: Texels, sight: np.ndarray) -> np.ndarray:
    """Beside what another part hides the photo may show that part."""
    return 1 - nearness((texels.faces >= 0) & (sight == 0), HIDDEN_MARGIN)


def skin_at_a_slant(texels: Texels, sight: np.ndarray) -> np.ndarray:
    """Bare skin of jaw and neck that turns away lies beside hair, cloth or background, of which a pixel drawn out over it makes a streak."""
    return 1 - (1 - texels.regions["hair"]) * np.clip((SKIN_BELIEVED_FROM + SKIN_BELIEVED_OVER - texels.facing) / SKIN_BELIEVED_OVER, 0, 1)


DOUBTS: dict[str, tuple[Callable[[Texels, np.ndarray], np.ndarray], ...]] = {
    "shell": (cloth_on_the_head, skin_at_a_slant),
    "body": (skin_on_the_bust,),
    "face": (at_a_contour, at_the_outline, beside_what_is_hidden),
}


def believe(texels: Texels) -> Belief:
    """How far the photo is believed at the texels of the whole atlas."""
    sight = reduce(mul, (rule(texels) for rule in SIGHT)).astype(np.float32)
    seen = sight.copy()
    factors: dict[Callable, np.ndarray] = {}
    for part, rules in DOUBTS.items():
        chart, area = texels.chart(part), chart_slice(part)
        factors |= {rule: rule(chart, sight[area]) for rule in rules}
        seen[area] *= reduce(mul, (factors[rule] for rule in rules))
    enough = np.clip(SEEN_WELL_ENOUGH * sight[chart_slice("face")], 0, 1)
    return Belief(seen, enough * factors[beside_what_is_hidden], _before_what_is_far(texels.chart("face")))


def _before_what_is_far(texels: Texels) -> np.ndarray:
    """0 (H, W) beside a contour of the face with something far behind it: the far cheek of a turned head."""
    view = texels.view
    return 1 - texels.near(contours(view.depth, view.shows("face"), FAR_BEHIND), FAR_ERROR)


# What of eyeballs and mouth the photo shows, of a chart (H, W), 0 to 1 ----------------------------------------------------


def between_the_lids(texels: Texels) -> np.ndarray:
    """What of an eyeball shows between its lids, away from their edges."""
    mask = sample(texels.portrait.masks["eyes"], texels.pixels)
    return np.clip(cv2.erode((mask * texels.visible).astype(np.float32), np.ones((3, 3))) * 2 - 1, 0, 1)


def between_the_lips(texels: Texels, open_mouth: bool) -> np.ndarray:
    """What of teeth and throat shows between the lips, if the mouth is open."""
    return np.clip(sample(texels.portrait.masks["mouth"], texels.pixels) * 2 - 1, 0, 1) * texels.visible * open_mouth
