"""Small meshes that ride on the rig: beard strands rooted in the skin, glasses fixed to the skull."""

from dataclasses import dataclass

import numpy as np

from ..rig.rig import Rig


@dataclass
class BoundMesh:
    """Vertices tied to rig triangles.

    face (V,) rig triangle, bary (V, 3), offset (V, 3) head-frame units at rest; triangles (F, 3) over these vertices;
    color (V, 3). segments (M, 2): vertex pairs of strand pieces, each to become one elongated Gaussian of `width`;
    empty for solid objects, whose triangles are sampled instead.
    """

    face: np.ndarray
    bary: np.ndarray
    offset: np.ndarray
    triangles: np.ndarray
    color: np.ndarray
    segments: np.ndarray
    width: float = 0.0

    def pose(self, rig: Rig, vertices: np.ndarray) -> np.ndarray:
        """Positions (V, 3) on the posed rig (V_rig, 3)."""
        rest = _frames(rig.vertices, rig.faces)
        now = _frames(vertices, rig.faces)
        point = np.einsum("nk,nkc->nc", self.bary, vertices[rig.faces[self.face]])
        turn = np.einsum("fij,fkj->fik", now, rest)[self.face]
        return point + np.einsum("nij,nj->ni", turn, self.offset)


def _frames(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    first = b - a
    normal = np.cross(first, c - a)
    first /= np.linalg.norm(first, axis=1, keepdims=True) + 1e-12
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    return np.stack([first, np.cross(normal, first), normal], -1)


def smooth_normals(rig: Rig) -> np.ndarray:
    """Area-weighted vertex normals (V, 3) of the rest mesh."""
    a, b, c = (rig.vertices[rig.faces[:, i]].astype(np.float64) for i in range(3))
    face_normal = np.cross(b - a, c - a)
    normal = np.zeros(rig.vertices.shape)
    for i in range(3):
        np.add.at(normal, rig.faces[:, i], face_normal)
    return normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12)
