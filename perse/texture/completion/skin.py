"""The person's bare skin, all over head and neck: what the photo shows of it carried on, under the light that reaches it, with its grain."""

from dataclasses import dataclass

import cv2
import numpy as np

from ...render.geometry import interpolated, unit
from ...rig.ears import ears_of
from ...rig.rig import Rig
from ...smooth_ramps import smooth_step
from ..atlas import ATLAS, Texture, chart_slice
from ..cie_lab import to_lab
from ..directional_light import directional_light, falls_on
from .hair_grain import grain
from .surface_field import SurfaceField, open_sky

BELIEVED = (0.35, 0.6)  # belief over which a texel comes to tell the skin's colour
OPENLY = (0.25, 0.5)  # cosine to the view over which it does: at the outline skin is darkened, and mixed with what is behind
SURELY = (0.7, 0.95)  # share of skin over which it does
EAR = 0.15  # how far an ear tells of the skin around it
SHADE = 0.65  # how much of what keeps the sky's light off keeps light off the skin: the rest is scattered onto it
OTHER_HUE = 30.0  # CIE Lab distance in hue from the skin's own from which a colour is none of it; its lightness may be a shadow's
GRAIN_FINE, GRAIN_COARSE = 0.02, 0.07  # widths of the skin's grain, eye distances


@dataclass
class Skin:
    """field: the rig's skin; color (V, 3): its colour at the rig's vertices, RGB; mean (3,); light (V, 1): how much light falls on
    them; grain (2,): how strong its grain is, finer and coarser, as shares of its lightness."""

    field: SurfaceField
    color: np.ndarray
    mean: np.ndarray
    light: np.ndarray
    grain: np.ndarray

    def on_chart(self, texture: Texture, part: str) -> np.ndarray:
        """The skin (H, W, 3), RGB, at the texels of a part's chart."""
        points = texture.points[chart_slice(part)]
        fine, coarse = (grain(points, width, width, seed) for width, seed in ((GRAIN_FINE, 31), (GRAIN_COARSE, 32)))
        light = 1 + self.grain[0] * fine + self.grain[1] * coarse
        return np.clip(self.field.on_chart(texture, self.color, part) * light[..., None], 0, 1)

    def light_on_chart(self, texture: Texture, part: str) -> np.ndarray:
        """How much light falls on the texels (H, W) of a part's chart."""
        return self.field.on_chart(texture, self.light, part)[..., 0]


def skin_field(texture: Texture, rig: Rig, sky: np.ndarray | None = None) -> Skin:
    """Measure the skin where the photo shows it well, and carry it on over the whole rig. sky (V,): `open_sky` of it, if that is known."""
    field = SurfaceField(rig)
    face = chart_slice("face")
    sure = (texture.seen[face] > 0.6) & (texture.regions["skin"][face] > 0.8)
    shown = texture.color[face]
    mean = np.median(shown[sure], axis=0) if sure.sum() > 500 else shown.mean((0, 1))
    share = np.maximum(texture.regions["skin"], texture.regions["neck"])
    weight = smooth_step(texture.seen, *BELIEVED) * smooth_step(texture.facing, *OPENLY) * smooth_step(share, *SURELY)
    away = np.linalg.norm((to_lab(texture.color) - to_lab(mean))[..., 1:], axis=-1)
    weight = weight * smooth_step(away, OTHER_HUE, 0.6 * OTHER_HUE)
    weight = weight * (1 - (1 - EAR) * _on_atlas(texture, rig, ears_of(rig)))
    sky = 1 - SHADE * (1 - (open_sky(rig) if sky is None else sky)[:, None])
    normals = unit(rig.vertex_normals.astype(np.float64))
    told = (weight > 0) & (texture.faces >= 0)
    of_vertices = interpolated(np.column_stack([normals, sky])[rig.faces[texture.faces[told]]], texture.bary[told])
    direction = directional_light(texture.color[told] / of_vertices[:, 3:], unit(of_vertices[:, :3]), weight[told])
    light = sky * falls_on(direction, normals)[:, None]
    even = texture.color / _on_atlas(texture, rig, light[:, 0])[..., None]
    color = field.continued(texture, even, weight.astype(np.float64), mean / light.mean()) * light
    return Skin(field, np.clip(color, 0, 1), mean, light, _grain(shown, sure))


def _on_atlas(texture: Texture, rig: Rig, values: np.ndarray) -> np.ndarray:
    """What vertices (V,) hold, over the atlas (ATLAS, ATLAS)."""
    out = np.ones((ATLAS, ATLAS), np.float32)
    there = texture.faces >= 0
    out[there] = interpolated(values.astype(np.float32)[rig.faces[texture.faces[there]], None], texture.bary[there])[..., 0]
    return out


def _grain(color: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """How much the lightness of skin (H, W, 3) varies where it is sure (H, W) bool: finely and coarsely, as shares of it."""
    inner = cv2.erode(sure.astype(np.uint8), np.ones((9, 9))) > 0
    if inner.sum() < 500:
        return np.zeros(2)
    light = color.mean(-1)
    fine, coarse = (cv2.GaussianBlur(light, (0, 0), sigma) for sigma in (2, 7))
    usual = max(float(light[inner].mean()), 0.05)
    return np.array([np.median(np.abs(a - b)[inner]) / usual for a, b in ((light, fine), (fine, coarse))])
