"""Synthetic clips without pretrained weights: the unrolled portrait, edited, re-rendered over expressions and views."""

from typing import Callable, Iterator

import cv2
import numpy as np
import torch

from ..attributes.edits import Axis, Category
from ..portrait import Portrait
from ..render.camera import Camera
from ..render.mesh import rasterize_ids
from ..rig.expressions import expand
from ..rig.rig import HEAD_CENTRE, Rig
from .base import Clip, Frame, Plan
from .editing import Edit, Workshop
from .interpolate import morph
from .rerender import render_frame, to_frame
from .texture import ATLAS, Texture, sample

EXPRESSIONS: list[dict[str, float]] = [
    {}, {"smile": 0.9}, {"jaw_open": 0.8}, {"blink": 1.0}, {"brows_up": 1.0}, {"pucker": 1.0}, {"grin": 0.8},
    {"mouth_funnel": 0.8, "jaw_open": 0.3}, {"brows_down": 1.0, "eye_squint_left": 0.6, "eye_squint_right": 0.6},
    {"mouth_left": 1.0}, {"surprise": 1.0}, {"sad": 1.0}, {"jaw_open": 0.35, "smile": 0.4}, {"eye_wide_left": 1.0, "eye_wide_right": 1.0},
]
YAW, PITCH = 45.0, 20.0


class ProceduralSynthesizer:
    """Embedded default: works on any CPU with no download."""

    name = "procedural"

    def clips(self, portrait: Portrait, rig: Rig, texture: Texture, categories: list[Category], plan: Plan,
              progress: Callable[[float, str], None] = lambda share, text: None) -> Iterator[Clip]:
        """See `Synthesizer.clips`."""
        studio = Studio(rig, texture, plan)
        yield studio.source_clip()
        axes = [(c, a) for c in categories for a in c.axes]
        ends: dict[str, dict] = {}
        for n, (category, axis) in enumerate(axes):
            progress(n / len(axes), f"synthesizing {axis.label.lower()} ({category.label.lower()})")
            clip, ends[axis.name] = studio.axis_clip(category, axis)
            yield clip
        if plan.interpolate:
            for category in categories:
                yield studio.interpolated_clip(category, ends)


class Studio:
    """Poses, cameras and edits of one person, shared by all of the clips."""

    def __init__(self, rig: Rig, texture: Texture, plan: Plan):
        self.rig, self.texture, self.plan = rig, texture, plan
        self.workshop = Workshop.shared(rig, texture, plan.seed)
        self.poser = rig.poser()
        self.faces = rig.faces.astype(np.int32)
        self.rgba = texture.rgba()
        self._touched: dict[str, np.ndarray] = {}
        self._boxes: dict[int, tuple[slice, slice]] = {}  # by identity: the workshop keeps every edit alive
        self.rng = np.random.default_rng(plan.seed)
        base = rig.camera
        K = base.K.copy()
        # Closer than the portrait: heads fill the teaching pictures.
        centre, _ = base.project(np.array([HEAD_CENTRE], np.float32))
        zoom = 1.35
        K[:2, 2] = base.width / 2 + (K[:2, 2] - centre[0]) * zoom + [0, -0.06 * base.width]
        K[0, 0] *= zoom
        K[1, 1] *= zoom
        self.camera = Camera(base.viewmat, K, base.width, base.height).resized(plan.size, plan.size)

    def view(self, yaw: float, pitch: float) -> Camera:
        """The teaching camera turned about the head, degrees."""
        return self.camera.orbit(yaw, pitch, 0.0, np.array(HEAD_CENTRE, np.float32))

    def _pose(self, expression: dict[str, float], head=(0.0, 0.0, 0.0), gaze=(0.0, 0.0)) -> dict:
        return dict(weights=expand(expression), head=np.radians(head).astype(np.float32), gaze=np.radians(gaze).astype(np.float32))

    def _vertices(self, pose: dict, shape: np.ndarray | None) -> np.ndarray:
        with torch.no_grad():
            args = [torch.from_numpy(pose[k]) for k in ("weights", "head", "gaze")]
            return self.poser(*args, None if shape is None else torch.from_numpy(shape.astype(np.float32))).numpy()

    def _poses(self, count: int, strength: float = 1.0) -> list[tuple[dict, float, float]]:
        """`count` expressions x views: a stratified walk over yaw, alternating pitch, shuffled expressions."""
        yaws = YAW * (2 * (np.arange(count) + self.rng.random(count)) / count - 1)
        pitches = PITCH * (2 * self.rng.random(count) - 1)
        order = self.rng.permutation(count)
        out = []
        for i, n in enumerate(order):
            expression = {k: v * strength for k, v in EXPRESSIONS[i % len(EXPRESSIONS)].items()}
            head = self.rng.uniform([-20, -12, -8], [20, 12, 8]) if i % 3 == 2 else np.zeros(3)
            gaze = self.rng.uniform([-22, -12], [22, 12]) if i % 4 == 3 else np.zeros(2)
            out.append((self._pose(expression, head, gaze), float(yaws[n]), float(pitches[n])))
        return out

    def source_clip(self) -> Clip:
        """The person as the portrait shows them, over expressions and views, the back of the head included."""
        clip = Clip(None, "source")
        poses = self._poses(self.plan.source_frames)
        for yaw in (-90.0, 90.0, 180.0, -135.0, 135.0):
            poses.append((self._pose({}), yaw, 0.0))
        for pose, yaw, pitch in poses:
            camera = self.view(yaw, pitch)
            image, alpha = render_frame(self.rig, self._vertices(pose, None), self.rgba, camera)
            clip.frames.append(to_frame(image, alpha, None, camera, pose))
            clip.latents.append(np.zeros(0, np.float32))
        return clip

    def edited(self, axis: Axis, edit: Edit, amount: float, pose: dict, camera: Camera) -> tuple[Frame, np.ndarray]:
        """One frame of an edit at |amount|, and its posed vertices (V, 3)."""
        share = abs(amount)
        vertices = self._vertices(pose, None if edit.shape is None else edit.shape * share)
        if edit.color is not None:
            # Only the edited part of the atlas is written, and put back afterwards: a copy a frame costs more.
            box = self._box(edit)
            self.rgba[box][..., :3] = (1 - share) * self.texture.color[box] + share * edit.color[box]
        image, alpha = render_frame(self.rig, vertices, self.rgba, camera, edit.overlay, share * edit.opacity)
        if edit.color is not None:
            self.rgba[box][..., :3] = self.texture.color[box]
        owned = self._owned(axis, edit, vertices, pose, camera)
        return to_frame(image, alpha, owned, camera, pose), vertices

    def _box(self, edit: Edit) -> tuple[slice, slice]:
        """Rows and columns of the atlas that an edit recolours."""
        if id(edit) not in self._boxes:
            changed = (edit.color != self.texture.color).any(-1)
            rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
            self._boxes[id(edit)] = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1] if len(rows) else np.s_[0:0, 0:0]
        return self._boxes[id(edit)]

    def _owned_faces(self, axis: Axis) -> np.ndarray:
        """Rig triangles (F,) bool that an axis' region touches."""
        if axis.name not in self._touched:
            corners = np.concatenate([self.rig.uvs, self.rig.uvs.mean(1, keepdims=True)], 1)
            self._touched[axis.name] = (sample(self.workshop.owned(axis), corners * ATLAS) > 0.05).any(1)
        return self._touched[axis.name]

    def _owned(self, axis: Axis, edit: Edit, vertices: np.ndarray, pose: dict, camera: Camera) -> np.ndarray:
        """Where the edit may change the picture (H, W): its region, wherever its shape moves something, its overlay."""
        small = camera.resized(camera.width // 2, camera.height // 2)
        faces = self._owned_faces(axis)
        stages = [vertices]
        if edit.shape is not None:
            faces = faces | (np.linalg.norm(edit.shape, axis=1) > 1e-3)[self.rig.faces].any(1)
            stages.append(self._vertices(pose, None))
        owned = np.zeros((small.height, small.width), np.uint8)
        for points in stages:
            ids, _ = rasterize_ids(points, self.faces, small)
            owned |= (ids >= 0) & faces[np.maximum(ids, 0)]
        if edit.overlay is not None:
            ids, _ = rasterize_ids(edit.overlay.pose(self.rig, vertices).astype(np.float32),
                                   edit.overlay.triangles.astype(np.int32), small)
            owned |= ids >= 0
        return cv2.resize(cv2.dilate(owned, np.ones((5, 5))).astype(np.float32), (camera.width, camera.height))

    def axis_clip(self, category: Category, axis: Axis) -> tuple[Clip, dict]:
        """All frames of one axis; and its ends (sign -> Edit) for the interpolated faces."""
        clip = Clip(category.name, "edit")
        signs = (1, -1) if axis.low < 0 else (1,)
        edits = {sign: self.workshop.edit(axis, sign) for sign in signs}
        amounts = [s * a for s in signs for a in self.plan.amounts[:-1]] + [float(s) for s in signs for _ in range(self.plan.frames_per_end)]
        poses = self._poses(len(amounts), 0.8)
        for amount, (pose, yaw, pitch) in zip(amounts, poses):
            edit = edits[1 if amount > 0 else -1]
            frame, _ = self.edited(axis, edit, amount, pose, self.view(yaw, pitch))
            latent = np.zeros(category.dim, np.float32)
            latent[category.axis_index(axis.name)] = amount
            clip.frames.append(frame)
            clip.latents.append(latent)
        return clip, edits

    def interpolated_clip(self, category: Category, ends: dict[str, dict]) -> Clip:
        """Morphs between neighbouring styles of a category, three amounts each, every pair in its own pose."""
        clip = Clip(category.name, "interpolated")
        points = [(axis, sign) for axis in category.axes for sign in ends[axis.name]]
        pairs = [(points[i], points[i + 1]) for i in range(len(points) - 1)]
        pairs = [p for p in pairs if p[0][0] is not p[1][0]]
        for ((first, sign_a), (second, sign_b)), (pose, yaw, pitch) in zip(pairs, self._poses(len(pairs), 0.6)):
            camera = self.view(yaw * 0.7, pitch)
            frame_a, vertices_a = self.edited(first, ends[first.name][sign_a], 1.0, pose, camera)
            frame_b, vertices_b = self.edited(second, ends[second.name][sign_b], 1.0, pose, camera)
            landmarks = [np.column_stack(camera.project(v)) for v in (vertices_a, vertices_b)]
            owned = np.maximum(frame_a.owned, frame_b.owned) / 255.0
            for share in (0.25, 0.5, 0.75):
                image, alpha = morph(frame_a, frame_b, *landmarks, self.rig.faces, share)
                latent = np.zeros(category.dim, np.float32)
                latent[category.axis_index(first.name)] += sign_a * (1 - share)
                latent[category.axis_index(second.name)] += sign_b * share
                clip.frames.append(to_frame(image, alpha, owned, camera, pose))
                clip.latents.append(latent)
        return clip
