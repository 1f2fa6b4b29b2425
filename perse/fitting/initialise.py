"""The avatar before training: lifted Gaussians, extras that rest invisible, and bases started from the edits."""

import numpy as np
import torch

from ..attributes.edits import Axis, Category
from ..avatar.avatar import Avatar
from ..avatar.binding import Binding, matrix_to_quaternion
from ..avatar.pace import typical_pace
from ..avatar.seeds.freedom import Roles
from ..avatar.seeds.from_photo import lift
from ..avatar.seeds.seed import MOUTH_PARTS, SEEN, Lifted
from ..avatar.space import AxisBasis, LatentSpace
from ..edits.bound_mesh import BoundMesh
from ..edits.workshop import Edit, Workshop
from ..face.topology import FACE
from ..portrait import Portrait
from ..rig.rig import PART, Rig
from ..texture.atlas import ATLAS, Texture, sample

REGION_CUT = 0.02


def _frame_quats(tangent: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Quaternions (N, 4) of frames whose columns are tangent, normal x tangent, normal."""
    tangent = tangent - (tangent * normal).sum(1, keepdims=True) * normal
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-12
    matrix = np.stack([tangent, np.cross(normal, tangent), normal], -1)
    return matrix_to_quaternion(torch.from_numpy(matrix)).numpy()


def _perpendicular(v: np.ndarray) -> np.ndarray:
    axis = np.where(np.abs(v[:, [1]]) < 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])
    out = np.cross(v, axis)
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-12)


def extra_gaussians(overlay: BoundMesh, rig: Rig) -> dict[str, np.ndarray]:
    """An overlay as Gaussians: one per strand piece, or one per triangle of a solid object."""
    rest = overlay.pose(rig, rig.vertices)
    anchor = rest - overlay.offset  # vertices of one piece may hang on different triangles
    if len(overlay.segments):
        segments = overlay.segments
        # The ribbon's two edges: their middle is the strand.
        start = (rest[segments[:, 0]] + rest[segments[:, 0] + 1]) / 2
        end = (rest[segments[:, 1]] + rest[segments[:, 1] + 1]) / 2
        along = end - start
        length = np.linalg.norm(along, axis=1)
        if np.median(length) < 0.02:  # stubble: one Gaussian a strand
            half = len(segments) // 2
            end, segments, start = end[half:], segments[:half], start[:half]
            along = end - start
            length = np.linalg.norm(along, axis=1)
        along /= length[:, None] + 1e-12
        first = segments[:, 0]  # a strand's piece appears with its beginning
        thin = np.full(len(first), 0.5 * overlay.width)
        return dict(vertex=first, face=overlay.face[first], bary=overlay.bary[first], offset=(start + end) / 2 - anchor[first],
                    quats=_frame_quats(along, _perpendicular(along)), scales=np.stack([0.45 * length, thin, thin], 1),
                    color=(overlay.color[segments[:, 0]] + overlay.color[segments[:, 1]]) / 2)
    t = overlay.triangles
    a, b, c = rest[t[:, 0]], rest[t[:, 1]], rest[t[:, 2]]
    edges = np.stack([b - a, c - b, a - c], 1)
    length = np.linalg.norm(edges, axis=2)
    longest = edges[np.arange(len(t)), length.argmax(1)]
    along = longest / (np.linalg.norm(longest, axis=1, keepdims=True) + 1e-12)
    normal = np.cross(b - a, c - a)
    area = 0.5 * np.linalg.norm(normal, axis=1)
    normal /= 2 * area[:, None] + 1e-12
    across = 2 * area / (length.max(1) + 1e-12)
    scales = np.stack([0.30 * length.max(1), 0.45 * across, 0.25 * across], 1)
    return dict(vertex=t[:, 0], face=overlay.face[t[:, 0]], bary=overlay.bary[t[:, 0]], offset=(a + b + c) / 3 - anchor[t[:, 0]],
                quats=_frame_quats(along, normal), scales=scales, color=overlay.color[t].mean(1))


def _ends_differ(plus: torch.Tensor, minus: torch.Tensor | None = None) -> bool:
    """Whether the ends of a two-sided axis are far from mirror images. If they are not, a quadratic term would learn nothing
    but what the clips lack against the photo: a slider that softens at both of its ends."""
    return minus is not None and float((plus + minus).norm()) > 0.35 * float((plus - minus).norm())


def initial_avatar(portrait: Portrait, rig: Rig, texture: Texture, categories: list[Category], count: int,
                   seed: int = 0) -> Avatar:
    """Lift the portrait and start every axis from its edit.

    Args:
        count: Gaussians wanted on what the portrait shows.
    """
    workshop = Workshop.shared(rig, texture, seed)
    lifted = lift(portrait, rig, texture, count, seed)
    parts = [dict(face=lifted.face, bary=lifted.bary, offset=lifted.offset, scales=lifted.scales, color=lifted.color,
                  opacity=lifted.opacity, quats=_frame_quats(lifted.tangent, lifted.normal))]
    total = len(lifted.face)
    plans: list[tuple[Axis, dict[int, Edit], np.ndarray, np.ndarray]] = []
    kinds: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}  # of extras: indices, colours
    for category in categories:
        for axis in category.axes:
            edits = {sign: workshop.edit(axis, sign) for sign in ((1, -1) if axis.low < 0 else (1,))}
            extras, rise = np.zeros(0, int), np.zeros((2, 0))
            if edits[1].overlay is not None:
                extra = extra_gaussians(edits[1].overlay, rig)
                extra["opacity"] = np.zeros(len(extra["face"]))
                parts.append(extra)
                extras = total + np.arange(len(extra["face"]))
                total += len(extras)
                rise = np.stack(edits[1].overlay.opacity(extra["vertex"], edits[1].opacity))
                kinds.setdefault(edits[1].overlay.kind, []).append((extras, extra["color"]))
            plans.append((axis, edits, extras, rise))

    def joined(name):
        return torch.from_numpy(np.concatenate([p[name] for p in parts])).float()

    binding = Binding(torch.from_numpy(np.concatenate([p["face"] for p in parts])).long(), joined("bary"))
    gaussians = dict(offset=joined("offset"), quats=joined("quats"), log_scales=joined("scales").clamp_min(1e-5).log(),
                     colors=joined("color").clamp(0, 1), opacities=joined("opacity"))
    space = LatentSpace(categories, total, len(rig.vertices))
    uv = lifted.uv[None] * ATLAS
    covers: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}
    for axis, edits, extras, rise in plans:
        weight = sample(workshop.owned(axis), uv)[0]
        index = np.flatnonzero(weight > REGION_CUT)
        moved = np.zeros(len(rig.vertices), bool)
        for edit in edits.values():
            if edit.shape is not None:
                moved |= np.linalg.norm(edit.shape, axis=1) > 1e-4
        vertices = np.flatnonzero(moved)
        paints = any(e.change(texture) is not None or e.overlay is not None or e.solid is not None or e.tints for e in edits.values())
        # Strands and objects of other axes that this one tints.
        tinted = [(rows, colors, kind) for kind in edits[1].tints for rows, colors in kinds.get(kind, [])]
        rows = np.concatenate([index, extras, *(rows for rows, _, _ in tinted)])
        own = len(index) + len(extras)
        weights = np.concatenate([np.clip(weight[index] * 3, 0, 1), np.ones(len(rows) - len(index))])
        ends = {}
        for sign, edit in edits.items():
            color = np.zeros((len(rows), 3), np.float32)
            opacity = np.zeros(len(rows), np.float32)
            delta = edit.color_at(texture, uv[0, index])
            if delta is not None:
                # The basis is multiplied by the region's weight, which the edit has already in it.
                color[:len(index)] = delta / np.maximum(weights[:len(index), None], 0.2)
            if edit.cover is not None:
                # Paint that hides what was there: relative to the Gaussians' own colours, now and after the person is fitted.
                share = sample(edit.cover, uv[:, index])[0] / np.maximum(weights[:len(index)], 0.2)
                color[:len(index)] += share[:, None] * (sample(texture.color, uv[:, index])[0] - lifted.color[index])
                covers[axis.name] = tuple(torch.from_numpy(x) for x in (index, np.float32(share), np.float32(lifted.color[index])))
            if tinted:
                color[own:] = np.concatenate([edit.tints[kind](colors) for _, colors, kind in tinted])
            if edit.solid is not None:
                # Where hair is drawn in, its soft edge becomes a firm surface and what lies beyond the outline goes.
                firm = np.where(lifted.outside[index], 0.0, np.maximum(lifted.opacity[index], 0.95))
                opacity[:len(index)] = (firm - lifted.opacity[index]) * sample(edit.solid, uv[:, index])[0]
            opacity[len(index):own] = rise.sum(0)
            shape = np.zeros((len(vertices), 3)) if edit.shape is None else edit.shape[vertices]
            ends[sign] = [torch.from_numpy(np.asarray(x, np.float32)) for x in (color, opacity, shape)]
        basis = AxisBasis(torch.from_numpy(rows), torch.from_numpy(weights), torch.from_numpy(vertices),
                          2 if len(extras) or _ends_differ(*(end[0] for end in ends.values())) else 1, paints,
                          1 if edits[1].early == 1 else 2)
        if len(extras):
            basis.pace.copy_(typical_pace())
        for k, name in enumerate(("color", "opacity", "shape")):
            minus = ends[-1][k] if -1 in ends else None
            if minus is None and name == "opacity":
                minus = -ends[1][k]
                minus[len(index):own] = torch.from_numpy(rise[1] - rise[0]).float()
            elif minus is None and name == "shape":
                minus = (1 - 2 * edits[1].early) * ends[1][k]
            basis.start(ends[1][k], minus, name)
        space.add(axis.name, basis)
    avatar = Avatar(rig, binding, gaussians, space)
    avatar.covers = covers
    avatar.roles = _roles(lifted, rig, texture, total)
    return avatar


def _roles(lifted: Lifted, rig: Rig, texture: Texture, total: int) -> Roles:
    """What the lifted Gaussians, the first of `total`, may learn; the others are extras."""
    def flags(chosen: np.ndarray) -> torch.Tensor:
        out = torch.zeros(total, dtype=torch.bool)
        out[:len(chosen)] = torch.from_numpy(chosen)
        return out

    part, seen = rig.face_part[lifted.face], sample(texture.seen, lifted.uv[None] * ATLAS)[0]
    # Painted teeth, tongue and throat are right as they are: few clips show them, and what shimmers through the lips would teach them
    # specks. So is the bust's back, of which the clips show little but their own lower edge; no pixel of the photo hangs there.
    inside = np.isin(part, MOUTH_PARTS) & ~lifted.outside
    inside |= (part == PART["body"]) & _turned_away(lifted, rig) & (seen < SEEN)
    # The portrait's own teeth keep their place, and get as sharp as it shows them.
    shaded = np.isin(part, [PART["upper_teeth"], PART["lower_teeth"]]) & (seen >= SEEN) & ~lifted.fixed
    # The sides of the cheeks keep theirs, and take a little of the shade that it shows of them from the edge.
    shaded |= (part == PART["face"]) & lifted.fixed & lifted.held
    # Lids are thin: what stands out from an eyeball would come out below them when it turns. And the crown, along which the photo
    # looks, would grow a crest of the outline's soft edge.
    flat = np.isin(part, [PART["eye_right"], PART["eye_left"]]) | (part == PART["shell"]) & (seen < SEEN) & ~lifted.outside
    flat = np.flatnonzero(flat)
    return Roles(photo_only=flags(lifted.outside), made_up=flags(inside | lifted.fixed), tinted=flags(shaded), held=flags(lifted.held),
                 seated=(torch.from_numpy(flat), torch.from_numpy(lifted.normal[flat].astype(np.float32))))


def _turned_away(lifted: Lifted, rig: Rig) -> np.ndarray:
    """Gaussians (N,) bool below the chin that lie on the far side of the rig or beyond the portrait's crop, away from its outline."""
    point = np.einsum("nk,nkc->nc", lifted.bary, rig.vertices[rig.faces[lifted.face]])
    below = point[:, 1] > rig.vertices[:FACE, 1].max() + 0.4
    view = -rig.camera.viewmat[:3, :3].T @ rig.camera.viewmat[:3, 3] - point
    facing = (lifted.normal * view).sum(1) / np.linalg.norm(view, axis=1)
    xy, _ = rig.camera.project(point)
    return below & (lifted.offset == 0).all(1) & ((facing < -0.3) | (xy[:, 1] > 1.02 * rig.camera.height))
