"""Synthetic clips without pretrained weights: the unrolled portrait, edited, re-rendered over expressions and views."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import torch

from .. import stages
from ..attributes.edit_vocabulary import Axis, Category
from ..edits.bound_mesh import BoundMesh
from ..edits.edit import Edit, Patch, hump
from ..edits.workshop import Workshop
from ..portrait import Portrait
from ..render.camera import Camera
from ..render.mesh import SeenMesh
from ..rig.expressions import expand
from ..rig.rig import Rig
from ..rig.skeleton import HEAD_CENTRE
from ..side_by_side import SideBySide
from ..texture.atlas import ATLAS, Texture, sample
from .base import Clip, Frame, Plan, Unedited
from .interpolation import between, morph
from .photo_texture import PhotoTexture
from .rerender import lay_over, moved, packed, see, to_frame
from .syllabus import Mixed, Shown, syllabus

EXPRESSIONS: list[dict[str, float]] = [
    {},
    {"smile": 0.9},
    {"jaw_open": 0.8},
    {"blink": 1.0},
    {"brows_up": 1.0},
    {"pucker": 1.0},
    {"grin": 0.8},
    {"mouth_funnel": 0.8, "jaw_open": 0.3},
    {"brows_down": 1.0, "eye_squint_left": 0.6, "eye_squint_right": 0.6},
    {"mouth_left": 1.0},
    {"surprise": 1.0},
    {"sad": 1.0},
    {"jaw_open": 0.35, "smile": 0.4},
    {"eye_wide_left": 1.0, "eye_wide_right": 1.0},
]
YAW, PITCH = 45.0, 20.0
CLOSE_UP = (64, 128)  # pixels: smallest and largest side of an edit's picture
PREPARING = 0.3  # of the time for lessons goes into the edits themselves
TRIES = 3  # poses in which an edit may be out of sight, as an eye's colour is behind its lid
# The person without an edit: packed, what the camera sees, the picture (H, W, 3) and its alpha (H, W).
Plain = tuple[Unedited, SeenMesh, np.ndarray, np.ndarray]
POSES = 48  # that lessons are shown in: enough for every axis to have its own, few enough that each is posed once


class ProceduralSynthesizer:
    """Embedded default: works on any CPU with no download."""

    name = "procedural"

    def clips(
        self,
        portrait: Portrait,
        rig: Rig,
        texture: Texture,
        categories: list[Category],
        plan: Plan,
        progress: Callable[[float, str], None] = lambda share, text: None,
    ) -> Iterator[Clip]:
        """See `Synthesizer.clips`."""
        studio = Studio(rig, texture, plan)
        progress(0.0, stages.STUDYING)
        yield studio.source_clip(portrait)
        yield from studio.lessons(categories, progress)


def unseen_lessons(rig: Rig, texture: Texture, plan: Plan, categories: list[Category]) -> Iterator[Clip]:
    """Lessons of a plan, interpolated faces included, in other poses and views than a synthesizer shows."""
    studio = Studio(rig, texture, replace(plan, deadline=None, interpolate=True))
    studio.rng = np.random.default_rng([plan.seed, 1])
    yield from studio.lessons(categories)


class Studio:
    """Poses, cameras and edits of one person, shared by all of the clips."""

    def __init__(self, rig: Rig, texture: Texture, plan: Plan):
        self.rig, self.texture, self.plan = rig, texture, plan
        self.workshop = Workshop.shared(rig, texture, plan.seed)
        self.poser = rig.poser()
        self.faces = rig.faces.astype(np.int32)
        self.rgba = halved(texture.rgba())  # teaching pictures are small: half the atlas is fine enough for them
        self._canvas = threading.local()  # where a thread paints edits
        self._patches: dict[int, tuple] = {}  # by identity: the workshop keeps every edit alive
        self._covers: dict[int, np.ndarray] = {}
        self._touched: dict[str, np.ndarray] = {}
        self._changed: dict[tuple[str, int], np.ndarray] = {}
        self.rng = np.random.default_rng(plan.seed)
        self._bank: list[tuple[dict, float, float]] = []
        self._still: dict[int, np.ndarray] = {}  # posed vertices, by the identity of a pose of the bank
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
        if shape is None and id(pose) in self._still:
            return self._still[id(pose)]
        with torch.no_grad():
            args = [torch.from_numpy(pose[k]) for k in ("weights", "head", "gaze")]
            out = self.poser(*args, None if shape is None else torch.from_numpy(shape.astype(np.float32))).numpy()
        if shape is None and any(pose is known for known, *_ in self._bank):
            self._still[id(pose)] = out
        return out

    def _pose_of(self, lesson: int) -> tuple[dict, float, float]:
        """Another pose and view for each lesson, of those that all share."""
        if not self._bank:
            self._bank = self._poses(POSES, 0.8)
        return self._bank[lesson % POSES]

    def _poses(self, count: int, strength: float = 1.0) -> list[tuple[dict, float, float]]:
        """`count` expressions x views: a stratified walk over yaw, alternating pitch, the expressions one after the other."""
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

    def source_clip(self, portrait: Portrait) -> Clip:
        """The person as the portrait shows them, as sharply as it does, over expressions and views, the back of the head included."""
        clip, texture = Clip(None, "source"), PhotoTexture.of(portrait, self.texture)
        poses = self._poses(self.plan.source_frames)
        for yaw in (-90.0, 90.0, 180.0, -135.0, 135.0):
            poses.append((self._pose({}), yaw, 0.0))
        for pose, yaw, pitch in poses:
            camera = self.view(yaw, pitch)
            clip.frames.append(to_frame(*texture.render(self.rig, self._vertices(pose, None), camera), None, camera, pose))
            clip.latents.append(np.zeros(0, np.float32))
        return clip

    def edited(
        self, edit: Edit, amount: float, pose: dict, camera: Camera, under: Edit | None = None, plain: Plain | None = None
    ) -> tuple[Frame, np.ndarray]:
        """One frame of an edit at |amount|, and its posed vertices (V, 3).

        Args:
            under: the edit that this one acts on, if it needs one; shown in full.
            plain: `unedited` of this pose and camera, if somebody has it.
        """
        share = abs(amount)
        overlay, strength, shape = edit.overlay, share * edit.opacity, edit.shape_at(share)
        if under is not None:
            overlay = None if under.overlay is None else self._tinted(edit, under.overlay, share)
            strength, shape = under.opacity, under.shape_at(1.0)
        elif overlay is not None and overlay.start is not None:
            overlay, strength = overlay.grown(share), 1.0
        before, seen, image, alpha = self.unedited(pose, camera) if plain is None else plain
        vertices, (canvas, box) = self._vertices(pose, shape), self._paint(edit, share)
        if shape is not None or edit.solid is not None:
            still, seen = seen, see(self.rig, vertices, canvas, camera)
            before = moved(before, still, seen, self._vertices(pose, None), self.faces, camera)
        if shape is not None or box is not None:
            image, alpha, _ = seen.shade(canvas, alpha_channel=True)
        if box is not None:
            canvas[box] = self.rgba[box]
        if edit.cover is not None:
            hidden = seen.shade(self._hiding(edit), alpha_channel=True)[0][..., 0]
            before = replace(before, kept=packed(before.kept / 255 * (1 - share * hidden)))
        if overlay is not None:
            placed = overlay.pose(self.rig, vertices).astype(np.float32)
            image, alpha, over = lay_over(image, alpha, seen, overlay, placed, strength, camera)
            before = replace(before, kept=packed(before.kept / 255 * (1 - over)))
        return to_frame(image, alpha, before, camera, pose), vertices

    def unedited(self, pose: dict, camera: Camera) -> Plain:
        """The person in a pose."""
        seen = see(self.rig, self._vertices(pose, None), self.rgba, camera)
        image, alpha, _ = seen.shade(self.rgba, alpha_channel=True)
        return Unedited(packed(image), packed(alpha), np.full(alpha.shape, 255, np.uint8)), seen, image, alpha

    @staticmethod
    def _tinted(edit: Edit, overlay: BoundMesh, share: float) -> BoundMesh:
        change = edit.tints.get(overlay.kind)
        return overlay if change is None else replace(overlay, color=np.clip(overlay.color + share * change(overlay.color), 0, 1))

    def _paint(self, edit: Edit, share: float) -> tuple[np.ndarray, tuple[slice, slice] | None]:
        """This thread's copy of the texture with an edit written into it; where, for it to be put back: a copy a frame costs more."""
        if id(edit) not in self._patches:
            self._patches[id(edit)] = self._patch(edit)
        if not hasattr(self._canvas, "rgba"):
            self._canvas.rgba = self.rgba.copy()
        canvas, (box, change, halfway, solid) = self._canvas.rgba, self._patches[id(edit)]
        if change is not None:
            canvas[box][..., :3] += np.float32(share) * change
        if halfway is not None:  # it lies where the change does
            canvas[box][..., :3] += np.float32(hump(share)) * halfway
        if solid is not None:
            box = np.s_[:, :]
            canvas[..., 3] = np.maximum(self.rgba[..., 3], np.float32(share) * solid)
        return canvas, box

    def _hiding(self, edit: Edit) -> np.ndarray:
        """How much of the person an edit paints over (A, A, 4), on the halved atlas: what was there is none of what will be."""
        if id(edit) not in self._covers:
            self._covers[id(edit)] = halved(np.stack([*(edit.cover,) * 3, np.ones_like(edit.cover)], -1))
        return self._covers[id(edit)]

    def _patch(self, edit: Edit) -> tuple[tuple[slice, slice] | None, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
        """An edit's change of colour, what it adds half way, and where it makes the surface solid, on the halved atlas."""
        box, change = halved_patch(edit.change(self.texture))
        halfway = halved_patch(edit.halfway)[1]
        return box, change, halfway, None if edit.solid is None else halved(edit.solid)

    def _owned_faces(self, axis: Axis) -> np.ndarray:
        """Rig triangles (F,) bool that an axis' region touches."""
        if axis.name not in self._touched:
            corners = np.concatenate([self.rig.uvs, self.rig.uvs.mean(1, keepdims=True)], 1)
            self._touched[axis.name] = (sample(self.workshop.owned(axis), corners * ATLAS) > 0.05).any(1)
        return self._touched[axis.name]

    def _changed_faces(self, axis: Axis, edit: Edit) -> np.ndarray:
        """Rig triangles (F,) bool that an edit recolours or moves."""
        key = axis.name, id(edit)
        if key not in self._changed:
            faces = self._owned_faces(axis)
            self._changed[key] = faces if edit.shape is None else faces | (np.abs(edit.shape).max(1) > 1e-3)[self.rig.faces].any(1)
        return self._changed[key]

    def close_up(self, axes: list[tuple[Axis, Edit]], pose: dict, camera: Camera) -> Camera:
        """The part of the camera's picture in which these edits show, with a margin, in as many pixels as it is worth:
        a nose needs no picture of the shoulders."""
        size = camera.width
        points = []
        for axis, edit in axes:
            still = self._vertices(pose, None)
            touched = np.zeros(len(still), bool)
            touched[self.faces[self._changed_faces(axis, edit)]] = True
            points += [still[touched]] + ([] if edit.shape is None else [(still + edit.shape)[touched]])
            if edit.overlay is not None:
                points.append(edit.overlay.pose(self.rig, still).astype(np.float32))
        points = np.concatenate(points)
        if not len(points):
            return camera.resized(*(CLOSE_UP[0],) * 2)
        xy = camera.project(points)[0]
        low, high = np.clip(xy.min(0) - 8, 0, size - 1), np.clip(xy.max(0) + 8, 1, size)
        # Enough around it that what spills over would be seen.
        side = min(1.15 * float((high - low).max()), size)
        left = np.clip((low + high) / 2 - side / 2, 0, size - side)
        pixels = int(np.clip(round(1.1 * side / 16) * 16, min(CLOSE_UP[0], size), min(CLOSE_UP[1], size)))
        K = camera.K.copy()
        K[:2, 2] -= left
        K[:2] *= pixels / side
        return Camera(camera.viewmat, K, pixels, pixels)

    def ends(self, axis: Axis) -> dict[int, Edit]:
        """What an axis does at its ends (sign -> edit), where it changes anything of this person."""
        edits = {sign: self.workshop.edit(axis, sign) for sign in ((1, -1) if axis.low < 0 else (1,))}
        return {sign: edit for sign, edit in edits.items() if not edit.is_empty(self.texture)}

    def lessons(self, categories: list[Category], progress: Callable[[float, str], None] = lambda share, text: None) -> Iterator[Clip]:
        """Clips of all sliders, most worth first, as many as the plan wants and its deadline allows."""
        ends: dict[str, dict[int, Edit]] = {}
        owned = [(category, axis) for category in categories for axis in category.axes]
        with SideBySide() as together:
            for n, ((category, axis), found) in enumerate(zip(owned, together.each(lambda x: self.ends(x[1]), owned))):
                progress(PREPARING * n / len(owned), stages.imagining(category))
                ends[axis.name] = found
        known = {name for name, edits in ends.items() if all(edit.only_moves(self.texture) for edit in edits.values())}
        # What grows on a head that another edit has changed is right as it begins: no lesson shows both.
        known |= {axis.name for _, axis in owned if axis.needs and any(edit.overlay is not None for edit in ends[axis.name].values())}
        straight = {name for name, edits in ends.items() if all(edit.is_linear() for edit in edits.values())}
        listed = syllabus(categories, ends, known, straight, self.plan)
        # A lesson's poses are counted from where those before it end, whoever is done first.
        firsts = np.cumsum([0, *(len(lesson.amounts) if isinstance(lesson, Shown) else 1 for lesson in listed)])
        self._pose_of(0)
        deadline = math.inf if self.plan.deadline is None else max(self.plan.deadline, time.monotonic() + self.plan.least)

        def made(job: tuple[Shown | Mixed, int]) -> Clip | None:
            if time.monotonic() > deadline:
                return None  # sliders that got no picture keep the start that their edits give them
            lesson, first = job
            return self.shown(lesson, ends, first) if isinstance(lesson, Shown) else self.mixed(lesson, ends, first)

        with SideBySide() as together:
            for n, (lesson, clip) in enumerate(zip(listed, together.each(made, zip(listed, firsts)))):
                if clip is None:
                    return
                progress(PREPARING + (1 - PREPARING) * n / len(listed), stages.imagining(lesson.category))
                yield clip

    def shown(self, lesson: Shown, ends: dict[str, dict[int, Edit]], first: int) -> Clip:
        """Frames of one axis, each in a pose and view of its own, of all that there are from the `first` on."""
        category, axis = lesson.category, lesson.axis
        clip = Clip(category.name, "edit")
        needed = None if axis.needs is None else category.axes[category.axis_index(axis.needs)]
        under = None if needed is None else self.workshop.edit(needed, 1)
        for n, amount in enumerate(lesson.amounts, first):
            edit = ends[axis.name][1 if amount > 0 else -1]
            for again in range(TRIES):
                pose, yaw, pitch = self._pose_of(n + again)
                camera = self.close_up([(axis, edit if under is None else under)], pose, self.view(yaw, pitch))
                frame, _ = self.edited(edit, amount, pose, camera, under)
                if not np.array_equal(frame.image, frame.before.image):
                    break
            latent = np.zeros(category.dim, np.float32)
            latent[category.axis_index(axis.name)] = amount
            if needed is not None:
                latent[category.axis_index(needed.name)] = 1.0
            clip.frames.append(frame)
            clip.latents.append(latent)
        return clip

    def mixed(self, lesson: Mixed, ends: dict[str, dict[int, Edit]], first: int) -> Clip:
        """Morphs between two neighbouring styles of a category, in the `first` pose."""
        category, (one, sign_a), (other, sign_b) = lesson.category, lesson.first, lesson.second
        clip = Clip(category.name, "interpolated")
        pose, yaw, pitch = self._pose_of(first)
        edit_a, edit_b = ends[one.name][sign_a], ends[other.name][sign_b]
        camera = self.close_up([(one, edit_a), (other, edit_b)], pose, self.view(yaw * 0.7, pitch))
        plain = self.unedited(pose, camera)
        frame_a, vertices_a = self.edited(edit_a, 1.0, pose, camera, plain=plain)
        frame_b, vertices_b = self.edited(edit_b, 1.0, pose, camera, plain=plain)
        landmarks = [np.column_stack(camera.project(v)) for v in (vertices_a, vertices_b)]
        for share in lesson.shares:
            image, alpha = morph(frame_a, frame_b, *landmarks, self.rig.faces, share)
            latent = np.zeros(category.dim, np.float32)
            latent[category.axis_index(one.name)] += sign_a * (1 - share)
            latent[category.axis_index(other.name)] += sign_b * share
            clip.frames.append(to_frame(image, alpha, between(frame_a.before, frame_b.before, share), camera, pose))
            clip.latents.append(latent)
        return clip


def halved_patch(patch: Patch | None) -> tuple[tuple[slice, slice] | None, np.ndarray | None]:
    """Where on the halved atlas a change of colour lies, and the change there; twice None for none."""
    if patch is None:
        return None, None
    (rows, columns), change = patch
    ends = [(s.start // 2, -(-s.stop // 2)) for s in (rows, columns)]
    pads = [(s.start - 2 * a, 2 * b - s.stop) for s, (a, b) in zip((rows, columns), ends)]
    return tuple(slice(*end) for end in ends), halved(np.pad(change, (*pads, (0, 0))))


def halved(image: np.ndarray) -> np.ndarray:
    """An atlas picture (even sides, any channels) at half its size, float32."""
    height, width = image.shape[:2]
    return cv2.resize(np.ascontiguousarray(image, np.float32), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
