"""Edits that are known: each is accepted, or refused for the right reason."""

import cv2
import numpy as np
import pytest

from perse.attributes.catalogue import AXES
from perse.rig.skeleton import HEAD_CENTRE
from perse.synthesis.diffusion.agreement import check_asked
from perse.synthesis.diffusion.compose import region_mask
from perse.synthesis.diffusion.filters import Inspector, find_landmarks
from perse.synthesis.diffusion.prompts import LOOKS
from perse.synthesis.rerender import render_frame


@pytest.fixture(scope="module")
def inspector(astronaut_portrait):
    return Inspector(astronaut_portrait)


@pytest.fixture(scope="module")
def mask_of(astronaut_portrait, studio):
    return lambda name: region_mask(*AXES[name], studio.workshop, astronaut_portrait)


def shifted(image, pixels):
    return np.roll(image, pixels, 1)


def widened(image, landmarks, by):
    """The face made broader: another person's."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    centre = landmarks[1]
    away = np.exp(-(((x - centre[0]) / 130) ** 4 + ((y - centre[1]) / 150) ** 4))
    return cv2.remap(image, x - (x - centre[0]) * (1 - 1 / by) * away, y, cv2.INTER_LINEAR)


def test_red_hair_is_accepted_and_the_face_is_the_photo_s(inspector, mask_of, paint, astronaut_portrait):
    verdict = inspector.edit(paint("hair")(astronaut_portrait.image, None, 0), mask_of("hair_red"), shape=True)
    assert verdict.ok, verdict
    face = astronaut_portrait.masks["lips"] > 0.5
    assert np.array_equal(verdict.picture[face], astronaut_portrait.image[face])
    hair = astronaut_portrait.masks["hair"] > 0.9
    before, after = (picture[hair][:, 0] - picture[hair][:, 1] for picture in (astronaut_portrait.image, verdict.picture))
    assert (after - before).mean() > 0.15


def test_each_fault_is_refused_for_its_own_reason(inspector, mask_of, paint, retake, astronaut_portrait):
    image, mask, landmarks = astronaut_portrait.image, mask_of("hair_volume"), astronaut_portrait.landmarks
    red = paint("hair")(image, None, 0)
    beach = np.where(astronaut_portrait.alpha[..., None] > 0.5, red, np.float32([0.1, 0.5, 0.9]))
    shouting = retake(next(look for look in LOOKS if look.name == "mouth open"))
    cases = {
        "no face was found": np.random.default_rng(0).random(image.shape).astype(np.float32),
        "changes too little": image.copy(),
        "the face moved": shifted(red, 14),
        "another face": widened(red, landmarks, 1.16),
        "outside the region": beach,
        "expression|another face": shouting,
    }
    for reason, raw in cases.items():
        verdict = inspector.edit(raw, mask, shape=False)
        assert not verdict.ok and any(part in verdict.reason for part in reason.split("|")), (reason, verdict.reason, verdict.measures)
        assert verdict.picture is None


def test_little_tremors_and_encoder_noise_are_no_reason_to_refuse(inspector, mask_of, paint, astronaut_portrait):
    red = paint("hair")(astronaut_portrait.image, None, 0)
    rough = np.clip(cv2.GaussianBlur(shifted(red, 1), (0, 0), 0.8) + 0.01 * np.random.default_rng(0).standard_normal(red.shape), 0, 1)
    verdict = inspector.edit(rough.astype(np.float32), mask_of("hair_red"), shape=False)
    assert verdict.ok, (verdict.reason, verdict.measures)


@pytest.fixture(scope="module")
def carried_out(rig, studio, astronaut_portrait):
    """carried_out(axis, sign): the portrait with the catalogue's own edit, as a flawless editor would paint it."""

    def picture(name, sign):
        edit = studio.workshop.edit(AXES[name][1], sign)
        rgba = studio.texture.rgba()
        rgba[..., :3] = np.clip(edit.color if edit.color is not None else studio.texture.color, 0, 1)
        vertices = (rig.vertices + (0 if edit.shape is None else edit.shape)).astype(np.float32)
        camera = rig.camera.orbit(0, 0, 0, np.array(HEAD_CENTRE, np.float32))
        edited, plain = (
            image + (1 - alpha[..., None]) * astronaut_portrait.background
            for image, alpha in (render_frame(rig, vertices, rgba, camera), render_frame(rig, rig.vertices, studio.texture.rgba(), camera))
        )
        return np.clip(astronaut_portrait.image + edited - plain, 0, 1).astype(np.float32)  # the photo, with what the edit changes

    return picture


@pytest.mark.parametrize("name", ["nose_length", "mouth_width", "skin_tan", "hair_dark"])
def test_the_wrong_way_is_not_what_was_asked(name, inspector, mask_of, carried_out, studio, astronaut_portrait):
    category, axis = AXES[name]
    mask = mask_of(name)
    right = inspector.edit(carried_out(name, 1), mask, shape=True)
    assert right.ok, (right.reason, right.measures)
    assert check_asked(category, axis, 1, right, astronaut_portrait, studio.workshop).ok
    other = carried_out(name, -1) if axis.low < 0 else carried_out("hair_blond", 1)
    wrong = inspector.edit(other, mask, shape=True)
    assert wrong.ok, (wrong.reason, wrong.measures)
    verdict = check_asked(category, axis, 1, wrong, astronaut_portrait, studio.workshop)
    assert not verdict.ok and "not what was asked" in verdict.reason


def test_a_shape_that_landmarks_cannot_see_stays_procedural(inspector, mask_of, carried_out, studio, astronaut_portrait):
    category, axis = AXES["ear_out"]
    verdict = inspector.edit(carried_out("nose_length", 1), mask_of("nose_length"), shape=True)
    assert verdict.ok, (verdict.reason, verdict.measures)
    assert "landmarks cannot confirm" in check_asked(category, axis, 1, verdict, astronaut_portrait, studio.workshop).reason


def test_a_face_between_two_edits_is_placed_where_it_lies(inspector, mask_of, paint, astronaut_portrait):
    image, mask = astronaut_portrait.image, mask_of("hair_red")
    red, blue = (inspector.edit(paint("hair", rgb)(image, None, 0), mask, False).picture for rgb in ((0.75, 0.1, 0.06), (0.1, 0.15, 0.7)))
    for share in (0.25, 0.5, 0.75):
        verdict, measured = inspector.between((1 - share) * red + share * blue, mask, red, blue, share)
        assert verdict.ok and measured == pytest.approx(share, abs=0.04)
    verdict, measured = inspector.between(0.45 * red + 0.55 * blue, mask, red, blue, 0.4)
    assert verdict.ok and measured == pytest.approx(0.55, abs=0.04), "the latent follows the picture, not the wish"
    for raw in (blue, paint("hair", (0.05, 0.9, 0.1), 1.0)(image, None, 0)):
        verdict, _ = inspector.between(raw, mask, red, blue, 0.25)
        assert not verdict.ok and "between" in verdict.reason
    assert not inspector.between(shifted(red, 14), mask, red, blue, 0.5)[0].ok


def test_an_embedding_has_a_say(mask_of, paint, astronaut_portrait):
    red = paint("hair")(astronaut_portrait.image, None, 0)

    def embed(image, landmarks):
        return np.array([1.0, 0.0]) if np.array_equal(image, astronaut_portrait.image) else embed.answer

    for answer, ok in ((np.array([0.8, 0.6]), True), (np.array([0.1, 0.995]), False)):
        embed.answer = answer
        verdict = Inspector(astronaut_portrait, embed).edit(red, mask_of("hair_red"), shape=False)
        assert verdict.ok == ok and (ok or "another face" in verdict.reason)


def test_landmarks_are_found_only_in_faces(astronaut_portrait):
    found = find_landmarks(astronaut_portrait.image)
    assert np.abs(found - astronaut_portrait.landmarks)[:, :2].max() < 3
    assert find_landmarks(np.full((256, 256, 3), 0.5, np.float32)) is None
