"""The training loop: stage one fits the person, stage two the latent space, both under `accelerate`."""

import time
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from .. import stages
from ..avatar.avatar import Avatar, State
from ..avatar.binding import Binding
from ..avatar.seeds.seed import GRID_SCALE
from ..avatar.space import LatentSpace
from ..errors import BuildCancelled
from ..portrait import Portrait
from ..render.camera import Camera
from ..render.rasterize import rasterize
from ..rig.mouth import OPEN_MOUTH, mouth_opening
from ..synthesis.base import Clip, Frame
from .colors import View, solve_colors
from .losses import Target, picture_loss
from .schedule import Schedule
from .steps import LANDING, Steps
from .timetable import BESIDE_PIXELS, FACE_STEP, SLIDER_STEP, face_share, step_sizes

SHRINK = 0.5  # how far log scales may fall below what covers the surface
SOLVED = (5, 6)  # iterations of solving for colours before the fine steps, and after the last one
# What it costs for each of its pictures, in optimiser's steps on that picture: an iteration, and the same number of iterations to begin.
ITERATION, BEFOREHAND = 0.6, 2.5
TWICE = 2.5  # times as much as both cost must there be time for them
LOG_SCALES = (-9.0, -2.2)  # of any Gaussian, in eye distances
COARSE_SHARE = 0.4  # of stage one's steps see the photo at a smaller size
# Adam's eps: of the size of the gradients of a Gaussian that is hardly seen. What merely shimmers through others would otherwise
# move as fast as what the photo shows, and come out as confetti on the back of the head.
RATES = {"colors": (0.036, 1e-6), "opacities": (0.06, 2e-8), "log_scales": (0.036, 1e-8), "offset": (0.0030, 6e-7), "quats": (0.018, 2e-8)}
FINE_SHARE = 0.85  # of stage one's steps are over when the photo begins to teach alone, at every pixel it has
ANCHORS = 4  # turned frames that keep the side of a cheek smooth while colours are solved for the photo
ANCHOR_WEIGHT = 0.15
PLAY = 0.05  # by which a colour that is held may differ from what it started with
LEAST_PLAY, OPENLY = 0.04, 0.8  # the same of one that others hide in the photo; the share of itself that one shows which they do not
# How far around it lie the colours that a Gaussian may have, of the photo's side; and how far it may exceed them.
AROUND, OVERSHOOT = 0.006, 1.0
BACKGROUND_PLAY = 0.3  # how far backgrounds vary about the person's mean colour: beyond the outline they teach colours, too
LEAK_EVERY = 6  # steps between two looks at the unedited person, which cost a rendering

Progress = Callable[[float, str, np.ndarray | None], None]


def _inside_photo(portrait: Portrait, size: int) -> np.ndarray:
    """1 where the crop, resampled to (size, size), shows the photo, 0 where it reaches beyond."""
    crop, (height, width) = portrait.crop, portrait.photo.shape[:2]
    at = (np.arange(size) + 0.5) / size * crop.side
    x, y = crop.x0 + at, crop.y0 + at
    return (((y > 0) & (y < height))[:, None] & ((x > 0) & (x < width))[None]).astype(np.float32)


def _bare(avatar: Avatar) -> Avatar:
    """The person alone, trained apart from what sliders add: what is invisible at rest comes last, learns nothing, and is most of it."""
    count = int(avatar.opacities.nonzero().max()) + 1 if avatar.opacities.any() else len(avatar)
    rest = {name: getattr(avatar, name).detach()[:count].clone() for name in RATES}
    bare = Avatar(avatar.rig, Binding(avatar.binding.face[:count], avatar.binding.bary[:count]), rest,
                  LatentSpace([], count, len(avatar.rig.vertices))).place(avatar.device)
    bare.roles = None if avatar.roles is None else avatar.roles.first(count)
    return bare


class FitModel(nn.Module):
    """The avatar as a network from a frame's pose to its picture, so that accelerate can wrap it."""

    def __init__(self, avatar: Avatar):
        super().__init__()
        self.avatar = avatar

    def forward(self, state: State, camera: Camera, background: Tensor, clip: bool = True) -> tuple[Tensor, Tensor]:
        """Picture (H, W, 3) over `background` (3,) and alpha (H, W); without the Gaussians that only the photo
        teaches if it is to be compared with a clip's frame."""
        cloud = self.avatar.cloud(state, lit=False)
        if clip and self.avatar.roles is not None:
            cloud.opacities = cloud.opacities.masked_fill(self.avatar.roles.photo_only, 0.0)
        rgb, alpha = rasterize(cloud, camera, backgrounds=background)
        return rgb.squeeze(0), alpha.squeeze(0).squeeze(-1)  # not [0], whose gradient is a copy into zeros


class Trainer:
    """One fit of one avatar.

    Args:
        avatar: initial avatar, trained in place.
        portrait: the real photo, which teaches most.
        clips: synthetic clips; the first is the unedited source.
        schedule: steps and sizes.
        progress: called with (share done in [0, 1], text, preview (h, w, 3) or None) between steps.
        cancelled: asked between steps; True raises BuildCancelled.
        clock: what the schedule's deadline and limit are read on, seconds.
    """

    def __init__(self, avatar: Avatar, portrait: Portrait, clips: list[Clip], schedule: Schedule,
                 progress: Progress = lambda *a: None, cancelled: Callable[[], bool] = lambda: False,
                 clock: Callable[[], float] = time.monotonic):
        self.schedule, self.progress, self.cancelled, self.clock = schedule, progress, cancelled, clock
        from accelerate import Accelerator  # nearly a second, which rendering need not wait for
        self.accelerator = Accelerator(cpu=avatar.device.type == "cpu")
        self.accelerator.gradient_accumulation_steps = schedule.accumulate
        self.avatar = avatar.place(self.accelerator.device)
        if avatar.roles is not None:
            avatar.roles = avatar.roles.to(avatar.device)
        self.clips = clips
        self.rng = np.random.default_rng(schedule.seed)
        self._tone = np.average(portrait.foreground.reshape(-1, 3), axis=0, weights=portrait.alpha.ravel() + 1e-6)
        self.photo = self._photo_frame(portrait, schedule.photo_size)
        self._coarse = self._photo_frame(portrait, schedule.photo_size * 5 // 8)
        self._fine = self._photo_frame(portrait, max(schedule.photo_size, portrait.image.shape[0]))
        self._bounds = self._color_bounds(portrait)
        self.stats: dict[str, float] = {}
        self.steps = [0, 0]
        self._plan()

    def _plan(self) -> None:
        """What a step of stage one costs, relative to one of the photo at its usual size, and how the two stages share the time."""
        schedule = self.schedule

        def side(size: int) -> float:
            return BESIDE_PIXELS + (1 - BESIDE_PIXELS) * (size / schedule.photo_size) ** 2

        clip = side(self.clips[0].frames[0].image.shape[0])
        coarse, usual, fine = ((side(len(target.image)) + other) / 2 for (target, _), other in (
            (self._coarse, clip), (self.photo, clip), (self._fine, side(schedule.photo_size))))
        self._face_cost = lambda share: coarse if share < COARSE_SHARE else usual if share < FINE_SHARE else fine
        mean = COARSE_SHARE * coarse + (FINE_SHARE - COARSE_SHARE) * usual + (1 - FINE_SHARE) * fine
        face, sliders = step_sizes(schedule)
        pictures = sum(map(side, {len(target.image) for target, _ in (self.photo, self._fine)})) + ANCHORS * clip
        self._solves = tuple(ITERATION * (BEFOREHAND + count) * pictures for count in SOLVED)
        self._second = FACE_STEP * face * schedule.kernels / mean, SLIDER_STEP * sliders * schedule.kernels
        wanted = ((schedule.source_steps * mean + sum(self._solves)) * self._second[0],
                  (schedule.space_steps if len(self.clips) > 1 else 0) * self._second[1])
        self._face_share = wanted[0] / max(sum(wanted), 1e-9)
        self._face_end = None
        if schedule.deadline is not None:
            seconds = schedule.deadline - self.clock()
            self._face_share = face_share(*wanted, seconds)
            self._face_end = self.clock() + self._face_share * seconds

    def _prepare(self, model: nn.Module, optimizer: torch.optim.Optimizer):
        """For this process alone: under `accelerate launch` each process fits people of its own, and nothing is averaged between them."""
        return self.accelerator.prepare_model(model, evaluation_mode=True), self.accelerator.prepare_optimizer(optimizer)

    def _photo_frame(self, portrait: Portrait, size: int) -> tuple[Target, Camera]:
        """The crop at (size, size); a crop may reach beyond the photo, where there is nothing to learn, not nothing to see."""
        picture = np.concatenate([portrait.foreground * portrait.alpha[..., None], portrait.alpha[..., None]], -1)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
        device = self.avatar.device
        parts = (np.ascontiguousarray(picture[..., :3]), np.ascontiguousarray(picture[..., 3]), _inside_photo(portrait, size))
        return Target(*(torch.from_numpy(part).to(device) for part in parts)), self.avatar.rig.camera.resized(size, size)

    @torch.no_grad()
    def _color_bounds(self, portrait: Portrait) -> tuple[Tensor, Tensor]:
        """Least and greatest colours (N, 3): what the photo shows openly stays among the colours around it there, what others hide
        keeps nearly the one that it has.

        Else it would be tinted without measure to help its neighbours, or by clips that show a tooth where the photo shows a lip, and
        be a speck as soon as a lip or the jaw moves.
        """
        avatar, (target, camera) = self.avatar, self.photo
        cloud = avatar.cloud(self._rest(), lit=False)
        covered = View(cloud, target, camera).hand_back(torch.ones_like(target.image))[:, :1]
        xy, depth = camera.project(cloud.means.cpu().numpy())
        large = cloud.scales.topk(2, dim=1).values.prod(1).cpu().numpy()
        own = large / GRID_SCALE ** 2 * (float(camera.K[0, 0]) / np.maximum(depth, 0.1)) ** 2  # pixels, if it lay openly among its like
        share = (covered / torch.from_numpy(own[:, None]).to(covered).clamp_min(1e-6) / OPENLY).clamp_max(1) ** 2

        size = len(target.image)
        picture = cv2.resize(portrait.foreground, (size, size), interpolation=cv2.INTER_AREA)
        around = np.ones((2 * round(AROUND * size) + 1,) * 2, np.uint8)
        column, row = np.clip(xy.astype(int), 0, size - 1).T
        low, high = (torch.from_numpy(reach(picture, around)[row, column]).to(share) for reach in (cv2.erode, cv2.dilate))
        beyond = PLAY + OVERSHOOT * (high - low)
        play = torch.full_like(share, LEAST_PLAY)
        if mouth_opening(avatar.rig.vertices) > OPEN_MOUTH:
            # What shows between the lips is not all its own: their rims make up for what is painted there.
            mouth = cv2.resize(cv2.dilate(portrait.masks["mouth"], around), (size, size))
            play[torch.from_numpy(mouth[row, column] > 0.5).to(play.device)] = 1.0
        if avatar.roles is not None:
            play[avatar.roles.held], share[avatar.roles.held] = PLAY, 0.0
        colors = avatar.colors
        least = colors - play - share * (colors - play - torch.minimum(colors, low - beyond))
        greatest = colors + play + share * (torch.maximum(colors, high + beyond) - colors - play)
        return least.clamp_min(0), greatest.clamp_max(1)

    def _state(self, frame: Frame, latents: dict[str, Tensor]) -> State:
        device = self.avatar.device
        return State(*(torch.from_numpy(np.asarray(x, np.float32)).to(device) for x in (frame.weights, frame.head, frame.gaze)), latents)

    def _rest(self) -> State:
        device = self.avatar.device
        return State(torch.zeros(len(self.avatar.rig.blendshapes), device=device), torch.zeros(3, device=device),
                     torch.zeros(2, device=device), {})

    def _target(self, frame: Frame) -> Target:
        device = self.avatar.device
        return Target(*(None if x is None else torch.from_numpy(x).to(device) for x in (frame.image, frame.alpha, frame.owned)))

    def _background(self) -> Tensor:
        color = self._tone + BACKGROUND_PLAY * (self.rng.random(3) - 0.5)
        return torch.from_numpy(np.clip(color, 0, 1).astype(np.float32)).to(self.avatar.device)

    def _check(self, share: float, text: str, step: int) -> None:
        """Report, obey a cancellation."""
        if self.cancelled():
            raise BuildCancelled()
        preview = None
        if step % 24 == 0 and self.accelerator.is_main_process:
            with torch.no_grad():
                rgb, _ = rasterize(self.avatar.cloud(self._rest()), self.photo[1].resized(256, 256),
                                   backgrounds=torch.full((3,), 0.93, device=self.avatar.device))
            preview = rgb[0].cpu().numpy()
        self.progress(share, text, preview)

    def _steps(self, stage: int, planned: int, end: float | None, **costs) -> Steps:
        schedule = self.schedule
        return Steps(planned, end, schedule.limit, self._second[stage], most=round(schedule.most * planned), clock=self.clock, **costs)

    def _solve_colors(self, photos: list[tuple[Target, Camera]], iterations: int, anchors: int = 0) -> None:
        """The best colours for the photo, and a little for the clip, with all else as it is."""
        avatar, frames = self.avatar, self.clips[0].frames
        with torch.no_grad():
            rest = avatar.cloud(self._rest(), lit=False)
            # A photo of no more pixels than it usually teaches with would be looked at twice.
            sizes = [len(target.image) for target, _ in photos]
            views = [View(rest, target, camera, float(sizes.count(len(target.image)))) for k, (target, camera) in enumerate(photos)
                     if len(target.image) not in sizes[:k]]
            for i in np.linspace(0, len(frames) - 1, anchors).astype(int):
                cloud = avatar.cloud(self._state(frames[i], {}), lit=False)
                if avatar.roles is not None:
                    cloud.opacities = cloud.opacities.masked_fill(avatar.roles.photo_only, 0.0)
                views.append(View(cloud, self._target(frames[i]), frames[i].camera, ANCHOR_WEIGHT))
            tone = torch.from_numpy(self._tone.astype(np.float32)).to(avatar.device)
            colors = solve_colors(avatar.colors, views, tone, iterations)
            if avatar.roles is not None:
                fixed = avatar.roles.made_up & ~avatar.roles.tinted
                colors[fixed] = avatar.colors[fixed]
            avatar.colors.copy_(colors.clamp(*self._bounds))

    def fit_source(self) -> None:
        """Stage one: appearance of the person, from the photo itself and the unedited clip."""
        whole, bounds = self.avatar, self._bounds
        avatar = self.avatar = _bare(whole)
        self._bounds = tuple(bound[:len(avatar)] for bound in bounds)
        rates = [(getattr(avatar, name), *rate) for name, rate in RATES.items()]
        # Short memories: in a few hundred steps the usual ones never fill, which costs more than a decibel.
        optimizer = torch.optim.Adam([{"params": [p], "lr": lr, "eps": eps} for p, lr, eps in rates], betas=(0.8, 0.95), fused=True)
        model, optimizer = self._prepare(FitModel(avatar), optimizer)
        invisible = (avatar.opacities.detach() == 0)
        made_up = [p for p, *_ in rates] if avatar.roles is not None else []
        # The rasterizer's anti-aliasing fattens small Gaussians, so a fit at one size would shrink them until they are a
        # grid of dots in a close-up.
        floor = (avatar.log_scales.detach() - SHRINK).clamp_min(LOG_SCALES[0])
        most = floor.clamp_min(LOG_SCALES[1])
        frames = self.clips[0].frames
        order = self.rng.permutation(len(frames))
        base_rates = [g["lr"] for g in optimizer.param_groups]
        # In a training of a few steps solving once, at the end, is worth more than they are.
        twice = self._face_end is None or self._face_end - self.clock() > TWICE * sum(self._solves) * self._second[0]
        steps = self._steps(0, self.schedule.source_steps, self._face_end, cost=self._face_cost, least=LANDING,
                            fixed=lambda share: self._solves[1] + (self._solves[0] if twice and share < FINE_SHARE else 0))
        fine = False  # whether the photo teaches alone, at every pixel it has
        for share in steps:
            step = steps.done
            self._check(self._face_share * steps.told, stages.FACE, step)
            if step == 0:
                self._solve_colors([self._coarse], 4)
            elif not fine and share >= FINE_SHARE:
                fine = True
                if twice:
                    self._solve_colors([self.photo, self._fine], SOLVED[0], ANCHORS)
            for group, lr in zip(optimizer.param_groups, base_rates):
                group["lr"] = lr * 0.1 ** share
            for _ in range(self.schedule.accumulate):
                with self.accelerator.accumulate(model):
                    background = self._background()
                    # The photo teaches every other step, and alone at the end: likeness first.
                    of_photo = step % 2 == 0 or fine
                    if of_photo:
                        # Coarse to fine: early steps settle colours and sizes at two fifths of the price.
                        # The last ones see every pixel of the crop, alternating, or the usual size would suffer.
                        target, camera = self._fine if fine and step % 2 == 1 else self.photo if share > COARSE_SHARE else self._coarse
                        state = self._rest()
                    else:
                        frame = frames[order[(step // 2) % len(frames)]]
                        target, camera, state = self._target(frame), frame.camera, self._state(frame, {})
                    out, out_alpha = model(state, camera, background, clip=not of_photo)
                    loss = picture_loss(out, out_alpha, target, background) * (1.0 if of_photo else frame.weight)
                    self.accelerator.backward(loss)
                    # Extras rest at exactly zero: nothing may teach them otherwise.
                    if avatar.opacities.grad is not None:
                        avatar.opacities.grad.masked_fill_(invisible, 0)
                    for p in made_up:
                        if p.grad is not None:
                            p.grad.masked_fill_(avatar.roles.made_up if p.dim() == 1 else avatar.roles.made_up[:, None], 0)
                    if avatar.roles is not None and avatar.quats.grad is not None:
                        avatar.quats.grad.index_fill_(0, avatar.roles.seated[0], 0)
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
            with torch.no_grad():
                avatar.opacities.clamp_(0, 0.99)
                avatar.opacities.masked_fill_(invisible, 0)
                avatar.colors.clamp_(*self._bounds)
                avatar.log_scales.clamp_(floor, most)
                if avatar.roles is not None:
                    index, normal = avatar.roles.seated
                    avatar.offset[index] -= (avatar.offset[index] * normal).sum(1, keepdim=True).clamp_min(0) * normal
            self.steps[0] += 1
        if steps.end is None or self.clock() < self.schedule.limit:
            self._solve_colors([self.photo, self._fine], SOLVED[1], ANCHORS)
        self.stats["source_loss"] = float(loss.detach()) if self.steps[0] else float("nan")  # the limit may come first
        with torch.no_grad():
            for name in RATES:
                getattr(whole, name)[:len(avatar)] = getattr(avatar, name)
            whole.log_scales.clamp_(*LOG_SCALES)
        self.avatar, self._bounds = whole, bounds

    def fit_space(self) -> None:
        """Stage two: the bases of the latent space, from edited clips and interpolated faces; the person is frozen."""
        avatar = self.avatar
        frozen = [avatar.colors, avatar.opacities, avatar.log_scales, avatar.offset, avatar.quats]
        for p in frozen:
            p.requires_grad_(False)
        with torch.no_grad():
            # What is painted over may have other colours now than when the paint was mixed.
            for name, (rows, share, before) in avatar.covers.items():
                rows, share, before = (x.to(avatar.device) for x in (rows, share, before))
                avatar.space.axes[name].color[0, :len(rows)] -= share[:, None] * (avatar.colors[rows] - before)
        lessons = [(c, i) for c in self.clips[1:] for i in range(len(c.frames))]
        rates = {"color": 0.006, "opacity": 0.01, "log_scale": 0.008, "shape": 0.0006}
        groups = [{"params": [getattr(b, name) for b in avatar.space.axes.values() if getattr(b, name).numel()], "lr": lr}
                  for name, lr in rates.items()]
        optimizer = torch.optim.Adam([g for g in groups if g["params"]], eps=1e-15, fused=True)
        model = FitModel(avatar)
        model, optimizer = self._prepare(model, optimizer)
        base_rates = [g["lr"] for g in optimizer.param_groups]
        steps = self._steps(1, self.schedule.space_steps if lessons else 0, self.schedule.deadline)
        to_teach, count, total = [], 0, 0.0
        for share in steps:
            step = steps.done
            self._check(self._face_share + (1 - self._face_share) * steps.told, stages.SLIDERS, step)
            for group, lr in zip(optimizer.param_groups, base_rates):
                group["lr"] = lr * 0.15 ** share
            for _ in range(self.schedule.accumulate):
                with self.accelerator.accumulate(model):
                    # All of them in random order, again and again; of what there is no time for the last of the list are left out.
                    to_teach = (to_teach or list(range(len(lessons))))[:max(steps.left * self.schedule.accumulate, 1)]
                    clip, index = lessons[to_teach.pop(self.rng.integers(len(to_teach)))]
                    count += 1
                    frame = clip.frames[index]
                    background = self._background()
                    latents = {clip.category: torch.from_numpy(clip.latents[index]).to(avatar.device)}
                    out, out_alpha = model(self._state(frame, latents), frame.camera, background)
                    # The student answers for its change where the edit is at home; what the person's own fit left
                    # over elsewhere is not the edit's business. Elsewhere it must look as without the edit.
                    source = None
                    if step % LEAK_EVERY == 0:
                        with torch.no_grad():
                            source, _ = model(self._state(frame, {}), frame.camera, background)
                    loss = picture_loss(out, out_alpha, self._target(frame), background, source) * frame.weight
                    self.accelerator.backward(loss)
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
            total += float(loss.detach())
            self.steps[1] += 1
        self.stats["space_loss"] = total / max(count, 1)
        for p in frozen:
            p.requires_grad_(True)

    @torch.no_grad()
    def likeness(self, mask: np.ndarray) -> float:
        """PSNR (dB) of the untouched avatar against the photo inside `mask` (S, S), at the photo's teaching size."""
        target, camera = self.photo
        size = len(target.image)
        weight = torch.from_numpy(cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)).to(target.image)
        background = torch.full((3,), 0.5, device=weight.device)
        rgb, _ = rasterize(self.avatar.cloud(self._rest()), camera, backgrounds=background)
        wanted = target.image + (1 - target.alpha[..., None]) * background
        error = (((rgb[0] - wanted) ** 2).mean(-1) * weight).sum() / weight.sum().clamp_min(1)
        return float(-10 * torch.log10(error.clamp_min(1e-10)))
