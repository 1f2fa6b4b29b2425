"""Gaussian clouds as .ply files in the layout of the original 3D Gaussian Splatting code, which public viewers open.

Colour is the constant spherical harmonic, f_dc = (rgb - 0.5) / 0.28209479; opacity is a logit, scales are logarithms.
"""

from pathlib import Path

import numpy as np
import torch

from ..errors import PerseError
from ..files import write_atomically
from . import synthetic
from .cloud import GaussianCloud

_SH_CONSTANT = 0.28209479177387814  # 1 / (2 sqrt(pi)), the harmonic of degree 0
_MIN_OPACITY = 1.0 / 255.0
_PROPERTIES = (
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
)


def write_ply(cloud: GaussianCloud, path: str | Path) -> None:
    """Write a cloud, less the Gaussians too faint to be drawn (opacity < 1/255); comments say that it is synthetic.

    The file appears whole or not at all; PerseError if it cannot be written.
    """
    cloud = cloud.detach().to("cpu")
    cloud = cloud.select(cloud.opacities >= _MIN_OPACITY)
    opacities = cloud.opacities.double().clamp(max=1.0 - 1e-6)
    table = torch.cat(
        [
            cloud.means,
            torch.zeros_like(cloud.means),
            (cloud.colors - 0.5) / _SH_CONSTANT,
            torch.logit(opacities).float()[:, None],
            cloud.scales.clamp(min=1e-12).log(),
            torch.nn.functional.normalize(cloud.quats, dim=-1),
        ],
        dim=1,
    ).numpy()
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {synthetic.sentence('3D head')}",
        f"comment DigitalSourceType {synthetic.SOURCE_TYPE}",
        f"element vertex {len(cloud)}",
    ]
    header += [f"property float {name}" for name in _PROPERTIES] + ["end_header", ""]
    write_atomically(path, "\n".join(header).encode() + table.astype("<f4").tobytes())


def read_ply(path: str | Path) -> GaussianCloud:
    """Read what write_ply wrote. Raises PerseError for a file of another layout."""
    content = Path(path).read_bytes()
    header, found, body = content.partition(b"end_header\n")
    lines = header.decode("ascii", errors="replace").splitlines()
    names = tuple(line.split()[2] for line in lines if line.startswith("property float "))
    if not found or "format binary_little_endian 1.0" not in lines or names != _PROPERTIES:
        raise PerseError(f"{Path(path).name} is not a Gaussian splat file as PERSE writes them.")
    table = torch.from_numpy(np.frombuffer(body, dtype="<f4").reshape(-1, len(_PROPERTIES)).copy())
    return GaussianCloud(
        means=table[:, 0:3],
        quats=table[:, 13:17],
        scales=table[:, 10:13].exp(),
        opacities=table[:, 9].sigmoid(),
        colors=table[:, 6:9] * _SH_CONSTANT + 0.5,
    )
