"""Gaussians of what the portrait shows: on a grid of its pixels, each on the surface that it is believed to show."""

import cv2
import numpy as np

from ...portrait import Portrait
from ...render.geometry import triangle_normals, unit
from ...rig.rig import Rig
from ...texture.atlas import Texture, sample
from ...texture.belief.pixels import Sightings, side_of_the_head, sightings
from ...texture.belief.surfaces import surfaces
from ...texture.fill_holes import diffuse
from .density import cells, richness
from .depth import depths
from .seed import FLATNESS, GRID_SCALE, Seeds
from .unseen import hidden

FAINTEST = 0.12  # alpha of the portrait up to which a pixel is left out
SURELY_SOLID = 0.9, 0.1  # alpha from which a pixel's colour is the person's alone, and over which fully
OPACITY = 0.05, 0.98  # least and most
MOST_STRETCH = 0.25  # cosine to the view below which a Gaussian is not drawn out any further


def seed_gaussians(portrait: Portrait, rig: Rig, texture: Texture, count: int, seed: int = 0) -> Seeds:
    """All of a portrait's Gaussians: about `count` on what it shows, more if it is rich in detail, plus what hidden surfaces need."""
    return Seeds.concat(
        [shown(portrait, rig, texture, round(count * richness(portrait))), hidden(portrait, rig, texture, np.random.default_rng(seed))]
    )


def shown(portrait: Portrait, rig: Rig, texture: Texture, count: int) -> Seeds:
    """About `count` Gaussians of what the portrait shows."""
    carried = surfaces(portrait, rig, texture)
    xy, side = cells(portrait, (portrait.alpha > FAINTEST) & ~carried.painted, count)
    pixels = np.clip(xy.astype(int), 0, len(portrait.alpha) - 1)
    seen = sightings(carried, pixels, _colors(portrait, xy, side, carried.beyond[pixels[:, 1], pixels[:, 0]]))
    face, bary, point = _on_mesh(seen)
    depth = depths(carried, xy, seen.carrier, seen.beyond)
    outside = seen.beyond | seen.behind
    normal, tangent, facing = _frames(rig, face, point, outside)
    # Surfaces that are badly seen are covered by hidden Gaussians, over which the photo's own must not be drawn out.
    stretch = np.where(seen.badly_seen & ~side_of_the_head(seen), 1.0, 1 / np.clip(facing, MOST_STRETCH, 1))
    world = side * depth / float(rig.camera.K[0, 0])
    scales = world[:, None] * np.stack([GRID_SCALE * stretch, np.full(len(face), GRID_SCALE), np.full(len(face), FLATNESS)], 1)
    opacity = np.clip(sample(portrait.alpha, xy[None])[0], *OPACITY)
    uv = rig.uvs_on(face, bary)
    return Seeds(
        face,
        bary,
        _unproject(rig, xy, depth) - point,
        normal,
        tangent,
        scales,
        seen.color,
        opacity,
        uv,
        outside,
        np.zeros(len(face), bool),
        seen.seen_from_edge,
    ).take(~seen.refused)


def _colors(portrait: Portrait, xy: np.ndarray, side: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Mean colours (N, 3) of cells with these centres (N, 2) and sides (N,); beyond: (N,) bool, which lie beyond the mesh's outline."""
    color = np.empty((len(xy), 3))
    for s in np.unique(side):
        rows = side == s
        color[rows] = sample(cv2.blur(portrait.foreground, (max(1, int(round(s))),) * 2), xy[rows][None])[0]
    # A translucent pixel's colour is a guess, which may be the background's: there what is solid goes on.
    solid = diffuse(portrait.foreground, np.clip((portrait.alpha - SURELY_SOLID[0]) / SURELY_SOLID[1], 0, 1))
    color[beyond] = sample(solid, xy[beyond][None])[0]
    return color


def _on_mesh(seen: Sightings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangle (N,), barycentric coordinates (N, 3) and point (N, 3) on the mesh to which each place is bound."""
    view, rig, at = seen.surfaces.view, seen.surfaces.rig, (seen.carrier[:, 1], seen.carrier[:, 0])
    face, bary = view.triangles[at], view.bary[at].astype(np.float64)
    return face, bary, rig.points_on(face, bary)


def _unproject(rig: Rig, xy: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Points (N, 3) of the head's frame that lie so deep (N,) behind pixels (N, 2)."""
    K = rig.camera.K
    ray = np.stack([(xy[:, 0] - K[0, 2]) / K[0, 0], (xy[:, 1] - K[1, 2]) / K[1, 1], np.ones(len(xy))], 1)
    return rig.camera.to_world(ray * depth[:, None])


def _frames(rig: Rig, face: np.ndarray, point: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How Gaussians lie on triangles (N,) at points (N, 3): normals (N, 3) towards the camera, tangents (N, 3) along which they are drawn
    out so that they cover the slope, and cosines to the view (N,). Strands beside the mesh, outside (N,) bool, face the camera."""
    normal = unit(triangle_normals(rig.vertices[rig.faces[face]].astype(np.float64)))
    view = rig.camera.centre - point
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    facing = (normal * view).sum(1)
    flip = facing < 0
    normal[flip], facing = -normal[flip], np.abs(facing)
    normal[outside], facing[outside] = view[outside], 1.0
    slope = view - facing[:, None] * normal
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    any_tangent = unit(np.cross(normal, [0.0, 1.0, 0.0]))
    return normal, np.where(length > 1e-3, slope / np.maximum(length, 1e-3), any_tangent), facing
