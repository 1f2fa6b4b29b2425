"""Which Gaussians are of an eye's lids, and what each of them will look like once the lids have met."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from ...face.landmarks import BROW, EYE, FACE, LID_FOLD
from ...render.geometry import interpolated
from ...rig.expressions import INDEX
from ...rig.skeleton import PART
from ...smooth_ramps import smooth_step
from .effect import Rest

NEIGHBOURS = 24  # Gaussians of the skin around that make up a colour
NEAR = 0.03  # eye distances: how far apart neighbours are for the nearer one to count clearly more
BRIGHT = (0.35, 0.92)  # quantiles of lightness between which skin around an eye is neither hair, crease nor shine
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue in lightness
LASH_LINE = 0.02  # eye distances: how thick the line of lashes is, to either side
LASH, DEEPER = 0.52, 0.9  # how much darker than the lid, and how much deeper in colour: the exponent on top of 1
ROUND, ROUNDNESS = 0.08, 0.12  # eye distances from the edge over which the lid turns down, and how much darker it is there
SHORTEST = 0.25  # of the opening: least height of the upper lid's sliver
LOWER_LID = 0.5  # of the opening: how far down skin takes part
ON_SKIN = 0.06  # eye distances from the face within which a Gaussian is of it


@dataclass
class LidSkin:
    """n Gaussians of an eye, of which the first `balls` are the eyeball's.

    index (n,): which they are. weight (n,): how much each takes part, 1 on the eyeball. skin (n, NEIGHBOURS): indices of those of which
    its colour on a closed lid is mixed; mix (n, NEIGHBOURS): their shares. depth (n,), shade (n,): exponent and factor by which it
    is darker at the lashes. down (7, 3): what a displacement of the upper lid's landmarks is multiplied by to be a share of the opening.
    """

    index: np.ndarray
    balls: int
    skin: np.ndarray
    weight: np.ndarray
    mix: np.ndarray
    depth: np.ndarray
    shade: np.ndarray
    down: np.ndarray


def lid_skin(rest: Rest, side: str) -> LidSkin | None:
    """Of the eye of a side; None if the portrait closes it, or shows no skin around it."""
    rig, points = rest.rig, rest.points
    if rig.eye_closed(side):
        return None
    # Hair, glasses and beards that an edit brings hang on the face, but are not skin.
    of_face = (rest.part == PART["face"]) & (rest.opacities > 0) & (np.linalg.norm(rest.offset, axis=1) < ON_SKIN)
    of_ball, light = rest.part == PART[f"eye_{side}"], rest.colors @ list(GREY)
    eye = _Eye(rest, side)
    weight = eye.taking_part(of_face)
    balls, skin = np.flatnonzero(of_ball), np.flatnonzero((weight > 0.01) & eye.near & ~of_ball)
    index, weight = np.concatenate([balls, skin]), weight[skin]
    depth, shade = eye.under_lashes(rest, index)
    around = eye.skin_around(of_face, light)
    if around is None:
        return None
    distance, nearest = cKDTree(points[around]).query(points[index], NEIGHBOURS)
    mix = 1 / (distance**2 + NEAR**2)
    mix /= mix.sum(1, keepdims=True)
    weight = np.concatenate([np.ones(len(balls)), weight])
    return LidSkin(index, len(balls), around[nearest], *(x.astype(np.float32) for x in (weight, mix, depth, shade, eye.down())))


class _Eye:
    """An eye as seen along its length: 0 at its outer corner, 1 at the inner one; and how far up from the line between them.

    place, height (N,): where the Gaussians' points lie; upper, lower, brow (N,): how high the edges of the lids and of the brow are there;
    opening: the largest gap between the lids, eye distances; near (N,) bool: which lie about the eye.
    """

    def __init__(self, rest: Rest, side: str):
        rig, eye = rest.rig, EYE[side]
        self.side, self.rig, self.vertices = side, rig, rig.vertices[:FACE].astype(np.float64)
        self.corner, inner = self.vertices[eye["outer"]], self.vertices[eye["inner"]]
        self.width = np.linalg.norm(inner - self.corner)
        self.along = (inner - self.corner) / self.width
        self.up = np.array([0.0, -1.0, 0.0]) - np.array([0.0, -1.0, 0.0]) @ self.along * self.along
        self.up /= np.linalg.norm(self.up)
        self.place, self.height = self.seen(rest.points)
        self.upper = self._curve([eye["outer"], *eye["upper"], eye["inner"]])
        self.lower = self._curve([eye["outer"], *eye["lower"], eye["inner"]])
        self.opening = float((self.seen(self.vertices[eye["upper"]])[1] - self.seen(self.vertices[eye["lower"]])[1]).max())
        self.brow = self._curve(BROW[side]["lower"])
        self.near = (np.abs(self.place - 0.5) < 0.8) & (self.height > self.lower - 2 * self.opening) & (self.height < self.brow)
        # Heights over the upper lid's edge in slivers of its skin, and below the lower lid's in what of that takes part.
        sliver = np.maximum(self._curve(LID_FOLD[side]) - self.upper, SHORTEST * self.opening)
        self.above, self.below = (self.height - self.upper) / sliver, (self.lower - self.height) / (LOWER_LID * self.opening)

    def seen(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place (n,) and height (n,) of points (n, 3)."""
        return (points - self.corner) @ self.along / self.width, (points - self.corner) @ self.up

    def _curve(self, landmarks: list[int]) -> np.ndarray:
        place, height = self.seen(self.vertices[landmarks])
        order = np.argsort(place)
        return np.interp(self.place, place[order], height[order])

    def taking_part(self, of_face: np.ndarray) -> np.ndarray:
        """(N,) in [0, 1]: how much of a lid each is."""
        middle = (self.upper + self.lower) / 2
        on_upper, on_lower = of_face & (self.height > middle), of_face & (self.height <= middle)
        weight = np.where(on_upper, smooth_step(self.above, 1.5, 0.7), np.where(on_lower, smooth_step(self.below, 1.0, 0.4), 0))
        return weight * smooth_step(np.abs(self.place - 0.5), 0.62, 0.5)

    def under_lashes(self, rest: Rest, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Depth (n,) and shade (n,) of some of them, by where they lie once the lids have met."""
        eye, vertices = EYE[self.side], self.vertices
        blink = self.rig.blendshapes[INDEX[f"eye_blink_{self.side}"]].astype(np.float64)
        moved = interpolated(blink[self.rig.faces[rest.face[index]]], rest.bary[index])
        place, height = self.seen(rest.points[index] + rest.offset[index] + moved)
        meeting = np.mean([self.seen(vertices[eye[lid]] + blink[eye[lid]])[1] for lid in ("upper", "lower")], 0)
        ends = [self.seen(vertices[eye[end]]) for end in ("outer", "inner")]
        line_place = np.array([ends[0][0], *self.seen(vertices[eye["upper"]])[0], ends[1][0]])
        from_edge = height - np.interp(place, line_place, [ends[0][1], *meeting, ends[1][1]])
        lashes = np.exp(-((from_edge / LASH_LINE) ** 2)) * smooth_step(place, 1.0, 0.85) * smooth_step(place, -0.12, 0.02)
        turned = np.exp(-((np.maximum(from_edge, 0) / ROUND) ** 2)) * (from_edge > -LASH_LINE)
        return 1 + DEEPER * lashes, (1 - LASH * lashes) * (1 - ROUNDNESS * turned)

    def skin_around(self, of_face: np.ndarray, light: np.ndarray) -> np.ndarray | None:
        """Indices of what lies under the brow and below the lower lid, and is neither hair, crease nor shine; None if there is too little."""
        under_brow = (self.above > 1.2) & (self.height < self.upper + 0.7 * (self.brow - self.upper))
        around = self.near & of_face & (under_brow | (self.below > 0.8))
        if around.sum() < 4 * NEIGHBOURS:
            return None
        for part in (self.above > 0, self.above <= 0):  # a brow's shade lies on all that is above
            low, high = np.quantile(light[around & part], BRIGHT) if (around & part).any() else (0, 1)
            around &= ~part | (light >= low) & (light <= high)
        return np.flatnonzero(around)

    def down(self) -> np.ndarray:
        """(7, 3): across the gap between the lids' landmarks; the product with a displacement is the share of the gap that it closes."""
        eye = EYE[self.side]
        gap = self.vertices[eye["lower"]] - self.vertices[eye["upper"]]
        return gap / np.maximum((gap**2).sum(1, keepdims=True), (0.5 * self.opening) ** 2)
