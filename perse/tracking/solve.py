"""Head pose and expression weights from landmarks: a bounded Gauss-Newton fit of every frame of a clip at once.

The unknowns of a frame are a rigid pose (6) and a weight in [0, 1] for each active blendshape; the residuals are the
projected landmarks. The blendshapes form one constant matrix; the jaw, a joint, is linearised about its current angle.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import prange

from ..errors import asking
from ..face.alignment import rotation_about
from ..face.landmarks import EYE, EYE_CORNERS, FACE, JAW_EDGE, NOSE_END, OVAL, STABLE, lid_edges, lip_landmarks
from ..render.jit import compiled
from ..rig.expressions import INDEX, NAMES
from ..rig.rig import Rig
from ..rig.skeleton import JAW_ANGLE, JAW_HINGE, JAW_SLIDE

# Gaze decides the eye_look shapes; the others hardly move a landmark in the picture.
PASSIVE = ("jaw_forward", "tongue_out", "cheek_puff", *(n for n in NAMES if n.startswith("eye_look_")))
ACTIVE = np.array([i for i, name in enumerate(NAMES) if name not in PASSIVE])
ITERATIONS = 5
CHUNK = 64  # frames solved together: bounds the memory of the dense Jacobians
RIDGE = 1e-2  # squared eye distances, against a sum over about 468 landmarks
SPARSITY = 4e-4  # the same, for a weight that is 1: shapes that explain little stay away
SWEEPS, SETTLED = 24, 1e-6  # over all weights, at most, and until none changes by more
# Against 1 of every other landmark: outline landmarks slide along the silhouette as the head turns, but not the jaw's edge; lips and
# lids carry expression.
WEIGHT_OVAL, WEIGHT_LIPS, WEIGHT_LIDS = 0.25, 2.0, 2.0
POSE_ELSEWHERE = 0.01  # of a landmark that expressions move, in the pose, against 1 of one that they do not
# Fixed points weigh, all together, like so many landmarks in the pose; so few of them each weigh no more than among so many.
FIXED_WEIGHT, FIXED_FEW = 300.0, 40
FIXED_TOLERANCE = 0.01  # eye distances


@dataclass(frozen=True)
class Face:
    """The landmarks of a rig with the driver's proportions.

    neutral (468, 3) head frame; basis (E, 468, 3) displacement of every blendshape in the order of expressions.NAMES;
    jaw (468,) weights of the jaw joint.
    """

    neutral: np.ndarray
    basis: np.ndarray
    jaw: np.ndarray

    @staticmethod
    def of(rig: Rig) -> "Face":
        """A rig's own landmarks."""
        return Face(*(x.astype(np.float64) for x in (rig.vertices[:FACE], rig.blendshapes[:, :FACE], rig.jaw[:FACE])))

    def pose(self, weights: np.ndarray, detail: np.ndarray | float = 0.0) -> np.ndarray:
        """Landmarks (T, 468, 3) at blendshape weights (T, E), as `rig.Poser` places them with the head at rest.

        detail: (T, 468, 3) displacement of the rest shape.
        """
        shaped = self.neutral + detail + (weights @ self.basis.reshape(len(self.basis), -1)).reshape(-1, FACE, 3)
        moved, _ = self._swing(shaped, weights)
        return shaped + self.jaw[:, None] * (moved - shaped)

    def jaw_tangent(self, weights: np.ndarray) -> np.ndarray:
        """Derivative (T, 468, 3) of `pose` by the weight of jaw_open."""
        shaped = self.neutral + (weights @ self.basis.reshape(len(self.basis), -1)).reshape(-1, FACE, 3)
        _, tangent = self._swing(shaped, weights)
        return self.basis[INDEX["jaw_open"]] + self.jaw[:, None] * tangent * JAW_ANGLE

    def slides(self) -> np.ndarray:
        """Basis (E, 468, 3) with the sideways slide of the jaw joint written into its two shapes."""
        basis = self.basis.copy()
        basis[INDEX["jaw_left"], :, 0] += self.jaw * JAW_SLIDE
        basis[INDEX["jaw_right"], :, 0] -= self.jaw * JAW_SLIDE
        return basis

    def _swing(self, points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points rotated and slid with the jaw joint, and their derivative by its angle."""
        angle = (weights[:, INDEX["jaw_open"]] * JAW_ANGLE)[:, None]
        cos, sin = np.cos(angle), np.sin(angle)
        arm = points - JAW_HINGE
        y = cos * arm[..., 1] - sin * arm[..., 2]
        z = sin * arm[..., 1] + cos * arm[..., 2]
        slide = (weights[:, INDEX["jaw_left"]] - weights[:, INDEX["jaw_right"]])[:, None] * JAW_SLIDE
        back = weights[:, INDEX["jaw_forward"]][:, None] * JAW_SLIDE
        moved = np.stack([arm[..., 0] + slide, y, z - back], -1) + JAW_HINGE
        return moved, np.stack([np.zeros_like(y), -z, y], -1)


def landmark_weights() -> np.ndarray:
    """(468,) how much each landmark counts."""
    weight = np.ones(FACE)
    weight[[i for i in OVAL if i not in JAW_EDGE]] = WEIGHT_OVAL
    weight[lip_landmarks()] = WEIGHT_LIPS
    for side in EYE:
        weight[lid_edges(side)] = WEIGHT_LIDS
    return weight


def pose_weights() -> np.ndarray:
    """(468,) how much each landmark counts for the pose: forehead, temples, eye corners and the bridge of the nose."""
    weight = np.full(FACE, POSE_ELSEWHERE)
    weight[[i for i in STABLE if i not in NOSE_END]] = 1.0
    return weight


def bounded(gram: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Minimise x'Gx/2 - s'x within bounds for many problems at once, by coordinate descent.

    Args:
        gram: (T, E, E) positive definite; slope, low, high: (T, E).
    """
    x = np.empty_like(slope)
    _descend(*(np.ascontiguousarray(a) for a in (gram, slope, low, high)), x)
    return x


def grams(columns: np.ndarray) -> np.ndarray:
    """(T, E, E) of columns (T, R, E): A'A of each. A frame is one core's: BLAS would share each out to all, and while others have work to do
    the last of them comes long after the rest, twenty times what the product takes."""
    out = np.zeros((len(columns), columns.shape[2], columns.shape[2]))
    _multiply(np.ascontiguousarray(columns), out)
    return out


@compiled(parallel=True)
def _multiply(columns, out):
    for t in prange(len(columns)):
        rows, count = columns.shape[1], columns.shape[2]
        whole = rows - rows % 4
        for r in range(0, whole, 4):  # four at a time: `out` is read and written a quarter as often
            for i in range(count):
                a, b, c, d = columns[t, r, i], columns[t, r + 1, i], columns[t, r + 2, i], columns[t, r + 3, i]
                for j in range(i, count):
                    out[t, i, j] += a * columns[t, r, j] + b * columns[t, r + 1, j] + c * columns[t, r + 2, j] + d * columns[t, r + 3, j]
        for r in range(whole, rows):
            for i in range(count):
                for j in range(i, count):
                    out[t, i, j] += columns[t, r, i] * columns[t, r, j]
        for i in range(count):
            for j in range(i):
                out[t, i, j] = out[t, j, i]


@compiled(parallel=True)
def _descend(gram, slope, low, high, x):
    for t in prange(len(x)):
        count = x.shape[1]
        for j in range(count):
            x[t, j] = min(max(0.0, low[t, j]), high[t, j])
        gradient = -slope[t]
        for i in range(count):
            for j in range(count):
                gradient[i] += gram[t, i, j] * x[t, j]
        for _ in range(SWEEPS):
            largest = 0.0
            for j in range(count):
                new = min(max(x[t, j] - gradient[j] / gram[t, j, j], low[t, j]), high[t, j])
                step = new - x[t, j]
                if step != 0:
                    x[t, j] = new
                    largest = max(largest, abs(step))
                    for i in range(count):
                        gradient[i] += gram[t, j, i] * step
            if largest < SETTLED:
                break


@dataclass
class Fit:
    """Per frame: rotation (T, 3, 3) and shift (T, 3) of the head in the camera, weights (T, E)."""

    rotation: np.ndarray
    shift: np.ndarray
    weights: np.ndarray


@dataclass
class Fixed:
    """Points of the head that no expression moves: points (M, 3) in the head's frame, observed (T, M, 2) pixels,
    seen (T, M) bool."""

    points: np.ndarray
    observed: np.ndarray
    seen: np.ndarray

    def __getitem__(self, frames: slice) -> "Fixed":
        return Fixed(self.points, self.observed[frames], self.seen[frames])


def solve(
    face: Face,
    observed: np.ndarray,
    fixed: Fixed,
    K: np.ndarray,
    rotation: np.ndarray,
    shift: np.ndarray,
    effective,
    cancelled: Callable[[], bool] = lambda: False,
) -> Fit:
    """Fit all frames.

    Args:
        face: the driver's landmarks and how they move.
        observed: (T, 468, 2) pixels of the camera K (3, 3).
        fixed: further points for the pose, in the same pixels.
        rotation, shift: (T, 3, 3), (T, 3) where to start.
        effective: (weights (T, E), rotation, shift, frames slice) -> weights (T, E) that the rig really uses.
        cancelled: asked in each step; BuildCancelled is raised when it says so.
    """
    fits = [
        _solve_chunk(face, observed[s], fixed[s], K, rotation[s], shift[s], lambda *a, s=s: effective(*a, s), cancelled)
        for s in (slice(i, i + CHUNK) for i in range(0, len(observed), CHUNK))
    ]
    return Fit(*(np.concatenate([getattr(f, name) for f in fits]) for name in ("rotation", "shift", "weights")))


def _linearised(
    local: np.ndarray, observed: np.ndarray, K: np.ndarray, rotation: np.ndarray, shift: np.ndarray, eye: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals of projected points and their derivatives, in eye distances.

    Args:
        local: (T, N, 3) head frame; observed (T, N, 2) pixels; eye: pixels to an eye distance.

    Returns:
        residual (T, N, 2); its derivatives by a point's position (T, N, 2, 3) and by the pose (T, N, 2, 6).
    """
    turned = local @ rotation.transpose(0, 2, 1)
    points = turned + shift[:, None]
    z = points[..., 2]
    residual = (observed - K[0, 0] * points[..., :2] / z[..., None] - K[:2, 2]) / eye
    scale = K[0, 0] / (eye * z)
    lens = np.zeros((*z.shape, 2, 3))
    lens[..., 0, 0] = lens[..., 1, 1] = scale
    lens[..., 0, 2] = -scale * points[..., 0] / z
    lens[..., 1, 2] = -scale * points[..., 1] / z
    x, y, deep = turned[..., 0], turned[..., 1], turned[..., 2]
    nil = np.zeros_like(x)
    spin = np.stack([nil, deep, -y, -deep, nil, x, y, -x, nil], -1).reshape(*x.shape, 3, 3)  # -[turned]x
    return residual, lens @ rotation[:, None], np.concatenate([lens @ spin, lens], -1)


def _from_fixed(fixed: Fixed, K, rotation, shift, eye: float) -> tuple[np.ndarray, np.ndarray]:
    """What the fixed points add to the pose's normal equations, (T, 6, 6) and (T, 6); outliers count less (Huber)."""
    local = np.broadcast_to(fixed.points, (len(fixed.observed), *fixed.points.shape))
    residual, _, rigid = _linearised(local, fixed.observed, K, rotation, shift, eye)
    weight = fixed.seen / np.maximum(1.0, np.linalg.norm(residual, axis=-1) / FIXED_TOLERANCE)
    # However many there are, together they count as FIXED_WEIGHT landmarks.
    weight = FIXED_WEIGHT * weight / np.maximum(fixed.seen.sum(1, keepdims=True), FIXED_FEW)
    weighted = rigid * weight[..., None, None]
    return np.einsum("tnai,tnaj->tij", weighted, rigid, optimize=True), np.einsum("tnai,tna->ti", weighted, residual)


def _solve_chunk(face, observed, fixed, K, rotation, shift, effective, cancelled) -> Fit:
    count, active = len(observed), len(ACTIVE)
    eye = np.linalg.norm(observed[:, EYE_CORNERS[1]] - observed[:, EYE_CORNERS[0]], axis=-1).max()
    root = np.sqrt(landmark_weights())
    # Relative weight of every residual in the pose.
    steady = np.repeat(pose_weights() / landmark_weights(), 2)[:, None]
    slides = face.slides()[ACTIVE]
    jaw = int(np.flatnonzero(ACTIVE == INDEX["jaw_open"])[0])
    weights = np.zeros((count, len(NAMES)))
    for _ in asking(range(ITERATIONS), cancelled):
        used = effective(weights, rotation, shift)
        local = face.pose(used)
        residual, by_shape, rigid = _linearised(local, observed, K, rotation, shift, eye)
        residual, by_shape, rigid = (x * root.reshape(-1, *[1] * (x.ndim - 2)) for x in (residual, by_shape, rigid))
        columns = np.einsum("tnab,enb->tnae", by_shape, slides, optimize=True)
        columns[..., jaw] = np.einsum("tnab,tnb->tna", by_shape, face.jaw_tangent(used))
        rigid = rigid.reshape(count, -1, 6)
        columns = columns.reshape(count, -1, active)
        residual = residual.reshape(count, -1)

        # The pose hangs on what expressions do not move, or an opening mouth would pass for a nod.
        held = rigid * steady
        gram = held.transpose(0, 2, 1) @ rigid + 1e-9 * np.eye(6)
        slope = np.einsum("tri,tr->ti", held, residual)
        if len(fixed.points):
            more_gram, more_slope = _from_fixed(fixed, K, rotation, shift, eye)
            gram, slope = gram + more_gram, slope + more_slope
        answer = np.linalg.solve(gram, np.concatenate([held.transpose(0, 2, 1) @ columns, slope[..., None]], -1))
        # Pose change = answer[-1] - answer[:-1] (weight change): what is left of the residual is the weights' business.
        columns = columns - rigid @ answer[..., :-1]
        residual = residual - np.einsum("tri,ti->tr", rigid, answer[..., -1])
        now = weights[:, ACTIVE]
        # The weights themselves, not their change, are bounded and kept small.
        target = residual + np.einsum("tre,te->tr", columns, now)
        gram = grams(columns) + RIDGE * np.eye(active)
        slope = np.einsum("tre,tr->te", columns, target) - SPARSITY
        new = bounded(gram, slope, np.zeros_like(slope), np.ones_like(slope))
        step = answer[..., -1] - np.einsum("tie,te->ti", answer[..., :-1], new - now)
        rotation = rotation_about(step[:, :3]) @ rotation
        shift = shift + step[:, 3:]
        weights[:, ACTIVE] = new
        # The lower lip can rise only as far as the jaw has dropped (expressions.expand).
        close = INDEX["mouth_close"]
        weights[:, close] = np.minimum(weights[:, close], weights[:, INDEX["jaw_open"]])
    return Fit(rotation, shift, weights)
