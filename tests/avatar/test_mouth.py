"""What of a photo is lifted from between the lips."""

import numpy as np
import torch

from perse.avatar.seeds.freedom import LEARNT
from perse.avatar.seeds.from_photo import PAINTED, _leave_painted, _visible
from perse.avatar.seeds.seed import MOUTH_PARTS, SEEN
from perse.avatar.seeds.unseen import hidden
from perse.fitting.beginning import begin
from perse.render.mesh import rasterize_ids
from perse.rig.skeleton import PART
from perse.texture.atlas import ATLAS, chart_slice, sample


def test_only_own_teeth_and_throat_carry_pixels(astronaut_portrait, rig, texture):
    lifted = _visible(astronaut_portrait, rig, texture, 20000)
    inside = np.isin(rig.face_part[lifted.face], MOUTH_PARTS)
    assert inside.sum() > 50  # she smiles
    assert sample(texture.seen, lifted.uv[None] * ATLAS)[0][inside].min() > 0.5 * SEEN
    assert (rig.face_part[lifted.face[inside]] == PART["upper_teeth"]).mean() > 0.8


def test_teeth_on_the_lips_rim_are_left_out_and_closed_lips_are_whole(astronaut_portrait, rig, texture, hopper_portrait, hopper_rig):
    ids, bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), rig.camera)
    before = ids.copy()
    _leave_painted(astronaut_portrait, rig, texture, ids, bary)
    rim = (ids == PAINTED) & (before >= 0) & (rig.face_part[before] == PART["face"])
    assert 0 < rim.sum() < 0.1 * (astronaut_portrait.masks["lips"] > 0.5).sum()
    ids, bary = rasterize_ids(hopper_rig.vertices, hopper_rig.faces.astype(np.int32), hopper_rig.camera)
    _leave_painted(hopper_portrait, hopper_rig, texture, ids, bary)  # any texture that shows nothing of a mouth would do
    assert not (ids == PAINTED).any()


def test_painted_ones_close_the_gaps_behind_the_photos_own(astronaut_portrait, rig, texture):
    lifted = hidden(astronaut_portrait, rig, texture, np.random.default_rng(0))
    teeth = rig.face_part[lifted.face] == PART["upper_teeth"]
    own = teeth & (sample(texture.seen, lifted.uv[None] * ATLAS)[0] >= SEEN)
    assert texture.seen[chart_slice("upper_teeth")].max() > 0.9 and own.any()
    assert lifted.offset[own, 2].min() > 0 and np.abs(lifted.offset[teeth & ~own]).max() == 0 and lifted.fixed[own].all()


def test_what_lies_in_the_mouth_has_nothing_to_learn_and_eyeballs_stay_round(astronaut_portrait, rig, texture):
    beginning = begin(astronaut_portrait, rig, texture, [], 6000)
    avatar, free = beginning.avatar, beginning.freedom
    part = torch.from_numpy(rig.face_part[avatar.binding.face.numpy()])
    in_mouth = torch.isin(part, torch.tensor(MOUTH_PARTS))
    assert in_mouth.any() and not any(getattr(free, name)[in_mouth].any() for name in LEARNT)
    index = free.surface.any(1).nonzero()[:, 0]
    normal = free.surface[index]
    of_eyes = torch.isin(part[index], torch.tensor([PART["eye_left"], PART["eye_right"]]))
    assert (part[index[~of_eyes]] == PART["shell"]).all() and of_eyes.sum() > 500
    index, normal = index[of_eyes], normal[of_eyes]
    points = np.einsum("nk,nkc->nc", avatar.binding.bary[index].numpy(), rig.vertices[rig.faces[avatar.binding.face[index].numpy()]])
    away = points - rig.eye_centres[(part[index] == PART["eye_left"]).long().numpy()]
    assert (away * normal.numpy()).sum(1).min() > 0
