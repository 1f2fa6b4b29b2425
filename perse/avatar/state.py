"""Controls turned into numbers for one avatar."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..attributes.former_names import home_of_style, parts_of_latent
from ..controls import Controls
from ..errors import PerseError
from ..rig.expressions import expand, lets_go, lids_follow
from ..rig.rig import Rig
from .latent_space import LatentSpace


@dataclass
class State:
    """What a frame asks of an avatar, or several frames where all but the latents have leading dimensions.

    weights (E,) of the blendshapes; head (3,), or (6,) with its shift, gaze (2,) and body (6,) or None, as `rig.Poser` takes them;
    latents by category, (dim,) each; detail (468, 3) and light (468, 3) of the landmarks, mouth_light (BANDS,), or None where there is
    no driver.
    """

    weights: Tensor
    head: Tensor
    gaze: Tensor
    latents: dict[str, Tensor]
    detail: Tensor | None = None
    light: Tensor | None = None
    mouth_light: Tensor | None = None
    body: Tensor | None = None

    def to(self, device: torch.device | str) -> "State":
        """The same on a device."""
        drive = (None if x is None else x.to(device) for x in (self.detail, self.light, self.mouth_light, self.body))
        return State(
            self.weights.to(device),
            self.head.to(device),
            self.gaze.to(device),
            {name: z.to(device) for name, z in self.latents.items()},
            *drive,
        )


def state_of(controls: Controls, space: LatentSpace, rig: Rig) -> State:
    """Numbers for controls, on the CPU; the head always with its shift (6,).

    Raises:
        PerseError: for a name that the space or the rig does not know.
    """
    try:
        weights = expand(controls.expression)
    except KeyError as error:
        raise PerseError(f"Unknown expression {error.args[0]!r}; see `info` for the list.") from None
    head, body = (
        np.array([*np.radians(turn), *shift], np.float32)
        for turn, shift in (
            ((controls.head_yaw, controls.head_pitch, controls.head_roll), (controls.head_x, controls.head_y, controls.head_z)),
            ((controls.body_yaw, controls.body_pitch, controls.body_roll), (controls.body_x, controls.body_y, controls.body_z)),
        )
    )
    gaze = np.radians([controls.gaze_yaw, controls.gaze_pitch]).astype(np.float32)
    lids_follow(weights, controls.gaze_pitch)
    if controls.gaze_pitch:
        # The shapes turn the eyes too; the gaze below is what remains.
        gaze[1] = 0.0
    detail = _given(controls.detail, (-1, 3))
    # A driver's landmarks tell the mouth exactly; without them a smiling mouth lets go of its smile where it must.
    let_go = 0.0 if controls.detail else float(lets_go(weights))
    relaxed = rig.neutral.detail(weights, controls.neutralise, let_go) if controls.neutralise or let_go else None
    if relaxed is not None:
        by = torch.from_numpy(np.asarray(relaxed, np.float32))
        detail = by if detail is None else detail + by
    latents = {name: torch.from_numpy(z) for name, z in latents_of(controls, space).items()}
    return State(
        torch.from_numpy(weights),
        torch.from_numpy(head),
        torch.from_numpy(gaze),
        latents,
        detail,
        _given(controls.light, (-1, 3)),
        _given(controls.mouth_light, (-1,)),
        torch.from_numpy(body) if body.any() else None,
    )


def _given(values: tuple[float, ...], shape: tuple[int, ...]) -> Tensor | None:
    """None if there are no values."""
    return torch.from_numpy(np.array(values, np.float32).reshape(shape)) if values else None


def latents_of(controls: Controls, space: LatentSpace) -> dict[str, np.ndarray]:
    """Latents (dim,) by category: attributes, styles and latents of the controls added up, within the axes' ranges; former names count as
    what they have become (`attributes.former_names`).

    Raises:
        PerseError: for a name that the space does not know.
    """
    latents: dict[str, np.ndarray] = {}

    def latent(category: str) -> np.ndarray:
        if category not in space.categories:
            raise PerseError(f"Unknown category {category!r}; known are: {', '.join(space.categories)}.")
        return latents.setdefault(category, np.zeros(space.categories[category].dim, np.float32))

    owner = {a.name: (c.name, k) for c in space.categories.values() for k, a in enumerate(c.axes)}
    for name, amount in controls.attributes.items():
        if name not in owner:
            raise PerseError(f"Unknown attribute {name!r}; see `info` for the list.")
        category, k = owner[name]
        latent(category)[k] += amount
    for category, styles in controls.styles.items():
        for style, amount in styles.items():
            home = home_of_style(category, style, space.categories)
            z = latent(home)
            try:
                z += amount * space.style_code(home, style)
            except KeyError:
                names = ", ".join(s.name for s in space.categories[category].styles)
                raise PerseError(f"Unknown style {style!r} of {category}; known are: {names}.") from None
    for former, whole in controls.latents.items():
        for category, values in parts_of_latent(former, whole, space.categories).items():
            z = latent(category)
            if len(values) != len(z):
                raise PerseError(f"The latent of {category} has {len(z)} numbers, not {len(values)}.")
            z += np.asarray(values, np.float32)
    for category, z in latents.items():
        low = np.array([a.low for a in space.categories[category].axes], np.float32)
        np.clip(z, low, 1.0, out=z)
    return latents


def stacked(states: list[State]) -> State:
    """Several frames as one state, (B, ...); zeros where one has no driver and another has. Without latents: they are decoded one by one."""

    def drive(name: str) -> Tensor | None:
        each = [getattr(state, name) for state in states]
        some = next((x for x in each if x is not None), None)
        return None if some is None else torch.stack([torch.zeros_like(some) if x is None else x for x in each])

    weights, head, gaze = (torch.stack([getattr(state, name) for state in states]) for name in ("weights", "head", "gaze"))
    return State(weights, head, gaze, {}, drive("detail"), drive("light"), drive("mouth_light"), drive("body"))
