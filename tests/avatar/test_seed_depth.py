"""How far away lies what the photo shows beside the mesh."""

import numpy as np

from perse.avatar.seeds.depth import to_outline


def test_hair_in_a_notch_lies_as_deep_as_the_meshs_outline():
    """A mesh whose depth rises to its edge, and a portrait that ends ten pixels before it on one side."""
    size, eye = 120, 100.0
    columns = np.tile(np.arange(size), (size, 1))
    shell = (columns >= 20) & (columns < 100)
    depth = np.where(shell, 5.0 + 0.01 * np.abs(columns - 59.5), 9.0)
    alpha = ((columns >= 20) & (columns < 90)).astype(np.float32)
    deep = to_outline(depth, alpha, shell, eye)
    assert np.allclose(deep[60, 88], depth[60, 98], atol=0.02) and deep[60, 88] > depth[60, 88] + 0.08
    assert np.array_equal(deep[:, :70], depth[:, :70]) and np.array_equal(deep[~shell], depth[~shell])
