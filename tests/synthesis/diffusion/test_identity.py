"""The face as an embedding takes it, and an embedding that OpenCV can read or not."""

import cv2
import numpy as np

from perse.synthesis.diffusion.identity import TEMPLATE, aligned, load_embedding


def test_the_face_is_laid_on_the_template(astronaut_portrait):
    landmarks = astronaut_portrait.landmarks
    marked = np.zeros_like(astronaut_portrait.image)
    eyes = [landmarks[[33, 133], :2].mean(0), landmarks[[362, 263], :2].mean(0)]
    for point in eyes:
        cv2.circle(marked, tuple(int(v) for v in point), 6, (1, 1, 1), -1)
    face = aligned(marked, landmarks)[..., 0]
    assert face.shape == (112, 112)
    for x, y in TEMPLATE[:2]:
        assert face[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].max() > 0.6
    assert 0.001 < face.mean() < 0.05
    # Turned and larger it is the same face.
    turned = np.rot90(astronaut_portrait.image).repeat(2, 0).repeat(2, 1)
    side = astronaut_portrait.image.shape[1]
    moved = np.stack([landmarks[:, 1], side - landmarks[:, 0]], 1) * 2
    assert np.abs(aligned(turned, moved) - aligned(astronaut_portrait.image, landmarks)).mean() < 0.03


def test_a_file_that_is_no_network_gives_no_embedding(tmp_path):
    (tmp_path / "face.onnx").write_bytes(b"nonsense")
    assert load_embedding(tmp_path / "face.onnx") is None
    assert load_embedding(tmp_path / "missing.onnx") is None
