"""An avatar as triangles that game engines take: the rig's mesh in the colours of its Gaussians, ARKit's shapes, and cards for what stands
out from the mesh, strands of hair and worn things."""

import io
import re
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy.spatial import cKDTree

from ..controls import Controls
from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..render.gltf import Part, glb
from ..render.mesh import rasterize_ids
from ..render.reference import rotations
from ..rig.charts import atlas_uvs
from ..rig.expressions import NAMES
from ..rig.skeleton import PART
from .avatar import Avatar

ATLAS = 2048  # texels of the texture's side
METRES = 0.09  # of an outer-eye-corner distance, in a grown-up: glTF's unit is the metre
NEIGHBOURS = 6  # Gaussians that a texel is mixed of
AWAY = 0.06  # eye distances from the nearest Gaussian beyond which there is nothing
SEEN = 0.25  # opacity below which a Gaussian is no part of a surface
STANDS_OUT = 0.035  # eye distances from the mesh at which a Gaussian is a card of its own
CARDS = 20_000  # at most; those that cover most
REACH = 2.0  # standard deviations from the middle of a card to its edges
DOT = (0.875, 0.875, 0.125)  # left, top and side of the cards' picture, in a corner of the atlas that no chart takes
UPRIGHT = np.array([1.0, -1.0, -1.0])  # from the head's frame, y down and z backwards, to y up and z forwards


@dataclass
class _Shown:
    """The avatar at rest in its look, and with each shape at its end."""

    vertices: np.ndarray
    cloud: GaussianCloud
    moved: np.ndarray  # (52, V, 3) displacements of the vertices
    carried: list[torch.Tensor]  # of each shape, the Gaussians' places (N, 3)


def to_glb(avatar: Avatar, look: Controls = Controls()) -> bytes:
    """The file of a look. Its expression and pose are left out: they are what the shapes are for.

    Raises:
        PerseError: for a look that this avatar cannot have.
    """
    plain = Controls(attributes=look.attributes, styles=look.styles, latents=look.latents, neutralise=look.neutralise)
    with torch.no_grad():
        shown = _shown(avatar, plain)
    uvs = atlas_uvs(avatar.rig)
    names = [arkit_name(name) for name in NAMES]
    return glb([_head(avatar, shown, uvs), *_cards(avatar, shown)], names, _png(_texture(avatar, shown, uvs)))


def arkit_name(name: str) -> str:
    """A shape's name as Apple writes it: eye_blink_left -> eyeBlinkLeft."""
    return re.sub("_(.)", lambda found: found[1].upper(), name)


def _shown(avatar: Avatar, plain: Controls) -> _Shown:
    def at(**expression) -> tuple[np.ndarray, GaussianCloud]:
        state = avatar.state(plain.with_(expression=expression))
        return avatar.vertices(state).cpu().numpy().astype(np.float64), avatar.cloud(state).to("cpu")

    vertices, cloud = at()
    moved, carried = [], []
    opened = at(jaw_open=1.0)
    for name in NAMES:
        # Lips close only as far as the jaw has dropped: that shape is what it changes of an open mouth.
        ends = at(jaw_open=1.0, mouth_close=1.0) if name == "mouth_close" else at(**{name: 1.0})
        start = opened if name == "mouth_close" else (vertices, cloud)
        moved.append(ends[0] - start[0])
        carried.append(ends[1].means - start[1].means)
    return _Shown(vertices, cloud, np.stack(moved), carried)


def _head(avatar: Avatar, shown: _Shown, uvs: np.ndarray) -> Part:
    """The rig's mesh; a vertex at which charts meet is there once for each."""
    rig = avatar.rig
    keys = np.concatenate([rig.faces.reshape(-1, 1), np.round(uvs.reshape(-1, 2) * 65536)], 1).astype(np.int64)
    unique, first, triangles = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    vertex = unique[:, 0]
    return Part(
        "head",
        shown.vertices[vertex] * UPRIGHT * METRES,
        uvs.reshape(-1, 2)[first],
        triangles.reshape(-1, 3),
        shown.moved[:, vertex] * UPRIGHT * METRES,
    )


def _cards(avatar: Avatar, shown: _Shown) -> list[Part]:
    """What stands out from the mesh, or is brought by an edit: a square for each Gaussian, in its plane, with a round picture on it."""
    cloud, face = shown.cloud, avatar.binding.face.cpu().numpy()
    corners = shown.vertices[avatar.rig.faces[face]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    apart = np.abs(((cloud.means.numpy() - corners[:, 0]) * normal).sum(1))
    opacity = cloud.opacities.numpy()
    brought = (avatar.opacities.detach() == 0).cpu().numpy()
    of_hair = avatar.rig.face_part[face] == PART["shell"]
    chosen = np.flatnonzero((opacity > SEEN) & ((of_hair & (apart > STANDS_OUT)) | brought))
    if not len(chosen):
        return []
    scales = cloud.scales.numpy()
    large = np.sort(scales[chosen], 1)
    chosen = chosen[np.argsort(-large[:, 1] * large[:, 2] * opacity[chosen], kind="stable")[:CARDS]]
    axes = rotations(cloud.quats[chosen]).numpy() * scales[chosen][:, None, :]
    longest = np.argsort(-scales[chosen], 1)[:, :2]
    wide, high = (np.take_along_axis(axes, longest[:, None, k : k + 1], 2)[..., 0] * REACH for k in (0, 1))
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    middle = cloud.means.numpy()[chosen]
    places = middle[:, None] + signs[None, :, :1] * wide[:, None] + signs[None, :, 1:] * high[:, None]
    count = len(chosen)
    uvs = np.broadcast_to(np.array(DOT[:2]) + DOT[2] * (0.02 + 0.48 * (1 + signs)), (count, 4, 2))
    colors = np.concatenate([_linear(cloud.colors.numpy()[chosen]), opacity[chosen, None]], 1)
    squares = 4 * np.arange(count)[:, None, None] + np.array([(0, 1, 2), (0, 2, 3)])
    moves = np.stack([moved[torch.from_numpy(chosen)].numpy() for moved in shown.carried])
    return [
        Part(
            "hair and worn things",
            places.reshape(-1, 3) * UPRIGHT * METRES,
            uvs.reshape(-1, 2),
            squares.reshape(-1, 3),
            np.repeat(moves, 4, axis=1) * UPRIGHT * METRES,
            np.repeat(colors, 4, axis=0),
            double=True,
        )
    ]


def _linear(srgb: np.ndarray) -> np.ndarray:
    """Vertex colours are linear in glTF; IEC 61966-2-1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _texture(avatar: Avatar, shown: _Shown, uvs: np.ndarray) -> np.ndarray:
    """(ATLAS, ATLAS, 4) sRGB and opacity: every texel of the mesh in the colour of the Gaussians about it."""
    rig, cloud = avatar.rig, shown.cloud
    flat = np.concatenate([uvs.reshape(-1, 2) * ATLAS, np.ones((len(rig.faces) * 3, 1))], 1).astype(np.float32)
    triangles = np.arange(len(rig.faces) * 3, dtype=np.int32).reshape(-1, 3)
    face, bary = rasterize_ids(flat, triangles, Camera(np.eye(4), np.eye(3), ATLAS, ATLAS))
    out = np.zeros((ATLAS, ATLAS, 4), np.float32)
    part_of = rig.face_part[avatar.binding.face.cpu().numpy()]
    opacity, colors, means = cloud.opacities.numpy(), cloud.colors.numpy(), cloud.means.numpy().astype(np.float64)
    for part in np.unique(rig.face_part):
        rows, columns = np.nonzero((face >= 0) & (rig.face_part[np.maximum(face, 0)] == part))
        own = np.flatnonzero((part_of == part) & (opacity > SEEN))
        if not len(rows) or not len(own):
            continue
        corners = shown.vertices[rig.faces[face[rows, columns]]]
        points = np.einsum("nk,nkc->nc", bary[rows, columns], corners)
        distance, near = cKDTree(means[own]).query(points, min(NEIGHBOURS, len(own)), workers=-1)
        distance, near = distance.reshape(len(rows), -1), own[near.reshape(len(rows), -1)]
        spread = np.maximum(distance[:, -1:], 1e-6) / 2
        weight = opacity[near] * np.exp(-0.5 * (distance / spread) ** 2) + 1e-12
        out[rows, columns, :3] = (weight[..., None] * colors[near]).sum(1) / weight.sum(1, keepdims=True)
        out[rows, columns, 3] = np.clip(1.5 - distance[:, 0] / (2 * AWAY), 0, 1)
    covered = face >= 0
    row, column = _nearest(covered)
    out = np.where(covered[..., None], out, out[row, column])
    _paint_dot(out)
    return out


def _nearest(covered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the covered texel nearest to each: what filters read beside a chart's edge."""
    from scipy.ndimage import distance_transform_edt

    row, column = distance_transform_edt(~covered, return_distances=False, return_indices=True)
    return row, column


def _paint_dot(texture: np.ndarray) -> None:
    """The cards' picture: white, as opaque as a Gaussian is, twice over, so that a card of full opacity is cut where it falls to a quarter."""
    left, top, side = (round(x * ATLAS) for x in DOT)
    across = REACH * np.linspace(-1, 1, side)
    texture[top : top + side, left : left + side, :3] = 1
    texture[top : top + side, left : left + side, 3] = np.clip(2 * np.exp(-0.5 * (across[:, None] ** 2 + across[None] ** 2)), 0, 1)


def _png(texture: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray((texture.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
