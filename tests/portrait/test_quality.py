"""Hints appear when a photo is made worse in their way, and not before."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from perse.face.landmarks import CHEEKBONES, CHIN, EYE, EYE_OUTLINE, FACE_OUTLINE, FOREHEAD_TOP, LOWER_LIP, NASION
from perse.face.measures import face_height
from perse.face.polygons import polygon
from perse.portrait import load_portrait, quality, track_landmarks
from perse.portrait.covered import Face, hand_on_cheek

pytestmark = pytest.mark.slow

SIZE = 256


@pytest.fixture(scope="module")
def large(hopper) -> Image.Image:
    return hopper.resize((1024, 1200), Image.Resampling.LANCZOS)


def codes(image) -> list[str]:
    return [hint.code for hint in load_portrait(image, SIZE).quality]


def test_good_photos_give_no_false_hints(hopper, astronaut):
    assert codes(hopper) == ["glasses"]
    assert codes(astronaut) == ["small_face"]


def test_messages_are_one_friendly_sentence(astronaut):
    (hint,) = load_portrait(astronaut, SIZE).quality
    assert hint.code == "small_face" and hint.value == pytest.approx(107, abs=4)
    assert "107" in hint.message and hint.message.count(".") == 1 and hint.message.endswith(".")


def test_small_face(large):
    assert "small_face" not in codes(large)
    assert "small_face" in codes(large.resize((256, 300)))


def test_blurred(hopper):
    assert "blurred" not in codes(hopper.filter(ImageFilter.GaussianBlur(0.7)))
    assert "blurred" in codes(hopper.filter(ImageFilter.GaussianBlur(4)))


@pytest.mark.parametrize("box", [(0, 190, 512, 600), (0, 0, 512, 345), (215, 0, 512, 600)])
def test_cut_off(hopper, box):
    assert "cut_off" in codes(hopper.crop(box))


def test_a_face_without_colour_is_told(hopper, astronaut):
    for photo in (hopper, astronaut):
        assert "no_colour" not in codes(photo) and "no_colour" in codes(photo.convert("L").convert("RGB"))
        assert "no_colour" not in codes(ImageEnhance.Brightness(photo).enhance(0.4))  # a dark photo has colours
    assert "no_colour" in codes(ImageEnhance.Color(astronaut).enhance(0.2))  # stone


def test_several_faces(hopper, astronaut):
    pair = Image.new("RGB", (1024, 600))
    pair.paste(hopper, (0, 0))
    pair.paste(hopper.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    assert "several_faces" in codes(pair)
    crowd = Image.new("RGB", (720, 600))
    crowd.paste(hopper, (0, 0))
    crowd.paste(astronaut.resize((200, 200)), (520, 0))
    assert "several_faces" not in codes(crowd)  # someone small in the background


def test_glasses_are_seen_when_drawn(astronaut):
    image = np.asarray(astronaut.resize((1024, 1024), Image.Resampling.LANCZOS)).copy()
    assert "glasses" not in codes(image)
    points = track_landmarks(image)
    rows, columns = np.mgrid[: len(image), : len(image)]
    for eye in EYE.values():
        x, y = points[[eye["outer"], eye["inner"]], :2].mean(0)
        radius = 0.17 * face_height(points[:, :2])
        distance = np.hypot(columns - x, (rows - y - 0.1 * radius) * 1.25)
        image[np.abs(distance - radius) < 4] = (40, 30, 30)
    x, y = points[NASION, :2]
    image[int(y) - 4 : int(y) + 4, int(x) - 20 : int(x) + 20] = (40, 30, 30)
    assert "glasses" in codes(image)


def drawn_over(photo: Image.Image, what: str) -> Image.Image:
    """Somebody's photo with dark glasses or a mask of this colour, by the landmarks that it has without."""
    points = [tuple(map(float, p)) for p in track_landmarks(np.asarray(photo))[:, :2]]
    high, out = face_height(np.array(points)), photo.copy()
    pen = ImageDraw.Draw(out)
    if what == "glasses":
        for eye in EYE_OUTLINE.values():
            x, y = np.mean([points[i] for i in eye], 0)
            pen.ellipse((x - 0.17 * high, y - 0.1 * high, x + 0.17 * high, y + 0.15 * high), fill=(22, 20, 24))
    else:
        pen.polygon([points[i] for i in (6, 118, 227, 177, 215, 169, 171, 175, 396, 394, 435, 401, 447, 347)], fill=what)
    return out


@pytest.mark.parametrize("what, code", [("glasses", "dark_glasses"), ("white", "mouth_covered"), ("#7aa9d0", "mouth_covered")])
def test_what_lies_over_eyes_or_mouth_is_told_and_nothing_else_of_them(hopper, astronaut, what, code):
    def told(photo: Image.Image) -> list[str]:
        picture = np.asarray(photo)
        return [hint.code for hint in quality.quality_hints(picture, track_landmarks(picture), 1, np.ones((4, 4)))]

    for photo in (hopper, astronaut):
        seen = told(drawn_over(photo, what))
        assert code in seen and not {"eyes_closed", "mouth_open"} & set(seen) and ("glasses" in seen) == (what != "glasses")
        for light in (0.5, 1.4):
            assert not {"dark_glasses", "mouth_covered"} & set(told(ImageEnhance.Brightness(photo).enhance(light)))


def with_hand(photo: Image.Image, side: int) -> Image.Image:
    """Somebody's photo with four fingers and a palm on a cheek: rounded, with shade between them. side: -1 the left of the picture, 1 its right."""
    picture = np.asarray(photo)
    points = track_landmarks(picture)[:, :2]
    high, chin = face_height(points), points[CHIN]
    down = (chin - points[FOREHEAD_TOP]) / np.linalg.norm(chin - points[FOREHEAD_TOP])
    across = side * np.array([down[1], -down[0]])
    x, y = points[CHEEKBONES[side > 0]].astype(int)
    skin, out = np.median(picture[y - 3 : y + 4, x - 3 : x + 4], (0, 1)), picture.astype(np.float32)
    parts = [(0.42, 0.35, 0.36, -0.02, 0.16)]  # the palm: from, to, half its width, in face heights
    parts += [(0.52 - 0.085 * i, 0.02, 0.40 - 0.085 * i, -0.5 + 0.05 * abs(i - 1), 0.043) for i in range(4)]
    for u, v, to_u, to_v, half in parts:
        ends = [tuple(int(n) for n in chin + high * (a * across + b * down)) for a, b in ((u, v), (to_u, to_v))]
        limb = cv2.line(np.zeros(picture.shape[:2], np.uint8), *ends, 1, round(2 * half * high), cv2.LINE_AA)
        round_ = np.clip(cv2.distanceTransform(limb, cv2.DIST_L2, 5) / (half * high), 0, 1) ** 0.6
        soft, shadow = (cv2.GaussianBlur(limb.astype(np.float32), (0, 0), s)[..., None] for s in (0.8, 0.03 * high))
        out = out * (1 - 0.35 * shadow * (1 - soft)) * (1 - soft) + soft * skin * (0.62 + 0.38 * round_[..., None])
    return Image.fromarray(np.clip(out, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("side", [-1, 1])
def test_a_hand_on_a_cheek_is_told_and_no_face_without(hopper, astronaut, side):
    def told(photo: Image.Image) -> list[str]:
        picture = np.asarray(photo)
        return [hint.code for hint in quality.quality_hints(picture, track_landmarks(picture), 1, np.zeros((4, 4)))]

    for photo in (hopper, astronaut):
        for light in (0.6, 1.0, 1.3):
            assert "hand" not in told(ImageEnhance.Brightness(photo).enhance(light))
        held = with_hand(photo, side)
        assert "hand" in told(held)
        assert "hand" not in told(held.convert("L").convert("RGB"))  # among greys everything is as skin


def test_fingers_alone_or_skin_alone_are_no_hand(astronaut):
    """A cheek of edges beside a wall, and a smooth cheek beside a bare shoulder."""
    held, plain = np.asarray(with_hand(astronaut, -1)), np.asarray(astronaut)
    points = track_landmarks(plain)
    inside = polygon(points, FACE_OUTLINE, len(plain))[..., None] > 0.5
    wrinkled, shoulder = np.where(inside, held, plain), np.where(inside, plain, held)
    assert hand_on_cheek(held, points, Face(held, points)) > 1
    for picture in (wrinkled, shoulder):
        assert hand_on_cheek(picture, points, Face(picture, points)) < 1


def test_turn_is_the_angle_of_the_face(hopper):
    """A frontal landmark set turned in 3D must read that angle, whichever way."""
    points = track_landmarks(np.asarray(hopper))
    assert abs(quality.turn(points)) < 10
    for degrees in (-40, -25, 25, 40):
        turn = np.deg2rad(degrees)
        matrix = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
        measured = quality.turn(points @ matrix.T)
        assert np.sign(measured) == np.sign(degrees)
        assert abs(measured) == pytest.approx(abs(degrees), abs=6)


def test_eyes_and_mouth(hopper):
    points = track_landmarks(np.asarray(hopper))
    photo = np.asarray(hopper)
    none = np.zeros((4, 4))

    def hints(changed):
        return [hint.code for hint in quality.quality_hints(photo, changed, 1, none)]

    assert hints(points) == []
    wink = points.copy()
    wink[EYE["right"]["upper"], :2] = wink[EYE["right"]["lower"], :2] - (0, 1)
    assert hints(wink) == []
    closed = wink.copy()
    closed[EYE["left"]["upper"], :2] = closed[EYE["left"]["lower"], :2] - (0, 1)
    assert hints(closed) == ["eyes_closed"]
    opened = points.copy()
    opened[LOWER_LIP, 1] += 0.15 * face_height(points[:, :2])
    assert hints(opened) == ["mouth_open"]
