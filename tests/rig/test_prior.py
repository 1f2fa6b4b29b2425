"""The likeliest head: what landmarks tell of skull, ears and neck, and what the outline adds, of heads whose form is known."""

import numpy as np
import pytest

from perse.face.alignment import procrustes
from perse.face.landmarks import FACE
from perse.rig.anatomy.prior import likely_head
from perse.rig.anatomy.template import BASIS, head_template
from perse.rig.head import fit_head
from perse.rig.pose_fit import CAMERA_DISTANCE, fit_portrait

from .heads import SIZE, drawn, made_head

SEEDS = (0, 1, 2, 3)
DISTANCES = (6.0, 9.0, 14.0, 20.0)  # eye distances, of one head each
NECK = 1.8  # y above which a bust is a neck


def off(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points - truth, axis=1)


@pytest.mark.parametrize("part", ["skull", "neck"])
def test_landmarks_tell_of_the_rest_of_the_head(part):
    """Nearer to the head that they belong to than the mean head is."""
    found, usual = [], []
    for seed in SEEDS:
        made, mean = made_head(drawn(seed)), made_head(np.zeros(BASIS))
        likely = likely_head(made.face)
        assert likely.explains and off(likely.landmarks, made.face).mean() < 0.05
        neck = made.bust[:, 1] < NECK
        pairs = (likely.head, mean.skull, made.skull) if part == "skull" else (likely.bust[neck], mean.bust[neck], made.bust[neck])
        found.append(off(pairs[0], pairs[2]).mean())
        usual.append(off(pairs[1], pairs[2]).mean())
    assert np.mean(found) < 0.8 * np.mean(usual) and max(found) < 0.25


def test_a_mean_face_has_the_mean_head():
    likely = likely_head(head_template().landmarks)
    assert np.abs(likely.coefficients).max() < 1e-6 and likely.residual < 1e-6
    np.testing.assert_allclose(likely.head, head_template().head, atol=1e-6)


def test_a_face_that_is_elsewhere_has_its_head_there():
    made = made_head(drawn(1))
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    here, there = likely_head(made.face), likely_head(1.3 * made.face @ turn.T + [0.5, -2.0, 1.0])
    np.testing.assert_allclose(there.coefficients, here.coefficients, rtol=0.5, atol=0.2)
    for name in ("landmarks", "head", "bust"):
        moved = 1.3 * getattr(here, name) @ turn.T + [0.5, -2.0, 1.0]
        assert off(getattr(there, name), moved).max() < 0.06, name


def test_what_is_no_face_is_not_explained():
    made = made_head(drawn(2))
    nonsense = np.random.default_rng(0).permutation(made.face)
    swollen = made.face * np.where(np.abs(made.face) < 0.3, 2.5, 1.0)
    for face in (nonsense, swollen):
        assert not likely_head(face).explains


@pytest.fixture(scope="module")
def fitted():
    """Of each head: what was made, the camera's distance that was found, and how far off are head (V,) and bust (W,), by landmarks alone and
    with the outline."""
    out = []
    for seed, distance in zip(SEEDS, DISTANCES):
        made = made_head(drawn(seed), distance)
        camera, face, likely = fit_head(made.landmarks, made.masks)
        _, plain = fit_portrait(made.landmarks, SIZE)
        errors = []
        for points, head in ((plain, likely_head(plain)), (face, likely)):
            scale, turn, shift = procrustes(points[:FACE], made.face)
            errors.append([off(scale * part @ turn.T + shift, truth) for part, truth in ((head.head, made.skull), (head.bust, made.bust))])
        out.append((made, float(camera.viewmat[2, 3]), *errors))
    return out


def test_the_outline_tells_how_far_away_the_camera_is(fitted):
    found = np.array([distance for _, distance, _, _ in fitted])
    assert (np.diff(found) > 0).all()
    true = 1 / np.array(DISTANCES)
    assert np.abs(1 / found - true).max() < 0.03
    assert np.abs(1 / found - true).mean() < 0.5 * np.abs(1 / CAMERA_DISTANCE - true).mean()


def test_ears_and_neck_lie_where_the_outline_shows_them(fitted):
    ears = head_template().ears > 0.5
    of_ears = np.array([[error[0][ears].mean() for error in errors] for _, _, *errors in fitted])
    of_neck = np.array([[error[1][made.bust[:, 1] < NECK].mean() for error in errors] for made, _, *errors in fitted])
    assert of_ears[:, 1].mean() < of_ears[:, 0].mean()
    assert of_neck[:, 1].mean() < 0.9 * of_neck[:, 0].mean()
