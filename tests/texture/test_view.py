"""The rig as the portrait's camera sees it, and where one thing ends before another."""

import numpy as np

from perse.rig.skeleton import PART
from perse.texture.view import DEPTH_JUMP, View, across, contours, look


def test_what_a_pixel_sees_lies_on_its_ray(rig):
    view = look(rig)
    there = view.triangles >= 0
    points = np.einsum("nk,nkc->nc", view.bary[there], rig.vertices[rig.faces[view.triangles[there]]])
    xy, depth = rig.camera.project(points)
    row, column = np.nonzero(there)
    np.testing.assert_allclose(xy, np.stack([column, row], 1) + 0.5, atol=0.02)
    np.testing.assert_allclose(view.depth[there], depth, atol=1e-4)
    assert np.isinf(view.depth[~there]).all() and (view.parts[~there] == -1).all() and not view.facing[~there].any()
    assert view.facing.max() <= 1 + 1e-9 and np.median(view.facing[view.shows("face")]) > 0.6
    distance = np.linalg.norm(points - rig.camera.centre, axis=1)
    assert (view.depth[there] <= distance + 1e-4).all()
    assert (view.shows("face", "shell") == np.isin(view.parts, [PART["face"], PART["shell"]])).all()


def test_a_view_of_other_triangles_is_asked_the_same_way(rig):
    view = look(rig)
    none = View.of(rig, np.full_like(view.triangles, -1), 0 * view.bary)
    assert np.isinf(none.depth).all() and not none.contours.any() and not none.shows("face", "shell", "body").any()
    same = View.of(rig, view.triangles, view.bary)
    assert np.array_equal(same.depth, view.depth) and np.array_equal(same.contours, view.contours) and view.contours.any()


def test_contours_of_the_face_lie_on_both_sides_of_its_edge():
    depth, face = np.full((40, 40), np.inf, np.float32), np.zeros((40, 40), bool)
    depth[:, 10:20], depth[:, 20:30], face[:, 10:20] = 1.0, 1.2, True
    edge = contours(depth, face)
    assert edge[20, [9, 10, 19, 20]].all() and not edge[20, [5, 12, 17, 23, 29, 30]].any()


def test_a_temple_is_told_from_a_far_cheek():
    depth, face = np.full((40, 60), 1.0, np.float32), np.zeros((40, 60), bool)
    face[:, 20:40], depth[:, :20], depth[:, 40:] = True, 1.15, 1.6  # hair beside it on one side, far behind it on the other
    far = contours(depth, face, 0.3)
    assert far[20, [39, 40]].all() and not far[20, [19, 20]].any() and contours(depth, face)[20, [19, 20, 39, 40]].all()


def test_what_is_behind_a_contour_is_found_near_it_alone():
    depth = np.full((64, 64), np.inf)
    depth[:, 8:32], depth[:, 32:56] = 5.0, 5.5  # one sheet before another
    pixels = np.array([[30, 20], [31, 40], [12, 20], [9, 20], [40, 20]])
    found, there = across(depth, pixels, reach=9)
    # Near the jump, far from it, at the outline with nothing behind, and already behind.
    assert there.tolist() == [True, True, False, False, False]
    assert (depth[found[there][:, 1], found[there][:, 0]] == 5.5).all() and (found[:2, 1] == pixels[:2, 1]).all()
    assert not across(np.where(depth == 5.5, 5.0 + 0.5 * DEPTH_JUMP, depth), pixels, 9)[1].any()
