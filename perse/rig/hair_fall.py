"""What the portrait shows below the head: how wide neck, shoulders and cloth are, and how far hair hangs down over them."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from ..smooth_ramps import smooth_step

LONG_HAIR = 0.25  # eye distances below the chin that hair must reach to hang behind the neck as well
UNDER_HAIR = 0.15  # half of how far up a shoulder goes on under hair that lies on it, eye distances
CUT, LONGER = 0.12, 0.6  # hair that ends so near to the photo's lower edge is cut off by it; and how far it is taken to go on
WIDEST_HAIR = 1.9  # eye distances from the neck to the end of the widest hair
CURTAIN = 1.02  # from the neck's axis back to the hair that hangs down behind it
LOCKS = 0.45  # from the neck's axis forwards to the hair that hangs beside it
ABOVE = 0.75  # eye distances from the highest place below which hair hangs down to the chin
BESIDE = 1.6  # eye distances from the neck within which cloth or hair next to a face belongs to the person
BARE_BELOW = 0.05  # eye distances below the chin from which a neck's own outline shows
SLOPE = 1.2  # eye distances below the chin down to which nobody gets narrower
NARROWEST, WIDEST = 0.5, 1.8  # times as wide as is likely that a bust may be
FADES = 0.6  # eye distances below the photo over which its widths give way to the likely ones


@dataclass
class Fall:
    """Masks (S, S) of the person, her clothes and hair; chin: the chin's pixel (x, y); centre: the neck's column;
    unit: pixels per eye distance at the neck; ends (2,): how far below the chin hair hangs on the picture's left and right, eye
    distances, -inf where none does."""

    person: np.ndarray
    clothes: np.ndarray
    hair: np.ndarray
    chin: np.ndarray
    centre: float
    unit: float
    ends: np.ndarray

    @staticmethod
    def of(person: np.ndarray, clothes: np.ndarray, hair: np.ndarray, chin: np.ndarray, centre: float, unit: float) -> "Fall":
        """From the portrait's masks."""
        size = len(person)
        ys = np.arange(int(np.clip(chin[1] - ABOVE * unit, 0, size)), size)
        ends = (hair_reach(hair, ys, centre, unit) - chin[1]) / unit
        # Hair that the photo's lower edge cuts off goes on.
        rows = np.flatnonzero((person > 0.5).any(1))
        cut = (rows[-1] - chin[1]) / unit if len(rows) else np.inf
        ends = np.where((ends > cut - CUT) & (ends > LONG_HAIR - LONGER), ends + LONGER, ends)
        # Cloth goes on under the hair that lies on it.
        under = cv2.dilate(clothes, np.ones((2 * round(UNDER_HAIR * unit) + 1, 1)), anchor=(0, 0)) * np.clip(2 * hair, 0, 1)
        return Fall(person, np.maximum(clothes, under), hair, chin, centre, unit, ends)

    @property
    def long(self) -> bool:
        """Whether hair hangs behind the neck."""
        return bool((self.ends > LONG_HAIR).any())

    def _rows(self, below: np.ndarray) -> np.ndarray:
        return np.round(self.chin[1] + below * self.unit).astype(int)

    def widths(self, half: np.ndarray, below: np.ndarray) -> np.ndarray:
        """How wide neck and shoulders are on both sides of the axis (N, 2), eye distances, picture's left first.

        Args:
            half: (N, 2) how wide they are likely to be; below: (N,) rising, eye distances below the chin.
        """
        bare = self._extents(np.maximum(self.person * np.clip(1 - self.hair, 0, 1), np.minimum(self.clothes, 1)), below)
        collar = self._extents(self.clothes, below, beside=True)
        bare = np.where((below < BARE_BELOW)[:, None], collar, bare)
        factor = np.ones_like(half)
        for side in (0, 1):
            known = np.flatnonzero(np.isfinite(bare[:, side]))
            if not len(known):
                continue
            seen = median_filter(np.interp(below, below[known], bare[known, side] / half[known, side]), 5, mode="nearest")
            # Above what is seen, and below it after a while, the likely width.
            near = np.where(below < below[known[0]], smooth_step(below[known[0]] - below, 0.5, 0), 1.0)
            near *= smooth_step(below - below[known[-1]], FADES, 0)
            factor[:, side] = 1 + (np.clip(seen, NARROWEST, WIDEST) - 1) * near
        out = half * factor
        upper = below < SLOPE
        out[upper] = np.maximum.accumulate(out[upper], axis=0)
        return gaussian_filter1d(out, 1.5, axis=0, mode="nearest")

    def reach(self, below: np.ndarray) -> np.ndarray:
        """How far from the axis hair that hangs reaches on both sides (N, 2), eye distances, 0 where none does."""
        outline = np.fmax(self._extents(self.person, below), self._extents(self.hair, below, beside=True))
        out = np.zeros((len(below), 2))
        for side in np.flatnonzero(self.ends > LONG_HAIR):
            hangs = (below < self.ends[side]) & np.isfinite(outline[:, side])
            if hangs.any():
                seen = np.interp(below, below[hangs], outline[hangs, side])
                out[:, side] = np.minimum(seen, WIDEST_HAIR) * smooth_step(below, self.ends[side] + 0.1, self.ends[side] - 0.1)
        return gaussian_filter1d(out, 1.5, axis=0, mode="nearest")

    def over(self, x: np.ndarray, z: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A bust's points, x and z (ROWS, ANGLES) from its axis, `below` the chin (ROWS, ANGLES), under the hair that hangs over it."""
        if not self.long:
            return x, z
        length = float(self.ends.max())
        levels = np.linspace(float(below.min()), float(below.max()), 120)
        hair = self.reach(levels)
        half = np.abs(x).max(1, keepdims=True)
        for side, sign in ((0, -1), (1, 1)):
            wider = np.interp(below, levels, hair[:, side])
            mine = np.sign(x) == sign
            extent = np.where(mine, np.abs(x), 0).max(1, keepdims=True)
            x = np.where(mine, x * np.maximum(wider / np.maximum(extent, 0.1), 1), x)
        sine = np.clip(np.abs(x) / np.maximum(np.abs(x).max(1, keepdims=True), half), 0, 1)
        hangs = 1 - smooth_step(below, length - 0.2, length + 0.4)
        # It goes straight down from the back of the head; beside the neck it hangs where the head's own ends, not farther back.
        curtain = CURTAIN * hangs * np.sqrt(np.clip(1 - sine**4, 0, 1))
        z = np.where(z > 0, np.maximum(z, curtain), z)
        locks = LOCKS * hangs * np.sqrt(np.clip(1 - sine**2, 0, 1))
        beside = np.abs(x) > 0.6
        return x, np.where((z <= 0) & beside, np.minimum(z, -locks), z)

    def _extents(self, mask: np.ndarray, below: np.ndarray, beside: bool = False) -> np.ndarray:
        """Distances (N, 2) in eye distances from the neck to the left and right end of the mask's run of pixels around it, NaN where there
        is none: a raised hand or a second person is not the bust. beside: what stands next to the face counts, though nothing is under it."""
        out = np.full((len(below), 2), np.nan)
        centre, unit = self.centre, self.unit
        for n, y in enumerate(self._rows(below)):
            if not 0 <= y < len(mask):
                continue
            xs = np.flatnonzero(mask[y] > 0.5)
            if beside:
                for side, far in enumerate((centre - xs[xs < centre], xs[xs > centre] - centre)):
                    far = far[far < BESIDE * unit]
                    out[n, side] = far.max() / unit if len(far) > 0.05 * unit else np.nan
            elif len(xs):
                runs = np.split(xs, np.flatnonzero(np.diff(xs) > 0.08 * unit) + 1)
                run = min(runs, key=lambda q: max(q[0] - centre, centre - q[-1], 0))
                if run[0] - 0.3 * unit < centre < run[-1] + 0.3 * unit:
                    out[n] = (centre - run[0]) / unit, (run[-1] + 1 - centre) / unit
        return np.where(out > 0, out, np.nan)


def hair_reach(hair: np.ndarray, ys: np.ndarray, centre: float, unit: float) -> np.ndarray:
    """Row (2,) of the picture down to which hair (S, S) hangs on the left and the right of the neck at `centre`, in pixels."""
    size = len(hair)
    ends = np.full(2, -np.inf)
    for side, (a, b) in enumerate(((centre - 1.8 * unit, centre - 0.3 * unit), (centre + 0.3 * unit, centre + 1.8 * unit))):
        a, b = (int(np.clip(edge, 0, size)) for edge in (a, b))
        broad = (hair[ys, a:b] > 0.5).sum(1) > 0.2 * unit
        gap = np.flatnonzero(~median_filter(broad, max(3, int(0.15 * unit)), mode="nearest"))
        ends[side] = ys[gap[0] if len(gap) else -1] if len(ys) else -np.inf
    return ends
