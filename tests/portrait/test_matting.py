"""The person is cut out with soft edges, and what the cut-out misses is found."""

import cv2
import numpy as np
import pytest

from perse.face.landmarks import CHIN, EARS, NOSE_FRONT
from perse.face.measures import face_height
from perse.portrait import load_portrait
from perse.portrait.matting import inpaint_background, missed_by_matte, person_cover, person_matte

PARTS = ("hair", "skin", "neck", "clothes", "brows", "eyes", "lips", "mouth")
FAST = 256  # crop size of tests that look at geometry only


@pytest.mark.slow
def test_foreground_has_no_halo(astronaut_portrait):
    """The same person in front of pure green: the foreground at soft edges must stay free of green."""
    portrait = astronaut_portrait
    green = np.float32([0, 1, 0])
    alpha = portrait.alpha[..., None]
    pasted = load_portrait(portrait.foreground * alpha + green * (1 - alpha), size=512)
    edge = (pasted.alpha > 0.15) & (pasted.alpha < 0.85)
    greenness = pasted.foreground[..., 1] - pasted.foreground[..., [0, 2]].max(-1)
    assert edge.sum() > 300
    assert greenness[edge].mean() < 0.06
    same = load_portrait(portrait.image, size=512)
    assert np.abs(pasted.alpha.mean() - same.alpha.mean()) < 0.03


def test_background_has_no_person(astronaut_portrait):
    portrait = astronaut_portrait
    clear = portrait.alpha < 0.01
    far = clear.copy()
    far[len(far) // 2 :] = False
    assert np.abs(portrait.background - portrait.image)[far].mean() < 0.02
    person = portrait.alpha > 0.9
    face = portrait.masks["face"] > 0.9
    # The wall behind her is a light grey: so must be what replaces her face.
    np.testing.assert_allclose(portrait.background[face].mean(0), portrait.image[far].mean(0), atol=0.1)
    assert portrait.background[person].std() < portrait.image[person].std() / 2


@pytest.mark.slow
def test_what_the_network_sees_is_not_given_up_for_its_colour(astronaut_portrait):
    """Dark hair and cloth before a ground as dark."""
    dark = np.where(astronaut_portrait.masks["face"][..., None] > 0.5, astronaut_portrait.image, 0.02).astype(np.float32)
    rough = np.where(astronaut_portrait.masks["face"] > 0.5, 0.95, 0.7 * (astronaut_portrait.alpha > 0.5)).astype(np.float32)
    alpha, _ = person_matte(dark, astronaut_portrait.landmarks, rough, None)
    assert alpha[astronaut_portrait.alpha > 0.9].mean() > 0.9


@pytest.mark.slow
def test_what_stands_beside_a_head_and_is_coloured_like_clothes_is_no_hair(astronaut_portrait):
    """A white lamp beside the cheek of someone in a white shirt."""
    points, size = astronaut_portrait.landmarks, len(astronaut_portrait.image)
    rows, columns = np.mgrid[:size, :size]
    height = face_height(points[:, :2])
    white = astronaut_portrait.masks["clothes"] > 0.5
    picture = np.where(white[..., None], 0.95, astronaut_portrait.image).astype(np.float32)
    lamp = (rows > points[NOSE_FRONT, 1]) & (rows < points[CHIN, 1]) & (astronaut_portrait.alpha < 0.05)
    lamp &= (columns > points[EARS[1], 0]) & (columns < points[EARS[1], 0] + 0.25 * height)
    picture[lamp] = 0.95
    alpha, _ = person_matte(picture, points, astronaut_portrait.alpha, None)
    middle = lamp & (columns > points[EARS[1], 0] + 0.12 * height)
    assert middle.sum() > 50 and alpha[middle].mean() < 0.2


def test_the_cover_takes_what_hangs_on_the_person_and_leaves_the_scene():
    size = 256
    scene = np.full((size, size, 3), 0.6, np.float32)
    rows, columns = np.mgrid[:size, :size]
    alpha = (np.hypot(rows - 140, columns - 128) < 60).astype(np.float32)
    image = np.where(alpha[..., None] > 0, 0.2, scene).astype(np.float32)
    image[76:80, 120:136] = 0.9  # a clip that stands out a little
    image[138:142] = np.where(alpha[138:142, :, None] > 0, 0.2, 0.3)  # a shelf behind
    cover = person_cover(image, alpha, inpaint_background(image, alpha, np.ones_like(alpha)))
    assert cover[alpha > 0].min() == 1 and cover[76:80, 122:134].min() > 0.8
    assert cover[140, [30, 50, 200, 230]].max() < 0.05 and cover[:40].max() < 0.05


def _clip_in_hair(scene: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, cut-out and place of a white clip that sits in a notch of dark hair and is not cut out with it."""
    rows, columns = np.mgrid[: len(scene), : len(scene)]
    head = np.hypot(rows - 140, columns - 128) < 60
    clip = head & (columns > 176) & (np.abs(rows - 120) < 5)
    picture = np.where(clip[..., None], 0.95, np.where(head[..., None], 0.1, scene)).astype(np.float32)
    return picture, (head & ~clip).astype(np.float32), clip


def test_a_clip_in_hair_belongs_to_the_person():
    scene = np.full((256, 256, 3), [0.2, 0.4, 0.25], np.float32)
    picture, alpha, clip = _clip_in_hair(scene)
    found = missed_by_matte(picture, alpha, np.ones_like(alpha))
    assert found[clip].mean() > 0.9 and found[cv2.dilate(np.uint8(clip), np.ones((9, 9))) == 0].max() == 0
    # Where a shelf goes on behind the head it is one of the scene's things, and before a busy scene nobody can tell.
    shelf = np.where(np.abs(np.arange(256) - 120)[:, None, None] < 5, np.float32(0.95), scene)
    noisy = scene + np.random.default_rng(0).normal(0, 0.15, scene.shape).astype(np.float32)
    for other in (shelf, np.clip(noisy, 0, 1)):
        picture, alpha, _ = _clip_in_hair(other)
        assert missed_by_matte(picture, alpha, np.ones_like(alpha)).max() == 0


def test_no_contour_is_left_in_a_plain_scene():
    """Hair whose outline is blurred farther than it was cut out."""
    scene = np.full((256, 256, 3), [0.3, 0.5, 0.35], np.float32)
    rows, columns = np.mgrid[:256, :256]
    distance = np.hypot(rows - 140, columns - 128)
    soft = np.clip((70 - distance) / 12, 0, 1)[..., None]
    picture = (0.1 * soft + scene * (1 - soft)).astype(np.float32)
    alpha = (distance < 61).astype(np.float32)
    clean = inpaint_background(picture, alpha, np.ones_like(alpha))
    cover = person_cover(picture, alpha, clean)[..., None]
    assert np.abs(picture * (1 - cover) + clean * cover - scene).max() < 0.06
    # A busy one keeps all that the person does not hide.
    busy = np.clip(scene + np.random.default_rng(0).normal(0, 0.15, scene.shape), 0, 1).astype(np.float32)
    assert person_cover(busy, alpha, inpaint_background(busy, alpha, np.ones_like(alpha)))[distance > 72].max() < 0.5
