"""Every expression moves what its name says, on two people, and its mirror image does the same on the other side."""

import numpy as np
import pytest
import torch

from perse.face.landmarks import CHIN, EYE, FACE, LOWER_LIP, MOUTH_CORNERS, MOUTH_RING, NOSE_TIP, UPPER_LIP
from perse.face.measures import distance, lip_gap
from perse.face.triangles import canonical
from perse.rig.expressions import COMPOSITES, EXPRESSIONS, INDEX, NAMES, expand, lets_go
from perse.rig.skeleton import PART

ARKIT = """browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight
eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight
eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft
mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight mouthRollLower mouthRollUpper mouthShrugLower
mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight
noseSneerLeft noseSneerRight tongueOut""".split()
CORNER = dict(zip(("right", "left"), MOUTH_CORNERS))
LEFT, DOWN, BACK = 0, 1, 2


@pytest.fixture(params=["rig", "hopper_rig"])
def any_rig(request):
    return request.getfixturevalue(request.param)


def posed(rig, **weights) -> np.ndarray:
    return rig.poser()(torch.from_numpy(expand(weights))).numpy()


def shown(rig, **expression) -> np.ndarray:
    """Vertices as an avatar has them: a smiling mouth lets go of its smile where it must."""
    weights, poser = expand(expression), rig.poser()
    detail = rig.neutral.detail(weights, 0.0, float(lets_go(weights)))
    return poser(
        torch.from_numpy(weights), shape=None if detail is None else poser.spread(torch.from_numpy(detail.astype(np.float32)))
    ).numpy()


def move(rig, name: str, amount: float = 1.0) -> np.ndarray:
    return posed(rig, **{name: amount}) - rig.vertices


def lids(vertices: np.ndarray, side: str) -> np.ndarray:
    """Heights (7,) of one eye's opening."""
    return vertices[EYE[side]["lower"], DOWN] - vertices[EYE[side]["upper"], DOWN]


def test_the_names_are_arkits():
    snake = {"".join("_" + c.lower() if c.isupper() else c for c in name) for name in ARKIT}
    assert set(NAMES) <= snake and len(NAMES) >= 40
    assert len(EXPRESSIONS) == len(set(EXPRESSIONS)) == len(NAMES) + len(COMPOSITES)
    assert all(part in INDEX for parts in COMPOSITES.values() for part in parts)


@pytest.mark.parametrize("name", sorted(set(EXPRESSIONS) - {"mouth_close"}))
def test_every_expression_moves_something_smoothly(any_rig, name):
    full = np.linalg.norm(move(any_rig, name), axis=1)
    assert 0.004 < full.max() < 0.6
    half = np.linalg.norm(move(any_rig, name, 0.5), axis=1)
    assert 0.3 * full.max() < half.max() < 0.75 * full.max()


def test_zero_weights_move_nothing(any_rig):
    assert np.array_equal(posed(any_rig, **{name: 0.0 for name in NAMES}), any_rig.vertices)


@pytest.mark.parametrize("name", [n for n in NAMES if n.endswith("_left") and n not in ("jaw_left", "mouth_left")])
def test_sides_are_mirror_images(any_rig, name):
    mirror = canonical()[1][:FACE]
    left, right = move(any_rig, name)[:FACE], move(any_rig, name.replace("_left", "_right"))[:FACE]
    if "eye_look" not in name:  # eyeballs apart, a one-sided shape stays on its side
        side = any_rig.vertices[:FACE, 0]
        assert np.linalg.norm(left[side < -0.25], axis=1).max() < 0.1 * np.linalg.norm(left, axis=1).max()
    # The same move on the other half; people are not symmetric, so not to the last digit.
    mirrored = left[mirror] * [-1, 1, 1]
    assert np.linalg.norm(mirrored - right, axis=1).max() < 0.35 * np.linalg.norm(left, axis=1).max()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_blink_closes_the_lids_over_the_eyeball(any_rig, side):
    blinked = posed(any_rig, **{f"eye_blink_{side}": 1.0})
    before, after = lids(any_rig.vertices, side), lids(blinked, side)
    assert before.max() > 0.05
    assert np.abs(after).max() < 0.012  # shut, and not crossed
    lid = EYE[side]["upper"] + EYE[side]["lower"]
    centre = any_rig.eye_centres[0 if side == "right" else 1]
    ball = any_rig.vertices[any_rig.vertex_part == PART[f"eye_{side}"]]
    radius = np.linalg.norm(ball - centre, axis=1).max()
    assert np.linalg.norm(blinked[lid] - centre, axis=1).min() > radius
    other = "left" if side == "right" else "right"
    np.testing.assert_allclose(lids(blinked, other), lids(any_rig.vertices, other), atol=1e-3)
    # The upper lid does the travelling, and the brow stays.
    travel = np.linalg.norm(blinked - any_rig.vertices, axis=1)
    assert travel[EYE[side]["upper"]].mean() > 2 * travel[EYE[side]["lower"]].mean()
    assert travel[[105, 334]].max() < 0.01


def test_wide_and_squint_change_the_opening(any_rig):
    rest = lids(any_rig.vertices, "left").mean()
    assert lids(posed(any_rig, eye_wide_left=1), "left").mean() > 1.15 * rest
    assert lids(posed(any_rig, eye_squint_left=1), "left").mean() < 0.85 * rest
    # A squint on top of a blink does not cross the lids.
    assert lids(posed(any_rig, eye_blink_left=1, eye_squint_left=1, eye_look_down_left=1), "left").min() > -0.012


def test_the_jaw_opens_the_mouth_and_leaves_nose_and_brows(any_rig):
    opened = move(any_rig, "jaw_open")
    assert opened[CHIN, DOWN] > 0.12 and opened[LOWER_LIP, DOWN] > 0.15 and abs(opened[CHIN, LEFT]) < 0.02
    assert -0.06 < opened[UPPER_LIP, DOWN] < 0  # it bares the edge of the teeth
    assert np.linalg.norm(opened[[NOSE_TIP, 4, 10, 105, 334, 33, 263]], axis=1).max() < 0.01
    teeth = {row: opened[any_rig.vertex_part == PART[f"{row}_teeth"]] for row in ("upper", "lower")}
    assert np.abs(teeth["upper"]).max() == 0 and teeth["lower"][:, DOWN].min() > 0.08
    # The mouth bag stays sewn to the lips.
    start = int(np.flatnonzero(any_rig.vertex_part == PART["cavity"])[0])
    np.testing.assert_allclose(opened[start : start + len(MOUTH_RING)], opened[MOUTH_RING], atol=1e-6)


def test_the_jaw_slides(any_rig):
    assert move(any_rig, "jaw_left")[CHIN, LEFT] > 0.04 and move(any_rig, "jaw_right")[CHIN, LEFT] < -0.04
    assert move(any_rig, "jaw_forward")[CHIN, BACK] < -0.04
    assert move(any_rig, "mouth_left")[LOWER_LIP, LEFT] > 0.04 and move(any_rig, "mouth_right")[LOWER_LIP, LEFT] < -0.04
    # The corner that comes towards the middle comes forward with it, around the teeth.
    assert move(any_rig, "mouth_left")[CORNER["right"], BACK] < -0.03 and move(any_rig, "mouth_right")[CORNER["left"], BACK] < -0.03


def test_mouth_close_brings_the_lips_together_under_an_open_jaw(any_rig):
    def gap(vertices):
        return vertices[LOWER_LIP, DOWN] - vertices[UPPER_LIP, DOWN]

    opened, closed = posed(any_rig, jaw_open=1), posed(any_rig, jaw_open=1, mouth_close=1)
    assert gap(closed) < 0.6 * gap(opened)
    assert np.array_equal(posed(any_rig, mouth_close=1), any_rig.vertices)  # closed lips cannot close further


@pytest.mark.parametrize("name", ["smile", "grin"])
def test_a_smile_draws_the_corners_outwards_and_up(any_rig, name):
    smile = move(any_rig, name)
    assert smile[CORNER["left"], LEFT] > 0.05 and smile[CORNER["right"], LEFT] < -0.05
    assert max(smile[c, DOWN] for c in CORNER.values()) < -0.04
    frown = move(any_rig, "sad")
    assert min(frown[c, DOWN] for c in CORNER.values()) > 0.03


def test_a_smile_is_let_go_of_where_the_mouth_does_something_else(rig):
    def corners(vertices):
        return (vertices[UPPER_LIP, DOWN] + vertices[LOWER_LIP, DOWN]) / 2 - vertices[list(MOUTH_CORNERS), DOWN].mean()

    smiles = corners(rig.vertices)
    assert smiles > 0.05 and lip_gap(rig.vertices) > 0.08  # the portrait shows its teeth
    for name, most in (("sad", 0.1), ("angry", 0.35), ("pucker", 0.5)):
        serious = shown(rig, **{name: 1.0})
        assert corners(serious) < most * smiles and lip_gap(serious) < 0.035, name
    for name in ("smile", "jaw_open", "brows_up", "blink"):
        assert lets_go(expand({name: 1.0})) == 0, name
    steps = [corners(shown(rig, sad=w)) for w in np.linspace(0, 1, 9)]
    assert np.diff(steps).max() < 1e-6  # little by little


def test_a_serious_mouth_has_nothing_to_let_go_of(hopper_rig):
    assert np.abs(hopper_rig.neutral.serious).max() < 0.02


def test_the_rest_of_the_face_does_what_it_is_called(any_rig):
    width = distance(any_rig.vertices, *MOUTH_CORNERS)
    for name in ("mouth_pucker", "mouth_funnel"):
        pursed = posed(any_rig, **{name: 1})
        assert np.linalg.norm(pursed[61] - pursed[291]) < 0.8 * width and (pursed - any_rig.vertices)[0, BACK] < -0.03
    # A pucker is closed, even one of an open smile.
    pursed = shown(any_rig, pucker=1)
    assert 0.15 < (any_rig.vertices - pursed)[[0, 17], BACK].min() < 0.3
    gap, before = (lip_gap(v) for v in (pursed, any_rig.vertices))
    assert gap < 0.25 * before + 0.01
    wide = posed(any_rig, mouth_stretch_left=1, mouth_stretch_right=1)
    # A mouth that is drawn wide already has less way to go.
    assert np.linalg.norm(wide[61] - wide[291]) > (1.2 if width < 0.65 else 1.1) * width
    assert move(any_rig, "brow_inner_up")[[55, 285], DOWN].max() < -0.05
    assert move(any_rig, "brow_outer_up_left")[283, DOWN] < -0.05
    assert move(any_rig, "brow_down_left")[285, DOWN] > 0.04
    assert move(any_rig, "nose_sneer_left")[358, DOWN] < -0.02
    assert move(any_rig, "cheek_puff")[[205, 425], BACK].max() < -0.03
    assert move(any_rig, "mouth_upper_up_left")[[312, 311], DOWN].max() < -0.02
    assert move(any_rig, "mouth_lower_down_left")[[317, 402], DOWN].min() > 0.02
    assert move(any_rig, "mouth_roll_lower")[17, BACK] > 0.02
    tongue = move(any_rig, "tongue_out")[any_rig.vertex_part == PART["tongue"]]
    assert tongue[:, BACK].min() < -0.2
    assert np.abs(move(any_rig, "tongue_out")[:FACE]).max() == 0


@pytest.mark.parametrize("side, sign", [("left", 1), ("right", -1)])
def test_looking_turns_the_eyeball(any_rig, side, sign):
    pole = int(np.flatnonzero(any_rig.vertex_part == PART[f"eye_{side}"])[0])
    assert sign * move(any_rig, f"eye_look_out_{side}")[pole, LEFT] > 0.03
    assert sign * move(any_rig, f"eye_look_in_{side}")[pole, LEFT] < -0.03
    assert move(any_rig, f"eye_look_down_{side}")[pole, DOWN] > 0.03
    assert move(any_rig, f"eye_look_up_{side}")[pole, DOWN] < -0.03


@pytest.mark.parametrize("name", sorted(EXPRESSIONS))
def test_no_expression_folds_what_the_portrait_shows(any_rig, name):
    faces = any_rig.faces[any_rig.part_faces("face", "shell")]

    def normals(vertices):
        a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
        normal = np.cross(b - a, c - a)
        return normal / np.linalg.norm(normal, axis=1, keepdims=True)

    before, after = normals(any_rig.vertices), normals(posed(any_rig, **{name: 1.0}))
    folded = ((before * after).sum(1) < 0) & (before[:, BACK] < -0.45)
    # Lips roll in, and slivers at the corners of the mouth may turn over; skin that faces the viewer may not.
    assert folded.sum() <= 8
    mouth = any_rig.vertices[[*MOUTH_CORNERS, UPPER_LIP, LOWER_LIP]].mean(0)
    assert (np.linalg.norm(any_rig.vertices[faces[folded]].mean(1) - mouth, axis=1) < 0.5).all()


def test_weights_are_clamped_and_unknown_names_are_named():
    assert expand({"smile": 1.0, "mouth_smile_left": 1.0}).max() == 1.0
    assert expand({"jaw_open": -3.0}).min() == 0.0
    assert expand({}).shape == (len(NAMES),) and not expand({}).any()
    with pytest.raises(KeyError, match="sneeze"):
        expand({"sneeze": 1.0})
