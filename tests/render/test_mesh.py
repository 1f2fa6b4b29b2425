"""The triangle renderer against cases that can be worked out by hand."""

import threading

import numpy as np
import pytest

from perse.render.camera import Camera
from perse.render.mesh import rasterize_ids, render_mesh, see_mesh

QUAD = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
QUAD_UVS = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], dtype=np.float32)


@pytest.fixture
def camera():
    """A picture of 40 x 30 in which the plane z = 2 shows x in [-4, 4] and y in [-3, 3]."""
    return Camera(np.eye(4), np.array([[10, 0, 20], [0, 10, 15], [0, 0, 1]]), 40, 30)


def quad(left, right, top, bottom, z=2.0):
    return np.array([[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]], dtype=np.float32)


def plain(*values):
    return np.array(values, dtype=np.float32).reshape(1, 1, -1)


def test_a_textured_quad_shows_its_texture(camera):
    random = np.random.default_rng(0)
    texture = random.random((30, 40, 3)).astype(np.float32)
    image, alpha, depth = render_mesh(quad(-4, 4, -3, 3), QUAD, QUAD_UVS, texture, camera, supersample=1)
    np.testing.assert_allclose(image, texture, atol=1e-5)
    np.testing.assert_allclose(alpha, 1.0)
    np.testing.assert_allclose(depth, 2.0, rtol=1e-6)


def test_coverage_is_the_share_of_the_pixel(camera):
    # The left edge at pixel 10.5, the top at 5.25: on a 4 x 4 grid those are exact shares.
    image, alpha, depth = render_mesh(quad(-1.9, 4, -1.95, 3), QUAD, QUAD_UVS, plain(0.8, 0.4, 0.2), camera, supersample=4)
    assert alpha[20, 9] == 0 and alpha[20, 10] == pytest.approx(0.5) and alpha[20, 11] == 1
    assert alpha[4, 20] == 0 and alpha[5, 20] == pytest.approx(0.75)
    # Premultiplied: the colour over the coverage is the texture's own, with no dark fringe.
    np.testing.assert_allclose(image, alpha[..., None] * plain(0.8, 0.4, 0.2), atol=1e-6)
    assert np.isinf(depth[alpha == 0]).all() and np.isfinite(depth[alpha > 0]).all()


def test_the_nearest_surface_wins_whatever_the_order(camera):
    near, far = quad(-1, 1, -1, 1, z=1.0), quad(-4, 4, -3, 3, z=2.0)
    texture = np.array([[[1, 0, 0], [0, 1, 0]]], dtype=np.float32)  # red near, green far
    uvs = np.concatenate([np.full((2, 3, 2), (0.0, 0.5)), np.full((2, 3, 2), (1.0, 0.5))]).astype(np.float32)
    vertices = np.concatenate([near, far])
    faces = np.concatenate([QUAD, QUAD + 4])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        image, alpha, depth = render_mesh(vertices, faces[order], uvs[order], texture, camera)
        inside = np.zeros((30, 40), dtype=bool)
        inside[5:25, 10:30] = True
        np.testing.assert_allclose(image[inside], np.tile([[1, 0, 0]], (inside.sum(), 1)), atol=1e-6)
        np.testing.assert_allclose(image[~inside], np.tile([[0, 1, 0]], ((~inside).sum(), 1)), atol=1e-6)
        np.testing.assert_allclose(depth, np.where(inside, 1.0, 2.0), rtol=1e-6)


def test_interpolation_is_perspective_correct(camera):
    """A floor seen at an angle: the texture coordinate must follow the ray's hit, not the screen."""
    floor = np.array([[-20, 1, 1.5], [20, 1, 1.5], [20, 1, 9.0], [-20, 1, 9.0]], dtype=np.float32)
    uvs = np.array([[[0, 0], [0, 0], [0, 1]], [[0, 0], [0, 1], [0, 1]]], dtype=np.float32)
    ramp = np.linspace(0, 1, 200, dtype=np.float32)[:, None, None]
    image, alpha, depth = render_mesh(floor, QUAD, uvs, ramp, camera, supersample=1)
    for row in range(17, 21):
        z = 10.0 / (row + 0.5 - 15)
        assert alpha[row, 20] == 1
        assert depth[row, 20] == pytest.approx(z, rel=1e-5)
        assert image[row, 20, 0] == pytest.approx((z - 1.5) / 7.5, abs=3e-3)


def test_ids_and_barycentrics_find_the_point(camera):
    random = np.random.default_rng(1)
    vertices = random.uniform((-2, -2, 1), (2, 2, 6), (60, 3)).astype(np.float32)
    faces = random.integers(0, 60, (40, 3)).astype(np.int32)
    face_id, bary = rasterize_ids(vertices, faces, camera)
    assert face_id.dtype == np.int32 and (face_id >= 0).any() and (face_id < 0).any()
    seen = face_id >= 0
    points = np.einsum("nk,nkd->nd", bary[seen], vertices[faces[face_id[seen]]])
    y, x = np.nonzero(seen)
    np.testing.assert_allclose(camera.project(points)[0], np.stack([x, y], 1) + 0.5, atol=1e-2)
    np.testing.assert_allclose(bary[seen].sum(1), 1, atol=1e-5)
    assert bary[seen].min() > -1e-3 and not bary[~seen].any()


def test_a_closed_surface_has_no_cracks(camera):
    """Many small triangles that share edges cover a rectangle completely, every sample once or more."""
    random = np.random.default_rng(2)
    x, y = np.meshgrid(np.linspace(-5, 5, 31), np.linspace(-4, 4, 31))
    grid = np.stack([x, y, np.full_like(x, 2.0)], axis=-1)
    grid[1:-1, 1:-1, :2] += random.uniform(-0.08, 0.08, (29, 29, 2))
    index = np.arange(31 * 31).reshape(31, 31)
    corners = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    faces = np.concatenate([corners[:, [0, 1, 2]], corners[:, [0, 2, 3]]])
    face_id, _ = rasterize_ids(grid.reshape(-1, 3), faces, camera.resized(400, 300))
    assert (face_id >= 0).all()


def test_culling_by_orientation(camera):
    def covered(faces, cull):
        return render_mesh(quad(-1, 1, -1, 1), faces, QUAD_UVS, plain(1.0), camera, cull=cull)[1].any()

    clockwise = QUAD  # left top, right top, right bottom in a picture whose y runs down
    turned = np.ascontiguousarray(QUAD[:, ::-1])
    assert covered(clockwise, None) and covered(turned, None)
    assert not covered(clockwise, "back") and covered(turned, "back")
    assert covered(clockwise, "front") and not covered(turned, "front")


def test_the_opacity_channel_cuts_the_outline_without_bleeding(camera):
    texture = np.zeros((8, 80, 4), dtype=np.float32)
    texture[:, :, :3] = (0.0, 1.0, 0.0)  # what lies under transparent texels must not show
    texture[:, :40] = (1.0, 0.0, 0.0, 1.0)
    behind = quad(-6, 6, -4.5, 4.5, z=3.0)
    image, alpha, depth = render_mesh(quad(-4, 4, -3, 3), QUAD, QUAD_UVS, texture, camera, supersample=4, alpha_channel=True)
    assert image.shape == (30, 40, 3)
    np.testing.assert_allclose(alpha[:, :20], 1.0, atol=1e-6)
    np.testing.assert_allclose(alpha[:, 21:], 0.0)
    np.testing.assert_allclose(image[..., 0], alpha, atol=1e-5)
    assert image[..., 1].max() == 0
    # The surface behind shows where the front one is cut away.
    vertices, faces = np.concatenate([quad(-4, 4, -3, 3), behind]), np.concatenate([QUAD, QUAD + 4])
    uvs = np.concatenate([QUAD_UVS, np.full((2, 3, 2), (0.0, 0.0), dtype=np.float32)])
    _, alpha, depth = render_mesh(vertices, faces, uvs, texture, camera, alpha_channel=True)
    assert alpha.min() == 1
    np.testing.assert_allclose(depth[:, :20], 2.0, rtol=1e-5)
    np.testing.assert_allclose(depth[5:25, 21:33], 3.0, rtol=1e-5)


def test_an_overlay_hides_behind_the_depth_of_its_base(camera):
    seen = see_mesh(quad(-1, 1, -1, 1, z=2.0), QUAD, QUAD_UVS, plain(1.0), camera)
    base_depth = seen.depth()
    assert np.isinf(base_depth).any() and base_depth.min() == pytest.approx(2.0)
    arguments = (QUAD, QUAD_UVS, plain(0.5), camera)
    overlay, alpha, depth = render_mesh(quad(-2, 2, -2, 2, z=2.5), *arguments, occlusion=base_depth)
    assert alpha[15, 20] == 0 and np.isinf(depth[15, 20])  # hidden
    assert alpha[15, 13] == 1 and depth[15, 13] == pytest.approx(2.5)  # beside the base
    _, alpha, _ = render_mesh(quad(-2, 2, -2, 2, z=1.5), *arguments, occlusion=base_depth)
    assert alpha[15, 20] == 1
    with pytest.raises(ValueError, match="occlusion"):
        render_mesh(quad(-2, 2, -2, 2), *arguments, occlusion=base_depth[:30])


def test_what_cannot_be_drawn_is_dropped(camera):
    vertices = np.array([[-1, -1, 2], [1, -1, -1], [0, 1, 2], [np.nan, 0, 2], [0, 0, 1e-3], [5, 5, 2]], dtype=np.float32)
    faces = np.array([[0, 1, 2], [0, 3, 2], [0, 4, 2], [0, 0, 2]], dtype=np.int32)
    _, alpha, _ = render_mesh(vertices, faces, np.zeros((4, 3, 2)), plain(1.0), camera)
    assert not alpha.any()
    image, alpha, depth = render_mesh(vertices, faces[:0], np.zeros((0, 3, 2)), plain(1.0), camera)
    assert not alpha.any() and np.isinf(depth).all()


def test_wrong_input_is_named(camera):
    with pytest.raises(ValueError, match="0..3 of 3"):
        render_mesh(quad(-1, 1, -1, 1)[:3], QUAD, QUAD_UVS, plain(1.0), camera)
    with pytest.raises(ValueError, match="uvs"):
        render_mesh(quad(-1, 1, -1, 1), QUAD, QUAD_UVS[:1], plain(1.0), camera)
    with pytest.raises(ValueError, match="sideways"):
        render_mesh(quad(-1, 1, -1, 1), QUAD, QUAD_UVS, plain(1.0), camera, cull="sideways")


def test_threads_do_not_disturb_each_other(camera):
    random = np.random.default_rng(3)
    vertices = np.concatenate([random.uniform(-3, 3, (90, 2)), random.uniform(1, 6, (90, 1))], axis=1)
    faces = random.integers(0, 90, (200, 3)).astype(np.int32)
    uvs, texture = random.random((200, 3, 2)), random.random((16, 16, 3))
    expected = render_mesh(vertices, faces, uvs, texture, camera)
    wrong = []

    def work():
        for _ in range(20):
            result = render_mesh(vertices, faces, uvs, texture, camera)
            if not all(np.array_equal(a, b) for a, b in zip(result, expected)):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_vertices_hold_what_pixels_are_asked_for(camera):
    seen = see_mesh(quad(-1, 1, -1, 1, z=2.0), QUAD, QUAD_UVS, plain(1.0), camera)
    xy, _ = camera.project(quad(-1, 1, -1, 1, z=2.0))
    at, owner = seen.at_pixels(xy, QUAD)
    assert (owner[15, 20] >= 0) and (owner[0, 0] == -1) and not at[0, 0].any()
    inside = owner >= 0
    # The first sample of a pixel lies a quarter of it from its corner.
    wanted = np.stack(np.meshgrid(np.arange(40), np.arange(30)), -1) + 0.25
    np.testing.assert_allclose(at[inside], wanted[inside], atol=1e-4)
