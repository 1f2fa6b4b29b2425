"""What edits do to one head: hair that grows, hats that cover it, objects that stay glued, colours that stay inside their region."""

import numpy as np
import pytest

from perse.attributes.catalogue import AXES, CATEGORIES
from perse.attributes.edit_vocabulary import Axis, Prop
from perse.edits.solids import ball, cloth
from perse.edits.worn_objects import WORN_OBJECTS
from perse.render.geometry import vertex_normals
from perse.rig.ears import ears_of
from perse.rig.skeleton import PART
from perse.synthesis.base import Plan
from perse.synthesis.procedural import Studio

WORN = [
    "glasses_round",
    "glasses_aviator",
    "hat_beanie",
    "hat_cap",
    "hat_cowboy",
    "hat_hairband",
    "earring_hoops",
    "headphones_on",
    "ear_pointed",
]


@pytest.fixture(scope="module")
def studio(rig, texture):
    return Studio(rig, texture, Plan(size=96, source_frames=3, seed=5))


def edit(studio, name, sign=1):
    return studio.workshop.edit(AXES[name][1], sign)


def rest(studio, name) -> np.ndarray:
    """Where an axis' strands or object are at rest (V, 3)."""
    return edit(studio, name).overlay.pose(studio.rig, studio.rig.vertices)


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_every_axis_does_something_and_stays_finite(studio, category):
    for axis in category.axes:
        for sign in (1, -1) if axis.low < 0 else (1,):
            made = studio.workshop.edit(axis, sign)
            patch = made.change(studio.texture)
            if axis.name == "beard_shaven":  # she has none
                assert patch is None
                continue
            assert made.shape is not None or patch is not None or made.overlay is not None or made.tints, axis.name
            for values in (made.shape, None if patch is None else patch[1], None if made.overlay is None else made.overlay.offset):
                assert values is None or np.isfinite(values).all(), axis.name
            if patch is not None:
                rows, columns = patch[0]
                assert patch[1].shape == (rows.stop - rows.start, columns.stop - columns.start, 3) and np.abs(patch[1]).max() <= 1.01


@pytest.mark.parametrize("name", WORN)
def test_what_is_worn_turns_with_the_head_and_knows_no_expression(studio, name):
    overlay, still = edit(studio, name).overlay, rest(studio, name)
    face = studio._pose({"jaw_open": 1.0, "smile": 1.0, "brows_up": 1.0})
    np.testing.assert_allclose(overlay.pose(studio.rig, studio._vertices(face, None)), still, atol=2e-3)
    turned = overlay.pose(studio.rig, studio._vertices(studio._pose({}, (25.0, 10.0, 5.0)), None))
    assert np.linalg.norm(turned - still, axis=1).max() > 0.1
    for a, b in ((0, -1), (3, len(still) // 2)):  # rigidly
        assert np.linalg.norm(turned[a] - turned[b]) == pytest.approx(np.linalg.norm(still[a] - still[b]), abs=5e-3)
    # A cut of hair or a longer face moves no glasses.
    for other in ("hair_bald", "face_length", "jaw_width", "mouth_height", "ear_size"):
        edited = studio.rig.vertices + edit(studio, other).shape
        np.testing.assert_allclose(overlay.pose(studio.rig, edited.astype(np.float32)), still, atol=1e-4)


@pytest.mark.parametrize("name", ["hat_beanie", "hat_cap", "hat_cowboy"])
def test_hair_is_tucked_under_a_hat(studio, name):
    """No vertex of the tucked hair lies beyond the hat in its own direction."""
    made, head = edit(studio, name), studio.workshop.head
    tucked = studio.rig.vertices + made.shape_at(1.0)
    covered = (np.abs(made.shape).max(1) > 0.05) & (studio.rig.vertex_part == PART["shell"]) & (ears_of(studio.rig) < 0.05)
    assert covered.sum() > 100
    hat = rest(studio, name) - head.middle
    away = tucked[covered] - head.middle
    aim = away / np.linalg.norm(away, axis=1, keepdims=True)
    near = aim @ (hat / np.linalg.norm(hat, axis=1, keepdims=True)).T > np.cos(np.radians(8))
    outside = np.where(near, np.linalg.norm(hat, axis=1)[None], 0).max(1)
    assert (np.linalg.norm(away, axis=1)[near.any(1)] < outside[near.any(1)] + 0.02).mean() > 0.97
    # It comes ahead of the hat, which closes at the crown last, and is nothing at zero.
    half = np.linalg.norm(made.shape_at(0.5), axis=1)[covered] / np.linalg.norm(made.shape, axis=1)[covered]
    height = (studio.rig.vertices[covered] - head.middle) @ head.up
    low, high = (half[part].mean() for part in (height < np.quantile(height, 0.2), height > np.quantile(height, 0.8)))
    assert low > 0.6 > 0.5 > high > 0.3 and not made.shape_at(0.0).any()


@pytest.mark.parametrize("name", ["hat_beanie", "hat_cap", "hat_cowboy"])
def test_half_a_hat_is_a_band_around_the_head_and_no_lid_in_the_air(studio, name):
    """It begins at its rim, with a sharp edge, goes on all around at any amount, and its top closes last."""
    overlay, head = edit(studio, name).overlay, studio.workshop.head
    still = rest(studio, name)
    height = (still - head.middle) @ head.up
    top = height > 0.9 * height.max()
    assert overlay.start[top].min() > np.median(overlay.start) and overlay.growing < 0.2
    there = still[np.unique(overlay.grown(0.3).triangles)] - head.middle
    assert (there @ head.up).max() < 0.5 * height.max()
    azimuth = np.arctan2(there @ head.side, there @ head.forward)
    assert np.histogram(azimuth, 24, (-np.pi, np.pi))[0].min() > 0


@pytest.mark.parametrize("name, low", [("hair_long", 1.3), ("beard_long", 1.4), ("beard_full", None), ("hat_beanie", None)])
def test_hair_and_hats_grow_instead_of_fading(studio, name, low):
    overlay = edit(studio, name).overlay
    counts = [len(overlay.grown(amount).triangles) for amount in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert counts[0] == 0 < counts[1] < counts[2] < counts[3] <= counts[4] == len(overlay.triangles)
    linear, quadratic = overlay.opacity(np.arange(len(overlay.face)), 1.0)
    assert (linear + quadratic >= 0.99).all()  # all there at the end
    before = 0.98 * overlay.start
    assert (linear * before + quadratic * before**2 <= 1e-6).all()  # and not before its time
    solid = overlay.start + overlay.growing
    assert (linear * solid + quadratic * solid**2 >= 0.99).all()
    if low is not None:
        lengths = [rest(studio, name)[np.unique(overlay.grown(amount).triangles), 1].max() for amount in (0.25, 0.45, 1.0)]
        assert lengths[0] < lengths[1] < lengths[2] and lengths[2] > low


def test_long_hair_hangs_leaves_the_face_free_and_drapes(studio):
    overlay, still = edit(studio, "hair_long").overlay, rest(studio, "hair_long")
    segments = still[overlay.segments]
    down = segments[:, 1] - segments[:, 0]
    down = down[np.linalg.norm(down, axis=1) > 0.05]
    assert np.median(down[:, 1] / np.linalg.norm(down, axis=1)) > 0.8
    assert not ((np.abs(still[:, 0]) < 0.45) & (still[:, 2] < 0.3) & (still[:, 1] < 1.0)).any()
    turned = overlay.pose(studio.rig, studio._vertices(studio._pose({}, (30.0, 0.0, 0.0)), None))
    move = np.linalg.norm(turned - still, axis=1)
    high, low = still[:, 1] < 0.5, still[:, 1] > 1.6
    assert low.any() and move[low].mean() < 0.6 * move[high].mean()


@pytest.mark.parametrize("name", ["ear_size", "ear_out"])
def test_long_hair_falls_over_the_ears_and_stays_where_it_is_when_they_grow(studio, name):
    overlay, still = edit(studio, "hair_long").overlay, rest(studio, "hair_long")
    grown = studio.rig.vertices + edit(studio, name).shape
    assert np.abs(grown - studio.rig.vertices).max() > 0.02
    np.testing.assert_allclose(overlay.pose(studio.rig, grown.astype(np.float32)), still, atol=0.025)


def test_bald_is_skin_and_shows_the_ears(studio):
    made = edit(studio, "hair_bald")
    box, change = made.change(studio.texture)
    hair = (studio.workshop.region("hair")[box] > 0.9) & (studio.texture.seen[box] > 0.3)
    bald = (studio.texture.color[box] + change)[hair].mean(0)
    skin = studio.texture.color[(studio.workshop.region("bare_skin") > 0.9)].mean(0)
    assert np.abs(bald - skin).mean() < 0.12 < np.abs(studio.texture.color[box][hair].mean(0) - skin).mean()
    # Her ears, flat under the hair, come out of it.
    ears = (ears_of(studio.rig) > 0.5) & (studio.rig.vertices[:, 0] > 0)

    def folds(vertices: np.ndarray) -> float:
        """How far an ear lies off one evenly bent surface, eye distances."""
        x, y, z = (vertices[ears] - vertices[ears].mean(0)).T
        bent = np.stack([np.ones_like(y), y, z, y * y, y * z, z * z], 1)
        return float(np.std(x - bent @ np.linalg.lstsq(bent, x, rcond=None)[0]))

    assert folds(studio.rig.vertices + made.shape) > 1.2 * folds(studio.rig.vertices)
    assert made.overlay is None


def test_beards_and_added_hair_take_the_colour_of_the_hair(studio):
    for name in ("hair_long", "beard_full"):
        colors = edit(studio, name).overlay.color
        dyed = colors + edit(studio, "hair_blue").tints[edit(studio, name).overlay.kind](colors)
        assert dyed[:, 2].mean() > dyed[:, 0].mean() + 0.15 and colors[:, 2].mean() < colors[:, 0].mean() + 0.05


def test_a_close_up_shows_the_edit(studio):
    view = studio.view(10.0, 0.0)
    pose = studio._pose({})
    axis = AXES["nose_width"][1]
    nose = studio.close_up([(axis, edit(studio, "nose_width"))], pose, view)
    tip = nose.project(studio.rig.vertices[[1]])[0][0]
    assert ((tip > 0.2 * nose.width) & (tip < 0.8 * nose.width)).all()
    assert nose.K[0, 0] / nose.width > 1.7 * view.K[0, 0] / view.width  # nearer than the whole head


def test_a_new_object_is_one_function(studio, monkeypatch):
    def third_eye(head, color):
        points, triangles = ball([0.0, -0.35, -0.25], 0.06)
        return head.fixed(points, triangles, cloth(color, vertex_normals(points, triangles)), "hat")

    monkeypatch.setitem(WORN_OBJECTS, "third_eye", third_eye)
    axis = Axis("third_eye", "Third eye", "One more", (Prop("third_eye", (0.0, 0.9, 0.0)),), ("glasses_area",))
    made = studio.workshop.edit(axis, 1)
    frame, _ = studio.edited(made, 1.0, studio._pose({}), studio.view(0.0, 0.0))
    plain, _ = studio.edited(made, 0.0, studio._pose({}), studio.view(0.0, 0.0))
    changed = np.abs(frame.image.astype(int) - plain.image).max(-1) > 30
    assert 5 < changed.sum() < 200 and frame.image[changed][:, 1].mean() > frame.image[changed][:, 0].mean() + 60
