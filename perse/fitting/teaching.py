"""What both stages of a fit share: the avatar on its device, the photo as a teacher, frames as targets, and whoever listens."""

import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ..avatar.avatar import Avatar
from ..avatar.seeds.freedom import Freedom
from ..avatar.state import State
from ..errors import BuildCancelled
from ..portrait import Portrait
from ..render.camera import Camera
from ..render.rasterize import rasterize
from ..synthesis.base import Clip, Frame
from .losses import Target
from .schedule import Schedule

COARSE = (5, 8)  # of the photo's usual size: what early steps see
BACKGROUND_PLAY = 0.3  # how far backgrounds vary about the person's mean colour: beyond the outline they teach colours, too
PREVIEW_EVERY, PREVIEW_SIZE = 24, 256  # steps between two pictures for whoever waits; pixels

Progress = Callable[[float, str, np.ndarray | None], None]


def _inside_photo(portrait: Portrait, size: int) -> np.ndarray:
    """1 where the crop, resampled to (size, size), shows the photo, 0 where it reaches beyond."""
    crop, (height, width) = portrait.crop, portrait.photo.shape[:2]
    at = (np.arange(size) + 0.5) / size * crop.side
    x, y = crop.x0 + at, crop.y0 + at
    return (((y > 0) & (y < height))[:, None] & ((x > 0) & (x < width))[None]).astype(np.float32)


class FitModel(nn.Module):
    """An avatar as a network from a frame's pose to its picture, so that accelerate can wrap it."""

    def __init__(self, avatar: Avatar, freedom: Freedom):
        super().__init__()
        self.avatar, self.freedom = avatar, freedom

    def forward(self, state: State, camera: Camera, background: Tensor, clip: bool = True) -> tuple[Tensor, Tensor]:
        """Picture (H, W, 3) over `background` (3,) and alpha (H, W); to be compared with a clip's frame, or with the photo."""
        cloud = self.avatar.cloud(state, lit=False)
        if clip:
            cloud.opacities = cloud.opacities * self.freedom.clips
        rgb, alpha = rasterize(cloud, camera, backgrounds=background)
        return rgb.squeeze(0), alpha.squeeze(0).squeeze(-1)  # not [0], whose gradient is a copy into zeros


class Teaching:
    """One avatar in training and its teachers.

    Args:
        avatar: trained in place, where it is; freedom: what its Gaussians may learn.
        portrait: the real photo, which teaches most; clips: synthetic ones; the first is the unedited source.
        progress: called with (share done in [0, 1], text, preview (h, w, 3) or None); cancelled: asked between steps, True raises BuildCancelled.
        clock: what deadlines are read on, seconds.
    """

    def __init__(
        self,
        avatar: Avatar,
        freedom: Freedom,
        portrait: Portrait,
        clips: list[Clip],
        schedule: Schedule,
        progress: Progress,
        cancelled: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ):
        from accelerate import Accelerator  # nearly a second, which rendering need not wait for

        # All accelerators of a process share one device and one precision, those of the first or of the environment; an avatar is fitted where
        # it is, and vertices that are rounded to half precision are no face.
        self.accelerator = Accelerator(device_placement=False, mixed_precision="no", dynamo_backend="no")
        self.accelerator.gradient_accumulation_steps = schedule.accumulate
        self.avatar, self.freedom = avatar, freedom.to(avatar.device)
        self.clips, self.schedule, self.clock = clips, schedule, clock
        self.progress, self.cancelled = progress, cancelled
        self.rng = np.random.default_rng(schedule.seed)
        self.tone = np.average(portrait.foreground.reshape(-1, 3), axis=0, weights=portrait.alpha.ravel() + 1e-6)
        size = schedule.photo_size
        self.photo = self._photo(portrait, size)
        self.coarse = self._photo(portrait, size * COARSE[0] // COARSE[1])
        self.fine = self._photo(portrait, max(size, portrait.image.shape[0]))

    def _photo(self, portrait: Portrait, size: int) -> tuple[Target, Camera]:
        """The crop at (size, size); a crop may reach beyond the photo, where there is nothing to learn, not nothing to see."""
        picture = np.concatenate([portrait.foreground * portrait.alpha[..., None], portrait.alpha[..., None]], -1)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
        parts = (np.ascontiguousarray(picture[..., :3]), np.ascontiguousarray(picture[..., 3]), _inside_photo(portrait, size))
        return Target(*(torch.from_numpy(part).to(self.avatar.device) for part in parts)), self.avatar.rig.camera.resized(size, size)

    def model(self, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The avatar and its optimiser as accelerate has them, for this process alone: under `accelerate launch` each process fits people
        of its own, and nothing is averaged between them."""
        model = FitModel(self.avatar, self.freedom)
        return self.accelerator.prepare_model(model, evaluation_mode=True), self.accelerator.prepare_optimizer(optimizer)

    def state(self, frame: Frame, latents: dict[str, Tensor]) -> State:
        """A frame's pose, with these latents."""
        device = self.avatar.device
        return State(*(torch.from_numpy(np.asarray(x, np.float32)).to(device) for x in (frame.weights, frame.head, frame.gaze)), latents)

    def rest(self) -> State:
        """The portrait's own pose."""
        device = self.avatar.device
        return State(
            torch.zeros(len(self.avatar.rig.blendshapes), device=device), torch.zeros(3, device=device), torch.zeros(2, device=device), {}
        )

    def target(self, frame: Frame) -> Target:
        """What a frame shows."""
        return Target(*(torch.from_numpy(x).to(self.avatar.device) for x in (frame.image, frame.alpha)))

    def tone_color(self) -> Tensor:
        """The person's mean colour (3,)."""
        return torch.from_numpy(self.tone.astype(np.float32)).to(self.avatar.device)

    def background(self) -> Tensor:
        """Another colour (3,) each time."""
        color = self.tone + BACKGROUND_PLAY * (self.rng.random(3) - 0.5)
        return torch.from_numpy(np.clip(color, 0, 1).astype(np.float32)).to(self.avatar.device)

    def check(self, share: float, text: str, step: int) -> None:
        """Report, with a picture now and then; obey a cancellation."""
        if self.cancelled():
            raise BuildCancelled()
        preview = None
        if step % PREVIEW_EVERY == 0 and self.accelerator.is_main_process:
            with torch.no_grad():
                rgb, _ = rasterize(
                    self.avatar.cloud(self.rest()),
                    self.photo[1].resized(PREVIEW_SIZE, PREVIEW_SIZE),
                    backgrounds=torch.full((3,), 0.93, device=self.avatar.device),
                )
            preview = rgb[0].cpu().numpy()
        self.progress(share, text, preview)

    @torch.no_grad()
    def likeness(self, mask: np.ndarray) -> float:
        """PSNR (dB) of the untouched avatar against the photo inside `mask` (S, S), at the photo's teaching size."""
        target, camera = self.photo
        size = len(target.image)
        weight = torch.from_numpy(cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)).to(target.image)
        background = torch.full((3,), 0.5, device=weight.device)
        rgb, _ = rasterize(self.avatar.cloud(self.rest()), camera, backgrounds=background)
        wanted = target.image + (1 - target.alpha[..., None]) * background
        error = (((rgb[0] - wanted) ** 2).mean(-1) * weight).sum() / weight.sum().clamp_min(1)
        return float(-10 * torch.log10(error.clamp_min(1e-10)))
