"""A portrait with an open mouth or closed eyes, neutralised."""

import cv2
import numpy as np
import pytest
import torch

from perse.controls import Controls
from perse.face.landmarks import CHIN, EYE, EYE_CORNERS, FACE, FOREHEAD_TOP, LIPS, NOSE_FRONT
from perse.face.measures import lid_opening, mouth_opening
from perse.fitting.initial_avatar import begin
from perse.portrait import load_portrait, track_landmarks
from perse.render.rasterize import rasterize
from perse.rig.build import build_rig
from perse.rig.expressions import NAMES, expand
from perse.rig.skeleton import PART
from perse.synthesis.rerender import render_frame
from perse.texture.atlas import chart_slice
from perse.texture.bake import bake

pytestmark = pytest.mark.slow

NONE = np.zeros(len(NAMES), np.float32)


@pytest.fixture(scope="module")
def grimace(astronaut_portrait):
    """The astronaut's picture re-rendered with a wide open mouth and closed eyes, as a portrait of its own."""
    rig = build_rig(astronaut_portrait)
    vertices = rig.poser()(torch.from_numpy(expand({"jaw_open": 0.9, "blink": 1.0}))).numpy()
    image, alpha = render_frame(rig, vertices, bake(astronaut_portrait, rig).rgba(), rig.camera)
    picture = image + (1 - alpha[..., None]) * 0.6
    return load_portrait((np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7), 0, 1) * 255).astype(np.uint8))


@pytest.fixture(scope="module")
def grimace_rig(grimace):
    return build_rig(grimace)


def relaxed(rig, weights=NONE) -> np.ndarray:
    """Vertices of the neutralised rig."""
    poser = rig.poser()
    detail = torch.from_numpy(rig.neutral.detail(weights).astype(np.float32))
    return poser(torch.from_numpy(weights), shape=poser.spread(detail)).numpy()


def gap(vertices) -> float:
    return mouth_opening(vertices)


def test_an_open_mouth_closes(grimace_rig):
    assert gap(grimace_rig.vertices) > 0.25
    closed = relaxed(grimace_rig)
    assert gap(closed) < 0.03
    between = closed[LIPS["lower_inner"][1:-1], 1] - closed[LIPS["upper_inner"][1:-1], 1]
    assert between.max() < 0.03 and between.min() > -0.02  # all along, and not crossed
    assert closed[CHIN, 1] < grimace_rig.vertices[CHIN, 1] - 0.05  # by the jaw, which takes the chin along
    np.testing.assert_allclose(
        closed[[FOREHEAD_TOP, NOSE_FRONT, *EYE_CORNERS]], grimace_rig.vertices[[FOREHEAD_TOP, NOSE_FRONT, *EYE_CORNERS]], atol=2e-3
    )


def test_lower_teeth_stay_behind_the_lip(grimace_rig):
    closed = relaxed(grimace_rig)
    teeth = closed[grimace_rig.vertex_part == PART["lower_teeth"]]
    middle = teeth[np.abs(teeth[:, 0] - closed[14, 0]) < 0.05]
    assert middle[:, 2].min() > closed[14, 2]


@pytest.mark.parametrize("side", ["left", "right"])
def test_closed_eyes_open_and_blink_again(grimace_rig, side):
    assert lid_opening(grimace_rig.vertices, side) < 0.12
    assert lid_opening(relaxed(grimace_rig), side) > 0.14
    blinked = relaxed(grimace_rig, expand({"blink": 1.0}))
    assert lid_opening(blinked, side) < 0.1
    index = 0 if side == "right" else 1
    ball = grimace_rig.vertices[grimace_rig.vertex_part == PART[f"eye_{side}"]]
    radius = np.linalg.norm(ball - grimace_rig.eye_centres[index], axis=1).max()
    lids = relaxed(grimace_rig)[EYE[side]["upper"] + EYE[side]["lower"]]
    assert np.linalg.norm(lids - grimace_rig.eye_centres[index], axis=1).min() > radius


def test_an_eye_that_nobody_saw_has_iris_pupil_and_white(grimace, grimace_rig):
    eye = bake(grimace, grimace_rig).color[chart_slice("eye_left")].mean(-1)
    middle = eye[len(eye) // 2]
    assert middle[len(middle) // 2] < 0.25 * middle.max()


@pytest.mark.parametrize("name", ["rig", "hopper_rig"])
def test_calm_portraits_and_toothy_smiles_stay_as_they_are(name, request):
    calm = request.getfixturevalue(name)
    assert calm.neutral.detail(NONE) is None and not calm.neutral.does_something
    assert not calm.neutral.mouth.any() and calm.neutral.mouth.shape == (FACE, 3)


def test_the_control_closes_the_mouth_in_the_picture(grimace, grimace_rig):
    avatar = begin(grimace, grimace_rig, bake(grimace, grimace_rig), [], 12000).avatar
    avatar.requires_grad_(False)
    seen = {}
    for amount in (0.0, 0.5, 1.0):
        with torch.no_grad():
            cloud = avatar(Controls(neutralise=amount))
            picture = rasterize(cloud, avatar.camera(Controls(), 384, 384), backgrounds=torch.full((3,), 0.6))[0][0]
        found = track_landmarks(picture.numpy())
        seen[amount] = gap(found[:, :2]), max(lid_opening(found[:, :2], side) for side in EYE)
    assert seen[1.0][0] < 0.12 and seen[1.0][0] < seen[0.5][0] < seen[0.0][0]
    assert seen[1.0][1] > seen[0.0][1] + 0.035
