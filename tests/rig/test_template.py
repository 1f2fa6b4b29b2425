"""The head's template: one closed surface, unrolled without a fold, as symmetric as a mean head, with its landmarks where they belong."""

from collections import Counter

import numpy as np
import pytest
from scipy.spatial import cKDTree

import perse.rig.anatomy.makehuman
from perse.face.landmarks import EYE_CORNERS, FACE, OVAL
from perse.face.triangles import canonical
from perse.rig.anatomy.template import BASIS, PATH, head_template

TEMPLATE = head_template()


def edges_of(faces: np.ndarray) -> Counter:
    return Counter(map(tuple, np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])))


def border_of(faces: np.ndarray) -> set[tuple[int, int]]:
    edges = edges_of(faces)
    assert max(edges.values()) == 1  # two triangles at an edge, wound alike
    return {edge for edge in edges if edge[::-1] not in edges}


def euler(faces: np.ndarray) -> int:
    return len(np.unique(faces)) - len({tuple(sorted(edge)) for edge in edges_of(faces)}) + len(faces)


def test_the_head_is_a_tube_from_the_faces_outline_to_the_neck():
    border = border_of(TEMPLATE.head_faces)
    neck = len(OVAL) + TEMPLATE.neck_loop
    assert {i for edge in border for i in edge} == {*range(len(OVAL)), *neck}
    assert len(border) == len(OVAL) + len(neck) and euler(TEMPLATE.head_faces) == 0
    assert set(np.unique(TEMPLATE.head_faces)) == set(range(len(OVAL) + len(TEMPLATE.head)))


def test_the_bust_is_open_at_neck_arms_and_waist_alone():
    border_of(TEMPLATE.bust_faces)
    assert euler(TEMPLATE.bust_faces) == 2 - 4
    # It begins where the head ends.
    away, _ = cKDTree(TEMPLATE.bust).query(TEMPLATE.head[TEMPLATE.neck_loop])
    assert away.max() < 1e-6


def test_the_chart_has_no_fold_and_no_gap():
    corners = TEMPLATE.head_chart
    twice = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (twice < 0).all()
    assert np.abs(twice).sum() / 2 == pytest.approx(1, abs=1e-5)
    at = TEMPLATE.outline_at
    assert at[0] == 0 and (np.diff(at) > 0).all() and at[-1] < 1
    np.testing.assert_allclose(TEMPLATE.around(at), np.arange(len(OVAL)))
    on_outline, on_neck = (np.isin(TEMPLATE.head_faces, of) for of in (np.arange(len(OVAL)), len(OVAL) + TEMPLATE.neck_loop))
    assert np.abs(corners[on_outline][:, 1]).max() < 1e-6 and np.abs(corners[on_neck][:, 1] - 1).max() < 1e-6


def test_both_halves_are_alike():
    mirror = canonical()[1][:FACE]
    np.testing.assert_allclose(TEMPLATE.landmarks[mirror] * [-1, 1, 1], TEMPLATE.landmarks, atol=2e-3)
    for points in (TEMPLATE.head, TEMPLATE.bust):
        assert cKDTree(points).query(points * [-1, 1, 1])[0].max() < 0.01


def test_the_landmarks_lie_where_those_of_the_mean_face_do():
    away = np.linalg.norm(TEMPLATE.landmarks - canonical()[0][:FACE], axis=1)
    assert away.mean() < 0.1 and away.max() < 0.2
    assert np.linalg.norm(np.subtract(*TEMPLATE.landmarks[list(EYE_CORNERS)])) == pytest.approx(1, abs=1e-3)


def test_it_has_a_skull_two_ears_and_a_neck_that_lets_go():
    assert -1.5 < TEMPLATE.head[:, 1].min() < -1.0 and 1.8 < TEMPLATE.head[:, 2].max() < 2.5
    ears = TEMPLATE.head[TEMPLATE.ears > 0.5]
    for side in (-1, 1):
        ear = ears[ears[:, 0] * side > 0]
        assert len(ear) > 100 and 0.6 < np.ptp(ear[:, 1]) < 1.2 and np.abs(ear[:, 0]).min() > 0.6
    assert TEMPLATE.head_follows[TEMPLATE.head[:, 1] < -0.3].min() == 1
    assert TEMPLATE.head_follows.min() > 0.3 and TEMPLATE.bust_follows[TEMPLATE.bust[:, 1] > 2.5].max() < 0.1


def test_its_ways_to_differ_come_by_size_and_leave_scale_to_the_head():
    sizes = [np.linalg.norm(np.concatenate([of[k].ravel() for of in (TEMPLATE.landmark_basis, TEMPLATE.head_basis, TEMPLATE.bust_basis)]))
             for k in range(BASIS)]  # fmt: skip
    assert all(a >= b - 1e-2 for a, b in zip(sizes, sizes[1:])) and sizes[0] > 5 * sizes[-1] > 0


def test_the_file_is_small_and_its_origin_is_told():
    assert PATH.stat().st_size < 2_000_000
    assert "CC0 1.0" in perse.rig.anatomy.makehuman.__doc__
