"""Facial hair: fine strands that follow a growth field, over a coat of the finer ones that no strand stands for."""

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..attributes.edit_vocabulary import Strands
from ..face.landmarks import FACE, LIPS_OUTLINE
from ..face.polygons import polygon
from ..render.geometry import interpolated, triangle_normals, unit
from ..rig.rig import Rig
from ..smooth_ramps import smooth_step
from ..texture.atlas import ATLAS, Texture, chart_slice, sample
from ..texture.cie_lab import to_lab, to_rgb
from .bound_mesh import LATEST_START, BoundMesh
from .edit import Patch
from .growth_field import Field, field_of
from .strands import ribbons

MOST_STRANDS = 4600
DOWN = np.array([0.0, 1.0, 0.0])
FADING = 36.0  # texels over which hair thins out towards the border of its region, and less where that is narrow
RAGGED = 0.15  # of the density near the border, by which it varies from place to place
THINS = 1.6  # exponent by which the coat thins out before the strands do: single hairs end a beard, not a shade
LEAST_WEIGHT = 0.15  # of a region, from which hair grows
GROWS, LONG_GROWS = (0.6, 0.1), (0.25, 0.5)  # of the amount over which strands begin, one after the other, and over which each grows
FADES = 0.7  # opacity below which strands fade in instead
STRANDS_OF_LOCK = 9  # that lean together towards their tips
LOCK_REACH = 0.05  # eye distances from a lock's middle within which a strand leans towards it
LEAN = 0.5  # of the way to a lock's tip, at a strand's tip
VARIED = (7.5, 0.16)  # standard deviation of strands' L*, and of their chroma as a share of it
LIPS_CLEAR = 0.8  # of the way to the lips, that a strand is long at most
LIPS_SIDE = 512  # pixels of the picture, as the portrait's camera sees it, in which nothing may grow before the lips
OVER_EDGE = 0.006  # eye distances by which they may reach over the lip's edge
TEXELS = 225.0  # an eye distance, about
LIT = (0.55, 1.3)  # least and most brightness of a strand for the light that falls where it grows, of the mean


def thinned(region: np.ndarray, texture: Texture, seed: int) -> np.ndarray:
    """Density (ATLAS, ATLAS), 0 to 1, of hair that grows on a region's weight: full in its midst, thin and ragged at its border."""
    covered = texture.faces >= 0
    # Where a chart ends the region goes on in the next.
    within = ((region > LEAST_WEIGHT) | ~covered).astype(np.uint8)
    deep = cv2.distanceTransform(within, cv2.DIST_L2, 5)
    window = int(0.5 * FADING) | 1
    narrow = cv2.blur(cv2.dilate(np.where(covered, deep, 0).astype(np.float32), np.ones((window, window))), (window, window))
    inside = smooth_step(deep / np.clip(narrow, 4.0, FADING), 0.0, 1.0) * np.clip(2.5 * region, 0, 1)
    noise = cv2.GaussianBlur(np.random.default_rng(seed).standard_normal(region.shape).astype(np.float32), (0, 0), 1.6)
    ragged = RAGGED * (noise / max(float(noise.std()), 1e-6)) * 4 * inside * (1 - inside)
    return np.clip(inside + ragged, 0, 1).astype(np.float32) * covered


def grow(rig: Rig, texture: Texture, edit: Strands, region: np.ndarray, color: np.ndarray, seed: int) -> BoundMesh:
    """Strands on one region.

    Args:
        region: (ATLAS, ATLAS) weight of the region.
        color: (3,) RGB of the hair.
    """
    rng = np.random.default_rng(seed)
    density, field = thinned(region, texture, seed), field_of(edit.region, rig)
    face, bary, weight = _roots(rig, field, edit, density, rng)
    corners = rig.vertices[rig.faces].astype(np.float64)
    root = interpolated(corners[face], bary)
    normal = unit(interpolated(rig.vertex_normals[rig.faces[face]], bary))
    at = rig.uvs_on(face, bary)
    along = field.direction(root, normal, rng)
    length = edit.length * field.length(root) * (0.45 + 0.55 * weight) * rng.uniform(0.6, 1.2, len(root))
    if edit.pieces > 2:  # longest in the middle
        length *= np.clip(1.15 - 0.9 * np.abs(root[:, 0]), 0.4, 1)
    else:
        length = np.minimum(length, _clear_of_lips(texture, at, along))
    paths = _locked(_paths(edit, root, normal, along, length, rng), root, rng)
    kept = ~_before_lips(rig, paths)
    face, bary, root, normal, along, at, paths = (x[kept] for x in (face, bary, root, normal, along, at, paths))
    count, points = paths.shape[:2]
    t = np.linspace(0, 1, points)
    tone = _tones(color, count, edit.varied, rng) * _light(texture, region, at)[:, None]
    # Roots lie in the shadow of what grows above them; tips are bleached and lit.
    shade = np.interp(t, [0, 0.5, 1], [0.8, 1.0, 1.08])
    # Roots come one by one, those first that are most like the skin: what comes later is unlike it, and nowhere does the picture go there and
    # back. They grow fast, or light tips would come over dark roots. Stubble is short and half transparent, and fades in.
    order = np.abs(tone.mean(1) - sample(texture.color, at[None] * ATLAS)[0].mean(1)).argsort().argsort() / max(count, 1)
    comes, grows = LONG_GROWS if edit.pieces > 2 else GROWS
    start = np.minimum(comes * order[:, None] + grows * t * edit.pieces / (edit.pieces - 1), LATEST_START)
    return ribbons(
        paths,
        unit(np.cross(along, normal)),
        edit.width * rng.uniform(0.55, 1.3, count),
        tone[:, None] * shade[None, :, None],
        np.repeat(face[:, None], points, 1),
        np.tile(bary[:, None], (1, points, 1)),
        np.tile(root[:, None], (1, points, 1)),
        edit.kind,
        start if edit.opacity >= FADES else None,
    )


def coat(rig: Rig, texture: Texture, edit: Strands, region: np.ndarray, color: np.ndarray, seed: int) -> Patch | None:
    """What the skin looks like between the strands: hair too fine and too dense to be strands of its own, and their shadow."""
    # Texels beside a chart's triangles, which look-ups at its border read, are as those inside.
    density = edit.cover * thinned(region, texture, seed)[texture.nearest] ** THINS
    rows, columns = np.flatnonzero(density.max(1) > 0.01), np.flatnonzero(density.max(0) > 0.01)
    if not len(rows):
        return None
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share, skin = density[box], texture.color[box]
    grain = _fine_grain(share.shape, seed)
    light = _brightness(texture, region)[box][..., None]
    hair = to_lab(np.clip(0.85 * color * light, 0, 1).astype(np.float32))
    hair[..., 0] += VARIED[0] * grain
    # Where there is less hair there are fewer hairs, not fainter ones.
    share = np.clip(share * (1 + 0.5 * grain * (1 - share)), 0, 1)[..., None]
    # Skin under hair lies in its shadow, in the skin's own colour.
    shaded = skin * (1 - 0.25 * share)
    return box, (shaded + share * (to_rgb(hair) - shaded) - skin).astype(np.float32)


def _roots(
    rig: Rig, field: Field, edit: Strands, density: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles (S,), barycentric coordinates (S, 3) and density (S,) of strands, spread over the surface by density."""
    area = 0.5 * np.linalg.norm(triangle_normals(rig.vertices[rig.faces].astype(np.float64)), axis=1)
    centre = sample(density, rig.uvs.mean(1)[None] * ATLAS)[0]
    corner = sample(density, rig.uvs.reshape(1, -1, 2) * ATLAS)[0].reshape(-1, 3).max(1)
    expected = area * edit.density * field.density(rig.vertices[rig.faces].mean(1)) * (np.maximum(centre, corner) > 0.02)
    expected *= min(1.0, MOST_STRANDS / max(expected.sum(), 1))
    count = np.floor(expected + rng.random(len(expected))).astype(int)
    face = np.repeat(np.arange(len(area)), count)
    a, b = rng.random(len(face)), rng.random(len(face))
    fold = a + b > 1
    a[fold], b[fold] = 1 - a[fold], 1 - b[fold]
    bary = np.stack([1 - a - b, a, b], 1)
    weight = sample(density, rig.uvs_on(face, bary)[None] * ATLAS)[0]
    keep = rng.random(len(face)) < weight
    return face[keep], bary[keep], weight[keep]


def _paths(
    edit: Strands, root: np.ndarray, normal: np.ndarray, along: np.ndarray, length: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Strands (S, K + 1, 3) that leave the skin, follow the field and bend down with their weight."""
    lift = edit.lift * rng.uniform(0.6, 1.4, len(root))[:, None]
    first = unit(along * (1 - lift) + normal * lift)
    path, base = [root - 0.15 * length[:, None] * normal * lift], root
    sway = 0.10 * rng.standard_normal((len(root), 3)) * [1, 0, 1]
    for k in range(edit.pieces):
        # Past the jaw's edge strands hang instead of curling under, the more so the longer they are.
        heavy = edit.heavy if edit.pieces == 2 else min(1.0, 0.5 + 0.3 * k)
        hang = (1 - heavy) * along + heavy * DOWN + 0.12 * normal * (k < 3)
        if edit.pieces > 2:
            hang = hang + np.stack([-0.35 * base[:, 0], 0 * base[:, 0], -0.10 + 0 * base[:, 0]], 1) + sway
        base = base + length[:, None] / edit.pieces * (first if k == 0 else unit(hang))
        path.append(base)
    return np.stack(path, 1)


def _locked(paths: np.ndarray, root: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same strands, leaning together in locks."""
    if len(root) < 2 * STRANDS_OF_LOCK:
        return paths
    guides = rng.choice(len(root), len(root) // STRANDS_OF_LOCK, replace=False)
    distance, lock = cKDTree(root[guides]).query(root)
    share = LEAN * np.clip(1 - distance / LOCK_REACH, 0, 1) * rng.uniform(0.5, 1.2, len(root))
    t = np.linspace(0, 1, paths.shape[1]) ** 1.5
    guide = paths[guides[lock]]
    # Lean towards where the lock's own strand is, root to root apart.
    return paths + (share[:, None] * t)[..., None] * ((guide - paths) * 0.85)


def _clear_of_lips(texture: Texture, at: np.ndarray, along: np.ndarray) -> np.ndarray:
    """How long (S,) strands with roots at atlas positions (S, 2) may be so that none hangs over the lips."""
    block = chart_slice("face")
    lips = (texture.regions["lips"][block] > 0.3).astype(np.uint8)
    free = cv2.distanceTransform(1 - lips, cv2.DIST_L2, 5) / TEXELS if lips.any() else np.full(lips.shape, 9.0, np.float32)
    rows = np.flatnonzero(lips.any(1))
    middle = 0.5 * (rows[0] + rows[-1]) if len(rows) else 0.0
    place = at * ATLAS - [block[1].start, block[0].start]
    on_chart = (place > 0).all(1) & (place < lips.shape[0]).all(1)
    near = np.where(on_chart, sample(free, np.clip(place, 0, lips.shape[0])[None])[0], 9.0)
    above = place[:, 1] < middle
    return np.where(above & on_chart, (LIPS_CLEAR * near + OVER_EDGE) / np.clip(along[:, 1], 0.4, 1), 9.0)


def _before_lips(rig: Rig, paths: np.ndarray) -> np.ndarray:
    """Which strands (S, K + 1, 3) have a point in front of the mouth (S,): lips curve away from where hair was aimed beside them."""
    camera = rig.camera.resized(LIPS_SIDE, LIPS_SIDE)
    lips = polygon(camera.project(rig.vertices[:FACE])[0], LIPS_OUTLINE, LIPS_SIDE)
    points = camera.project(paths.reshape(-1, 3).astype(np.float32))[0].reshape(*paths.shape[:2], 2)
    return np.asarray((sample(lips, points) > 0.8).any(1))


def _tones(color: np.ndarray, count: int, varied: float, rng: np.random.Generator) -> np.ndarray:
    """RGB (count, 3) of strands around a colour (3,), which differ by so much of what those of a beard do."""
    lab = np.tile(to_lab(np.asarray(color, np.float32)[None]), (count, 1))
    lab[:, 0] += varied * VARIED[0] * rng.standard_normal(count)
    # Now and then one is much lighter than the others.
    lab[:, 0] += varied * 14 * (rng.random(count) < 0.06)
    lab[:, 1:] *= 1 + VARIED[1] * rng.standard_normal((count, 1))
    return to_rgb(np.clip(lab, [2, -60, -60], [97, 60, 60]))


def _brightness(texture: Texture, region: np.ndarray) -> np.ndarray:
    """How bright (ATLAS, ATLAS) the skin is, as a share of its mean in the region: the light that falls on hair there."""
    skin = cv2.GaussianBlur(texture.color.mean(-1), (0, 0), 12.0)
    mean = float(np.average(skin, weights=region)) if region.max() > 0 else 1.0
    return np.clip(skin / max(mean, 1e-3), *LIT).astype(np.float32)


def _light(texture: Texture, region: np.ndarray, at: np.ndarray) -> np.ndarray:
    return sample(_brightness(texture, region), at[None] * ATLAS)[0]


def _fine_grain(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Noise (h, w) of deviation 1, drawn out down the chart as hair lies."""
    noise = np.random.default_rng([seed, 1]).standard_normal(shape).astype(np.float32)
    fine = cv2.GaussianBlur(noise, (0, 0), sigmaX=0.6, sigmaY=3.0)
    return fine / max(float(fine.std()), 1e-6)
