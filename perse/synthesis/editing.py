"""Attribute edits carried out on one person's rig and texture: the procedural answer to an image editor."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from matplotlib.path import Path

from ..attributes.edits import Axis, EyeSize, HairVolume, Prop, Recolor, Sculpt, Strands
from ..attributes.regions import AREAS
from ..rig.rig import PART, Rig
from ..rig.sculpt import Surface
from ..rig.shell import RINGS
from ..rig.topology import EYE, FACE, OVAL, canonical
from .bound import BoundMesh
from .props import glasses
from .strands import grow
from .texture import ATLAS, Texture, chart_slice


@dataclass
class Edit:
    """What one axis does at amount +1 or -1: shape (V, 3) displacement or None, color (ATLAS, ATLAS, 3) edited
    texture or None, overlay that fades in or None, opacity of the overlay at
    full amount."""

    shape: np.ndarray | None = None
    color: np.ndarray | None = None
    overlay: BoundMesh | None = None
    opacity: float = 0.95


@dataclass
class Workshop:
    """Everything edits need of one person, computed once."""

    rig: Rig
    texture: Texture
    seed: int = 0
    _regions: dict = field(default_factory=dict)
    _edits: dict = field(default_factory=dict)
    _surface: Surface | None = None

    def __post_init__(self):
        head = (self.rig.vertex_part == PART["face"]) | (self.rig.vertex_part == PART["shell"])
        count = int(head.sum())  # face and shell come first
        faces = self.rig.faces[(self.rig.faces < count).all(1)]
        self._surface = Surface(self.rig.vertices[:count], faces)
        texture = self.texture
        self._lab = cv2.cvtColor(np.ascontiguousarray(texture.color, np.float32), cv2.COLOR_RGB2Lab)
        self._place()

    def _place(self) -> None:
        """Mean-face coordinates of every face and shell texel, for regions drawn on the mean face."""
        mean = canonical()[0]
        place = np.full((ATLAS, ATLAS, 2), 9.0, np.float32)
        fade = np.zeros((ATLAS, ATLAS), np.float32)
        area = chart_slice("face")
        ids, bary = self.texture.faces[area], self.texture.bary[area]
        inside = (ids >= 0) & (self.rig.face_part[np.maximum(ids, 0)] == PART["face"])
        corner = self.rig.faces[np.maximum(ids, 0)]
        corner = np.where(corner < FACE, corner, 0)
        place[area] = np.where(inside[..., None], np.einsum("hwk,hwkc->hwc", bary, mean[corner][..., :2]), 9.0)
        fade[area] = inside
        area = chart_slice("shell")
        height, width = self.texture.seen[area].shape
        columns = np.arange(width) / width * len(OVAL)
        ring = np.append(OVAL, OVAL[0])
        x = np.interp(columns, np.arange(len(ring)), mean[ring, 0])
        y = np.interp(columns, np.arange(len(ring)), mean[ring, 1])
        place[area] = np.stack([x, y], -1)[None]
        self._shell_fade = np.clip(1 - np.arange(height) / height / (3.0 / (RINGS + 1)), 0, 1)[:, None]
        self._place_xy, self._face_inside = place, fade

    def region(self, name: str) -> np.ndarray:
        """Weight (ATLAS, ATLAS) in [0, 1] of a region: a mask of the portrait, the irises, or an area of the mean face."""
        if name not in self._regions:
            self._regions[name] = self._make_region(name)
        return self._regions[name]

    def _make_region(self, name: str) -> np.ndarray:
        regions = self.texture.regions
        if name == "iris":
            return self._iris(0.34)
        if name == "skin":
            skin = np.clip(regions["skin"] + 0.8 * regions["lips"] + 0.4 * regions["brows"], 0, 1)
            eyes = np.zeros_like(skin)
            return np.clip(cv2.GaussianBlur(np.maximum(skin, eyes), (0, 0), 3) * 1.15 - 0.1, 0, 1)
        if name in regions:
            return np.clip(cv2.GaussianBlur(regions[name], (0, 0), 1.5), 0, 1)
        if name == "glasses_area":
            return np.zeros((ATLAS, ATLAS), np.float32)
        area = AREAS[name]
        xy = self._place_xy.copy()
        xy[..., 0] = np.abs(xy[..., 0])
        outline = Path([(-1.0, area.outline[0][1]), *area.outline, (-1.0, area.outline[-1][1])]
                       if area.outline[0][0] == 0 else area.outline)
        weight = np.zeros((ATLAS, ATLAS), np.float32)
        for part in ("face", "shell") if area.below else ("face",):
            block = chart_slice(part)
            pts = xy[block].reshape(-1, 2)
            inside = outline.contains_points(pts).reshape(xy[block].shape[:2])
            weight[block] = inside * (self._shell_fade if part == "shell" else 1.0)
        # Chart texels per eye distance, for the soft edge.
        per_unit = 225.0
        weight = cv2.GaussianBlur(weight, (0, 0), max(area.soft * per_unit / 2, 1))
        weight[chart_slice("face")] *= self._face_inside[chart_slice("face")]
        if name in ("beard", "moustache", "goatee"):
            bare = np.clip(1 - 1.4 * cv2.dilate(regions["lips"], np.ones((5, 5))), 0, 1) * np.clip(1 - regions["hair"], 0, 1)
            weight *= bare
        if name == "cheeks":
            weight *= np.clip(regions["skin"], 0, 1)
        if name == "eye_area":
            for side in ("right", "left"):
                weight[chart_slice(f"eye_{side}")] = 1.0
        if name == "mouth_area":
            for part in ("upper_teeth", "lower_teeth", "cavity"):
                weight[chart_slice(part)] = 1.0
        return np.clip(weight, 0, 1)

    def _iris(self, pupil: float) -> np.ndarray:
        weight = np.zeros((ATLAS, ATLAS), np.float32)
        for part in ("eye_right", "eye_left"):
            block = chart_slice(part)
            size = block[0].stop - block[0].start
            grid = (np.arange(size) + 0.5) / size * 2 - 1
            radius = np.hypot(grid[None], grid[:, None]) / self.texture.extra[part]["iris"]
            ring = np.clip((radius - pupil) / 0.12, 0, 1) * np.clip((1.04 - radius) / 0.08, 0, 1)
            light = self._lab[block][..., 0]
            highlight = np.clip((light - max(60.0, np.percentile(light[radius < 1], 92))) / 12, 0, 1)
            weight[block] = ring * (1 - highlight)
        return weight

    def owned(self, axis: Axis) -> np.ndarray:
        """Union (ATLAS, ATLAS) of the regions that an axis may change."""
        return np.maximum.reduce([self.region(name) for name in axis.regions])

    def hair_color(self) -> np.ndarray:
        """RGB (3,) for facial hair: the head's own hair where there is some, else the brows, a little darker."""
        for name in ("hair", "brows"):
            mask = (self.texture.regions[name] > 0.6) & (self.texture.seen > 0.3)
            if mask.sum() > 200:
                return np.percentile(self.texture.color[mask], 35, axis=0) * 0.85
        return np.array([0.16, 0.11, 0.08])

    @staticmethod
    def shared(rig: Rig, texture: Texture, seed: int) -> "Workshop":
        """The workshop of a texture, made once: synthesis and the avatar's start both need the same edits."""
        key = f"workshop {seed}"
        if key not in texture.extra:
            texture.extra[key] = Workshop(rig, texture, seed)
        return texture.extra[key]

    def edit(self, axis: Axis, sign: int) -> Edit:
        """The axis at amount `sign` (+1 or -1); remembered."""
        if (axis.name, sign) not in self._edits:
            self._edits[axis.name, sign] = self._make_edit(axis, sign)
        return self._edits[axis.name, sign]

    def _make_edit(self, axis: Axis, sign: int) -> Edit:
        out = Edit()
        for step in axis.edits:
            if isinstance(step, (Sculpt, EyeSize, HairVolume)):
                shape = self._sculpt(step) if isinstance(step, Sculpt) else \
                    self._eye_size(step) if isinstance(step, EyeSize) else self._volume(step)
                out.shape = sign * shape if out.shape is None else out.shape + sign * shape
            elif isinstance(step, Recolor):
                out.color = self._recolor(step, sign, out.color)
            elif isinstance(step, Strands):
                weight = self.region(step.region)
                color = self.hair_color()
                out.opacity = step.opacity
                out.overlay = grow(self.rig, self.texture, step, weight, color, self.seed)
                shadow = (step.shadow * weight)[..., None]
                out.color = self.texture.color * (1 - shadow) + (0.35 * self.texture.color + 0.65 * color) * shadow
            elif isinstance(step, Prop):
                out.overlay = glasses(self.rig, step.kind, np.array(step.color))
        return out

    def _sculpt(self, step: Sculpt) -> np.ndarray:
        mirror = canonical()[1]
        face = self._surface.vertices
        handles: dict[int, np.ndarray] = {}
        for index, vector in step.moves:
            handles[index] = np.array(vector, float)
            handles[int(mirror[index])] = np.array(vector) * [-1, 1, 1]
        for group, factors in step.scale:
            for indices in (list(group), [int(mirror[i]) for i in group]):
                centre = face[indices].mean(0)
                for i in indices:
                    handles[i] = handles.get(i, 0) + (face[i] - centre) * np.array(factors)
        pinned = {*step.pinned, *(int(mirror[i]) for i in step.pinned)} - set(handles)
        shape = np.zeros(self.rig.vertices.shape)
        shape[:len(face)] = self._surface.spread(handles, step.radius, sorted(pinned))
        from ..rig.topology import MOUTH_RING
        start = int(np.flatnonzero(self.rig.vertex_part == PART["cavity"])[0])
        shape[start:start + len(MOUTH_RING)] = shape[MOUTH_RING]
        return shape

    def _eye_size(self, step: EyeSize) -> np.ndarray:
        face = self._surface.vertices
        shape = np.zeros(self.rig.vertices.shape)
        handles, pinned = {}, []
        for side, part, centre in zip(("right", "left"), ("eye_right", "eye_left"), self.rig.eye_centres):
            eye = EYE[side]
            for i in [eye["outer"], eye["inner"], *eye["upper"], *eye["lower"]]:
                # Corners move less than lids, so the eye opens rather than only widens.
                share = 0.6 if i in (eye["outer"], eye["inner"]) else 1.0
                handles[i] = (face[i] - centre) * [step.by * share, step.by, step.by * 0.4]
            ball = self.rig.vertex_part == PART[part]
            shape[ball] = (self.rig.vertices[ball] - centre) * step.by * 0.75
        from ..rig.topology import BROW
        for side in BROW:
            pinned += BROW[side]["lower"]
        shape[:len(face)] = self._surface.spread(handles, 0.22, pinned + [168, 6])
        return shape

    def _volume(self, step: HairVolume) -> np.ndarray:
        """Shell rings pushed away from the head's centre, full beyond the hairline, where the texture says hair."""
        shell = np.flatnonzero(self.rig.vertex_part == PART["shell"])
        area = chart_slice("shell")
        hair = cv2.GaussianBlur(self.texture.regions["hair"][area], (0, 0), 12)
        height, width = hair.shape
        n = len(OVAL)
        ring, column = np.divmod(np.arange(len(shell)), n)
        row = np.clip(((ring + 1) / (RINGS + 1) * height).astype(int), 0, height - 1)
        weight = hair[row, np.clip((column / n * width).astype(int), 0, width - 1)] * np.clip((ring + 1) / 5, 0, 1)
        weight[-1] = hair[-1].mean()
        away = self.rig.vertices[shell] - np.array([0.0, 0.25, 0.75])
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        shape = np.zeros(self.rig.vertices.shape)
        shape[shell] = step.by * weight[:, None] * away
        return shape

    def _recolor(self, step: Recolor, sign: int, color: np.ndarray | None) -> np.ndarray:
        weight = self.region(step.region) * step.strength
        base = self.texture.color if color is None else color
        if weight.max() < 0.05:
            return base
        rows, columns = np.flatnonzero(weight.max(1) > 0.02), np.flatnonzero(weight.max(0) > 0.02)
        # Work inside the region's bounding box only: lips are a hundredth of the atlas.
        box = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        weight, lab = weight[box], self._lab[box]
        active = weight > 0.02
        seen = active & (weight > 0.5)
        mean = lab[seen if seen.any() else active].mean(0)
        if step.shift is not None:
            target = lab + sign * np.array(step.shift, np.float32)
        else:
            to = np.array(step.to, np.float32)
            light = np.clip(to[0] - mean[0], -step.lightness, step.lightness)
            factor = np.clip((mean[0] + light) / max(mean[0], 8.0), 0.45, 1.9)
            target = np.empty_like(lab)
            # Lightness scales about the mean, so that strands keep their contrast; chroma keeps a third of its play.
            target[..., 0] = mean[0] + light + (lab[..., 0] - mean[0]) * np.clip(factor, 0.7, 1.25) * step.contrast
            # Shadows carry less colour than lit strands.
            play = np.clip(target[..., 0] / max(to[0], 1.0), 0.25, 1.25)[..., None]
            target[..., 1:] = to[1:] * play + 0.3 * (lab[..., 1:] - mean[1:])
        target[..., 0] = np.clip(target[..., 0], 0, 100)
        edited = np.clip(cv2.cvtColor(np.ascontiguousarray(target, np.float32), cv2.COLOR_Lab2RGB), 0, 1)
        out = base.copy()
        out[box] += (edited - self.texture.color[box]) * weight[..., None]
        return out
