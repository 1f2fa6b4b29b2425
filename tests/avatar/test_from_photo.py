"""Gaussians of what the portrait shows: each hangs on what it shows, and none is a speck to whoever looks from the side."""

import numpy as np

from perse.avatar.seeds.from_photo import shown
from perse.face.landmarks import MOUTH_RING
from perse.rig.skeleton import MOUTH_PARTS, PART
from perse.texture.atlas import ATLAS, sample
from perse.texture.bake import bake
from perse.texture.belief.pixels import HARDLY_SEEN, RIM
from perse.texture.belief.texels import WELL_SEEN


def pixels_of(portrait, rig, seeds):
    """Columns and rows (N,) of the portrait where seeds lie."""
    points = np.einsum("nk,nkc->nc", seeds.bary, rig.vertices[rig.faces[seeds.face]]) + seeds.offset
    return np.clip(rig.camera.project(points)[0].astype(int), 0, len(portrait.alpha) - 1).T


def test_every_gaussian_lies_behind_its_pixel_and_on_its_triangle_or_beside_the_mesh(astronaut_portrait, rig, texture):
    seeds = shown(astronaut_portrait, rig, texture, 8000)
    column, row = pixels_of(astronaut_portrait, rig, seeds)
    assert (astronaut_portrait.alpha[row, column] > 0.05).mean() > 0.99
    on_mesh = ~seeds.outside
    assert on_mesh.mean() > 0.7 and np.quantile(np.linalg.norm(seeds.offset[on_mesh], axis=1), 0.9) < 0.02
    np.testing.assert_allclose(np.linalg.norm(seeds.normal, axis=1), 1, atol=1e-6)
    assert np.abs((seeds.normal * seeds.tangent).sum(1)).max() < 1e-6


def test_no_beads_of_skin_lie_beside_the_mesh(hopper_portrait, hopper_rig):
    """Bare skin ends where the mesh does; hair and cloth do not."""
    portrait, rig = hopper_portrait, hopper_rig
    seeds = shown(portrait, rig, bake(portrait, rig), 20000)
    x, y = pixels_of(portrait, rig, seeds)
    bare = np.maximum(portrait.masks["hair"], portrait.masks["clothes"])[y, x] < 0.05
    carrier = np.einsum("nk,nkc->nc", seeds.bary, rig.vertices[rig.faces[seeds.face]])
    away = np.linalg.norm(seeds.offset, axis=1) * rig.camera.K[0, 0] / rig.camera.to_camera(carrier)[:, 2]
    near = seeds.outside & (away < RIM * rig.camera.K[0, 0] / rig.camera.viewmat[2, 3])
    assert (near & bare).sum() <= 0.2 * (near & ~bare).sum() > 4


def test_no_dots_lie_before_the_side_of_a_cheek(astronaut_portrait, rig, texture):
    """What the photo shows of it from its edge is in the texture's shade; the rest is drawn out until it leaves no gaps."""
    seeds = shown(astronaut_portrait, rig, texture, 8000)
    on_face = (rig.face_part[seeds.face] == PART["face"]) & ~seeds.outside
    seen = sample(texture.seen, seeds.uv[on_face][None] * ATLAS)[0]
    assert on_face.sum() > 1000 and seen.min() > HARDLY_SEEN - 0.02
    slanted, ratio = seen < WELL_SEEN, seeds.scales[on_face, 0] / seeds.scales[on_face, 1]
    assert slanted.sum() > 10 and seeds.held[on_face][slanted].all() and np.median(ratio[slanted]) > 1.5


def test_colours_are_held_along_the_line_between_closed_lips(hopper_portrait, hopper_rig):
    seeds = shown(hopper_portrait, hopper_rig, bake(hopper_portrait, hopper_rig), 8000)
    column, row = pixels_of(hopper_portrait, hopper_rig, seeds)
    ring = hopper_portrait.landmarks[MOUTH_RING, :2]
    away = np.linalg.norm(np.stack([column, row], 1)[:, None] - ring[None], axis=2).min(1) * 512 / len(hopper_portrait.alpha)
    on_face = (hopper_rig.face_part[seeds.face] == PART["face"]) & ~seeds.outside
    assert (on_face & (away < 2)).sum() > 10
    assert seeds.held[on_face & (away < 2)].mean() > 0.9 and seeds.held[on_face & (away > 12)].mean() < 0.05


def test_only_own_teeth_and_throat_carry_pixels(astronaut_portrait, rig, texture):
    seeds = shown(astronaut_portrait, rig, texture, 20000)
    inside = np.isin(rig.face_part[seeds.face], MOUTH_PARTS)
    assert inside.sum() > 50  # she smiles
    assert sample(texture.seen, seeds.uv[None] * ATLAS)[0][inside].min() > 0.5 * WELL_SEEN
    assert (rig.face_part[seeds.face[inside]] == PART["upper_teeth"]).mean() > 0.8
