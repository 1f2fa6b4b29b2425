"""Which way facial hair grows, and how long: down the cheek and back along the jaw, outwards over the lip, swirling at the chin; brows up
from the nose and outwards along their arch."""

from typing import Protocol

import numpy as np

from ..face.landmarks import BROW, CHIN, LIPS
from ..render.geometry import unit
from ..rig.rig import Rig
from ..smooth_ramps import smooth_step

WAVES = ((5.0, 0.26), (13.0, 0.20))  # waves around an eye distance, and the radians by which they turn the field
ALONE = 0.16  # radians by which a strand differs from its neighbours, standard deviation
WHORL = (0.15, 0.65, 0.13, 0.9)  # at the chin: to either side, down from mouth to chin, size (eye distances), turn (radians)
OVER_LIP = 1.8  # more strands on the upper lip, of those elsewhere
MOUSTACHE = 0.42  # half its width, eye distances


# Angle over the way outwards at which brow hairs stand, degrees, and their length, at shares of the way from the nose.
BROW_AT, BROW_ANGLE, BROW_LENGTH = (0.0, 0.15, 0.4, 0.7, 1.0), (80.0, 55.0, 28.0, 5.0, -18.0), (0.6, 0.85, 1.0, 0.9, 0.6)
BROW_TURN = 32.0  # degrees by which hairs at the lower edge rise and those at the upper one fall towards the middle
BROW_ALONE = 0.20  # radians by which a brow hair differs from its neighbours, standard deviation


class Field(Protocol):
    """Of points (N, 3): length (N,) as a share of the longest; density (N,), strands as a multiple of those elsewhere; unit direction (N, 3)
    along a skin with normals (N, 3)."""

    def length(self, points: np.ndarray) -> np.ndarray: ...

    def density(self, points: np.ndarray) -> np.ndarray: ...

    def direction(self, points: np.ndarray, normals: np.ndarray, rng: np.random.Generator) -> np.ndarray: ...


def field_of(region: str, rig: Rig) -> Field:
    """How hair of a region grows on a head."""
    return BrowGrowth(rig) if region == "brow_hairs" else Growth(rig)


class Growth:
    """The growth field of one head's beard."""

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


class BrowGrowth:
    """The growth field of one head's brows."""

    def __init__(self, rig: Rig):
        # By side, from the nose outwards: middles (5, 3) of the brow, and half of its height (5,).
        self.rows = {}
        for side, brow in BROW.items():
            upper, lower = (rig.vertices[brow[row][::-1]].astype(np.float64) for row in ("upper", "lower"))
            self.rows[side] = 0.5 * (upper + lower), 0.5 * np.linalg.norm(upper - lower, axis=1)

    def _place(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """To which side each point (N,) lies, how far out along the brow, 0 to 1, and how far over its middle, -1 to 1."""
        side, out, over = np.where(points[:, 0] > 0, 1.0, -1.0), np.zeros(len(points)), np.zeros(len(points))
        for name, sign in (("left", 1.0), ("right", -1.0)):
            middle, half = self.rows[name]
            mine, share = side == sign, np.linspace(0, 1, len(middle))
            x, across = sign * points[mine, 0], sign * middle[:, 0]
            out[mine] = np.interp(x, across, share)
            over[mine] = np.clip((np.interp(x, across, middle[:, 1]) - points[mine, 1]) / np.interp(x, across, half), -1, 1)
        return side, out, over

    def length(self, points: np.ndarray) -> np.ndarray:
        """See `Field`."""
        return np.interp(self._place(points)[1], BROW_AT, BROW_LENGTH)

    def density(self, points: np.ndarray) -> np.ndarray:
        """See `Field`."""
        return np.ones(len(points))

    def direction(self, points: np.ndarray, normals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """See `Field`."""
        side, out, over = self._place(points)
        angle = np.radians(np.interp(out, BROW_AT, BROW_ANGLE) - BROW_TURN * over) + BROW_ALONE * rng.standard_normal(len(points))
        way = np.stack([side * np.cos(angle), -np.sin(angle), np.zeros(len(points))], 1)
        return unit(way - (way * normals).sum(1, keepdims=True) * normals)
