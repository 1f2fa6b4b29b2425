"""Which way facial hair grows, and how long: down the cheek and back along the jaw, outwards over the lip, swirling at the chin."""

import numpy as np

from ..face.landmarks import CHIN, LIPS
from ..render.geometry import unit
from ..rig.rig import Rig
from ..smooth_ramps import smooth_step

WAVES = ((5.0, 0.26), (13.0, 0.20))  # waves around an eye distance, and the radians by which they turn the field
ALONE = 0.16  # radians by which a strand differs from its neighbours, standard deviation
WHORL = (0.15, 0.65, 0.13, 0.9)  # at the chin: to either side, down from mouth to chin, size (eye distances), turn (radians)
OVER_LIP = 1.8  # more strands on the upper lip, of those elsewhere
MOUSTACHE = 0.42  # half its width, eye distances


class Growth:
    """The growth field of one head."""

    def __init__(self, rig: Rig):
        lips = rig.vertices[[*LIPS["upper_outer"], *LIPS["lower_outer"]]]
        self.mouth = lips.mean(0).astype(np.float64)
        self.chin = rig.vertices[CHIN].astype(np.float64)

    def _place(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """To the subject's left (N,), eye distances, and down (N,): 0 at the mouth, 1 at the chin."""
        return points[:, 0] - self.mouth[0], (points[:, 1] - self.mouth[1]) / max(self.chin[1] - self.mouth[1], 0.1)

    def length(self, points: np.ndarray) -> np.ndarray:
        """Length (N,) as a share of the longest: short at the temples, long at the chin."""
        x, y = self._place(points)
        low = smooth_step(y, -1.2, 0.9)
        return 0.35 + 0.65 * low * (1 - 0.35 * smooth_step(np.abs(x), 0.3, 0.75)) + 0.25 * self._over_lip(x, y)

    def density(self, points: np.ndarray) -> np.ndarray:
        """Strands (N,) as a multiple of those elsewhere: most stand on the upper lip."""
        return 1 + OVER_LIP * self._over_lip(*self._place(points))

    def direction(self, points: np.ndarray, normals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Unit directions (N, 3) along the skin at points (N, 3) with normals (N, 3)."""
        x, y = self._place(points)
        side, lip = np.sign(x), self._over_lip(x, y)
        cheek = smooth_step(np.abs(x), 0.25, 0.6)
        out = lip * 1.5 * np.clip(np.abs(x) / 0.10, 0, 1) + (1 - lip) * (0.10 - 0.25 * cheek * smooth_step(y, 0.0, 0.8))
        down = np.stack([side * out, np.where(lip > 0.5, 0.75, 1.0), 0.25 * cheek], 1)
        along = unit(down - (down * normals).sum(1, keepdims=True) * normals)
        turn = ALONE * rng.standard_normal(len(points))
        for waves, amplitude in WAVES:
            phase = rng.uniform(0, 2 * np.pi, 3)
            turn += (
                amplitude
                * np.sin(waves * points @ unit(rng.standard_normal((1, 3)))[0] + phase[0])
                * np.cos(waves * points @ unit(rng.standard_normal((1, 3)))[0] + phase[1])
            )
        beside, at, size, angle = WHORL
        for sign in (-1, 1):
            away = np.hypot(x - sign * beside, (y - at) * (self.chin[1] - self.mouth[1]))
            turn += sign * angle * np.exp(-((away / size) ** 2))
        return along * np.cos(turn)[:, None] + np.cross(normals, along) * np.sin(turn)[:, None]

    @staticmethod
    def _over_lip(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How much (N,) of a place is the moustache's."""
        return smooth_step(y, 0.05, -0.25) * (1 - smooth_step(np.abs(x), 0.75 * MOUSTACHE, MOUSTACHE))
