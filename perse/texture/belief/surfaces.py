"""Which triangle of the rig carries each pixel of the photo, and which pixels are left to what is painted.

First what the photo shows in front, where the rig has something else there: `FRONT`. Then, for pixels that see no triangle, the one that
carries what the photo shows beside the mesh: `BESIDE`. A rule is a function that changes the record in place; later ones overrule earlier ones.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from ...portrait import Portrait
from ...portrait.lip_line import not_of_lips
from ...render.mesh import rasterize_ids
from ...rig.rig import Rig
from ..atlas import ATLAS, Texture, sample
from ..view import MOUTH, View
from .texels import WELL_SEEN

LIP_ERROR = 3  # pixels of a 512-pixel crop by which landmarks may miss a lip's edge
CLOTH = 0.3  # share of a pixel's person that is cloth, from which the pixel counts as cloth
CLOTH_EDGE = 3  # pixels of a 512-pixel crop over which cloth's edge is mixed with what lies beside it
NO_HAIR = 0.5  # share of a pixel's person that is hair, below which what lies beyond the outline is skin
SEEN_OPENLY = 0.4  # cosine to the view from which a triangle carries skin that lies beside the outline


@dataclass
class Surfaces:
    """What carries each pixel of a portrait, (S, S, …).

    view: the rig as the photo shows it: without what the photo shows something else before. painted bool: pixels that are left to the
    painted mouth. of_lips bool: pixels between closed lips, where the rig has teeth. carrier (…, 2): x, y of the pixel whose triangle
    carries each: its own, if it sees one.
    """

    portrait: Portrait
    rig: Rig
    texture: Texture
    view: View
    painted: np.ndarray
    of_lips: np.ndarray
    carrier: np.ndarray

    @property
    def beyond(self) -> np.ndarray:
        """(S, S) bool: pixels that see no triangle."""
        return self.view.triangles < 0

    @property
    def bare(self) -> np.ndarray:
        """(S, S) bool: pixels that see no triangle, and whose person has no hair there: skin, or the background taken for it."""
        return self.beyond & ~self.of_lips & (self.portrait.masks["hair"] < NO_HAIR * self.portrait.alpha)

    @cached_property
    def beside(self) -> np.ndarray:
        """(S, S): how far pixels lie beside the rig's outline, pixels; 0 on the rig."""
        return distance_transform_edt(self.beyond)

    def show(self, where: np.ndarray, triangles: np.ndarray | int, bary: np.ndarray | int = 0) -> None:
        """Put other triangles (n,), -1 for none, and barycentric coordinates (n, 3) where pixels (S, S) bool show them."""
        ids, weights = self.view.triangles.copy(), self.view.bary.copy()
        ids[where], weights[where] = triangles, bary
        self.view = View.of(self.rig, ids, weights)

    def carry(self, where: np.ndarray, on: np.ndarray) -> None:
        """Let the nearest of some pixels (S, S) bool carry those (S, S) bool."""
        _, (y, x) = distance_transform_edt(~on, return_indices=True)
        self.carrier[where] = np.stack([x[where], y[where]], -1)

    def pixels(self, of_512: float) -> int:
        """Pixels of a 512-pixel crop in this one, rounded."""
        return round(of_512 * len(self.portrait.alpha) / 512)


def dressed(portrait: Portrait) -> np.ndarray:
    """(S, S) bool: pixels that show cloth."""
    return portrait.masks["clothes"] > CLOTH * np.maximum(portrait.alpha, 0.1)


# What the photo shows in front ----------------------------------------------------------------------------------------


def lip_before_the_teeth(s: Surfaces) -> None:
    """Between closed lips one looks at lip, not at the teeth behind: on these it would carry the lip line along."""
    if not s.rig.mouth_open:
        s.of_lips |= _not_own(s)
        s.show(s.of_lips, -1)


def painted_mouth(s: Surfaces) -> None:
    """In an open mouth what is neither its own teeth nor its throat is painted: a lip that landmarks missed by a pixel, or a tongue, would
    hang on the teeth as specks; and teeth, or the dark between them, on the lips' rim would be drawn apart with it to a string of beads."""
    if not s.rig.mouth_open:
        return
    inside = s.view.shows(*MOUTH)
    rim = ~inside & (distance_transform_edt(~inside) <= LIP_ERROR * len(inside) / 512)
    s.painted |= _not_own(s) | rim & ~s.beyond & not_of_lips(s.portrait.foreground, s.portrait.landmarks)
    s.show(s.painted, -1)


def cloth_before_the_head(s: Surfaces) -> None:
    """Where the photo shows cloth and the rig its head, the cloth hangs on the bust behind it, if there is one: a rim of collar on the jaw
    would turn with the head, and stand out from the side as a comb."""
    bust = s.rig.part_faces("body")
    behind, bary = rasterize_ids(s.rig.vertices, s.rig.faces[bust].astype(np.int32), s.rig.camera)
    where = dressed(s.portrait) & s.view.shows("face", "shell")
    s.show(where, np.where(behind < 0, -1, bust[behind])[where], bary[where])


def _not_own(s: Surfaces) -> np.ndarray:
    """(S, S) bool: pixels in the mouth that are not the portrait's own teeth or throat, as the texture has found them."""
    out = s.view.shows(*MOUTH)
    uv = s.rig.uvs_on(s.view.triangles[out], s.view.bary[out])
    out[out] = sample(s.texture.seen, uv[None] * ATLAS)[0] < WELL_SEEN
    return out


FRONT = (lip_before_the_teeth, painted_mouth, cloth_before_the_head)


# What carries pixels beside the mesh -----------------------------------------------------------------------------------


def nearest_triangle(s: Surfaces) -> None:
    """What lies beyond the mesh's outline, strands, say, hangs on the nearest triangle."""
    s.carry(np.ones_like(s.beyond), ~s.beyond)


def hair_on_the_head(s: Surfaces) -> None:
    """Hair or a veil beyond the outline of a cheek hangs on the head behind it: on the cheek, which is seen from its edge there, it would
    stand off, and hide it from the other side."""
    head, hair = s.view.shows("shell"), s.portrait.masks["hair"] >= NO_HAIR * np.maximum(s.portrait.alpha, 0.1)
    if head.any():
        s.carry(s.beyond & hair & s.view.shows("face")[s.carrier[..., 1], s.carrier[..., 0]], head)


def cloth_on_the_bust(s: Surfaces) -> None:
    """Cloth hangs on the bust, with the blurred edge that it has, not on the jaw beside it."""
    if s.view.shows("body").any():
        edge = cv2.dilate(dressed(s.portrait).astype(np.uint8), np.ones((2 * s.pixels(CLOTH_EDGE) + 1,) * 2)) > 0
        s.carry(edge & s.beyond, s.view.shows("body"))


def skin_on_what_is_seen_openly(s: Surfaces) -> None:
    """Skin hangs on a triangle that is seen openly: those on the outline turn this way and that with every expression."""
    body = s.view.shows("body")
    openly = ~s.beyond & ~body & (s.view.facing > SEEN_OPENLY)
    if openly.any():
        s.carry(s.bare & ~body[s.carrier[..., 1], s.carrier[..., 0]], openly)


BESIDE = (nearest_triangle, hair_on_the_head, cloth_on_the_bust, skin_on_what_is_seen_openly)


def surfaces(portrait: Portrait, rig: Rig, texture: Texture) -> Surfaces:
    """What carries each pixel of a portrait whose texture is baked."""
    none = np.zeros(texture.view.triangles.shape, bool)
    out = Surfaces(portrait, rig, texture, texture.view, none, none.copy(), np.zeros((*none.shape, 2), int))
    for rule in (*FRONT, *BESIDE):
        rule(out)
    return out
