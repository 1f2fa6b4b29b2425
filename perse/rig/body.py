"""Neck, shoulders and chest, with the hair that hangs over them: a stack of rows as wide as the portrait's outline.

Every row is a closed curve around the neck's axis: a round neck, wings to both sides that thicken from the collar to the
shoulders, and behind them, where hair is long, the curtain that it makes from the back of the head downwards.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from ..face.landmarks import CHIN, JAW_ANGLES
from ..render.camera import Camera
from ..smooth_ramps import smooth_step

ROWS = 28
ANGLES = 40
NECK_DEPTH = 0.80  # how far behind the eyes the neck's axis runs
FLOOR = 0.30  # eye distances above the chin up to which a throat rises behind the jaw; farther up it stays clear of the mouth
LEAN = (0.5, 1.6)  # of the throat, backwards for every step upwards, below that and above
FLARE = 0.97  # of the jaw's width, of the neck behind it
NAPE, DEEPEST = 1.4, 0.82  # a neck is deeper than wide: how much farther its back lies from the axis than its sides, and how far at most
ABOVE = 0.75  # eye distances from the uppermost row down to the chin
ABOVE_CURTAIN = 1.0  # and where hair hangs behind the neck, which begins farther up
EXTRA = 0.9  # eye distances of bust added below the crop
LEAST = 2.2  # eye distances from the chin to the end of any bust
SHOULDERS = 1.1  # eye distances below the chin where a bust has its full depth
THICK = 0.82  # half of that depth
CURTAIN = 1.02  # from the neck's axis back to the hair that hangs down behind it
LOCKS = 0.45  # from the neck's axis forwards to the hair that hangs beside it
LONG_HAIR = 0.25  # eye distances below the chin that hair must reach to hang behind the neck as well
UNDER_HAIR = 0.15  # half of how far up a shoulder goes on under hair that lies on it, eye distances
CUT, LONGER = 0.12, 0.6  # hair that ends so near to the photo's lower edge is cut off by it; and how far it is taken to go on
WIDEST = 1.9  # eye distances from the neck to the end of the widest hair
REACH = 2.6  # eye distances from the neck to the end of the widest shoulders


@dataclass
class Body:
    """Vertices (ROWS * ANGLES, 3) in the head frame, faces, head (ROWS * ANGLES,): how far they follow the head's turns."""

    vertices: np.ndarray
    faces: np.ndarray
    head: np.ndarray


def envelope(below: np.ndarray) -> np.ndarray:
    """How far from the neck's axis a bust may reach, `below` the chin; both in eye distances."""
    return np.clip(1.2 + 1.6 * (below + 0.3), 1.0, REACH)


def build_body(face: np.ndarray, camera: Camera, person: np.ndarray, neck: np.ndarray, clothes: np.ndarray, hair: np.ndarray) -> Body:
    """Wrap rows around the person below the jaw.

    Args:
        face: (468+, 3) head frame.
        camera: the portrait's.
        person: (S, S) alpha; neck, clothes, hair: (S, S) masks.
    """
    size = person.shape[0]
    chin_xy, _ = camera.project(face[[CHIN]])
    axis_z = float(camera.to_camera(np.array([[0.0, 0.9, NECK_DEPTH]]))[0, 2])
    unit = camera.K[0, 0] / axis_z  # pixels per eye distance at the neck's axis
    chin_y = float(chin_xy[0, 1])
    jaw, _ = camera.project(face[list(JAW_ANGLES)])
    jaw_width = float(np.linalg.norm(jaw[1] - jaw[0]) / unit)
    default = 0.42 * jaw_width
    centre = float(camera.project(np.array([[0.0, 1.15, 0.62]]))[0][0, 0])

    ends = (hair_reach(hair, np.arange(max(0, int(chin_y - ABOVE * unit)), size), centre, unit) - chin_y) / unit  # (2,) below the chin
    # Hair that the photo's lower edge cuts off goes on.
    cut = (np.flatnonzero((person > 0.5).any(1))[-1] - chin_y) / unit if (person > 0.5).any() else np.inf
    ends = np.where((ends > cut - CUT) & (ends > LONG_HAIR - LONGER), ends + LONGER, ends)
    above = ABOVE_CURTAIN if (ends > LONG_HAIR).any() else ABOVE
    ys = np.arange(int(chin_y - above * unit), int(max(size + EXTRA * unit, chin_y + LEAST * unit)))
    below = (ys - chin_y) / unit
    # Cloth goes on under the hair that lies on it.
    under = cv2.dilate(clothes, np.ones((2 * round(UNDER_HAIR * unit) + 1, 1)), anchor=(0, 0)) * np.clip(2 * hair, 0, 1)
    clothes = np.maximum(clothes, under)
    bare = _extents(np.maximum(person * np.clip(1 - hair, 0, 1), under), ys, centre, unit)
    skin = _extents(neck, ys, centre, unit)
    seen = (below > 0.03) & (below < 0.25) & np.isfinite(skin).all(1)
    width = float(np.clip(np.median(skin[seen].mean(1)), 0.75 * default, 1.25 * default)) if seen.any() else default
    # A head that is turned looks past the middle of its neck.
    shift = float(np.clip(np.median(skin[seen, 1] - skin[seen, 0]) / 2, -0.2, 0.2)) if seen.any() else 0.0
    centre += shift * unit
    bare += [shift, -shift]

    bare[below < 0.05] = np.nan
    collar = _extents(clothes, ys, centre, unit, beside=True)
    bare = np.where((below < 0.05)[:, None], np.fmax(collar, 0), bare)
    bust = np.stack([_side(bare[:, side], below, width) for side in (0, 1)], 1)
    reach = bust.copy()
    outline = np.fmax(_extents(person, ys, centre, unit), _extents(hair, ys, centre, unit, beside=True))
    for side in np.flatnonzero(ends > LONG_HAIR):
        fall = np.where(below < ends[side], outline[:, side], np.nan)
        # Its upper end lies in the shell, whose hair it carries on without a waist.
        inside = 0.72 + 0.28 * smooth_step(below, -above, -0.5 * above)
        reach[:, side] = np.fmax(reach[:, side], np.fmin(gaussian_filter1d(_filled(fall), 0.05 * unit), WIDEST) * inside)
    # Behind the jaw the throat is as wide as it, as far as the person's outline lets it be.
    room = np.where(np.isfinite(outline), 0.96 * outline, np.inf)
    throat = np.fmax(reach, np.minimum(min(FLARE * jaw_width / 2, 1.25 * width), room) * smooth_step(-below, -0.1, 0.25)[:, None])
    reach, throat, bust = (gaussian_filter1d(x, 0.03 * unit, axis=0, mode="nearest") for x in (reach, throat, bust))

    # Rows at equal steps along the outline, so that a flat shoulder gets as many as a long neck.
    arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(reach.mean(1)), np.diff(ys) / unit))])
    at = np.interp(np.linspace(0, arc[-1], ROWS), arc, np.arange(len(ys)))

    def rows(values):
        return np.interp(at, np.arange(len(ys)), values)

    sides, throats = (np.stack([rows(x[:, 0]), rows(x[:, 1])], 1) for x in (reach, throat))
    below_row = rows(below)
    length = float(ends.max()) if (ends > LONG_HAIR).any() else -np.inf
    x, z = _sections(sides, throats, below_row, width, length)
    points = np.stack(
        [x + (centre - camera.K[0, 2]) / unit, np.broadcast_to(((rows(ys) - camera.K[1, 2]) / unit)[:, None], x.shape), z + axis_z], -1
    ).reshape(-1, 3)
    vertices = camera.to_world(points)

    # What lies below a collar stays, even where the bust is narrow again.
    wide = rows(bust.max(1)) / width
    narrow = np.minimum.accumulate(1 - np.clip((wide - 1.25) / 0.6, 0, 1))
    return Body(vertices, _faces(), np.repeat(smooth_step(below_row, 0.55, -0.3) * narrow, ANGLES))


def hair_reach(hair: np.ndarray, ys: np.ndarray, centre: float, unit: float) -> np.ndarray:
    """Row (2,) of the picture down to which hair (S, S) hangs on the left and the right of the neck at `centre`, in pixels."""
    size = len(hair)
    inside = ys[(ys >= 0) & (ys < size)]
    ends = np.full(2, -np.inf)
    for side, (a, b) in enumerate(((centre - 1.8 * unit, centre - 0.3 * unit), (centre + 0.3 * unit, centre + 1.8 * unit))):
        a, b = (int(np.clip(edge, 0, size)) for edge in (a, b))
        broad = (hair[inside, a:b] > 0.5).sum(1) > 0.2 * unit
        gap = np.flatnonzero(~median_filter(broad, max(3, int(0.15 * unit)), mode="nearest"))
        ends[side] = inside[gap[0] if len(gap) else -1] if len(inside) else -np.inf
    return ends


def _extents(mask: np.ndarray, ys: np.ndarray, centre: float, unit: float, beside: bool = False) -> np.ndarray:
    """Distances (len(ys), 2) in eye distances from the neck to the left and right end of the mask's run of pixels around it,
    NaN where there is none: a raised hand or a second person is not the bust.

    Args:
        mask: (S, S); ys: rows, also outside of the picture; centre: the neck's column; beside: what stands next to the
            face counts, though nothing is under it.
    """
    out = np.full((len(ys), 2), np.nan)
    for n, y in enumerate(ys):
        if not 0 <= y < len(mask):
            continue
        xs = np.flatnonzero(mask[y] > 0.5)
        if beside:
            for side, far in enumerate((centre - xs[xs < centre], xs[xs > centre] - centre)):
                far = far[far < 1.6 * unit]
                out[n, side] = far.max() / unit if len(far) > 0.05 * unit else np.nan
        elif len(xs):
            runs = np.split(xs, np.flatnonzero(np.diff(xs) > 0.08 * unit) + 1)
            run = min(runs, key=lambda q: max(q[0] - centre, centre - q[-1], 0))
            if run[0] - 0.3 * unit < centre < run[-1] + 0.3 * unit:
                out[n] = (centre - run[0]) / unit, (run[-1] + 1 - centre) / unit
    return out


def _filled(values: np.ndarray) -> np.ndarray:
    """Values (N,) with straight lines over what is NaN."""
    known = np.flatnonzero(np.isfinite(values))
    return np.interp(np.arange(len(values)), known, values[known]) if len(known) else np.zeros(len(values))


def _side(extent: np.ndarray, below: np.ndarray, width: float) -> np.ndarray:
    """One side's outline (N,) from what is seen of it (NaN elsewhere): at least the neck, at most an envelope, and never
    wider above than below down to the shoulders; beyond the photo shoulders slope as shoulders do.

    Args:
        extent, below: (N,), eye distances from the neck's axis and below the chin; width: half the neck's.
    """
    usual = width + (2.1 - width) * smooth_step(below, 0.2, 1.2)
    known = np.flatnonzero(np.isfinite(extent))
    if not len(known) or below[known[-1]] < 0.05:
        return np.maximum(usual, np.fmax(extent, 0))
    out = np.clip(median_filter(_filled(extent), max(3, int(0.06 / (below[1] - below[0]))), mode="nearest"), width, envelope(below))
    last = known[-1]
    grown = out[last] + np.maximum(usual - usual[last], 0)
    out[last:] = np.minimum(grown, np.maximum(envelope(below) - 0.2, out[last]))[last:]
    upper = below < 1.2
    out[upper] = np.maximum.accumulate(out[upper])
    return out


def _sections(sides: np.ndarray, throats: np.ndarray, below: np.ndarray, width: float, length: float) -> tuple[np.ndarray, np.ndarray]:
    """x and z (ROWS, ANGLES), eye distances from the neck's axis, of the rows' curves; angle 0 is in front.

    Args:
        sides, throats: (ROWS, 2) extents to the left and right, and those in front; below: (ROWS,) distance below the chin; width: half
            the neck's; length: how far below the chin hair hangs behind, -inf if it does not.
    """
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
    sine, below = np.sin(angle)[None], below[:, None]
    edge, wider = (np.where(sine < 0, x[:, :1], x[:, 1:]) for x in (sides, throats))
    edge = edge + (wider - edge) * smooth_step(np.cos(angle), -0.6, 0.2)[None]
    # Its upper end is narrower, for the skull to take it in; where hair hangs on both, later.
    edge = edge * (0.8 + 0.2 * (smooth_step(below, -ABOVE_CURTAIN, -0.5) if np.isfinite(length) else smooth_step(below, -ABOVE, -0.45)))
    width = width * (0.8 + 0.2 * smooth_step(below, -ABOVE, -0.45))
    x = edge * sine
    # Behind the jaw the throat is round as far as it is wide.
    throat = width * (1 + (np.clip(edge / width, 1, 1.35) - 1) * smooth_step(-below, -0.1, 0.25))
    front, nape = (w * np.sqrt(np.clip(1 - (x / w) ** 2, 0, 1)) for w in (throat, width))
    deeper = (np.clip(DEEPEST / width, 1, NAPE) - 1) * smooth_step(below, -ABOVE, -0.3)
    # A little squarer than an ellipse: chests are flat in front.
    wing = np.abs(np.cos(angle))[None] ** 0.8
    depth = 0.25 + (THICK - 0.25) * smooth_step(below, -0.1, SHOULDERS)
    if np.isfinite(length):
        # Hair beside the neck hangs where the head's own ends, not farther back.
        depth = np.maximum(depth, LOCKS * (1 - smooth_step(below, length - 0.3, length + 0.1)))
    depth = np.minimum(depth, sides.max(1)[:, None])
    front, nape = (np.maximum(neck, wing * depth) for neck in (front, nape * (1 + deeper)))
    # Above the chin the throat leans back to the base of the skull: it must not stand in the open mouth. The nape stays,
    # and so does a collar beside the jaw.
    lean = LEAN[0] * np.clip(-below, 0, FLOOR) + LEAN[1] * np.clip(-below - FLOOR, 0, None)
    lean = np.minimum(lean, 1.5 * throat) * (1 - 0.85 * smooth_step(np.abs(x), throat, 1.3 * throat))
    # Shoulders lie a little behind the throat.
    back = 0.06 * smooth_step(below, 0, SHOULDERS)
    if np.isfinite(length):
        # It leaves the skull where that is still wide, and goes straight down from there.
        deep = 0.6 + (CURTAIN - 0.6) * smooth_step(below, -ABOVE_CURTAIN, -0.3)
        deep = deep * (1 - smooth_step(below, length - 0.2, length + 0.4))
        nape = np.maximum(nape, deep * np.clip(1 - sine**4, 0, 1) ** 0.5)
    z = np.where(np.cos(angle)[None] >= 0, np.minimum(lean - front, 0.4 * front), nape) + back
    return x, z


def _faces() -> np.ndarray:
    faces = []
    for r in range(ROWS - 1):
        a = r * ANGLES + np.arange(ANGLES)
        b = r * ANGLES + (np.arange(ANGLES) + 1) % ANGLES
        faces += [np.stack([a, b, a + ANGLES], 1), np.stack([b, b + ANGLES, a + ANGLES], 1)]
    return np.concatenate(faces)
