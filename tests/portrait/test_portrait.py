"""From any reasonable photo to the same portrait; from anything else to one clear sentence."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data
from PIL import Image

from perse.errors import PerseError
from perse.face.landmarks import CHIN, EARS, EYE_CORNERS, FOREHEAD_TOP, INNER_EYE_CORNERS, LOWER_LIP, NOSE_FRONT, UPPER_LIP
from perse.portrait import load_portrait, track_landmarks
from perse.portrait.pixels import ORIENTATION_TAG, TRANSPOSE

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
    assert set(portrait.masks) == set(PARTS) | {"face", "iris", "glasses", "worn"}
    for array in (portrait.alpha, *portrait.masks.values()):
        assert array.shape == (size, size) and array.dtype == np.float32
        assert array.min() >= 0 and array.max() <= 1
    for array in (portrait.image, portrait.foreground, portrait.background, portrait.landmarks):
        assert np.isfinite(array).all()


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
    assert portrait.landmarks[CHIN, 1] < 0.78 * size


def test_landmarks_are_where_the_parts_are(astronaut_portrait):
    points = in_photo(astronaut_portrait)
    np.testing.assert_allclose(points[NOSE_FRONT], (229, 129), atol=6)  # tip of the nose in the 512 px photo
    right_eye, left_eye = points[[EYE_CORNERS[0], INNER_EYE_CORNERS[0]]].mean(0), points[[EYE_CORNERS[1], INNER_EYE_CORNERS[1]]].mean(0)
    assert right_eye[0] < points[NOSE_FRONT, 0] < left_eye[0]
    assert points[FOREHEAD_TOP, 1] < right_eye[1] < points[NOSE_FRONT, 1] < points[UPPER_LIP, 1] < points[LOWER_LIP, 1] < points[CHIN, 1]
    z = astronaut_portrait.landmarks[:, 2]
    assert z[4] < z[152] < max(z[234], z[454])
    width = np.linalg.norm(np.diff(astronaut_portrait.landmarks[list(EARS), :2], axis=0))
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
    np.testing.assert_allclose([turned.crop.x0, turned.crop.y0, turned.crop.side], [plain.crop.x0, plain.crop.y0, plain.crop.side], atol=1)
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
    np.testing.assert_allclose(
        np.ptp(tilted.landmarks[:, 2]) * tilted.crop.side, np.ptp(straight.landmarks[:, 2]) * straight.crop.side, rtol=0.15
    )


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
