"""The rig: one person's head as a mesh of fixed topology that expressions, joints and shape edits move."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..face.alignment import rotation
from ..face.landmarks import LOWER_LIP
from ..render.camera import Camera
from ..render.geometry import interpolated, vertex_normals
from ..smooth_ramps import smooth_step
from . import person_facts
from .detail import landmark_spread
from .expressions import INDEX
from .neck import Neck
from .neutral import Neutral, neutral
from .skeleton import EYE_LOOK, GAZE_LIMIT, JAW_ANGLE, JAW_HINGE, JAW_SLIDE, NECK_PIVOT, PART

BARED = 0.04  # eye distances by which the lower lip's inner edge may be drawn down from the lower teeth

LIES = 0.03  # eye distances by which a tongue that is half-way out lies above the edge of the lower teeth, or of a lip that hides them


@dataclass
class Rig:
    """A person's head in the head frame: x to the subject's left, y down, z backwards, unit one outer-eye-corner
    distance, origin midway between the outer eye corners. The rest position is the portrait as it is.

    vertices (V, 3) float32; faces (F, 3) int64; uvs (F, 3, 2) atlas coordinates; vertex_part (V,), face_part (F,) index
    into PARTS; blendshapes (E, V, 3) in the order of expressions.NAMES; jaw (V,) and head (V,) skinning weights;
    eye_centres (2, 3) right, left; iris (2,) radius of the iris
    in the eye's chart, 1 = the cap's edge; camera: the portrait's, its viewmat the head's pose in the portrait;
    hidden_ears: whether hair hides the subject's right and left one in the portrait, which files do not keep.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray
    vertex_part: np.ndarray
    face_part: np.ndarray
    blendshapes: np.ndarray
    jaw: np.ndarray
    head: np.ndarray
    eye_centres: np.ndarray
    iris: np.ndarray
    camera: Camera
    hidden_ears: tuple[bool, bool] = (False, False)

    def part_faces(self, *names: str) -> np.ndarray:
        """Indices of the faces of these parts."""
        return np.flatnonzero(np.isin(self.face_part, [PART[n] for n in names]))

    @cached_property
    def mouth_open(self) -> bool:
        """Whether the portrait shows something between its lips."""
        return person_facts.mouth_is_open(self.vertices)

    def eye_closed(self, side: str) -> bool:
        """Whether the portrait's lids hide the eye of this side."""
        return person_facts.eye_is_closed(self.vertices, side)

    def points_on(self, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """Points (N, 3) at rest, at barycentric coordinates (N, 3) of triangles (N,)."""
        return interpolated(self.vertices[self.faces[face]], bary)

    def uvs_on(self, face: np.ndarray, bary: np.ndarray) -> np.ndarray:
        """Atlas coordinates (N, 2) there."""
        return interpolated(self.uvs[face], bary)

    @cached_property
    def vertex_normals(self) -> np.ndarray:
        """(V, 3) float64 at rest, out of the skin."""
        return vertex_normals(self.vertices.astype(np.float64), self.faces)

    @cached_property
    def neutral(self) -> Neutral:
        """What closes an open mouth and opens closed eyes of the portrait."""
        return neutral(self)

    def poser(self, device: torch.device | str = "cpu") -> "Poser":
        """The same rig as tensors, ready to be posed many times."""
        return Poser(self, device)


class Poser:
    """Poses a rig: `poser(weights, head, gaze, shape, body) -> vertices`. Differentiable in every tensor argument.

    All of them may have the same leading dimensions, one pose each. On the CPU what is zero is left out; on a GPU asking whether
    it is would cost more.
    """

    def __init__(self, rig: Rig, device: torch.device | str = "cpu"):
        def tensor(array):
            return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=device)

        self.device = torch.device(device)
        self.rest = tensor(rig.vertices)
        self.blendshapes = tensor(rig.blendshapes)
        self.jaw = tensor(rig.jaw)[:, None]
        self.head = tensor(rig.head)[:, None]
        self.eye_centres = tensor(rig.eye_centres)
        self.eyes = [torch.as_tensor(np.flatnonzero(rig.vertex_part == PART[p]), device=device) for p in ("eye_right", "eye_left")]
        self.hinge, self.pivot, self.neck = tensor(JAW_HINGE), tensor(NECK_PIVOT), Neck(device)
        # Lower teeth and tongue, and how far the lip's edge lies below the teeth's.
        lower = np.flatnonzero(np.isin(rig.vertex_part, [PART["lower_teeth"], PART["tongue"]]))
        self.lower = torch.as_tensor(lower, device=device)
        self.follows = tensor(np.where(rig.vertex_part[lower] == PART["tongue"], 0.5, 1.0))
        teeth = np.flatnonzero(rig.vertex_part == PART["lower_teeth"])
        edge = teeth[rig.vertices[teeth, 1] < rig.vertices[teeth, 1].min() + 0.02]
        self.edge = int(edge[np.abs(rig.vertices[edge, 0] - rig.vertices[LOWER_LIP, 0]).argmin()])
        self.below = float(rig.vertices[LOWER_LIP, 1] - rig.vertices[self.edge, 1])
        tongue = np.flatnonzero(rig.vertex_part == PART["tongue"])
        self.tongue = torch.as_tensor(tongue, device=device)
        self.comes, self.over = map(tensor, _over_the_teeth(rig, tongue, rig.vertices[self.edge, 1]))
        self._rig = rig
        self._spread: tuple[Tensor, Tensor] | None = None  # made when first asked for

    def __call__(
        self,
        weights: Tensor,
        head: Tensor | None = None,
        gaze: Tensor | None = None,
        shape: Tensor | None = None,
        body: Tensor | None = None,
    ) -> Tensor:
        """Vertices (..., V, 3).

        Args:
            weights: (..., E) blendshape weights in [0, 1], see expressions.NAMES.
            head: (..., 3) yaw, pitch, roll of the head on its neck, radians; or (..., 6) with a shift of the head, in the unit
                of the vertices.
            gaze: (..., 2) yaw, pitch added to both eyes, radians; clamped to what eyes can do.
            shape: (V, 3) or (..., V, 3) displacement of the rest shape.
            body: (..., 6) yaw, pitch, roll of what the head's joint does not carry, about the neck, radians, and its shift. Farther than
                a neck gives (`Neck`) the body comes along with the head, whatever this says.
        """
        rest = self.rest if shape is None else self.rest + shape
        vertices = self._tongue(self._express(rest, weights), weights)
        vertices = self._teeth_at_lip(self._jaw(vertices, weights))
        vertices = self._eyes(vertices, rest, weights, gaze)
        return vertices if head is None and body is None else self._joints(vertices, head, body)

    def _joints(self, vertices: Tensor, head: Tensor | None, body: Tensor | None) -> Tensor:
        """The head and the body about the neck, each with the vertices that it carries."""
        still = vertices.new_zeros(6)
        head, body = (still if pose is None else pose for pose in (head, body))
        if not self._moves(head, body):
            return vertices
        (turn, shift), (body_turn, body_shift) = poses = [_rigid(pose) for pose in (head, body)]
        body_shift = body_shift + self.neck.pull(*poses)
        turned = (vertices - self.pivot) @ turn.transpose(-1, -2) + self.pivot + shift[..., None, :]
        if self._moves(body, body_shift):
            vertices = (vertices - self.pivot) @ body_turn.transpose(-1, -2) + self.pivot + body_shift[..., None, :]
        return vertices + self.head * (turned - vertices)

    def _moves(self, *values: Tensor) -> bool:
        return self.device.type != "cpu" or any(bool(value.detach().any()) for value in values)

    def _express(self, rest: Tensor, weights: Tensor) -> Tensor:
        if self.device.type != "cpu" or weights.dim() > 1:
            return rest + torch.einsum("...e,evc->...vc", weights, self.blendshapes)
        active = torch.nonzero(weights.detach().abs() > 1e-6).ravel()
        return rest + torch.einsum("e,evc->vc", weights[active], self.blendshapes[active]) if len(active) else rest

    def _tongue(self, vertices: Tensor, weights: Tensor) -> Tensor:
        """On its way out the tongue goes over lower teeth and lip: in a straight line it would go through them."""
        out = weights[..., INDEX["tongue_out"]]
        if not self._moves(out):
            return vertices
        lip = (vertices[..., self.edge, 1] - vertices[..., LOWER_LIP, 1]).clamp_min(0)  # above the teeth
        up = (1 - (2 * out - 1).abs() ** 3)[..., None] * (self.over + self.comes * lip[..., None])
        moved = vertices[..., self.tongue, :] - torch.stack([0 * up, up, 0 * up], -1)
        return vertices.index_copy(-2, self.tongue, moved)

    def spread(self, detail: Tensor) -> Tensor:
        """Displacements (..., V, 3) of the rest shape that carry those of the face landmarks (..., 468, 3), see `rig.detail`."""
        if self._spread is None:
            index, weights = landmark_spread(self._rig)
            self._spread = (torch.as_tensor(index, device=self.device), torch.as_tensor(weights, device=self.device))
        index, weights = self._spread
        out = self.rest.new_zeros(*detail.shape[:-2], *self.rest.shape)
        out[..., : detail.shape[-2], :] = detail
        return out.index_copy(-2, index, weights @ detail)

    def _jaw(self, vertices: Tensor, weights: Tensor) -> Tensor:
        opening = weights[..., INDEX["jaw_open"]] * JAW_ANGLE
        slide = (
            torch.stack(
                [
                    weights[..., INDEX["jaw_left"]] - weights[..., INDEX["jaw_right"]],
                    torch.zeros_like(opening),
                    -weights[..., INDEX["jaw_forward"]],
                ],
                -1,
            )
            * JAW_SLIDE
        )
        if not self._moves(opening, slide):
            return vertices
        nil = torch.zeros_like(opening)
        turn = rotation(nil, opening, nil).transpose(-1, -2)
        moved = (vertices - self.hinge) @ turn + self.hinge + slide[..., None, :]
        return vertices + self.jaw * (moved - vertices)

    def _teeth_at_lip(self, vertices: Tensor) -> Tensor:
        """Lower teeth and tongue follow a lip that goes down farther than gums are high: no lip hangs that far from its jaw."""
        down = (vertices[..., LOWER_LIP, 1] - vertices[..., self.edge, 1] - self.below - BARED).clamp_min(0)
        if not self._moves(down):
            return vertices
        moved = vertices[..., self.lower, :] + self.follows[:, None] * torch.stack([0 * down, down, 0 * down], -1)[..., None, :]
        return vertices.index_copy(-2, self.lower, moved)

    def _eyes(self, vertices: Tensor, rest: Tensor, weights: Tensor, gaze: Tensor | None) -> Tensor:
        parts = []
        for side, index, centre in zip(("right", "left"), self.eyes, self.eye_centres):
            outward = weights[..., INDEX[f"eye_look_out_{side}"]] - weights[..., INDEX[f"eye_look_in_{side}"]]
            down = weights[..., INDEX[f"eye_look_down_{side}"]] - weights[..., INDEX[f"eye_look_up_{side}"]]
            # Looking outwards is to the subject's own side: the left eye towards the picture's right (negative yaw).
            yaw = outward * EYE_LOOK * (1.0 if side == "right" else -1.0)
            pitch = down * EYE_LOOK
            if gaze is not None:
                yaw, pitch = yaw + gaze[..., 0], pitch + gaze[..., 1]
            yaw, pitch = yaw.clamp(-GAZE_LIMIT[0], GAZE_LIMIT[0]), pitch.clamp(-GAZE_LIMIT[1], GAZE_LIMIT[1])
            if not self._moves(yaw, pitch):
                continue
            ball = vertices[..., index, :]
            middle = centre + (rest[..., index, :] - self.rest[index]).mean(-2, keepdim=True)
            turn = rotation(yaw, pitch, torch.zeros_like(yaw)).transpose(-1, -2)
            parts.append((index, (ball - middle) @ turn + middle))
        for index, moved in parts:
            vertices = vertices.index_copy(-2, index, moved)
        return vertices


def _over_the_teeth(rig: Rig, tongue: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Of vertices of the tongue (T,): which come out, 0 to 1, and how far they have to rise half-way to lie flat on the lower teeth, whose
    edge is at this height."""
    shift = rig.blendshapes[INDEX["tongue_out"], tongue].astype(np.float64)
    half_out = rig.vertices[tongue, 1] + 0.5 * shift[:, 1]
    comes = smooth_step(-shift[:, 2] / max(float(-shift[:, 2].min()), 1e-6), 0.0, 0.4)  # the root stays
    return comes, comes * np.maximum(half_out - (edge - LIES), 0)


def _rigid(pose: Tensor) -> tuple[Tensor, Tensor]:
    """Rotation (..., 3, 3) and shift (..., 3) of a pose (..., 3) or (..., 6)."""
    shift = pose[..., 3:] if pose.shape[-1] == 6 else torch.zeros_like(pose)
    return rotation(*pose[..., :3].unbind(-1)), shift
