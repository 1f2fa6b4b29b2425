"""The two people that tests have, as other photos would show them: stress for what reads a photo, not more people."""

import numpy as np
import pytest

from perse.face.triangles import canonical
from perse.portrait import load_portrait
from perse.rig.build import build_rig
from perse.texture.bake import bake

pytestmark = pytest.mark.slow
PEOPLE = ["astronaut", "hopper"]
SAME = 0.05  # outer eye-corner distances, root mean square: landmarks of one face in two pictures of it


def relit(rgb: np.ndarray) -> np.ndarray:
    """Bright from the picture's left, dark on its right."""
    return rgb * np.linspace(1.15, 0.4, rgb.shape[1])[None, :, None]


def aged(rgb: np.ndarray) -> np.ndarray:
    """A faded brown print with grain."""
    grey = 70 + 0.55 * rgb.mean(-1, keepdims=True) + np.random.default_rng(0).normal(0, 5, (*rgb.shape[:2], 1))
    return grey * [1.05, 0.95, 0.8]


def cropped(rgb: np.ndarray, portrait) -> tuple[np.ndarray, np.ndarray]:
    """Little more than the face, and where that begins (x, y)."""
    points = landmarks_in_photo(portrait)
    low, high = points.min(0), points.max(0)
    margin = 0.35 * (high - low)
    (left, top), (right, bottom) = np.maximum(low - margin, 0).astype(int), (high + margin).astype(int)
    return rgb[top:bottom, left:right], np.array([left, top])


def landmarks_in_photo(portrait) -> np.ndarray:
    """(478, 2) pixels of the photo."""
    return portrait.landmarks[:, :2] * portrait.crop.side / len(portrait.image) + (portrait.crop.x0, portrait.crop.y0)


def apart(first: np.ndarray, second: np.ndarray) -> float:
    """Root mean square distance of two faces' landmarks, in outer eye-corner distances."""
    return float(np.sqrt(((first - second) ** 2).sum(1).mean()) / np.linalg.norm(first[33] - first[263]))


def sound(portrait) -> None:
    """A rig and a texture can be made of it, and hold numbers."""
    rig = build_rig(portrait)
    assert np.isfinite(np.asarray(rig.vertices)).all()
    assert all(np.isfinite(np.asarray(value)).all() for value in vars(bake(portrait, rig)).values() if isinstance(value, np.ndarray))


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("change", [relit, aged])
def test_other_light_and_old_prints_show_the_same_face(person, change, request):
    rgb, plain = np.asarray(request.getfixturevalue(person)), request.getfixturevalue(f"{person}_portrait")
    portrait = load_portrait(np.clip(change(rgb.astype(float)), 0, 255).astype(np.uint8))
    assert apart(landmarks_in_photo(plain), landmarks_in_photo(portrait)) < SAME
    sound(portrait)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_mirrored_photo_shows_the_mirrored_face(person, request):
    rgb, plain = np.asarray(request.getfixturevalue(person)), request.getfixturevalue(f"{person}_portrait")
    portrait = load_portrait(np.ascontiguousarray(rgb[:, ::-1]))
    mirror = canonical()[1][:468]
    back = landmarks_in_photo(portrait)[:468][mirror] * [-1, 1] + [rgb.shape[1], 0]
    assert apart(landmarks_in_photo(plain)[:468], back) < 2 * SAME
    sound(portrait)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_photo_of_little_more_than_the_face_shows_the_same_face(person, request):
    rgb, plain = np.asarray(request.getfixturevalue(person)), request.getfixturevalue(f"{person}_portrait")
    part, corner = cropped(rgb, plain)
    portrait = load_portrait(np.ascontiguousarray(part))
    assert apart(landmarks_in_photo(plain), landmarks_in_photo(portrait) + corner) < SAME
    sound(portrait)
