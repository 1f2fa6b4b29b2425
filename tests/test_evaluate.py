import json

import cv2
import numpy as np
import pytest
import skimage.data

from perse.cli import main
from perse.controls import Controls
from perse.errors import PerseError
from perse.evaluate.baselines import landmark_warp, similarity, static
from perse.evaluate.metrics import NAMES, Truth, measure
from perse.evaluate.reenact import chosen_frames, evaluate, reenact
from perse.face.landmarks import CHIN, FOREHEAD_TOP, NOSE_FRONT
from perse.face.measures import eye_distance, face_height
from perse.motion.driving.drive import follow
from perse.motion.motion import Motion
from perse.pipeline import PersePipeline
from perse.portrait import face_landmarks
from perse.render.video import VideoWriter
from perse.renderer import Renderer
from perse.tracking.track import track


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def points(picture) -> np.ndarray:
    return face_landmarks(picture)


@pytest.fixture(scope="module")
def truth(picture, points) -> Truth:
    return Truth.of(picture, points)


@pytest.fixture(scope="module")
def avatar(plain_avatar):
    return plain_avatar


@pytest.fixture(scope="module")
def clip(avatar, tmp_path_factory):
    """The avatar turns its head, smiles and looks aside, in the portrait's own frame."""
    path = tmp_path_factory.mktemp("clips") / "turn.mp4"

    def at(i):
        share = i / 15
        return Controls(head_yaw=14 * share, expression={"smile": 0.7 * share}, gaze_yaw=8 * share)

    pipeline = PersePipeline.from_pretrained(device="cpu")
    pipeline.video(avatar, Motion(16, 20.0, at), path, background="original", framing="source")
    return path


def test_a_picture_equals_itself(truth, picture):
    values = measure(truth, picture)
    assert set(values) == set(NAMES)
    assert values["psnr_head"] > 60 and values["ssim_head"] > 0.999
    assert values["akd"] < 0.3 and values["pose_err"] < 0.3
    assert values["sil_iou"] == 1.0
    assert values["sharp"] == pytest.approx(1.0)


def test_a_shift_is_measured_in_eye_distances(truth, picture, points):
    unit = eye_distance(points[:, :2])
    matrix = np.float32([[1, 0, 4], [0, 1, 0]])
    moved = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    values = measure(truth, moved)
    assert values["akd"] == pytest.approx(100 * 4 / unit, rel=0.1)
    assert values["gaze_err"] < 1.0 and values["mouth_err"] < 1.0
    assert values["psnr_head"] < 30


def test_blur_is_seen_by_sharp(truth, picture):
    assert measure(truth, cv2.GaussianBlur(picture, (0, 0), 1.5))["sharp"] < 0.5


def test_no_face_is_a_failure(truth, picture):
    assert measure(truth, np.full_like(picture, 120)) is None


def test_head_mask_ends_below_the_chin(truth, points):
    rows = np.flatnonzero(truth.head.any(1))
    tall = face_height(points[:, :2])
    assert rows.max() == pytest.approx(points[CHIN, 1] + 0.08 * tall, abs=2)
    assert rows.min() < points[FOREHEAD_TOP, 1]
    assert truth.head[truth.face].mean() > 0.98


def test_similarity_undoes_a_similarity(picture, points):
    matrix = cv2.getRotationMatrix2D((230, 120), 8, 1.05)
    moved = cv2.warpAffine(picture, matrix, picture.shape[1::-1])
    target = points.copy()
    target[:, :2] = (points[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5
    inner = np.s_[60:180, 170:280]
    assert np.abs(similarity(picture, points, target)[inner].astype(int) - moved[inner]).mean() < 3
    assert static(picture, points, target) is picture


def test_landmark_warp_moves_what_the_landmarks_say(picture, points):
    assert np.abs(landmark_warp(picture, points, points).astype(int) - picture).mean() < 0.5
    target = points.copy()
    target[:, 0] += 3
    warped = landmark_warp(picture, points, target)
    x, y = points[NOSE_FRONT, :2].astype(int)
    patch = np.s_[y - 20 : y + 20, x - 20 : x + 20]
    assert np.abs(np.roll(picture, 3, 1)[patch].astype(int) - warped[patch]).mean() < 2
    assert (warped[-4:, -4:] == picture[-4:, -4:]).mean() > 0.5


@pytest.mark.parametrize("count, step, frames", [(16, 5, 3), (225, 5, 40), (352, 8, 40), (4000, 100, 39)])
def test_at_most_forty_frames_are_measured(count, step, frames):
    chosen = chosen_frames(count)
    assert len(chosen) == frames
    assert chosen[0] == step and np.diff(chosen).min() == step


@pytest.fixture(scope="module")
def followed(avatar, clip):
    """What `reenact` takes to compare the avatar with its clip."""
    tracked = track(clip)
    return Renderer(avatar, background="original", framing="source"), clip, tracked, follow(avatar, tracked)


@pytest.mark.slow
def test_an_avatar_follows_its_own_clip(followed):
    seen = []
    report = reenact(*followed, show=lambda index, pictures: seen.append((index, sorted(pictures))))
    means = report["means"]
    assert means["avatar"]["fail"] == 0
    assert means["avatar"]["akd"] < 1.3
    # The detector itself is uncertain by about a degree on an avatar that was fitted for seconds.
    assert means["avatar"]["pose_err"] < min(2.0, 0.5 * means["similarity"]["pose_err"]), [means[m]["pose_err"] for m in means]
    for baseline in ("static", "similarity", "landmark_warp"):
        assert means["avatar"]["psnr_head"] > means[baseline]["psnr_head"], baseline
    assert means["avatar"]["akd"] < means["similarity"]["akd"] < means["static"]["akd"]
    assert [row["frame"] for row in report["per_frame"]["avatar"]] == [5, 10, 15]
    assert seen == [(i, ["avatar", "landmark_warp", "similarity", "static", "true"]) for i in (5, 10, 15)]
    json.dumps(report)


@pytest.mark.slow
def test_pictures_can_be_compared_at_a_smaller_size(followed):
    report = reenact(*followed, size=256)
    assert report["size"] == [256, 256]
    assert report["means"]["avatar"]["fail"] == 0


def test_a_short_clip_and_a_bad_size_are_refused(picture, clip, tmp_path):
    pipeline = PersePipeline.from_pretrained(device="cpu")
    path = tmp_path / "short.mp4"
    with VideoWriter(path, 512, 512, 10) as video:
        for _ in range(3):
            video.write(picture)
    with pytest.raises(PerseError, match="3 frames"):
        evaluate(pipeline, path)
    with pytest.raises(PerseError, match="size"):
        evaluate(pipeline, clip, size=10)


def test_the_command_line_says_what_is_wrong(tmp_path, capsys):
    path = tmp_path / "none.mp4"
    assert main(["evaluate", str(path)]) == 2
    assert "none.mp4" in capsys.readouterr().err
