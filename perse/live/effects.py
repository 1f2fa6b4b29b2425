"""Colours that depend on the pose, as a player needs them: which formula a Gaussian follows, and its coefficients in it."""

import numpy as np
import torch

from ..avatar.appearance.closed_lids import ALL_SKIN, BALL_HIDDEN, CLOSING, ClosedLid
from ..avatar.appearance.eye_aperture import CORNER, FADE, STILL
from ..avatar.appearance.mouth_light import IN_LIGHT, LIP_DEPTH, LIP_SHADE, SHADE, SHUT, WIDE, MouthLight
from ..avatar.appearance.throat_shade import DARKER, OPEN, ThroatShade
from ..avatar.appearance.throat_shade import FADE as THROAT_FADE
from ..avatar.avatar import Avatar
from ..rig.eyes import CAP
from .container import Array, LiveFile

NONE, THROAT, LID_RIGHT, BALL_RIGHT, LID_LEFT, BALL_LEFT, MOUTH = range(7)
COEFFICIENTS = 3  # of each
STEP = 2 / 65535  # they lie between 0 and 2
SIDES = {"right": (LID_RIGHT, BALL_RIGHT), "left": (LID_LEFT, BALL_LEFT)}
VISIBLE = 0.5 / 255


def add_effects(live: LiveFile, section: int, avatar: Avatar) -> np.ndarray:
    """Store kinds, coefficients and constants of the effects of an avatar; returns its Gaussians (L,) that take colours of closed lids."""
    kind = np.zeros(len(avatar), np.uint8)
    coefficients = np.zeros((len(avatar), COEFFICIENTS))
    mixed = np.zeros((len(avatar), 3), np.float32)
    constants: dict = {"eyes": {}}
    for effect in avatar.effects:
        index = effect.index.numpy()
        if isinstance(effect, ThroatShade):
            kind[index], coefficients[index, :2] = THROAT, effect.coefficients.numpy()
            constants["throat"] = {"drop": effect.drop, "fade": THROAT_FADE, "darker": DARKER, "open": OPEN}
        elif isinstance(effect, ClosedLid):
            lid, ball = SIDES[effect.side]
            balls = index[: effect.balls]
            weight, shade, depth = effect.coefficients.numpy().T
            kind[index], coefficients[index] = lid, np.stack([shade, depth, weight], 1)
            kind[balls], coefficients[balls, 2] = ball, effect.aperture.margin.numpy()
            mixed[index] = effect.mixed(avatar.colors).numpy()
            constants["eyes"][effect.side] = _eye(effect)
        elif isinstance(effect, MouthLight):
            kind[index], coefficients[index, :2] = MOUTH, effect.coefficients.numpy()
            constants["mouth"] = _mouth(effect)
    rows = np.flatnonzero((kind >= LID_RIGHT) & (kind <= BALL_LEFT))
    live.head["effects"] = constants
    live.whole(section, "effect.kind", kind, "u8")
    live.arrays["effect.coefficients"] = Array(
        section, np.round(coefficients[kind > 0].T / STEP).clip(0, 65535).astype(np.uint16), 0.0, STEP
    )
    live.arrays["effect.lid_color"] = Array(section, np.round(mixed[rows].T * 255).clip(0, 255).astype(np.uint8), 0.0, 1 / 255)
    return rows


def lid_rows(avatar: Avatar, name: str, rows: np.ndarray) -> np.ndarray | None:
    """(terms, L, 3): what a part of the latent space adds to the closed lid's colour of these Gaussians; None if that is not seen."""
    basis = avatar.space.part(name)
    lids = [effect for effect in avatar.effects if isinstance(effect, ClosedLid)]
    mixed_of = torch.zeros(len(avatar), dtype=torch.bool)
    for effect in lids:
        mixed_of[effect.skin] = True
    if not mixed_of[basis.gaussians].any() or not basis.color.any():
        return None
    out = np.zeros((basis.terms, len(avatar), 3), np.float32)
    for term, values in enumerate(basis.color):
        added = torch.zeros(len(avatar), 3).index_add(0, basis.gaussians, values * basis.weight[:, None])
        for effect in lids:
            out[term, effect.index.numpy()] = effect.mixed(added).numpy()
    return out[:, rows] if np.abs(out).max(initial=0) > VISIBLE else None


def _eye(effect: ClosedLid) -> dict:
    aperture = effect.aperture
    return {
        "closing": {f"{name}_{effect.side}": share for name, share in CLOSING.items()},
        "all_skin": ALL_SKIN,
        "ball_hidden": list(BALL_HIDDEN),
        "pole": aperture.pole,
        "ring": aperture.ring.tolist(),
        "share": float(np.cos(np.pi - CAP)),
        "edges": aperture.edges.tolist(),
        "rest": [round(x, 6) for x in aperture.rest.tolist()],
        "toward_inner": aperture.toward_inner,
        "still": STILL,
        "fade": FADE,
        "corner": CORNER,
    }


def _mouth(effect: MouthLight) -> dict:
    return {
        "lips": effect.lips.tolist(),
        "usual": float(effect.usual),
        "most": effect.most.tolist(),
        "lighter": effect.lighter.tolist(),
        "gap": float(effect.gap),
        "in_light": IN_LIGHT,
        "shade": SHADE,
        "shut": SHUT,
        "wide": WIDE,
        "lip_shade": LIP_SHADE,
        "lip_depth": LIP_DEPTH,
    }
