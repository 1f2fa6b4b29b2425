"""Hats, scarves and veils of the photo, which are formed and continued as hair is, told from hair again on the whole head."""

import numpy as np

from ..atlas import Texture, chart_slice, sample
from ..belief.texels import Texels
from ..fill_holes import diffuse, soften

TELLS = 0.3  # of belief and of hair, from which a texel tells whether hair there is hair
EITHER = 0.5  # share of a worn thing from which a texel that is not seen is one: there is no half of it
EDGE = 2.0  # texels over which it ends there


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
            there = diffuse(np.clip(share[area], 0, 1)[..., None], known, around=part != "face")[..., 0]
            unseen = soften(there > EITHER, texture.faces[area] >= 0, EDGE)
            worn[area] = hair[area] * np.clip(known * there + (1 - known) * unseen, 0, 1)
        worn = worn[texture.nearest]
    texture.regions["worn"], texture.regions["hair"] = worn, np.clip(hair - worn, 0, 1)
