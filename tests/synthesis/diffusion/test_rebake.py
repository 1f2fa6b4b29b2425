"""Accepted pictures become edits of the rig and of the texture."""

import cv2
import numpy as np
import pytest

from perse.attributes.catalogue import AXES, BY_NAME, CATEGORIES
from perse.attributes.own_words import describe, extend
from perse.face.landmarks import FACE
from perse.rig.skeleton import PART
from perse.synthesis.diffusion.compose import region_mask
from perse.synthesis.diffusion.filters import Inspector
from perse.synthesis.diffusion.rebake import to_lesson
from perse.texture.atlas import chart_slice

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def teach(astronaut_portrait, studio):
    """teach(category, axis, raw): the lesson of a picture, which must be accepted."""
    inspector = Inspector(astronaut_portrait)

    def lesson(category, axis, raw, sign=1):
        mask = region_mask(category, axis, studio.workshop, astronaut_portrait)
        verdict = inspector.edit(raw, mask, shape=True)
        assert verdict.ok, (verdict.reason, verdict.measures)
        return to_lesson(category, axis, sign, verdict, astronaut_portrait, studio.workshop), verdict

    return lesson


def red(color):
    return color[..., 0] - color[..., 1:].mean(-1)


def test_red_hair_is_red_all_around_the_head_and_nowhere_else(teach, paint, studio, astronaut_portrait):
    lesson, _ = teach(*AXES["hair_red"], paint("hair")(astronaut_portrait.image, None, 0))
    texture = studio.texture
    change = red(lesson.edit.color) - red(texture.color)
    shell = chart_slice("shell")
    hair = texture.regions["hair"][shell] > 0.8
    assert change[shell][hair].mean() > 0.15
    height = hair.shape[0]
    behind = np.zeros_like(hair)
    behind[int(0.7 * height) :] = True
    assert change[shell][hair & behind].mean() > 0.15, "the back of the head, which no picture shows"
    face = chart_slice("face")
    assert np.abs(change[face][(texture.regions["skin"][face] > 0.9) & (texture.regions["hair"][face] < 0.05)]).mean() < 0.01


def test_fuller_hair_gives_the_skull_a_wider_outline(teach, studio, astronaut_portrait):
    image, masks = astronaut_portrait.image, astronaut_portrait.masks
    hair = (masks["hair"] > 0.5).astype(np.uint8)
    wide = cv2.dilate(hair, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (35, 35)))
    wide[int(astronaut_portrait.landmarks[10, 1]) :] = 0
    grown = cv2.inpaint((image * 255).astype(np.uint8), ((wide > hair) * 255).astype(np.uint8), 3, cv2.INPAINT_NS).astype(np.float32) / 255
    strands = np.random.default_rng(0).normal(0, 0.05, image.shape[:2])[..., None]
    colour = image[masks["hair"] > 0.9].mean(0)
    raw = np.where((wide > hair)[..., None], np.clip(0.3 * grown + 0.7 * colour + strands, 0, 1), image).astype(np.float32)
    lesson, _ = teach(*AXES["hair_volume"], raw)
    shape, part = lesson.edit.shape, studio.rig.vertex_part
    assert np.abs(shape[part != PART["shell"]]).max() == 0
    up = shape[part == PART["shell"]][:, 1]
    assert up.min() < -0.08, "the crown rises (y is down)"
    assert np.abs(shape).max() < 0.7


def test_lipstick_stays_on_the_lips(teach, paint, studio, astronaut_portrait):
    axis = next(a for c, a in AXES.values() if "lipstick" in a.prompt and "red" in a.name)
    category = AXES[axis.name][0]
    lesson, _ = teach(category, axis, paint("lips", (0.8, 0.02, 0.1))(astronaut_portrait.image, None, 0))
    change = red(lesson.edit.color) - red(studio.texture.color)
    lips = studio.texture.regions["lips"] > 0.9
    assert change[lips].mean() > 0.12 and np.abs(change[studio.workshop.owned(axis) == 0]).max() == 0
    assert lesson.edit.shape is None and lesson.edit.overlay is None


def test_a_moved_mouth_moves_the_mesh_and_leaves_the_rest(teach, studio, rig, astronaut_portrait):
    from perse.synthesis.rerender import render_frame

    category, axis = AXES["mouth_height"]
    own = studio.workshop.edit(axis, 1)
    moved, plain = (
        image + (1 - alpha[..., None]) * astronaut_portrait.background
        for image, alpha in (
            render_frame(rig, vertices.astype(np.float32), studio.texture.rgba(), rig.camera)
            for vertices in (rig.vertices + own.shape, rig.vertices)
        )
    )
    raw = np.clip(astronaut_portrait.image + moved - plain, 0, 1).astype(np.float32)
    lesson, _ = teach(category, axis, raw)
    lips = [13, 14, 61, 291, 0, 17]
    assert lesson.edit.change(studio.texture) is None, "a change of form is no change of colour"
    got, meant = lesson.edit.shape[lips][:, 1].mean(), own.shape[lips][:, 1].mean()
    assert 0.5 < got / meant < 1.5
    assert np.abs(lesson.edit.shape[[33, 263, 10]]).max() < 0.01
    assert np.abs(lesson.edit.shape[:FACE]).max() < 0.3


def test_a_painted_beard_becomes_strands_of_its_colour(teach, studio, astronaut_portrait):
    category, axis = AXES["beard_full"]
    mask = region_mask(category, axis, studio.workshop, astronaut_portrait)
    weight = 0.85 * cv2.GaussianBlur(mask, (0, 0), 4)[..., None]
    ginger = np.float32([0.55, 0.26, 0.10])
    noise = 1 + 0.3 * np.random.default_rng(0).standard_normal(mask.shape)[..., None]
    raw = np.clip(astronaut_portrait.image * (1 - weight) + weight * ginger * noise, 0, 1).astype(np.float32)
    lesson, _ = teach(category, axis, raw)
    own = studio.workshop.edit(axis, 1)
    strands = lesson.edit.overlay
    assert 0.3 * len(own.overlay.color) < len(strands.color) <= len(own.overlay.color)
    assert strands.triangles.max() < len(strands.color) and strands.segments.max() < len(strands.color)
    mean = strands.color.mean(0)
    assert mean[0] > mean[1] + 0.1 > mean[2] + 0.12
    # A moustache alone leaves the chin bare.
    lower = np.arange(len(mask))[:, None] > astronaut_portrait.landmarks[13, 1]
    moustache = np.where(lower[..., None], astronaut_portrait.image, raw)
    kept = teach(category, axis, moustache)[0].edit.overlay
    assert kept is None or len(kept.color) < 0.5 * len(strands.color)


def test_words_of_any_category_are_unrolled(teach, paint, astronaut_portrait):
    extended = extend(CATEGORIES, describe(["violet eyes", "hair: like fire"], CATEGORIES))
    for name, region in (("eyes", "iris"), ("hair", "hair")):
        category = next(c for c in extended if c.name == name)
        assert len(category.axes) == len(BY_NAME[name].axes) + 1
        lesson, _ = teach(category, category.axes[-1], paint(region, (0.45, 0.15, 0.75))(astronaut_portrait.image, None, 0))
        assert lesson.edit.color is not None and lesson.portrait.image.shape == astronaut_portrait.image.shape
