"""Exported clouds, read by an independent library and by our own reader."""

import numpy as np
import plyfile
import pytest
import torch

from perse.errors import PerseError
from perse.render.cloud import GaussianCloud
from perse.render.ply import read_ply, write_ply
from perse.render.reference import rotations
from perse.render.synthetic import SOURCE_TYPE


@pytest.fixture
def cloud():
    random = torch.Generator().manual_seed(0)
    return GaussianCloud(
        torch.randn(50, 3, generator=random),
        3 * torch.randn(50, 4, generator=random),
        torch.rand(50, 3, generator=random) * 0.1 + 1e-3,
        torch.rand(50, generator=random) * 0.9 + 0.05,
        torch.rand(50, 3, generator=random),
    )


def test_the_layout_is_the_one_viewers_expect(cloud, tmp_path):
    write_ply(cloud, tmp_path / "head.ply")
    file = plyfile.PlyData.read(tmp_path / "head.ply")
    assert not file.text and file.byte_order == "<"
    vertex = file["vertex"]
    assert [item.name for item in vertex.properties] == [
        "x",
        "y",
        "z",
        "nx",
        "ny",
        "nz",
        "f_dc_0",
        "f_dc_1",
        "f_dc_2",
        "opacity",
        "scale_0",
        "scale_1",
        "scale_2",
        "rot_0",
        "rot_1",
        "rot_2",
        "rot_3",
    ]
    np.testing.assert_array_equal(vertex["x"], cloud.means[:, 0])
    np.testing.assert_allclose(0.5 + 0.28209479 * vertex["f_dc_1"], cloud.colors[:, 1], atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-vertex["opacity"])), cloud.opacities, atol=1e-6)
    np.testing.assert_allclose(np.exp(vertex["scale_2"]), cloud.scales[:, 2], rtol=1e-5)
    lengths = sum(vertex[f"rot_{k}"].astype(float) ** 2 for k in range(4))
    np.testing.assert_allclose(lengths, 1.0, rtol=1e-5)
    assert file.comments == ["Synthetic 3D head of a person, made by PERSE", f"DigitalSourceType {SOURCE_TYPE}"]


def test_all_62_properties_are_there_when_they_are_asked_for(cloud, tmp_path):
    write_ply(cloud, tmp_path / "head.ply", all_properties=True)
    vertex = plyfile.PlyData.read(tmp_path / "head.ply")["vertex"]
    names = [item.name for item in vertex.properties]
    assert len(names) == 62 and names[9:54] == [f"f_rest_{k}" for k in range(45)] and names[54:56] == ["opacity", "scale_0"]
    assert not any(vertex[f"f_rest_{k}"].any() for k in range(45))
    again = read_ply(tmp_path / "head.ply")
    torch.testing.assert_close(again.colors, cloud.colors)
    torch.testing.assert_close(again.scales, cloud.scales)


def test_with_y_up_the_same_cloud_has_made_half_a_turn(cloud, tmp_path):
    write_ply(cloud, tmp_path / "head.ply", y_up=True)
    again, turn = read_ply(tmp_path / "head.ply"), torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    torch.testing.assert_close(again.means, cloud.means @ turn)

    def covariances(c):
        spread = rotations(c.quats) * c.scales[:, None, :]
        return spread @ spread.transpose(1, 2)

    torch.testing.assert_close(covariances(again), turn @ covariances(cloud) @ turn, rtol=1e-4, atol=1e-7)


def test_roundtrip(cloud, tmp_path):
    write_ply(cloud, tmp_path / "head.ply")
    again = read_ply(tmp_path / "head.ply")
    torch.testing.assert_close(again.means, cloud.means)
    torch.testing.assert_close(again.scales, cloud.scales)
    torch.testing.assert_close(again.opacities, cloud.opacities)
    torch.testing.assert_close(again.colors, cloud.colors)
    torch.testing.assert_close(again.quats, torch.nn.functional.normalize(cloud.quats, dim=-1))
    assert [item.name for item in tmp_path.iterdir()] == ["head.ply"]


def test_invisible_gaussians_are_dropped_and_full_opacity_stays_finite(cloud, tmp_path):
    cloud.opacities[:10] = 0.0
    cloud.opacities[10] = 1.0
    cloud.opacities.requires_grad_()
    write_ply(cloud, tmp_path / "head.ply")
    again = read_ply(tmp_path / "head.ply")
    assert len(again) == 40 and torch.equal(again.means, cloud.means[10:])
    assert again.opacities[0] == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(plyfile.PlyData.read(tmp_path / "head.ply")["vertex"]["opacity"]).all()


def test_another_layout_is_refused(tmp_path):
    (tmp_path / "mesh.ply").write_bytes(b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n")
    with pytest.raises(PerseError, match="mesh.ply"):
        read_ply(tmp_path / "mesh.ply")
