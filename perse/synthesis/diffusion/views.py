"""Generated views and expressions of the same person: they teach what the photo does not show, and nothing that it shows."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ...face.alignment import angles_of, for_opencv, procrustes
from ...face.landmarks import FACE, STABLE
from ...portrait.networks.identity import SAME_PERSON
from ...render.camera import Camera
from ...render.mesh import rasterize_ids, render_mesh
from ...rig.expressions import expand
from ...rig.pose_fit import lift
from ...rig.rig import Rig
from ...rig.skeleton import PART
from ...texture.atlas import ATLAS, Texture, sample
from ...tracking.solve import Face, Fixed, solve
from ..base import Frame
from ..procedural import Studio
from ..rerender import render_frame, to_frame
from .compose import match_colours
from .filters import Inspector, Verdict, find_landmarks, refused
from .prompts import Look

# Frames of real clips misfit their own first frame by 0.007 to 0.034 and look alike by 0.86 to 0.99; four other people's portraits
# by 0.019 to 0.050 and by at most 0.57: looks tell people apart, landmarks alone hardly do.
MISFIT = 0.045  # RMS distance of the landmarks to the person's own head in the found pose and expression
ALIKE = 0.65
TURN_LEAST, TURN_MOST = 0.35, 1.8  # of the asked angle
STILL = 14.0  # degrees that a head may turn unasked
EXPRESSION_LEAST = 0.25  # of the asked movement, which the landmarks understate for lids
TONE = 0.14  # mean change of the face's colour: more is another light
NEW_LEAST = 0.004  # share of the picture that must be new


@dataclass
class Posed:
    """camera (S, S): the picture's, its viewmat the head's pose; weights (E,) of the blendshapes; misfit in eye
    distances; yaw, pitch: degrees against the portrait."""

    camera: Camera
    weights: np.ndarray
    misfit: float
    yaw: float
    pitch: float


def pose_of(landmarks: np.ndarray, rig: Rig, size: int) -> Posed:
    """Pose and expression of this very person in another picture (landmarks (478, 3), size x size pixels)."""
    points, K, scale = lift(landmarks.astype(np.float64), (size, size), distance=float(rig.camera.viewmat[2, 3]))
    unit, rotation, shift = procrustes(rig.vertices[STABLE].astype(np.float64), points[STABLE])
    shift = shift / unit
    face = Face.of(rig)
    nothing = Fixed(np.zeros((0, 3)), np.zeros((1, 0, 2)), np.zeros((1, 0), bool))
    fit = solve(face, landmarks[None, :FACE, :2].astype(np.float64), nothing, K, rotation[None], shift[None], lambda w, *_: w)
    viewmat = np.eye(4)
    viewmat[:3, :3], viewmat[:3, 3] = fit.rotation[0], fit.shift[0]
    camera = Camera(viewmat, K, size, size)
    xy, _ = camera.project(face.pose(fit.weights)[0])
    misfit = float(np.sqrt(((xy - landmarks[:FACE, :2]) ** 2).sum(1).mean())) / scale
    yaw, pitch, _ = np.degrees(angles_of(fit.rotation[0] @ rig.camera.viewmat[:3, :3].T))
    return Posed(camera, fit.weights[0].astype(np.float32), misfit, float(yaw), float(pitch))


def judge_look(raw: np.ndarray, look: Look, inspector: Inspector, rig: Rig, texture: Texture) -> tuple[Verdict, Posed | None]:
    """Is it this person, in the asked pose and expression, in the same light?"""
    landmarks = find_landmarks(raw)
    if landmarks is None:
        return refused("no face was found in it"), None
    posed = pose_of(landmarks, rig, raw.shape[0])
    likeness = inspector.same_person(raw, landmarks)
    alike = appearance(raw, posed, rig, texture)
    # In profile half of the landmarks are guessed; and the embedding was made for faces seen from the front.
    most = MISFIT if abs(look.yaw) < 40 else 1.3 * MISFIT
    if posed.misfit > most or alike < ALIKE or likeness < (SAME_PERSON if look.yaw == 0 else 0.6 * SAME_PERSON):
        return refused("it shows another face", misfit=posed.misfit, alike=alike, likeness=likeness), None
    for what, asked, got in (("turned", look.yaw, posed.yaw), ("tilted", look.pitch, posed.pitch)):
        wrong = abs(got) > STILL if asked == 0 else not TURN_LEAST <= got / asked <= TURN_MOST
        if wrong:
            return refused(f"the head is {what} by {got:.0f} degrees instead of {asked:.0f}", angle=got), None
    if look.expression:
        reached = _reached(posed.weights, look, rig)
        if reached < EXPRESSION_LEAST:
            return refused("the expression is not the one asked for", reached=reached), None
    tone = float(np.abs(_tone(raw, landmarks) - _tone(inspector.portrait.image, inspector.portrait.landmarks)).mean())
    if tone > TONE:
        return refused("the light is another", tone=tone), None
    measures = {"misfit": posed.misfit, "alike": alike, "yaw": posed.yaw, "pitch": posed.pitch, "tone": tone}
    return Verdict(True, picture=raw, landmarks=landmarks, measures=measures), posed


def _reached(weights: np.ndarray, look: Look, rig: Rig) -> float:
    """How much of the asked expression is there, by what it moves: several shapes may add up to one expression."""
    face = Face.of(rig)
    rest, asked, found = face.pose(np.stack([0 * weights, expand(dict(look.expression)), weights]).astype(np.float64))
    return float(((found - rest) * (asked - rest)).sum() / ((asked - rest) ** 2).sum())


def _tone(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Median colour (3,) at the landmarks inside the face."""
    return np.median(sample(image, landmarks[None, :FACE, :2])[0], axis=0)


def look_frame(raw: np.ndarray, posed: Posed, studio: Studio, weight: float) -> Frame | None:
    """A frame of the unedited person in the generated pose: re-rendered, with the generated pixels where the photo shows
    nothing. None if it shows nothing new.

    Args:
        weight: of the frame in training.
    """
    rig, size = studio.rig, studio.plan.size
    camera = Camera(posed.camera.viewmat, studio.camera.K, size, size)
    pose = {"weights": posed.weights, "head": np.zeros(3, np.float32), "gaze": np.zeros(2, np.float32)}
    vertices = studio._vertices(pose, None)
    image, alpha = render_frame(rig, vertices, studio.rgba, camera)
    picture = retaken(raw, posed.camera, camera)
    unseen, head = _new(rig, studio.texture, vertices, camera)
    known = (head > 0.9) & (unseen < 0.1) & (alpha > 0.95)
    picture = match_colours(picture, image, known)
    trust = cv2.GaussianBlur(cv2.erode(unseen * (head > 0.9), np.ones((3, 3))), (0, 0), 0.006 * size) * (alpha > 0.95)
    if trust.mean() < NEW_LEAST:
        return None
    frame = to_frame(image + trust[..., None] * (picture - image), alpha, None, camera, pose)
    frame.weight = weight
    return frame


def retaken(raw: np.ndarray, taken: Camera, wanted: Camera) -> np.ndarray:
    """The picture as another lens at the same place would have taken it, (H, W, 3)."""
    to = wanted.K.astype(np.float64) @ np.linalg.inv(taken.K.astype(np.float64))
    reduction = 1 / to[0, 0]
    if reduction > 1:
        raw = cv2.GaussianBlur(raw, (0, 0), 0.45 * np.sqrt(reduction**2 - 1) + 1e-3)
    return cv2.warpAffine(
        raw.astype(np.float32), for_opencv(to[:2]), (wanted.width, wanted.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _new(rig: Rig, texture: Texture, vertices: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """How little the photo shows of what a picture shows (H, W), and where the head is in it (H, W)."""
    unseen = np.clip(1 - 1.6 * texture.seen, 0, 1)
    body = (rig.face_part == PART["body"])[np.maximum(texture.faces, 0)] | (texture.faces < 0)
    maps = np.stack([unseen, 1.0 - body], -1).astype(np.float32)
    image, _, _ = render_mesh(vertices, rig.faces.astype(np.int32), rig.uvs, maps, camera, 1)
    return image[..., 0], image[..., 1]


def complete(texture: Texture, rig: Rig, views: list[tuple[np.ndarray, Posed]]) -> float:
    """Paint what the photo does not show of face and skull from accepted views, in place.

    Args:
        texture: the portrait's; `color` changes where `seen` is low, nothing else.
        views: generated pictures (S, S, 3) and their poses.

    Returns:
        the share of the unseen texels of face and skull that were painted.
    """
    parts = np.isin(rig.face_part, [PART["face"], PART["shell"]])
    chart = (texture.faces >= 0) & parts[np.maximum(texture.faces, 0)]
    index = np.nonzero(chart)
    face, bary = texture.faces[index], texture.bary[index]
    unseen = np.clip(1 - 1.6 * texture.seen[index], 0, 1)
    color, total = np.zeros((len(face), 3)), np.zeros(len(face))
    poser = rig.poser()
    for picture, posed in views:
        with torch.no_grad():
            vertices = poser(torch.from_numpy(posed.weights)).numpy()
        corners = vertices[rig.faces[face]]
        points = np.einsum("nk,nkc->nc", bary, corners)
        xy, depth = posed.camera.project(points)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        toward = posed.camera.viewmat[:3, :3].T @ -posed.camera.viewmat[:3, 3] - points
        facing = (normal * toward).sum(1) / (np.linalg.norm(normal, axis=1) * np.linalg.norm(toward, axis=1) + 1e-9)
        ids, front = rasterize_ids(vertices, rig.faces.astype(np.int32), posed.camera)
        nearest = posed.camera.to_camera(np.einsum("hwk,hwkc->hwc", front, vertices[rig.faces[np.maximum(ids, 0)]]).reshape(-1, 3))[:, 2]
        # Near the outline a pixel may be the background's.
        solid = cv2.erode((ids >= 0).astype(np.float32), np.ones((9, 9)))
        shown = (depth < sample(nearest.reshape(ids.shape), xy[None])[0] + 0.03) * sample(solid, xy[None])[0]
        weight = np.clip((facing - 0.15) / 0.4, 0, 1) * shown
        matched = sample(picture, xy[None])[0]
        # One light: what both show must agree in the mean.
        both = weight * texture.seen[index]
        if both.sum() > 200:
            matched = matched + ((texture.color[index] - matched) * both[:, None]).sum(0) / both.sum()
        color += weight[:, None] * matched
        total += weight
    share = unseen * np.clip(total / 0.3, 0, 1)
    painted = np.clip(color / np.maximum(total, 1e-6)[:, None], 0, 1)
    texture.color[index] += (share[:, None] * (painted - texture.color[index])).astype(np.float32)
    return float(share.sum() / max(unseen.sum(), 1e-6))


def appearance(picture: np.ndarray, posed: Posed, rig: Rig, texture: Texture) -> float:
    """How alike the person looks: correlation of the colours of face and hair in the picture (S, S, 3) with those in the
    photo, triangle by triangle, where both show them; 1 is the same picture on the same head, in whatever light."""
    faces = rig.part_faces("face", "shell")
    with torch.no_grad():
        vertices = rig.poser()(torch.from_numpy(posed.weights)).numpy()
    ids, _ = rasterize_ids(vertices, rig.faces.astype(np.int32), posed.camera)
    shown = np.bincount(ids[ids >= 0], minlength=len(rig.faces))[faces] > 3
    uv = rig.uvs[faces].mean(1)[None] * ATLAS
    use = shown & (sample(texture.seen, uv)[0] > 0.5)
    if use.sum() < 100:
        return 0.0
    xy, _ = posed.camera.project(vertices[rig.faces[faces[use]]].mean(1))
    soft = cv2.GaussianBlur(picture, (0, 0), 1.5)
    a, b = sample(soft, xy[None])[0], sample(cv2.GaussianBlur(texture.color, (0, 0), 2.0), uv[:, use])[0]
    return float(np.mean([np.corrcoef(a[:, c], b[:, c])[0, 1] for c in range(3)]))
