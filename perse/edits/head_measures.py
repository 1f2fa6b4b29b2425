"""A head's measures for what is worn on it: where hats end, how wide the head is there, where ears are."""

from functools import partial

import cv2
import numpy as np

from ..attributes.edit_vocabulary import PINNED, UNDER_HAT, Tuck
from ..face.landmarks import BROW_PEAKS, FOREHEAD, FOREHEAD_TOP
from ..render.geometry import grid_on
from ..rig.ears import ears_of
from ..rig.rig import Rig
from ..smooth_ramps import smooth_step
from ..texture.atlas import ATLAS, Texture, chart_slice
from ..texture.fill_holes import diffuse
from .atlas_regions import Regions
from .bare_skin import skin_light
from .bound_mesh import BoundMesh
from .reshape import Shaper

TILT = np.radians(20.0)  # a hat's rim lies lower at the nape than at the forehead
LOBE = 0.9  # share of an ear that lies above its lobe's end
PRESSED = (-0.62, -0.26)  # eye distances over the rim's plane from which, and from which wholly, a hat presses hair on the head
AZIMUTHS, ELEVATIONS = 96, 40  # directions in which the head is measured, around it and upwards
LOWEST = np.radians(-30.0)  # the first elevation that is


class Head:
    """One head. Hat coordinates: azimuth 0 to the front, positive to the subject's left; elevation over the rim's plane.

    middle (3,): of the rim; forward, up (3,): axes of the hat; side: the subject's left.
    brow: height of the brows, eye distances below the eyes.
    """

    def __init__(self, rig: Rig, texture: Texture, regions: Regions, shaper: Shaper):
        self.rig, self.texture, self.regions, self.shaper = rig, texture, regions, shaper
        v = rig.vertices.astype(np.float64)
        self.ears = ears_of(rig)
        self.up = np.array([0.0, -np.cos(TILT), np.sin(TILT)])
        self.forward = np.array([0.0, -np.sin(TILT), -np.cos(TILT)])
        self.side = np.array([1.0, 0.0, 0.0])
        self.brow = float(v[list(BROW_PEAKS), 1].mean())
        brow = 0.6 * v[FOREHEAD_TOP] + 0.4 * v[FOREHEAD]
        # The rim passes the upper forehead; the middle is that of the head.
        self.middle = brow - self.forward * 0.95
        self.middle[0] = 0.0
        points = regions.points
        height = ((points - self.middle) @ self.up).astype(np.float32)
        # The rim presses on what is below it, which swells out again farther down.
        above = smooth_step(height, *PRESSED) * np.clip(regions("covered") * 1.4, 0, 1)  # a hat of the photo goes under another one, too
        self.under_hat = np.zeros((ATLAS, ATLAS), np.float32)
        for part in ("shell", "face"):
            self.under_hat[chart_slice(part)] = above[chart_slice(part)]

    def radius(self, azimuth: np.ndarray, elevation: np.ndarray, hair: str = "under hat") -> np.ndarray:
        """Distance from the middle to the head's surface in a direction (radians, any shape); hair as it is ("own"), "pinned" up, or tucked
        "under hat"."""
        sheet = self.regions.remembered(f"radius of the head, {hair}", partial(self._measure, hair))
        x = ((np.asarray(azimuth) / (2 * np.pi) + 0.5) % 1) * AZIMUTHS + AZIMUTHS
        y = (np.asarray(elevation) - LOWEST) / (np.pi / 2 - LOWEST) * (ELEVATIONS - 1)
        x, y = np.broadcast_arrays(x, y)
        flat = cv2.remap(
            np.tile(sheet, (1, 3)),
            x.astype(np.float32).reshape(x.shape[0], -1),
            y.astype(np.float32).reshape(x.shape[0], -1),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return flat.reshape(x.shape)

    def _measure(self, hair: str) -> np.ndarray:
        v = self.rig.vertices.astype(np.float64)
        if hair == "under hat":
            v = v + self.shaper.tuck(UNDER_HAT, self.under_hat)
        elif hair == "pinned":
            v = v + self.shaper.tuck(PINNED, self.regions("pinned")) + self.shaper.tuck(Tuck(0.0), 1 - self.regions("pinned"))
        head = self.rig.part_faces("face", "shell")
        corners = v[self.rig.faces[head[self.ears[self.rig.faces[head]].max(1) < 0.5]]]
        points = grid_on(corners, 5).reshape(-1, 3) - self.middle
        x, y, z = points @ self.side, points @ self.up, points @ self.forward
        distance = np.linalg.norm(points, axis=1)
        column = ((np.arctan2(x, z) / (2 * np.pi) + 0.5) % 1 * AZIMUTHS).astype(int) % AZIMUTHS
        row = (np.arcsin(np.clip(y / distance, -1, 1)) - LOWEST) / (np.pi / 2 - LOWEST) * (ELEVATIONS - 1)
        keep = row >= -0.5
        sheet = np.zeros((ELEVATIONS, AZIMUTHS), np.float32)
        np.maximum.at(sheet, (np.round(row[keep]).astype(int), column[keep]), distance[keep].astype(np.float32))
        wide = np.tile(sheet, (1, 3))
        filled = diffuse(wide[..., None], (wide > 0).astype(np.float32))[..., 0]
        # A hat spans hollows: the largest radius nearby, smoothed.
        filled = cv2.GaussianBlur(cv2.dilate(filled, np.ones((3, 3))), (0, 0), 2.0)
        return filled[:, AZIMUTHS : 2 * AZIMUTHS]

    def rises(self, rim: float, crown: float) -> np.ndarray:
        """Values (V, 1) at the rig's vertices that go from one at a hat's rim to another at the crown."""
        height = (self.rig.vertices.astype(np.float64) - self.middle) @ self.up
        return (rim + (crown - rim) * np.clip(height / height.max(), 0, 1))[:, None]

    def direction(self, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
        """Unit vectors (..., 3) in the head frame."""
        flat = np.cos(elevation)[..., None]
        around = np.sin(azimuth)[..., None] * self.side + np.cos(azimuth)[..., None] * self.forward
        return flat * around + np.sin(elevation)[..., None] * self.up

    def aim(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Azimuth, elevation and distance (...) from the middle of points (..., 3)."""
        away = points - self.middle
        x, y, z = away @ self.side, away @ self.up, away @ self.forward
        distance = np.linalg.norm(away, axis=-1)
        return np.arctan2(x, z), np.arcsin(np.clip(y / np.maximum(distance, 1e-9), -1, 1)), distance

    def lobe(self, side: float) -> np.ndarray:
        """Where an earring hangs (3,): side -1 right, +1 left."""
        v = self.rig.vertices.astype(np.float64)
        ear = v[(self.ears > 0.6) & (v[:, 0] * side > 0)]
        low = ear[ear[:, 1] > np.quantile(ear[:, 1], LOBE)]
        point = low.mean(0)
        # Outside the hair at that height, if there is any.
        beside = v[self.shaper.shell]
        near = beside[(np.abs(beside[:, 1] - point[1]) < 0.14) & (np.abs(beside[:, 2] - point[2]) < 0.12) & (beside[:, 0] * side > 0)]
        point[0] = side * (max(np.abs(low[:, 0]).max(), np.abs(near[:, 0]).max(initial=0)) + 0.015)
        return point

    def skin(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Skin colour (N, 3) under the face's light for surface normals (N, 3)."""
        light, _ = skin_light(self.regions, self.texture, self.rig)
        return np.clip(light[0] + normals @ light[1:], 0.02, 1)

    def fixed(self, points: np.ndarray, triangles: np.ndarray, colors: np.ndarray, kind: str, start: np.ndarray | None = None) -> BoundMesh:
        """An object (N, 3) that turns with the skull and knows neither expressions nor edits of the head's form."""
        anchor = self.shaper.bone
        bary = np.tile([1 / 3, 1 / 3, 1 / 3], (len(points), 1))
        centre = self.rig.vertices[self.rig.faces[anchor]].mean(0)
        return BoundMesh(np.full(len(points), anchor), bary, points - centre, triangles, colors, np.zeros((0, 2), int), 0.0, kind, start)
