"""Stage two: the bases of the latent space, from edited clips and interpolated faces; the person is frozen."""

import torch

from .. import stages
from ..avatar.avatar import Avatar
from ..avatar.seeds.freedom import LEARNT
from .initial_avatar import Paint
from .losses import picture_loss
from .stage_steps import Steps
from .teaching import Teaching

RATES = {"color": 0.006, "opacity": 0.01, "log_scale": 0.008, "shape": 0.0006}  # Adam's, by kind of basis
DECAY = 0.15  # what is left of a rate at the end of the stage
LEAK_EVERY = 6  # steps between two looks at the unedited person, which cost a rendering


def fit_space(teaching: Teaching, paints: dict[str, Paint], steps: Steps, told: float) -> tuple[int, float]:
    """Train what axes change.

    Args:
        paints: by axis, what it paints over; steps: how many, by time or count.
        told: the share of the whole fit that is over when this stage begins, for reports.

    Returns:
        Steps done, and the mean loss of a lesson.
    """
    avatar = teaching.avatar
    person = [getattr(avatar, name) for name in LEARNT]
    for parameter in person:
        parameter.requires_grad_(False)
    mix_again(avatar, paints)
    lessons = [(clip, i) for clip in teaching.clips[1:] for i in range(len(clip.frames))]
    groups = [
        {"params": [getattr(b, name) for b in avatar.space.axes.values() if getattr(b, name).numel()], "lr": rate}
        for name, rate in RATES.items()
    ]
    model, optimizer = teaching.model(torch.optim.Adam([g for g in groups if g["params"]], eps=1e-15, fused=True))
    base_rates = [g["lr"] for g in optimizer.param_groups]
    to_teach, count, total, done = [], 0, 0.0, 0
    accumulate = teaching.schedule.accumulate
    for share in steps:
        step = steps.done
        teaching.check(told + (1 - told) * steps.told, stages.SLIDERS, step)
        for group, rate in zip(optimizer.param_groups, base_rates):
            group["lr"] = rate * DECAY**share
        for _ in range(accumulate):
            with teaching.accelerator.accumulate(model):
                # All of them in random order, again and again; of what there is no time for the last of the list are left out.
                to_teach = (to_teach or list(range(len(lessons))))[: max(steps.left * accumulate, 1)]
                clip, index = lessons[to_teach.pop(teaching.rng.integers(len(to_teach)))]
                count += 1
                frame = clip.frames[index]
                background = teaching.background()
                latents = {clip.category: torch.from_numpy(clip.latents[index]).to(avatar.device)}
                out, alpha = model(teaching.state(frame, latents), frame.camera, background)
                # The student answers for its change where the edit is at home; what the person's own fit left
                # over elsewhere is not the edit's business. Elsewhere it must look as without the edit.
                source = None
                if step % LEAK_EVERY == 0:
                    with torch.no_grad():
                        source, _ = model(teaching.state(frame, {}), frame.camera, background)
                loss = picture_loss(out, alpha, teaching.target(frame), background, source) * frame.weight
                teaching.accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        total += float(loss.detach())
        done += 1
    for parameter in person:
        parameter.requires_grad_(True)
    return done, total / max(count, 1)


@torch.no_grad()
def mix_again(avatar: Avatar, paints: dict[str, Paint]) -> None:
    """What is painted over may have other colours now than when the paint was mixed."""
    for name, paint in paints.items():
        rows, share, before = (x.to(avatar.device) for x in (paint.rows, paint.share, paint.before))
        avatar.space.axes[name].color[0, : len(rows)] -= share[:, None] * (avatar.colors[rows] - before)
