"""Dye: the hair's share of a texel alone, the new colour's tones, the hair's own depth."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perse.attributes.catalogue import AXES, BY_NAME
from perse.attributes.edit_vocabulary import Dye
from perse.edits.dye import dye, own_hair
from perse.edits.hairline import hair_matte
from perse.edits.workshop import Workshop
from perse.texture.atlas import chart_slice
from perse.texture.cie_lab import to_lab

DYES = [axis for axis in BY_NAME["hair_colour"].axes if axis.low == 0]
HAIR, SKIN = np.array([0.12, 0.09, 0.07], np.float32), np.array([0.80, 0.62, 0.52], np.float32)


def coloured(texture, color, **regions):
    """The same head in other colours."""
    return replace(texture, color=np.clip(color, 0, 1).astype(np.float32), regions=texture.regions | regions, workshops={})


@pytest.fixture(scope="module")
def mixed(texture):
    """A head of one hair colour and one skin colour, which mix at the hairline by known shares."""
    hard = (texture.regions["hair"] > 0.5).astype(np.float32)
    share = np.zeros_like(hard)
    for part in ("face", "shell"):
        block = chart_slice(part)
        share[block] = cv2.GaussianBlur(hard[block], (0, 0), 2.5, borderType=cv2.BORDER_REPLICATE)
    color = share[..., None] * HAIR + (1 - share[..., None]) * SKIN
    seen = np.ones_like(texture.seen)
    return replace(coloured(texture, color, hair=hard, skin=1 - hard), seen=seen), share


@pytest.fixture(scope="module")
def workshop_of_mixed(mixed, rig):
    return Workshop(rig, mixed[0])


@pytest.fixture(scope="module", params=["as it is", "black and white", "dark", "light"])
def photographed(request, texture, rig):
    """The head in a photo of another kind: what dyes need of it is found once."""
    color = texture.color * {"dark": 0.22, "light": 0.4}.get(request.param, 1.0) + (0.55 if request.param == "light" else 0)
    if request.param == "black and white":
        color = np.repeat(color.mean(-1, keepdims=True), 3, -1)
    return Workshop(rig, coloured(texture, color))


def test_the_matte_finds_the_share_of_hair_though_the_mask_is_off(mixed):
    texture, share = mixed
    block = chart_slice("face")
    for shift in (-4, 0, 4):
        mask = np.roll(texture.regions["hair"], shift, 0)
        off = hair_matte(cv2.GaussianBlur(mask, (0, 0), 1.5), texture).share[block] - share[block]
        covered = texture.faces[block] >= 0
        at_edge = covered & (share[block] > 0.1) & (share[block] < 0.9)
        assert at_edge.sum() > 500 and np.abs(off[at_edge]).mean() < 0.06, shift


def test_where_colours_tell_nothing_the_mask_is_believed(texture):
    plain = coloured(texture, np.full_like(texture.color, 0.5))
    mask = np.clip(texture.regions["hair"], 0, 1)
    assert np.abs(hair_matte(mask, plain).share - mask)[chart_slice("face")].mean() < 0.02


@pytest.mark.parametrize("axis", DYES, ids=lambda a: a.name)
def test_there_is_no_line_between_dyed_hair_and_skin(mixed, workshop_of_mixed, axis):
    """What is part hair and part skin lies between both, at any amount."""
    texture, share = mixed
    box, change = workshop_of_mixed.edit(axis, 1).change(texture)
    dyed = np.zeros_like(texture.color)
    dyed[box] = change
    block = chart_slice("face")
    covered, share = texture.faces[block] >= 0, share[block]
    bare, edge = covered & (share < 0.02), covered & (share > 0.05) & (share < 0.95)
    assert np.abs(dyed[block][bare]).max() < 0.1 and np.abs(dyed[block][bare]).mean() < 0.002
    hair = (texture.color + dyed)[block][covered & (share > 0.98)]
    for amount in (0.5, 1.0):
        light = to_lab(texture.color[block] + amount * dyed[block])[..., 0]
        ends = (to_lab(HAIR)[0], to_lab(SKIN)[0], *np.quantile(to_lab(hair)[:, 0], (0.02, 0.98)))
        assert light[edge].max() < max(ends) + 4 and light[edge].min() > min(ends) - 4


@pytest.mark.parametrize("axis", DYES, ids=lambda a: a.name)
def test_hair_takes_the_colour_and_keeps_its_depth(photographed, axis):
    workshop, texture = photographed, photographed.texture
    hair = own_hair(workshop.regions)
    box, change = workshop.edit(axis, 1).change(texture)
    assert box == hair.box
    sure = (hair.share > 0.95) & (texture.seen[box][hair.active] > 0.5)
    after = to_lab((texture.color[box] + change)[hair.active][sure])
    step = next(edit for edit in axis.edits if isinstance(edit, Dye))
    middle = np.median(after, axis=0)
    assert np.abs(middle - step.to).max() < 12 and np.abs(middle[0] - step.to[0]) < 9, middle
    # Lighter strands stay lighter, shade stays shade, and neither is flat.
    before = hair.coarse[sure]
    ranks = [np.argsort(np.argsort(x)) for x in (before, after[:, 0])]
    assert np.corrcoef(ranks)[0, 1] > 0.75
    assert 0.35 * (step.deep + step.light) < np.subtract(*np.quantile(after[:, 0], (0.95, 0.05))) < 1.7 * (step.deep + step.light)


def test_roots_are_lifted_less_than_lengths(texture, rig):
    dark = coloured(texture, texture.color * 0.2)
    workshop = Workshop(rig, dark)
    hair = own_hair(workshop.regions)
    step = next(edit for edit in AXES["hair_blond"][1].edits if isinstance(edit, Dye))
    light = [to_lab(dark.color[hair.box] + dye(workshop.regions, s, 1)[1])[hair.active][:, 0] for s in (step, replace(step, roots=0))]
    behind, whole = light[1] - light[0], hair.share > 0.95
    roots, lengths = whole & (hair.roots > 0.6), whole & (hair.roots < 0.02)
    assert roots.sum() > 300 and behind[roots].mean() > 4 and behind[lengths].mean() < 0.5
    assert light[0][roots].mean() > hair.lab[roots, 0].mean() + 15, "lifted they are"


def test_without_hair_there_is_nothing_to_dye(texture, rig):
    bald = coloured(texture, texture.color, hair=np.zeros_like(texture.regions["hair"]))
    workshop = Workshop(rig, bald)
    assert workshop.edit(AXES["hair_red"][1], 1).change(bald) is None
    # What a cut brings is dyed all the same.
    strands = workshop.edit(AXES["hair_long"][1], 1).overlay
    change = workshop.edit(AXES["hair_red"][1], 1).tints[strands.kind](strands.color)
    red = to_lab(np.clip(strands.color + change, 0, 1)).mean(0)
    assert red[1] > 12 and red[2] > 12
