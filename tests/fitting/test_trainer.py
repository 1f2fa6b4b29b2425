"""The loop: it learns, obeys, repeats itself, and never wakes what must rest."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from perse import stages
from perse.attributes.catalogue import BY_NAME
from perse.avatar.seeds.freedom import EDGE_PLAY, HIDDEN_PLAY, LEARNT, LOG_SCALES
from perse.controls import Controls
from perse.errors import BuildCancelled, PerseError
from perse.fitting.colours import View
from perse.fitting.effort import passes
from perse.fitting.initial_avatar import Beginning, begin
from perse.fitting.lessons import Student
from perse.fitting.losses import picture_loss
from perse.fitting.schedule import Schedule
from perse.fitting.stage_steps import LANDING
from perse.fitting.teaching import FitModel
from perse.fitting.trainer import Trainer
from perse.fitting.unknowns import Unknowns
from perse.pipeline import PersePipeline
from perse.portrait import head_mask
from perse.render.rasterize import rasterize
from perse.rig.expressions import INDEX

pytestmark = pytest.mark.slow

CHOSEN = [BY_NAME["beard"], BY_NAME["nose"]]
TINY = Schedule(gaussians=4000, photo_size=128, clip_size=96, source_frames=6, amounts=(0.5, 1.0), source_steps=24, lessons=24)


@pytest.fixture
def tiny(monkeypatch):
    """Builds of a few steps, whatever the budget."""
    monkeypatch.setattr(Schedule, "for_budget", staticmethod(lambda seconds, seed=0: replace(TINY, seed=seed)))


@pytest.fixture(scope="module")
def lessons(clips):
    """The session's clips of the chosen categories, the source first."""
    return [clip for clip in clips if clip.category in (None, "beard", "nose")]


@pytest.fixture
def trainer(astronaut_portrait, rig, texture, lessons):
    beginning = begin(astronaut_portrait, rig, texture, CHOSEN, TINY.gaussians, 0)
    return Trainer(beginning, astronaut_portrait, lessons, replace(TINY))


def losses(trainer, frames, latents) -> float:
    """Mean picture loss over frames, without training."""
    total = 0.0
    with torch.no_grad():
        for frame, latent in zip(frames, latents):
            background = torch.full((3,), 0.5)
            rgb, out = rasterize(
                trainer.teaching.avatar.cloud(trainer.teaching.state(frame, latent), lit=False), frame.camera, backgrounds=background
            )
            total += float(picture_loss(rgb[0], out[0, ..., 0], trainer.teaching.target(frame), background))
    return total / len(frames)


def test_an_avatar_is_fitted_where_it_is_in_full_precision_whatever_accelerate_remembers(
    astronaut_portrait, rig, texture, lessons, monkeypatch
):
    """Accelerate keeps one device and one precision for a process: those of its first user, or of the environment."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState

    beginning = begin(astronaut_portrait, rig, texture, [], TINY.gaussians, 0)
    states = [(state, dict(state._shared_state)) for state in (AcceleratorState, PartialState, GradientState)]
    try:
        for state, _ in states:
            state._shared_state.clear()
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
        monkeypatch.setenv("ACCELERATE_TORCH_DEVICE", "meta")  # as if another one had claimed another device
        for _ in range(2):  # for an avatar on the CPU, before and after somebody else's accelerator
            teaching = Trainer(beginning, astronaut_portrait, lessons[:1], replace(TINY)).teaching
            model, _ = teaching.model(torch.optim.Adam([beginning.avatar.colors]))
            target, camera = teaching.coarse
            rgb, _ = model(teaching.rest(), camera, torch.zeros(3))
            assert rgb.dtype == torch.float32 and rgb.device.type == beginning.avatar.device.type == target.image.device.type == "cpu"
            assert teaching.accelerator.mixed_precision == "no" and not teaching.accelerator.native_amp
            assert Accelerator().device.type == "meta"
    finally:
        for state, kept in states:
            state._shared_state.clear()
            state._shared_state.update(kept)


def test_colours_that_the_photo_shows_from_their_edge_stay_near_them(trainer):
    avatar, held = trainer.teaching.avatar, trainer.teaching.freedom.open == 0
    before = avatar.colors.detach().clone()
    trainer.fit_person()
    change = (avatar.colors.detach() - before).abs().amax(1)
    assert held.sum() > 50 and float(change[held].max()) < EDGE_PLAY + 1e-6 < float(change[~held].max())


def test_colours_stay_among_those_that_the_photo_shows_around_them(trainer, astronaut_portrait):
    avatar, (target, camera) = trainer.teaching.avatar, trainer.teaching.photo
    before = avatar.colors.detach().clone()
    free = trainer.teaching.freedom
    least, greatest = free.darkest, free.lightest
    cloud = avatar.cloud(trainer.teaching.rest())
    covered = View(cloud, target, camera).hand_back(torch.ones_like(target.image))[:, 0]
    behind = (covered < 1e-4) & (free.open > 0) & (free.offset > 0)
    # All but those by the open mouth.
    assert behind.sum() > 500 and (greatest - least)[behind].amax(1).quantile(0.95) < 2 * HIDDEN_PLAY + 1e-3
    # Before a cheek that is one colour no Gaussian may become a speck, and at an eye it may be light or dark.
    xy, _ = camera.project(cloud.means.detach().numpy())
    size = len(target.image)
    points = astronaut_portrait.landmarks[:, :2] * size / len(astronaut_portrait.image)
    room = (greatest - least).mean(1)
    at = {
        name: room[(np.linalg.norm(xy - points[index], axis=1) < 0.03 * size) & (covered.numpy() > 1)].median()
        for name, index in (("cheek", 50), ("eye", 468))
    }
    assert at["cheek"] < 0.35 < at["eye"]
    trainer.fit_person()
    assert (avatar.colors >= least - 1e-6).all() and (avatar.colors <= greatest + 1e-6).all() and not torch.equal(avatar.colors, before)


def test_stage_one_learns_the_person_and_leaves_the_space(trainer, astronaut_portrait):
    # Stripped of its colours the avatar has everything to learn.
    with torch.no_grad():
        trainer.teaching.avatar.colors[:] = 0.5
    beginning = Beginning(trainer.teaching.avatar, trainer.teaching.freedom, trainer.paints)
    trainer = Trainer(
        beginning, astronaut_portrait, trainer.teaching.clips, trainer.schedule
    )  # anew: how far colours stray depends on them
    bases = {name: p.detach().clone() for name, p in trainer.teaching.avatar.space.named_parameters()}
    frames = trainer.teaching.clips[0].frames[:8]
    before, likeness = losses(trainer, frames, [{}] * 8), trainer.teaching.likeness(head_mask(astronaut_portrait))
    invisible = trainer.teaching.avatar.opacities == 0
    free = trainer.teaching.freedom
    made_up = (free.offset == 0) & ~invisible
    tinted = made_up & (free.solved > 0)
    inside, quats = trainer.teaching.avatar.log_scales[made_up].detach().clone(), trainer.teaching.avatar.quats.detach().clone()
    trainer.fit_person()
    # What no picture shows has nothing to learn.
    assert 500 < made_up.sum() < 0.5 * len(made_up) and torch.equal(trainer.teaching.avatar.log_scales[made_up], inside)
    assert (trainer.teaching.avatar.colors[made_up & ~tinted] == 0.5).all()
    # But for her own teeth, which get as sharp as the photo shows them.
    assert (trainer.teaching.avatar.colors[tinted] != 0.5).any()
    # Nor does anything stand out from an eyeball, under a lid that is thin, or turn away from the crown.
    index = free.surface.any(1).nonzero()[:, 0]
    normal = free.surface[index]
    assert torch.equal(trainer.teaching.avatar.quats[index], quats[index])
    assert len(index) and (trainer.teaching.avatar.offset[index] * normal).sum(1).max() < 1e-5
    assert losses(trainer, frames, [{}] * 8) < 0.8 * before
    assert trainer.teaching.likeness(head_mask(astronaut_portrait)) > likeness + 1.5
    assert trainer.steps == [TINY.source_steps, 0]
    assert invisible.any() and not trainer.teaching.avatar.opacities[invisible].any()
    assert all(torch.equal(p, bases[name]) for name, p in trainer.teaching.avatar.space.named_parameters())


def test_stage_two_learns_the_edits_and_leaves_the_person(trainer):
    avatar = trainer.teaching.avatar
    trainer.fit_person()
    trainer.begin_space()
    visible = avatar.opacities.detach() > 0
    person = [p.detach()[visible].clone() for p in (avatar.colors, avatar.opacities, avatar.log_scales, avatar.offset, avatar.quats)]
    unknowns = Unknowns(avatar, "beard")
    student = Student(avatar.requires_grad_(False), unknowns, torch.from_numpy(trainer.teaching.tone).float())
    beards = [c for c in trainer.teaching.clips if c.category == "beard"]
    lessons = [
        student.lesson(f, torch.from_numpy(z), trainer.teaching.state(f, {}))
        for c in beards
        for f, z in zip(c.frames, c.latents, strict=True)
    ]
    before = np.mean([lesson.loss(unknowns.none()) for lesson in lessons])
    trainer.fit_space()
    student_now = Student(avatar, Unknowns(avatar, "beard"), student.background)
    again = [
        student_now.lesson(f, torch.from_numpy(z), trainer.teaching.state(f, {}))
        for c in beards
        for f, z in zip(c.frames, c.latents, strict=True)
    ]
    assert len(lessons) >= 3
    assert np.mean([lesson.loss(unknowns.none()) for lesson in again]) < 0.8 * before
    now = (avatar.colors, avatar.opacities, avatar.log_scales, avatar.offset, avatar.quats)
    assert all(torch.equal(a, b[visible]) for a, b in zip(person, now))
    taught = sum(len(clip.frames) for clip in trainer.teaching.clips[1:] if clip.category == "beard")
    assert trainer.steps == [TINY.source_steps, taught * passes(TINY.rounds)], "what only moves the nose is known exactly"
    rest = avatar(Controls())
    assert torch.equal(rest.colors[visible], avatar.colors[visible].clamp(0, 1)) and not rest.opacities[~visible].any()


def test_a_teaching_picture_is_the_same_whether_or_not_it_is_learnt_from(trainer):
    frame = next(f for clip in trainer.teaching.clips for f in clip.frames if f.weights[INDEX["jaw_open"]] > 0.2)
    arguments = trainer.teaching.state(frame, {}), frame.camera, torch.full((3,), 0.5)
    model = FitModel(trainer.teaching.avatar, trainer.teaching.freedom)
    learnt, _ = model(*arguments)
    with torch.no_grad():
        compared, _ = model(*arguments)
        moving = rasterize(trainer.teaching.avatar.cloud(arguments[0]), frame.camera, backgrounds=arguments[2])[0][0]
    assert torch.equal(learnt, compared)
    assert float((moving - compared).abs().max()) > 0.05, "an open jaw throws a shade, which no clip shows"


def test_what_sliders_add_is_left_alone_by_stage_one(trainer):
    avatar = trainer.teaching.avatar
    extras = avatar.opacities == 0
    before = {name: getattr(avatar, name).detach().clone() for name in LEARNT}
    trainer.fit_person()
    assert trainer.teaching.avatar is avatar and 0.1 < float(extras.float().mean()) < 0.95
    for name in LEARNT:
        now = getattr(avatar, name)
        assert torch.equal(now[extras], before[name][extras] if name != "log_scales" else before[name][extras].clamp(*LOG_SCALES)), name
        assert not torch.equal(now[~extras], before[name][~extras]) and now.requires_grad, name


@pytest.fixture
def timed(trainer, astronaut_portrait):
    """timed(second, **schedule): both stages, with a clock by which a step takes `second`, and the rates of each step of the first."""

    def train(second, **schedule):
        clock = [0.0]
        beginning = Beginning(trainer.teaching.avatar, trainer.teaching.freedom, trainer.paints)
        timed = Trainer(beginning, astronaut_portrait, trainer.teaching.clips, replace(TINY, **schedule), clock=lambda: clock[0])
        rates, prepare = [], timed.teaching.model

        def noting(optimizer):
            model, optimizer = prepare(optimizer)
            step = optimizer.step

            def noted(*args):
                clock[0] += second
                if not timed.steps[1]:
                    rates.append(optimizer.param_groups[0]["lr"])
                step(*args)

            optimizer.step = noted
            return model, optimizer

        timed.teaching.model = noting
        timed.fit_person()
        first = list(rates)
        timed.fit_space()
        return timed.steps, first, clock[0]

    return train


@pytest.mark.parametrize("second", [0.5, 1.5])
def test_a_stage_does_the_steps_that_fit_and_its_rates_come_down_all_the_way(timed, second):
    steps, rates, seconds = timed(second, deadline=100.0, limit=200.0, kernels=40.0)
    assert seconds < 105 and steps[0] > 5 and len(rates) == steps[0]
    assert rates == sorted(rates, reverse=True) and rates[-1] < rates[0] * 0.1**0.8


def test_the_steps_planned_are_enough_and_none_begins_without_time(timed):
    assert timed(0.001, deadline=1000.0)[0][0] == TINY.source_steps
    assert timed(1.0, deadline=0.0, limit=0.0)[0] == [0, 0]
    assert timed(1.0, deadline=0.0)[0] == [LANDING, 0], "but for a few that teach the face"


@pytest.mark.parametrize("stop_at", [0, 5])
def test_cancelling_stops_between_steps(trainer, stop_at):
    calls = []
    trainer.teaching.cancelled = lambda: len(calls) > stop_at or calls.append(None)
    with pytest.raises(BuildCancelled):
        trainer.fit_person()
    assert len(calls) == stop_at + 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_build_can_be_cancelled_anywhere(tiny, pipeline, astronaut_portrait, share):
    reached = []
    with pytest.raises(BuildCancelled):
        pipeline.build(
            astronaut_portrait,
            categories=CHOSEN[1:],
            progress=lambda done, *a: reached.append(done),
            cancelled=lambda: bool(reached) and reached[-1] >= share,
        )
    assert reached[-1] < share + 0.35


def test_the_same_seed_gives_the_same_file(tiny, pipeline, astronaut_portrait, tmp_path):
    for name in ("first", "second"):
        pipeline.save(pipeline.build(astronaut_portrait, seed=3, categories=CHOSEN[:1]), tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_progress_rises_to_one_and_shows_pictures(tiny, pipeline, astronaut_portrait):
    told = []
    pipeline.build(astronaut_portrait, progress=lambda *a: told.append(a), categories=CHOSEN[1:])
    shares = [share for share, _, _ in told]
    assert shares[0] == 0 and shares[-1] == 1 and all(b >= a - 1e-9 for a, b in zip(shares, shares[1:]))
    pictures = [p for _, _, p in told if p is not None]
    assert len(pictures) >= 2 and pictures[0].shape[2] == 3 and pictures[-1].std() > 0.05
    keys = list(dict.fromkeys(stages.key(text) for _, text, _ in told))
    assert keys == ["rig", "unrolling", "clips", "placing", "person", "sliders", "finish", "done"]


def test_budgets_decide_steps_and_have_limits(pipeline, astronaut_portrait):
    small, large = Schedule.for_budget(15), Schedule.for_budget(90)
    assert small.source_steps < large.source_steps and small.lessons < large.lessons
    assert small.gaussians <= large.gaussians and small.clip_size <= large.clip_size
    for budget in (0.0, -1.0, 1e9, float("nan")):
        with pytest.raises(PerseError, match="budget"):
            pipeline.build(astronaut_portrait, budget=budget)


def test_unknown_devices_and_synthesizers_are_told():
    for arguments in (dict(device="tpu"), dict(synthesizer="magic")):
        with pytest.raises(PerseError, match="tpu|magic"):
            PersePipeline.from_pretrained(**arguments)


def test_extras_start_invisible_and_bases_start_from_the_edits(astronaut_portrait, rig, texture):
    avatar = begin(astronaut_portrait, rig, texture, CHOSEN, 3000, 0).avatar
    extras = avatar.opacities == 0
    assert 0.1 < float(extras.float().mean()) < 0.95
    change = avatar.space({"beard": torch.from_numpy(avatar.space.style_code("beard", "full"))})
    assert (change.opacity[extras] > 0.3).sum() > 200 and change.opacity[~extras].abs().max() == 0
    wide = avatar.space({"nose": torch.from_numpy(avatar.space.style_code("nose", "wide"))}).shape
    nose = np.linalg.norm(rig.vertices - rig.vertices[1], axis=1) < 0.8
    assert wide[nose].abs().max() > 0.02 and wide[~nose].abs().max() < 1e-3
