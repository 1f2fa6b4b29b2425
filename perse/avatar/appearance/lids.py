"""Closed lids: a portrait with open eyes shows but a sliver of their skin, and what little there is are lashes and shadow.

Drawn out over the eyeball that sliver would be one dark smear. So, as far as a lid closes, its Gaussians take the colour of the skin
around the eye; along the edge, where the lids meet, they darken to a line of lashes. What then still shows of the eyeball is the gap
between two Gaussians, and no white: it takes the lid's colour too.
"""

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ...face.landmarks import BROW, EYE, FACE
from ...face.topology import canonical
from ...ramps import smooth_step
from ...render.jit import compiled
from ...rig.expressions import FOLD, INDEX
from ...rig.rig import Rig
from ...rig.skeleton import PART
from .aperture import Aperture

JITTER = 0.08  # of the opening: a driver's lids lower than this are none of a blink
# How far each shape lowers the upper lid, in shares of the opening; see expressions.SHAPES.
CLOSING = {"eye_blink": 1.0, "eye_look_down": 0.40, "eye_squint": 0.15}
HALF = 0.65  # closing from which a lid has all of its skin's colour
SHUT = (0.80, 0.98)  # closing over which an eyeball takes the lid's
NEIGHBOURS = 24  # Gaussians of the skin around that make up a colour
SOFT = 0.03  # eye distances: how far apart neighbours are for the nearer one to count clearly more
BRIGHT = (0.35, 0.92)  # quantiles of lightness between which skin around an eye is neither hair, crease nor shine
LASH_LINE = 0.02  # eye distances: how thick the line of lashes is, to either side
LASH, DEEPER = 0.52, 0.9  # how much darker than the lid, and how much deeper in colour: the exponent on top of 1
ROUND, ROUNDNESS = 0.08, 0.12  # eye distances from the edge over which the lid turns down, and how much darker it is there
SHORTEST = 0.25  # of the opening: least height of the upper lid's sliver
LOWER_LID = 0.5  # of the opening: how far down skin takes part
ON_SKIN = 0.06  # eye distances from the face within which a Gaussian is of it


class LidSkin:
    """Recolours lids and eyeballs, as far as the eyes are closed.

    Args:
        rig: the person's; face (N,), bary (N, 3), offset (N, 3): where the Gaussians sit; colors (N, 3), opacities (N,): theirs at
            rest; device: of the colours that are to be changed.
    """

    def __init__(self, rig: Rig, face: np.ndarray, bary: np.ndarray, offset: np.ndarray, colors: np.ndarray, opacities: np.ndarray,
                 device: torch.device | str = "cpu"):
        points = np.einsum("nk,nkc->nc", bary, rig.vertices[rig.faces[face]])
        part = rig.face_part[face]
        # Hair, glasses and beards that an edit brings hang on the face, but are not skin.
        of_face = (part == PART["face"]) & (opacities > 0) & (np.linalg.norm(offset, axis=1) < ON_SKIN)
        self.eyes: list[tuple[str, Aperture, dict[str, Tensor]]] = []
        for side in EYE:
            if not rig.eye_closed(side):
                eye = _eye(rig, side, face, bary, offset, points, of_face, part == PART[f"eye_{side}"], colors @ [0.299, 0.587, 0.114])
                if eye is not None:
                    ball = eye["index"][:eye.pop("balls")]
                    aperture = Aperture(rig, side, ball, points[ball] + offset[ball], device)
                    self.eyes.append((side, aperture, {k: torch.as_tensor(v, device=device) for k, v in eye.items()}))

    def __call__(self, colors: Tensor, weights: Tensor, vertices: Tensor, means: Tensor, detail: Tensor | None = None) -> Tensor:
        """Colours (N, 3) or (..., N, 3) at blendshape weights (..., E).

        vertices (..., V, 3) of the posed rig; means (..., N, 3) of the Gaussians on it; detail (..., 468, 3): what a driver displaces
        the landmarks by.
        """
        for side, aperture, eye in self.eyes:
            closed = sum(share * weights[..., INDEX[f"{name}_{side}"], None] for name, share in CLOSING.items())
            if detail is not None:
                lowered = (detail[..., EYE[side]["upper"], :] * eye["down"]).sum(-1).mean(-1, keepdim=True)
                closed = closed + lowered - lowered.clamp(-JITTER, JITTER)
            lid, shut = (closed / HALF).clamp(0, 1), ((closed - SHUT[0]) / (SHUT[1] - SHUT[0])).clamp(0, 1)
            lid, shut = (x * x * (3 - 2 * x) for x in (lid, shut))
            balls = len(aperture.index)  # they come first
            share = torch.cat([torch.maximum(shut, aperture(vertices, means)), lid * eye["weight"]], -1)
            # Lashes lie along the line where the lids meet: what a lid covers before is plain skin.
            line = torch.cat([shut.expand_as(share[..., :balls]), torch.ones_like(share[..., balls:])], -1)
            if share.dim() == 1 and colors.dim() == 2 and share.device.type == "cpu" and not _learns(colors):
                if bool(share.any()):
                    colors = _painted(colors, eye, share, line)
                continue
            colors = colors.expand(*share.shape[:-1], *colors.shape[-2:])
            shade, depth = (1 + line[..., None] * (eye[name] - 1) for name in ("shade", "depth"))
            skin = (colors[..., eye["skin"], :] * eye["mix"][..., None]).sum(-2).pow(depth) * shade
            own = colors[..., eye["index"], :]
            # Not in place: the colours at rest stay as they are.
            colors = colors.index_copy(-2, eye["index"], own + share[..., None] * (skin - own))
        return colors


def _learns(colors: Tensor) -> bool:
    return torch.is_grad_enabled() and colors.requires_grad


def _painted(colors: Tensor, eye: dict[str, Tensor], share: Tensor, line: Tensor) -> Tensor:
    """What the torch form in `LidSkin` does, of one frame (N, 3) on the CPU, of the rows with a share (n,) alone; for no gradients."""
    out = colors.detach().clone()
    numbers = [eye[name].numpy() for name in ("index", "skin", "mix", "shade", "depth")]
    _paint(np.ascontiguousarray(colors.detach().numpy()), *numbers, share.contiguous().numpy(), line.contiguous().numpy(), out.numpy())
    return out


@compiled()
def _paint(colors, index, skin, mix, shade, depth, share, line, out):
    for i in range(len(index)):
        if share[i] == 0:
            continue
        darker, deeper = 1 + line[i] * (shade[i, 0] - 1), 1 + line[i] * (depth[i, 0] - 1)
        for k in range(3):
            mixed = np.float32(0)
            for j in range(skin.shape[1]):
                mixed += mix[i, j] * colors[skin[i, j], k]
            own = colors[index[i], k]
            out[index[i], k] = own + share[i] * (mixed ** deeper * darker - own)


def _eye(rig: Rig, side: str, face: np.ndarray, bary: np.ndarray, offset: np.ndarray, points: np.ndarray, of_face: np.ndarray,
         of_ball: np.ndarray, light: np.ndarray) -> dict[str, np.ndarray] | None:
    """What `LidSkin` needs of an eye: index (n,) of what is recoloured, of which the first `balls` are the
    eyeball's, weight (n - balls,) of the others, skin (n, NEIGHBOURS) indices
    of what its colour on a closed lid is mixed of, mix (n, NEIGHBOURS) their shares, depth and shade (n, 1) by
    which it is darker at the edge; down (7, 3): what a displacement of the upper lid's landmarks is multiplied by to be a share of
    the opening. None if there is no skin around it.

    Args:
        face, bary, offset: see `LidSkin`; points (N, 3) at rest; of_face, of_ball (N,) bool; light (N,) lightness.
    """
    vertices, eye = rig.vertices[:FACE].astype(np.float64), EYE[side]
    outer, inner = vertices[eye["outer"]], vertices[eye["inner"]]
    width = np.linalg.norm(inner - outer)
    along = (inner - outer) / width
    up = np.array([0.0, -1.0, 0.0]) - np.array([0.0, -1.0, 0.0]) @ along * along
    up /= np.linalg.norm(up)

    def local(p):
        return (p - outer) @ along / width, (p - outer) @ up

    place, height = local(points)

    def curve(indices):
        s, h = local(vertices[indices])
        order = np.argsort(s)
        return np.interp(place, s[order], h[order])

    mirror = canonical()[1]
    fold = FOLD if side == "left" else [int(mirror[i]) for i in FOLD]
    upper = curve([eye["outer"], *eye["upper"], eye["inner"]])
    lower = curve([eye["outer"], *eye["lower"], eye["inner"]])
    opening = float((local(vertices[eye["upper"]])[1] - local(vertices[eye["lower"]])[1]).max())
    sliver = np.maximum(curve(fold) - upper, SHORTEST * opening)
    brow = curve(BROW[side]["lower"])
    beside = smooth_step(np.abs(place - 0.5), 0.62, 0.5)

    above, below = (height - upper) / sliver, (lower - height) / (LOWER_LID * opening)
    on_upper, on_lower = of_face & (height > (upper + lower) / 2), of_face & (height <= (upper + lower) / 2)
    weight = np.where(on_upper, smooth_step(above, 1.5, 0.7), np.where(on_lower, smooth_step(below, 1.0, 0.4), 0)) * beside
    near = (np.abs(place - 0.5) < 0.8) & (height > lower - 2 * opening) & (height < brow)
    balls, skin = np.flatnonzero(of_ball), np.flatnonzero((weight > 0.01) & near & ~of_ball)
    index, weight = np.concatenate([balls, skin]), weight[skin]
    # Where it all lies once the lids have met.
    blink = rig.blendshapes[INDEX[f"eye_blink_{side}"]].astype(np.float64)
    moved = np.einsum("nk,nkc->nc", bary[index], blink[rig.faces[face[index]]])
    closed_place, closed_height = local(points[index] + offset[index] + moved)
    meeting = np.mean([local(vertices[eye[lid]] + blink[eye[lid]])[1] for lid in ("upper", "lower")], 0)
    ends = [local(vertices[eye[end]]) for end in ("outer", "inner")]
    line_place = np.array([ends[0][0], *local(vertices[eye["upper"]])[0], ends[1][0]])
    line = np.interp(closed_place, line_place, [ends[0][1], *meeting, ends[1][1]])
    from_edge = closed_height - line
    lashes = np.exp(-(from_edge / LASH_LINE) ** 2) * smooth_step(closed_place, 1.0, 0.85) * smooth_step(closed_place, -0.12, 0.02)
    turned = np.exp(-(np.maximum(from_edge, 0) / ROUND) ** 2) * (from_edge > -LASH_LINE)
    shade = (1 - LASH * lashes) * (1 - ROUNDNESS * turned)

    # The skin around: under the brow, and below the lower lid.
    around = near & of_face & ((above > 1.2) & (height < upper + 0.7 * (brow - upper)) | (below > 0.8))
    if around.sum() < 4 * NEIGHBOURS:
        return None
    for part in (above > 0, above <= 0):  # a brow's shade lies on all that is above
        low, high = np.quantile(light[around & part], BRIGHT) if (around & part).any() else (0, 1)
        around &= ~part | (light >= low) & (light <= high)
    around = np.flatnonzero(around)
    distance, nearest = cKDTree(points[around]).query(points[index], NEIGHBOURS)
    mix = 1 / (distance ** 2 + SOFT ** 2)
    mix /= mix.sum(1, keepdims=True)
    gap = vertices[eye["lower"]] - vertices[eye["upper"]]
    gap /= np.maximum((gap ** 2).sum(1, keepdims=True), (0.5 * opening) ** 2)
    numbers = dict(weight=weight, mix=mix, depth=1 + DEEPER * lashes[:, None], shade=shade[:, None], down=gap)
    return dict(index=index, balls=len(balls), skin=around[nearest], **{k: np.float32(v) for k, v in numbers.items()})
