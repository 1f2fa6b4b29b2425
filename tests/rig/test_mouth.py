"""Between the lips: where a portrait's teeth end, and where they go that it does not show."""

import cv2
import numpy as np
import pytest
import torch

from perse.face.landmarks import CHIN, FACE, LIPS, LOWER_LIP, UPPER_LIP
from perse.face.measures import mouth_opening
from perse.rig.expressions import expand
from perse.rig.mouth import arch_depth, build_teeth, crown_share, look_between_lips
from perse.rig.skeleton import PART

WHITE, DARK, TONGUE, LIP = (0.85, 0.82, 0.75), (0.1, 0.04, 0.04), (0.6, 0.4, 0.42), (0.7, 0.42, 0.4)


@pytest.fixture(scope="module")
def face(rig):
    """(468, 3): the astronaut with an open mouth."""
    return rig.poser()(torch.from_numpy(expand({"jaw_open": 0.7}))).numpy()[:FACE].astype(np.float64)


@pytest.fixture(scope="module")
def drawn(face, rig):
    """drawn(share of the gap: colour, ...) from the upper lip down -> (S, S, 3)."""
    camera = rig.camera.resized(768, 768)
    upper, lower = (camera.project(face[LIPS[row]])[0] for row in ("upper_inner", "lower_inner"))

    def draw(*bands):
        picture = np.full((768, 768, 3), LIP, np.float32)
        for start, end, colour in bands:
            band = np.concatenate([upper + start * (lower - upper), (upper + end * (lower - upper))[::-1]])
            cv2.fillPoly(picture, [np.round(band).astype(np.int32)], colour)
        return picture, camera

    return draw


def shares(edge: np.ndarray, face: np.ndarray, camera) -> np.ndarray:
    """How far down the gap an edge (K, 2) is seen, in the middle of the mouth."""
    edge = edge[np.abs(edge[:, 0] - face[UPPER_LIP, 0]) < 0.07]
    y = camera.project(np.stack([edge[:, 0], edge[:, 1], arch_depth(face, edge[:, 0])], 1))[0][:, 1]
    (top, bottom), _ = camera.project(face[[UPPER_LIP, LOWER_LIP]])
    return (y - top[1]) / (bottom[1] - top[1])


def test_both_rows_end_where_the_portrait_shows_it(face, drawn):
    picture, camera = drawn((0, 1, DARK), (0, 0.4, WHITE), (0.75, 1, WHITE))
    seen = look_between_lips(face, picture, camera)
    assert np.abs(shares(seen.upper, face, camera) - 0.4).max() < 0.08
    assert np.abs(shares(seen.lower, face, camera) - 0.75).max() < 0.08


def test_teeth_in_the_upper_lips_shade_count_and_a_tongue_behind_the_lower_ones_does_not(face, drawn):
    shaded = tuple(0.52 * c for c in WHITE)
    picture, camera = drawn((0, 1, DARK), (0, 0.3, shaded), (0.5, 0.8, TONGUE), (0.8, 1, WHITE))
    seen = look_between_lips(face, picture, camera)
    assert np.abs(shares(seen.upper, face, camera) - 0.3).max() < 0.08
    assert np.abs(shares(seen.lower, face, camera) - 0.8).max() < 0.1


def test_rows_that_an_open_mouth_hides_are_level_behind_the_lips(face, drawn):
    picture, camera = drawn((0, 1, DARK))
    seen = look_between_lips(face, picture, camera)
    assert shares(seen.upper, face, camera).max() < 0 and shares(seen.lower, face, camera).min() > 1
    assert np.ptp(seen.upper[:, 1]) == np.ptp(seen.lower[:, 1]) == 0
    teeth = build_teeth(face, "upper", seen.upper).vertices
    assert teeth[:, 1].max() == pytest.approx(seen.upper[0, 1])


def test_a_grey_tongue_is_no_row_of_teeth(face, drawn):
    picture, camera = drawn((0, 1, DARK), (0, 1, WHITE))
    grey = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
    assert shares(look_between_lips(face, picture, camera).upper, face, camera).min() > 0.9
    grey[grey[..., 0] < 0.6] = 0.9  # skin is brighter
    assert shares(look_between_lips(face, grey, camera).upper, face, camera).max() < 0


def test_a_closed_mouth_tells_nothing(hopper_rig, hopper_portrait):
    assert mouth_opening(hopper_rig.vertices) < 0.06
    seen = look_between_lips(hopper_rig.vertices, hopper_portrait.image, hopper_rig.camera)
    assert seen.upper is None and seen.lower is None


@pytest.mark.parametrize("row", ["upper", "lower"])
def test_a_smile_does_not_make_teeth_grow(row, face):
    wide = face.copy()
    wide[:, 0] *= 1.3

    def crown(of):
        teeth = build_teeth(of, row).vertices
        return crown_share(of, teeth) * np.ptp(teeth[np.abs(teeth[:, 0] - np.median(teeth[:, 0])) < 0.03, 1])

    assert crown(wide) == pytest.approx(crown(face), rel=0.1)


def test_the_bag_is_wound_to_be_looked_into(rig):
    faces = rig.faces[rig.part_faces("cavity")]
    a, b, c = (rig.vertices[faces[:, i]].astype(np.float64) for i in range(3))
    middle = rig.vertices[rig.vertex_part == PART["cavity"]].mean(0)
    assert (np.cross(b - a, c - a) * (middle - (a + b + c) / 3)).sum() > 0


def opened(rig, shape=None, **expression) -> np.ndarray:
    """Vertices of an expression."""
    return rig.poser()(torch.from_numpy(expand(expression)), shape=shape).numpy()


@pytest.mark.parametrize("which", ["rig", "hopper_rig"])
def test_nothing_of_the_throat_stands_in_an_open_mouth(which, request):
    rig = request.getfixturevalue(which)
    vertices = opened(rig, jaw_open=1.0)
    bag = vertices[rig.vertex_part == PART["cavity"]]
    # The jaw's underside, throat and neck: skin of head and bust below the lips.
    skin = np.isin(rig.vertex_part, [PART["shell"], PART["body"]]) & (rig.vertices[:, 1] > rig.vertices[LOWER_LIP, 1])
    x, y, z = vertices[skin].T
    assert not ((np.abs(x - vertices[LOWER_LIP, 0]) < 0.15) & (y < vertices[LOWER_LIP, 1]) & (z < bag[:, 2].max())).any()
    chin = vertices[CHIN] - rig.vertices[CHIN]
    near = np.linalg.norm(rig.vertices[skin] - rig.vertices[CHIN], axis=1)
    moved = np.linalg.norm((vertices - rig.vertices)[skin], axis=1)
    assert moved[near.argmin()] > 0.5 * np.linalg.norm(chin)
    # The neck stays, and the nape almost.
    body = rig.vertex_part[skin] == PART["body"]
    assert moved[body & (near > 1.0)].max() < 0.05
    nape = rig.vertices[skin][:, 2] > 1.3
    assert nape.sum() > 50 and moved[nape].max() < 0.2 * np.linalg.norm(chin)


def test_lower_teeth_keep_up_with_a_lip_that_goes_down_far(hopper_rig):
    teeth = hopper_rig.vertex_part == PART["lower_teeth"]

    def drop(by: float) -> float:
        shape = torch.zeros(len(hopper_rig.vertices), 3)
        shape[LIPS["lower_inner"][1:-1], 1] = by
        return float((opened(hopper_rig, shape) - hopper_rig.vertices)[teeth, 1].mean())

    assert drop(0.02) == 0 and drop(0.3) > 0.2


def test_the_tongue_stays_up_in_an_open_mouth(hopper_rig):
    vertices = opened(hopper_rig, jaw_open=1.0)
    top = vertices[hopper_rig.vertex_part == PART["tongue"], 1].min()
    assert vertices[UPPER_LIP, 1] + 0.03 < top < vertices[LOWER_LIP, 1] - 0.2 * (vertices[LOWER_LIP, 1] - vertices[UPPER_LIP, 1])


@pytest.mark.parametrize("which", ["rig", "hopper_rig"])
@pytest.mark.parametrize("way", [0.3, 0.4, 0.5, 0.6])
def test_a_tongue_on_its_way_out_is_over_lower_teeth_and_lip(which, way, request):
    rig = request.getfixturevalue(which)
    vertices, still = (opened(rig, jaw_open=0.4, tongue_out=out) for out in (way, 0.0))
    tongue = rig.vertex_part == PART["tongue"]
    lip, teeth = vertices[LOWER_LIP], vertices[rig.vertex_part == PART["lower_teeth"]]
    at_lip = vertices[tongue & (np.abs(vertices[:, 2] - lip[2]) < 0.04) & (np.abs(vertices[:, 0] - lip[0]) < 0.1)]
    assert (at_lip[:, 1] < lip[1]).all()
    tip, edge = vertices[tongue][:12][4:8], teeth[np.abs(teeth[:, 0] - lip[0]) < 0.1, 1].min()  # the middle of its front edge
    assert (tip[:, 1] < lip[1]).all() and (tip[:, 1] > vertices[UPPER_LIP, 1]).all()
    if way > 0.35:  # it has come to the teeth
        assert (tip[:, 1] < edge).all() and (tip[:, 2] < vertices[UPPER_LIP, 2] + 0.1).all(), "it is seen between them"
    root = np.flatnonzero(tongue)[-12:]
    assert np.abs(vertices[root] - still[root]).max() < 1e-6
