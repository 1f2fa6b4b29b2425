"""The person divides into hair, skin, neck and clothes where they are."""

import cv2
import numpy as np
import pytest

from perse.face.landmarks import CHEEKBONES, CHIN, FOREHEAD_TOP, LOWER_LIP, NOSE_FRONT, NOSE_TIP, UPPER_LIP
from perse.face.measures import face_height
from perse.portrait import load_portrait
from perse.portrait.masks import region_masks

PARTS = ("hair", "skin", "neck", "clothes", "brows", "eyes", "lips", "mouth")
FAST = 256  # crop size of tests that look at geometry only


@pytest.mark.parametrize("name", ["astronaut_portrait", "hopper_portrait"])
def test_masks_divide_the_person(name, request):
    portrait = request.getfixturevalue(name)
    np.testing.assert_allclose(sum(portrait.masks[part] for part in PARTS), portrait.alpha, atol=1e-5)


def test_masks_cover_what_they_name(astronaut_portrait):
    portrait, size = astronaut_portrait, len(astronaut_portrait.image)
    share = {name: mask.mean() / portrait.alpha.mean() for name, mask in portrait.masks.items()}
    assert 0.15 < share["hair"] < 0.35
    assert 0.1 < share["skin"] < 0.25
    assert 0.005 < share["neck"] < 0.05
    assert 0.4 < share["clothes"] < 0.7
    assert share["glasses"] == 0

    def at(name, x, y):
        return portrait.masks[name][int(y), int(x)]

    points = portrait.landmarks
    height = points[CHIN, 1] - points[FOREHEAD_TOP, 1]
    assert at("hair", points[FOREHEAD_TOP, 0], points[FOREHEAD_TOP, 1] - 0.3 * height) > 0.9
    assert at("hair", points[FOREHEAD_TOP, 0], points[FOREHEAD_TOP, 1] + 0.05 * height) > 0.6  # the fringe
    assert at("skin", *points[NOSE_FRONT, :2]) > 0.9
    assert at("skin", *points[CHEEKBONES[0], :2]) > 0.9
    assert at("mouth", *(points[UPPER_LIP, :2] + points[LOWER_LIP, :2]) / 2) > 0.7
    assert at("iris", *points[468, :2]) > 0.9
    rows = np.flatnonzero((portrait.masks["neck"] > 0.5).any(1))
    assert points[UPPER_LIP, 1] < rows[0] and rows[-1] < points[CHIN, 1] + 0.3 * height
    assert at("clothes", points[CHIN, 0], points[CHIN, 1] + 0.45 * height) > 0.9  # the black collar is no hair
    assert portrait.alpha[: size // 8, : size // 8].max() < 0.05


def test_cap_counts_as_hair_and_white_collar_as_clothes(hopper_portrait):
    points, masks = hopper_portrait.landmarks, hopper_portrait.masks
    height = points[CHIN, 1] - points[FOREHEAD_TOP, 1]
    x, y = points[FOREHEAD_TOP, 0], points[FOREHEAD_TOP, 1] - 0.25 * height
    assert masks["hair"][int(y), int(x)] > 0.9
    assert masks["clothes"][-20:].sum() > 0.95 * hopper_portrait.alpha[-20:].sum()
    assert masks["glasses"].max() > 0.5
    assert masks["hair"][int(points[NOSE_FRONT, 1]) :].sum() < 0.1 * masks["hair"].sum()


@pytest.mark.slow
def test_a_bald_head_has_no_hair(astronaut_portrait):
    """Her hair painted over with the colour of her cheek."""
    portrait = astronaut_portrait
    x, y = portrait.landmarks[CHEEKBONES[0], :2].astype(int)
    skin = portrait.image[y - 4 : y + 4, x - 4 : x + 4].mean((0, 1))
    noise = np.random.default_rng(0).normal(0, 0.015, portrait.image.shape)
    hair = np.clip(portrait.masks["hair"] * 1.3, 0, 1)[..., None]
    bald = load_portrait(np.clip(portrait.image * (1 - hair) + (skin + noise) * hair, 0, 1))
    assert bald.masks["hair"].sum() < 0.15 * portrait.masks["hair"].sum() * (len(bald.image) / len(portrait.image)) ** 2


def test_long_hair_below_the_chin_is_hair(astronaut_portrait):
    """Her own hair's colours carried on past the chin on both sides."""
    points, size = astronaut_portrait.landmarks, len(astronaut_portrait.image)
    height = face_height(points[:, :2])
    rows, columns = np.mgrid[:size, :size]
    aside = np.abs(columns - points[CHIN, 0]) / height
    locks = (aside > 0.46) & (aside < 0.85) & (rows > points[NOSE_TIP, 1] - 0.5 * height)
    hair = astronaut_portrait.foreground[astronaut_portrait.masks["hair"] > 0.9]
    colours = hair[np.random.default_rng(0).integers(0, len(hair), (size, size))]
    picture = np.where(locks[..., None], colours, astronaut_portrait.foreground).astype(np.float32)
    masks = region_masks(picture, np.maximum(astronaut_portrait.alpha, locks).astype(np.float32), points)
    below = locks & (rows > points[CHIN, 1] + 0.1 * height) & (aside > 0.52) & (aside < 0.8)
    assert below.sum() > 500 and masks["hair"][below].mean() > 0.7
    # Her own collar stays cloth.
    assert astronaut_portrait.masks["hair"][below].mean() < 0.1


def test_a_neck_in_shadow_is_skin(hopper_portrait):
    """Half the light below the chin: still her neck, and her uniform still cloth."""
    neck, clothes = hopper_portrait.masks["neck"] > 0.8, hopper_portrait.masks["clothes"] > 0.9
    dark = cv2.GaussianBlur(neck.astype(np.float32), (0, 0), 2)[..., None]
    picture = (hopper_portrait.foreground * (1 - 0.5 * dark)).astype(np.float32)
    masks = region_masks(picture, hopper_portrait.alpha, hopper_portrait.landmarks)
    assert neck.sum() > 1000
    assert masks["neck"][neck].mean() > 0.7 and masks["clothes"][clothes].mean() > 0.9
