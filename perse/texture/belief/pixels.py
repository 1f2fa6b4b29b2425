"""How far what the photo shows at a pixel is believed to be of the surface that carries it.

A pixel beside a contour may show what is behind it; one at the edge of the person, the background. The texture knows what a surface that is
seen badly looks like: what is unlike it shows something else, and on the head it would turn with it, and be a comb, or confetti, to
whoever looks from the side. `REFUSED`: what makes a pixel show no surface of this person. `SEEN_FROM_EDGE`: what makes its colour doubtful.
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_

import cv2
import numpy as np

from ...face.landmarks import MOUTH_OUTLINE
from ...rig.skeleton import PART
from ..atlas import ATLAS, sample
from ..cie_lab import to_lab
from .surfaces import NO_HAIR, Surfaces
from .texels import WELL_SEEN

UNLIKE = 10.0  # CIE Lab distance of a pixel from what the texture has there, above which it may show something else; twice that: it does
LIKE_BEHIND = 0.5  # times the distance from the surface in front, below which a pixel is like the one behind
HARDLY_SEEN = 0.1  # belief below which it is not the photo that shows a head's side
RIM = 0.08  # eye distances beside the mesh within which bare skin is the mesh's own
LIP_LINE = 2  # pixels of a 512-pixel crop beside the line between lips where colours are doubtful


@dataclass
class Sightings:
    """Of N places in a photo.

    surfaces: of the photo; pixels (N, 2): where, integer x, y; color (N, 3): what it shows there, RGB; carrier (N, 2): the pixel whose
    triangle carries it; part (N,): that triangle's; seen, hairy (N,): how far the photo is believed at that texel, and how much that is
    hair; unlike (N,): CIE Lab distance of the colour from the texture's; beyond (N,) bool: whether the place sees no triangle; behind (N,)
    bool: whether it shows what is behind a contour: then carrier is of that.
    """

    surfaces: Surfaces
    pixels: np.ndarray
    color: np.ndarray
    carrier: np.ndarray
    part: np.ndarray
    seen: np.ndarray
    hairy: np.ndarray
    unlike: np.ndarray
    beyond: np.ndarray
    behind: np.ndarray

    @property
    def badly_seen(self) -> np.ndarray:
        """(N,) bool: on a surface that is covered in the texture's colours, because the photo is not believed there."""
        return (self.seen < WELL_SEEN) & ~self.beyond

    @property
    def on_head(self) -> np.ndarray:
        """(N,) bool: carried by face or head."""
        return np.isin(self.part, [PART["face"], PART["shell"]])

    @property
    def refused(self) -> np.ndarray:
        """(N,) bool: shows nothing that this person's surface has there."""
        return reduce(or_, (rule(self) for rule in REFUSED))

    @property
    def seen_from_edge(self) -> np.ndarray:
        """(N,) bool: of a colour that is right from here, and may be wrong where it is seen openly."""
        return reduce(or_, (rule(self) for rule in SEEN_FROM_EDGE))


def sightings(surfaces: Surfaces, pixels: np.ndarray, color: np.ndarray) -> Sightings:
    """What is known of places (N, 2), integer x and y, where a photo shows these colours (N, 3)."""
    x, y = pixels.T
    carrier = surfaces.carrier[y, x]
    part, seen, hairy, unlike = _compare(surfaces, carrier, color)
    out = Sightings(surfaces, pixels, color, carrier, part, seen, hairy, unlike, surfaces.beyond[y, x], np.zeros(len(pixels), bool))
    _look_behind_contours(out)
    return out


def _compare(surfaces: Surfaces, carrier: np.ndarray, color: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Part of what pixels (N, 2) see, belief there, how much it is hair, and CIE Lab distance of the texture from colours (N, 3); each (N,)."""
    view, at = surfaces.view, (carrier[:, 1], carrier[:, 0])
    uv = surfaces.rig.uvs_on(view.triangles[at], view.bary[at])[None] * ATLAS
    texture = surfaces.texture
    away = to_lab(color) - to_lab(sample(texture.color, uv)[0])
    return view.parts[at], sample(texture.seen, uv)[0], sample(texture.cover(), uv)[0], np.linalg.norm(away, axis=-1)


def _look_behind_contours(s: Sightings) -> None:
    """Beside a contour of the head a pixel that is unlike the surface in front, and like the one behind, shows that one (in place)."""
    carrier, there = s.surfaces.view.behind_contour(s.pixels)
    part, _, _, unlike = _compare(s.surfaces, carrier, s.color)
    s.behind = there & _stranger_on_the_head(s) & (part != PART["face"]) & (unlike < LIKE_BEHIND * s.unlike)
    s.carrier[s.behind] = carrier[s.behind]


def _stranger_on_the_head(s: Sightings) -> np.ndarray:
    return s.badly_seen & s.on_head & (s.unlike > UNLIKE)


def something_before_the_head(s: Sightings) -> np.ndarray:
    """Where the head is seen badly, what is very unlike it is something else, or the background."""
    return _stranger_on_the_head(s) & ~s.behind & (s.unlike > 2 * UNLIKE)


def rim_of_skin(s: Sightings) -> np.ndarray:
    """Bare skin ends where the mesh does, give or take a pixel or two: what lies beside it would be a line of beads from the side."""
    no_hair = _bare(s) | s.on_head & (s.hairy < NO_HAIR) & (s.unlike > UNLIKE)  # hair hangs on hair
    return s.beyond & no_hair & (s.surfaces.beside[s.pixels[:, 1], s.pixels[:, 0]] < s.surfaces.view.pixels(RIM))


def _bare(s: Sightings) -> np.ndarray:
    masks, x, y = s.surfaces.portrait.masks, s.pixels[:, 0], s.pixels[:, 1]
    return (
        (masks["hair"][y, x] < NO_HAIR) & (masks["clothes"][y, x] < NO_HAIR) & np.isin(s.part, [PART["shell"], PART["body"], PART["face"]])
    )


def dots_on_the_side(s: Sightings) -> np.ndarray:
    """What is hardly seen of a head's side, or unlike it, would be dots before the hidden Gaussians to whoever looks from there."""
    return side_of_the_head(s) & ((s.seen < HARDLY_SEEN) | (s.unlike > UNLIKE))


REFUSED = (something_before_the_head, rim_of_skin, dots_on_the_side)


def side_of_the_head(s: Sightings) -> np.ndarray:
    """The sides of cheeks, and of head and neck where they are bare, are seen openly as soon as the head turns."""
    return s.badly_seen & ~s.behind & ((s.part == PART["face"]) | _bare(s))


def beyond_the_head(s: Sightings) -> np.ndarray:
    """What lies beyond the outline of the head is translucent, and mixed with the background."""
    return s.beyond & s.on_head


def line_between_lips(s: Sightings) -> np.ndarray:
    """When closed lips part, light and dark pixels of the line between them would come out as a row of beads."""
    if s.surfaces.rig.mouth_open:
        return np.zeros(len(s.pixels), bool)
    portrait = s.surfaces.portrait
    line = np.zeros(portrait.alpha.shape, np.uint8)
    outline = np.round(portrait.landmarks[MOUTH_OUTLINE, :2]).astype(np.int32)
    cv2.polylines(line, [outline], True, 1, 2 * s.surfaces.pixels(LIP_LINE) + 1)
    return (s.part == PART["face"]) & ~s.behind & (line[s.pixels[:, 1], s.pixels[:, 0]] > 0)


SEEN_FROM_EDGE = (side_of_the_head, beyond_the_head, line_between_lips)
