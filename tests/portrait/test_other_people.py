"""What of a cut-out is somebody else's goes; the person's own stays."""

import numpy as np
import pytest

from perse.face.landmarks import CHIN, EARS, FOREHEAD_TOP, NOSE_TIP
from perse.face.measures import face_height
from perse.portrait import load_portrait
from perse.portrait.other_people import own_share

PARTS = ("hair", "skin", "neck", "clothes", "brows", "eyes", "lips", "mouth")
FAST = 256  # crop size of tests that look at geometry only


def test_a_neighbour_who_touches_from_below_is_cut_away(astronaut_portrait):
    """A second head beside hers in a wider picture, joined to her by its shoulder."""
    pad = len(astronaut_portrait.image) // 2
    picture = np.pad(astronaut_portrait.image, ((0, pad), (pad, 0), (0, 0)))
    alpha, hair, face = (
        np.pad(x, ((0, pad), (pad, 0)))
        for x in (astronaut_portrait.alpha, astronaut_portrait.masks["hair"], astronaut_portrait.masks["face"])
    )
    points = astronaut_portrait.landmarks + [pad, 0, 0]
    assert own_share(picture, alpha, hair, points).min() == 1
    height = face_height(points[:, :2])
    rows, columns = np.mgrid[: len(alpha), : len(alpha)]
    other = (np.abs(columns - (points[CHIN, 0] - 1.7 * height)) < 0.4 * height) & (alpha < 0.1)
    other &= (rows > points[FOREHEAD_TOP, 1]) & (rows < points[CHIN, 1] + height)
    picture[other], alpha[other] = [0.1, 0.5, 0.2], 1.0
    share = own_share(picture, alpha, hair, points)
    upper = other & (rows < points[CHIN, 1] - 0.2 * height)
    assert upper.sum() > 500 and share[upper].mean() < 0.1
    assert share[face > 0.5].min() > 0.99 and share[hair > 0.5].mean() > 0.95


def test_the_back_of_a_turned_head_is_its_own(astronaut_portrait):
    """Something solid behind the face counts as hers if she is turned away from it, as a neighbour's if she is not."""
    points, size = astronaut_portrait.landmarks, len(astronaut_portrait.alpha)
    height = face_height(points[:, :2])
    rows, columns = np.mgrid[:size, :size]
    nape = (
        (columns > points[CHIN, 0])
        & (columns < points[CHIN, 0] + 1.05 * height)
        & (rows > points[FOREHEAD_TOP, 1])
        & (rows < points[NOSE_TIP, 1])
    )
    alpha = np.maximum(astronaut_portrait.alpha, nape).astype(np.float32)
    picture = np.where((nape & (astronaut_portrait.alpha < 0.1))[..., None], [0.1, 0.5, 0.2], astronaut_portrait.image).astype(np.float32)
    turned = points.copy()
    turned[EARS[0], 2], turned[EARS[1], 2] = 0.35 * height, -0.35 * height
    outside = nape & (columns > points[CHIN, 0] + 0.9 * height)
    assert outside.sum() > 200
    hair = np.zeros_like(alpha)
    assert own_share(picture, alpha, hair, turned)[outside].mean() > 0.9
    assert own_share(picture, alpha, hair, points)[outside].mean() < 0.5


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
    assert asked[0][:, : left - 2].max() == 0 == asked[0][:, right + 2 :].max() and asked[0][-20:, left + 6 : right - 6].mean() > 0.9
