"""Across a jump of depth; and what the photo shows of the sides of a head only from their edge."""

import numpy as np
import pytest

from perse.avatar.seeds.from_photo import lift
from perse.avatar.seeds.occluders import STEP, across
from perse.avatar.seeds.unseen import BACKING, SLANTED
from perse.rig.skeleton import PART


def test_what_is_behind_a_contour_is_found_near_it_alone():
    depth = np.full((64, 64), np.inf)
    depth[:, 8:32], depth[:, 32:56] = 5.0, 5.5  # one sheet before another
    pixels = np.array([[30, 20], [31, 40], [12, 20], [9, 20], [40, 20]])
    found, there = across(depth, pixels, pixels_per_unit=100)
    # Near the jump, far from it, at the outline with nothing behind, and already behind.
    assert there.tolist() == [True, True, False, False, False]
    assert (depth[found[there][:, 1], found[there][:, 0]] == 5.5).all() and (found[:2, 1] == pixels[:2, 1]).all()
    assert not across(np.where(depth == 5.5, 5.0 + 0.5 * STEP, depth), pixels, 100)[1].any()


@pytest.fixture(scope="module")
def lifted(astronaut_portrait, rig, texture):
    return lift(astronaut_portrait, rig, texture, 20000)


def test_sides_of_the_face_lie_under_what_the_photo_shows_and_stay_as_they_are(lifted, rig):
    point = np.einsum("nk,nkc->nc", lifted.bary, rig.vertices[rig.faces[lifted.face]])
    corners = rig.vertices[rig.faces[lifted.face]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    view = -rig.camera.viewmat[:3, :3].T @ rig.camera.viewmat[:3, 3] - point
    side = (rig.face_part[lifted.face] == PART["face"]) & ((normal * view).sum(1) < SLANTED * np.linalg.norm(view, axis=1))
    assert (lifted.fixed & side).sum() > 200
    np.testing.assert_allclose((lifted.offset * normal).sum(1)[lifted.fixed & side], -BACKING, atol=1e-6)
    # They keep their place, and their colours but for a little shade.
    assert (side | ~lifted.fixed)[lifted.held].all() and (lifted.held & ~lifted.fixed).sum() > 100
