"""The person in a driving clip: their face in one frame, the first or a calmer one, laid over the avatar's, and what they do since."""

from dataclasses import dataclass

import numpy as np

from ...avatar.avatar import Avatar
from ...face.alignment import angles_of, procrustes
from ...face.alignment import rotation as turned_by
from ...face.landmarks import EYE, FACE, MOUTH_CORNERS, STABLE, lid_edges, lip_landmarks
from ...face.measures import distance, eye_distance, lid_gap
from ...face.triangles import canonical
from ...render.camera import Camera
from ...render.mesh import rasterize_ids
from ...rig.expressions import INDEX
from ...rig.eyes import Eyeball, build_eye
from ...rig.pose_fit import lift
from ...rig.skeleton import NECK_PIVOT, PART
from ...tracking.solve import Face, Fit, Fixed

# Proportions are carried over within these bounds; beyond them a first frame is an exception (a blink, a yawn).
PROPORTION = (0.6, 1.7)
# Above this blink the iris cannot be seen, and gaze is what it was before.
HIDDEN_EYE = 0.6


def lay_over(avatar: Avatar, first: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift (2,) that take pixels of the clip to those of the avatar's camera, such that the first frame's
    face (478, 3) lies where the portrait's does. A head that is tilted stays so."""
    rest, _ = avatar.rig.camera.project(avatar.rig.vertices[:FACE])
    here, there = first[STABLE, :2] - first[STABLE, :2].mean(0), rest[STABLE] - rest[STABLE].mean(0)
    scale = float(np.sqrt((there**2).sum() / (here**2).sum()))
    return scale, rest[STABLE].mean(0) - scale * first[STABLE, :2].mean(0)


def laid_over(maps: np.ndarray, scale: float, offset: np.ndarray) -> np.ndarray:
    """Maps (T, 2, 3) between pixels of the clip as maps between those of the avatar's camera; scale, offset: as `lay_over` gives them."""
    out = maps.copy()
    out[..., 2] = scale * maps[..., 2] + offset - maps[..., :2] @ offset
    return out


@dataclass
class Driver:
    """The driving person in the first frame: face; proportions (468,) against the avatar; landmarks
    points (478, 3) in the head's frame; pose of the head there (rotation (3, 3), shift (3,)); eyes by side, whose
    axes are read against those of the first frame; K (3, 3) of the avatar's camera, in whose pixels everything is measured."""

    face: Face
    proportions: np.ndarray
    points: np.ndarray
    rotation: np.ndarray
    shift: np.ndarray
    eyes: dict[str, Eyeball]
    K: np.ndarray

    @staticmethod
    def of(avatar: Avatar, first: np.ndarray) -> "Driver":
        """From the first frame's landmarks (478, 3) in pixels of the avatar's camera, with the avatar's blendshapes in the driver's
        proportions."""
        rig, K = avatar.rig, avatar.rig.camera.K.astype(np.float64)
        points, rotation, shift = _lifted(first, K, float(rig.camera.viewmat[2, 3]))
        proportions = _proportions(rig.vertices[:FACE], points[:FACE])
        basis = rig.blendshapes[:, :FACE].astype(np.float64) * proportions[:, None]
        viewmat = np.eye(4)
        viewmat[:3, :3], viewmat[:3, 3] = rotation, shift
        camera = Camera(viewmat, K, rig.camera.width, rig.camera.height)
        eyes = {side: build_eye(points, first, camera, side) for side in EYE}
        face = Face(points[:FACE], basis, rig.jaw[:FACE].astype(np.float64))
        return Driver(face, proportions, points, rotation, shift, eyes, K)

    def fixed(self, avatar: Avatar, still: np.ndarray, seen: np.ndarray, first: int = 0) -> Fixed:
        """Still points (T, M, 2) in pixels of the avatar's camera as points of the head; their depth is the rig's. first: the frame that the
        driver is known by."""
        rig = avatar.rig
        camera = rig.camera
        ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
        there = still[first]
        x, y = np.clip(np.round(there - 0.5).astype(int), 0, [camera.width - 1, camera.height - 1]).T
        hit = ids[y, x]
        inside = ((there >= 0) & (there < [camera.width, camera.height])).all(1)
        if first:
            inside &= seen[first]  # the frame that they were chosen in shows them all
        inside &= (hit >= 0) & np.isin(rig.face_part[hit], [PART["face"], PART["shell"]])
        corners = rig.vertices[rig.faces[np.maximum(hit, 0)]]
        depth = camera.to_camera(np.einsum("mk,mkc->mc", bary[y, x], corners))[:, 2:]
        points = _rays(there, self.K) * depth
        return Fixed(((points - self.shift) @ self.rotation)[inside], still[:, inside], seen[:, inside])

    def poses(self, landmarks: np.ndarray, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """A first guess of every frame's pose from the landmarks' own depth (T, 478, 3): rotations (T, 3, 3), shifts (T, 3). first: as in
        `fixed`."""
        rotations, shifts = [], []
        eye = eye_distance(landmarks[first])
        for frame in landmarks:
            scale, rotation, _ = procrustes(self.points[STABLE], frame[STABLE])
            rotations.append(rotation)
            # Nearer faces are larger; the first frame lies at the distance of its own pose.
            shifts.append(self.shift * [1, 1, eye / max(scale, 1e-6)])
        turn = rotations[first].T @ self.rotation
        return np.stack(rotations) @ turn, np.stack(shifts)

    def gaze(self, landmarks: np.ndarray, rotation: np.ndarray, shift: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Yaw and pitch (T, 2), radians, of the eyes since the first frame: where the rays through the irises meet the
        eyeballs, averaged over both eyes by how well each is seen.

        Args:
            landmarks: (T, 478, 3); rotation (T, 3, 3), shift (T, 3): the head's poses; weights: (T, E).
        """
        total, share = np.zeros((len(landmarks), 2)), np.zeros((len(landmarks), 1))
        for side, eye in self.eyes.items():
            ray = _rays(landmarks[:, EYE[side]["iris"][0], :2], self.K)
            ray = np.einsum("tji,tj->ti", rotation, ray / np.linalg.norm(ray, axis=1, keepdims=True))
            origin = -np.einsum("tji,tj->ti", rotation, shift)
            along = ((eye.centre - origin) * ray).sum(1, keepdims=True)
            offset = origin + along * ray - eye.centre
            inside = np.maximum(eye.radius**2 - (offset**2).sum(1, keepdims=True), 0)
            axis = offset - ray * np.sqrt(inside)
            angle = directions(axis) - directions(eye.axis[None])
            open_ = np.clip(1 - weights[:, INDEX[f"eye_blink_{side}"]] / HIDDEN_EYE, 0, 1)[:, None]
            # A foreshortened eye tells less.
            seen = open_ * np.clip(-(axis * ray).sum(1, keepdims=True) / eye.radius, 0.05, 1) ** 2
            total, share = total + seen * angle, share + seen
        gaze = total / np.maximum(share, 1e-6)
        hidden = share[:, 0] < 1e-3
        if hidden.any() and not hidden.all():
            known = np.flatnonzero(~hidden)
            gaze = np.stack([np.interp(np.arange(len(gaze)), known, gaze[known, k]) for k in (0, 1)], 1)
        return gaze

    def head(self, rotation: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """The head since the first frame, of its poses in the camera: yaw, pitch, roll in degrees about the neck, and its shift, (T, 6)."""
        pivot = rotation @ np.asarray(NECK_PIVOT) + shift
        moved = (pivot - self.shift) @ self.rotation - NECK_PIVOT
        return np.concatenate([np.degrees(angles_of(self.rotation.T @ rotation)), moved], 1)

    def body(self, moved: np.ndarray) -> np.ndarray:
        """The body since the first frame, of the similarities (T, 2, 3) that move it in the picture: turned about the line of sight, nearer
        where it is larger; as `head` tells it, (T, 6)."""
        pivot = self.rotation @ np.asarray(NECK_PIVOT) + self.shift
        pixel = self.K[:2, :2] @ pivot[:2] / pivot[2] + self.K[:2, 2]
        larger = np.sqrt(np.linalg.det(moved[:, :, :2]))[:, None]
        place = _rays(moved[:, :, :2] @ pixel + moved[:, :, 2], self.K) * pivot[2] / larger
        roll = np.arctan2(moved[:, 1, 0], moved[:, 0, 0])
        turn = self.rotation.T @ turned_by(0 * roll, 0 * roll, roll) @ self.rotation
        return np.concatenate([np.degrees(angles_of(turn)), (place - self.shift) @ self.rotation - NECK_PIVOT], 1)

    def pose(self, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The inverse of `head`: rotations (T, 3, 3) and shifts (T, 3) of the head in the camera."""
        rotation = self.rotation @ turned_by(*np.radians(head[:, :3]).T)
        pivot = (head[:, 3:] + NECK_PIVOT) @ self.rotation.T + self.shift
        return rotation, pivot - rotation @ np.asarray(NECK_PIVOT)

    def predicted(self, fit: Fit, detail: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Pixels (T, 470, 2) at which the driver's landmarks and irises would lie if they did what the fit says.

        Args:
            detail: (T, 468, 3), in the avatar's proportions; gaze: (T, 2) degrees.
        """
        yaw, pitch = np.radians(gaze).T
        turns = turned_by(yaw, pitch, 0 * yaw)
        poles = np.stack([self.eyes[side].centre + self.eyes[side].radius * turns @ self.eyes[side].axis for side in EYE], 1)
        points = np.concatenate([self.face.pose(fit.weights, detail * self.proportions[:, None]), poles], 1)
        points = points @ fit.rotation.transpose(0, 2, 1) + fit.shift[:, None]
        return points[..., :2] * self.K[0, 0] / points[..., 2:] + self.K[:2, 2]


def _rays(pixels: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Directions (N, 3) in the camera of what it shows at pixels (N, 2), one deep."""
    return np.concatenate([(pixels - K[:2, 2]) / K[0, 0], np.ones((len(pixels), 1))], 1)


def _lifted(landmarks: np.ndarray, K: np.ndarray, away: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One frame's landmarks (478, 3) in the head's frame, and the head's pose: rotation (3, 3), shift (3,). away: the camera's distance."""
    size = (2 * K[0, 2], 2 * K[1, 2])
    points, _, _ = lift(landmarks, size, K[0, 0] / away, distance=away)
    scale, rotation, shift = procrustes(canonical()[0][STABLE], points[STABLE])
    return (points - shift) @ rotation / scale, rotation, shift / scale


def _proportions(avatar: np.ndarray, driver: np.ndarray) -> np.ndarray:
    """(468,) how much larger the driver's features are: lids by their gap, lips by the mouth's width."""

    def ratio(of_driver: float, of_avatar: float) -> float:
        return float(np.clip(of_driver / max(of_avatar, 1e-6), *PROPORTION))

    out = np.ones(FACE)
    out[lip_landmarks()] = ratio(distance(driver, *MOUTH_CORNERS), distance(avatar, *MOUTH_CORNERS))
    for side in EYE:
        out[lid_edges(side)] = ratio(lid_gap(driver, side), lid_gap(avatar, side))
    return out


def directions(axis: np.ndarray) -> np.ndarray:
    """Directions (T, 3) in the head's frame -> yaw, pitch (T, 2), as `alignment.rotation` turns (0, 0, -1)."""
    unit = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    return np.stack([np.arctan2(-unit[:, 0], -unit[:, 2]), np.arcsin(np.clip(unit[:, 1], -1, 1))], 1)
