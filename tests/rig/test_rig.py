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
from perse.rig.build import build_rig
from perse.rig.expressions import NAMES
from perse.rig.skeleton import NECK_PIVOT, PART, PARTS

REST = torch.zeros(len(NAMES))


@pytest.fixture(params=["rig", "hopper_rig"])
def any_rig(request):
    return request.getfixturevalue(request.param)


def surface(rig) -> np.ndarray:
    """Triangles of the head's outside: face and shell."""
    return rig.faces[rig.part_faces("face", "shell")]


def normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return np.cross(b - a, c - a)


def turned(rig, yaw=0.0, pitch=0.0, roll=0.0) -> np.ndarray:
    return rig.poser()(REST, torch.tensor(np.radians([yaw, pitch, roll]), dtype=torch.float32)).numpy()


def test_face_and_shell_are_one_closed_manifold_but_for_eyes_and_mouth(any_rig):
    faces = surface(any_rig)
    edges = Counter(map(tuple, np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])))
    # Every edge is walked at most once in each direction: two triangles at an edge, wound alike.
    assert max(edges.values()) == 1
    border = {edge for edge in edges if edge[::-1] not in edges}
    assert {i for edge in border for i in edge} == {*eye_ring("left"), *eye_ring("right"), *MOUTH_RING}
    assert len(border) == 16 + 16 + 20
    undirected = {tuple(sorted(edge)) for edge in edges}
    # A sphere with three holes.
    assert len(np.unique(faces)) - len(undirected) + len(faces) == 2 - 3


def test_triangles_have_area_and_face_outwards(any_rig):
    faces = surface(any_rig)
    normal = normals(any_rig.vertices, faces)
    assert np.linalg.norm(normal, axis=1).min() > 1e-5
    outwards = (normal * (any_rig.vertices[faces].mean(1) - [0, 0.2, 0.75])).sum(1)
    # Only the lips' inner rims may turn in: they roll into the mouth.
    rolled = set(faces[outwards < 0].ravel())
    mouth = any_rig.vertices[[*MOUTH_CORNERS, UPPER_LIP, LOWER_LIP]].mean(0)
    assert (outwards < 0).sum() <= 12
    assert all(np.linalg.norm(any_rig.vertices[i] - mouth) < 0.45 for i in rolled)


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
    # From the jaw down the neck lets go, and never takes hold again further below.
    rows = any_rig.head[body].reshape(-1, 40).mean(1)
    assert rows[0] > 0.95 and rows[-1] == 0 and (np.diff(rows) <= 1e-6).all()


def test_the_head_turns_rigidly_about_the_neck(any_rig):
    moved = turned(any_rig, yaw=30)
    head = any_rig.vertex_part != PART["body"]
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


def test_a_crown_does_not_sink_when_the_face_turns_up(any_rig):
    """What one sees of it then lies before the neck: an outline farther back would go down."""
    shell = any_rig.vertices[any_rig.vertex_part == PART["shell"]] - np.array(NECK_PIVOT, np.float32)
    angle = np.radians(8.0)
    up = shell[:, 1] * np.cos(angle) + shell[:, 2] * np.sin(angle)
    assert -0.1 < up.min() - shell[:, 1].min() < -0.01


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
    for rig, side, lags in ((short, -1, False), (short, 1, False), (long, -1, False), (long, 1, True)):
        shell = rig.vertex_part == PART["shell"]
        low = shell & (side * rig.vertices[:, 0] > 0.7) & (rig.vertices[:, 1] > 0.7)
        assert (rig.head[low].min(initial=1) < 0.85) == lags
        assert rig.head[shell & (rig.vertices[:, 1] < 0.1)].min() == 1
