"""How many Gaussians a portrait gets, and how those of what it hides lie."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perse.avatar.seeds.from_photo import FIRM, HARDLY, MOST, _facing, _lip_line, _to_outline, _visible, richness
from perse.avatar.seeds.seed import SEEN
from perse.avatar.seeds.unseen import BACKING, CORNER, STRAND, _corners, _downwards, _onto_person, hidden
from perse.face.landmarks import EYE, LIPS
from perse.render.camera import Camera
from perse.rig.skeleton import PART
from perse.texture.atlas import ATLAS, sample
from perse.texture.bake import bake


def test_detail_of_single_pixels_is_worth_more_gaussians(astronaut_portrait):
    size = len(astronaut_portrait.image)
    noise = np.random.default_rng(0).random((512, 512, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    sharp, blurred = (replace(astronaut_portrait, foreground=cv2.resize(x, (size, size), interpolation=cv2.INTER_NEAREST))
                      for x in (noise, soft))
    assert richness(sharp) == MOST and richness(blurred) == 1


def test_a_portrait_without_a_head_to_measure_is_usual(astronaut_portrait):
    assert richness(replace(astronaut_portrait, alpha=np.zeros_like(astronaut_portrait.alpha))) == 1


def test_hair_falls_along_the_surface():
    normal = np.random.default_rng(0).standard_normal((200, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    tangent = _downwards(np.concatenate([normal, [[0.0, -1.0, 0.0]]]))
    assert np.allclose(np.linalg.norm(tangent, axis=1), 1) and np.abs((tangent[:-1] * normal).sum(1)).max() < 1e-6
    assert (tangent[:-1, 1] > -0.1).all()
    assert tangent[-1, 2] > 0.9  # on the crown it lies backwards


def test_hidden_hair_is_drawn_out_along_the_strands_and_skin_is_not(astronaut_portrait, rig, texture):
    lifted = hidden(astronaut_portrait, rig, texture, np.random.default_rng(0))
    shell = rig.face_part[lifted.face] == 1
    hair = sample(texture.regions["hair"], lifted.uv[None] * ATLAS)[0]
    ratio = lifted.scales[:, 0] / lifted.scales[:, 1]
    assert np.allclose(ratio[shell & (hair > 0.8)], STRAND ** 2, rtol=1e-3)
    assert np.allclose(ratio[shell & (hair < 0.2)], 1, rtol=1e-3)


def test_what_stands_out_beyond_the_outline_is_drawn_onto_it():
    alpha = np.zeros((100, 100), np.float32)
    alpha[:, 30:70] = 1.0
    camera = Camera(np.eye(4, dtype=np.float32), np.array([[100, 0, 50], [0, 100, 50], [0, 0, 1]], np.float32), 100, 100)
    points = np.array([[0.0, 0.0, 5.0], [1.5, 0.2, 5.0], [-2.0, 0.0, 6.0], [9.0, 0.0, 5.0]])  # inside, beside, beside, out of the picture
    moved = _onto_person(points, alpha, camera)
    assert np.array_equal(moved[[0, 3]], points[[0, 3]])
    xy, depth = camera.project(moved[1:3])
    assert ((xy[:, 0] > 30) & (xy[:, 0] < 70)).all()
    assert np.allclose(depth, points[1:3, 2]) and np.abs(moved[1:3, 1] - points[1:3, 1]).max() < 0.05


def test_without_a_person_nothing_moves():
    camera = Camera(np.eye(4, dtype=np.float32), np.array([[9, 0, 5], [0, 9, 5], [0, 0, 1]], np.float32), 10, 10)
    points = np.array([[0.0, 0.0, 5.0]])
    assert np.array_equal(_onto_person(points, np.zeros((10, 10), np.float32), camera), points)


def test_corners_of_the_eyes_are_closed_behind_the_ball(rig, texture):
    for side, centre in zip(("right", "left"), rig.eye_centres):
        sheet = _corners(rig, texture, side)
        points = np.einsum("nk,nkc->nc", sheet.bary, rig.vertices[rig.faces[sheet.face]]) + sheet.offset
        outer, inner = rig.vertices[EYE[side]["outer"]], rig.vertices[EYE[side]["inner"]]
        # From corner to corner, behind the lids, within the ball where there is one.
        assert points[:, 0].min() < min(outer[0], inner[0]) and points[:, 0].max() > max(outer[0], inner[0])
        assert points[:, 2].min() > max(outer[2], inner[2]) - 0.1 and (points[:, 2] < centre[2]).all()
        radius = np.linalg.norm(rig.vertices[rig.vertex_part == PART[f"eye_{side}"]] - centre, axis=1).max()
        assert (np.linalg.norm(points - centre, axis=1) < radius).mean() > 0.7
        assert sheet.fixed.all()


@pytest.mark.slow
def test_skin_beside_the_outline_hangs_on_what_is_seen_well(hopper_portrait, hopper_rig):
    portrait, rig = hopper_portrait, hopper_rig
    lifted = _visible(portrait, rig, bake(portrait, rig), 20000)
    camera = rig.camera
    eye = -camera.viewmat[:3, :3].T @ camera.viewmat[:3, 3]
    points = np.einsum("nk,nkc->nc", lifted.bary, rig.vertices[rig.faces[lifted.face]]) + lifted.offset
    x, y = np.clip(camera.project(points)[0].astype(int), 0, len(portrait.alpha) - 1).T
    skin = lifted.outside & (portrait.masks["skin"][y, x] > 0.6) & (rig.face_part[lifted.face] != PART["body"])
    assert skin.sum() > 20 and (_facing(rig, eye)[lifted.face[skin]] > FIRM).mean() > 0.9


def test_no_dots_lie_before_the_side_of_a_cheek(astronaut_portrait, rig, texture):
    """What the photo shows of it from its edge is in the texture's shade; the rest is drawn out until it leaves no gaps."""
    lifted = _visible(astronaut_portrait, rig, texture, 8000)
    on_face = (rig.face_part[lifted.face] == PART["face"]) & ~lifted.outside
    seen = sample(texture.seen, lifted.uv[on_face][None] * ATLAS)[0]
    assert on_face.sum() > 1000 and seen.min() > HARDLY - 0.02
    slanted, ratio = seen < SEEN, lifted.scales[on_face, 0] / lifted.scales[on_face, 1]
    assert slanted.sum() > 10 and lifted.held[on_face][slanted].all() and np.median(ratio[slanted]) > 1.5


@pytest.mark.slow
def test_colours_are_held_along_the_line_between_lips(hopper_portrait, hopper_rig):
    lifted = _visible(hopper_portrait, hopper_rig, bake(hopper_portrait, hopper_rig), 8000)
    line = _lip_line(hopper_portrait)
    corners = hopper_rig.vertices[hopper_rig.faces[lifted.face]]
    xy, _ = hopper_rig.camera.project(np.einsum("nk,nkc->nc", lifted.bary, corners) + lifted.offset)
    column, row = np.clip(xy.astype(int), 0, len(line) - 1).T
    on_face = (hopper_rig.face_part[lifted.face] == PART["face"]) & ~lifted.outside
    assert lifted.held[on_face & line[row, column]].mean() > 0.9 and lifted.held[on_face & ~line[row, column]].mean() < 0.05


@pytest.mark.slow
def test_lips_have_a_back_that_the_throat_does_not_show_through(hopper_portrait, hopper_rig):
    texture = bake(hopper_portrait, hopper_rig)
    lifted = hidden(hopper_portrait, hopper_rig, texture, np.random.default_rng(0))
    seen = sample(texture.seen, lifted.uv[None] * ATLAS)[0] >= SEEN
    back = (hopper_rig.face_part[lifted.face] == PART["face"]) & seen
    assert back.sum() > 30 and lifted.fixed[back].all()
    np.testing.assert_allclose((lifted.offset[back] * lifted.normal[back]).sum(1), -BACKING, rtol=1e-3)
    points = np.einsum("nk,nkc->nc", lifted.bary[back], hopper_rig.vertices[hopper_rig.faces[lifted.face[back]]])
    corners = hopper_rig.vertices[[LIPS["upper_inner"][0], LIPS["upper_inner"][-1]]]
    assert np.linalg.norm(points[:, None] - corners, axis=2).min() > CORNER


def test_hair_in_a_notch_lies_as_deep_as_the_meshs_outline():
    """A mesh whose depth rises to its edge, and a portrait that ends ten pixels before it on one side."""
    size, eye = 120, 100.0
    columns = np.tile(np.arange(size), (size, 1))
    shell = (columns >= 20) & (columns < 100)
    depth = np.where(shell, 5.0 + 0.01 * np.abs(columns - 59.5), 9.0)
    alpha = ((columns >= 20) & (columns < 90)).astype(np.float32)
    deep = _to_outline(depth, alpha, shell, eye)
    assert np.allclose(deep[60, 88], depth[60, 98], atol=0.02) and deep[60, 88] > depth[60, 88] + 0.08
    assert np.array_equal(deep[:, :70], depth[:, :70]) and np.array_equal(deep[~shell], depth[~shell])
