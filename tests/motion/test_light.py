"""A driver's light, on the skin and between the lips."""

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from perse.controls import BANDS, MARKS, Controls
from perse.face.landmarks import FACE, MOUTH_OUTLINE
from perse.motion.driving.drive import follow
from perse.portrait import track_landmarks
from perse.render.video import VideoWriter
from perse.tracking.mouth_gap import between_lips
from perse.tracking.skin_flow import Skin
from perse.tracking.track import track

CHEEK, FAR = 280, [50, 151, 152]  # the subject's left one; the other cheek, forehead, chin


@pytest.fixture(scope="module")
def first():
    frame = np.asarray(skimage.data.astronaut())
    return frame, track_landmarks(frame).astype(np.float64)


def shaded(frame, landmarks, factor) -> np.ndarray:
    """A soft shade on the left cheek; factor (3,)."""
    eye = np.linalg.norm(landmarks[33, :2] - landmarks[263, :2])
    y, x = np.mgrid[:frame.shape[0], :frame.shape[1]] + 0.5
    near = np.exp(-((x - landmarks[CHEEK, 0]) ** 2 + (y - landmarks[CHEEK, 1]) ** 2) / (0.25 * eye) ** 2)[..., None]
    return np.clip(frame * (1 - near * (1 - np.asarray(factor))) + 0.5, 0, 255).astype(np.uint8)


def light_on(first, frame) -> np.ndarray:
    return Skin(*first).compare(frame, first[1])[1]


def test_the_first_frame_has_its_own_light(first):
    assert np.abs(light_on(first, first[0])).max() < 1e-6


@pytest.mark.parametrize("factor", [(0.7, 0.7, 0.7), (0.9, 0.7, 0.7), (1.15, 1.15, 1.15)])
def test_a_shade_is_found_where_it_lies_and_in_its_colour(first, factor):
    light = light_on(first, shaded(*first, factor))
    np.testing.assert_allclose(light[CHEEK], np.log(factor), atol=0.10)
    assert np.abs(light[FAR]).max() < 0.04


def test_what_is_no_skin_any_more_says_little(first):
    noise = np.random.default_rng(0).integers(0, 255, first[0].shape, dtype=np.uint8)
    assert np.abs(light_on(first, noise)).mean() < 0.1


def test_the_driven_face_takes_the_shade(first, avatar, tmp_path):
    path = tmp_path / "shade.mp4"
    with VideoWriter(path, 512, 512, 20.0) as writer:
        for factor in [1.0] * 4 + [0.65] * 8:
            writer.write(shaded(*first, (factor,) * 3))
    controls = follow(avatar, track(path))
    assert controls[0].light == () and len(controls[-1].light) == MARKS
    assert np.reshape(controls[-1].light, (-1, 3))[CHEEK].mean() < -0.2
    points = avatar.poser.rest[[CHEEK, FAR[0]]]
    with torch.no_grad():
        plain, lit = (avatar(c) for c in (Controls(), Controls(light=controls[-1].light)))
    near, other = ((plain.means - p).norm(dim=1) < 0.05 for p in points)
    plain, lit = plain.colors, lit.colors
    assert (lit[near] / plain[near].clamp_min(0.05)).mean() < 0.85
    assert abs((lit[other] / plain[other].clamp_min(0.05)).mean() - 1) < 0.06


def test_several_moments_are_lit_like_one(avatar):
    rng = np.random.default_rng(0)
    moments = [Controls(light=tuple(rng.uniform(-0.3, 0.3, MARKS)), mouth_light=tuple(rng.uniform(-1, 0.3, BANDS)),
                        expression={"jaw_open": 0.5}),
               Controls(detail=tuple(rng.uniform(-0.01, 0.01, MARKS)))]
    together = avatar.clouds(moments).colors
    for one, row in zip(moments, together):
        with torch.no_grad():
            alone = avatar(one).colors
        torch.testing.assert_close(row, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("inside", [(10, 8, 8), (200, 190, 170)])
def test_what_shows_between_the_lips_is_measured_against_the_skin(inside):
    frame = np.full((400, 400, 3), 150, np.uint8)
    landmarks = np.zeros((FACE, 3))
    landmarks[:, :2] = 200
    landmarks[[33, 263], :2] = [[100, 120], [300, 120]]
    landmarks[[50, 205, 280, 425], :2] = [[110, 200], [120, 220], [290, 200], [280, 220]]
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    # Around the mouth from its right corner, below first.
    landmarks[MOUTH_OUTLINE, :2] = np.stack([200 - 50 * np.cos(angle), 300 + 25 * np.sin(angle)], 1)
    cv2.fillPoly(frame, [np.round(landmarks[MOUTH_OUTLINE, :2]).astype(np.int32)], inside)
    light, trust = between_lips(frame, landmarks)
    assert trust == 1
    grey = np.array(inside) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(light, np.full(BANDS, np.log((grey / 255 + 0.03) / (150 / 255 + 0.03))), atol=0.03)
    landmarks[MOUTH_OUTLINE, 1] = 300
    assert between_lips(frame, landmarks)[1] == 0
