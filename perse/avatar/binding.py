"""Gaussians bound to triangles: they follow position, rotation and size of the triangle they sit on.

After Qian et al., "GaussianAvatars" (CVPR 2024), with one difference: the local frame is taken relative to the rest
pose, so at rest every Gaussian keeps exactly the numbers it was fitted with.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

STRETCH = (0.35, 2.5)  # a Gaussian never shrinks or grows more than this with its triangle


@dataclass
class Binding:
    """Where N Gaussians sit: face (N,) int64 triangle, bary (N, 3) barycentric coordinates.

    The point sum(bary * corners) may lie outside the triangle (pixels beyond the mesh's outline hang on the nearest one).
    """

    face: Tensor
    bary: Tensor

    def to(self, device) -> "Binding":
        return Binding(self.face.to(device), self.bary.to(device))

    def __len__(self) -> int:
        return len(self.face)


def triangle_frames(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal frames (..., F, 3, 3), columns: first edge, in-plane, normal; and sqrt(area) (..., F), of (..., V, 3)."""
    a, b, c = (vertices.index_select(-2, faces[:, k]) for k in range(3))
    first = b - a
    normal = torch.linalg.cross(first, c - a)
    double_area = normal.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    first = first / first.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    normal = normal / double_area
    second = torch.linalg.cross(normal, first)
    return torch.stack([first, second, normal], -1), (0.5 * double_area[..., 0]).sqrt()


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) -> wxyz quaternions (..., 4) (Shepperd 1978: the largest component is the divisor)."""
    xx, yy, zz = matrix[..., 0, 0], matrix[..., 1, 1], matrix[..., 2, 2]
    trace = torch.stack([xx + yy + zz, xx - yy - zz, yy - xx - zz, zz - xx - yy], -1)
    x, y, z = (matrix[..., i, j] - matrix[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0)))
    xy, xz, yz = (matrix[..., i, j] + matrix[..., j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    w1, x1, y1, z1 = (1 + trace).unbind(-1)
    candidates = torch.stack([torch.stack(row, -1) for row in ((w1, x, y, z), (x, x1, xy, xz), (y, xy, y1, yz), (z, xz, yz, z1))], -2)
    best = trace.argmax(-1)[..., None, None].expand(*trace.shape[:-1], 1, 4)
    quaternion = candidates.gather(-2, best)[..., 0, :]
    return quaternion / quaternion.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def quaternion_multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product of wxyz quaternions (..., 4)."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        -1,
    )
