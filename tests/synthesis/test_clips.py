"""The synthetic clips: one attribute each, every amount, faces between styles, all reproducible."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perse.attributes.catalogue import BY_NAME, CATEGORIES
from perse.attributes.edit_vocabulary import Strands
from perse.edits.facial_hair import grow
from perse.fitting.schedule import Schedule
from perse.render.camera import Camera
from perse.rig.expressions import NAMES
from perse.settings import DEFAULT_BUDGET
from perse.synthesis.base import Frame, Plan
from perse.synthesis.interpolation import morph
from perse.synthesis.procedural import CLOSE_UP, PITCH, YAW, Studio
from perse.synthesis.rerender import see
from perse.synthesis.syllabus import PAIRS, Shown, syllabus
from perse.texture.atlas import ATLAS, sample

pytestmark = pytest.mark.slow

PLAN = Plan(size=96, source_frames=3, seed=5)


@pytest.fixture(scope="module")
def studio(rig, texture):
    return Studio(rig, texture, PLAN)


@pytest.fixture(scope="module")
def lessons(studio):
    """All clips that there are of the sliders."""
    return list(studio.lessons(list(CATEGORIES)))


def angles(frame: Frame, rig) -> tuple[float, float]:
    """Yaw and pitch (degrees) of the head against the portrait's camera, without the neck's share."""
    turn = frame.camera.viewmat[:3, :3] @ rig.camera.viewmat[:3, :3].T
    return float(np.degrees(np.arctan2(turn[0, 2], turn[2, 2]))), float(np.degrees(np.arcsin(-turn[1, 2])))


def test_the_source_comes_first_and_unedited(clips, rig):
    source = clips[0]
    assert source.category is None and source.kind == "source" and len(source.frames) >= 12
    assert all(frame.before is None for frame in source.frames)
    assert all(clip.category in BY_NAME and clip.kind in ("edit", "interpolated") for clip in clips[1:])


def test_no_frame_is_rendered_that_does_not_teach(clips, schedule):
    assert sum(len(clip.frames) for clip in clips[1:]) == schedule.lessons


def test_expressions_and_views_are_sampled_widely(clips, rig):
    views = np.array([angles(frame, rig) for frame in clips[0].frames])
    views = views[np.abs(views[:, 0]) < 80]  # some frames look at the back of the head
    assert np.abs(views[:, 0]).max() <= YAW + 1 and np.abs(views[:, 1]).max() <= PITCH + 1
    assert np.ptp(views[:, 0]) > 1.4 * YAW and np.ptp(views[:, 1]) > PITCH
    weights = np.stack([frame.weights for frame in clips[0].frames])
    assert weights.shape[1] == len(NAMES) and (weights.max(0) > 0.3).sum() >= 10
    assert any(frame.head.any() for frame in clips[0].frames) and any(frame.gaze.any() for frame in clips[0].frames)


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_every_clip_edits_one_attribute_and_all_show_every_amount(lessons, category, studio):
    shown: dict[str, set[float]] = {}
    for clip in (clip for clip in lessons if clip.category == category.name and clip.kind == "edit"):
        latents = np.stack(clip.latents)
        assert len(latents) == len(clip.frames) > 0 and all(frame.before is not None for frame in clip.frames)
        used = np.flatnonzero(np.abs(latents).max(0))
        axis = next(category.axes[k] for k in used if category.axes[k].needs is not None or len(used) == 1)
        if axis.needs is not None:  # a frame's colour is shown on the frame
            assert len(used) == 2 and (latents[:, category.axis_index(axis.needs)] == 1).all()
        shown.setdefault(axis.name, set()).update(round(float(a), 3) for a in latents[:, category.axis_index(axis.name)])
    for axis in category.axes:
        signs = (1, -1) if axis.low < 0 else (1,)
        edits = [studio.workshop.edit(axis, sign) for sign in signs]
        # What only moves the surface needs no picture, and on a straight way the ends tell all; she has no beard to take off.
        wanted = {sign * amount for sign in signs for amount in ((1.0,) if all(e.is_linear() for e in edits) else PLAN.amounts)}
        tied = axis.needs is not None and edits[0].overlay is not None  # no lesson shows a bun and the hair that is combed back for it
        if all(edit.only_moves(studio.texture) for edit in edits) or axis.name == "beard_shaven" or tied:
            wanted = set()
        assert shown.get(axis.name, set()) == wanted


@pytest.mark.parametrize("most", [0, 1, 20, 100, 150])
def test_what_says_most_is_taught_first_and_of_everything_a_little(studio, most):
    ends = {axis.name: studio.ends(axis) for category in CATEGORIES for axis in category.axes}
    known = {name for name, edits in ends.items() if all(edit.only_moves(studio.texture) for edit in edits.values())}
    straight = {name for name, edits in ends.items() if all(edit.is_linear() for edit in edits.values())}

    def listed(most):
        chosen = syllabus(CATEGORIES, ends, known, straight, Plan(lessons=most))
        return [
            (x.category.name, x.axis.name, a) if isinstance(x, Shown) else (x.category.name, x.first[0].name, x.second[0].name, s)
            for x in chosen
            for a in (x.amounts if isinstance(x, Shown) else [None])
            for s in ([None] if a else x.shares)
        ]

    chosen, everything = listed(most), listed(None)
    assert len(chosen) == most and len(set(chosen)) == most and set(chosen) <= set(everything) and len(everything) > 150
    full = [x for x in everything if len(x) == 3 and abs(x[2]) == 1]
    middles = [x for x in everything if len(x) == 3 and abs(x[2]) == 0.5]
    assert set(chosen[: len(full)]) <= set(full), "the ends of all sliders before anything else"
    assert set(chosen[len(full) : len(full) + len(middles)]) <= set(middles)
    assert len({x[0] for x in chosen}) >= min(most // 2, len({x[0] for x in everything})), (
        "no category is left out for another's second lesson"
    )


def test_no_lesson_is_begun_after_the_deadline(rig, texture):
    studio = Studio(rig, texture, replace(PLAN, deadline=0.0))
    assert list(studio.lessons([BY_NAME["beard"]])) == []


def test_late_edits_leave_their_lessons_their_seconds(rig, texture):
    studio = Studio(rig, texture, replace(PLAN, deadline=0.0, least=1e6))
    assert {clip.kind for clip in studio.lessons([BY_NAME["beard"]])} == {"edit", "interpolated"}


def test_lessons_are_the_same_on_one_thread_and_on_several(rig, texture, monkeypatch):
    def shown() -> list[bytes]:
        texture.workshops.clear()
        studio = Studio(rig, texture, PLAN)
        return [frame.image.tobytes() for clip in studio.lessons([BY_NAME["beard"], BY_NAME["eyes"]]) for frame in clip.frames]

    several = shown()
    monkeypatch.setattr("perse.side_by_side.cores.count", lambda: 1)
    assert several == shown()


def test_the_default_build_shows_every_quarter():
    assert Plan().amounts == Schedule.for_budget(DEFAULT_BUDGET).amounts == (0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize("name", ["hair", "beard", "glasses", "hat"])
def test_faces_between_styles_are_part_of_the_data(lessons, name):
    between = [clip for clip in lessons if clip.category == name and clip.kind == "interpolated"]
    assert 1 <= len(between) <= PAIRS
    latents = [latent for clip in between for latent in clip.latents]
    for latent in latents:
        assert np.count_nonzero(latent) == 2 and np.abs(latent).sum() == pytest.approx(1)
    assert {round(float(np.abs(latent).max()), 2) for latent in latents} == {0.5, 0.75}


def test_frames_are_premultiplied_pictures_of_a_person(clips, lessons):
    whole, unseen = len(clips[0].frames[0].image), 0
    for clip in [*clips, *lessons]:
        for frame in clip.frames:
            size = len(frame.image)
            assert frame.image.shape == (size, size, 3) and frame.image.dtype == np.uint8 == frame.alpha.dtype
            assert frame.alpha.shape == (size, size) == (frame.camera.height, frame.camera.width)
            if clip.kind == "source":
                assert size == whole and 0.2 < (frame.alpha > 128).mean() < 0.95
            else:  # close-ups of what the edit changes
                assert CLOSE_UP[0] <= size <= CLOSE_UP[1] and (frame.alpha > 128).mean() > 0.15
            assert (frame.image.max(-1).astype(int) <= frame.alpha.astype(int) + 2).mean() > 0.999
            assert frame.image[frame.alpha > 250].std() > 15
            if clip.kind != "source":
                before, share = frame.before, (frame.before.kept > 128).mean()
                assert before.image.shape == frame.image.shape and before.alpha.shape == before.kept.shape == frame.alpha.shape
                assert share > 0.2
                unseen += np.array_equal(before.image, frame.image)
    assert unseen <= 3, "an edit that a pose hides is shown in another"


def test_an_edit_changes_what_it_owns_and_grows_with_its_amount(studio, rig):
    pose, view = studio._pose({"smile": 0.5}), studio.view(15, 5)
    for name in ("nose", "beard", "glasses", "hair", "hat", "earrings", "headphones", "clothes", "ears", "makeup"):
        category = BY_NAME[name]
        axis = category.axes[0]
        edit = studio.workshop.edit(axis, 1)
        none, _ = studio.edited(edit, 0.0, pose, view)
        frames = [studio.edited(edit, amount, pose, view)[0] for amount in (0.25, 0.5, 1.0)]
        changes = [np.abs(f.image.astype(int) - none.image).max(-1) for f in frames]
        total = [c.sum() for c in changes]
        assert 0 < total[0] < total[1] < total[2], name
        assert all(np.array_equal(f.before.image, none.image) for f in frames), "each knows what it would be without"
        region = sample(studio.workshop.owned(axis), rig.uvs.mean(1)[None] * ATLAS)[0] > 0.05
        seen = see(rig, studio._vertices(pose, None), studio.rgba, view).owner[::2, ::2]
        home = cv2.dilate(((seen >= 0) & region[seen]).astype(np.uint8), np.ones((9, 9))) > 0
        hides = frames[-1].before.kept < 250
        assert changes[-1][~home & ~hides].sum() < 0.05 * total[2] + 10, name
        assert hides.any() == (edit.overlay is not None or edit.shape is not None) or edit.overlay is None, name


def test_the_same_seed_gives_the_same_frames_and_strands(astronaut_portrait, rig, texture, studio):
    first, second, third = (
        Studio(rig, texture, Plan(size=48, source_frames=3, seed=seed)).source_clip(astronaut_portrait).frames for seed in (1, 1, 2)
    )
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.image, b.image) and np.array_equal(a.weights, b.weights)
        assert np.array_equal(a.camera.viewmat, b.camera.viewmat)
    assert any(not np.array_equal(a.camera.viewmat, b.camera.viewmat) for a, b in zip(first, third))
    beard = next(edit for axis in BY_NAME["beard"].axes for edit in axis.edits if isinstance(edit, Strands))
    region = studio.workshop.region(beard.region)
    one, same, other = (grow(rig, texture, beard, region, np.array([0.2, 0.1, 0.1]), seed).offset for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def _frame(seed: int, size: int = 48) -> Frame:
    random = np.random.default_rng(seed)
    alpha = np.full((size, size), 255, np.uint8)
    image = random.integers(0, 255, (size // 8, size // 8, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    return Frame(image, alpha, None, Camera(np.eye(4), np.eye(3), size, size), np.zeros(len(NAMES)), np.zeros(3), np.zeros(2))


def test_a_morph_at_its_ends_is_its_ends():
    grid = np.stack(np.meshgrid(np.linspace(0, 48, 7), np.linspace(0, 48, 7)), -1).reshape(-1, 2)
    first_points = np.column_stack([grid, np.full(49, 2.0)])
    inner = (grid > 1).all(1) & (grid < 47).all(1)
    second_points = first_points + np.random.default_rng(0).uniform(-2, 2, first_points.shape) * inner[:, None] * [1, 1, 0]
    a = np.arange(49).reshape(7, 7)
    faces = np.concatenate(
        [
            np.stack([a[:-1, :-1], a[:-1, 1:], a[1:, :-1]], -1).reshape(-1, 3),
            np.stack([a[:-1, 1:], a[1:, 1:], a[1:, :-1]], -1).reshape(-1, 3),
        ]
    )
    first, second = _frame(0), _frame(1)
    for share, end in ((0.0, first), (1.0, second)):
        image, alpha = morph(first, second, first_points, second_points, faces, share)
        assert np.abs(image - end.image / 255.0).mean() < 0.02
        np.testing.assert_allclose(alpha, 1, atol=0.02)
    # Between identical landmarks it is a plain cross-dissolve.
    image, _ = morph(first, second, first_points, first_points, faces, 0.25)
    expected = (0.75 * first.image + 0.25 * second.image) / 255
    assert np.abs(image - expected).mean() < 0.02


def test_a_morph_carries_features_to_their_mean_place():
    """A dark bar at x = 12 and one at x = 28 meet half-way at x = 20 instead of fading in two places."""

    def bar(x):
        frame = _frame(0)
        frame.image[:] = 255
        frame.image[:, x - 2 : x + 2] = 0
        return frame

    def points(x):
        return np.array([[0, 0, 2], [x, 0, 2], [48, 0, 2], [0, 48, 2], [x, 48, 2], [48, 48, 2.0]])

    faces = np.array([[0, 1, 3], [1, 4, 3], [1, 2, 4], [2, 5, 4]])
    image, _ = morph(bar(12), bar(28), points(12), points(28), faces, 0.5)
    row = image[24, :, 0]
    assert row[18:22].max() < 0.35 and row[19:21].max() < 0.1 and row[11:13].min() > 0.8 and row[27:29].min() > 0.8


def test_what_moves_knows_where_it_came_from(studio):
    category = BY_NAME["face_shape"]
    axis = next(a for a in category.axes if studio.workshop.edit(a, 1).shape is not None)
    pose, view = studio._pose({}), studio.view(0, 0)
    frame, _ = studio.edited(studio.workshop.edit(axis, 1), 1.0, pose, view)
    before = frame.before
    moved = np.linalg.norm(before.came_from - np.stack(np.meshgrid(*map(np.arange, before.alpha.shape[::-1])), -1) - 0.5, axis=-1)
    still, far = moved < 0.05, moved > 1.0
    assert 0.2 < still.mean() < 1 and 0.005 < far.mean() < 0.6
    fetched = cv2.remap(before.image, *np.moveaxis(before.came_from - 0.5, -1, 0).astype(np.float32), cv2.INTER_LINEAR)
    shown = (before.kept > 250) & (frame.alpha > 250) & far
    assert np.abs(fetched.astype(int) - frame.image)[shown].mean() < 0.5 * np.abs(before.image.astype(int) - frame.image)[shown].mean()
