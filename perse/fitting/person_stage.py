"""Stage one: the person, from the photo itself and the unedited clip."""

import copy

import numpy as np
import torch

from .. import stages
from ..avatar.avatar import Avatar
from ..avatar.binding import Binding
from ..avatar.latent_space import LatentSpace
from ..avatar.seeds.freedom import LEARNT, LOG_SCALES
from ..render.camera import Camera
from .colours import View, solve_colors
from .losses import Target, picture_loss
from .stage_steps import Steps
from .teaching import Teaching

# Rate and Adam's eps by parameter. eps is of the size of the gradients of a Gaussian that is hardly seen: what merely shimmers through
# others would otherwise move as fast as what the photo shows, and come out as confetti on the back of the head.
RATES = {"colors": (0.036, 1e-6), "opacities": (0.06, 2e-8), "log_scales": (0.036, 1e-8), "offset": (0.0030, 6e-7), "quats": (0.018, 2e-8)}
BETAS = (0.8, 0.95)  # short memories: in a few hundred steps the usual ones never fill, which costs more than a decibel
DECAY = 0.1  # what is left of a rate at the end of the stage
COARSE_SHARE = 0.4  # of the stage's steps see the photo at a smaller size
FINE_SHARE = 0.85  # of its steps are over when the photo begins to teach alone, at every pixel it has
CLIP_EVERY = (
    4  # steps, of which one sees the unedited clip (3 to 8 work): at 2, 300 steps come less near to the photo than 190 here, and a scan's
)
# turned views are no better
SOLVED_FIRST, SOLVED = 4, (5, 6)  # iterations of solving for colours at the beginning; before the fine steps, and after the last one
ANCHORS, ANCHOR_WEIGHT = 4, 0.15  # turned frames that keep the side of a cheek smooth while colours are solved for the photo


def fit_person(teaching: Teaching, steps: Steps, twice: bool, told: float) -> tuple[int, float]:
    """Train colours, opacities, sizes, places and turns of the Gaussians that are visible at rest.

    Args:
        steps: how many, by time or count; twice: whether there is time to solve for colours before the fine steps as well.
        told: the share of the whole fit that this stage is, for reports.

    Returns:
        Steps done, and the last loss (nan without any).
    """
    whole, teaching = teaching.avatar, _visible_alone(teaching)
    avatar, freedom, frames = teaching.avatar, teaching.freedom, teaching.clips[0].frames
    parameters = {name: getattr(avatar, name) for name in LEARNT}
    groups = [{"params": [parameters[name]], "lr": rate, "eps": eps} for name, (rate, eps) in RATES.items()]
    model, optimizer = teaching.model(torch.optim.Adam(groups, betas=BETAS, fused=True))
    order = teaching.rng.permutation(len(frames))
    done, last, fine = 0, float("nan"), False  # fine: the photo teaches alone, at every pixel it has
    for share in steps:
        step = steps.done
        teaching.check(told * steps.told, stages.FACE, step)
        if step == 0:
            solve(teaching, [teaching.coarse], SOLVED_FIRST)
        elif not fine and share >= FINE_SHARE:
            fine = True
            if twice:
                solve(teaching, [teaching.photo, teaching.fine], SOLVED[0], ANCHORS)
        for group, (rate, _) in zip(optimizer.param_groups, RATES.values()):
            group["lr"] = rate * DECAY**share
        for _ in range(teaching.schedule.accumulate):
            with teaching.accelerator.accumulate(model):
                background = teaching.background()
                # The photo teaches most steps, and all at the end: likeness first.
                of_photo = step % CLIP_EVERY != 1 or fine
                if of_photo:
                    # Coarse to fine: early steps settle colours and sizes at two fifths of the price.
                    # The last ones see every pixel of the crop, alternating, or the usual size would suffer.
                    target, camera = (
                        teaching.fine if fine and step % 2 == 1 else teaching.photo if share > COARSE_SHARE else teaching.coarse
                    )
                    state, weight = teaching.rest(), 1.0
                else:
                    frame = frames[order[(step // CLIP_EVERY) % len(frames)]]
                    target, camera, state, weight = teaching.target(frame), frame.camera, teaching.state(frame, {}), frame.weight
                out, alpha = model(state, camera, background, clip=not of_photo)
                loss = picture_loss(out, alpha, target, background) * weight
                teaching.accelerator.backward(loss)
                freedom.temper(parameters)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        freedom.keep(parameters)
        done, last = done + 1, loss.detach()
    if steps.end is None or teaching.clock() < steps.limit:
        solve(teaching, [teaching.photo, teaching.fine], SOLVED[1], ANCHORS)
    with torch.no_grad():
        for name, parameter in parameters.items():
            getattr(whole, name)[: len(avatar)] = parameter
        whole.log_scales.clamp_(*LOG_SCALES)
    return done, float(last)


def _visible_alone(teaching: Teaching) -> Teaching:
    """The same with an avatar that lacks what sliders add: what is invisible at rest comes last, learns nothing, and is most of it."""
    avatar = teaching.avatar
    count = int(avatar.opacities.nonzero().max()) + 1 if avatar.opacities.any() else len(avatar)
    rest = {name: getattr(avatar, name).detach()[:count].clone() for name in LEARNT}
    alone = copy.copy(teaching)
    alone.avatar = Avatar(
        avatar.rig,
        Binding(avatar.binding.face[:count], avatar.binding.bary[:count]),
        rest,
        LatentSpace([], count, len(avatar.rig.vertices)),
    ).on(avatar.device)
    alone.freedom = teaching.freedom.first(count)
    return alone


@torch.no_grad()
def solve(teaching: Teaching, photos: list[tuple[Target, Camera]], iterations: int, anchors: int = 0) -> None:
    """The best colours for the photo, and a little for the clip, with all else as it is, as far as they may be had."""
    avatar, freedom, frames = teaching.avatar, teaching.freedom, teaching.clips[0].frames
    rest = avatar.cloud(teaching.rest(), lit=False)
    # A photo of no more pixels than it usually teaches with would be looked at twice.
    sizes = [len(target.image) for target, _ in photos]
    views = [
        View(rest, target, camera, float(sizes.count(len(target.image))))
        for k, (target, camera) in enumerate(photos)
        if len(target.image) not in sizes[:k]
    ]
    for i in np.linspace(0, len(frames) - 1, anchors).astype(int):
        cloud = avatar.cloud(teaching.state(frames[i], {}), lit=False)
        cloud.opacities = cloud.opacities * freedom.clips
        views.append(View(cloud, teaching.target(frames[i]), frames[i].camera, ANCHOR_WEIGHT))
    tone = torch.from_numpy(teaching.tone.astype(np.float32)).to(avatar.device)
    colors = solve_colors(avatar.colors, views, tone, iterations)
    avatar.colors.lerp_(colors, freedom.solved[:, None]).clamp_(freedom.darkest, freedom.lightest)
