"""Gaussian clouds as .ply files in the layout of the original 3D Gaussian Splatting code, which public viewers open.

Colour is the constant spherical harmonic, f_dc = (rgb - 0.5) / 0.28209479; opacity is a logit, scales are logarithms. Axes are those of the
head's frame, y down, as that code's own scenes have them and as viewers of splats expect them; what has y up by habit takes the other.
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
_REST = 45  # coefficients of the harmonics of degree 1 to 3, three colours each: all zero, since our colours do not depend on the view
_PLACE, _COLOR, _OTHER = (
    ["x", "y", "z", "nx", "ny", "nz"],
    ["f_dc_0", "f_dc_1", "f_dc_2"],
    ["opacity", *(f"scale_{k}" for k in range(3)), *(f"rot_{k}" for k in range(4))],
)
_PROPERTIES = [*_PLACE, *_COLOR, *_OTHER]
_ALL_PROPERTIES = [*_PLACE, *_COLOR, *(f"f_rest_{k}" for k in range(_REST)), *_OTHER]


def write_ply(cloud: GaussianCloud, path: str | Path, all_properties: bool = False, y_up: bool = False) -> None:
    """Write a cloud, less the Gaussians too faint to be drawn (opacity < 1/255); comments say that it is synthetic.

    Args:
        all_properties: the original code's 62, with 45 zeros for every Gaussian, for readers that demand them; the file is 3.6 times as large.
        y_up: half a turn about the x axis, for what takes y as up and z as forwards.

    The file appears whole or not at all; PerseError if it cannot be written.
    """
    cloud = cloud.detach().to("cpu")
    cloud = cloud.select(cloud.opacities >= _MIN_OPACITY)
    opacities = cloud.opacities.double().clamp(max=1.0 - 1e-6)
    means, quats = cloud.means, torch.nn.functional.normalize(cloud.quats, dim=-1)
    if y_up:
        means = means * means.new_tensor([1.0, -1.0, -1.0])
        w, x, y, z = quats.unbind(-1)
        quats = torch.stack([-x, w, -z, y], -1)  # (0, 1, 0, 0) times it
    table = torch.cat(
        [
            means,
            torch.zeros_like(means),
            (cloud.colors - 0.5) / _SH_CONSTANT,
            torch.zeros(len(cloud), _REST if all_properties else 0),
            torch.logit(opacities).float()[:, None],
            cloud.scales.clamp(min=1e-12).log(),
            quats,
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
    header += [f"property float {name}" for name in (_ALL_PROPERTIES if all_properties else _PROPERTIES)] + ["end_header", ""]
    write_atomically(path, "\n".join(header).encode() + table.astype("<f4").tobytes())


def read_ply(path: str | Path) -> GaussianCloud:
    """Read what write_ply wrote, in its axes. Raises PerseError for a file of another layout."""
    content = Path(path).read_bytes()
    header, found, body = content.partition(b"end_header\n")
    lines = header.decode("ascii", errors="replace").splitlines()
    names = [line.split()[2] for line in lines if line.startswith("property float ")]
    if not found or "format binary_little_endian 1.0" not in lines or names not in (_PROPERTIES, _ALL_PROPERTIES):
        raise PerseError(f"{Path(path).name} is not a Gaussian splat file as PERSE writes them.")
    table = torch.from_numpy(np.frombuffer(body, dtype="<f4").reshape(-1, len(names)).copy())
    opacity = names.index("opacity")
    return GaussianCloud(
        means=table[:, 0:3],
        quats=table[:, opacity + 4 : opacity + 8],
        scales=table[:, opacity + 1 : opacity + 4].exp(),
        opacities=table[:, opacity].sigmoid(),
        colors=table[:, 6:9] * _SH_CONSTANT + 0.5,
    )
