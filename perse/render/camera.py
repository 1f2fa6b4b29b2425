"""The pinhole camera of every picture: OpenCV axes (x right, y down, z forward), pixels from the top-left corner."""

from dataclasses import dataclass

import numpy as np

from ..errors import PerseError
from ..face.alignment import rotation

MAX_SIDE = 4096  # pixels of a picture that is drawn: 270 MB with its transmittance; below 2**21 float32 places all within 1/4 pixel


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; exactly the matrices that gsplat takes.

    viewmat: (4,4) float32, world to camera. K: (3,3) float32, in pixels; the top-left pixel's centre is (0.5, 0.5).
    width, height: picture size in pixels.
    """

    viewmat: np.ndarray
    K: np.ndarray
    width: int
    height: int

    def __post_init__(self):
        viewmat = np.ascontiguousarray(self.viewmat, dtype=np.float32)
        intrinsics = np.ascontiguousarray(self.K, dtype=np.float32)
        if viewmat.shape != (4, 4) or intrinsics.shape != (3, 3):
            raise ValueError(f"viewmat must be (4,4) and K (3,3), not {viewmat.shape} and {intrinsics.shape}")
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a picture needs at least one pixel, not {self.width} x {self.height}")
        object.__setattr__(self, "viewmat", viewmat)
        object.__setattr__(self, "K", intrinsics)
        object.__setattr__(self, "width", int(self.width))
        object.__setattr__(self, "height", int(self.height))

    def check_size(self) -> None:
        """PerseError for a picture that is too large to be drawn: a side above MAX_SIDE."""
        if max(self.width, self.height) > MAX_SIDE:
            raise PerseError(f"A picture may be {MAX_SIDE} pixels wide and high at most, not {self.width} x {self.height}.")

    def resized(self, width: int, height: int) -> "Camera":
        """The same view in a picture of another size: K is scaled, and stretched if the aspect ratio changes."""
        scale = np.array([width / self.width, height / self.height, 1.0], dtype=np.float32)
        return Camera(self.viewmat, self.K * scale[:, None], width, height)

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (N,3) in the camera's axes, (N,3) float32."""
        points = np.asarray(points, dtype=np.float32)
        return points @ self.viewmat[:3, :3].T + self.viewmat[:3, 3]

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Points (N,3) in the camera's axes as world points, (N,3) float64."""
        return (np.asarray(points, np.float64) - self.viewmat[:3, 3].astype(np.float64)) @ self.viewmat[:3, :3].astype(np.float64)

    @property
    def centre(self) -> np.ndarray:
        """Where it stands in the world, (3,) float64."""
        return -self.viewmat[:3, :3].T.astype(np.float64) @ self.viewmat[:3, 3].astype(np.float64)

    def rays(self, xy: np.ndarray) -> np.ndarray:
        """Directions (N,3) float64 in the world from the centre through pixels (N,2), as long as they are at depth 1."""
        local = np.concatenate([(xy - self.K[:2, 2]) / self.K[[0, 1], [0, 1]], np.ones((len(xy), 1))], 1)
        return local @ self.viewmat[:3, :3].astype(np.float64)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (N,3) -> pixels (N,2) and depth along the optical axis (N,), both float32.

        Points with depth <= 0 lie behind the camera; their pixels mean nothing (and may be infinite).
        """
        local = self.to_camera(points)
        with np.errstate(divide="ignore", invalid="ignore"):
            homogeneous = local @ self.K.T
            return homogeneous[:, :2] / homogeneous[:, 2:], local[:, 2]

    def orbit(self, yaw: float, pitch: float, roll: float, pivot: np.ndarray) -> "Camera":
        """The camera that sees the world turned about `pivot` (3,) by Rz(roll) Rx(pitch) Ry(yaw).

        The axes are the camera's, the angles degrees: yaw > 0 turns a face seen head-on towards the left edge of the
        picture, pitch > 0 then turns whatever is seen down, so that it is looked at from above, from every side alike, and roll > 0 turns
        the picture clockwise.
        """
        about = rotation(*-np.radians([yaw, pitch, roll])).T  # `rotation` turns in the opposite order: this is its inverse
        centre = self.to_camera(np.asarray(pivot, dtype=np.float32)[None])[0].astype(np.float64)
        turn = np.eye(4)
        turn[:3, :3] = about
        turn[:3, 3] = centre - about @ centre
        return Camera(turn @ self.viewmat, self.K, self.width, self.height)
