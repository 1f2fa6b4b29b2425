"""Small meshes that ride on the rig: beard strands rooted in the skin, glasses fixed to the skull."""

from dataclasses import dataclass, field, replace

import numpy as np

from ..render.geometry import interpolated, triangle_frames
from ..rig.rig import Rig

GROWING = 0.25  # of the amount: how much more than a vertex's start makes it solid
LATEST_START = 1 - GROWING


@dataclass
class BoundMesh:
    """Vertices tied to rig triangles.

    face (V,) rig triangle, bary (V, 3), offset (V, 3) head-frame units at rest; triangles (F, 3) over these vertices;
    color (V, 3). segments (M, 2): vertex pairs of strand pieces, each to become one elongated Gaussian of `width`;
    empty for solid objects, whose triangles are sampled instead. kind: what tints it ("hair", "hat" ...).
    start (V,): the amount at which a vertex appears, so that an object grows instead of fading in; None: it fades in.
    growing: how much more of the amount makes it solid.
    """

    face: np.ndarray
    bary: np.ndarray
    offset: np.ndarray
    triangles: np.ndarray
    color: np.ndarray
    segments: np.ndarray
    width: float = 0.0
    kind: str = ""
    start: np.ndarray | None = None
    growing: float = GROWING
    _seat: dict = field(default_factory=dict, repr=False, compare=False)  # of the rest pose; shared by what `replace` makes of this

    def opacity(self, vertex: np.ndarray, full: float) -> tuple[np.ndarray, np.ndarray]:
        """Linear and quadratic coefficient (n,) of the opacity over the amount at these vertices (n,); it is meant to
        be clamped to [0, 1], so that a growing object has a front: 0 up to its `start`, 1 from a `growing` later."""
        if self.start is None:
            # Strands and tubes lie several deep: if each grew linearly, a quarter of the amount would show three
            # quarters of the beard.
            return np.zeros(len(vertex)), np.full(len(vertex), full)
        start = self.start[vertex]
        steep = 1 / ((start + self.growing) * self.growing)
        return -steep * start, steep

    def grown(self, amount: float) -> "BoundMesh":
        """What of the object is there at an amount in [0, 1]."""
        if self.start is None:
            return self
        linear, quadratic = self.opacity(self.triangles[:, 0], 1.0)
        return replace(self, triangles=self.triangles[linear * amount + quadratic * amount**2 > 0.5])

    def made_on(self, rig: Rig, vertices: np.ndarray) -> "BoundMesh":
        """The same, if its offsets are those on a rig with other vertices (V_rig, 3): there it will be as it was made."""
        faces = rig.faces[self.face]
        there = triangle_frames(np.asarray(vertices, np.float64)[faces])
        back = triangle_frames(rig.vertices.astype(np.float64)[faces]) @ there.transpose(0, 2, 1)
        return replace(self, offset=(back @ self.offset[..., None])[..., 0], _seat={})

    def pose(self, rig: Rig, vertices: np.ndarray) -> np.ndarray:
        """Positions (V, 3) on the posed rig (V_rig, 3): they turn with their triangle and keep their distance, as in `avatar.follow`."""
        if self._seat.get("rig") is not rig:
            used, index = np.unique(self.face, return_inverse=True)
            self._seat.update(
                rig=rig,
                index=index,
                faces=rig.faces[used],
                corners=rig.faces[self.face],
                back=triangle_frames(rig.vertices[rig.faces[used]].astype(np.float64)).transpose(0, 2, 1),
            )
        seat = self._seat
        point = interpolated(vertices[seat["corners"]], self.bary)
        turn = triangle_frames(vertices[seat["faces"]].astype(np.float64)) @ seat["back"]
        return point + (turn[seat["index"]] @ self.offset[..., None])[..., 0]
