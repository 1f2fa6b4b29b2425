"""Where the photo may change, and that nothing else does."""

import cv2
import numpy as np
import pytest

from perse.attributes.catalogue import AXES
from perse.face.measures import eye_distance
from perse.synthesis.diffusion.compose import compose, match_colours, region_mask


@pytest.fixture(scope="module")
def mask_of(astronaut_portrait, studio):
    def mask(name):
        category, axis = AXES[name]
        return region_mask(category, axis, studio.workshop, astronaut_portrait)

    return mask


@pytest.mark.parametrize(
    ("axis", "inside", "outside"),
    [
        ("hair_red", [], [33, 1, 13, 152]),
        ("nose_width", [1, 4, 98, 327], [33, 263, 17, 152, 10]),
        ("lip_fullness", [13, 14, 61, 291], [168, 33, 10]),
        ("beard_full", [152, 200, 164], [168, 33, 13, 10]),
        ("eye_size", [159, 386], [1, 13, 152]),
        ("brow_height", [105, 334], [1, 13, 152]),
    ],
)
def test_a_region_lies_on_its_own_features(mask_of, astronaut_portrait, axis, inside, outside):
    mask = mask_of(axis)
    at = {i: mask[tuple(astronaut_portrait.landmarks[i, 1::-1].astype(int))] for i in inside + outside}
    assert all(at[i] > 0.9 for i in inside) and all(at[i] < 0.1 for i in outside), at
    assert mask.shape == astronaut_portrait.alpha.shape and mask.min() >= 0 and mask.max() <= 1


def test_hair_has_room_to_grow(mask_of, astronaut_portrait):
    mask, hair = mask_of("hair_volume"), astronaut_portrait.masks["hair"] > 0.5
    assert mask[hair].mean() > 0.97
    beyond = cv2.dilate(hair.astype(np.uint8), np.ones((21, 21))) > hair
    above = beyond & (np.arange(len(mask))[:, None] < astronaut_portrait.landmarks[10, 1])
    assert mask[above].mean() > 0.9


def test_outside_the_mask_not_a_pixel_changes(astronaut_portrait):
    image = astronaut_portrait.image
    mask = np.zeros(image.shape[:2], np.float32)
    mask[100:200, 150:300] = 1
    edited = np.random.default_rng(0).random(image.shape).astype(np.float32)
    picture, weight = compose(image, edited, mask, eye_distance(astronaut_portrait.landmarks[:, :2]))
    assert np.array_equal(picture[mask == 0], image[mask == 0]) and weight[mask == 0].max() == 0
    assert np.abs(picture - image)[140:160, 220:240].mean() > 0.1 and weight[150, 225] > 0.99
    # The edge is feathered: no step from one pixel to the next.
    assert np.abs(np.diff(weight, axis=0)).max() < 0.25


def test_a_tint_is_undone_and_an_edit_is_not(astronaut_portrait):
    image, landmarks = astronaut_portrait.image, astronaut_portrait.landmarks
    x, y = landmarks[1, :2].astype(int)
    mask, spot = (np.zeros(image.shape[:2], np.float32) for _ in range(2))
    mask[y - 60 : y + 60, x - 60 : x + 60] = 1
    spot[y - 15 : y + 15, x - 15 : x + 15] = 1
    edited = np.clip(image * 0.92 + np.float32([0.05, 0.0, -0.02]), 0, 1)
    edited[spot > 0] = [0.1, 0.2, 0.8]
    picture, weight = compose(image, edited, mask, eye_distance(landmarks[:, :2]))
    beside = (weight > 0.9) & (cv2.dilate(spot, np.ones((9, 9))) == 0)
    assert np.abs(picture - image)[beside].mean() < 0.4 * np.abs(edited - image)[beside].mean()
    assert np.abs(picture[spot > 0].mean(0) - [0.1, 0.2, 0.8]).max() < 0.12
    assert np.array_equal(match_colours(edited, image, np.zeros(mask.shape, bool)), edited), "nothing to match by"
