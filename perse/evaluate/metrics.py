"""What is measured between a true frame and a picture that should equal it.

Distances are per cent of the true frame's outer eye-corner distance. Landmarks of both are detected in the same way.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from ..face.alignment import procrustes
from ..face.landmarks import CHIN, EYE, FACE, FACE_OUTLINE, MOUTH_CORNERS, STABLE
from ..face.measures import distance, eye_distance, face_height, lid_gap, lip_gap
from ..face.triangles import canonical
from ..portrait import face_landmarks
from ..portrait.models import segment_person

BELOW_CHIN = 0.08  # of the face height: where the head ends
SEGMENTED = 3.2  # of the face height: side of the square in which the person is segmented
SPAN = 255.0  # of grey levels
NAMES = ("psnr_head", "ssim_head", "psnr_face", "psnr_person", "akd", "mouth_err", "eye_err", "gaze_err", "pose_err", "sil_iou", "sharp")


@dataclass(frozen=True)
class Truth:
    """A true frame: image (H, W, 3) uint8, landmarks (478, 3) pixels, head, face and person masks (H, W) bool."""

    image: np.ndarray
    landmarks: np.ndarray
    head: np.ndarray
    face: np.ndarray
    person: np.ndarray

    @staticmethod
    def of(image: np.ndarray, landmarks: np.ndarray) -> "Truth":
        """Segment a frame whose landmarks are known."""
        face = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(face, [np.round(landmarks[FACE_OUTLINE, :2] - 0.5).astype(np.int32)], 1)
        head = head_mask(image, landmarks)
        return Truth(image, landmarks, head, face > 0, head | (segment_person(image) > 0.5))


def head_mask(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(H, W) bool: the person, segmented in a square around the face, cut 8 % of the face height below the chin."""
    height, width = image.shape[:2]
    low, high = landmarks[:FACE, :2].min(0), landmarks[:FACE, :2].max(0)
    tall = face_height(landmarks[:, :2])
    x0, y0 = np.clip((low + high) / 2 - SEGMENTED / 2 * tall, 0, None).astype(int)
    x1, y1 = ((low + high) / 2 + SEGMENTED / 2 * tall + 1).astype(int)
    x1, y1 = min(x1, width), min(y1, height)
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = segment_person(np.ascontiguousarray(image[y0:y1, x0:x1])) > 0.5
    cut = int(np.ceil(landmarks[CHIN, 1] + BELOW_CHIN * tall))
    mask[max(cut, 0) :] = False
    return mask


def measure(truth: Truth, image: np.ndarray) -> dict[str, float] | None:
    """All metrics of one picture (H, W, 3) uint8, or None if no face is found in it.

    psnr_head, psnr_face: dB over the true head mask / the polygon of the face outline.
    psnr_person: dB over the true person's mask, segmented in the whole frame: head, neck, shoulders and whatever else is seen of them.
    ssim_head: mean of the SSIM map (Wang et al. 2004, Gaussian window, grey levels) over the true head mask.
    akd: mean distance of the 468 face landmarks.
    mouth_err: mean error of the mouth's opening (13 to 14) and width (61 to 291).
    eye_err: mean error of the two eyes' lid gaps, averaged along the lids.
    gaze_err: mean error of the irises' offset from the middle of their eye's corners.
    pose_err: angle in degrees between the head rotations (Procrustes fit of the mean face to the landmarks).
    sil_iou: intersection over union of the head masks, both segmented and cut alike.
    sharp: energy of the Laplacian inside the eroded true head mask, as a share of the true frame's.
    """
    found = face_landmarks(image, truth.landmarks)
    if found is None:
        return None
    true, seen = truth.landmarks, found
    unit = eye_distance(true[:, :2]) / 100
    squared = ((image.astype(np.float32) - truth.image) ** 2).mean(-1)
    grey = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (truth.image, image)]
    _, similarity = structural_similarity(*grey, data_range=SPAN, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True)
    other = head_mask(image, true)
    inner = cv2.erode(truth.head.astype(np.uint8), np.ones((7, 7))) > 0
    energy = [float((cv2.Laplacian(g, cv2.CV_32F)[inner] ** 2).mean()) if inner.any() else 0.0 for g in grey]
    return {
        "psnr_head": _psnr(squared, truth.head),
        "ssim_head": float(similarity[truth.head].mean()) if truth.head.any() else 1.0,
        "psnr_face": _psnr(squared, truth.face),
        "psnr_person": _psnr(squared, truth.person),
        "akd": float(np.linalg.norm(true[:FACE, :2] - seen[:FACE, :2], axis=1).mean() / unit),
        "mouth_err": float(np.abs(_mouth(true) - _mouth(seen)).mean() / unit),
        "eye_err": float(np.abs(_lids(true) - _lids(seen)).mean() / unit),
        "gaze_err": float(np.linalg.norm(_gaze(true) - _gaze(seen), axis=1).mean() / unit),
        "pose_err": _angle(_rotation(true), _rotation(seen)),
        "sil_iou": float((truth.head & other).sum() / max((truth.head | other).sum(), 1)),
        "sharp": energy[1] / max(energy[0], 1e-6),
    }


def _psnr(squared: np.ndarray, mask: np.ndarray) -> float:
    return float(10 * np.log10(SPAN**2 / max(squared[mask].mean() if mask.any() else 0.0, 1e-2)))


def _mouth(landmarks: np.ndarray) -> np.ndarray:
    points = landmarks[:, :2]
    return np.array([lip_gap(points), distance(points, *MOUTH_CORNERS)])


def _lids(landmarks: np.ndarray) -> np.ndarray:
    return np.array([lid_gap(landmarks[:, :2], side) for side in EYE])


def _gaze(landmarks: np.ndarray) -> np.ndarray:
    corners = [landmarks[[e["outer"], e["inner"]], :2].mean(0) for e in EYE.values()]
    return landmarks[[e["iris"][0] for e in EYE.values()], :2] - corners


def _rotation(landmarks: np.ndarray) -> np.ndarray:
    return procrustes(canonical()[0][STABLE], landmarks[STABLE].astype(np.float64))[1]


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1, 1))))
