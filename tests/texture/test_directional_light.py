"""The light that falls on a head is found on skin of one colour, and tells how bright what faces elsewhere would be."""

import numpy as np

from perse.texture.directional_light import BRIGHTEST, DARKEST, LEAST_TEXELS, directional_light, falls_on

TRUE = np.array([0.8, 0.18, -0.1, -0.22])  # from the subject's left, above and the front


def a_face(count: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals (N, 3) that look to the front, and skin (N, 3) under TRUE with a beard on a tenth of it."""
    rng = np.random.default_rng(seed)
    normals = rng.standard_normal((count, 3)) - [0, 0, 1.5]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    color = (TRUE[0] + normals @ TRUE[1:])[:, None] * [0.6, 0.45, 0.35]
    color[: count // 10] *= 0.3
    return normals, color + 0.01 * rng.standard_normal(color.shape)


def test_light_is_found_whatever_a_beard_says():
    normals, color = a_face()
    light = directional_light(color, normals, np.ones(len(normals)))
    ways = np.array([[1.0, 0, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1]])
    expected = TRUE[0] + ways @ TRUE[1:]
    found = light[0] + ways @ light[1:]
    np.testing.assert_allclose(found / found[3], expected / expected[3], atol=0.1)
    assert falls_on(light, ways[0]) > falls_on(light, ways[1]) + 0.1


def test_too_little_skin_tells_of_no_light():
    normals, color = a_face(LEAST_TEXELS - 1)
    assert directional_light(color, normals, np.ones(len(normals))).tolist() == [1, 0, 0, 0]


def test_a_face_of_black_and_white_patches_has_no_light_of_one_direction():
    normals, _ = a_face()
    patches = np.where(np.arange(len(normals)) % 2, 0.95, 0.05)[:, None] * np.ones(3)
    assert directional_light(patches, normals, np.ones(len(normals))).tolist() == [1, 0, 0, 0]


def test_what_was_never_seen_is_neither_black_nor_white():
    light = np.array([1.0, 0, 0, -0.9])
    shade = falls_on(light, np.array([[0, 0, 1.0], [0, 0, -1]]))
    assert shade.tolist() == [DARKEST, BRIGHTEST]
