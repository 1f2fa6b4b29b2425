"""The avatar: Gaussians bound to a rig plus a latent space; controls in, a Gaussian cloud out."""

from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor, nn

from ..controls import Controls
from ..errors import PerseError
from ..face.landmarks import EYE
from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..rig.expressions import COMPOSITES, INDEX, expand, lids_follow
from ..rig.rig import Rig
from ..rig.skeleton import HEAD_CENTRE
from .appearance.closed_lid import ClosedLid
from .appearance.effect import Effect, Pose, Rest, recoloured
from .appearance.face_light import FaceLight
from .appearance.lid_skin import lid_skin
from .appearance.mouth_light import MouthLight
from .appearance.throat_shade import ThroatShade
from .binding import Binding
from .follow import Follower
from .space import Change, LatentSpace


@dataclass
class State:
    """Controls turned into numbers: blendshape weights (E,), head (3,) or (6,) and gaze (2,) as `rig.Poser` takes
    them, latents by category, detail (468, 3) and light (468, 3) of the landmarks, mouth_light (BANDS,), or None."""

    weights: Tensor
    head: Tensor
    gaze: Tensor
    latents: dict[str, Tensor]
    detail: Tensor | None = None
    light: Tensor | None = None
    mouth_light: Tensor | None = None


@dataclass
class Source:
    """What the avatar remembers of its photo: JPEG bytes of the upright photo with the person removed, the crop's
    place in it (x0, y0, side), the photo's size (width, height)."""

    background: bytes
    crop: tuple[float, float, float]
    size: tuple[int, int]


@dataclass
class Report:
    """What `info` tells of the build; plain JSON values."""

    quality: list[dict] = field(default_factory=list)
    build: dict = field(default_factory=dict)


class Avatar(nn.Module):
    """One person.

    Args:
        rig: the person's rig.
        binding: where the N Gaussians sit.
        gaussians: tensors offset (N, 3), quats (N, 4), log_scales (N, 3), colors (N, 3), opacities (N,) at rest.
            Opacities are linear, in [0, 0.99]: extras such as beard strands rest at exactly 0; colors are in [0, 1].
        space: the latent space.
        source: memory of the photo; report: of the build.
    """

    def __init__(self, rig: Rig, binding: Binding, gaussians: dict[str, Tensor], space: LatentSpace,
                 source: Source | None = None, report: Report | None = None):
        super().__init__()
        self.rig = rig
        self.binding = binding
        self.offset = nn.Parameter(gaussians["offset"])
        self.quats = nn.Parameter(gaussians["quats"])
        self.log_scales = nn.Parameter(gaussians["log_scales"])
        self.colors = nn.Parameter(gaussians["colors"])
        self.opacities = nn.Parameter(gaussians["opacities"])
        self.space = space
        self.source = source
        self.report = report or Report()
        self._last_change: tuple[tuple, Change | None] | None = None
        self.place("cpu")

    def place(self, device: torch.device | str) -> "Avatar":
        """Move everything to a device."""
        self.to(device)
        self.poser = self.rig.poser(device)
        self._last_change = None
        self.binding = self.binding.to(device)
        added = self.opacities.detach() == 0  # strands and objects that edits bring
        self.follower = Follower(self.poser.rest, torch.as_tensor(self.rig.faces, device=device), self.binding, added)
        self.effects = self._effects(device)
        return self

    def _effects(self, device: torch.device | str) -> tuple[Effect, ...]:
        """What recolours it in a pose, each upon those before it: a driver's light falls on closed lids, too."""
        at_rest = (self.binding.face, self.binding.bary, self.offset, self.colors, self.opacities)
        rest = Rest(self.rig, *(x.detach().cpu().numpy() for x in at_rest))
        lids = [ClosedLid(rest, side, skin, device) for side in EYE if (skin := lid_skin(rest, side)) is not None]
        return ThroatShade(rest, device), *lids, MouthLight(rest, device), FaceLight(rest, device)

    @property
    def device(self) -> torch.device:
        return self.colors.device

    def __len__(self) -> int:
        return len(self.colors)

    def state(self, controls: Controls) -> State:
        """Numbers for controls, on the avatar's device.

        Raises:
            PerseError: for a name that this avatar does not know.
        """
        weights, head, gaze, latents, *marks = self._numbers(controls)
        device = self.device
        return State(*(torch.from_numpy(x).to(device) for x in (weights, head, gaze)),
                     {c: torch.from_numpy(z).to(device) for c, z in latents.items()},
                     *(None if x is None else torch.from_numpy(x).to(device) for x in marks))

    def _numbers(self, controls: Controls) -> tuple:
        """What `State` holds, as arrays; the head always with its shift (6,)."""
        try:
            weights = expand(controls.expression)
        except KeyError as error:
            raise PerseError(f"Unknown expression {error.args[0]!r}; see `info` for the list.") from None
        latents = {}

        def latent(category):
            if category not in self.space.categories:
                raise PerseError(f"Unknown category {category!r}; known are: {', '.join(self.space.categories)}.")
            return latents.setdefault(category, np.zeros(self.space.categories[category].dim, np.float32))

        owner = {a.name: (c.name, k) for c in self.space.categories.values() for k, a in enumerate(c.axes)}
        for name, amount in controls.attributes.items():
            if name not in owner:
                raise PerseError(f"Unknown attribute {name!r}; see `info` for the list.")
            category, k = owner[name]
            latent(category)[k] += amount
        for category, styles in controls.styles.items():
            for style, amount in styles.items():
                z = latent(category)
                try:
                    z += amount * self.space.style_code(category, style)
                except KeyError:
                    names = ", ".join(s.name for s in self.space.categories[category].styles)
                    raise PerseError(f"Unknown style {style!r} of {category}; known are: {names}.") from None
        for category, values in controls.latents.items():
            z = latent(category)
            if len(values) != len(z):
                raise PerseError(f"The latent of {category} has {len(z)} numbers, not {len(values)}.")
            z += np.asarray(values, np.float32)
        for category, z in latents.items():
            low = np.array([a.low for a in self.space.categories[category].axes], np.float32)
            np.clip(z, low, 1.0, out=z)
        turn = np.radians([controls.head_yaw, controls.head_pitch, controls.head_roll])
        head = np.array([*turn, controls.head_x, controls.head_y, controls.head_z], np.float32)
        gaze = np.radians([controls.gaze_yaw, controls.gaze_pitch]).astype(np.float32)
        lids_follow(weights, controls.gaze_pitch)
        if controls.gaze_pitch:
            # The shapes turn the eyes too; the gaze below is what remains.
            gaze[1] = 0.0
        detail = np.float32(controls.detail).reshape(-1, 3) if controls.detail else None
        relaxed = self.rig.neutral.detail(weights) if controls.neutralise else None
        if relaxed is not None:
            relaxed = np.float32(controls.neutralise * relaxed)
            detail = relaxed if detail is None else detail + relaxed
        light = np.float32(controls.light).reshape(-1, 3) if controls.light else None
        mouth = np.float32(controls.mouth_light) if controls.mouth_light else None
        return weights, head, gaze, latents, detail, light, mouth

    def cloud(self, state: State, lit: bool = True) -> GaussianCloud:
        """Gaussians of a state; differentiable in the avatar's parameters and the latents.

        lit: with the colours that depend on the pose (shades, closed lids, a driver's light). Teaching pictures are drawn without
        them, so what is compared with a teaching picture is rendered with False.
        """
        change = self._change(state.latents)
        shape = None if change is None else change.shape
        if state.detail is not None:
            detail = self.poser.spread(state.detail)
            shape = detail if shape is None else shape + detail
        vertices = self.poser(state.weights, state.head, state.gaze, shape)
        scales, colors, opacities = self.log_scales, self.colors, self.opacities
        if change is not None:
            scales = scales + change.log_scale[:, None]
            colors = (colors + change.color).clamp(0, 1)
            opacities = (opacities + change.opacity).clamp(0, 0.99)
        means, quats, scales = self.follower(vertices, self.offset, self.quats, scales, opacities)
        if lit:
            light = None if state.light is None else self.poser.spread(state.light)
            colors = recoloured(colors, Pose(state.weights, vertices, means, state.detail, light, state.mouth_light), self.effects)
        return GaussianCloud(means, quats, scales, opacities, colors)

    @torch.no_grad()
    def clouds(self, moments: list[Controls]) -> GaussianCloud:
        """Gaussians of several sets of controls at once, (B, N, ...): for a GPU, where one frame is too little to do."""
        numbers = [self._numbers(controls) for controls in moments]
        weights, head, gaze = (torch.from_numpy(np.stack([n[k] for n in numbers])).to(self.device) for k in range(3))
        shape, scales, colors, opacities = None, self.log_scales, self.colors, self.opacities
        changes = self._changes([n[3] for n in numbers])
        if changes is not None:
            shape, scales = changes.shape, scales + changes.log_scale[..., None]
            colors, opacities = (colors + changes.color).clamp(0, 1), (opacities + changes.opacity).clamp(0, 0.99)
        detail, light, mouth_light = (self._stacked([n[k] for n in numbers]) for k in (4, 5, 6))
        if detail is not None:
            moved = self.poser.spread(detail)
            shape = moved if shape is None else shape + moved
        vertices = self.poser(weights, head, gaze, shape)
        means, quats, scales = self.follower(vertices, self.offset, self.quats, scales)
        light = None if light is None else self.poser.spread(light)
        colors = recoloured(colors, Pose(weights, vertices, means, detail, light, mouth_light), self.effects)
        return GaussianCloud(means, quats, scales, opacities.expand(means.shape[:-1]), colors.expand_as(means))

    def _stacked(self, marks: list[np.ndarray | None]) -> Tensor | None:
        """What several moments bring (...): (B, ...), zeros where one brings nothing; None if none brings anything."""
        if all(m is None for m in marks):
            return None
        nothing = np.zeros_like(next(m for m in marks if m is not None))
        return torch.from_numpy(np.stack([nothing if m is None else m for m in marks])).to(self.device)

    def _changes(self, latents: list[dict[str, np.ndarray]]) -> Change | None:
        """Decoded latents of several moments, stacked; of one alone if they are the same in all."""
        def decode(latent):
            return self._change({c: torch.from_numpy(z).to(self.device) for c, z in latent.items()})

        keys = [tuple((c, z.tobytes()) for c, z in sorted(latent.items())) for latent in latents]
        if len(set(keys)) == 1:
            return decode(latents[0])
        known = {key: decode(latent) for key, latent in zip(keys, latents)}
        n, v = self.space.sizes
        like = self.colors
        none = Change(like.new_zeros(n, 3), like.new_zeros(n), like.new_zeros(n), like.new_zeros(v, 3))
        each = [known[key] or none for key in keys]
        return Change(*(torch.stack([getattr(change, f.name) for change in each]) for f in fields(Change)))

    def _change(self, latents: dict[str, Tensor]) -> Change | None:
        """Decoded latents. A finished avatar remembers the last ones: expressions and views change far more often."""
        if not latents:
            return None
        if self.colors.requires_grad or torch.is_grad_enabled():
            return self.space(latents)
        key = tuple((name, tuple(z.tolist())) for name, z in sorted(latents.items()))
        known = self._last_change
        if known is None or known[0] != key:
            # One tuple, replaced whole: visitors' threads may read it meanwhile.
            known = self._last_change = (key, self.space(latents))
        return known[1]

    def forward(self, controls: Controls) -> GaussianCloud:
        """Gaussians of a set of controls."""
        return self.cloud(self.state(controls))

    def camera(self, controls: Controls, width: int, height: int) -> Camera:
        """The portrait's camera in a picture of width x height, orbited and zoomed as the controls say."""
        base = self.rig.camera
        scale = min(width, height) / base.width
        K = base.K.copy()
        K[:2] *= scale
        K[0, 2] += (width - base.width * scale) / 2
        K[1, 2] += (height - base.height * scale) / 2
        centre, _ = Camera(base.viewmat, K, width, height).project(np.array([HEAD_CENTRE], np.float32))
        K[:2, 2] = centre[0] + (K[:2, 2] - centre[0]) * controls.zoom
        K[0, 0] *= controls.zoom
        K[1, 1] *= controls.zoom
        return Camera(base.viewmat, K, width, height).orbit(controls.yaw, controls.pitch, controls.roll,
                                                            np.array(HEAD_CENTRE, np.float32))

    def expressions(self) -> list[str]:
        """Names that `Controls.expression` takes."""
        return [*COMPOSITES, *INDEX]
