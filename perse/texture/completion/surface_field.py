"""Colours that the photo does not show, as one smooth continuation of those that it does.

A membrane over the mesh (discrete harmonic functions, Pinkall and Polthier 1993): its values are held where the photo is believed and as
even as can be everywhere else, over the edges of charts and parts, so that no border between seen and unseen, nor between face, head and
neck, shows. What one side of the head shows holds for the other one as well, where nothing else tells.
"""

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from ...render.camera import Camera
from ...render.geometry import interpolated, unit
from ...render.mesh import rasterize_ids
from ...rig.bust import ANGLES
from ...rig.ears import ears_of
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ..atlas import Texture, chart_slice

SKIN = ("face", "shell", "body")
TRUST = 0.05  # weight of a believed texel against the membrane's tension
TWIN = 0.02  # tension between a place and its mirror image; .005 to .05 work
SEWN = 5.0  # tension between head and neck where they meet
SKY = 28  # directions from which light may come
SKY_SIDE = 160  # pixels a side of the pictures in which it is looked for what stands in its way
HEAD_MIDDLE, HEAD_WIDE = np.array([0.0, 0.9, 0.7]), 6.5  # what these pictures show, eye distances
EAR_WIDE = 1.1  # and those of an ear
DEPTH_SLACK, EAR_SLACK = 0.03, 0.012  # eye distances behind what is in front at which a vertex counts as hidden


class SurfaceField:
    """The skin of one rig, prepared for continuing values over it."""

    def __init__(self, rig: Rig):
        self.rig = rig
        of_skin = np.isin(rig.face_part, [PART[name] for name in SKIN])
        faces = rig.faces[of_skin]
        self.used = np.unique(faces)
        index = np.full(len(rig.vertices), -1)
        index[self.used] = np.arange(len(self.used))
        self._index = index
        points, triangles = rig.vertices[self.used].astype(np.float64), index[faces]
        count = len(points)
        rows, columns, weights = [], [], []
        for k in range(3):
            a, b, c = (triangles[:, (k + n) % 3] for n in range(3))
            u, v = points[a] - points[c], points[b] - points[c]
            area = np.linalg.norm(np.cross(u, v), axis=1)
            rows.append(a)
            columns.append(b)
            # Cotangents of obtuse corners are negative, and would let values overshoot.
            weights.append(np.clip(0.5 * (u * v).sum(1) / np.maximum(area, 1e-9), 0.02, 5.0))
        part = rig.vertex_part[self.used]
        head, body = np.flatnonzero(part == PART["shell"]), np.flatnonzero(part == PART["body"])
        ring = body[:ANGLES]  # the row at which the head ends
        near = cKDTree(points[head]).query(points[ring])[1]
        rows.append(ring)
        columns.append(head[near])
        weights.append(np.full(len(ring), SEWN))
        twin = cKDTree(points).query(points * [-1, 1, 1])[1]
        rows.append(np.arange(count))
        columns.append(twin)
        weights.append(np.full(count, TWIN))
        a, b, w = np.concatenate(rows), np.concatenate(columns), np.concatenate(weights)
        tension = coo_matrix((np.tile(w, 2), (np.append(a, b), np.append(b, a))), shape=(count, count)).tocsr()
        self._membrane = diags(np.asarray(tension.sum(1)).ravel()) - tension

    def continued(self, texture: Texture, values: np.ndarray, weight: np.ndarray, usual: np.ndarray) -> np.ndarray:
        """Values (V, C) at the rig's vertices.

        Args:
            values: (ATLAS, ATLAS, C); weight: (ATLAS, ATLAS) how far they are believed, 0 nowhere known; usual: (C,), the value that a
                surface takes on of which nothing is known.
        """
        known = np.flatnonzero((weight.ravel() > 0) & (texture.faces.ravel() >= 0))
        known = known[self._index[self.rig.faces[texture.faces.ravel()[known], 0]] >= 0]
        corners = self._index[self.rig.faces[texture.faces.ravel()[known]]]
        share = texture.bary.reshape(-1, 3)[known] * weight.ravel()[known, None]
        count = len(self.used)
        total = np.bincount(corners.ravel(), share.ravel(), count)
        flat = values.reshape(-1, values.shape[-1])[known]
        sums = np.stack([np.bincount(corners.ravel(), (share * flat[:, k : k + 1]).ravel(), count) for k in range(flat.shape[1])], 1)
        solve = splu((self._membrane + diags(TRUST * total + 1e-6)).tocsc()).solve
        out = np.tile(np.asarray(usual, np.float64), (len(self.rig.vertices), 1))
        out[self.used] = solve(TRUST * sums + 1e-6 * np.asarray(usual))
        return out

    def on_chart(self, texture: Texture, values: np.ndarray, part: str) -> np.ndarray:
        """What vertices (V, C) hold at the texels (H, W, C) of a part's chart; at those that it does not cover, at the first vertex."""
        area = chart_slice(part)
        return interpolated(values[self.rig.faces[np.maximum(texture.faces[area], 0)]], texture.bary[area]).astype(np.float32)


def open_sky(rig: Rig) -> np.ndarray:
    """How much of the light that comes from all around, more of it from above, reaches each vertex (V,), 1 of an unhidden forehead: ambient
    occlusion (Zhukov et al. 1998), by pictures from SKY directions, of the whole and of each ear, whose hollows are fine (about 0.3 s)."""
    points = rig.vertices.astype(np.float64)
    lit, brightest = _lit(rig, HEAD_MIDDLE, HEAD_WIDE, DEPTH_SLACK)
    ears = ears_of(rig)
    for side in (-1, 1):
        one = (ears > 0) & (side * points[:, 0] > 0)
        near, _ = _lit(rig, points[one].mean(0), EAR_WIDE, EAR_SLACK)
        lit[one] += ears[one] * (near - lit)[one]
    # What looks down has less of the sky even where nothing hides it.
    return lit * (0.6 + 0.4 * brightest)


def _lit(rig: Rig, middle: np.ndarray, wide: float, slack: float) -> tuple[np.ndarray, np.ndarray]:
    """Share (V,) of its sky that nothing hides from each vertex, and how bright that sky would be (V,), 1 of the brightest.

    middle: (3,) of the pictures; wide: what they show, eye distances; slack: behind what is in front, at which a vertex counts as hidden.
    """
    points, faces = rig.vertices.astype(np.float64), rig.faces[np.isin(rig.face_part, [PART[name] for name in SKIN])].astype(np.int32)
    normals = unit(rig.vertex_normals)
    turn = np.arange(SKY) * np.pi * (3 - np.sqrt(5))  # evenly over the sphere (a Fibonacci lattice)
    height = 1 - 2 * (np.arange(SKY) + 0.5) / SKY
    ways = np.stack([np.sqrt(1 - height**2) * np.cos(turn), -height, np.sqrt(1 - height**2) * np.sin(turn)], 1)
    far = 60.0
    focal = SKY_SIDE * far / wide
    reached, possible = np.zeros(len(points)), np.zeros(len(points))
    for way in ways:
        forward = -way
        right = unit(np.cross([0.0, 1.0, 0.2], forward))
        view = np.eye(4)
        view[:3, :3] = np.stack([right, np.cross(forward, right), forward])
        view[:3, 3] = view[:3, :3] @ -(middle + far * way)
        camera = Camera(
            view.astype(np.float32),
            np.array([[focal, 0, SKY_SIDE / 2], [0, focal, SKY_SIDE / 2], [0, 0, 1]], np.float32),
            SKY_SIDE,
            SKY_SIDE,
        )
        ids, bary = rasterize_ids(rig.vertices, faces, camera)
        seen = interpolated(points[faces[np.maximum(ids, 0)]], bary)
        depth = np.where(ids >= 0, (seen @ view[2, :3]) + view[2, 3], np.inf)
        xy, mine = camera.project(points)
        at = np.clip(xy.astype(int), 0, SKY_SIDE - 1)
        facing = np.clip(normals @ way, 0, 1) * (1.0 if way[1] < 0 else 0.5)
        possible += facing
        reached += facing * (mine < depth[at[:, 1], at[:, 0]] + slack)
    return reached / np.maximum(possible, 1e-6), possible / possible.max()
