"""Where on a person's atlas an edit is at home: masks of the portrait, and areas drawn on the mean face."""

import threading
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..attributes.face_areas import AREAS
from ..face.landmarks import FACE, OVAL
from ..face.triangles import canonical
from ..render.geometry import interpolated
from ..rig.anatomy.template import head_template
from ..rig.ears import ears_of
from ..rig.rig import Rig
from ..rig.skeleton import PART, PARTS
from ..texture.atlas import ATLAS, Texture, chart_slice
from ..texture.cie_lab import to_lab
from ..texture.completion.eyes import distance_from_iris
from ..texture.fill_holes import nearest_covered
from .already_worn import own_beard
from .hair_areas import HAIR_AREAS

SHEET_SCALE = 240  # pixels per eye distance of the sheet on which areas are drawn
SHEET_LEFT, SHEET_TOP, SHEET_WIDTH, SHEET_HEIGHT = -1.2, -1.0, 2.4, 2.7  # what of the mean face's plane it shows, eye distances
FINE_ENOUGH = 4.0  # pixels, the standard deviation of a blur that a smaller picture shows as well as a larger one
TOUCHED = 0.02  # of a region's weight, from which a texel is worth an edit's while
EAR_BLUR = 9.0  # texels over which an ear's region fades into the skin around it
UNDER_JAW = 0.15  # eye distances behind the face's outline over which what grows on the chin ends
PUPIL = 0.34  # of the iris' radius: an iris is recoloured from there outwards
Box = tuple[slice, slice]
BROW_EDGE = 7  # texels, the size of the square by which hairs may stand beside the photo's own brows
FACIAL_HAIR = ("beard", "moustache", "goatee", "chin_beard")


def soft(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur (ATLAS, ATLAS, float32) of a mask, chart by chart: what lies beside a chart in the atlas is not its neighbour."""
    out = np.zeros(mask.shape, np.float32)
    for part in PARTS:
        block = chart_slice(part)
        chart, pad = mask[block].astype(np.float32), int(3 * sigma) + 1
        if part in ("shell", "body"):  # their left and right borders meet
            wide = np.concatenate([chart[:, -pad:], chart, chart[:, :pad]], 1)
            out[block] = _blurred(wide, sigma)[:, pad:-pad]
        else:
            out[block] = _blurred(chart, sigma)
    return out


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a picture (h, w); a wide one at a fraction of the size, of which it leaves nothing to see (to .005)."""
    less = int(sigma / FINE_ENOUGH)
    if less < 2:
        return cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    height, width = picture.shape
    small = cv2.resize(picture, (-(-width // less), -(-height // less)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / less, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def box_of(weight: np.ndarray) -> Box | None:
    """Rows and columns that a weight (ATLAS, ATLAS) touches; None if nowhere."""
    rows, columns = np.flatnonzero(weight.max(1) > TOUCHED), np.flatnonzero(weight.max(0) > TOUCHED)
    return np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else None


class Regions:
    """`regions(name)` -> weight (ATLAS, ATLAS) in [0, 1], remembered. Several threads may ask at once."""

    def __init__(self, rig: Rig, texture: Texture):
        self.rig, self.texture = rig, texture
        self._remembered: dict[str, Any] = {}
        self._turns: dict[str, threading.Lock] = {}
        mean = canonical()[0]
        area = chart_slice("face")
        ids, bary = texture.faces[area], texture.bary[area]
        self._inside = (ids >= 0) & (rig.face_part[np.maximum(ids, 0)] == PART["face"])
        corner = rig.faces[np.maximum(ids, 0)]
        corner = np.where(corner < FACE, corner, 0)
        # Texels just beyond the triangles count with the nearest one inside: bilinear look-ups at a seam read them.
        self.nearest = texture.nearest
        self.points = texture.points[self.nearest]
        near = nearest_covered(self._inside)
        # Mean-face coordinates of every texel of the face's chart.
        self.face_xy = np.where(self._inside[..., None], interpolated(mean[corner][..., :2], bary), 9.0).astype(np.float32)
        self._inside = cv2.dilate(self._inside.astype(np.uint8), np.ones((5, 5))) > 0
        self.face_xy = np.where(self._inside[..., None], self.face_xy[near], 9.0)
        ring = np.append(OVAL, OVAL[0])
        width = texture.seen[chart_slice("shell")].shape[1]
        columns = head_template().around(np.arange(width) / width)
        self._oval_xy = np.stack([np.interp(columns, np.arange(len(ring)), mean[ring, k]) for k in (0, 1)], -1).astype(np.float32)

    def __call__(self, name: str) -> np.ndarray:
        return self.remembered(name, lambda: self._make(name))

    def remembered(self, name: str, make: Callable[[], Any]) -> Any:
        """What make() returns, asked once: several edits of one person need the same. make() may ask for what other names stand for, never
        for its own."""
        if name not in self._remembered:
            with self._turns.setdefault(name, threading.Lock()):
                if name not in self._remembered:
                    self._remembered[name] = make()
        return self._remembered[name]

    def colors(self, name: str) -> tuple[Box, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
        """A region's texels, found once for all edits of their colour: the box (rows, columns) around them; which of its texels, row by
        row, they are (n,); how much each of them is dyed (n,), their CIE Lab (n, 3), its mean (3,), and RGB (n, 3); None if the person
        has no such region."""
        return self.remembered(f"colors of {name}", lambda: self._find_colors(name))

    def _find_colors(self, name: str) -> tuple | None:
        weight = self(name)
        box = box_of(weight) if weight.max() >= 0.05 else None
        if box is None:
            return None
        active = weight[box] > TOUCHED
        color, own = self.texture.color[box][active], weight[box][active]
        lab = to_lab(color)
        mean = lab[own > 0.5].mean(0) if (own > 0.5).any() else lab.mean(0)
        if name == "hair":
            # Much lighter than the hair itself: skin that shines through at its edge, which no dye reaches.
            bright = np.percentile(lab[own > 0.5 * own.max()][::7, 0], 92)
            own = own * np.clip(1 - (lab[:, 0] - bright - 4) / 22, 0.25, 1)
        return box, np.flatnonzero(active), own, lab, mean, color

    def on_sheet(self, sheet: np.ndarray, xy: np.ndarray) -> np.ndarray:
        """Read a sheet of the mean face's plane at mean-face coordinates (..., 2); 0 beyond it."""
        at = ((xy - [SHEET_LEFT, SHEET_TOP]) * SHEET_SCALE).astype(np.float32)
        shape = at.shape[:-1]
        at = at.reshape(shape[0], -1, 2)
        return cv2.remap(sheet, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).reshape(shape)

    @staticmethod
    def sheet() -> np.ndarray:
        """An empty sheet of the mean face's plane, float32."""
        return np.zeros((int(SHEET_HEIGHT * SHEET_SCALE), int(SHEET_WIDTH * SHEET_SCALE)), np.float32)

    @staticmethod
    def to_sheet(points) -> np.ndarray:
        """Mean-face coordinates (N, 2) as integer pixels with four fractional bits, as OpenCV draws them."""
        return np.round((np.asarray(points, np.float64) - [SHEET_LEFT, SHEET_TOP]) * SHEET_SCALE * 16).astype(np.int32)

    def _make(self, name: str) -> np.ndarray:
        masks, empty = self.texture.regions, np.zeros((ATLAS, ATLAS), np.float32)
        if name in AREAS:
            return self._area(name)
        if name == "iris":
            return self._iris()
        if name == "eyeballs":
            for side in ("right", "left"):
                empty[chart_slice(f"eye_{side}")] = 1.0
            return empty
        if name == "skin":
            skin = np.clip(masks["skin"] + 0.8 * masks["lips"] + 0.4 * masks["brows"], 0, 1)
            return np.clip(soft(skin, 3) * 1.15 - 0.1, 0, 1)
        if name == "bare_skin":
            block = chart_slice("face")
            other = cv2.dilate(np.maximum.reduce([masks[m][block] for m in ("lips", "brows", "hair", "worn", "glasses")]), np.ones((7, 7)))
            empty[block] = np.clip(cv2.GaussianBlur(masks["skin"][block] * (1 - other), (0, 0), 3) * 1.2 - 0.2, 0, 1) * self._inside
            return empty
        if name == "glasses_area":  # the region of objects: they change nothing of the person herself
            return empty
        if name in HAIR_AREAS:
            return HAIR_AREAS[name](self)
        if name == "covered":
            return np.clip(soft(self.texture.cover(), 1.5), 0, 1)
        if name == "own_beard":
            return own_beard(self)
        if name == "ear_area":
            shell = chart_slice("shell")
            faces = self.texture.faces[shell]
            ears = interpolated(ears_of(self.rig)[self.rig.faces[np.maximum(faces, 0)]][..., None], self.texture.bary[shell])[..., 0]
            empty[shell] = np.clip(ears * (faces >= 0), 0, 1)
            return np.clip(2.5 * soft(empty, EAR_BLUR), 0, 1)
        return np.clip(soft(masks[name], 1.5), 0, 1)

    def _area(self, name: str) -> np.ndarray:
        area, masks = AREAS[name], self.texture.regions
        sheet = self.sheet()
        for flip in (1, -1):
            cv2.fillPoly(sheet, [self.to_sheet(np.array(area.outline) * [flip, 1])], 1.0, cv2.LINE_AA, 4)
        sheet = cv2.GaussianBlur(np.clip(sheet, 0, 1), (0, 0), max(area.soft * SHEET_SCALE / 2, 1))
        sheet /= max(float(sheet.max()), 1e-3)  # a wide edge would leave a small area faint
        weight = np.zeros((ATLAS, ATLAS), np.float32)
        block = chart_slice("face")
        weight[block] = self.on_sheet(sheet, self.face_xy) * self._inside
        if area.below:
            shell = chart_slice("shell")
            weight[shell] = self.on_sheet(sheet, self._oval_xy[None]) * np.clip(1 - self.behind_outline() / UNDER_JAW, 0, 1)
        if name in FACIAL_HAIR:
            weight *= np.clip(1 - 1.4 * cv2.dilate(masks["lips"], np.ones((5, 5))), 0, 1) * np.clip(1 - self.texture.cover(), 0, 1)
        if area.skin:
            weight *= np.clip(masks["skin"], 0, 1)
        if name == "brow_hairs":  # fuller brows are no larger ones
            weight *= np.clip(1.5 * soft(cv2.dilate(masks["brows"], np.ones((BROW_EDGE, BROW_EDGE))), 2), 0, 1)
        if name == "eye_area":
            weight = np.maximum(weight, self("eyeballs"))
        if name == "mouth_area":
            for part in ("upper_teeth", "lower_teeth", "cavity"):
                weight[chart_slice(part)] = 1.0
        return weight

    def behind_outline(self) -> np.ndarray:
        """How far each texel of the head's chart (H, W) lies behind the face's outline, eye distances."""

        def measure() -> np.ndarray:
            oval, t = self.rig.vertices[OVAL], np.linspace(0, 1, 12, endpoint=False)[:, None, None]
            return cKDTree((oval * (1 - t) + np.roll(oval, -1, 0) * t).reshape(-1, 3)).query(self.points[chart_slice("shell")])[0]

        return self.remembered("behind the outline", measure)

    def _iris(self) -> np.ndarray:
        """The ring around the pupil, without the light that mirrors in it."""
        weight = np.zeros((ATLAS, ATLAS), np.float32)
        for part in ("eye_right", "eye_left"):
            block = chart_slice(part)
            radius = self.iris_radius(part)
            ring = np.clip((radius - PUPIL) / 0.12, 0, 1) * np.clip((1.04 - radius) / 0.08, 0, 1)
            light = cv2.cvtColor(np.ascontiguousarray(self.texture.color[block], np.float32), cv2.COLOR_RGB2Lab)[..., 0]
            highlight = np.clip((light - max(60.0, np.percentile(light[radius < 1], 92))) / 12, 0, 1)
            weight[block] = ring * (1 - highlight)
        return weight

    def iris_radius(self, part: str) -> np.ndarray:
        """Distance (h, w) from the iris' centre over an eye's chart, 1 at the iris' edge."""
        return distance_from_iris(self.rig, part)
