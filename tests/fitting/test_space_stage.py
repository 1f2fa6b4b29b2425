"""Stage two: the change is the lesson, all lessons are solved for at once, and what is learnt is what the avatar shows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.attributes.catalogue import BY_NAME
from perse.avatar.latent_space import AxisBasis
from perse.avatar.state import State
from perse.fitting.effort import LEAST, Effort, cost, passes
from perse.fitting.gauss_newton import MOST, conjugate_gradients, solve
from perse.fitting.initial_avatar import begin
from perse.fitting.lessons import Student, goal
from perse.fitting.space_stage import in_order, lessons_of
from perse.fitting.unknowns import AMOUNTS, COLUMNS, Unknowns, _evened, _rise
from perse.render.camera import Camera
from perse.render.rasterize import rasterize
from perse.rig.expressions import NAMES
from perse.side_by_side import SideBySide
from perse.synthesis.base import Frame, Plan, Unedited, mixed_axes
from perse.synthesis.procedural import Studio

BACKGROUND = torch.tensor([0.3, 0.4, 0.5])


def frame(edited: np.ndarray, before: Unedited | None) -> Frame:
    side = len(edited)
    opaque = np.full((side, side), 255, np.uint8)
    return Frame(edited, opaque, before, Camera(np.eye(4), np.eye(3), side, side), np.zeros(len(NAMES)), np.zeros(3), np.zeros(2))


@pytest.fixture
def pictures():
    """An unedited clip's picture, the edited one, and what a student shows without the edit: (8, 8, 3), (8, 8, 3), (8, 8, 4)."""
    draw = np.random.default_rng(0)
    plain = draw.integers(60, 180, (8, 8, 3)).astype(np.uint8)
    edited = plain.copy()
    edited[2:5, 2:5] += 40
    shown = np.concatenate([plain / 255 + 0.05 * draw.standard_normal((8, 8, 3)), np.ones((8, 8, 1))], -1)
    return plain, edited, torch.from_numpy(shown.astype(np.float32)).clamp(0, 1)


def unedited(plain: np.ndarray, kept: int, came_from=None) -> Unedited:
    return Unedited(plain, np.full(plain.shape[:2], 255, np.uint8), np.full(plain.shape[:2], kept, np.uint8), came_from)


def test_a_lesson_is_the_change_where_the_person_shows_and_the_picture_where_something_lies_over_them(pictures):
    plain, edited, shown = pictures
    wanted = goal(frame(edited, unedited(plain, 255)), shown, BACKGROUND)
    same = (edited == plain).all(-1)
    assert torch.allclose(wanted[same], shown[same], atol=1e-6), "an edit that changes nothing here changes nothing here"
    assert torch.allclose((wanted - shown)[~same][:, :3], torch.full((9, 3), 40 / 255), atol=1e-2)
    covered = goal(frame(edited, unedited(plain, 0)), shown, BACKGROUND)
    assert torch.allclose(covered[..., :3], torch.from_numpy(edited / 255).float(), atol=1e-6)


def test_what_is_left_over_moves_with_the_surface(pictures):
    plain, _, shown = pictures
    at = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).astype(np.float32) + 0.5
    moved = np.roll(plain, 2, 1)
    wanted = goal(frame(moved, unedited(plain, 255, at - [2, 0])), shown, BACKGROUND)
    assert torch.allclose(wanted[:, 3:, :3], shown[:, 1:-2, :3], atol=1e-5)


def test_conjugate_gradients_solve_what_is_symmetric_and_positive():
    draw = torch.Generator().manual_seed(0)
    a = torch.randn(12, 12, generator=draw)
    a = a @ a.T + torch.eye(12)
    right = torch.randn(7, generator=draw), torch.randn(5, generator=draw)

    def apply(x, y):
        out = a @ torch.cat([x, y])
        return out[:7], out[7:]

    x = torch.cat(conjugate_gradients(apply, right, (a.diagonal()[:7], a.diagonal()[7:]), 40))
    assert torch.allclose(a @ x, torch.cat(right), atol=1e-3)


@pytest.fixture(scope="module")
def taught(astronaut_portrait, rig, texture):
    """A small avatar that is to learn beards and glasses, and their clips."""
    categories = [BY_NAME["glasses"], BY_NAME["beard"], BY_NAME["makeup"]]
    studio = Studio(rig, texture, Plan(size=96, amounts=(0.5, 1.0)))
    clips = [studio.source_clip(astronaut_portrait), *studio.lessons(categories)]
    avatar = begin(astronaut_portrait, rig, texture, categories, 4000, 0, mixed_axes(clips, categories)).avatar
    return avatar.requires_grad_(False), clips


def posed(avatar, clips, category, most=8):
    unknowns = Unknowns(avatar, category)
    student = Student(avatar, unknowns, BACKGROUND)
    chosen = lessons_of(clips, category)
    chosen = chosen[:: max(len(chosen) // most, 1)]

    def state(frame):
        return State(*(torch.from_numpy(np.asarray(x, np.float32)) for x in (frame.weights, frame.head, frame.gaze)), {})

    return unknowns, [student.lesson(f, z, state(f)) for f, z in chosen], [(f, z, state(f)) for f, z in chosen]


def test_what_all_rows_of_a_group_share_is_handed_back_to_it(taught):
    unknowns, lessons, _ = posed(*taught, "beard", 2)
    draw = torch.Generator().manual_seed(1)
    rows, groups, heard = (torch.randn(n, COLUMNS, generator=draw) for n in (unknowns.count, unknowns.groups, unknowns.count))
    assert float((unknowns.spread(0 * rows, groups) * heard).sum()) == pytest.approx(
        float((groups * unknowns.gathered(heard)).sum()), rel=1e-3
    )
    for lesson in lessons:
        pixels, into = torch.randn(len(lesson.edit), COLUMNS, generator=draw), unknowns.none()
        lesson.hand_back(pixels, into)
        assert float((lesson.change(rows) * pixels).sum()) == pytest.approx(float((rows * into).sum()), rel=1e-3)


@pytest.mark.parametrize("category", ["beard", "glasses"])
def test_the_best_bases_are_found_at_once_and_the_avatar_shows_them(taught, category):
    avatar, clips = taught
    unknowns, lessons, shown = posed(avatar, clips, category)
    nothing, kept = unknowns.none(), {k: v.clone() for k, v in avatar.state_dict().items()}
    visible = avatar.opacities > 0
    try:
        with SideBySide(torch.device("cpu")) as together:
            table = solve(lessons, unknowns, (3,), together)
        before, after = (np.mean([lesson.loss(t) for lesson in lessons]) for t in (nothing, table))
        assert after < 0.85 * before and not table[unknowns.free == 0].any()
        assert (table.abs().amax(0) <= torch.tensor(MOST) + 1e-6).all()
        told = []
        one_by_one = SideBySide(torch.device("meta"))
        assert torch.equal(solve(lessons, unknowns, (3,), one_by_one), table), "on whatever number of threads"
        solve(lessons[:2], unknowns, (1, 1), one_by_one, lambda: told.append(None))
        assert len(told) == 2 * passes((1, 1)), "two rounds of a linearisation and an iteration"
        unknowns.apply(table)
        assert all(torch.equal(kept[name][visible], getattr(avatar, name)[visible]) for name in ("colors", "opacities", "log_scales"))
        for lesson, (frame, latent, state) in zip(lessons, shown):
            cloud = avatar.cloud(replace(state, latents={category: latent}), lit=False)
            rgb, _ = rasterize(cloud, frame.camera, backgrounds=BACKGROUND)
            mine = lesson.render(lesson.values(lesson.change(table)))[..., :3]
            assert float((rgb[0] - mine).abs().mean()) < 0.004, "but for what hardly shows, which takes no part in a lesson"
    finally:
        avatar.load_state_dict(kept)


def test_what_an_edit_only_recolours_keeps_its_opacity_and_its_size(taught):
    unknowns = Unknowns(taught[0], "makeup")
    assert unknowns.count and not unknowns.free[:, 3:].any() and unknowns.free[:, :3].all()
    beard = Unknowns(taught[0], "beard")
    assert len(beard.brought) > 100 and not taught[0].opacities[beard.brought].any()
    assert (beard.free[beard.own :, 3] == 0).all() and (beard.free[beard.own :, 4] == 1).all()


def test_what_brings_something_is_taught_first(taught):
    names = [category.name for category in in_order(taught[0].space)]
    assert names.index("makeup") == 2


def test_effort_follows_the_time_there_is():
    clock = [0.0]
    effort = Effort((3,), end=10.0, limit=12.0, second=0.01, clock=lambda: clock[0])
    assert effort.affordable(100) == ((3,), 1.0)
    assert effort.affordable(int(10 / 0.01 / cost((2,)))) == ((2,), 1.0)
    rounds, share = effort.affordable(1000)
    assert rounds == LEAST and share == pytest.approx(10 / 0.01 / 1000 / cost(LEAST))
    effort.add(10, (3,), 10 * cost((3,)) * 0.02)  # the machine is half as fast as was thought
    assert effort.done == 40 and effort.affordable(int(5 / 0.01 / cost((2,)))) == ((2,), 1.0)
    clock[0] = 11.0
    assert effort.affordable(5)[1] == 0 and not effort.over()
    clock[0] = 12.0
    assert effort.over()
    assert Effort((2, 2)).affordable(10**6) == ((2, 2), 1.0), "without a clock as planned"


@pytest.mark.parametrize("two_sided", [False, True])
def test_a_change_of_a_row_is_one_of_so_much_at_all_amounts_that_count(two_sided):
    mix = _evened(two_sided)
    amounts = torch.tensor([*AMOUNTS, *(-u for u in AMOUNTS)] if two_sided else AMOUNTS)
    at = torch.stack([amounts, amounts**2], 1) @ mix
    assert torch.allclose(at.T @ at / len(amounts), torch.eye(2), atol=1e-5)
    # What is taught of one end is hardly believed of the other.
    taught = mix @ (torch.tensor([1.0, 1.0]) @ mix)
    other = torch.tensor([-1.0, 1.0]) @ taught / (torch.tensor([1.0, 1.0]) @ taught)
    assert not two_sided or abs(float(other)) < 0.2


def test_what_fades_in_never_turns_back():
    basis = AxisBasis(torch.arange(3), torch.ones(3), torch.zeros(0), 2)
    with torch.no_grad():
        basis.opacity[:] = torch.tensor([[2.0, 0.2, -1.0], [-1.4, 0.7, 2.0]])
        _rise(basis)
    u = torch.linspace(0, 1, 50)[:, None]
    opacity = u * basis.opacity[0] + u**2 * basis.opacity[1]
    assert (opacity[1:, :2] >= opacity[:-1, :2] - 1e-6).all()
    assert torch.allclose(opacity[-1], torch.tensor([0.6, 0.9, 1.0])) and torch.equal(
        basis.opacity[:, 2].detach(), torch.tensor([-1.0, 2.0])
    )
