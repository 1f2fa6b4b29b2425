"""Hats, scarves and veils of the photo, which are formed and continued as hair is, told from hair again on the whole head."""

import cv2
import numpy as np

from ...smooth_ramps import smooth_step
from ..atlas import Texture, chart_slice, sample
from ..belief.texels import Texels
from ..cie_lab import to_lab
from ..fill_holes import diffuse, soften
from .hair_grain import grain

TELLS = 0.3  # of belief and of hair, from which a texel tells whether hair there is hair
EITHER = 0.5  # share of a worn thing from which a texel that is not seen is one: there is no half of it
EDGE = 2.0  # texels over which it ends there
KEPT = (0.2, 0.5)  # belief over which what the photo shows of it takes the place of what is made up
# CIE Lab distances from the usual tone of a worn thing, in their median: up to which a texel is its cloth, and from which it is a badge, a braid or a
# jewel, which is not repeated behind the head.
CLOTH = (1.5, 3.0)
FOLDS, WEAVE = 0.06, 0.02  # by how much folds and threads are lighter or darker than the cloth, as a share
EVEN = 6.0  # texels over which the cloth's colour is evened out before it is carried on


def part_headwear(texture: Texture, texels: Texels) -> None:
    """`texture.regions["worn"]` is taken out of "hair" (in place): where the photo shows it, and on behind that as its border runs."""
    hair = texture.regions["hair"]
    worn = np.zeros_like(hair)
    shown = texels.portrait.masks["worn"]
    if shown.max() > 0:
        share = sample(shown, texels.pixels) / np.maximum(sample(texels.portrait.masks["hair"], texels.pixels), 1e-3)
        tells = texels.visible * (texture.seen > TELLS) * (hair > TELLS)
        for part in ("face", "shell", "body"):
            area = chart_slice(part)
            known = tells[area].astype(np.float32)
            if not known.any():
                continue
            around = part != "face"
            there = diffuse(np.clip(share[area], 0, 1)[..., None], known, around)[..., 0]
            unseen = soften(there > EITHER, texture.faces[area] >= 0, EDGE)
            worn[area] = hair[area] * np.clip(known * there + (1 - known) * unseen, 0, 1)
            _clothe(texture, area, worn[area], known * (there > EITHER), around)
        worn = worn[texture.nearest]
    texture.regions["worn"], texture.regions["hair"] = worn, np.clip(hair - worn, 0, 1)


def _clothe(texture: Texture, area: tuple[slice, slice], worn: np.ndarray, shown: np.ndarray, around: bool) -> None:
    """Where a worn thing (H, W) is not seen it is cloth of the colours that it has where it is `shown` (H, W), with folds, not strands
    (colour, in place). around: the chart's left and right borders meet."""
    hidden = worn * (1 - smooth_step(texture.seen[area], *KEPT))
    if hidden.max() < EITHER or not shown.any():
        return
    color = texture.color[area]
    lab = to_lab(color)
    away = np.linalg.norm(lab - np.median(lab[shown > 0], 0), axis=-1)
    usual = shown * (1 - smooth_step(away / max(float(np.median(away[shown > 0])), 1.0), *CLOTH))
    known = usual if usual.sum() > 0.1 * shown.sum() else shown
    cloth = cv2.GaussianBlur(diffuse(color, known.astype(np.float32), around), (0, 0), EVEN)
    points = texture.points[area]
    folds = 1 + FOLDS * np.clip(grain(points, 0.2, 0.8, 17), -1.5, 1.5) + WEAVE * grain(points, 0.03, 0.05, 18)
    color += hidden[..., None] * (cloth * folds[..., None] - color)
    np.clip(color, 0, 1, out=color)
