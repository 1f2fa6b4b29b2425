"""The avatar: Gaussians bound to a rig plus a latent space; controls in, a Gaussian cloud out."""

from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor, nn

from ..controls import Controls
from ..face.landmarks import EYE
from ..render.camera import Camera
from ..render.cloud import GaussianCloud
from ..rig.expressions import COMPOSITES, INDEX
from ..rig.rig import Rig
from ..rig.skeleton import HEAD_CENTRE
from .appearance.closed_lids import ClosedLid
from .appearance.effect import Effect, Pose, Rest, recoloured
from .appearance.face_light import FaceLight
from .appearance.lid_gaussians import lid_skin
from .appearance.mouth_light import MouthLight
from .appearance.throat_shade import ThroatShade
from .binding import Binding
from .latent_space import MOST_OPAQUE, Change, LatentSpace
from .skinning import Follower
from .state import State, stacked, state_of


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

    def __init__(
        self,
        rig: Rig,
        binding: Binding,
        gaussians: dict[str, Tensor],
        space: LatentSpace,
        source: Source | None = None,
        report: Report | None = None,
    ):
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
        self.tops: dict[str, float] = {}  # what `headroom.top` has measured, by axis
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

    def on(self, device: torch.device | str) -> "Avatar":
        """Move everything to a device, unless it is there: what is made of it as it was placed stays."""
        wanted = torch.device(device)
        there = wanted.type == self.device.type and wanted.index in (None, self.device.index)
        return self if there else self.place(device)

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
        return state_of(controls, self.space, self.rig).to(self.device)

    def cloud(self, state: State, lit: bool = True) -> GaussianCloud:
        """Gaussians of a state; differentiable in the avatar's parameters and the latents.

        lit: with the colours that depend on the pose (shades, closed lids, a driver's light). Teaching pictures are drawn without
        them, so what is compared with a teaching picture is rendered with False.
        """
        return self._cloud(state, self._change(state.latents), lit)

    @torch.no_grad()
    def clouds(self, moments: list[Controls]) -> GaussianCloud:
        """Gaussians of several sets of controls at once, (B, N, ...): for a GPU, where one frame is too little to do."""
        states = [state_of(controls, self.space, self.rig) for controls in moments]
        return self._cloud(stacked(states).to(self.device), self._changes([state.latents for state in states]), True)

    def vertices(self, state: State) -> Tensor:
        """The mesh (V, 3) of a state."""
        return self._mesh(state, self._change(state.latents))

    def _mesh(self, state: State, change: Change | None) -> Tensor:
        shape = None if change is None else change.shape
        if state.detail is not None:
            detail = self.poser.spread(state.detail)
            shape = detail if shape is None else shape + detail
        return self.poser(state.weights, state.head, state.gaze, shape, state.body)

    def _cloud(self, state: State, change: Change | None, lit: bool) -> GaussianCloud:
        """One frame, or several where all have leading dimensions."""
        scales, colors, opacities = self.log_scales, self.colors, self.opacities
        if change is not None:
            scales = scales + change.log_scale[..., None]
            colors, opacities = (colors + change.color).clamp(0, 1), (opacities + change.opacity).clamp(0, MOST_OPAQUE)
        vertices = self._mesh(state, change)
        means, quats, scales = self.follower(vertices, self.offset, self.quats, scales, opacities)
        if lit:
            light = None if state.light is None else self.poser.spread(state.light)
            colors = recoloured(colors, Pose(state.weights, vertices, means, state.detail, light, state.mouth_light), self.effects)
        return GaussianCloud(means, quats, scales, opacities.expand(means.shape[:-1]), colors.expand_as(means))

    def _changes(self, latents: list[dict[str, Tensor]]) -> Change | None:
        """Decoded latents of several moments, stacked; of one alone if they are the same in all."""

        def decode(latent):
            return self._change({c: z.to(self.device) for c, z in latent.items()})

        keys = [_key(latent) for latent in latents]
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
        key = _key(latents)
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
        return Camera(base.viewmat, K, width, height).orbit(controls.yaw, controls.pitch, controls.roll, np.array(HEAD_CENTRE, np.float32))

    def expressions(self) -> list[str]:
        """Names that `Controls.expression` takes."""
        return [*COMPOSITES, *INDEX]


def _key(latents: dict[str, Tensor]) -> tuple:
    """The same for latents of the same numbers."""
    return tuple((name, tuple(z.tolist())) for name, z in sorted(latents.items()))
