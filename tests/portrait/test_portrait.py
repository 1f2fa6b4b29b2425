"""From any reasonable photo to the same portrait; from anything else to one clear sentence."""

import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from perse.errors import PerseError
from perse.portrait import load_portrait, track_landmarks
from perse.portrait.masks import region_masks
from perse.portrait.matting import inpaint_background, missed_by_matte, person_cover, person_matte
from perse.portrait.pixels import ORIENTATION_TAG, TRANSPOSE
from perse.portrait.strangers import own_share

PARTS = ("hair", "skin", "neck", "clothes", "brows", "eyes", "lips", "mouth")
FAST = 256  # crop size of tests that look at geometry only


def canvas(image: Image.Image, size: tuple[int, int], place: tuple[int, int]) -> Image.Image:
    out = Image.new("RGB", size, (120, 125, 130))
    out.paste(image, place)
    return out


def landmark_error(first: np.ndarray, second: np.ndarray) -> float:
    """RMS distance in outer eye-corner distances."""
    eyes = np.linalg.norm(first[33, :2] - first[263, :2])
    return float(np.sqrt(((first[:, :2] - second[:, :2]) ** 2).sum(1).mean()) / eyes)


def in_photo(portrait) -> np.ndarray:
    scale = portrait.crop.side / len(portrait.image)
    return portrait.landmarks[:, :2] * scale + (portrait.crop.x0, portrait.crop.y0)


@pytest.mark.parametrize("name", ["astronaut_portrait", "hopper_portrait"])
def test_arrays(name, request):
    portrait = request.getfixturevalue(name)
    size = len(portrait.image)
    assert size <= 768
    for picture in (portrait.image, portrait.foreground, portrait.background):
        assert picture.shape == (size, size, 3) and picture.dtype == np.float32
    assert portrait.landmarks.shape == (478, 3) and portrait.landmarks.dtype == np.float32
    assert portrait.photo.dtype == np.uint8
    assert set(portrait.masks) == set(PARTS) | {"face", "iris", "glasses"}
    for array in (portrait.alpha, *portrait.masks.values()):
        assert array.shape == (size, size) and array.dtype == np.float32
        assert array.min() >= 0 and array.max() <= 1
    for array in (portrait.image, portrait.foreground, portrait.background, portrait.landmarks):
        assert np.isfinite(array).all()


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
    height = points[152, 1] - points[10, 1]
    assert at("hair", points[10, 0], points[10, 1] - 0.3 * height) > 0.9
    assert at("hair", points[10, 0], points[10, 1] + 0.05 * height) > 0.6  # the fringe
    assert at("skin", *points[4, :2]) > 0.9
    assert at("skin", *points[50, :2]) > 0.9
    assert at("mouth", *(points[13, :2] + points[14, :2]) / 2) > 0.7
    assert at("iris", *points[468, :2]) > 0.9
    rows = np.flatnonzero((portrait.masks["neck"] > 0.5).any(1))
    assert points[13, 1] < rows[0] and rows[-1] < points[152, 1] + 0.3 * height
    assert at("clothes", points[152, 0], points[152, 1] + 0.45 * height) > 0.9  # the black collar is no hair
    assert portrait.alpha[: size // 8, : size // 8].max() < 0.05


def test_cap_counts_as_hair_and_white_collar_as_clothes(hopper_portrait):
    points, masks = hopper_portrait.landmarks, hopper_portrait.masks
    height = points[152, 1] - points[10, 1]
    x, y = points[10, 0], points[10, 1] - 0.25 * height
    assert masks["hair"][int(y), int(x)] > 0.9
    assert masks["clothes"][-20:].sum() > 0.95 * hopper_portrait.alpha[-20:].sum()
    assert masks["glasses"].max() > 0.5
    assert masks["hair"][int(points[4, 1]) :].sum() < 0.1 * masks["hair"].sum()


@pytest.mark.slow
def test_a_bald_head_has_no_hair(astronaut_portrait):
    """Her hair painted over with the colour of her cheek."""
    portrait = astronaut_portrait
    x, y = portrait.landmarks[50, :2].astype(int)
    skin = portrait.image[y - 4 : y + 4, x - 4 : x + 4].mean((0, 1))
    noise = np.random.default_rng(0).normal(0, 0.015, portrait.image.shape)
    hair = np.clip(portrait.masks["hair"] * 1.3, 0, 1)[..., None]
    bald = load_portrait(np.clip(portrait.image * (1 - hair) + (skin + noise) * hair, 0, 1))
    assert bald.masks["hair"].sum() < 0.15 * portrait.masks["hair"].sum() * (len(bald.image) / len(portrait.image)) ** 2


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


def test_crop_is_where_it_says(astronaut_portrait):
    portrait = astronaut_portrait
    crop, size = portrait.crop, len(portrait.image)
    box = [round(v) for v in (crop.x0, max(crop.y0, 0), crop.x0 + crop.side, crop.y0 + crop.side)]
    assert crop.x0 > 0 and box[2] < 512
    expected = np.asarray(Image.fromarray(portrait.photo).crop(box).resize((64, 64), Image.Resampling.BOX)) / 255
    top = round(-min(crop.y0, 0) * size / crop.side)
    actual = (portrait.image[top:] * 255).astype(np.uint8)
    actual = np.asarray(Image.fromarray(actual).resize((64, 64), Image.Resampling.BOX)) / 255
    assert np.abs(actual - expected).mean() < 0.02
    hair = np.flatnonzero((portrait.masks["hair"] > 0.5).any(1))
    assert 0.01 * size < hair[0] < 0.15 * size
    assert portrait.landmarks[152, 1] < 0.78 * size


def test_landmarks_are_where_the_parts_are(astronaut_portrait):
    points = in_photo(astronaut_portrait)
    np.testing.assert_allclose(points[4], (229, 129), atol=6)  # tip of the nose in the 512 px photo
    right_eye, left_eye = points[[33, 133]].mean(0), points[[263, 362]].mean(0)
    assert right_eye[0] < points[4, 0] < left_eye[0]
    assert points[10, 1] < right_eye[1] < points[4, 1] < points[13, 1] < points[14, 1] < points[152, 1]
    z = astronaut_portrait.landmarks[:, 2]
    assert z[4] < z[152] < max(z[234], z[454])
    width = np.linalg.norm(np.diff(astronaut_portrait.landmarks[[234, 454], :2], axis=0))
    assert 0.3 < (z.max() - z.min()) / width < 1.2


@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_gives_the_same_crop(astronaut, orientation):
    undo = {6: 8, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    buffer = io.BytesIO()
    astronaut.transpose(TRANSPOSE[undo]).save(buffer, "PNG", exif=exif)
    plain, turned = load_portrait(astronaut, FAST), load_portrait(buffer.getvalue(), FAST)
    np.testing.assert_allclose(
        [turned.crop.x0, turned.crop.y0, turned.crop.side], [plain.crop.x0, plain.crop.y0, plain.crop.side], atol=1
    )
    np.testing.assert_allclose(turned.image, plain.image, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotated_photos_are_put_upright(hopper, turns):
    straight = load_portrait(hopper, FAST)
    portrait = load_portrait(np.rot90(np.asarray(hopper), turns), FAST)
    np.testing.assert_array_equal(portrait.photo, straight.photo)
    assert landmark_error(in_photo(portrait), in_photo(straight)) < 0.02


@pytest.mark.parametrize("angle", [-25, 25])
def test_tilted_head(astronaut, angle):
    straight = load_portrait(astronaut, FAST)
    tilted = load_portrait(astronaut.rotate(angle, Image.Resampling.BICUBIC), FAST)
    turn = np.deg2rad(-angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    expected = (in_photo(straight) - 256) @ matrix.T + 256
    assert landmark_error(expected, in_photo(tilted)) < 0.03
    # Depth is along the view and does not turn with the picture.
    np.testing.assert_allclose(np.ptp(tilted.landmarks[:, 2]) * tilted.crop.side,
                               np.ptp(straight.landmarks[:, 2]) * straight.crop.side, rtol=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("face, width, height", [(60, 1600, 1200), (48, 1600, 1000)])
def test_small_face_in_a_large_photo(astronaut, face, width, height):
    scale = face / 107
    small = astronaut.resize((round(512 * scale),) * 2, Image.Resampling.LANCZOS)
    place = (width - small.width - 90, height // 3)
    portrait = load_portrait(canvas(small, (width, height), place), FAST)
    assert landmark_error(in_photo(load_portrait(astronaut, FAST)) * scale + place, in_photo(portrait)) < 0.06
    assert len(portrait.image) <= 2 * portrait.crop.side
    assert "small_face" in [hint.code for hint in portrait.quality]


def test_tight_crop(hopper):
    portrait = load_portrait(hopper.crop((175, 125, 365, 335)), FAST)
    assert "cut_off" in [hint.code for hint in portrait.quality]
    assert portrait.crop.x0 < 0 and portrait.crop.y0 < 0
    outside = int(-portrait.crop.x0 / portrait.crop.side * len(portrait.image)) - 2
    assert outside > 2 and portrait.alpha[:, :outside].max() == 0
    assert portrait.image[:, :outside].std() > 0  # the edge's colours go on there


@pytest.mark.slow
def test_large_photo_gives_all_its_detail(astronaut):
    """The crop comes from the upload, not from the reduced photo."""
    large = astronaut.resize((2600, 2600), Image.Resampling.LANCZOS).crop((300, 0, 2000, 1800))
    portrait = load_portrait(canvas(large, (3000, 3000), (0, 0)))
    assert max(portrait.photo.shape) == 1600
    assert len(portrait.image) == 768


def test_own_cutout_is_the_mask(astronaut_portrait):
    portrait = astronaut_portrait
    cutout = (portrait.masks["hair"] + portrait.masks["skin"] > 0.5).astype(np.float32)
    cutout = np.maximum(cutout, portrait.masks["face"] > 0.5)
    rgba = np.dstack([portrait.image, cutout])
    again = load_portrait(rgba)
    assert set(np.unique(again.photo[:20, :20])) <= {127, 128}
    np.testing.assert_allclose(again.alpha.sum() * again.crop.side**2 / len(again.image) ** 2, cutout.sum(), rtol=0.02)


def test_grey_photo(astronaut):
    portrait = load_portrait(astronaut.convert("L"))
    assert np.ptp(portrait.image, axis=-1).max() < 1e-6
    assert 0.1 < portrait.masks["hair"].mean() / portrait.alpha.mean() < 0.4


@pytest.mark.slow
@pytest.mark.parametrize("picture", ["blank", "noise", "chelsea", "coffee", "rocket"])
def test_no_human_face(picture):
    array = {
        "blank": np.full((400, 300, 3), 200, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8),
    }.get(picture)
    with pytest.raises(PerseError, match="[Nn]o human face"):
        load_portrait(getattr(skimage.data, picture)() if array is None else array)


@pytest.mark.slow
def test_same_input_same_portrait_in_threads(hopper):
    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(lambda _: load_portrait(hopper, FAST), range(3))
    for other in others:
        np.testing.assert_array_equal(first.landmarks, other.landmarks)
        np.testing.assert_array_equal(first.masks["hair"], other.masks["hair"])


def test_track_landmarks(hopper):
    frame = np.asarray(hopper)
    first = track_landmarks(frame)
    assert first.shape == (478, 3) and first.dtype == np.float32
    assert landmark_error(first, in_photo(load_portrait(hopper, FAST))) < 0.02
    moved = np.roll(frame, (4, 7), (0, 1))
    assert landmark_error(first + (7, 4, 0), track_landmarks(moved, previous=first)) < 0.015
    assert landmark_error(first, track_landmarks(frame / np.float32(255))) < 0.015
    far = first + np.float32([2000, 0, 0])
    assert landmark_error(first, track_landmarks(frame, previous=far)) < 0.02
    assert track_landmarks(np.zeros((200, 300, 3), np.uint8)) is None


def test_a_neighbour_who_touches_from_below_is_cut_away(astronaut_portrait):
    """A second head beside hers in a wider picture, joined to her by its shoulder."""
    pad = len(astronaut_portrait.image) // 2
    picture = np.pad(astronaut_portrait.image, ((0, pad), (pad, 0), (0, 0)))
    alpha, hair, face = (np.pad(x, ((0, pad), (pad, 0))) for x in (
        astronaut_portrait.alpha, astronaut_portrait.masks["hair"], astronaut_portrait.masks["face"]))
    points = astronaut_portrait.landmarks + [pad, 0, 0]
    assert own_share(picture, alpha, hair, points).min() == 1
    height = np.linalg.norm(points[10, :2] - points[152, :2])
    rows, columns = np.mgrid[:len(alpha), :len(alpha)]
    other = (np.abs(columns - (points[152, 0] - 1.7 * height)) < 0.4 * height) & (alpha < 0.1)
    other &= (rows > points[10, 1]) & (rows < points[152, 1] + height)
    picture[other], alpha[other] = [0.1, 0.5, 0.2], 1.0
    share = own_share(picture, alpha, hair, points)
    upper = other & (rows < points[152, 1] - 0.2 * height)
    assert upper.sum() > 500 and share[upper].mean() < 0.1
    assert share[face > 0.5].min() > 0.99 and share[hair > 0.5].mean() > 0.95


@pytest.mark.slow
def test_shoulders_that_run_out_of_the_photo_are_no_neighbours(astronaut, monkeypatch):
    """A tall selfie: its crop reaches beyond the photo at both sides, where the edge's pixels are repeated."""
    asked = []
    monkeypatch.setattr("perse.portrait.portrait.own_share", lambda image, alpha, *rest: asked.append(alpha) or np.ones_like(alpha))
    tall = np.asarray(astronaut)[:, 150:300]
    portrait = load_portrait(tall)
    size = len(portrait.image)
    left, right = ((np.array([0, tall.shape[1]]) - portrait.crop.x0) / portrait.crop.side * size).astype(int)
    assert left > 5 and right < size - 5
    assert asked[0][:, :left - 2].max() == 0 == asked[0][:, right + 2:].max() and asked[0][-20:, left + 6:right - 6].mean() > 0.9


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
    height = np.linalg.norm(points[10, :2] - points[152, :2])
    white = astronaut_portrait.masks["clothes"] > 0.5
    picture = np.where(white[..., None], 0.95, astronaut_portrait.image).astype(np.float32)
    lamp = (rows > points[4, 1]) & (rows < points[152, 1]) & (astronaut_portrait.alpha < 0.05)
    lamp &= (columns > points[454, 0]) & (columns < points[454, 0] + 0.25 * height)
    picture[lamp] = 0.95
    alpha, _ = person_matte(picture, points, astronaut_portrait.alpha, None)
    middle = lamp & (columns > points[454, 0] + 0.12 * height)
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
    rows, columns = np.mgrid[:len(scene), :len(scene)]
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


def test_long_hair_below_the_chin_is_hair(astronaut_portrait):
    """Her own hair's colours carried on past the chin on both sides."""
    points, size = astronaut_portrait.landmarks, len(astronaut_portrait.image)
    height = np.linalg.norm(points[10, :2] - points[152, :2])
    rows, columns = np.mgrid[:size, :size]
    aside = np.abs(columns - points[152, 0]) / height
    locks = (aside > 0.46) & (aside < 0.85) & (rows > points[1, 1] - 0.5 * height)
    hair = astronaut_portrait.foreground[astronaut_portrait.masks["hair"] > 0.9]
    colours = hair[np.random.default_rng(0).integers(0, len(hair), (size, size))]
    picture = np.where(locks[..., None], colours, astronaut_portrait.foreground).astype(np.float32)
    masks = region_masks(picture, np.maximum(astronaut_portrait.alpha, locks).astype(np.float32), points)
    below = locks & (rows > points[152, 1] + 0.1 * height) & (aside > 0.52) & (aside < 0.8)
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


def test_the_back_of_a_turned_head_is_its_own(astronaut_portrait):
    """Something solid behind the face counts as hers if she is turned away from it, as a neighbour's if she is not."""
    points, size = astronaut_portrait.landmarks, len(astronaut_portrait.alpha)
    height = np.linalg.norm(points[10, :2] - points[152, :2])
    rows, columns = np.mgrid[:size, :size]
    nape = (columns > points[152, 0]) & (columns < points[152, 0] + 1.05 * height) & (rows > points[10, 1]) & (rows < points[1, 1])
    alpha = np.maximum(astronaut_portrait.alpha, nape).astype(np.float32)
    picture = np.where((nape & (astronaut_portrait.alpha < 0.1))[..., None], [0.1, 0.5, 0.2], astronaut_portrait.image).astype(np.float32)
    turned = points.copy()
    turned[234, 2], turned[454, 2] = 0.35 * height, -0.35 * height
    outside = nape & (columns > points[152, 0] + 0.9 * height)
    assert outside.sum() > 200
    hair = np.zeros_like(alpha)
    assert own_share(picture, alpha, hair, turned)[outside].mean() > 0.9
    assert own_share(picture, alpha, hair, points)[outside].mean() < 0.5
