"""The rig's mesh and its joints: closed where it must be, unmoved at rest, and nothing moves that should not."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.face.landmarks import (
    CHIN,
    EARS,
    EYE_CORNERS,
    FACE,
    FOREHEAD_TOP,
    LOWER_LIP,
    MOUTH_CORNERS,
    MOUTH_RING,
    NOSE_TIP,
    UPPER_LIP,
    eye_ring,
)
from perse.face.measures import eye_distance, face_height
from perse.face.triangles import canonical
from perse.rig.anatomy.template import head_template
from perse.rig.build import build_rig
from perse.rig.bust import ANGLES, ROWS
from perse.rig.ears import ears_of
from perse.rig.expressions import NAMES
from perse.rig.head import outwards
from perse.rig.skeleton import NECK_PIVOT, PART, PARTS

REST = torch.zeros(len(NAMES))


@pytest.fixture(params=["rig", "hopper_rig"])
def any_rig(request):
    return request.getfixturevalue(request.param)


def surface(rig) -> np.ndarray:
    """Triangles of the head's outside: the face, and what lies behind it."""
    return rig.faces[rig.part_faces("face", "shell")]


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return np.cross(b - a, c - a)


def turned(rig, yaw=0.0, pitch=0.0, roll=0.0) -> np.ndarray:
    return rig.poser()(REST, torch.tensor(np.radians([yaw, pitch, roll]), dtype=torch.float32)).numpy()


def test_face_and_head_are_one_closed_manifold_but_for_eyes_mouth_and_neck(any_rig):
    faces = surface(any_rig)
    edges = Counter(map(tuple, np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])))
    # Every edge is walked at most once in each direction: two triangles at an edge, wound alike.
    assert max(edges.values()) == 1
    border = {edge for edge in edges if edge[::-1] not in edges}
    neck = FACE + head_template().neck_loop
    assert {i for edge in border for i in edge} == {*eye_ring("left"), *eye_ring("right"), *MOUTH_RING, *neck}
    assert len(border) == 16 + 16 + 20 + len(neck)
    undirected = {tuple(sorted(edge)) for edge in edges}
    # A sphere with four holes.
    assert len(np.unique(faces)) - len(undirected) + len(faces) == 2 - 4


def test_triangles_have_area_and_face_outwards(any_rig):
    """But for ears, which are folded, for the lips' inner rims, which roll into the mouth, and for slivers where the neck was cut off."""
    vertices, faces = any_rig.vertices.astype(np.float64), surface(any_rig)
    normal, middle = normals(vertices, faces), vertices[faces].mean(1)
    at_cut = np.isin(faces, FACE + head_template().neck_loop).sum(1) == 2
    ear = ears_of(any_rig)[faces].max(1) > 0.01
    assert np.linalg.norm(normal, axis=1)[~ear & ~at_cut].min() > 1e-5
    # Away from the head's middle, and below it from the line through it; under a jaw and under hair that overhangs, edgewise at most.
    cosine = (normal / np.linalg.norm(normal, axis=1, keepdims=True) * outwards(middle)).sum(1)
    mouth = vertices[[*MOUTH_CORNERS, UPPER_LIP, LOWER_LIP]].mean(0)
    rolled = (cosine < 0) & (np.linalg.norm(middle - mouth, axis=1) < 0.45)
    assert rolled.sum() <= 12
    assert (cosine[~rolled & ~ear] < -0.35).mean() < 0.003  # hair is pressed into the outline here and there


def test_every_vertex_and_face_has_a_part_and_a_place_in_the_atlas(any_rig):
    assert set(np.unique(any_rig.vertex_part)) == set(np.unique(any_rig.face_part)) == set(range(len(PARTS)))
    assert len(any_rig.vertices) == len(any_rig.vertex_part) == len(any_rig.jaw) == len(any_rig.head)
    assert any_rig.faces.min() == 0 and any_rig.faces.max() == len(any_rig.vertices) - 1
    assert np.isfinite(any_rig.vertices).all() and np.isfinite(any_rig.blendshapes).all()
    assert any_rig.uvs.min() >= 0 and any_rig.uvs.max() <= 1
    for weights in (any_rig.jaw, any_rig.head):
        assert weights.min() >= 0 and weights.max() <= 1


@pytest.mark.parametrize("name", ["rig", "hopper_rig"])
def test_the_rest_pose_is_the_portrait(name, request):
    rig = request.getfixturevalue(name)
    portrait = request.getfixturevalue({"rig": "astronaut_portrait", "hopper_rig": "hopper_portrait"}[name])
    rest = rig.poser()(REST, torch.zeros(3), torch.zeros(2)).numpy()
    assert np.array_equal(rest, rig.vertices)
    pixels, depth = rig.camera.project(rest[:FACE])
    assert np.abs(pixels - portrait.landmarks[:FACE, :2]).max() < 0.5
    assert depth.min() > 0
    # The irises lie where the portrait shows them.
    for side, iris in (("right", 468), ("left", 473)):
        pole = rig.vertices[rig.vertex_part == PART[f"eye_{side}"]][0]
        assert np.linalg.norm(rig.camera.project(pole[None])[0][0] - portrait.landmarks[iris, :2]) < 0.5


def test_the_unit_is_the_distance_of_the_eyes(any_rig):
    assert eye_distance(any_rig.vertices) == pytest.approx(1.0, abs=0.12)
    assert np.abs(any_rig.vertices[list(EYE_CORNERS)].mean(0)).max() < 0.12
    assert any_rig.vertices[EYE_CORNERS[1], 0] > 0.3  # left is the subject's own: +x
    assert any_rig.vertices[CHIN, 1] > 0.8  # the chin is down: +y
    assert any_rig.vertices[NOSE_TIP, 2] < any_rig.vertices[EARS[0], 2] - 0.3  # the nose is in front of the ears: -z


def test_the_skull_is_behind_the_face_and_above_the_eyes(any_rig):
    shell = any_rig.vertices[any_rig.vertex_part == PART["shell"]]
    assert shell[:, 2].max() > 1.2 and shell[:, 1].min() < -0.85
    assert 1.3 < np.ptp(shell[:, 0]) < 5


def test_turning_the_head_leaves_the_shoulders(any_rig):
    body = any_rig.vertex_part == PART["body"]
    for pose in (dict(yaw=30), dict(pitch=15), dict(roll=15)):
        moved = np.linalg.norm(turned(any_rig, **pose) - any_rig.vertices, axis=1)
        assert moved[body][-400:].max() == 0
        assert moved[:FACE].max() > 0.2
    # From the head down the neck lets go, and never takes hold again further below.
    rows = any_rig.head[body].reshape(ROWS, ANGLES)
    ring = head_template().head_follows[head_template().neck_loop]
    assert ring.min() - 1e-6 <= rows[0].min() and rows[0].max() <= ring.max() + 1e-6
    assert rows[-1].max() == 0 and (np.diff(rows, axis=0) <= 1e-6).all()


def test_neck_and_bust_stay_together_when_the_head_turns(any_rig):
    """Where the head ends the bust begins, at rest and in every pose."""
    loop = FACE + head_template().neck_loop
    first = np.flatnonzero(any_rig.vertex_part == PART["body"])[:ANGLES]
    for pose in (dict(), dict(yaw=40), dict(pitch=20), dict(pitch=-15), dict(roll=20)):
        posed = turned(any_rig, **pose)
        away = np.linalg.norm(posed[first][:, None] - posed[loop][None], axis=2).min(1)
        assert away.max() < 0.07, pose  # half the distance of two vertices of the head's last row, at most


def test_the_head_turns_rigidly_about_the_neck(any_rig):
    moved = turned(any_rig, yaw=30)
    head = (any_rig.vertex_part != PART["body"]) & (any_rig.head == 1)
    assert head[any_rig.vertex_part != PART["shell"]].sum() == (~np.isin(any_rig.vertex_part, [PART["shell"], PART["body"]])).sum()
    shell = any_rig.vertex_part == PART["shell"]
    assert any_rig.head[shell & (any_rig.vertices[:, 1] < 0.3)].min() > 0.9  # where the neck's muscles end
    before, after = any_rig.vertices[head] - NECK_PIVOT, moved[head] - NECK_PIVOT
    np.testing.assert_allclose(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1), atol=1e-4)
    # Seen head-on a positive yaw brings the nose towards the picture's left, a positive pitch brings it down.
    nose = any_rig.camera.project(any_rig.vertices[[1]])[0][0]
    assert any_rig.camera.project(moved[[1]])[0][0, 0] < nose[0] - 20
    assert any_rig.camera.project(turned(any_rig, pitch=15)[[1]])[0][0, 1] > nose[1] + 10


@pytest.mark.parametrize("gaze", [(20.0, 0.0), (-20.0, 0.0), (0.0, 15.0), (12.0, -10.0)])
def test_gaze_turns_the_eyeballs_and_not_the_skin(any_rig, gaze):
    moved = any_rig.poser()(REST, None, torch.tensor(np.radians(gaze), dtype=torch.float32)).numpy()
    changed = np.linalg.norm(moved - any_rig.vertices, axis=1) > 0
    balls = np.isin(any_rig.vertex_part, [PART["eye_right"], PART["eye_left"]])
    assert not changed[~balls].any() and changed[balls].mean() > 0.9
    for side, centre in zip(("right", "left"), any_rig.eye_centres):
        ball = any_rig.vertex_part == PART[f"eye_{side}"]
        before, after = any_rig.vertices[ball] - centre, moved[ball] - centre
        np.testing.assert_allclose(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1), atol=1e-5)
        # The pole leads: left for a positive yaw, down for a positive pitch.
        shift = after[0] - before[0]
        assert gaze[0] * -shift[0] >= 0 and gaze[1] * shift[1] >= 0 and np.abs(shift).max() > 0.02


def test_gaze_is_limited_to_what_eyes_can_do(any_rig):
    poser = any_rig.poser()
    far = poser(REST, None, torch.tensor([3.0, -3.0]))
    assert torch.equal(far, poser(REST, None, torch.tensor([1.0, -1.0])))


def test_posing_is_differentiable(rig):
    weights = torch.full((len(NAMES),), 0.3, requires_grad=True)
    head = torch.tensor([0.2, -0.1, 0.05], requires_grad=True)
    gaze = torch.tensor([0.1, 0.1], requires_grad=True)
    shape = torch.zeros(rig.vertices.shape, requires_grad=True)
    probe = torch.randn(rig.vertices.shape, generator=torch.Generator().manual_seed(0))
    (rig.poser()(weights, head, gaze, shape) * probe).sum().backward()
    for value in (weights, head, gaze, shape):
        assert torch.isfinite(value.grad).all() and value.grad.abs().max() > 0
    step = 1e-3

    def total(yaw):
        with torch.no_grad():
            return float((rig.poser()(weights, torch.tensor([yaw, -0.1, 0.05]), gaze, shape) * probe).double().sum())

    assert (total(0.2 + step) - total(0.2 - step)) / (2 * step) == pytest.approx(float(head.grad[0]), rel=0.02)


def test_the_mean_face_is_symmetric():
    vertices, mirror, triangles = canonical()
    np.testing.assert_allclose(vertices[mirror] * [-1, 1, 1], vertices, atol=1e-6)
    assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    # MediaPipe's own tessellation splits a few quads differently on the two sides.
    one, other = ({tuple(sorted(t)) for t in side} for side in (triangles, mirror[triangles]))
    assert len(one) == len(triangles) and len(one - other) < 0.05 * len(one)


def test_a_crown_keeps_its_height_when_the_face_turns_up(any_rig):
    """A skull is round about the joint that it turns on: what one sees of it then lies farther in front, and as high."""
    shell = any_rig.vertices[any_rig.vertex_part == PART["shell"]] - np.array(NECK_PIVOT, np.float32)
    angle = np.radians(8.0)
    up = shell[:, 1] * np.cos(angle) + shell[:, 2] * np.sin(angle)
    assert abs(up.min() - shell[:, 1].min()) < 0.03


def test_hair_that_hangs_beside_the_jaw_lags_behind_a_turning_head(astronaut_portrait):
    """Locks of her own hair's colours, painted down to the chin's height on one side."""
    points, size = astronaut_portrait.landmarks, len(astronaut_portrait.image)
    height = face_height(points[:, :2])
    rows, columns = np.mgrid[:size, :size]
    aside = (columns - points[CHIN, 0]) / height
    lock = (aside > 0.42) & (aside < 0.8) & (rows > points[FOREHEAD_TOP, 1]) & (rows < points[CHIN, 1] + 0.1 * height)
    masks = {name: np.where(lock, float(name == "hair"), mask).astype(np.float32) for name, mask in astronaut_portrait.masks.items()}
    portrait = replace(astronaut_portrait, alpha=np.maximum(astronaut_portrait.alpha, lock).astype(np.float32), masks=masks)
    short, long = (build_rig(p) for p in (astronaut_portrait, portrait))
    shell = long.vertex_part == PART["shell"]
    # What stands off the head, low, because there is a lock: all of it on her left.
    hangs = shell & (np.abs(long.vertices[:, 0]) > np.abs(short.vertices[:, 0]) + 0.15) & (long.vertices[:, 1] > 0.7)
    assert hangs.sum() > 20 and long.vertices[hangs, 0].min() > 0.7
    assert long.head[hangs].mean() < 0.85
    for rig in (short, long):
        assert rig.head[shell & (rig.vertices[:, 1] < 0.1)].min() > 0.95
