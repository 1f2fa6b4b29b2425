"""The portrait unrolled: one texture atlas for the whole rig, seen parts from the photo, hidden parts completed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..portrait import Portrait
from ..rig.rig import Rig
from .atlas import REGIONS, Texture, chart_slice
from .belief.texels import Texels, believe, unroll
from .completion.eyes import complete_eyes
from .completion.face import complete_face
from .completion.hair_swatch import hair_swatch
from .completion.headwear import part_headwear
from .completion.mouth import complete_mouth
from .completion.scalp import complete_scalp
from .completion.skin import skin_field
from .completion.surface_field import open_sky
from .completion.torso import complete_torso
from .photo_light import colourfulness, faded, white_light
from .view import MOUTH, look

OBLIQUE_FROM, OBLIQUE_OVER = 0.40, 0.15  # cosine to the view below which the matte's softness is the outline's, and over which fully


def bake(portrait: Portrait, rig: Rig) -> Texture:
    """Unroll the portrait over the rig and complete what it hides."""
    with ThreadPoolExecutor(1, "perse-beside") as beside:  # what asks neither what the photo shows of the rig nor one another
        sky, swatch = beside.submit(open_sky, rig), beside.submit(hair_swatch, portrait)
        view = look(rig)
        texels = unroll(portrait, rig, view)
        belief = believe(texels)
    texture = Texture(
        texels.color.copy(),
        _opacity(texels),
        belief.seen,
        {name: mask.copy() for name, mask in texels.regions.items()},
        texels.faces,
        texels.bary,
        texels.points,
        texels.pixels,
        texels.facing,
        view,
    )
    skin = skin_field(texture, rig, sky.result())
    complete_face(texture, belief, skin)
    complete_scalp(texture, rig, skin, swatch.result())
    complete_torso(texture, skin)
    light = white_light(portrait.foreground, portrait.masks["skin"], portrait.masks["eyes"] * (1 - portrait.masks["iris"]))
    complete_eyes(texture, texels, rig, light)
    complete_mouth(texture, texels, rig, light)
    _fade_what_is_painted(texture, colourfulness(portrait.foreground, portrait.masks["skin"]))
    _run_over_borders(texture)
    part_headwear(texture, texels)
    return texture


def _opacity(texels: Texels) -> np.ndarray:
    """(ATLAS, ATLAS) float32: the matte's alpha, so that hair has a soft edge; what is hidden is solid. What turns away is solid, too: the
    matte's softness there belongs to the outline, and would be a hole from the side."""
    oblique = np.clip((OBLIQUE_FROM - texels.facing) / OBLIQUE_OVER, 0, 1)
    return np.where(texels.visible, np.maximum(texels.alpha, oblique), 1.0).astype(np.float32)


def _fade_what_is_painted(texture: Texture, share: float) -> None:
    """Eyes and mouth have no more colour than the photo has: a share of their own, 0 to 1."""
    for part in ("eye_right", "eye_left", *MOUTH):
        texture.color[chart_slice(part)] = faded(texture.color[chart_slice(part)], share)


def _run_over_borders(texture: Texture) -> None:
    """Texels outside every triangle take what the nearest one inside has, so that bilinear look-ups at a chart's border stay clean."""
    outside = texture.faces < 0
    nearest = tuple(at[outside] for at in texture.nearest)
    texture.color = np.clip(texture.color, 0, 1)
    for values in (texture.color, texture.alpha, *(texture.regions[name] for name in REGIONS)):
        values[outside] = values[nearest]
