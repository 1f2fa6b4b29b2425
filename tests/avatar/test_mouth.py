"""What Gaussians in the mouth and on the eyeballs may learn."""

import numpy as np
import torch

from perse.avatar.seeds.freedom import LEARNT
from perse.fitting.initial_avatar import begin
from perse.rig.skeleton import MOUTH_PARTS, PART


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
