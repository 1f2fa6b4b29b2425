import json
from dataclasses import replace

import numpy as np
import pytest

from perse.controls import Controls
from perse.errors import PerseError
from perse.face.landmarks import EYE, FACE, MOUTH_CORNERS
from perse.face.measures import lid_gap, lip_gap
from perse.media import Clip
from perse.motion.driving.drive import drive, follow
from perse.motion.motion import Motion
from perse.pipeline import PersePipeline
from perse.render.picture import encode_picture
from perse.render.video import VideoWriter
from perse.sound import Sound
from perse.tracking.track import track
from tests.hostile_clips import film

from .conftest import FPS, HOLD, POSES, middle

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def motion(avatar, known_clip):
    return drive(avatar, known_clip)


@pytest.fixture(scope="module")
def driven(motion):
    return list(motion)


def landmarks(avatar, controls) -> np.ndarray:
    """Landmarks (468, 3) of the posed rig in the head frame, eye distances."""
    state = avatar.state(controls)
    shape = None if state.detail is None else avatar.poser.spread(state.detail)
    return avatar.poser(state.weights, state.head, state.gaze, shape)[:FACE].numpy()


def lids(points: np.ndarray) -> float:
    return float(np.mean([lid_gap(points, side) for side in EYE]))


def test_motion_has_the_clips_rate_and_length(motion):
    assert motion.count == len(POSES) * HOLD
    assert motion.fps == pytest.approx(FPS)


def test_the_first_frame_is_the_portrait(driven):
    assert driven[0] == Controls()


def test_an_open_mouth_is_recovered(avatar, driven):
    shown = (driven[middle(1)], POSES[1], POSES[0])
    gap = [lip_gap(landmarks(avatar, c)) for c in shown]
    # Rows of teeth narrow the gap that the detector sees: the driver opens the mouth farther to show it as much.
    assert gap[0] - gap[2] == pytest.approx(gap[1] - gap[2], rel=0.4)
    assert driven[middle(1)].expression["jaw_open"] > 0.2


def test_a_smile_is_recovered(avatar, driven):
    expression = driven[middle(2)].expression
    assert expression["mouth_smile_left"] > 0.25 and expression["mouth_smile_right"] > 0.25
    rest = landmarks(avatar, POSES[0])
    seen, true = ((landmarks(avatar, c) - rest)[list(MOUTH_CORNERS)] for c in (driven[middle(2)], POSES[2]))
    # The portrait smiles already: of a wider smile the detector sees half, so that it pins the corners down only roughly.
    share = (seen * true).sum(1) / (true**2).sum(1)
    assert share.min() > 0.4 and np.abs(seen - true).max() < 0.045


def test_a_blink_closes_the_lids(avatar, driven):
    closed, true, open_ = (lids(landmarks(avatar, c)) for c in (driven[middle(3)], POSES[3], POSES[0]))
    assert true < 0.4 * open_  # the clip really shows a blink
    assert closed < 0.55 * open_


@pytest.mark.parametrize("pose", [4, 5])
def test_head_angles_are_recovered(driven, pose):
    true, seen = POSES[pose], driven[middle(pose)]
    for name in ("head_yaw", "head_pitch", "head_roll"):
        assert getattr(seen, name) == pytest.approx(getattr(true, name), abs=3.0), name


def test_gaze_is_recovered(driven):
    assert driven[middle(6)].gaze_yaw == pytest.approx(POSES[6].gaze_yaw, abs=6.0)
    assert abs(driven[middle(6)].gaze_pitch) < 5.0


def test_translation_is_recovered(driven):
    seen = driven[middle(7)]
    assert (seen.head_x, seen.head_y) == pytest.approx((0.2, -0.1), abs=0.03)


def test_the_shoulders_are_followed(avatar, tmp_path):
    """In the head's own framing: beyond its crop a photo stands still."""
    path = tmp_path / "leaning.mp4"
    poses = [Controls(), Controls(head_yaw=12.0), Controls(head_x=0.35, head_y=0.2, body_x=0.3, body_y=0.15), Controls(body_roll=5.0)]
    frames = [pose for pose in poses for _ in range(HOLD)]
    PersePipeline.from_pretrained(device="cpu").video(avatar, Motion(len(frames), FPS, lambda i: frames[i]), path)
    seen = list(drive(avatar, path))
    for pose, true in enumerate(poses):
        found = seen[middle(pose)]
        assert (found.head_x, found.head_y) == pytest.approx((true.head_x, true.head_y), abs=0.05), pose
        assert (found.body_x, found.body_y) == pytest.approx((true.body_x, true.body_y), abs=0.08), pose
        assert found.body_roll == pytest.approx(true.body_roll, abs=2.0), pose


def test_shoulders_that_are_not_seen_are_left_to_the_neck(avatar, known_clip):
    tracked = track(known_clip, seconds=0.2)
    blind = replace(tracked, body=tracked.body + 50.0, body_seen=np.zeros(len(tracked.body), bool))
    assert not follow(avatar, blind).body.any()


def test_shoulders_are_where_they_are_likely_to_be_between_frames_that_show_them(avatar, known_clip):
    tracked = track(known_clip, seconds=0.5)
    seen = np.arange(len(tracked.body)) % 2 == 0
    gaps = replace(tracked, body=np.where(seen[:, None, None], tracked.body, 9.0), body_seen=seen)
    np.testing.assert_allclose(follow(avatar, gaps).body[:, 3:5], follow(avatar, tracked).body[:, 3:5], atol=0.03)


def test_the_edit_stays_on(avatar, known_clip):
    motion = drive(avatar, known_clip, Controls(head_yaw=5.0, zoom=1.2), seconds=0.2)
    assert motion.at(0).zoom == 1.2
    assert motion.at(0).head_yaw == pytest.approx(5.0, abs=1.0)


def test_rate_and_length_can_be_chosen(avatar, known_clip):
    motion = drive(avatar, known_clip, fps=10.0, seconds=0.4)
    assert (motion.count, motion.fps) == (4, 10.0)


def test_controls_survive_json(driven):
    again = Controls.from_json(driven[middle(1)].to_json())
    assert again == driven[middle(1)]
    assert len(json.loads(again.to_json())["detail"]) == 3 * FACE


def filmed(path, frames, fps: float = FPS, sound=None):
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height, fps, sound=sound) as video:
        for frame in frames:
            video.write(frame)
    return path


def test_a_clips_own_sound_comes_along(avatar, known_clip, tmp_path):
    frames = [pixels for _, pixels in Clip(known_clip, frames=16)]
    noise = np.random.default_rng(2).uniform(-0.5, 0.5, 48_000).astype(np.float32)
    noise[: 48_000 * 4 // int(FPS)] = 0  # four frames of silence
    motion = drive(avatar, filmed(tmp_path / "loud.mp4", frames, sound=Sound(noise, 48_000)), fps=10.0)
    assert motion.sound is not None and motion.sound.seconds == pytest.approx(motion.count / motion.fps, abs=0.03)
    begins = (np.abs(motion.sound.samples) > 0.1).argmax() / motion.sound.rate
    assert begins == pytest.approx(4 / FPS, abs=0.5 / FPS)
    cut = drive(avatar, tmp_path / "loud.mp4", fps=10.0, seconds=0.4)
    assert cut.sound.seconds == pytest.approx(0.4, abs=0.03) and "first 0.4 seconds" in cut.notes[0]
    assert drive(avatar, known_clip, seconds=0.1).sound is None


def test_a_clip_that_begins_with_an_open_mouth_is_measured_from_a_calm_frame(avatar, hopper_avatar, tmp_path):
    """Driven by another: a clip that begins with the portrait itself is reproduced from its first frame on."""
    path, poses = tmp_path / "shouting.mp4", [Controls(expression={"jaw_open": 0.8})] * 6 + [Controls()] * 8
    PersePipeline.from_pretrained(device="cpu").video(hopper_avatar, Motion(len(poses), FPS, lambda i: poses[i]), path)
    seen = list(drive(avatar, path))
    assert seen[2].expression.get("jaw_open", 0) > 0.3
    assert all(frame.expression.get("jaw_open", 0) < 0.1 for frame in seen[-4:])


def test_another_face_is_nobodys_movement(avatar, known_clip, hopper, tmp_path):
    frames = [pixels for _, pixels in Clip(known_clip, frames=12)]
    other = np.asarray(hopper.crop((0, 0, 512, 512)).resize(frames[0].shape[1::-1]))
    motion = drive(avatar, filmed(tmp_path / "cut.mp4", [*frames[:6], *[other] * 5, *frames[6:]]))
    assert motion.count == 17 and any("Another face is seen for 0.2 s" in note or "for 0.3 s" in note for note in motion.notes)
    assert max(abs(frame.head_yaw) for frame in motion) < 2 and max(abs(frame.head_x) for frame in motion) < 0.1
    ends = drive(avatar, filmed(tmp_path / "ends.mp4", [*frames[:6], *[other] * 5]))
    assert ends.count == 6 and "ends there" in ends.notes[-1]


def test_times_go_by_the_stamps_whatever_the_file_says(avatar, known_clip, tmp_path):
    """As browsers record: no pace of its own, frames at thousandths of a second, some of them late."""
    frames = [pixels for _, pixels in Clip(known_clip)][: 5 * HOLD]
    times = [50 * i + (600 if i >= 4 * HOLD else 0) + (i * 7) % 5 for i in range(len(frames))]
    path = film(tmp_path / "browser.webm", size=frames[0].shape[1::-1], codec="libvpx", fps=1000, times=times, shown=frames, b="2M")
    motion = drive(avatar, path, fps=20.0)
    assert motion.count / motion.fps == pytest.approx(times[-1] / 1000 + 0.06, abs=0.1)
    yaw = np.array([frame.head_yaw for frame in motion])
    turned = (times[4 * HOLD] / 1000) * motion.fps
    assert np.abs(yaw[: int(turned) - 14]).max() < 4 and yaw[int(turned) + 2 :].min() > 9


def test_a_photo_drives_with_its_expression(hopper_avatar, astronaut, tmp_path):
    astronaut.save(tmp_path / "me.jpg")
    motion = drive(hopper_avatar, tmp_path / "me.jpg", seconds=1.0, fps=10.0)
    middle_of = motion.at(motion.count // 2)
    assert motion.count == 10 and not any(motion.at(0).expression.values()) and "photo" in motion.notes[0]
    assert middle_of.expression["mouth_smile_left"] > 0.3 and middle_of.head_yaw == 0
    (tmp_path / "wall.png").write_bytes(encode_picture(np.full((64, 64, 3), 90, np.uint8), ".png"))
    with pytest.raises(PerseError, match="No human face"):
        drive(hopper_avatar, tmp_path / "wall.png")


def test_an_absolute_transfer_takes_the_pose_over(avatar, known_clip):
    tracked = track(known_clip, seconds=(4 * HOLD + HOLD) / FPS)
    relative, absolute = (follow(avatar, tracked, is_absolute=a) for a in (False, True))
    assert absolute.head[middle(4), 0] == pytest.approx(relative.head[middle(4), 0], abs=3.0)  # she drives herself
    turned = follow(avatar, tracked, reference=middle(4), is_absolute=True)
    assert turned.head[middle(4), 0] == pytest.approx(15.0, abs=5.0) and abs(turned.head[2, 0]) < 5
    assert abs(follow(avatar, tracked, reference=middle(4)).head[middle(4), 0]) < 0.5


def test_a_clip_without_a_face_is_refused(avatar, tmp_path):
    path = tmp_path / "wall.mp4"
    with VideoWriter(path, 128, 128, 10) as video:
        for _ in range(4):
            video.write(np.full((128, 128, 3), 90, np.uint8))
    with pytest.raises(PerseError, match="No human face"):
        drive(avatar, path)


def test_a_file_that_is_no_video_is_refused(avatar, tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("no video")
    with pytest.raises(PerseError, match="notes.mp4"):
        drive(avatar, path)


def test_a_lost_face_keeps_the_last_pose(avatar, known_clip, tmp_path):
    path = tmp_path / "lost.mp4"
    clip = Clip(known_clip, frames=4)
    with VideoWriter(path, clip.width, clip.height, 10) as video:
        for _, frame in clip:
            video.write(frame)
        for _ in range(3):
            video.write(np.zeros_like(frame))
    motion = drive(avatar, path)
    assert motion.count == 7
    assert abs(motion.at(6).head_yaw) < 2.0
