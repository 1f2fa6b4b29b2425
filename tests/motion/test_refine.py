"""The closed loop: what a detector sees in the rendered frames comes to lie where it ought to."""

import numpy as np
import pytest

from perse.controls import BANDS, Controls
from perse.face.landmarks import FACE
from perse.face.measures import eye_distance
from perse.motion.driving import refine as refining
from perse.motion.driving.key_frames import choose, features, spread
from perse.motion.driving.refine import LOOKED_AT, MOST_LOOKS, projected, refine
from perse.pipeline import PersePipeline
from perse.portrait import track_landmarks
from perse.render.rasterize import rasterize
from perse.rig.expressions import expand
from perse.tracking.mouth_gap import between_lips
from perse.tracking.residual import LARGEST

from .conftest import HOLD, curves


def seen(avatar, controls) -> np.ndarray:
    """Landmarks (468, 2) that are found in a rendered frame, pixels of the avatar's camera."""
    size = 512
    picture = PersePipeline.from_pretrained(device="cpu").render(avatar, controls, size)
    return track_landmarks(picture)[:FACE, :2] * avatar.rig.camera.width / size


def refined(avatar, frames, beyond):
    """Frames of a driver whose mouth tells nothing, as Controls."""
    return list(refine(avatar, curves(frames), beyond, np.zeros((len(frames), BANDS)), np.zeros(len(frames))))


@pytest.fixture(scope="module")
def eye(avatar) -> float:
    """Outer-eye-corner distance in pixels of the avatar's camera."""
    rest = projected(avatar, Controls())
    return eye_distance(rest)


def test_landmarks_are_seen_nearer_to_where_they_ought_to_be(avatar, eye):
    poses = [Controls(), Controls(expression={"smile": 0.6}, head_yaw=12.0)]
    frames = [pose for pose in poses for _ in range(HOLD)]  # smoothing in time rounds corners
    better = refined(avatar, frames, np.zeros((len(frames), FACE + 2, 2)))
    for pose, state in zip(poses, better[HOLD // 2 :: HOLD]):
        target = projected(avatar, pose)[:FACE]
        before, after = (np.linalg.norm(seen(avatar, s) - target, axis=1).mean() / eye for s in (pose, state))
        assert after < 0.9 * before
    # Expression and head stay what they are; detail and gaze are the loop's business.
    for b, f in zip(better, frames):
        kept = {name: weight for name, weight in b.expression.items() if not name.startswith("eye_look")}
        assert b.head_yaw == f.head_yaw and expand(kept) == pytest.approx(expand(f.expression), abs=1e-4)
    assert all(np.abs(b.detail).max() <= LARGEST for b in better)


def test_what_the_driver_does_beyond_the_fit_is_followed(avatar, eye):
    beyond = np.zeros((1, FACE + 2, 2))
    beyond[:, [105, 66, 107, 63, 70, 334, 296, 336, 293, 300], 1] = -0.03 * eye  # brows up
    plain, raised = (refined(avatar, [Controls()], b)[0] for b in (np.zeros_like(beyond), beyond))
    lift = (np.reshape(raised.detail, (-1, 3)) - np.reshape(plain.detail, (-1, 3)))[[105, 334], 1]
    assert lift.max() < -0.005


def test_each_eye_is_followed(avatar, eye):
    beyond = np.zeros((1, FACE + 2, 2))
    plain = refined(avatar, [Controls()], beyond.copy())[0]
    beyond[:, FACE:, 0] = [[0.02 * eye, -0.02 * eye]]  # both towards the nose: the right eye's iris moves to the picture's right
    crossed = refined(avatar, [Controls()], beyond)[0]

    def inwards(controls):
        return sum(w * (1 if "_in_" in k else -1) for k, w in controls.expression.items() if k.startswith("eye_look"))

    assert inwards(crossed) > inwards(plain) + 0.2
    assert abs(crossed.gaze_yaw - plain.gaze_yaw) < 2.5


def test_a_frame_without_a_face_changes_nothing(avatar, monkeypatch):
    monkeypatch.setattr(refining, "mesh_face_at", lambda *_: None)
    frames = [Controls(), Controls(head_yaw=20.0)]
    assert refined(avatar, frames, np.zeros((2, FACE + 2, 2))) == frames


def test_few_frames_are_rendered_each_once(avatar, monkeypatch):
    rendered = []
    monkeypatch.setattr(refining, "rasterize", lambda cloud, camera, **how: rendered.append(camera) or rasterize(cloud, camera, **how))
    nod = [Controls(head_pitch=0.3 * i, expression={"jaw_open": 0.25 - 0.25 * np.cos(0.7 * i)}) for i in range(90)]
    assert all(f.detail for f in refined(avatar, nod, np.zeros((90, FACE + 2, 2))))
    assert len(rendered) == MOST_LOOKS and {camera.width for camera in rendered} == {LOOKED_AT}
    rendered.clear()
    refined(avatar, [Controls()] * 90, np.zeros((90, FACE + 2, 2)))
    assert len(rendered) == 1  # all the same: nothing is learnt from a second one


def test_frames_that_are_alike_share_what_was_found():
    rng = np.random.default_rng(0)
    frames = [Controls(head_yaw=20 * np.sin(0.05 * i), expression={"jaw_open": 0.5 + 0.5 * np.sin(0.13 * i)}) for i in range(300)]
    places = features(curves(frames))
    truth = np.stack([[f.head_yaw / 20 + f.expression["jaw_open"], f.expression["jaw_open"] ** 2] for f in frames])
    chosen = choose(places, 24)
    assert len(chosen) == 24 and chosen[0] == 0 and (np.diff(chosen) > 0).all()
    found = truth[chosen] + rng.normal(0, 0.02, (24, 2))
    even = np.linspace(0, 299, 24).astype(int)

    def farthest(few):
        return np.linalg.norm(places[:, None] - places[few], axis=-1).min(1).max()

    assert farthest(chosen) < farthest(even)
    assert np.abs(spread(places, chosen, found) - truth).mean() < 0.05
    assert spread(places, chosen[:1], found[:1]) == pytest.approx(np.repeat(found[:1], 300, 0))


def test_what_is_seen_far_away_is_a_misreading(avatar, eye):
    def lowered(by):
        beyond = np.zeros((1, FACE + 2, 2))
        beyond[:, [0, 11, 12, 13, 37, 267, 14, 15, 16, 17, 84, 314], 1] = by * eye
        return np.reshape(refined(avatar, [Controls()], beyond)[0].detail, (-1, 3))[[0, 17], 1].mean()

    still = lowered(0.0)
    assert lowered(0.4) - still < lowered(0.05) - still  # teeth for a lip: the mouth must not be torn down with it


@pytest.mark.parametrize("wanted", [-1.6, -0.4])
def test_the_mouth_shows_as_much_light_as_the_drivers(avatar, wanted):
    open_ = Controls(expression={"jaw_open": 0.6})
    darker = refine(avatar, curves([open_]), np.zeros((1, FACE + 2, 2)), np.full((1, BANDS), wanted), np.ones(1)).at(0)
    pipeline = PersePipeline.from_pretrained(device="cpu")

    def miss(controls):
        picture = pipeline.render(avatar, controls, 448)
        light, trust = between_lips(picture, track_landmarks(picture))
        assert trust == 1
        return np.abs(light - wanted).mean()

    assert miss(darker) < 0.95 * miss(open_)
    assert len(darker.mouth_light) == BANDS and refined(avatar, [open_], np.zeros((1, FACE + 2, 2)))[0].mouth_light == ()
