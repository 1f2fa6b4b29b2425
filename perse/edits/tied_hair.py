"""Hair that is pinned up: strands combed over the head to where it is tied, a ponytail, a bun. All of it turns with the skull, but the end
of a tail, which lies on a shoulder."""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from ..attributes.edit_vocabulary import PINNED, Locks, Tuck
from ..render.geometry import grid_on, interpolated, triangle_normals, unit, vertex_normals
from ..texture.atlas import ATLAS, chart_slice, sample
from .bound_mesh import LATEST_START, BoundMesh
from .hair_tones import tones
from .head_measures import Head
from .strands import ribbons

TAIL_TIE, BUN_TIE = np.radians([170.0, 46.0]), np.radians([180.0, 72.0])  # azimuth and elevation at which hair is tied
DOWN, UP = np.array([0.0, 1.0, 0.0]), np.array([0.0, -1.0, 0.0])
BEHIND = 0.95  # eye distances behind the eyes from which hair is combed to the tie
COMBED = (0.35, 0.95)  # share of the way to the tie that a combed strand goes
LIES = (0.004, 0.03)  # eye distances over the pinned hair at which it lies
TAIL = 0.2  # half of a tail's greatest width, eye distances
# Where a tail goes from its tie, to the subject's left of the head, below the eyes and behind them, eye distances: around the back of the head,
# beside the neck and forward over the shoulder. Straight down behind the head nobody would see it from the front.
FALLS = ((0.50, 0.05, 1.35), (0.74, 0.62, 1.02), (0.76, 1.05, 0.72), (0.68, 1.42, 0.38), (0.60, 1.80, 0.20), (0.56, 2.10, 0.15))
ARCH = 0.32  # eye distances that it stands off the head at first
TAIL_LOCKS, TAIL_LIGHT = 14, 0.1  # around a tail; standard deviations of the brightness of locks, and of strands in one
CLEARS = (0.11, 0.02)  # eye distances over head and shoulders of its middle and of each of its strands, at least
PUSH = 0.1  # eye distances that they are moved at once
STAYS = 0.01  # eye distances by which the surface moves at most, where a tail lies on it
RESTS = (
    0.75,
    1.15,
)  # eye distances below the eyes from which on a tail stays behind when the head turns, and from which it lies on the body
HAIRLINE, SWEPT = 0.12, (0.35, 0.75)  # eye distances behind the face within which hair was combed forward; length of that combed back
BUN = (0.20, 0.20)  # radii of a bun's ring and of what winds around it
OVER_EARS = -0.35  # eye distances below the eyes down to which they begin
ALIKE = 24  # neighbours that are about as light
FEWEST = 150  # texels that are a fringe
THINNER = (1.1, 3.6)  # share of them that stand where no hair has gone, and how fast it falls: single ones far before the line are needles
THIN_LENGTH, FEW = 0.26, 8  # eye distances that a strand at a hairline is long; tries for each that stands there
DEEP = 0.62  # brightness of strands inside a tail, of those outside


def _tie(head: Head, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where hair is tied (3,), and the way out of the head there (3,)."""
    azimuth, elevation = (np.array([[angle]]) for angle in at)
    out = head.direction(azimuth, elevation)[0, 0]
    return head.middle + float(head.radius(azimuth, elevation, "pinned")[0, 0]) * out, out


def _frame(out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (3,) across a direction (3,)."""
    across = unit(np.cross(out, [0.0, 0.2, 1.0])[None])[0]
    return across, np.cross(out, across)


def _bound(
    head: Head, paths: np.ndarray, across: np.ndarray, width: float | np.ndarray, color: np.ndarray, start: np.ndarray | None, tip: float
) -> BoundMesh:
    """Strands (S, K + 1, 3) on the skull."""
    face = np.full(paths.shape[:2], head.shaper.bone)
    anchor = head.rig.vertices[head.rig.faces[face]].mean(2).astype(np.float64)
    return ribbons(paths, across, width, color, face, np.full((*face.shape, 3), 1 / 3), anchor, "hair", start, tip)


def _colors(head: Head, points: np.ndarray, color: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tones (S, 3) of strands that come from the hair nearest to points (S, 3)."""
    vertices = head.rig.vertices[head.shaper.shell]
    return tones(head, head.shaper.at[head.shaper.shell[cKDTree(vertices).query(points)[1]]], color, rng)


def combed(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """Strands from the sides and the back of the pinned hair, combed to the tie. In front the photo's own hair is better than any."""
    parts = head.rig.part_faces("face", "shell")
    corners = head.rig.vertices[head.rig.faces[parts]].astype(np.float64)
    weight = sample(head.regions("pinned"), head.rig.uvs[parts].mean(1)[None] * ATLAS)[0]
    share = np.linalg.norm(triangle_normals(corners), axis=1) * np.clip(3 * weight - 2, 0, 1) * (corners.mean(1)[..., 2] > BEHIND)
    return _to_the_tie(head, step, color, parts, share, COMBED, seed)


def swept(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh | None:
    """Strands from all of the hairline, combed back over the roots of what fell over the forehead; None without a fringe."""
    texels = head.regions("own_fringe") > 0.5
    if texels.sum() < FEWEST:
        return None
    parts = head.rig.part_faces("shell")
    corners = head.rig.vertices[head.rig.faces[parts]].astype(np.float64)
    at = head.rig.uvs[parts].mean(1)[None] * ATLAS
    behind = np.zeros_like(head.regions("hair"))
    behind[chart_slice("shell")] = head.regions.behind_outline()
    share = np.linalg.norm(triangle_normals(corners), axis=1) * (sample(head.regions("pinned"), at)[0] > 0.5)
    share *= (sample(behind, at)[0] < HAIRLINE) * (corners.mean(1)[:, 1] < OVER_EARS)
    return _to_the_tie(head, step, color, parts, share, SWEPT, seed) if share.any() else None


def _to_the_tie(
    head: Head, step: Locks, color: np.ndarray, parts: np.ndarray, share: np.ndarray, goes: tuple[float, float], seed: int
) -> BoundMesh:
    """Strands combed over the pinned hair to the tie, from triangles `parts` (P,) of which each has a share (P,) of them; goes: of the way."""
    rng = np.random.default_rng(seed)
    rig, count, pieces = head.rig, step.count, 4
    corners = rig.vertices[rig.faces[parts]].astype(np.float64)
    if share.sum() <= 0:  # nobody has hair to comb
        share = share + 1
    chosen = rng.choice(len(parts), count, p=share / share.sum())
    bary = rng.dirichlet([1.0, 1.0, 1.0], count)
    root = interpolated(corners[chosen], bary)
    azimuth, elevation, _ = head.aim(root)
    first = head.direction(azimuth, elevation)
    last = _tie(head, 0.5 * (TAIL_TIE + BUN_TIE))[1]
    whole = np.arccos(np.clip(first @ last, -1, 1))
    t = np.linspace(0, 1, pieces + 1) ** 1.4  # finer where they begin
    gone = rng.uniform(*goes, count)[:, None] * np.ones(pieces + 1) * t
    sine = np.maximum(np.sin(whole), 0.05)[:, None, None]
    way = (np.sin((1 - gone) * whole[:, None])[..., None] * first[:, None] + np.sin(gone * whole[:, None])[..., None] * last) / sine
    way = unit(way.reshape(-1, 3)).reshape(way.shape)
    azimuth, elevation, _ = head.aim(head.middle + way)
    lies = rng.uniform(*LIES, count)[:, None] * np.interp(t, [0, 0.2, 1], [-1.0, 0.8, 1.0])
    paths = head.middle + (head.radius(azimuth, elevation, "pinned") + lies)[..., None] * way
    tone = _colors(head, paths[:, pieces // 2], color, rng)
    tone = 0.45 * tone + 0.55 * tone[cKDTree(root).query(root, k=min(ALIKE, count))[1]].mean(1)  # neighbours lie in the same light
    # The higher a strand lies the more light it gets.
    shade = np.interp(lies, LIES, [0.86, 1.12]) * np.interp(t, [0, 0.3, 1], [0.9, 1.05, 0.95])
    along = unit((paths[:, 1:] - paths[:, :-1]).reshape(-1, 3)).reshape(count, pieces, 3)
    across = unit(np.cross(np.concatenate([along, along[:, -1:]], 1), way).reshape(-1, 3)).reshape(way.shape)
    # Hair on hair of the same colour: they fade in.
    return _bound(head, paths, across, step.width * rng.uniform(0.6, 1.3, count), tone[:, None] * shade[..., None], None, 0.4)


def ponytail(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """A bundle that leaves the head at the tie and falls forward over one shoulder."""
    rng = np.random.default_rng(seed)
    count, pieces = step.count, 16
    place, out = _tie(head, TAIL_TIE)
    t, thick = np.linspace(0, 1, pieces + 1), TAIL
    surface = _Surface(head)
    middle, ways = _fall(place, out, surface, t)
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
    end = rng.uniform(0.78, 1.0, count) * (1.04 - 0.14 * reach)  # the middle's strands are the longest
    at = end[:, None] * t
    wide = thick * np.interp(at, [0, 0.06, 0.3, 0.7, 1.0], [0.35, 0.5, 0.95, 0.85, 0.55])
    turn = angle[:, None] + 0.8 * at + 0.15 * rng.standard_normal((count, 1)) * t
    wave = 0.035 * rng.standard_normal((count, 1)) * np.sin(7 * at + rng.uniform(0, 6, (count, 1)))
    centre = np.stack([np.interp(at, t, middle[:, k]) for k in range(3)], -1)
    heading = np.stack([np.interp(at, t, np.append(ways[:1, k], ways[:, k])) for k in range(3)], -1)
    side = unit(np.cross(heading.reshape(-1, 3), [0.0, 0.3, 1.0])).reshape(heading.shape)
    other = np.cross(side, heading)
    off = (reach[:, None] * wide + wave)[..., None]
    radial = np.cos(turn)[..., None] * side + np.sin(turn)[..., None] * other
    paths = surface.off(centre + off * radial, CLEARS[1])
    paths[:, 0] -= 0.03 * out
    # Strands inside are in the others' shade; light comes from above.
    locks = TAIL_LIGHT * rng.standard_normal(TAIL_LOCKS)[(angle / (2 * np.pi) * TAIL_LOCKS).astype(int) % TAIL_LOCKS]
    lit = (1 + locks + TAIL_LIGHT * rng.standard_normal(count)).clip(0.6, 1.4)[:, None] + 0.12 * radial @ UP
    shade = (DEEP + (1.08 - DEEP) * reach[:, None] ** 2) * lit * np.interp(t, [0, 0.1, 0.35, 1], [0.75, 0.9, 1.08, 0.98])
    tone = _colors(head, np.repeat(place[None], count, 0) + 0.3 * rng.standard_normal((count, 3)), color, rng)
    start = np.minimum(0.10 * rng.random((count, 1)) + 0.75 * at, LATEST_START)
    face = np.full(paths.shape[:2], head.shaper.bone)
    body = head.rig.part_faces("body")
    # Where no hair hangs that goes: what hung on that would go with it.
    stays = np.linalg.norm(surface.vertices - head.rig.vertices, axis=1)[head.rig.faces[body]].max(1) < STAYS
    body = body[stays] if stays.any() else body
    low = paths[..., 1] > rng.uniform(*RESTS, (count, 1))  # they leave the head at different heights: no kink where they do
    face[low] = body[cKDTree(head.rig.vertices[head.rig.faces[body]].mean(1)).query(paths[low])[1]]
    anchor = head.rig.vertices[head.rig.faces[face]].mean(2).astype(np.float64)
    return ribbons(
        paths,
        np.cross(heading, radial),
        step.width * rng.uniform(0.7, 1.3, count),
        tone[:, None] * shade[..., None],
        face,
        np.full((*face.shape, 3), 1 / 3),
        anchor,
        "hair",
        start,
        0.4,
    )


class _Surface:
    """Head and body with the hair tied, which a tail lies on: vertices (V, 3) of the whole rig as they are then."""

    def __init__(self, head: Head):
        rig, regions, shaper = head.rig, head.regions, head.shaper
        pinned = shaper.tuck(PINNED, regions("pinned")) + shaper.tuck(
            Tuck(0.0), np.maximum(regions("hanging"), regions("covered_ears")), regions("bald_area")
        )
        self.vertices = rig.vertices.astype(np.float64) + pinned
        faces = rig.faces[rig.part_faces("face", "shell", "body")]
        corners = self.vertices[faces]
        points = grid_on(corners, 4)
        self._points, self._tree = points.reshape(-1, 3), cKDTree(points.reshape(-1, 3))
        normals = grid_on(vertex_normals(self.vertices, faces)[faces], 4)
        self._normals = unit(normals.reshape(-1, 3))

    def off(self, points: np.ndarray, clear: float) -> np.ndarray:
        """Points (..., 3) moved out of it, to where they are so far from it, eye distances."""
        flat = points.reshape(-1, 3).copy()
        for _ in range(3):
            near = self._tree.query(flat)[1]
            height = ((flat - self._points[near]) * self._normals[near]).sum(1)
            flat += np.clip(clear - height, 0, PUSH)[:, None] * self._normals[near]
        return flat.reshape(points.shape)


def _fall(place: np.ndarray, out: np.ndarray, surface: _Surface, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle (K + 1, 3) of a tail from its tie on, at shares t (K + 1,) of its length, and which way it goes (K, 3)."""
    knots = np.concatenate([[place, place + ARCH * unit((out + 0.2 * UP)[None])[0]], FALLS])
    walked = np.append(0, np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1)))
    fine = CubicSpline(walked, knots)(np.linspace(0, walked[-1], 60))
    for _ in range(4):  # out of the head and the shoulders, and smooth again
        fine[3:] = surface.off(fine[3:], CLEARS[0])
        fine[1:-1] = 0.25 * fine[:-2] + 0.5 * fine[1:-1] + 0.25 * fine[2:]
    along = np.append(0, np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1)))
    middle = np.stack([np.interp(t * along[-1], along, fine[:, k]) for k in range(3)], -1)
    return middle, unit(np.diff(middle, axis=0))


def bun(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh:
    """Hair wound around where it is tied."""
    rng = np.random.default_rng(seed)
    count, pieces = step.count, 5
    place, out = _tie(head, BUN_TIE)
    ring, thick = BUN
    one, other = _frame(out)
    t = np.linspace(0, 1, pieces + 1)
    # Locks run around the ring and wind about it by the way, each a little deeper or higher than the last.
    around = rng.uniform(0, 2 * np.pi, (count, 1)) + rng.uniform(1.3, 2.2, (count, 1)) * t
    about = rng.uniform(0, 2 * np.pi, (count, 1)) + 1.1 * t
    depth = rng.uniform(0.72, 1.06, (count, 1)) * np.interp(t, [0, 0.15, 0.85, 1], [0.85, 1.0, 1.0, 0.85])
    spoke = np.cos(around)[..., None] * one + np.sin(around)[..., None] * other
    radial = np.cos(about)[..., None] * spoke + np.sin(about)[..., None] * out
    paths = place + 0.72 * thick * out + ring * spoke + thick * depth[..., None] * radial
    heading = np.cross(out, spoke)
    lit = 1 + 0.22 * radial @ UP - 0.22 * np.clip(-radial @ out, 0, 1)
    shade = np.interp(depth, [0.7, 1.06], [0.66, 1.1]) * lit
    tone = _colors(head, np.repeat(place[None], count, 0) + 0.3 * rng.standard_normal((count, 3)), color, rng)
    start = np.minimum(0.45 * rng.random((count, 1)) + 0.3 * t, LATEST_START)
    return _bound(
        head, paths, np.cross(heading, radial), step.width * rng.uniform(0.7, 1.3, count), tone[:, None] * shade[..., None], start, 0.6
    )


def hairline(head: Head, step: Locks, color: np.ndarray, seed: int) -> BoundMesh | None:
    """Thin strands along a line that has moved back, combed away from the forehead; fewer and shorter the farther they stand before it. None
    without hair."""
    rng = np.random.default_rng(seed)
    rig, count, pieces = head.rig, step.count, 2
    parts = rig.part_faces("shell")
    corners = rig.vertices[rig.faces[parts]].astype(np.float64)
    areas = head.regions("temples"), head.regions("hair")
    bald, hair = (sample(area, rig.uvs[parts].mean(1)[None] * ATLAS)[0] for area in areas)
    share = np.linalg.norm(triangle_normals(corners), axis=1) * (bald > 0.05) * (hair > 0.5)
    if share.sum() <= 0:
        return None
    chosen = rng.choice(len(parts), FEW * count, p=share / share.sum())
    bary = rng.dirichlet([1.0, 1.0, 1.0], FEW * count)
    gone = sample(areas[0], rig.uvs_on(parts[chosen], bary)[None] * ATLAS)[0]
    kept = np.flatnonzero(rng.random(FEW * count) < np.clip(THINNER[0] - THINNER[1] * gone, 0, 1) * (gone > 0.05))[:count]
    if not len(kept):
        return None
    face, bary, gone = parts[chosen[kept]], bary[kept], gone[kept]
    # They lie on the skull, and hang on the head as it will be where hair has gone.
    head_then = rig.vertices + head.shaper.tuck(Tuck(0.0), areas[0], head.regions("bald_area"))
    skull = rig.vertices.astype(np.float64).copy()
    skull[head.shaper.shell] = head.shaper.bald
    root = interpolated(skull[rig.faces[face]], bary)
    normal = unit(interpolated(vertex_normals(skull, rig.faces)[rig.faces[face]], bary))
    anchor = interpolated(head_then[rig.faces[face]], bary)
    t = np.linspace(0, 1, pieces + 1)
    # Back over the head, and a little to the side that each is on.
    along = np.stack([0.5 * np.sign(root[:, 0]) * np.abs(root[:, 0]), np.full(len(root), -0.25), np.ones(len(root))], 1)
    along = unit(along + 0.25 * rng.standard_normal(along.shape))
    along = unit(along - (along * normal).sum(1, keepdims=True) * normal)
    length = THIN_LENGTH * rng.uniform(0.5, 1.2, len(root)) * (1 - 0.5 * gone)
    lies = rng.uniform(0.01, 0.035, len(root))[:, None] * np.interp(t, [0, 0.4, 1], [0.0, 1.0, 0.7])
    paths = root[:, None] + (length[:, None] * t)[..., None] * along[:, None] + lies[..., None] * normal[:, None]
    tone = tones(head, rig.uvs_on(face, bary) * ATLAS, color, rng)
    shade = np.interp(t, [0, 0.5, 1], [0.8, 1.05, 1.0])[None, :, None]

    def each(x):
        return np.repeat(x[:, None], pieces + 1, 1)

    across, width = np.cross(along, normal), step.width * rng.uniform(0.6, 1.2, len(root))
    made = ribbons(paths, across, width, tone[:, None] * shade, each(face), each(bary), each(anchor), "hair", None, 0.3)
    return made.made_on(rig, head_then)
