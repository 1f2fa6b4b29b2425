"""What a portrait does not allow, and the beard that can be taken off."""

import copy

import cv2
import numpy as np
import pytest

from perse.attributes.catalogue import AXES, BY_NAME, CATEGORIES
from perse.attributes.edit_vocabulary import Category
from perse.edits.limits import find_limits
from perse.edits.workshop import Workshop
from perse.texture.atlas import chart_slice

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workshop(rig, texture):
    return Workshop.shared(rig, texture, 0)


def altered(rig, texture, **changes) -> Workshop:
    """A workshop of the astronaut's texture with some of its parts replaced."""
    other = copy.copy(texture)
    other.workshops = {}
    for name, value in changes.items():
        setattr(other, name, value)
    return Workshop(rig, other, 0)


@pytest.fixture(scope="module")
def bearded(rig, texture, workshop):
    """The astronaut with dark hair painted on her upper lip and chin."""
    weight = np.maximum(workshop.region("moustache"), workshop.region("goatee"))[..., None]
    return altered(rig, texture, color=texture.color * (1 - 0.85 * weight))


def test_a_bare_face_allows_all_but_shaving(workshop):
    limits = find_limits(workshop, list(CATEGORIES))
    assert "no beard" in limits["beard_shaven"]
    assert not {s for c in CATEGORIES for s in c.styles if c.name == "hair" and {n for n, _ in s.at} & set(limits)}
    assert not {"beard_full", "glasses_round", "hair_blond", "hair_short", "nose_width", "lip_red", "skin_tan", "clothes_red"} & set(limits)
    assert workshop.region("own_beard").max() == 0


def test_a_beard_of_the_photo_can_be_taken_off(bearded, workshop, texture):
    assert "beard_shaven" not in find_limits(bearded, [BY_NAME["beard"]])
    own = bearded.region("own_beard") > 0.5
    weight = np.maximum(workshop.region("moustache"), workshop.region("goatee"))[chart_slice("face")]
    own, painted = own[chart_slice("face")], weight > 0.8
    assert own[painted].mean() > 0.9 and (weight[own] > 0.2).mean() > 0.7
    shaven = bearded.edit(AXES["beard_shaven"][1], 1).color

    def light(color):
        return float(np.median(cv2.cvtColor(color[chart_slice("face")], cv2.COLOR_RGB2Lab)[..., 0][painted]))

    before, after, bare = light(bearded.texture.color), light(shaven), light(texture.color)
    assert before < bare - 30 and abs(after - bare) < 12


def test_what_the_photo_does_not_show_cannot_be_changed(rig, texture):
    regions = {k: np.zeros_like(v) if k in ("hair", "clothes") else v for k, v in texture.regions.items()}
    limits = find_limits(altered(rig, texture, regions=regions), list(CATEGORIES))
    assert limits["clothes_red"] == "The photo shows no clothes." and limits["hair_lightness"] == "The photo shows no hair."
    assert limits["hair_bald"] == limits["hair_receding"] == limits["hair_undercut"] == "The photo shows no hair."
    assert not {"hair_ends", "hair_ears", "hair_forehead", "hair_tail"} & set(limits)  # a ponytail is tied of whatever there is


def test_what_is_there_already_would_change_nothing(rig, texture, workshop):
    black = workshop.region("clothes")[..., None]
    limits = find_limits(altered(rig, texture, color=texture.color * (1 - black) + 0.1 * black), [BY_NAME["clothes"]])
    assert set(limits) == {"clothes_dark"} and "already" in limits["clothes_dark"]


def test_glasses_of_the_photo_stay(rig, texture, workshop):
    worn = altered(rig, texture, regions=texture.regions | {"glasses": workshop.region("eye_area")})
    limits = find_limits(worn, [BY_NAME["glasses"], BY_NAME["nose"]])
    assert set(limits) == {a.name for a in BY_NAME["glasses"].axes}
    assert all("second pair" in reason and reason.endswith(".") for reason in limits.values())


def test_a_hat_of_the_photo_is_no_hair(rig, texture):
    high = (texture.points[..., 1] < -0.4).astype(np.float32)
    hair = texture.regions["hair"]
    hatted = altered(rig, texture, regions=texture.regions | {"hair": hair * (1 - high), "worn": hair * high})
    worn = hatted.texture.regions["worn"] > 0.95
    for region in ("dyed_hair", "bald_area", "hanging", "pinned"):
        assert hatted.region(region)[worn].mean() < 0.03, region
    assert hatted.region("under_hat")[worn & (texture.points[..., 1] < -0.9)].mean() > 0.8  # another hat goes over it
    few = Category("hair", "Hair", tuple(a for a in BY_NAME["hair"].axes if a.name in ("hair_long", "hair_ends", "hair_fringe")), ())
    limits = find_limits(hatted, [few])
    assert set(limits) == {"hair_long", "hair_fringe"} and all("hat" in reason for reason in limits.values())
