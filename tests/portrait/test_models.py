"""The models of faces by LiteRT: what stands for MediaPipe's operators, and that the whole says what MediaPipe says."""

import hashlib

import numpy as np
import pytest
import torch

from perse.bench.free_faces import free_face
from perse.face.landmarks import CHIN, EYE_CORNERS
from perse.portrait import blaze_face, models
from perse.portrait.landmarker import close_up
from perse.portrait.tflite import OPERATORS


@pytest.fixture(scope="module")
def pictures():
    """Faces from in front, on their side, small, with much room around, and nobody."""
    first, second = free_face("astronaut"), free_face("hopper, narrow")
    return {
        "astronaut": first,
        "on her side": np.ascontiguousarray(np.rot90(first)),
        "turned": close_up(first, (256, 256), 512, np.radians(25), 512)[0],
        "small": np.ascontiguousarray(second[::3, ::3]),
        "wide": np.concatenate([second, np.full_like(second, 128)], 1),
        "nobody": np.full((90, 160, 3), 90, np.uint8),
    }


@pytest.mark.slow
def test_they_say_what_mediapipe_says(pictures):
    """MediaPipe's own graphs on the same pictures. Landmarks were to agree within a tenth of a pixel; they do within a fiftieth."""
    solutions = pytest.importorskip("mediapipe.python.solutions")
    detectors = [solutions.face_detection.FaceDetection(model_selection=i, min_detection_confidence=0.3) for i in range(2)]
    mesh = solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.3)
    segmenter = solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
    for name, picture in pictures.items():
        height, width = picture.shape[:2]
        for full_range, detector in enumerate(detectors):
            theirs = detector.process(picture).detections or []
            ours = models.detect_faces(picture, bool(full_range))
            assert len(ours) == len(theirs), name
            for (score, box, points), their in zip(ours, theirs):
                place = their.location_data
                low = np.array([place.relative_bounding_box.xmin, place.relative_bounding_box.ymin]) * (width, height)
                np.testing.assert_allclose(score, their.score[0], atol=1e-3)
                np.testing.assert_allclose(box[:2], low, atol=0.02)
                np.testing.assert_allclose(points, [(p.x * width, p.y * height) for p in place.relative_keypoints], atol=0.02)
        found = mesh.process(picture).multi_face_landmarks
        landmarks = models.mesh_face(picture)
        assert (landmarks is None) == (not found), name
        if landmarks is not None:
            want = np.array([(p.x * width, p.y * height, p.z * width) for p in found[0].landmark])
            np.testing.assert_allclose(landmarks, want, atol=0.02, err_msg=name)
        np.testing.assert_allclose(models.segment_person(picture), segmenter.process(picture).segmentation_mask, atol=2e-3, err_msg=name)


def test_a_face_is_found_where_it_is_however_it_is_asked_for(pictures):
    whole = models.mesh_face(pictures["astronaut"])
    box = np.ptp(whole[:, :2], 0).max()
    part, to_photo = close_up(pictures["astronaut"], (whole[:, :2].min(0) + whole[:, :2].max(0)) / 2, 2 * box, 0.0, 320)
    again = models.mesh_face_at(part, 2.0)[:, :2] @ to_photo[:, :2].T + to_photo[:, 2]
    assert np.abs(again - whole[:, :2]).mean() < 0.01 * box
    turned = models.mesh_face(pictures["turned"])
    across, upright = turned[EYE_CORNERS[1]] - turned[EYE_CORNERS[0]], whole[EYE_CORNERS[1]] - whole[EYE_CORNERS[0]]
    angle = np.degrees(np.arctan2(across[1], across[0]) - np.arctan2(upright[1], upright[0]))
    assert abs(angle + 25) < 2 and turned[CHIN, 1] > turned[EYE_CORNERS[0], 1]
    assert models.mesh_face(pictures["nobody"]) is None and models.mesh_face_at(np.full((64, 64, 3), 90, np.uint8), 1.5) is None


def test_boxes_over_one_another_are_one_face():
    box = np.array([0.1, 0.1, 0.3, 0.3])
    values = np.stack([np.r_[box + shift, np.full(12, shift)] for shift in (0.0, 0.02, 0.5)])
    (first, merged), (second, apart) = blaze_face._merged(np.array([0.9, 0.6, 0.7]), values)
    assert (first, second) == (0.9, 0.7)
    np.testing.assert_allclose(merged, 0.6 * values[0] + 0.4 * values[1])
    np.testing.assert_allclose(apart, values[2])


@pytest.mark.parametrize(("kind", "count"), [(blaze_face.SHORT, 896), (blaze_face.FULL, 2304)])
def test_anchors_fill_the_picture_evenly(kind, count):
    places = blaze_face.anchors(kind)
    assert places.shape == (count, 2) and np.allclose(places.mean(0), 0.5) and places.min() > 0 and places.max() < 1


def test_a_crop_of_features_is_what_torch_samples():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(1, 12, 9, 3)).astype(np.float32)
    matrix = np.eye(4, dtype=np.float32)[None]
    matrix[0, :2, :2], matrix[0, :2, 3] = [[0.5, 0.1], [-0.1, 0.6]], [2.0, 3.0]
    (found,) = OPERATORS["TransformTensorBilinear"]({"output_height": 5, "output_width": 7})(features, matrix)
    y, x = np.mgrid[:5, :7] + 0.5
    places = (np.stack([x, y], -1) @ matrix[0, :2, :2].T + matrix[0, :2, 3]) / (9, 12) * 2 - 1
    grid = torch.from_numpy(places[None].astype(np.float32))
    want = torch.nn.functional.grid_sample(torch.from_numpy(features).permute(0, 3, 1, 2), grid, align_corners=False)
    np.testing.assert_allclose(found, want.permute(0, 2, 3, 1), atol=1e-5)
    matrix[0, :2, 3] = 100
    assert not OPERATORS["TransformTensorBilinear"]({"output_height": 5, "output_width": 7})(features, matrix)[0].any()


def test_a_transposed_convolution_is_torchs():
    rng = np.random.default_rng(1)
    features, kernel, bias = (rng.normal(size=s).astype(np.float32) for s in ((1, 4, 5, 6), (2, 2, 2, 6), (2,)))
    (found,) = OPERATORS["Convolution2DTransposeBias"]({})(features, kernel, bias)
    weights = torch.from_numpy(kernel).permute(3, 0, 1, 2)
    want = torch.nn.functional.conv_transpose2d(torch.from_numpy(features).permute(0, 3, 1, 2), weights, torch.from_numpy(bias), stride=2)
    np.testing.assert_allclose(found, want.permute(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
def test_a_crop_around_landmarks_is_level_and_holds_them(angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ends = np.array([(-3, 0), (3, 0), (0, -1), (0, 2)]) @ turn.T + (20, 30)
    landmarks = np.concatenate([ends, np.zeros((4, 1))], 1)[None].astype(np.float32)
    options = {"subset_idxs": [0, 1, 2, 3], "left_rotation_idx": 0, "right_rotation_idx": 1, "target_rotation_radians": 0.0}
    options |= {"output_width": 16, "output_height": 8, "scale_x": 2.0, "scale_y": 1.0}
    (matrix,) = OPERATORS["Landmarks2TransformMatrix"](options)(landmarks)
    back = np.linalg.inv(matrix[0])
    placed = ends @ back[:2, :2].T + back[:2, 3]
    np.testing.assert_allclose(placed, [(4, 8 / 3), (12, 8 / 3), (8, 0), (8, 8)], atol=1e-4)
    (moved,) = OPERATORS["TransformLandmarks"]({})(placed[None].astype(np.float32), matrix)
    np.testing.assert_allclose(moved[0], ends, atol=1e-4)


# As MediaPipe's wheel 0.10.21 has them.
SUMS = {
    "face_detection_full_range_sparse.tflite": "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    "face_detection_short_range.tflite": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "face_landmark_with_attention.tflite": "e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4",
    "selfie_segmentation.tflite": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}


def test_the_models_are_mediapipes():
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in models.FOLDER.iterdir()} == SUMS
