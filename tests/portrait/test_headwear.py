"""Hats and scarves are told from hair."""

import cv2
import numpy as np
import pytest

from perse.portrait.face_frame import FaceFrame
from perse.portrait.headwear import headwear
from perse.smooth_ramps import smooth_step


def told(portrait, foreground=None):
    foreground = portrait.foreground if foreground is None else foreground
    return headwear(foreground, portrait.masks["hair"], portrait.masks["skin"], portrait.landmarks)


def in_a_hat(portrait, colour, rim=-0.95):
    """The portrait with cloth (3,) in folds in the place of its hair above a line, and how much of each pixel is that."""
    frame = FaceFrame(portrait.landmarks, len(portrait.image))
    hat = portrait.masks["hair"] * smooth_step(frame.v, rim + 0.01, rim)
    folds = 1 + 0.12 * np.sin(9 * frame.u + 4 * frame.v)
    cloth = np.asarray(colour, np.float32) * folds[..., None]
    return (portrait.foreground * (1 - hat[..., None]) + cloth * hat[..., None]).astype(np.float32), hat


def test_hair_is_no_hat(astronaut_portrait):
    assert told(astronaut_portrait).max() == 0


@pytest.mark.parametrize("change", ["darker", "softer", "grey", "noisy"])
def test_hair_is_none_in_another_photo_either(astronaut_portrait, change):
    picture = astronaut_portrait.foreground
    noise = np.random.default_rng(0).normal(0, 0.02, picture.shape)
    other = {
        "darker": 0.4 * picture,
        "softer": cv2.GaussianBlur(picture, (0, 0), 2.5),
        "grey": np.repeat(picture.mean(-1, keepdims=True), 3, -1),
        "noisy": np.clip(picture + noise, 0, 1),
    }[change]
    assert told(astronaut_portrait, np.ascontiguousarray(other, np.float32)).max() == 0


@pytest.mark.parametrize("colour", [(0.1, 0.2, 0.6), (0.85, 0.8, 0.7), (0.03, 0.03, 0.04)])
def test_a_hat_is_worn(astronaut_portrait, colour):
    picture, hat = in_a_hat(astronaut_portrait, colour)
    worn = told(astronaut_portrait, picture)
    assert worn[hat > 0.9].mean() > 0.9
    assert worn[(astronaut_portrait.masks["hair"] > 0.9) & (hat < 0.05)].mean() < 0.15


def test_a_cap_of_a_photo_is_worn_with_its_badge(hopper_portrait):
    worn, hair = hopper_portrait.masks["worn"], hopper_portrait.masks["hair"]
    assert (worn <= hair + 1e-6).all() and worn.sum() > 0.75 * hair.sum()
    frame = FaceFrame(hopper_portrait.landmarks, len(hair))
    crown = (hair > 0.9) & (frame.v < -1.3) & (np.abs(frame.u) < 0.3)
    assert worn[crown].mean() > 0.95
