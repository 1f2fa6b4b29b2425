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
    """Orthonormal frames (F, 3, 3), columns: first edge, in-plane, normal; and sqrt(area) (F,)."""
    a, b, c = vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]
    first = b - a
    normal = torch.linalg.cross(first, c - a)
    double_area = normal.norm(dim=1, keepdim=True).clamp_min(1e-12)
    first = first / first.norm(dim=1, keepdim=True).clamp_min(1e-9)
    normal = normal / double_area
    second = torch.linalg.cross(normal, first)
    return torch.stack([first, second, normal], -1), (0.5 * double_area[:, 0]).sqrt()


def matrix_to_quaternion(matrix: Tensor) -> Tensor:
    """Rotation matrices (F, 3, 3) -> wxyz quaternions (F, 4) (Shepperd 1978: the largest component is the divisor)."""
    m = matrix
    trace = torch.stack([m[:, 0, 0] + m[:, 1, 1] + m[:, 2, 2], m[:, 0, 0] - m[:, 1, 1] - m[:, 2, 2],
                         m[:, 1, 1] - m[:, 0, 0] - m[:, 2, 2], m[:, 2, 2] - m[:, 0, 0] - m[:, 1, 1]], 1)
    x, y, z = m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]
    xy, xz, yz = m[:, 0, 1] + m[:, 1, 0], m[:, 0, 2] + m[:, 2, 0], m[:, 1, 2] + m[:, 2, 1]
    square = 1 + trace
    candidates = torch.stack([torch.stack([square[:, 0], x, y, z], 1), torch.stack([x, square[:, 1], xy, xz], 1),
                              torch.stack([y, xy, square[:, 2], yz], 1), torch.stack([z, xz, yz, square[:, 3]], 1)], 1)
    best = trace.argmax(1)
    quaternion = candidates[torch.arange(len(m), device=m.device), best]
    return quaternion / quaternion.norm(dim=1, keepdim=True).clamp_min(1e-12)


def quaternion_multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product of wxyz quaternions (..., 4)."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack([aw * bw - ax * bx - ay * by - az * bz, aw * bx + ax * bw + ay * bz - az * by,
                        aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw], -1)
